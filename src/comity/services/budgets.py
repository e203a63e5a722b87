"""How many persons operators and agencies asked about today, against each member's budgets.

    1. before a member's first count of a day its rows are read, or the day begins with a new key
    2. every exchange that asks about a person takes its place at once, so that no two in flight
       take the last one; whoever has a place keeps it for the day, and is counted no more
    3. what is not on the disk yet goes with the leaf of the exchange, in one transaction

A place once taken is not given back: asking is what is limited, whatever came of it. Nobody takes a
place in a budget that is full, so that a count is never larger than its budget.

INVARIANT (public-bytes-hold-no-person): memory and rows hold hashes under a key of the day, which
rests under the member's month key. INVARIANT (fail-closed): who cannot be counted is over.
Source: docs/adr/0031-budgets.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, ExchangeId, Member
from comity.domain.query import Exchange
from comity.domain.vocabulary import BudgetState, Purpose
from comity.exchange.facts import local_day
from comity.exchange.person import asks_about_person, person_of
from comity.policy import Budget, BudgetPer, budget_id
from comity.policy.families import agency_values
from comity.ports import Clock, CountedRow, Store, StoreDownError
from comity.services.desks import asks_leave
from comity.services.events import Events
from comity.services.member import World
from comity.services.vault import Vault, month_of

__all__ = ["NOT_COUNTED", "PLACES_MAX", "Budgets", "Counted"]

PLACES_MAX: Final = 1_000_000
"""Places of all members of a host in a day, about 150 bytes each; who comes behind them is over."""

_ASKERS_MAX: Final = 65_536
"""Operators with a purpose whose budgets are remembered; beyond them they are found again."""

_HASH_BYTES: Final = 16
_NS: Final = 1_000_000_000
_DAY_SECONDS: Final = 86_400


class Counted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an exchange's budgets say, and the rows that are to be durable with its leaf."""

    state: BudgetState
    rows: tuple[CountedRow, ...] = ()


NOT_COUNTED: Final[Mapping[ExchangeId, Counted]] = MappingProxyType({})
_WITHIN: Final = Counted(state=BudgetState.WITHIN)
_STATES: Final = {state: Counted(state=state) for state in BudgetState}
_OVER: Final = _STATES[BudgetState.OVER]
_Asker = tuple[ORI, str, Purpose]


class BudgetRoomError(ComityError):
    """More was counted today than may be held at once."""

    code = "budget-room"


class _Scope:
    """One operator's or agency's day under one budget: whom it asked about, and if that is durable.

    `persons` and `photos` are changed by `Budgets` alone.
    """

    __slots__ = ("budget", "persons", "photos", "scope")

    def __init__(self, budget: bytes, scope: bytes) -> None:
        self.budget = budget
        self.scope = scope
        self.persons: dict[bytes, bool] = {}
        self.photos: dict[bytes, bool] = {}

    def places(self) -> int:
        return len(self.persons) + len(self.photos)


class _Day:
    """One member's day. `askers` is what was found under the rules at `index` and a directory."""

    __slots__ = ("askers", "day", "directory", "index", "key", "member", "scopes")

    def __init__(self, member: Member, day: int, key: bytes) -> None:
        self.member = member
        self.day = day
        self.key = key
        self.scopes: dict[tuple[bytes, bytes], _Scope] = {}
        self.askers: dict[_Asker, tuple[tuple[Budget, _Scope], ...]] = {}
        self.index = -1
        self.directory: Directory | None = None

    def scope(self, budget: bytes, scope: bytes) -> _Scope:
        return self.scopes.setdefault((budget, scope), _Scope(budget, scope))

    def places(self) -> int:
        return len(self.scopes) + sum(scope.places() for scope in self.scopes.values())

    def row(self, scope: _Scope, person: bytes, *, is_photo: bool) -> CountedRow:
        return CountedRow(
            member=self.member,
            day=self.day,
            budget=scope.budget,
            scope=scope.scope,
            is_photo=is_photo,
            person=person,
        )


class Budgets:
    """Counts for the members of one host. `_days` holds the day that each is counted in."""

    def __init__(
        self, *, world: World, store: Store, vault: Vault, clock: Clock, events: Events
    ) -> None:
        self._world = world
        self._store = store
        self._vault = vault
        self._clock = clock
        self._events = events
        self._days: dict[Member, _Day] = {}
        self._room = PLACES_MAX

    def of_earlier_days(self, exchanges: Sequence[Exchange]) -> list[Exchange]:
        """Return what may have been counted on a day that is over.

        Whoever asks looks first whether it was answered: then it must not be counted again.
        """
        budgeted = self._world.budgeted
        if not budgeted:
            return []
        now = self._clock.now_ns() // _NS
        return [
            e
            for e in exchanges
            if e.state in budgeted
            and asks_about_person(e)
            and local_day(e.state, e.accepted_at) < local_day(e.state, now)
        ]

    async def count(self, exchanges: Sequence[Exchange]) -> Mapping[ExchangeId, Counted]:
        """Give each exchange that counts its place, and say how its budgets stand with it.

        The same exchange, asked or decided again, finds its place. Raises: StoreDownError; then
        nobody was counted.
        """
        budgeted = self._world.budgeted
        if not budgeted:
            return NOT_COUNTED
        now = self._clock.now_ns() // _NS
        asked: dict[Member, list[Exchange]] = {}
        for exchange in exchanges:
            if exchange.state in budgeted and self._counts(exchange):
                asked.setdefault(exchange.state, []).append(exchange)
        for member in asked:
            today = local_day(member, now)
            standing = self._days.get(member)
            if standing is None or standing.day < today:
                await self._open(member, today, now)
        # Nothing is waited for from here on: what is decided next is decided by these rules.
        counted: dict[ExchangeId, Counted] = {}
        for member, group in asked.items():
            self._count(member, group, counted)
        return counted

    def written(self, rows: Sequence[CountedRow]) -> None:
        """Remember that rows are on the disk."""
        for row in rows:
            day = self._days.get(row.member)
            if day is not None and day.day == row.day:
                scope = day.scope(row.budget, row.scope)
                (scope.photos if row.is_photo else scope.persons)[row.person] = True

    def _counts(self, exchange: Exchange) -> bool:
        """Say whether an exchange asks about a person in this state's own records."""
        if not asks_about_person(exchange):
            return False
        # Whether a query may leave its state is no question of records; who answers it counts it.
        is_own = exchange.origin_member == exchange.state
        return not (is_own and asks_leave(self._world.directory, exchange))

    async def _open(self, member: Member, today: int, now: int) -> None:
        self._close(member)
        try:
            day = await self._read(member, today, now)
        except StoreDownError:
            raise
        except ComityError as error:
            # Such as a month key that is gone. Tried again with the next envelope.
            self._events.failure("budget_not_counted", error, member=member)
            return
        standing = self._days.get(member)
        if standing is None or standing.day < today:
            # Else it was opened meanwhile, and places were taken in it since.
            self._close(member)
            self._days[member] = day
            self._room -= day.places()

    def _close(self, member: Member) -> None:
        day = self._days.pop(member, None)
        if day is not None:
            self._room += day.places()

    async def _read(self, member: Member, today: int, now: int) -> _Day:
        place = (b"counted", member.encode(), b"%d" % today)
        fresh, nonce = self._vault.commitment_keys(1)[0], next(self._vault.nonces(1))
        sealed = self._vault.seal(member, month_of(now), nonce, fresh, place)
        kept = await self._store.counted_day(member, today, sealed, self._room + 1)
        if len(kept.rows) > self._room:
            raise BudgetRoomError("more was counted today than may be held")
        day = _Day(member, today, self._vault.open(member, kept.key, place))
        for row in kept.rows:
            scope = day.scope(row.budget, row.scope)
            (scope.photos if row.is_photo else scope.persons)[row.person] = True
        return day

    def _count(
        self, member: Member, exchanges: Sequence[Exchange], counted: dict[ExchangeId, Counted]
    ) -> None:
        index, policy = self._world.policy(member)
        budgets, day = policy.bundle.budgets, self._days.get(member)
        if day is None:
            for exchange in exchanges:
                is_meant = bool(self._budgets_of(_asker(exchange), budgets))
                counted[exchange.exchange_id] = _OVER if is_meant else _WITHIN
            return
        if day.index != index or day.directory is not self._world.directory:
            day.askers.clear()
            day.index, day.directory = index, self._world.directory
        askers, key = day.askers, day.key
        for exchange in exchanges:
            asker = _asker(exchange)
            scopes = askers.get(asker)
            if scopes is None:
                scopes = self._scopes(day, asker, budgets)
            if not scopes:
                counted[exchange.exchange_id] = _WITHIN
                continue
            person = blake2b(person_of(exchange), digest_size=_HASH_BYTES, key=key).digest()
            counted[exchange.exchange_id] = self._take(
                day, scopes, person, is_photo=exchange.wants_image
            )

    def _take(
        self,
        day: _Day,
        scopes: Sequence[tuple[Budget, _Scope]],
        person: bytes,
        *,
        is_photo: bool,
    ) -> Counted:
        """Take places, in every budget for itself: none is larger because another one is full."""
        state = BudgetState.WITHIN
        rows: list[CountedRow] = []
        for budget, scope in scopes:
            is_durable = scope.persons.get(person)
            if is_durable is None:
                is_durable = self._place(scope.persons, person, budget.persons)
            if is_durable is None:
                state = BudgetState.OVER
                continue
            if not is_durable:
                rows.append(day.row(scope, person, is_photo=False))
            if is_photo and budget.photos is not None:
                is_durable = scope.photos.get(person)
                if is_durable is None:
                    is_durable = self._place(scope.photos, person, budget.photos)
                if is_durable is None:
                    state = (
                        BudgetState.OVER if state is BudgetState.OVER else BudgetState.PHOTO_OVER
                    )
                elif not is_durable:
                    rows.append(day.row(scope, person, is_photo=True))
        return Counted(state=state, rows=tuple(rows)) if rows else _STATES[state]

    def _place(self, places: dict[bytes, bool], person: bytes, limit: int) -> bool | None:
        """Return that a new place is not durable yet, or None where there is none left."""
        if len(places) >= limit or self._room <= 0:
            return None
        self._room -= 1
        places[person] = False
        return False

    def _scopes(
        self, day: _Day, asker: _Asker, budgets: Sequence[Budget]
    ) -> tuple[tuple[Budget, _Scope], ...]:
        """Return the budgets that an asker stands under, each with its own count."""
        if len(day.askers) >= _ASKERS_MAX:
            day.askers.clear()
        found = day.askers[asker] = tuple(
            (budget, self._scope(day, budget_id(budget), _who(day.key, budget, asker)))
            for budget in self._budgets_of(asker, budgets)
        )
        return found

    def _budgets_of(self, asker: _Asker, budgets: Sequence[Budget]) -> list[Budget]:
        ori, _, purpose = asker
        agency = self._world.directory.agency(ori)
        values = frozenset((ori,) if agency is None else agency_values(ori, agency.family))
        return [
            budget
            for budget in budgets
            if (not budget.agency or not values.isdisjoint(budget.agency))
            and (not budget.purpose or purpose in budget.purpose)
        ]

    def _scope(self, day: _Day, budget: bytes, who: bytes) -> _Scope:
        found = day.scopes.get((budget, who))
        if found is None:
            if self._room <= 0:
                return _Scope(budget, who)  # kept nowhere: it gets no place
            self._room -= 1
            found = day.scope(budget, who)
        return found


def _asker(exchange: Exchange) -> _Asker:
    claims = exchange.claims
    return exchange.agency, claims.operator, claims.purpose


def _who(key: bytes, budget: Budget, asker: _Asker) -> bytes:
    """Return whom a budget counts for; operators whom an agency does not name are one to it."""
    ori, operator, _ = asker
    who = f"{ori}/{operator}" if budget.per is BudgetPer.OPERATOR else ori
    return blake2b(f"scope/{who}".encode(), digest_size=_HASH_BYTES, key=key).digest()
