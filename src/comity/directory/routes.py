"""Routes: what a destination code of the network stands for.

Guarantee: codes are data (`routes.toml`), checked when this module is imported; a code that is not
in it is unknown.
Source: docs/adr/0010-directory-parts.md, "Routes".
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from importlib.resources import files
from typing import Final

import msgspec

from comity.domain.ids import (
    MEMBERS,
    OPERATOR_MEMBER,
    Member,
    member_of_wire,
    parse_member,
)

__all__ = ["Destination", "RouteKind", "RouteRow", "region_table", "resolve_code", "special_table"]

_WIRE_CHARS: Final = 2
_ORI_CHARS: Final = 9


class RouteKind(StrEnum):
    """What a destination stands for."""

    MEMBER = "member"
    AGENCY = "agency"
    REGION = "region"
    NETWORK = "network"
    SPECIAL = "special"


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A destination as written, and the members behind it, in order.

    One for a member or an agency; several for a region or the whole network, each of which becomes
    an exchange of its own; for a special code the members that serve it, if any.
    """

    kind: RouteKind
    code: str
    members: tuple[Member, ...]


class RouteRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `routes.toml` says of one code. `practice` marks what stands in for unknown data."""

    label: str
    members: tuple[str, ...] = ()
    practice: bool = False


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    network: dict[str, RouteRow]
    special: dict[str, RouteRow]
    region: dict[str, RouteRow]
    generic: dict[str, RouteRow]


def _read_table() -> _Table:
    text = files("comity.directory").joinpath("routes.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Table)


_TABLE: Final = _read_table()
_JURISDICTIONS: Final = tuple(member for member in MEMBERS if member != OPERATOR_MEMBER)


def _destinations() -> dict[str, Destination]:
    kinds = (
        (RouteKind.NETWORK, _TABLE.network),
        (RouteKind.SPECIAL, _TABLE.special),
        (RouteKind.REGION, _TABLE.region),
    )
    found: dict[str, Destination] = {}
    for kind, rows in kinds:
        for code, row in rows.items():
            named = tuple(parse_member(text) for text in row.members)
            members = _JURISDICTIONS if kind is RouteKind.NETWORK else named
            assert code not in found
            assert member_of_wire(code) is None
            found[code] = Destination(kind=kind, code=code, members=members)
    return found


_DESTINATIONS: Final = _destinations()


def region_table() -> dict[str, RouteRow]:
    """Return the regions as the data has them; every one is practice data so far."""
    return dict(_TABLE.region)


def special_table() -> dict[str, RouteRow]:
    """Return the special codes as the data has them."""
    return dict(_TABLE.special)


def resolve_code(code: str) -> Destination | None:
    """Return what a code stands for by the network's own tables, or None.

    A generic agency identifier (`TXLIC0000`) stands for that member's records.
    """
    if len(code) == _ORI_CHARS and code[_WIRE_CHARS:] in _TABLE.generic:
        member = member_of_wire(code[:_WIRE_CHARS])
    else:
        member = member_of_wire(code)
    if member is not None:
        return Destination(kind=RouteKind.MEMBER, code=code, members=(member,))
    return _DESTINATIONS.get(code)
