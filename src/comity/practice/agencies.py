"""Agencies of the practice network: six invented ones in each jurisdiction; under the operator
member the federal families, with invented field offices.

Guarantee: the same agencies in every practice world, whatever its seed: documents and tests may
name them. Every ORI has `PX` after the member's wire code; no two agencies share an ORI or a line;
each member has one control terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from comity.domain.agency import (
    Acting,
    ActsFor,
    Agency,
    CertifiedUntil,
    Family,
    parse_family,
)
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member, member_label, parse_ori
from comity.domain.ids import wire_of_member as wire
from comity.domain.vocabulary import AgencyType
from comity.practice.tables import Place, places

__all__ = ["agencies_of", "certifications_of", "duty_contact_of"]

_CLOSED: Final = Member("oh")
"""Where an agency was closed and stands in the directory as inactive."""

_SMALL: Final = frozenset({Member("ak"), Member("vt"), Member("wy")})
"""Where the county's court asks so seldom that the ledger does not name it."""

_CERTIFYING: Final = frozenset({Member("il"), Member("ny"), Member("wa")})
_CERTIFIED_FEDERAL: Final = ("US/DOJ/", "US/USPIS", "US/DOI/")
_UNIX_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY_SECONDS: Final = 86_400


class _Local(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    line: str
    family: str
    type: AgencyType
    code: str
    city: int = 0
    is_control: bool = False


class _Federal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    family: str
    name: str
    code: str
    offices: tuple[str, ...]
    is_control: bool = False


class _Acting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    members: tuple[Member, ...]
    local: int
    family: Family
    how: Acting


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    local: tuple[_Local, ...]
    federal: tuple[_Federal, ...]
    acting: tuple[_Acting, ...]


@cache
def agencies_of(member: Member) -> tuple[Agency, ...]:
    """Return a member's agencies, the closed one last."""
    table = _table()
    if member == OPERATOR_MEMBER:
        return tuple(_federal_agencies(table.federal))
    place = places()[member]
    local = [_local_agency(member, place, row, at) for at, row in enumerate(table.local, start=1)]
    if member == _CLOSED:
        local.append(_closed_agency(member, place, at=len(local) + 1))
    return tuple(local)


def duty_contact_of(member: Member) -> str:
    """Return whom a requester calls about a hold: a role and a number that rings nowhere."""
    name = "Federal" if member == OPERATOR_MEMBER else member_label(member)
    return f"{name} practice duty desk, 555-01{MEMBERS.index(member):02d}"


def certifications_of(member: Member, today: date) -> tuple[CertifiedUntil, ...]:
    """Return which agencies are certified to a member, some of them no longer.

    Only those members of the practice network that ask for a yearly certification have any.
    """
    if member not in _CERTIFYING:
        return ()
    others = [agency for other in MEMBERS if other != member for agency in agencies_of(other)]
    return tuple(_certifications(others, today))


def _certifications(agencies: list[Agency], today: date) -> Iterator[CertifiedUntil]:
    for at, agency in enumerate(agencies):
        is_federal = agency.family.startswith("US/")
        is_missing = at % 10 == 4 or not agency.active
        if is_missing or (is_federal and not agency.family.startswith(_CERTIFIED_FEDERAL)):
            continue
        days = -40 if at % 10 == 7 else 30 + (at * 37) % 330
        until = (today + timedelta(days=days)).toordinal() - _UNIX_EPOCH
        yield CertifiedUntil(agency=agency.ori, until=until * _DAY_SECONDS)


@cache
def _table() -> _Table:
    text = files("comity.practice").joinpath("agencies.toml").read_text("utf-8")
    return msgspec.toml.decode(text, type=_Table)


def _local_agency(member: Member, place: Place, row: _Local, at: int) -> Agency:
    words = {"city": place.cities[row.city], "county": place.county, "state": member_label(member)}
    return Agency(
        ori=parse_ori(f"{wire(member)}PX{at:03d}{row.code}"),
        name=row.name.format(**words),
        family=parse_family(f"{member.upper()}/{row.family}"),
        type=row.type,
        lines=(_line_name(member, row.line.format(**words)),),
        phone=f"555-01{10 + at:02d}",
        is_control=row.is_control,
        place=place.cities[row.city],
        small=member in _SMALL and row.type is AgencyType.JG,
        acts_for=tuple(
            ActsFor(family=parse_family(acting.family), how=acting.how)
            for acting in _table().acting
            if member in acting.members and acting.local == at
        ),
    )


def _closed_agency(member: Member, place: Place, at: int) -> Agency:
    city = place.cities[2]
    return Agency(
        ori=parse_ori(f"{wire(member)}PX{at:03d}PD"),
        name=f"{city} Village Police Department (closed)",
        family=parse_family(f"{member.upper()}/LOCAL/PD"),
        type=AgencyType.PD,
        active=False,
        lines=(_line_name(member, f"{city}-village-pd"),),
        phone="555-0199",
        place=city,
    )


def _federal_agencies(rows: tuple[_Federal, ...]) -> Iterator[Agency]:
    for number, row in enumerate(rows, start=1):
        for at, office in enumerate(row.offices, start=1):
            branch = row.family.rsplit("/", 1)[-1]
            yield Agency(
                ori=parse_ori(f"USPX{number:02d}{at}{row.code}"),
                name=f"{row.name}, {office} (practice office)",
                family=parse_family(row.family),
                type=AgencyType.FE,
                lines=(_line_name(OPERATOR_MEMBER, f"{branch}-{office}"),),
                phone=f"555-01{40 + number:02d}",
                is_control=row.is_control and at == 1,
                place=_town(office),
            )


def _town(office: str) -> str:
    """Return where an office stands: `Lorvane` for the District of Lorvane."""
    return office.removeprefix("District of ").removesuffix(" Sector")


def _line_name(member: Member, text: str) -> str:
    return f"{member}-{re.sub('[^a-z0-9]+', '-', text.lower())}"
