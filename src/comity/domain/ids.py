"""Ids: members, agencies, queries, exchanges, ledger positions. Each is its own type and is
validated where it enters.

Query and exchange ids are time-ordered (8 bytes of nanoseconds, 8 random bytes), because unordered
ids cost half as much again at five million rows. Source: docs/adr/0002-ids-vocabularies-leaves.md.
"""

from __future__ import annotations

import re
from typing import Final, NewType

from comity.domain.errors import MalformedError
from comity.domain.vocabulary import read_table

__all__ = [
    "MEMBERS",
    "OPERATOR_MEMBER",
    "ORI",
    "ExchangeId",
    "HostName",
    "IdError",
    "LeafIndex",
    "Member",
    "PolicyIndex",
    "QueryId",
    "TreeSize",
    "entry_name",
    "format_id",
    "id_time_ns",
    "ledger_origin",
    "make_id",
    "member_label",
    "member_of_wire",
    "member_zone",
    "parse_entry_name",
    "parse_host_name",
    "parse_id",
    "parse_member",
    "parse_ori",
    "parse_origin",
    "wire_of_member",
]  # fmt: skip

Member = NewType("Member", str)
"""A member's code: a jurisdiction's lower-case postal code, or `us` for the operator member."""

ORI = NewType("ORI", str)
"""An agency's originating agency identifier: nine of A-Z and 0-9."""

HostName = NewType("HostName", str)
"""A gateway host: 1 to 32 of a-z, 0-9 and hyphen, not digits alone (docs/adr/0004)."""

QueryId = NewType("QueryId", bytes)
ExchangeId = NewType("ExchangeId", bytes)
LeafIndex = NewType("LeafIndex", int)
PolicyIndex = NewType("PolicyIndex", int)
TreeSize = NewType("TreeSize", int)


class IdError(MalformedError):
    """An id does not have its form."""

    code = "id-malformed"


_MEMBER_ROWS: Final = read_table("member")
MEMBERS: Final[tuple[Member, ...]] = tuple(Member(code) for code in _MEMBER_ROWS)
OPERATOR_MEMBER: Final = Member("us")
_WIRE_OF: Final = {
    Member(code): str(row.get("wire", code.upper())) for code, row in _MEMBER_ROWS.items()
}
_MEMBER_OF: Final = {wire: code for code, wire in _WIRE_OF.items() if code != OPERATOR_MEMBER}
_ORI_FORM: Final = re.compile(r"[A-Z0-9]{9}")
_HOST_FORM: Final = re.compile(r"(?=.*[a-z-])[a-z0-9-]{1,32}")
_ENTRY_FORM: Final = re.compile(r"([a-z]{2})/(0|[1-9][0-9]{0,18})")
_ORIGIN_FORM: Final = re.compile(r"([a-z]{2})(?:\.([2-9]|[1-9][0-9]{1,3}))?")
_ID_BYTES: Final = 16
_INDEX_MAX: Final = 2**63 - 1


def parse_member(text: str) -> Member:
    """Return a member's code. Raises: IdError if no member has it."""
    if text not in _WIRE_OF:
        raise IdError("`member` is not one of the 54 jurisdictions or the operator")
    return Member(text)


def member_of_wire(code: str) -> Member | None:
    """Return the member that a two-character code of the network stands for, or None."""
    return _MEMBER_OF.get(code)


def wire_of_member(member: Member) -> str:
    """Return the network's own code for a member: upper case, and `NB` for Nebraska."""
    return _WIRE_OF[member]


def member_label(member: Member) -> str:
    """Return the member's name for people."""
    return str(_MEMBER_ROWS[member]["label"])


def member_zone(member: Member) -> str:
    """Return the name of the time zone in which the member's time bands are counted."""
    return str(_MEMBER_ROWS[member]["zone"])


def parse_ori(text: str) -> ORI:
    """Return an agency identifier. Raises: IdError if it is not nine of A-Z and 0-9."""
    if not _ORI_FORM.fullmatch(text):
        raise IdError("`ori` is not nine of A-Z and 0-9")
    return ORI(text)


def parse_host_name(text: str) -> HostName:
    """Return a gateway host's name. Raises: IdError if malformed."""
    if not _HOST_FORM.fullmatch(text):
        raise IdError("`host` is not 1 to 32 of a-z, 0-9 and hyphen, or digits alone")
    return HostName(text)


def make_id(now_ns: int, entropy: bytes) -> bytes:
    """Return a time-ordered id: 8 bytes of nanoseconds since 1970, then 8 random ones."""
    assert len(entropy) == _ID_BYTES - 8
    return now_ns.to_bytes(8, "big") + entropy


def id_time_ns(value: bytes) -> int:
    """Return when an id was made, in nanoseconds since 1970, as its maker's clock had it."""
    return int.from_bytes(value[:8], "big")


def format_id(value: bytes) -> str:
    """Return an id for people and commands: 32 hexadecimal digits."""
    return value.hex()


def parse_id(text: str) -> bytes:
    """Return the 16 bytes of an id written by `format_id`. Raises: IdError."""
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise IdError("`id` is not hexadecimal") from None
    if len(value) != _ID_BYTES or text != value.hex():
        raise IdError("`id` is not 32 lower-case hexadecimal digits")
    return value


def entry_name(member: Member, index: int) -> str:
    """Return how a leaf is cited: `wa/123`."""
    return f"{member}/{index}"


def parse_entry_name(text: str) -> tuple[Member, LeafIndex]:
    """Return the ledger and index that a citation names. Raises: IdError."""
    found = _ENTRY_FORM.fullmatch(text)
    if found is None or int(found[2]) > _INDEX_MAX:
        raise IdError("`entry` is not `<member>/<index>`")
    return parse_member(found[1]), LeafIndex(int(found[2]))


def ledger_origin(domain: str, member: Member, number: int = 1) -> str:
    """Return a ledger's origin line and key name: `ledger.<domain>/<st>`.

    `number` counts a member's ledgers: a successor is `ledger.<domain>/<st>.2`, then `.3`.
    """
    return f"ledger.{domain}/{member}" + (f".{number}" if number > 1 else "")


def parse_origin(origin: str) -> tuple[Member, int]:
    """Return whose ledger an origin names, and which of the member's it is, counted from 1.

    Raises: IdError. Source: docs/adr/0026-succession.md.
    """
    found = _ORIGIN_FORM.fullmatch(origin.rpartition("/")[2])
    if found is None or "/" not in origin:
        raise IdError("`origin` does not end in a member, or a member and a number from 2 on")
    return parse_member(found[1]), int(found[2] or 1)
