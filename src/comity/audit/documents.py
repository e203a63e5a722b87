"""The published documents that leaves name by their digest: a policy's bundle, a key event.

Guarantee: a document is taken only if the leaf's digest is of exactly its bytes; a key event only
if it has the one form of the ADR and is of the member whose ledger names it. Written from the ADR
alone, so that a fault in what writes events is not repeated here.
Source: docs/adr/0024-private-records.md, "Documents" and "Key events".
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from comity.audit.findings import EvidenceFormError, Finding, FindingCode
from comity.audit.places import document_path
from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind

__all__ = ["check_document", "read_key_event"]

_EVENT_BYTES_MAX: Final = 4_096
_MONTHS_MAX: Final = 240
_BEYOND_MAX: Final = 8
_SIZE_MAX: Final = 1 << 48
_ORDER: Final = ("v", "member", "event", "reason", "months", "entry", "keep_months", "retired")
_ALWAYS: Final = frozenset({"v", "member", "event", "reason"})
_FURTHER: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "rotated": (frozenset({"months"}),),
    "destroyed": (frozenset({"months"}),),
    "lost": (frozenset({"months"}),),
    "held": (frozenset(), frozenset({"months"})),
    "hold_ended": (frozenset({"entry"}),),
    "scheduled": (frozenset({"keep_months"}),),
    "expunged": (frozenset({"entry"}),),
    "succeeded": (frozenset({"retired"}),),
}
_REASONS: Final = frozenset({
    "retention_schedule", "court_order", "litigation", "record_correction", "key_compromise",
    "key_loss", "storage_failure", "backup_restored", "fork",
})  # fmt: skip
_MONTH: Final = re.compile(r"(?:19[7-9]\d|2\d{3})-(?:0[1-9]|1[0-2])", re.ASCII)
_RETIRED: Final = ("origin", "vkey", "size", "root", "checkpoint", "beyond")


def check_document(
    fetch: Callable[[str], bytes | None], index: int, header: LeafHeader
) -> Finding | None:
    """Return what is wrong with the document of a `policy` or `key` leaf, or None.

    `fetch` returns a document by its path, or None if there is none.
    """
    path = document_path(index)
    data = fetch(path)
    if data is None:
        text = f"leaf {index} names a document, and there is none"
        return Finding(code=FindingCode.DOCUMENT_MISSING, path=path, text=text)
    if sha256(data).digest() != header.digest:
        text = f"not what leaf {index} holds the digest of"
        return Finding(code=FindingCode.DOCUMENT_DIFFERS, path=path, text=text)
    if header.kind is LeafKind.KEY:
        try:
            read_key_event(data, header.member)
        except EvidenceFormError as error:
            return Finding(code=FindingCode.DOCUMENT_MALFORMED, path=path, text=str(error))
    return None


def read_key_event(data: bytes, member: Member) -> dict[str, Any]:
    """Return the fields of a member's key event, as JSON has them. Raises: EvidenceFormError."""
    if len(data) > _EVENT_BYTES_MAX:
        raise EvidenceFormError("`key event` is longer than 4,096 bytes")
    try:
        # Decoded first: the reader would take other encodings too.
        event = json.loads(data.decode())
    except (ValueError, RecursionError):
        raise EvidenceFormError("`key event` is not JSON") from None
    if not isinstance(event, dict) or _canonical(event, _ORDER) != data:
        raise EvidenceFormError("`key event` is not in canonical form")
    if event.get("member") != member:
        raise EvidenceFormError("`member` of a key event is not the one whose ledger names it")
    name = event.get("event")
    kinds = _FURTHER.get(name, ()) if isinstance(name, str) else ()
    if frozenset(event) - _ALWAYS not in kinds or not frozenset(event) >= _ALWAYS:
        raise EvidenceFormError("`event` of a key event has other fields, or is unknown")
    for field, value in event.items():
        if not _HOLDS[field](value, event):
            raise EvidenceFormError(f"`{field}` of a key event is out of its range")
    return event


def _canonical(value: dict[str, Any], names: tuple[str, ...]) -> bytes:
    """Return the one encoding of these fields, or of none where a name is unknown."""
    kept = {name: value[name] for name in names if name in value}
    if len(kept) != len(value):
        return b""
    if isinstance(retired := kept.get("retired"), dict):
        inner = {name: retired[name] for name in _RETIRED if name in retired}
        kept["retired"] = inner if len(inner) == len(retired) else None
    try:
        return json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return b""


def _is_count(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _are_months(value: Any, event: dict[str, Any]) -> bool:
    most = 1 if event["event"] == "rotated" else _MONTHS_MAX
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        return False
    if not all(isinstance(month, str) and _MONTH.fullmatch(month) for month in value):
        return False
    return sorted(set(value)) == value


def _is_own_entry(value: Any, event: dict[str, Any]) -> bool:
    found = (
        re.fullmatch(r"([a-z]{2})/(0|[1-9]\d{0,18})", value, re.ASCII) if _is_text(value) else None
    )
    return found is not None and found[1] == event["member"] and int(found[2]) < 1 << 63


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_retired(value: Any, _: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return False
    beyond = value.get("beyond", None)
    if beyond is None:
        beyond = [] if "beyond" not in value else [None]
    elif beyond == []:
        return False  # what is empty is left out
    if frozenset(value) | {"beyond"} != frozenset(_RETIRED) or not isinstance(beyond, list):
        return False
    texts = (value["origin"], value["vkey"], value["checkpoint"], *beyond)
    return (
        all(map(_is_text, texts))
        and len(beyond) <= _BEYOND_MAX
        and _is_count(value["size"], 1, _SIZE_MAX)
        and _is_hash(value["root"])
    )


def _is_hash(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(
        r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", value
    ):
        return False
    return len(b64decode(value)) == 32


_HOLDS: Final[Mapping[str, Callable[[Any, dict[str, Any]], bool]]] = {
    "v": lambda value, _: _is_count(value, 1, 1),
    "member": lambda value, _: _is_text(value),
    "event": lambda value, _: _is_text(value),
    "reason": lambda value, _: isinstance(value, str) and value in _REASONS,
    "months": _are_months,
    "entry": _is_own_entry,
    "keep_months": lambda value, _: _is_count(value, 1, 1_200),
    "retired": _is_retired,
}
