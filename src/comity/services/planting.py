"""Plants test cases into the queues of this host's members: by the clock, and by order.

    1. read from the ledger how many the week has, and what the last live holds were like
    2. draw an agency, a key and a flaw until the rules in force hold what they make, whole
    3. record the hold, as of any exchange that is held; nothing is looked up and nothing is sent

A crash on either side of 3 plants none twice: the week's number is what stands in the ledger, and
an order's id is made of its own bytes.
INVARIANT (fail-closed): what the rules would not hold is not planted; no rule is changed for it.
Source: docs/adr/0054-planted-test-cases.md.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from comity.domain.agency import Agency
from comity.domain.errors import ComityError
from comity.domain.ids import (
    ORI,
    ExchangeId,
    LeafIndex,
    Member,
    QueryId,
    entry_name,
    id_time_ns,
    make_id,
)
from comity.domain.keys import MessageKey
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.planted import Planted, SignedPlantingOrder
from comity.domain.query import Exchange
from comity.domain.vocabulary import Assurance, FanOut
from comity.exchange.answering import Answered, answer_exchange, judge
from comity.exchange.claimed import unclaimed
from comity.exchange.facts import facts_of
from comity.exchange.leaves import HOUR_SECONDS
from comity.ledger.plan import Existing, Stale
from comity.ports import Clock, Entropy, LedgerRows, Store
from comity.review.planted import (
    PLANTED_PER_WEEK_MAX,
    Planting,
    PlantingFullError,
    PlantingImpossibleError,
    check_planting_order,
    order_id,
    week_bounds,
)
from comity.review.planted_case import (
    PLANTED_KEYS,
    Draw,
    Manner,
    fits,
    invented_claims,
    invented_fields,
    is_held_whole,
)
from comity.review.queue import WaitsFor
from comity.review.rosters import staffed_seconds, staffed_until
from comity.services.entries import decode_hold, entry_of, hold_place
from comity.services.events import Events
from comity.services.health import ClockSkewedError, Health
from comity.services.member import World
from comity.services.rosters import RosterOf
from comity.services.sequencer import Refused, Sequencer, recorded_index
from comity.services.vault import Vault

__all__ = ["LOOKED_BACK_MAX", "ROUND_SECONDS", "TRIES_MAX", "Plantings"]

ROUND_SECONDS: Final = 60
"""How often it is drawn whether one is planted."""
LOOKED_BACK_MAX: Final = 50_000
"""Leaves that are read back for a week's number and for what live holds are like."""
TRIES_MAX: Final = 512
"""Draws before it is said that the rules hold no test case."""
_LIVE_HOLDS_MAX: Final = 64
_OPEN_HOLDS_MAX: Final = 50
_ROUNDS_MAX: Final = 4
_SEED_BYTES: Final = 32
_NS: Final = 1_000_000_000
_CHUNK: Final = 4_096
_WORD_BYTES: Final = 8
_WORDS: Final = 1 << (8 * _WORD_BYTES)
_HOLD: Final = b'{"v":1,"k":"hold","m":'
_PLANTED_HOLD: Final = _HOLD + b'"planted"'
_LIVE_HOLD: Final = _HOLD + b'"live"'

_Shape = tuple[Agency, MessageKey]


class _Seen(msgspec.Struct, kw_only=True):
    """What was read of a ledger of `size` leaves: hours of planted holds, and the last live ones.

    The newest stand last.
    """

    size: int = 0
    planted: list[int] = msgspec.field(default_factory=list)
    live: deque[LeafHeader] = msgspec.field(default_factory=lambda: deque(maxlen=_LIVE_HOLDS_MAX))


class Plantings:
    """`_seen` is by member; `_look` alone writes it. One is planted at a time."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        rows: LedgerRows,
        vault: Vault,
        sequencer: Sequencer,
        health: Health,
        wanted: Mapping[Member, Planting],
        roster_of: RosterOf,
        around: tuple[Clock, Entropy, Events],
    ) -> None:
        self._world = world
        self._store = store
        self._rows = rows
        self._vault = vault
        self._sequencer = sequencer
        self._health = health
        self._wanted = wanted
        self._roster_of = roster_of
        self._clock, self._entropy, self._events = around
        self._seen: dict[Member, _Seen] = {}
        self._one_at_a_time = asyncio.Lock()

    async def round(self, members: Iterable[Member]) -> None:
        """Draw for each member that wants test cases whether one is planted now."""
        for member in members:
            wanted = self._wanted.get(member)
            if wanted is None or not wanted.per_week or not self._sequencer.owns(member):
                continue
            # INVARIANT (fail-closed): by this host's clock it might not be staffed.
            if not self._health.may_release:
                continue
            async with self._one_at_a_time:
                try:
                    if not await self._is_drawn(member, wanted):
                        continue
                    await self._plant(member, ExchangeId(self._fresh_id()))
                except ComityError as error:
                    self._events.failure("planted_case_not_made", error, member=member)

    async def order(self, signed: SignedPlantingOrder) -> str:
        """Plant one now, as somebody signed; return its hold's entry. Sent again, it is the same.

        Raises: VerdictError, PlantingFullError, PlantingImpossibleError, ClockSkewedError, or what
        the sequencer refused with.
        """
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")
        order = signed.order
        key = self._world.directory.reviewer(order.state, order.reviewer)
        check_planting_order(signed, key, self._now())
        async with self._one_at_a_time:
            own_id = ExchangeId(order_id(order))
            is_full = await self._count(order.state) >= PLANTED_PER_WEEK_MAX
            if is_full and not await self._store.answers([(own_id, order.state)]):
                raise PlantingFullError(f"{PLANTED_PER_WEEK_MAX} were planted this week")
            return await self._plant(order.state, own_id, order.reviewer)

    async def _is_drawn(self, member: Member, wanted: Planting) -> bool:
        """Say whether one is planted in this round: as likely in each staffed minute as in others.

        The moments follow from no schedule, so that a restart can neither lose nor repeat one.
        """
        now = self._now()
        roster = self._roster_of(member)
        missing = wanted.per_week - await self._count(member)
        if roster is None or missing <= 0 or staffed_until(roster, now) is None:
            return False
        left = staffed_seconds(roster, now, week_bounds(member, now)[1])
        drawn = int.from_bytes(self._entropy.token(_WORD_BYTES), "big")
        return drawn * max(left, 1) < missing * ROUND_SECONDS * _WORDS

    async def _count(self, member: Member) -> int:
        """Return how many test cases a week has by now."""
        first, _ = week_bounds(member, self._now())
        seen = await self._look(member, first // HOUR_SECONDS)
        return sum(hour * HOUR_SECONDS >= first for hour in seen.planted)

    async def _look(self, member: Member, oldest: int) -> _Seen:
        """Read a ledger on, or a first time back to the hour `oldest`. Raises: StoreDownError."""
        size = (await self._store.ledger_sizes([member]))[member]
        seen = self._seen.get(member)
        if seen is None or size < seen.size:
            seen = self._seen[member] = await self._read_back(member, size, oldest)
        while seen.size < size:
            last = min(size, seen.size + _CHUNK)
            _take(seen, await self._rows.leaves(member, seen.size, last))
            seen.size = last
        seen.planted = [hour for hour in seen.planted if hour >= oldest]
        return seen

    async def _read_back(self, member: Member, size: int, oldest: int) -> _Seen:
        chunks: list[list[bytes]] = []
        last = size
        while last > max(0, size - LOOKED_BACK_MAX):
            first = max(0, last - _CHUNK)
            leaves = await self._rows.leaves(member, first, last)
            chunks.append(leaves)
            last = first
            told = next((leaf for leaf in leaves if leaf), b"")
            live = sum(leaf.startswith(_LIVE_HOLD) for chunk in chunks for leaf in chunk)
            if told and parse_leaf(told).hour < oldest and live >= _LIVE_HOLDS_MAX:
                break
        seen = _Seen(size=size)
        for leaves in reversed(chunks):
            _take(seen, leaves)
        return seen

    async def _plant(self, member: Member, own_id: ExchangeId, ordered_by: str = "") -> str:
        """Record a test case; return its hold's entry.

        Raises: PlantingImpossibleError, NoPolicyError, or what the sequencer refused with.
        """
        # Its own seed, and nothing that could be known before: an order's bytes are its author's.
        draw = Draw(self._entropy.token(_SEED_BYTES))
        manners = await self._manners(member)
        shapes = self._shapes(member)
        for _ in range(_ROUNDS_MAX):
            exchange, answered = self._made(member, own_id, ordered_by, (shapes, manners, draw))
            (result,) = await self._sequencer.commit([entry_of(exchange, answered)])
            if isinstance(result, Stale):
                continue
            if isinstance(result, Refused):
                raise result.error
            if not isinstance(result, Existing):
                self._events.note("planted_case_made", member=member)
            index = recorded_index(result)
            assert index is not None
            return await self._hold_from(member, index)
        raise PlantingImpossibleError("the rules changed again and again: try once more")

    async def _hold_from(self, member: Member, index: LeafIndex) -> str:
        """Return the entry of a hold whose exchange begins at a leaf: what is denied is before."""
        (first,) = await self._rows.leaves(member, index, index + 1)
        return entry_name(member, index if first.startswith(_PLANTED_HOLD) else index + 1)

    def _made(
        self,
        member: Member,
        own_id: ExchangeId,
        ordered_by: str,
        drawn_of: tuple[Sequence[_Shape], Sequence[tuple[ORI, Manner]], Draw],
    ) -> tuple[Exchange, Answered]:
        """Return a test case that the rules in force hold. Raises: PlantingImpossibleError."""
        shapes, manners, draw = drawn_of
        wanted = self._wanted.get(member, Planting())
        pairs = [(s, flaw) for s in shapes for flaw in wanted.flaws if fits(flaw, s[0])]
        for _ in range(min(TRIES_MAX, len(pairs))):
            (agency, key), flaw = pairs.pop(draw.below(len(pairs)))
            own = [manner for ori, manner in manners if ori == agency.ori]
            manner = draw.pick(own or [manner for _, manner in manners] or [Manner()])
            planted = Planted(flaw=flaw, ordered_by=ordered_by)
            exchange = self._exchange(member, own_id, (agency, key), (planted, manner, draw))
            answered = self._held(exchange)
            if answered is not None:
                return exchange, answered
        raise PlantingImpossibleError(
            "the rules in force hold no test case that could be made: nothing was planted"
        )

    def _exchange(
        self,
        member: Member,
        own_id: ExchangeId,
        shape: _Shape,
        made_of: tuple[Planted, Manner, Draw],
    ) -> Exchange:
        agency, key = shape
        planted, manner, draw = made_of
        origin = self._world.directory.member_of(agency.ori)
        assert origin is not None
        index, _ = self._world.policy(member)
        accepted_at = id_time_ns(own_id) // _NS
        today = datetime.fromtimestamp(accepted_at, UTC).date()
        return Exchange(
            exchange_id=own_id,
            query_id=QueryId(own_id[:_WORD_BYTES] + self._entropy.token(_WORD_BYTES)),
            state=member,
            origin_member=origin,
            # Nobody asked: what it answers to is the rules that hold it.
            query_entry=entry_name(member, index),
            accepted_at=accepted_at,
            agency=agency.ori,
            key=key,
            original_key=key,
            fields=invented_fields(key, today, draw),
            claims=invented_claims(planted.flaw, manner, today.year, draw),
            assurance=Assurance.AGENCY_ASSERTED,
            fan_out=FanOut.SINGLE,
            planted=planted,
        )

    def _held(self, exchange: Exchange) -> Answered | None:
        """Return what the rules in force make of it if they hold it, else None."""
        now = self._now()
        index, policy = self._world.policy(exchange.state)
        facts = facts_of(exchange, self._world.directory, now)
        judged = judge(exchange, facts, policy, index)
        if not is_held_whole(judged, unclaimed(judged, policy)):
            return None
        answered = answer_exchange(
            judged,
            None,
            now=now,
            hold_until=now + self._world.hold_seconds(exchange.state),
            contact=self._world.directory.duty_contact(exchange.state) or "",
        )
        assert answered.hold is not None
        assert not answered.answer.elements
        return answered

    def _shapes(self, member: Member) -> list[_Shape]:
        """Return agencies and keys as of the last live holds; of the whole directory if none is."""
        directory = self._world.directory
        seen = self._seen[member].live if member in self._seen else ()
        found = dict.fromkeys((leaf.agency or "", leaf.key or "") for leaf in seen)
        shapes: list[_Shape] = []
        for ori, key in found:
            agency = directory.agency(ORI(ori))
            if agency is not None and agency.active and key in PLANTED_KEYS:
                shapes.append((agency, MessageKey(key)))
        if not shapes:
            parts = filter(None, map(directory.part, directory.members()))
            askers = [a for part in parts for a in part.agencies if a.active and not a.is_control]
            shapes = [(agency, PLANTED_KEYS[0]) for agency in askers]
        return [(agency, key) for agency, key in shapes if directory.answers(member, key)]

    async def _manners(self, member: Member) -> list[tuple[ORI, Manner]]:
        """Return how open live requests write their case and operator, by agency."""
        found: list[tuple[ORI, Manner]] = []
        rows = await self._store.open_holds([member])
        for row in [row for row in rows if row.waits_for is WaitsFor.REVIEW][:_OPEN_HOLDS_MAX]:
            try:
                place = hold_place(row.exchange_id, row.member)
                exchange = decode_hold(self._vault.open(member, row.sealed, place)).exchange
            except Exception as error:  # noqa: BLE001 - such as a month key that is gone
                self._events.failure("hold_not_opened", error, member=member)
                continue
            if exchange.is_live:
                claims = exchange.claims
                manner = Manner(case_number=claims.case_number, operator=claims.operator)
                found.append((exchange.agency, manner))
        return found

    def _fresh_id(self) -> bytes:
        return make_id(self._clock.now_ns(), self._entropy.token(_WORD_BYTES))

    def _now(self) -> int:
        return self._clock.now_ns() // _NS


def _take(seen: _Seen, leaves: Sequence[bytes]) -> None:
    for leaf in leaves:
        if leaf.startswith(_PLANTED_HOLD):
            seen.planted.append(parse_leaf(leaf).hour)
        elif leaf.startswith(_LIVE_HOLD):
            seen.live.append(parse_leaf(leaf))
