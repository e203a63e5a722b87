"""What waits for a state's reviewers, sorted by what it is: counts, and the requests behind them.

    1. the rows of all that waits are read without their contents, in the order of the queue
    2. a hold that is new is opened once; what is remembered of it goes when it ends
    3. requests of which all is alike are counted together: by six questions, each under the answers
       to the other five

Guarantee: nothing of whom a request is about is remembered, counted or returned; a hold that cannot
be opened is under no filter, and in the list without one.
Source: docs/adr/0060-quotas-and-triage.md, "Triage".
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.agency import Family, family_ancestors
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, ExchangeId, LeafIndex, Member, parse_entry_name
from comity.domain.vocabulary import Emergency
from comity.ports import DeskPlace, HoldRow, QueuedCase, Store
from comity.review.queue import DAY_SECONDS, SOON_SECONDS, QueueCounts, QueuePlace, counted_as
from comity.services.entries import decode_hold, hold_place
from comity.services.events import Events
from comity.services.vault import Vault

__all__ = ["KINDS_MAX", "SORTED_MAX", "Choice", "Facet", "Sorted", "Sorting", "Triage"]

SORTED_MAX: Final = 20_000
"""Requests of one state that are sorted, in the order of the queue; about 200 bytes each."""
KINDS_MAX: Final = 50_000
"""Kinds of facts that are remembered for all states; beyond them all is read anew."""
_OPENED_AT_ONCE: Final = 250
"""Holds that are opened between two turns of everything else."""


class Facet(StrEnum):
    """What requests are sorted by."""

    FAMILY = "family"
    HELD = "held"
    RULE = "rule"
    INSTRUMENT = "instrument"
    EMERGENCY = "emergency"
    ENDS = "ends"


_Group = tuple[int, str]
"""The kind of facts, and when it ends: what is alike in both is counted together."""
Choice = Mapping[Facet, str]
"""The value that was chosen for each facet; one that is left out is not looked at."""
FamilyOf = Callable[[ORI], Family | None]
"""An agency's family, None where it is not listed."""


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a hold is, whoever it is about."""

    agency: ORI
    held: tuple[str, ...]
    rules: tuple[str, ...]
    instrument: str
    emergency: str


class Sorted(msgspec.Struct, frozen=True, kw_only=True):
    """One state's queue, sorted.

    `counts` has by facet how many wait under each value, most first, with what else was chosen;
    `all` how much waits whatever was chosen; `cases` are the requests that match, a case once, from
    a place on; `matching` how many match, `waiting` how many wait by agency, with and without a
    reply; `ends` are the clocks of what waits for a reviewer. `more` says that further cases match;
    `is_whole`, that nothing was left out.
    """

    counts: Mapping[Facet, tuple[tuple[str, int], ...]]
    all: QueueCounts
    cases: tuple[QueuedCase, ...]
    matching: int
    waiting: Mapping[ORI, int]
    ends: tuple[int, ...]
    more: QueuePlace | None
    is_whole: bool


class Sorting(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: the choice, what is left out, and which cases are wanted. What stands `apart`
    is counted, and in no case. What `blocks` alone hold is not counted by agency, as no quota
    counts it.
    """

    choice: Choice
    leaving: Collection[str] = ()
    apart: Collection[str] = ()
    blocks: Collection[str] = ()
    after: QueuePlace | None = None
    limit: int = 50


class _Kept(msgspec.Struct, kw_only=True):
    """One state's queue as it was read last: by which mark, its places, and what each is.

    `clocks` has when what is of one kind ends, earliest first, by kind and whether a reply is
    awaited; `requests` how many a case has; `ends` the clocks of what waits for a reviewer.
    """

    mark: tuple[int, ...]
    places: Mapping[LeafIndex, DeskPlace]
    is_whole: bool
    kinds: Mapping[LeafIndex, int]
    clocks: Mapping[tuple[int, bool], Sequence[int]]
    requests: Mapping[object, int]
    ends: tuple[int, ...]


class Triage:
    """`_kept` is by member; `_kinds` has each kind of facts once, the first for what is unread."""

    def __init__(self, *, store: Store, vault: Vault, events: Events) -> None:
        self._store = store
        self._vault = vault
        self._events = events
        self._kept: dict[Member, _Kept] = {}
        self._kinds: list[_Facts | None] = [None]
        self._numbers: dict[_Facts, int] = {}
        self._one_at_a_time = asyncio.Lock()

    async def sort(self, member: Member, asked: Sorting, now: int, family_of: FamilyOf) -> Sorted:
        """Return a state's queue, sorted. Raises: StoreDownError."""
        async with self._one_at_a_time:
            kept = await self._read(member)
        left = _left(kept, asked.leaving)
        counts = _groups(kept, left, now)
        looks = {group: self._look(group, asked.choice, family_of) for group in counts}
        wanted = {group for group, look in looks.items() if not look.missed}
        firsts, more = _firsts(kept, wanted, asked, now)
        rows = await self._store.review_holds(member, [each.leaf_index for each, _ in firsts])
        return Sorted(
            counts=_counts(counts, looks),
            all=_all(counts),
            cases=_cases(firsts, rows),
            matching=sum(n for group, n in counts.items() if not looks[group].missed),
            waiting=self._waiting(counts, asked.blocks),
            ends=_without(kept.ends, left.values()),
            more=more,
            is_whole=kept.is_whole,
        )

    async def _read(self, member: Member) -> _Kept:
        """Return what waits, read anew where anything of it has changed."""
        if len(self._kinds) > KINDS_MAX:
            self._kept.clear()
            self._numbers.clear()
            self._kinds = [None]
        mark = await self._store.desk_mark(member)
        before = self._kept.get(member)
        if before is not None and before.mark == mark:
            return before
        every = await self._store.desk_places(member)
        places = every[:SORTED_MAX]
        known = {} if before is None else before.kinds
        wanted = [each.leaf_index for each in places]
        # One that has ended since is sorted as one that cannot be opened.
        kinds = {number: known.get(number, 0) for number in wanted}
        new = [number for number in wanted if number not in known]
        for at in range(0, len(new), _OPENED_AT_ONCE):
            for row in await self._store.review_holds(member, new[at : at + _OPENED_AT_ONCE]):
                kinds[row.leaf_index] = self._kind(self._opened(row))
        kept = _kept(mark, places, kinds, is_whole=len(every) == len(places))
        self._kept[member] = kept
        return kept

    def _kind(self, facts: _Facts | None) -> int:
        if facts is None:
            return 0
        number = self._numbers.setdefault(facts, len(self._kinds))
        if number == len(self._kinds):
            self._kinds.append(facts)
        return number

    def _look(self, group: _Group, choice: Choice, family_of: FamilyOf) -> _Looked:
        return _look((self._kinds[group[0]], group[1]), choice, family_of)

    def _waiting(self, counts: Mapping[_Group, int], blocks: Collection[str]) -> dict[ORI, int]:
        """Return how many wait by agency, but for what blocks alone hold."""
        waiting: Counter[ORI] = Counter()
        for (kind, _), count in counts.items():
            facts = self._kinds[kind]
            if facts is not None and not set(facts.rules) <= set(blocks):
                waiting[facts.agency] += count
        return dict(waiting)

    def _opened(self, row: HoldRow) -> _Facts | None:
        place = hold_place(ExchangeId(row.exchange_id), row.member)
        try:
            file = decode_hold(self._vault.open(row.member, row.sealed, place))
        except (ComityError, msgspec.MsgspecError) as error:
            self._events.failure("hold_not_opened", error, member=row.member)
            return None
        claims = file.exchange.claims
        rules = (reason.rule for part in file.withheld for reason in part.reasons)
        return _Facts(
            agency=file.exchange.agency,
            held=tuple(file.classes),
            rules=tuple(dict.fromkeys(rules)),
            instrument=claims.instrument,
            emergency=claims.emergency if claims.emergency is Emergency.DECLARED else "",
        )


class _Looked(msgspec.Struct, frozen=True, kw_only=True):
    """Under which values requests of a group stand, and which choices they do not meet."""

    values: Mapping[Facet, tuple[str, ...]]
    missed: frozenset[Facet]


def _look(group: tuple[_Facts | None, str], choice: Choice, family_of: FamilyOf) -> _Looked:
    facts, ends = group
    values: dict[Facet, tuple[str, ...]] = {Facet.ENDS: (ends,)}
    if facts is not None:
        family = family_of(facts.agency)
        values |= {
            Facet.FAMILY: tuple(family_ancestors(family)) if family else (),
            Facet.HELD: facts.held,
            Facet.RULE: facts.rules,
            Facet.INSTRUMENT: (facts.instrument,),
            Facet.EMERGENCY: tuple(filter(None, (facts.emergency,))),
        }
    missed = (facet for facet, value in choice.items() if value not in values.get(facet, ()))
    return _Looked(values=values, missed=frozenset(missed))


def _counts(
    groups: Mapping[_Group, int], looks: Mapping[_Group, _Looked]
) -> dict[Facet, tuple[tuple[str, int], ...]]:
    """Return how many wait under each value, where everything else that was chosen is met."""
    found: dict[Facet, Counter[str]] = {facet: Counter() for facet in Facet}
    for group, count in groups.items():
        look = looks[group]
        for facet, values in look.values.items():
            if look.missed <= {facet}:
                found[facet].update(dict.fromkeys(values, count))
    return {
        facet: tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
        for facet, counts in found.items()
    }


def _kept(
    mark: tuple[int, ...],
    places: Iterable[DeskPlace],
    kinds: Mapping[LeafIndex, int],
    *,
    is_whole: bool,
) -> _Kept:
    by_number = {each.leaf_index: each for each in places}
    clocks: dict[tuple[int, bool], list[int]] = {}
    for number, each in by_number.items():
        clocks.setdefault((kinds[number], each.is_asked), []).append(each.until)
    return _Kept(
        mark=mark,
        places=by_number,
        is_whole=is_whole,
        kinds=kinds,
        clocks=clocks,
        requests=Counter(map(_case, by_number.values())),
        ends=tuple(each.until for each in by_number.values() if not each.is_asked),
    )


def _left(kept: _Kept, leaving: Iterable[str]) -> dict[LeafIndex, DeskPlace]:
    numbers = (parse_entry_name(entry)[1] for entry in leaving)
    return {number: kept.places[number] for number in numbers if number in kept.places}


def _group(kept: _Kept, each: DeskPlace, now: int) -> _Group:
    return kept.kinds[each.leaf_index], counted_as(_place(each), now)


def _groups(kept: _Kept, left: Mapping[LeafIndex, DeskPlace], now: int) -> dict[_Group, int]:
    """Return how many wait of each group: by halving the clocks, not by looking at each."""
    counts: Counter[_Group] = Counter()
    for (kind, is_asked), clocks in kept.clocks.items():
        if is_asked:
            counts[kind, "asked"] += len(clocks)
            continue
        soon = bisect_right(clocks, now + SOON_SECONDS)
        today = bisect_right(clocks, now + DAY_SECONDS, lo=soon)
        counts[kind, "soon"] += soon
        counts[kind, "today"] += today - soon
        counts[kind, "later"] += len(clocks) - today
    counts.subtract(_group(kept, each, now) for each in left.values())
    return {group: count for group, count in counts.items() if count}


def _all(groups: Mapping[_Group, int]) -> QueueCounts:
    by_end: Counter[str] = Counter()
    for (_, ends), count in groups.items():
        by_end[ends] += count
    return QueueCounts(**by_end)


def _without(ends: tuple[int, ...], left: Iterable[DeskPlace]) -> tuple[int, ...]:
    gone = Counter(each.until for each in left if not each.is_asked)
    if not gone:
        return ends
    found = []
    for end in ends:
        if gone[end]:
            gone[end] -= 1
        else:
            found.append(end)
    return tuple(found)


def _firsts(
    kept: _Kept, wanted: Collection[_Group], asked: Sorting, now: int
) -> tuple[list[tuple[DeskPlace, int]], QueuePlace | None]:
    """Return the first request of each case that matches, with how many the case has in all."""
    out = _left(kept, {*asked.leaving, *asked.apart})
    start = (False, -1, -1) if asked.after is None else _key(asked.after)
    kinds = {kind for kind, _ in wanted}
    seen: set[object] = set()
    shown: list[DeskPlace] = []
    for number, each in kept.places.items():
        case = _case(each)
        if case in seen or number in out or kept.kinds[number] not in kinds:
            continue
        if _group(kept, each, now) not in wanted:
            continue
        seen.add(case)
        if (each.is_asked, each.until, number) <= start:
            continue
        if len(shown) == asked.limit:
            return _counted(shown, kept, out), _place(shown[-1])
        shown.append(each)
    return _counted(shown, kept, out), None


def _counted(
    shown: Iterable[DeskPlace], kept: _Kept, left: Mapping[LeafIndex, DeskPlace]
) -> list[tuple[DeskPlace, int]]:
    gone = Counter(map(_case, left.values()))
    return [(each, kept.requests[_case(each)] - gone[_case(each)]) for each in shown]


def _case(each: DeskPlace) -> object:
    return each.leaf_index if each.case_tag is None else (each.case_tag, each.is_asked)


def _cases(
    firsts: Iterable[tuple[DeskPlace, int]], rows: Iterable[HoldRow]
) -> tuple[QueuedCase, ...]:
    by_number = {row.leaf_index: row for row in rows}
    return tuple(
        QueuedCase(first=by_number[each.leaf_index], requests=requests)
        for each, requests in firsts
        if each.leaf_index in by_number
    )


def _place(each: DeskPlace) -> QueuePlace:
    """Return where a hold stands in the queue."""
    return QueuePlace(is_asked=each.is_asked, until=each.until, leaf_index=each.leaf_index)


def _key(place: QueuePlace) -> tuple[bool, int, int]:
    return place.is_asked, place.until, place.leaf_index
