"""Who answers an exchange once its member's policy has decided, by the key's handling.

Records come from the state's source; the directory, the archive and the announcements answer as
sources too, so that one path decides, records and delivers whatever is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from comity.directory.directory import Directory
from comity.directory.help import help_file_at
from comity.domain.ids import ORI
from comity.domain.keys import Handling, MessageKey, key_row
from comity.domain.query import Exchange
from comity.domain.vocabulary import RecordKind
from comity.exchange.facts import leaves_state
from comity.ports import OWN_LANE, Lookup, Record, Source, SourceError
from comity.services.member import World

__all__ = [
    "ARCHIVE_LANE",
    "HOME_RECORD",
    "OWN_HANDLINGS",
    "Desk",
    "Desks",
    "asks_leave",
    "handling_of",
    "is_own_alone",
]

HOME_RECORD: Final = Record(kind=RecordKind.OTHER, elements=())
"""What a state's own word is on a query that is to leave it: yes, and nothing of anyone in it."""

OWN_HANDLINGS: Final = frozenset({Handling.DIRECTORY, Handling.ARCHIVE, Handling.STATUS})
"""What a member answers to its own agencies alone."""

ARCHIVE_LANE: Final = "archive"
_RECORDS: Final = Handling.RECORDS  # a name of its own is quicker than the enumeration's
_AGENCY: Final = Handling.AGENCY

Found = Record | SourceError | None


def handling_of(key: MessageKey, to: Sequence[ORI]) -> Handling:
    """Return who answers a message: a help file is the directory's, though agencies are written to
    under the same keys.
    """
    handling = key_row(key).handling
    if handling is _AGENCY and help_file_at(to) is not None:
        return Handling.DIRECTORY
    return handling


def asks_leave(directory: Directory, asked: Exchange | Lookup) -> bool:
    """Say whether a state is asked if its own agency's query may leave it, for a federal system."""
    return leaves_state(directory, asked.agency, asked.state, asked.key)


def is_own_alone(key: MessageKey) -> bool:
    """Say whether a key is answered to the member's own agencies alone."""
    return key_row(key).handling in OWN_HANDLINGS


class Desk(Protocol):
    """Who answers messages that are not questions of records, once they are let through."""

    async def find(self, lookups: Sequence[Lookup]) -> list[Found]:
        """Return one result per look-up: text alone, None if there is nothing, or why not now."""
        ...


class Desks:
    """One source for every key: hands each look-up to who answers it."""

    def __init__(self, *, world: World, records: Source, others: Mapping[Handling, Desk]) -> None:
        self._world = world
        self._records = records
        self._others = others

    def lane(self, lookup: Lookup) -> str:
        """Return what a look-up shares its fate with: a search of the archive takes its time."""
        handling = handling_of(lookup.key, lookup.to)
        if handling is _RECORDS and not self._is_home(lookup):
            return self._records.lane(lookup)
        return ARCHIVE_LANE if handling is Handling.ARCHIVE else OWN_LANE

    async def find(self, lookups: Sequence[Lookup]) -> list[Found]:
        """Return one result per look-up, in order."""
        results: list[Found] = [None] * len(lookups)
        groups: dict[Handling, list[int]] = {}
        for place, lookup in enumerate(lookups):
            handling = handling_of(lookup.key, lookup.to)
            if handling is _RECORDS and self._is_home(lookup):
                results[place] = HOME_RECORD
            elif is_own_alone(lookup.key) and not self._is_own(lookup):
                # INVARIANT (fail-closed): nobody else's agency changes or reads what is its own.
                results[place] = SourceError("this is answered to the member's own agencies alone")
            else:
                groups.setdefault(handling, []).append(place)
        for handling, places in groups.items():
            asked = [lookups[place] for place in places]
            for place, found in zip(places, await self._find(handling, asked), strict=True):
                results[place] = found
        return results

    async def _find(self, handling: Handling, lookups: Sequence[Lookup]) -> list[Found]:
        if handling is _RECORDS:
            return await self._records.find(lookups)
        desk = self._others.get(handling)
        if desk is None:
            return [SourceError("nobody here answers this message key")] * len(lookups)
        return await desk.find(lookups)

    def _is_own(self, lookup: Lookup) -> bool:
        return self._world.directory.member_of(lookup.agency) == lookup.state

    def _is_home(self, lookup: Lookup) -> bool:
        return asks_leave(self._world.directory, lookup)
