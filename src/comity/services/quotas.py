"""How many requests of an agency wait for each state's reviewers, against its quotas.

    1. before a member's first count its open holds are opened once, and its day is read
    2. what is about to be held takes a place at once, so that no two in flight take the last one;
       where there is none, it is refused
    3. a place is kept if the hold was committed, and given back if it was not
    4. before anybody is refused the rows are asked again which holds are still open, once a second
       at most: whoever ended one, here or in another process, a place is free by that

Guarantee: nothing is written here but a day's two numbers for each agency, with the leaf of the
request. INVARIANT (fail-closed): a quota turns what is held into a refusal, and nothing else.
Source: docs/adr/0060-quotas-and-triage.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.decision import RuleId
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, ExchangeId, LeafIndex, Member
from comity.domain.query import Exchange
from comity.exchange.facts import local_day
from comity.exchange.judged import Answered, HoldFile
from comity.policy import PolicyBundle, Quota, QuotaPer
from comity.policy.block import blocks_of
from comity.policy.check import QUOTA
from comity.policy.quota import is_for, sentence_of_day, sentence_of_waiting
from comity.ports import Clock, DeskDayRow, HoldRow, Store
from comity.review.quotas import takes_place
from comity.services.entries import decode_hold, hold_place
from comity.services.events import Events
from comity.services.member import World
from comity.services.vault import Vault

__all__ = ["LOOK_NS", "PLACES_MAX", "Quotas"]

PLACES_MAX: Final = 100_000
"""Requests that are counted for one state, about 300 bytes each; what comes behind is refused."""
LOOK_NS: Final = 1_000_000_000
"""How long after a look at the rows the next one is taken at the earliest, in nanoseconds."""
_NS: Final = 1_000_000_000


class _Place:
    """A request at the desk: whose, the leaf of its hold once that is durable, and how many answers
    about it are on their way to the ledger.
    """

    __slots__ = ("flights", "number", "ori")

    def __init__(self, ori: ORI, number: LeafIndex | None = None) -> None:
        self.ori = ori
        self.number = number
        self.flights = 0


class _Scope:
    """What one quota counts together: those that wait, and those that came today."""

    __slots__ = ("came", "quota", "waiting")

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.waiting = 0
        self.came = 0

    @property
    def is_full(self) -> bool:
        per_day = self.quota.per_day
        return self.waiting >= self.quota.waiting or (per_day is not None and self.came >= per_day)


class _Desk:
    """One member's desk. `scopes` is what was found under the rules at `index` and a directory."""

    __slots__ = (
        "by_ori", "came", "day", "directory", "index", "looked_ns", "places", "scopes", "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.places: dict[ExchangeId, _Place] = {}
        self.waiting: Counter[ORI] = Counter()
        self.came: Counter[ORI] = Counter()
        self.day = -1
        self.looked_ns = 0
        self.index = -1
        self.directory: Directory | None = None
        self.scopes: dict[tuple[Quota, ORI | None], _Scope] = {}
        self.by_ori: dict[ORI, tuple[_Scope, ...]] = {}

    def add(self, exchange_id: ExchangeId, place: _Place) -> None:
        self.places[exchange_id] = place
        self.waiting[place.ori] += 1

    def count(self, ori: ORI, *, waiting: int = 0, came: int = 0) -> None:
        """Count for an agency, and in each quota that it stands under."""
        self.waiting[ori] += waiting
        self.came[ori] += came
        for scope in self.by_ori.get(ori, ()):
            scope.waiting += waiting
            scope.came += came

    def drop(self, exchange_id: ExchangeId, *, came: int = 0) -> None:
        self.count(self.places.pop(exchange_id).ori, waiting=-1, came=came)


class Quotas:
    """Counts for the members of one host. `_desks` holds those that have quotas, `_blocks` what
    blocks there are in each member's rules.
    """

    def __init__(
        self, *, world: World, store: Store, vault: Vault, clock: Clock, events: Events
    ) -> None:
        self._world = world
        self._store = store
        self._vault = vault
        self._clock = clock
        self._events = events
        self._desks: dict[Member, _Desk] = {}
        self._blocks: dict[Member, tuple[PolicyBundle, frozenset[RuleId]]] = {}

    async def ready(self, exchanges: Sequence[Exchange]) -> None:
        """Read what has to be known before these are decided. Raises: StoreDownError."""
        members = self._world.with_quotas
        if not members:
            return
        now_ns = self._clock.now_ns()
        asked: dict[Member, set[ORI]] = {}
        for exchange in exchanges:
            if exchange.state in members:
                asked.setdefault(exchange.state, set()).add(exchange.agency)
        for member, agencies in asked.items():
            desk = self._desks.get(member) or await self._open(member)
            day = local_day(member, now_ns // _NS)
            if desk.day != day:
                await self._begin(member, desk, day)
            if desk.looked_ns + LOOK_NS <= now_ns and self._is_near(member, desk, agencies):
                await self._look(member, desk, now_ns)

    def refusal(self, exchange: Exchange, hold: HoldFile) -> str:
        """Take a place for what is about to be held; return why it is refused where there is none.

        Empty: it is held. Whoever gets that says by `settle` what became of it.
        """
        member = exchange.state
        if member not in self._world.with_quotas or not takes_place(hold, self.blocks(member)):
            return ""
        desk = self._desks.get(member)
        if desk is None:
            # Its rules have quotas since a moment ago: what is held now is found in the rows.
            return ""
        place = desk.places.get(exchange.exchange_id)
        if place is None:
            full = self._full(member, desk, exchange.agency)
            if full:
                return full
            place = _Place(exchange.agency)
            desk.places[exchange.exchange_id] = place
            desk.count(exchange.agency, waiting=1, came=1)
        place.flights += 1
        return ""

    def settle(self, exchange: Exchange, number: LeafIndex | None) -> None:
        """Keep a place whose hold was committed under this leaf; give it back where none was."""
        desk = self._desks.get(exchange.state)
        place = None if desk is None else desk.places.get(exchange.exchange_id)
        if desk is None or place is None or not place.flights:
            return
        place.flights -= 1
        place.number = number if number is not None else place.number
        if place.number is None and not place.flights:
            desk.drop(exchange.exchange_id, came=-1)

    def blocks(self, member: Member) -> Collection[RuleId]:
        """Return the ids of the blocks in a member's rules, also of those that are only a hold."""
        bundle = self._world.policy(member)[1].bundle
        known = self._blocks.get(member)
        if known is None or known[0] is not bundle:
            known = self._blocks[member] = (bundle, blocks_of(bundle))
        return known[1]

    def day_of(self, exchange: Exchange, answered: Answered) -> DeskDayRow | None:
        """Return what an answer adds to its state's day at the desk, or None."""
        member = exchange.state
        if member not in self._world.with_quotas:
            return None
        came = int(answered.hold is not None and takes_place(answered.hold, self.blocks(member)))
        refused = int(
            any(
                reason.rule == QUOTA for part in answered.answer.withheld for reason in part.reasons
            )
        )
        if not came and not refused:
            return None
        day = local_day(member, self._clock.now_ns() // _NS)
        return DeskDayRow(
            member=member, day=day, agency=exchange.agency, came=came, refused=refused
        )

    async def _open(self, member: Member) -> _Desk:
        rows = await self._store.open_holds_after(member, LeafIndex(-1))
        standing = self._desks.get(member)
        if standing is not None:
            # Opened meanwhile, and places were taken in it since.
            return standing
        desk = self._desks[member] = _Desk()
        for row in rows[:PLACES_MAX]:
            file = self._file(row)
            if file is not None and takes_place(file, self.blocks(member)):
                desk.add(row.exchange_id, _Place(file.exchange.agency, row.leaf_index))
        return desk

    def _file(self, row: HoldRow) -> HoldFile | None:
        place = hold_place(ExchangeId(row.exchange_id), row.member)
        try:
            return decode_hold(self._vault.open(row.member, row.sealed, place))
        except (ComityError, msgspec.MsgspecError) as error:
            # Whose it was is not known: it is nobody's, and its clock ends it.
            self._events.failure("hold_not_opened", error, member=row.member)
            return None

    async def _begin(self, member: Member, desk: _Desk, day: int) -> None:
        rows = await self._store.desk_day(member, day)
        if desk.day == day:
            return
        desk.day = day
        desk.came = Counter({row.agency: row.came for row in rows})
        # What is on its way to the ledger came today, and is in no row yet.
        desk.came.update(p.ori for p in desk.places.values() if p.number is None)
        desk.index = -1

    async def _look(self, member: Member, desk: _Desk, now_ns: int) -> None:
        desk.looked_ns = now_ns
        before = {
            place.number: exchange_id
            for exchange_id, place in desk.places.items()
            if place.number is not None
        }
        waiting = {place.leaf_index for place in await self._store.desk_places(member)}
        for number, exchange_id in before.items():
            if number not in waiting and exchange_id in desk.places:
                desk.drop(exchange_id)

    def _is_near(self, member: Member, desk: _Desk, agencies: Iterable[ORI]) -> bool:
        """Say whether somebody of these may be refused now."""
        if len(desk.places) >= PLACES_MAX:
            return True
        return any(scope.is_full for ori in agencies for scope in self._scopes(member, desk, ori))

    def _full(self, member: Member, desk: _Desk, ori: ORI) -> str:
        contact = self._world.directory.duty_contact(member) or ""
        for scope in self._scopes(member, desk, ori):
            if scope.waiting >= scope.quota.waiting:
                return sentence_of_waiting(scope.quota, scope.waiting, contact)
            if scope.is_full:
                return sentence_of_day(scope.quota, scope.came, contact)
        if len(desk.places) >= PLACES_MAX:
            everyone = Quota(per=QuotaPer.AGENCY, waiting=PLACES_MAX)
            return sentence_of_waiting(everyone, desk.waiting[ori], contact)
        return ""

    def _scopes(self, member: Member, desk: _Desk, ori: ORI) -> tuple[_Scope, ...]:
        """Return what an agency is counted in, under the rules and the directory in force."""
        index, policy = self._world.policy(member)
        directory = self._world.directory
        if desk.index != index or desk.directory is not directory:
            desk.scopes.clear()
            desk.by_ori.clear()
            desk.index, desk.directory = index, directory
            for known in desk.waiting.keys() | desk.came.keys():
                self._count_in(desk, known, policy.bundle.quotas)
        found = desk.by_ori.get(ori)
        return self._count_in(desk, ori, policy.bundle.quotas) if found is None else found

    def _count_in(self, desk: _Desk, ori: ORI, quotas: Sequence[Quota]) -> tuple[_Scope, ...]:
        agency = self._world.directory.agency(ori)
        family = None if agency is None else agency.family
        found = []
        for quota in quotas:
            if is_for(quota, ori, family):
                key = (quota, ori if quota.per is QuotaPer.AGENCY else None)
                scope = desk.scopes.setdefault(key, _Scope(quota))
                scope.waiting += desk.waiting[ori]
                scope.came += desk.came[ori]
                found.append(scope)
        desk.by_ori[ori] = tuple(found)
        return desk.by_ori[ori]
