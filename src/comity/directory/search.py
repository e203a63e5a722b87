"""Finding agencies: one by its identifier, several by the place that they stand in.

Guarantee: what is found is what the directory lists now; by place only active agencies are found,
in the order of place, member and identifier, so that every member answers a question alike.
Source: docs/adr/0018-directory-messages.md, "Queries".
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.directory.edit import agency_type_of
from comity.directory.errors import DirectoryFieldError
from comity.directory.limits import PLACE_CHARS_MAX, PLACE_CHARS_MIN, SEARCH_SHOWN_MAX
from comity.domain.agency import Agency
from comity.domain.ids import OPERATOR_MEMBER, ORI, Member, member_of_wire, wire_of_member
from comity.domain.vocabulary import AgencyType

__all__ = ["AgencyIndex", "AgencySearch", "Listing", "Listings", "parse_search", "place_key"]

_PREFIXES: Final = frozenset({"ORI", "LOC", "TYP", "STA"})
_LAST: Final = "\U0010ffff"


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """An agency and the member that lists it."""

    member: Member
    agency: Agency


class Listings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: the first ones, and how many more there are."""

    shown: tuple[Listing, ...]
    more: int = 0


class AgencySearch(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for: an identifier alone, or a place with what narrows it."""

    ori: ORI | None = None
    place: str = ""
    type: AgencyType | None = None
    member: Member | None = None


def place_key(text: str) -> str:
    """Return the form in which places are compared: upper case, one space between words."""
    return " ".join(text.upper().split())


def parse_search(fields: tuple[tuple[str, str], ...]) -> AgencySearch:
    """Return what a query's fields look for. Raises: DirectoryFieldError."""
    said = dict(fields)
    if len(said) != len(fields) or not said.keys() <= _PREFIXES:
        raise DirectoryFieldError("a field stands twice or is not one of this key's")
    if "ORI" in said:
        if len(said) > 1:
            raise DirectoryFieldError("`ORI` stands alone")
        return AgencySearch(ori=ORI(said["ORI"]))
    place = place_key(said.get("LOC", ""))
    if not PLACE_CHARS_MIN <= len(place) <= PLACE_CHARS_MAX:
        raise DirectoryFieldError(f"`LOC` is not {PLACE_CHARS_MIN} to {PLACE_CHARS_MAX} characters")
    kind = agency_type_of(said["TYP"]) if "TYP" in said else None
    if "TYP" in said and kind is None:
        raise DirectoryFieldError("`TYP` is not one of its codes")
    member = _member(said["STA"]) if "STA" in said else None
    if "STA" in said and member is None:
        raise DirectoryFieldError("`STA` is no state of this network")
    return AgencySearch(place=place, type=kind, member=member)


def _member(code: str) -> Member | None:
    return OPERATOR_MEMBER if code == wire_of_member(OPERATOR_MEMBER) else member_of_wire(code)


class AgencyIndex:
    """A directory's agencies in the order of their places; made once for a directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        listings = [
            Listing(member=member, agency=agency)
            for member in directory.members()
            if (part := directory.part(member)) is not None
            for agency in part.agencies
            if agency.place and agency.active
        ]
        rows = sorted((_sort_key(listing), listing) for listing in listings)
        self._keys = [key for key, _ in rows]
        self._listings = [listing for _, listing in rows]

    @property
    def directory(self) -> Directory:
        """The directory that this is the index of."""
        return self._directory

    def find(self, wanted: AgencySearch, shown_max: int = SEARCH_SHOWN_MAX) -> Listings:
        """Return the agencies looked for: by identifier active or not, by place active ones.

        A place is found by how it begins; one of exactly that name comes before longer ones.
        """
        if wanted.ori is not None:
            return self._by_ori(wanted.ori)
        start = bisect_left(self._keys, (wanted.place, "", ""))
        end = bisect_left(self._keys, (wanted.place + _LAST, "", ""))
        met = [
            listing
            for listing in self._listings[start:end]
            if wanted.type in {None, listing.agency.type}
            and wanted.member in {None, listing.member}
        ]
        return Listings(shown=tuple(met[:shown_max]), more=max(0, len(met) - shown_max))

    def _by_ori(self, ori: ORI) -> Listings:
        agency, member = self._directory.agency(ori), self._directory.member_of(ori)
        if agency is None or member is None:
            return Listings(shown=())
        return Listings(shown=(Listing(member=member, agency=agency),))


def _sort_key(listing: Listing) -> tuple[str, str, str]:
    return place_key(listing.agency.place), listing.member, listing.agency.ori
