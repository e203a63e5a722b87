"""The archive's desk: answers NLQ and NFQ from the sender's own member's traffic, as a source does.

    1. who asks is looked up in the directory; what it may not find is dropped, or nothing is done
    2. the search waits its turn: one at a time on a host, a few rows at a time, with rests between
    3. whoever asks is answered when it is done; one that is not done soon goes on, its asker is
       told that the source did not answer yet, asks again as after any such word, and is answered

INVARIANT (fail-closed): what cannot be opened, or is not the agency's to see, is not in the answer.
Nothing is answered here that was not decided before: the member's policy stands in front of it.
Source: docs/adr/0019-archive.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from comity.domain.errors import ComityError, MalformedError
from comity.domain.ids import Member, id_time_ns
from comity.domain.keys import KEYS, OTHER_KEY, MessageKey
from comity.domain.vocabulary import RecordKind
from comity.exchange.archive import (
    Access,
    ArchiveItem,
    ArchiveSearch,
    Found,
    matcher_of,
    parse_references,
    parse_search,
    reference_name,
    render_full,
    render_list,
    render_refusal,
)
from comity.ports import Clock, LedgerRows, Lookup, Record, SourceError, Store
from comity.services.events import Events
from comity.services.member import World
from comity.services.traffic import Traffic
from comity.services.vault import Vault

__all__ = [
    "KEPT_SECONDS_MAX",
    "LIST_KEY",
    "SEARCHED_ROWS_MAX",
    "SEARCHES_MAX",
    "TEXT_KEY",
    "TURN_ROWS_MAX",
    "WAIT_SECONDS_MAX",
    "ArchiveDesk",
    "ArchiveRefusedError",
]

LIST_KEY: Final = MessageKey("NLQ")
TEXT_KEY: Final = MessageKey("NFQ")

SEARCHED_ROWS_MAX: Final = 200_000
"""Rows that one search reads; what it has not reached by then it says, and how to go on."""

SEARCHES_MAX: Final = 64
"""Searches of a host that wait, run, or are done and not fetched yet; beyond it, ask again."""

TURN_ROWS_MAX: Final = 32
"""Rows that a search opens before everyone else on the host has had a turn."""

WAIT_SECONDS_MAX: Final = 0.1
"""How long whoever asks waits; a longer search goes on, and is fetched when it is asked again."""

KEPT_SECONDS_MAX: Final = 300
"""How long what a search found is kept for its asker, in memory alone."""

_REST_SECONDS: Final = 0.004
_NS: Final = 1_000_000_000
_LISTED_KEYS: Final = tuple(key for key in KEYS if key != OTHER_KEY)


class ArchiveRefusedError(ComityError):
    """An agency may not search the archive for this."""

    code = "archive-refused"


class _Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a search came to, and when (Unix seconds)."""

    result: Record | SourceError | None
    at: int


class ArchiveDesk:
    """A source of text: what one host's members have sent and been delivered.

    `_searches` are those that wait, run, or are done and not fetched: `find` begins and takes them.
    """

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        rows: LedgerRows | None = None,
        vault: Vault,
        clock: Clock,
        events: Events,
        wait_s: float = WAIT_SECONDS_MAX,
        rest_s: float = _REST_SECONDS,
    ) -> None:
        self._world = world
        self._traffic = Traffic(store=store, rows=rows, vault=vault)
        self._clock = clock
        self._events = events
        self._wait_s = wait_s
        self._rest_s = rest_s
        self._turn = asyncio.Lock()
        self._searches: dict[Lookup, asyncio.Task[_Done]] = {}

    async def close(self) -> None:
        """End every search; whoever asked asks again."""
        tasks = list(self._searches.values())
        self._searches.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | SourceError | None]:
        """Return one result per archive message: text, None if there is nothing, or not yet."""
        self._forget()
        for lookup in lookups:
            if lookup not in self._searches and len(self._searches) < SEARCHES_MAX:
                work = self._answer(lookup)
                self._searches[lookup] = asyncio.get_running_loop().create_task(work)
        tasks = {self._searches[lookup] for lookup in lookups if lookup in self._searches}
        if tasks:
            await asyncio.wait(tasks, timeout=self._wait_s)
        return [self._take(lookup) for lookup in lookups]

    def _take(self, lookup: Lookup) -> Record | SourceError | None:
        task = self._searches.get(lookup)
        if task is None:
            return SourceError("the archive has too many searches in hand")
        if not task.done():
            return SourceError("the archive is still being searched")
        # One message, one answer: the same search sent again is made again.
        del self._searches[lookup]
        return task.result().result

    def _forget(self) -> None:
        """Let go of what nobody came back for: it holds messages, and goes stale."""
        now = self._now()
        for lookup, task in list(self._searches.items()):
            if task.done() and now - task.result().at > KEPT_SECONDS_MAX:
                del self._searches[lookup]

    def _now(self) -> int:
        return self._clock.now_ns() // _NS

    async def _answer(self, lookup: Lookup) -> _Done:
        async with self._turn:
            try:
                text = await self._text(lookup)
            except Exception as error:  # noqa: BLE001 - one search must not stop the others
                self._events.failure("archive_not_searched", error, member=lookup.state)
                fault = SourceError("the archive cannot be read")
                return _Done(result=fault, at=self._now())
        self._events.note("archive_searched")
        return _Done(result=None if text is None else _record(text), at=self._now())

    async def _text(self, lookup: Lookup) -> str | None:
        """Return what the archive says, None if there is nothing to say. Raises: StoreDownError."""
        try:
            access = self._access(lookup)
            if lookup.key == TEXT_KEY:
                return await self._full(lookup, access)
            search, dropped = _authorised(parse_search(lookup.fields), access)
        except (MalformedError, ArchiveRefusedError) as error:
            return render_refusal(error)
        found = await self._list(lookup.state, access, search)
        found.dropped = tuple(dropped)
        return None if found.says_nothing else render_list(search, found)

    def _access(self, lookup: Lookup) -> Access:
        if lookup.key not in {LIST_KEY, TEXT_KEY}:
            raise ArchiveRefusedError("`key` is no message to the archive")
        directory = self._world.directory
        agency = directory.agency(lookup.agency)
        is_own = directory.member_of(lookup.agency) == lookup.state
        if agency is None or not agency.active or not is_own:
            raise ArchiveRefusedError("`ori` is no agency of the member whose archive this is")
        return Access(agency=agency)

    async def _list(self, member: Member, access: Access, search: ArchiveSearch) -> Found:
        found, matches = Found(), matcher_of(search)
        read = rested = 0
        units = self._traffic.units(member, search.since, search.until, newest_first=True)
        async with aclosing(units):
            async for unit in units:
                if read >= SEARCHED_ROWS_MAX:
                    found.reached = id_time_ns(unit.query_id) // _NS
                    break
                opened = self._traffic.open(unit)
                found.unopened += opened.unopened
                for item in reversed(opened.items):
                    if access.may_see(item):
                        found.searched += 1
                        if matches(item):
                            found.add(item)
                read += unit.rows
                if read - rested >= TURN_ROWS_MAX:
                    rested = read
                    await asyncio.sleep(self._rest_s)
        return found

    async def _full(self, lookup: Lookup, access: Access) -> str | None:
        asked: list[tuple[str, ArchiveItem | None]] = []
        for reference in parse_references(lookup.fields):
            # Never another member's traffic, whoever can guess its references.
            own = reference.member == lookup.state
            item = await self._traffic.find(reference) if own else None
            if item is not None and not access.may_see(item):
                item = None
            asked.append((reference_name(reference), item))
        return render_full(asked) if any(item is not None for _, item in asked) else None


def _authorised(search: ArchiveSearch, access: Access) -> tuple[ArchiveSearch, list[MessageKey]]:
    """Return a search of what an agency may search, and the keys that are left out.

    Raises: ArchiveRefusedError if none is left.
    """
    may, dropped = access.split(search.keys or _LISTED_KEYS)
    if not may:
        raise ArchiveRefusedError("`TYP` names no key that this agency may search")
    # A key that no table has can be found too: all keys stay all keys, seen one by one.
    kept = search if search.keys is None else msgspec.structs.replace(search, keys=tuple(may))
    return kept, dropped


def _record(text: str) -> Record:
    return Record(kind=RecordKind.OTHER, elements=(), text=text)
