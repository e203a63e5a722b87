"""The public header of a ledger leaf: the bytes that are hashed, and nothing that names a person.

A leaf is compact UTF-8 JSON of the fields below, in their order, absent ones left out, at most
1,024 bytes. The stored bytes are what is hashed; they are never serialised again. `parse_leaf`
accepts exactly what `encode_leaf` produces.

# INVARIANT (public-bytes-hold-no-person): no field here can hold a name, number, plate, operator or
# exact time; free text has no place in a header, and every value is of a closed vocabulary or of a
# fixed form.

Source: docs/adr/0002-ids-vocabularies-leaves.md.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.ids import MEMBERS, Member, parse_entry_name
from comity.domain.keys import KEYS
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
    Offence,
    Purpose,
)

__all__ = [
    "LEAF_BYTES_MAX",
    "SEALED",
    "LeafError",
    "LeafHeader",
    "encode_leaf",
    "parse_leaf",
    "small_agency",
]

LEAF_BYTES_MAX: Final = 1024
SEALED: Final = "sealed"
_COMMITMENT_BYTES: Final = 32
_AGENCY_FORM: Final = re.compile(rf"[A-Z0-9]{{9}}|sealed|small:(?:{'|'.join(MEMBERS)})")
_HOUR_MAX: Final = 1 << 24
_INDEX_MAX: Final = 1 << 63
_FAN_OUT_MAX: Final = 64


class LeafError(MalformedError):
    """Bytes are not a leaf of version 1."""

    code = "leaf-malformed"


class LeafHeader(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
    rename={
        "version": "v", "kind": "k", "mode": "m", "hour": "h", "member": "st", "agency": "ag",
        "key": "mk", "purpose": "pu", "offence": "of", "instrument": "in", "released": "cl",
        "withheld": "wh", "decision": "de", "result": "rs", "policy": "po", "peer": "pe", "fan_out":
        "fo", "cites": "re", "digest": "dg", "commitment": "c",
    },
):  # fmt: skip
    """One leaf's public header; which fields a kind has is in `_FIELDS`.

    `hour` counts hours since 1970-01-01T00Z. `agency` is an ORI, `sealed`, or `small:xx` (an agency
    below the member's publication threshold). `result` is `record` or `none`. `policy` is the index
    of the `policy` leaf in force. `peer` and `cites` are citations `<member>/<index>`. `digest` (32
    bytes) is of a public document; `commitment` (32 bytes) hides the private record. Both are
    base64 in the bytes.
    """

    version: int
    kind: LeafKind
    mode: LeafMode
    hour: int
    member: Member
    agency: str | None = None
    key: str | None = None
    purpose: str | None = None
    offence: str | None = None
    instrument: Instrument | None = None
    released: tuple[DataClass, ...] | None = None
    withheld: tuple[DataClass, ...] | None = None
    decision: LeafDecision | None = None
    result: str | None = None
    policy: int | None = None
    peer: str | None = None
    fan_out: int | None = None
    cites: str | None = None
    digest: bytes | None = None
    commitment: bytes = b""


class _Fields(NamedTuple):
    """Which optional fields a kind must and may have, and which decisions it may carry."""

    must: frozenset[str]
    may: frozenset[str] = frozenset()
    decisions: frozenset[LeafDecision] = frozenset()


def _fields(must: str, may: str = "", *decisions: LeafDecision) -> _Fields:
    return _Fields(frozenset(must.split()), frozenset(may.split()), frozenset(decisions))


_ASKED: Final = "agency key purpose offence instrument"
_FIELDS: Final[dict[LeafKind, _Fields]] = {
    LeafKind.QUERY: _fields(f"{_ASKED} fan_out", "policy"),
    LeafKind.DISCLOSURE: _fields(
        f"{_ASKED} released withheld decision result policy peer", "cites", LeafDecision.RELEASE
    ),
    LeafKind.DENIAL: _fields(f"{_ASKED} withheld decision policy peer", "cites", LeafDecision.DENY),
    LeafKind.HOLD: _fields(f"{_ASKED} withheld decision policy peer", "cites", LeafDecision.HOLD),
    LeafKind.VERDICT: _fields(
        "released withheld decision cites", "policy",
        LeafDecision.APPROVE, LeafDecision.REFUSE, LeafDecision.ASK, LeafDecision.ESCALATE,
    ),
    LeafKind.CLOSURE: _fields(
        "decision cites", "withheld", LeafDecision.EXPIRED, LeafDecision.UNDELIVERABLE
    ),
    LeafKind.PASS: _fields("agency released", "purpose offence cites"),
    LeafKind.POLICY: _fields("digest", "cites"),
    LeafKind.DIRECTORY: _fields("digest", "cites"),
    LeafKind.INSTRUMENT: _fields("instrument", "agency cites"),
    LeafKind.CERTIFICATION: _fields("agency", "cites"),
    LeafKind.NOTICE: _fields("cites"),
    LeafKind.ACCESS: _fields("", "cites released"),
    LeafKind.REVEAL: _fields("cites", "agency purpose offence"),
    LeafKind.CORRECTION: _fields("cites", "agency purpose offence instrument"),
    LeafKind.REDACTION: _fields("cites", ""),
    LeafKind.KEY: _fields("digest", "cites"),
    LeafKind.COUNTS: _fields("digest", "cites"),
}  # fmt: skip
_ALWAYS: Final = frozenset({"version", "kind", "mode", "hour", "member", "commitment"})
_OPTIONAL: Final = tuple(f for f in LeafHeader.__struct_fields__ if f not in _ALWAYS)
_CLASS_ORDER: Final = {value: place for place, value in enumerate(DataClass)}
_PURPOSES: Final = frozenset({*Purpose, SEALED})
_OFFENCES: Final = frozenset({*Offence, SEALED})

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(LeafHeader)


def small_agency(member: Member) -> str:
    """Return what stands for an agency below its member's publication threshold."""
    return f"small:{member}"


def encode_leaf(header: LeafHeader) -> bytes:
    """Return a leaf's bytes; callers build only headers that `parse_leaf` accepts."""
    return _encoder.encode(header)


def parse_leaf(data: bytes) -> LeafHeader:
    """Return the header that these bytes are.

    Raises: LeafError for anything that `encode_leaf` would not have written: an unknown field or
    value, another order or spacing, a field that the kind may not have, more than 1,024 bytes.
    """
    if len(data) > LEAF_BYTES_MAX:
        raise LeafError("leaf is longer than 1,024 bytes")
    try:
        header = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise LeafError("leaf is not a header of version 1") from None
    _check_values(header)
    _check_kind(header)
    if encode_leaf(header) != data:
        raise LeafError("leaf is not in canonical form")
    return header


def _check_kind(header: LeafHeader) -> None:
    fields = _FIELDS[header.kind]
    for name in _OPTIONAL:
        present = getattr(header, name) is not None
        if present and name not in fields.must and name not in fields.may:
            raise LeafError(f"leaf kind `{header.kind}` has no field `{name}`")
        if not present and name in fields.must:
            raise LeafError(f"leaf kind `{header.kind}` needs field `{name}`")
    if header.decision is not None and header.decision not in fields.decisions:
        raise LeafError(f"leaf kind `{header.kind}` cannot carry that `decision`")


def _check_values(header: LeafHeader) -> None:
    checks = (
        ("version", header.version == 1),
        ("hour", 0 <= header.hour < _HOUR_MAX),
        ("member", header.member in MEMBERS),
        ("agency", header.agency is None or bool(_AGENCY_FORM.fullmatch(header.agency))),
        ("key", header.key is None or header.key in KEYS),
        ("purpose", header.purpose is None or header.purpose in _PURPOSES),
        ("offence", header.offence is None or header.offence in _OFFENCES),
        ("released", _is_ordered(header.released)),
        ("withheld", _is_ordered(header.withheld) and not _overlap(header)),
        ("result", header.result in (None, "record") or _is_no_record(header)),
        ("policy", header.policy is None or 0 <= header.policy < _INDEX_MAX),
        ("peer", _is_citation(header.peer)),
        ("fan_out", header.fan_out is None or 1 <= header.fan_out <= _FAN_OUT_MAX),
        ("cites", _is_citation(header.cites)),
        ("digest", header.digest is None or len(header.digest) == _COMMITMENT_BYTES),
        ("commitment", len(header.commitment) == _COMMITMENT_BYTES),
    )
    for name, holds in checks:
        if not holds:
            raise LeafError(f"leaf field `{name}` is out of its range")


def _is_no_record(header: LeafHeader) -> bool:
    """Say whether the result is that there is no record, of which nothing was released."""
    return header.result == "none" and not header.released


def _is_ordered(classes: tuple[DataClass, ...] | None) -> bool:
    if classes is None:
        return True
    places = [_CLASS_ORDER[c] for c in classes]
    return all(a < b for a, b in pairwise(places))


def _overlap(header: LeafHeader) -> bool:
    return bool(set(header.released or ()) & set(header.withheld or ()))


def _is_citation(text: str | None) -> bool:
    if text is None:
        return True
    try:
        parse_entry_name(text)
    except MalformedError:
        return False
    return True
