"""A public-records export as one ZIP: public leaves, openings, every redaction with its ground.

Guarantee: a function of its arguments alone; each leaf has a row in the redaction log for what of
it is not shown; no cell is a formula.
INVARIANT (public-bytes-hold-no-person): a row holds the leaf's public header and nothing else.
Source: docs/adr/0044-legal-desk.md, "Decision: public-records exports".
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.cells import safe_cell
from comity.domain.ids import Member, entry_name, member_label
from comity.domain.leaf import SEALED, LeafHeader
from comity.domain.said import utc
from comity.domain.vocabulary import LeafKind
from comity.exchange.leaves import HOUR_SECONDS
from comity.ledger.commitment import encode_opening
from comity.services.openings import Opened
from comity.services.public_records import Collected

__all__ = [
    "AUTHORITIES",
    "OPENABLE_FIELDS",
    "OPENABLE_KINDS",
    "ExportFacts",
    "Ground",
    "export_zip",
]


class Ground(StrEnum):
    """Why something is not shown; closed."""

    PERSON = "person"
    INVESTIGATION = "investigation"
    LINKAGE = "linkage"
    NOT_DISCLOSED = "not_disclosed"
    STAFF = "staff"
    DELAYED = "delayed"
    SMALL_AGENCY = "small_agency"
    WITHDRAWN = "withdrawn"
    RECORD_GONE = "record_gone"


AUTHORITIES: Final = {
    Ground.PERSON: "18 USC 2721: personal information of a motor-vehicle record",
    Ground.INVESTIGATION: "names a case or a paper of an agency that asked",
    Ground.LINKAGE: "numbers and exact times by which records of persons could be joined",
    Ground.NOT_DISCLOSED: "the state did not decide to disclose it",
    Ground.STAFF: "names of state employees, and notes of their work",
}
"""The grounds whose authority counsel states, with what stands in the form before."""
_FIXED: Final = {
    Ground.DELAYED: "the state's published rules show it later, by a `reveal` leaf",
    Ground.SMALL_AGENCY: "an agency below its member's publication threshold",
    Ground.WITHDRAWN: "withdrawn by a `redaction` leaf of the ledger",
    Ground.RECORD_GONE: "its key is destroyed, or it was expunged",
}
OPENABLE_KINDS: Final = frozenset(
    {LeafKind.QUERY, LeafKind.DISCLOSURE, LeafKind.DENIAL, LeafKind.HOLD}
)
"""Leaves of which a field may be disclosed; what stands behind them is `exchange/1`."""
OPENABLE_FIELDS: Final = ("elements", "rules", "assurance")
"""Fields that name nobody: names of what was released, the rules, how sure the asker is known."""
_GROUPS: Final = (
    (Ground.PERSON, ("operator", "search")),
    (Ground.INVESTIGATION, ("case", "instrument")),
    (Ground.LINKAGE, ("exchange", "query", "payload", "accepted_at")),
    (Ground.NOT_DISCLOSED, OPENABLE_FIELDS),
)
_PRIVATE: Final = "private record"
_LEAF_COLUMNS: Final = (
    "entry", "hour", "kind", "mode", "agency", "message_key", "purpose", "offence", "instrument",
    "released", "withheld", "decision", "result", "policy", "fan_out", "peer", "cites",
)  # fmt: skip
_REDACTION_COLUMNS: Final = ("entry", "not_shown", "ground", "authority")


class ExportFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an export says of itself.

    `first_day` and `last_day` as in `2026-03-14`, `zone` whose days they are; `authorities` by
    ground; `opened` by entry, with the `proofs` of their leaves (tlog-proof) where there are any,
    `gone` the entries whose record could not be opened. `checkpoint` is the signed note over `size`
    leaves with `root`; empty where none is signed. `at` is Unix seconds.
    """

    member: Member
    reference: str
    first_day: str
    last_day: str
    zone: str
    kinds: tuple[LeafKind, ...]
    authorities: Mapping[Ground, str]
    opened: Mapping[str, Opened]
    proofs: Mapping[str, bytes]
    gone: Sequence[str]
    checkpoint: bytes
    origin: str
    size: int
    root: bytes
    practice: bool
    at: int


def export_zip(collected: Collected, facts: ExportFacts) -> bytes:
    """Return the export; takes the processor for a while."""
    files = {
        "leaves.csv": _table(_LEAF_COLUMNS, _leaf_rows(collected, facts.member)),
        "redactions.csv": _table(_REDACTION_COLUMNS, _redactions(collected, facts)),
    }
    if facts.checkpoint:
        files["checkpoint"] = facts.checkpoint
    for entry, opened in facts.opened.items():
        name = entry.replace("/", "-")
        files[f"openings/{name}.opening"] = encode_opening(opened.opening)
        files[f"openings/{name}.leaf"] = opened.leaf
        if entry in facts.proofs:
            files[f"openings/{name}.tlog-proof"] = facts.proofs[entry]
    files["README.txt"] = _readme(collected, facts)
    files["about.json"] = _about(collected, facts, files)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, utc(facts.at).timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)
    return made.getvalue()


def _leaf_rows(collected: Collected, member: Member) -> Iterable[tuple[str, ...]]:
    for leaf in collected.leaves:
        header = leaf.header
        yield (
            entry_name(member, leaf.index),
            f"{utc(header.hour * HOUR_SECONDS):%Y-%m-%dT%H:00Z}",
            header.kind,
            header.mode,
            header.agency or "",
            header.key or "",
            header.purpose or "",
            header.offence or "",
            header.instrument or "",
            " ".join(header.released or ()),
            " ".join(header.withheld or ()),
            header.decision or "",
            header.result or "",
            "" if header.policy is None else entry_name(member, header.policy),
            "" if header.fan_out is None else str(header.fan_out),
            header.peer or "",
            header.cites or "",
        )


def _redactions(collected: Collected, facts: ExportFacts) -> Iterable[tuple[str, ...]]:
    said = {**facts.authorities, **_FIXED}
    gone = frozenset(facts.gone)
    for leaf in collected.leaves:
        entry = entry_name(facts.member, leaf.index)
        opened = facts.opened.get(entry)
        shown = frozenset(opened.opening.values()) if opened is not None else frozenset()
        for ground, fields in _not_shown(leaf.header, shown, is_gone=entry in gone):
            yield entry, " ".join(fields), ground, said[ground]
    for index in collected.withdrawn:
        ground = Ground.WITHDRAWN
        yield entry_name(facts.member, index), "leaf", ground, said[ground]


def _not_shown(
    header: LeafHeader, shown: frozenset[str], *, is_gone: bool
) -> Iterable[tuple[Ground, tuple[str, ...]]]:
    asked = (("agency", header.agency), ("purpose", header.purpose), ("offence", header.offence))
    delayed = tuple(name for name, value in asked if value == SEALED)
    if delayed:
        yield Ground.DELAYED, delayed
    if (header.agency or "").startswith("small:"):
        yield Ground.SMALL_AGENCY, ("agency",)
    if header.kind not in OPENABLE_KINDS:
        yield Ground.STAFF, (_PRIVATE,)
        return
    for ground, fields in _GROUPS:
        left = tuple(name for name in fields if name not in shown)
        if left and ground is Ground.NOT_DISCLOSED and is_gone:
            yield Ground.RECORD_GONE, left
        elif left:
            yield ground, left


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def _about(collected: Collected, facts: ExportFacts, files: Mapping[str, bytes]) -> bytes:
    document = {
        "state": facts.member,
        "practice": facts.practice,
        "reference": facts.reference,
        "first_day": facts.first_day,
        "last_day": facts.last_day,
        "days_of": facts.zone,
        "kinds": list(facts.kinds),
        "leaves": len(collected.leaves),
        "read_from": collected.first,
        "read_beyond": collected.beyond,
        "ledger": {"origin": facts.origin, "size": facts.size, "root": facts.root.hex()},
        "openings": [
            {
                "entry": entry,
                "fields": list(opened.opening.values()),
                "recorded_as": opened.access_entry,
            }
            for entry, opened in facts.opened.items()
        ],
        "grounds": {**facts.authorities, **_FIXED},
        "sha256": {name: sha256(data).hexdigest() for name, data in files.items()},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _readme(collected: Collected, facts: ExportFacts) -> bytes:
    label = member_label(facts.member)
    days = f"{facts.first_day} to {facts.last_day}, days of {facts.zone}"
    lines = [
        f"{len(collected.leaves):,} public leaves of the ledger of {label}, {days}.",
        f"Reference: {facts.reference}",
        *(["PRACTICE DATA: nothing here is about real people or agencies."] * facts.practice),
        "",
        "leaves.csv      what the public ledger says of each, one a row; hours are UTC",
        "redactions.csv  what is not shown of each, on which ground and by which authority",
        "openings/       fields that the state discloses: opening, leaf and proof of each",
        "about.json      what was asked for, the ledger's size and root, SHA-256 of each file",
        "checkpoint      the ledger's signed checkpoint over that root",
        "",
        "No person's record, search, operator or case number is in here, for nobody. An apostrophe",
        "stands before a cell that a spreadsheet would take for a formula.",
        "",
        f"Check a leaf:     comity ledger prove {facts.member}/N --from LEDGER --vkey KEY",
        "Check an opening: comity ledger verify FILE.opening FILE.tlog-proof --vkey KEY",
        "LEDGER is a copy of the state's public ledger, KEY its public key, from the state itself.",
        "",
    ]
    return "\r\n".join(lines).encode()
