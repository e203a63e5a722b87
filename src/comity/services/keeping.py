"""Keys and records of this host's members: orders carried out, the schedule kept, holds respected.

    1. check who signed the order, and that nothing speaks against it
    2. commit the leaf, with its document and who asked for it
    3. only then: do what it says; then remember that it was done

Guarantee: nothing is destroyed, expunged or erased without a leaf that says so. What is committed
and not done is done by the next start or at the next interval, and twice is once. An order counts
once: the id of its leaf's key is derived from it.
# INVARIANT (fail-closed): what cannot be read of a member's events holds everything of it.
Source: docs/adr/0024-private-records.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name, make_id, parse_entry_name
from comity.domain.keeping import (
    KeepingReason,
    KeyEvent,
    KeyEventKind,
    Order,
    OrderAct,
    SignedOrder,
    encode_key_event,
    month_name,
    order_bytes,
    parse_key_event,
    parse_month,
)
from comity.domain.leaf import SEALED, LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import Fields, note_fields
from comity.ledger.plan import Existing
from comity.ledger.tile import TILE_WIDTH
from comity.ports import (
    EVERY_MONTH,
    Clock,
    Entropy,
    HeldMonth,
    KeyEventRow,
    Keyring,
    LedgerRows,
    Store,
    month_of_key,
)
from comity.review.keeping import (
    DetailNotOpenedError,
    HoldUnknownError,
    KeyInUseError,
    KeyUnderHoldError,
    KeyUnknownError,
    Standing,
    event_of,
    is_due,
    standing_of,
)
from comity.review.orders import OrderRefusedError, check_signed_order
from comity.services.entries import Entry
from comity.services.events import Events
from comity.services.health import Health
from comity.services.member import World
from comity.services.needed_months import (
    check_months,
    is_for_demand,
    months_needed,
    sealed_months,
)
from comity.services.sealed_rows import SealedRows
from comity.services.sequencer import Refused, Sequencer, recorded_index
from comity.services.vault import month_of
from comity.services.verdict import ClockSkewedError

__all__ = ["BundleNeededError", "Done", "Due", "Keeping", "KeyNotLostError", "OrderUsedError"]

_NS: Final = 1_000_000_000
_REMOVABLE: Final = frozenset(
    {
        LeafKind.QUERY,
        LeafKind.DISCLOSURE,
        LeafKind.DENIAL,
        LeafKind.HOLD,
        LeafKind.VERDICT,
        LeafKind.CLOSURE,
        LeafKind.PASS,
        LeafKind.NOTICE,
        LeafKind.ACCESS,
    }
)
"""What an exchange leaves. What was ordered, published or withdrawn is what others check by."""


class OrderUsedError(ComityError):
    """An order counts once, and this one was carried out."""

    code = "order-used"


class KeyNotLostError(ComityError):
    """A key of the month is in the keyring and opens: it is not lost."""

    code = "key-not-lost"


class BundleNeededError(ComityError):
    """The leaf's bundle cannot be withdrawn, for what else stands in it or is still to come."""

    code = "bundle-needed"


class Done(NamedTuple):
    """An order that was recorded, and why it is not carried out yet, if it is not."""

    entry: str
    waits_for: ComityError | None


class Due(NamedTuple):
    """A month whose keys the schedule has destroyed, and what speaks against it, if anything."""

    month: int
    against: ComityError | None


class Keeping:
    """Carries out what is ordered or scheduled; one act at a time.

    `_under_way` holds orders that are being carried out, so that they are not forgotten.
    """

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        rows: LedgerRows,
        keyring: Keyring,
        sequencer: Sequencer,
        health: Health,
        clock: Clock,
        entropy: Entropy,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._rows = rows
        self._keyring = keyring
        self._sequencer = sequencer
        self._health = health
        self._clock = clock
        self._entropy = entropy
        self._events = events
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Future[Done]] = set()

    async def standing(self, member: Member) -> Standing:
        """Return what a member's events came to. Raises: KeyEventError, StoreDownError."""
        return _standing(await self._store.key_events(member))

    async def held(self, members: Sequence[Member]) -> list[HeldMonth]:
        """Return the months of which nothing may go."""
        held: list[HeldMonth] = []
        for member in members:
            try:
                standing = await self.standing(member)
            except ComityError as error:
                self._events.failure("key_events_unread", error, member=member)
                held.append((member, EVERY_MONTH))
                continue
            for hold in standing.holds:
                months = (EVERY_MONTH,) if hold.months is None else sorted(hold.months)
                held += [(member, month) for month in months]
        return held

    async def carry_out(self, signed: SignedOrder) -> Done:
        """Carry out an order.

        Raises: OrderError, OrderRefusedError, SecondPersonError, OrderExpiredError, OrderUsedError;
        KeyUnderHoldError, KeyInUseError, DetailNotOpenedError, KeyUnknownError, KeyNotLostError,
        HoldUnknownError, BundleNeededError; ClockSkewedError; what the sequencer refused with.
        """
        order = signed.order
        now = self._now()
        self._check_clock()
        persons = check_signed_order(
            signed, lambda name: self._world.directory.reviewer(order.state, name), now
        )
        # It goes on by itself: what was recorded is done, although whoever asked has gone.
        task = asyncio.ensure_future(self._carry_out(signed, persons, now))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def due(self, member: Member) -> list[Due]:
        """Return the months that the schedule has destroyed and that have a key, in order."""
        now = self._now()
        standing = await self.standing(member)
        needed = await months_needed(self._store, member, now)
        found: list[Due] = []
        for month in self.keys(member):
            if is_due(standing, month, month_of(now)):
                try:
                    check_months(standing, [month], now, needed)
                except ComityError as error:
                    found.append(Due(month, error))
                else:
                    found.append(Due(month, None))
        return found

    def keys(self, member: Member) -> dict[int, int]:
        """Return how many keys each month of a member has, in order."""
        counts: dict[int, int] = {}
        for number in self._keyring.keys(member):
            month = month_of_key(number)
            counts[month] = counts.get(month, 0) + 1
        return counts

    async def take_up(self, members: Sequence[Member]) -> None:
        """Do what is committed and not done, and again what an old keyring has brought back."""
        async with self._turn:
            heads = await self._store.heads(members)
            for member, (head, _) in heads.items():
                try:
                    await self._finish(member, head.frontier.size)
                except ComityError as error:
                    self._events.failure("keeping_not_done", error, member=member)

    async def keep_schedule(self, members: Sequence[Member]) -> None:
        """Destroy the keys of months that are past their member's schedule."""
        await self.take_up(members)
        self._check_clock()
        for member in members:
            try:
                async with self._turn:
                    for due in await self.due(member):
                        if due.against is None:
                            await self._destroy_scheduled(member, due.month)
            except ComityError as error:
                self._events.failure("schedule_not_kept", error, member=member)

    async def _destroy_scheduled(self, member: Member, month: int) -> None:
        standing = await self.standing(member)
        assert standing.schedule is not None
        event = KeyEvent(
            version=1,
            member=member,
            event=KeyEventKind.DESTROYED,
            reason=KeepingReason.RETENTION_SCHEDULE,
            months=(month_name(month),),
        )
        fields = note_fields(order="", persons="", matter=entry_name(member, standing.schedule))
        leaf_id = make_id(self._clock.now_ns(), self._entropy.token(8))
        index = await self._commit(member, leaf_id, encode_key_event(event), fields)
        self._events.note("keys_destroyed", member=member)
        await self._do(member, index, event)

    async def _carry_out(self, signed: SignedOrder, persons: tuple[str, ...], now: int) -> Done:
        order = signed.order
        async with self._turn:
            key = (order_id(order), order.state, 0)
            async with self._store.batch([order.state], [key]) as transaction:
                used = transaction.existing.get(key)
            if used is not None:
                raise _used(order.state, used)
            await self._check(order, now)
            return await self._record(signed, persons, key[0])

    async def _record(self, signed: SignedOrder, persons: tuple[str, ...], leaf_id: bytes) -> Done:
        order = signed.order
        fields = note_fields(
            order=order_bytes(order).decode(),
            persons=",".join(persons),
            matter=order.matter,
            signatures=",".join(s.signature.hex() for s in signed.signatures),
        )
        if order.act is OrderAct.REDACT:
            assert order.entry is not None
            return await self._redact(order.state, leaf_id, order.entry, fields)
        event = event_of(order)
        index = await self._commit(order.state, leaf_id, encode_key_event(event), fields)
        return Done(entry_name(order.state, index), await self._try(order.state, index, event))

    async def _redact(self, member: Member, leaf_id: bytes, entry: str, fields: Fields) -> Done:
        _, redacted = parse_entry_name(entry)
        if isinstance(self._rows, SealedRows):
            await self._rows.bring_back(member, redacted)
        leaf = self._leaf(member, LeafKind.REDACTION, fields, cites=entry)
        index = await self._place(
            Entry(member=member, exchange_id=leaf_id, leaves=(leaf,), redacts=redacted)
        )
        waits_for: ComityError | None = None
        try:
            await self._store.erase(member, redacted)
        except ComityError as error:
            self._events.failure("keeping_not_done", error, member=member)
            waits_for = error
        return Done(entry_name(member, index), waits_for)

    async def _commit(
        self, member: Member, leaf_id: bytes, document: bytes, fields: Fields
    ) -> LeafIndex:
        digest = sha256(document).digest()
        leaf = self._leaf(member, LeafKind.KEY, fields, digest=digest)
        return await self._place(
            Entry(member=member, exchange_id=leaf_id, leaves=(leaf,), document=document)
        )

    async def _place(self, entry: Entry) -> LeafIndex:
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        assert index is not None
        if isinstance(result, Existing):
            raise _used(entry.member, index)
        return index

    def _leaf(
        self,
        member: Member,
        kind: LeafKind,
        fields: Fields,
        *,
        digest: bytes | None = None,
        cites: str | None = None,
    ) -> WantedLeaf:
        header = LeafHeader(
            version=1,
            kind=kind,
            mode=LeafMode.LIVE,
            hour=self._now() // HOUR_SECONDS,
            member=member,
            digest=digest,
            cites=cites,
        )
        return WantedLeaf(step=0, header=header, fields=fields)

    # Doing.

    async def _finish(self, member: Member, size: int) -> None:
        rows = await self._store.key_events(member)
        for row in rows:
            if not row.is_done:
                await self._do(member, row.leaf_index, parse_key_event(row.body))
        for month in sorted(self.keys(member).keys() & _standing(rows).destroyed):
            # An old copy of the keyring does not bring back what was destroyed.
            self._keyring.destroy(member, month)
            self._events.alarm("destroyed_keys_came_back", member=member)
        for index in await self._store.withdrawn(member, 0, size):
            await self._store.erase(member, index)

    async def _try(self, member: Member, index: int, event: KeyEvent) -> ComityError | None:
        """Do what is recorded; what fails is tried again, and must not be called refused."""
        try:
            await self._do(member, index, event)
        except ComityError as error:
            self._events.failure("keeping_not_done", error, member=member)
            return error
        return None

    async def _do(self, member: Member, index: int, event: KeyEvent) -> None:
        months = [parse_month(month) for month in event.months or ()]
        match event.event:
            case KeyEventKind.DESTROYED:
                for month in months:
                    self._keyring.destroy(member, month)
            case KeyEventKind.ROTATED | KeyEventKind.LOST:
                rows = await self._store.key_events(member)
                standing = _standing([row for row in rows if row.leaf_index <= index])
                # Nothing is sealed any more in a month that is over.
                for month in months:
                    if month >= month_of(self._now()):
                        self._keyring.rotate(member, month, standing.generation(month))
            case KeyEventKind.EXPUNGED:
                assert event.entry is not None
                await self._store.expunge(member, parse_entry_name(event.entry)[1])
            case (
                KeyEventKind.HELD
                | KeyEventKind.HOLD_ENDED
                | KeyEventKind.SCHEDULED
                | KeyEventKind.SUCCEEDED
            ):
                pass
        await self._store.save_done(member, index)

    # What speaks against it.

    async def _check(self, order: Order, now: int) -> None:
        member = order.state
        standing = await self.standing(member)
        months = [parse_month(month) for month in order.months or ()]
        match order.act:
            case OrderAct.DESTROY:
                self._check_known(member, months)
                check_months(standing, months, now, await months_needed(self._store, member, now))
            case OrderAct.DECLARE_LOST:
                for month in months:
                    if not self._keyring.is_lost(member, month):
                        raise KeyNotLostError(f"a key of {month_name(month)} is there and opens")
            case OrderAct.ROTATE:
                if months != [month_of(now)]:
                    raise KeyUnknownError("`months` is not this month: nothing else is sealed now")
            case OrderAct.END_HOLD:
                index = _index_of(order)
                if all(hold.leaf_index != index for hold in standing.holds):
                    raise HoldUnknownError(f"no litigation hold stands under {order.entry}")
            case OrderAct.EXPUNGE:
                await self._check_expungement(standing, member, _index_of(order), now)
            case OrderAct.REDACT:
                await self._check_redaction(standing, member, _index_of(order))
            case OrderAct.SUCCEED:
                raise OrderRefusedError("a succession is carried out by `comity ledger succeed`")
            case OrderAct.HOLD | OrderAct.SCHEDULE:
                pass

    def _check_known(self, member: Member, months: Sequence[int]) -> None:
        kept = self.keys(member)
        for month in months:
            if month not in kept:
                raise KeyUnknownError(f"there is no key of {month_name(month)} in the keyring")

    async def _check_expungement(
        self, standing: Standing, member: Member, index: int, now: int
    ) -> None:
        header = await self._removable(standing, member, index)
        if await self._store.private_row(member, index) is None:
            raise OrderRefusedError("the leaf has no private record any more")
        is_sealed = SEALED in (header.agency, header.purpose, header.offence)
        month = month_of(header.hour * HOUR_SECONDS)
        if is_sealed and month in await sealed_months(self._store, member, now):
            raise DetailNotOpenedError("the leaf's detail may still be to be opened")
        if await self._store.open_exchange(member, index):
            raise KeyInUseError("the exchange is still open: its end must be recorded first")

    async def _check_redaction(self, standing: Standing, member: Member, index: int) -> None:
        await self._removable(standing, member, index)
        first = index // TILE_WIDTH * TILE_WIDTH
        leaves = await self._rows.leaves(member, first, first + TILE_WIDTH)
        if len(leaves) < TILE_WIDTH:
            raise BundleNeededError(
                f"the leaf's bundle is not full: {TILE_WIDTH - len(leaves)} leaves are to come"
            )
        if any(data and parse_leaf(data).kind is LeafKind.REDACTION for data in leaves):
            raise BundleNeededError("the leaf's bundle accounts for another that is withdrawn")

    async def _removable(self, standing: Standing, member: Member, index: int) -> LeafHeader:
        """Return the leaf that is to lose something, if it may."""
        leaves = await self._rows.leaves(member, index, index + 1)
        if not leaves or not leaves[0]:
            raise OrderRefusedError("`entry` is of no leaf of this ledger, or was withdrawn")
        header = parse_leaf(leaves[0])
        if header.kind not in _REMOVABLE:
            raise OrderRefusedError(f"a leaf of kind `{header.kind}` is what others check by")
        if await is_for_demand(self._store, member, index, header):
            raise OrderRefusedError("what was handed over for a demand is what a court checks by")
        row = await self._store.private_row(member, index)
        months = {month_of(header.hour * HOUR_SECONDS)}
        months |= {month_of_key(row.sealed.key_number)} if row is not None else set()
        for month in sorted(months):
            if standing.holding(month) is not None:
                raise KeyUnderHoldError(f"{month_name(month)} is under a litigation hold")
        return header

    def _check_clock(self) -> None:
        # INVARIANT (fail-closed): by a clock that is off, a month could be over that is not.
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")

    def _now(self) -> int:
        return self._clock.now_ns() // _NS


def order_id(order: Order) -> bytes:
    """Return the id under which an order's leaf is recorded: its time, then a hash of it."""
    return make_id(order.at * _NS, sha256(order_bytes(order)).digest()[:8])


def _used(member: Member, index: LeafIndex) -> OrderUsedError:
    entry = entry_name(member, index)
    return OrderUsedError(f"the order counts once, and is recorded as {entry}")


def _standing(rows: Sequence[KeyEventRow]) -> Standing:
    return standing_of((row.leaf_index, parse_key_event(row.body)) for row in rows)


def _index_of(order: Order) -> int:
    assert order.entry is not None
    return parse_entry_name(order.entry)[1]
