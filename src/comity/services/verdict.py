"""The review desk's commands: a verdict, an expiry, a list of holds; each as the sequencer allows.

INVARIANT (review-is-verified): a verdict's signature is checked against the enrolled key before
anything is decided, and the policy in force is asked again with the review known.
"""

from __future__ import annotations

import asyncio
from typing import Final, assert_never

from comity.domain.errors import ComityError
from comity.domain.ids import ExchangeId, LeafIndex, Member, entry_name, parse_entry_name
from comity.domain.verdict import SignedVerdict, VerdictKind
from comity.exchange.answering import Answered, Found, HoldFile, judge, needs_look_up
from comity.exchange.facts import facts_of
from comity.ledger.plan import Existing, Stale
from comity.link.parcel import Answered as AnsweredParcel
from comity.ports import Clock, HoldRow, Lookup, Record, Source, SourceError, Store
from comity.review.clocks import expire
from comity.review.verdicts import HoldClosedError, approve, ask, check_verdict, escalate, refuse
from comity.services.answer import SOURCE_SECONDS_MAX, is_fit, with_proofs
from comity.services.courier import Courier
from comity.services.entries import Entry, HoldEnd, decode_hold, hold_place
from comity.services.events import Events
from comity.services.health import Health
from comity.services.member import World
from comity.services.sequencer import Committed, Refused, Sequencer
from comity.services.vault import Vault

__all__ = ["ClockSkewedError", "HoldNotDueError", "OpenHold", "ReviewDesk"]

_NS: Final = 1_000_000_000
_ROUNDS_MAX: Final = 4


class HoldNotDueError(ComityError):
    """The hold's time is not over yet."""

    code = "hold-not-due"


class ClockSkewedError(ComityError):
    """The host's clock is not to be believed: nothing is decided, and no hold ends."""

    code = "clock-skewed"


OpenHold = tuple[HoldRow, HoldFile]


class ReviewDesk:
    """Ends holds of this host's members."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        source: Source,
        sequencer: Sequencer,
        courier: Courier,
        vault: Vault,
        health: Health,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._source = source
        self._sequencer = sequencer
        self._courier = courier
        self._vault = vault
        self._health = health
        self._clock = clock
        self._events = events

    async def holds(self, member: Member) -> list[OpenHold]:
        """Return a member's open holds, the earliest deadline first."""
        opened: list[OpenHold] = []
        for row in await self._store.open_holds([member]):
            try:
                opened.append((row, self._file(row)))
            except ComityError as error:
                # Such as a month key that is gone: the others must still be seen.
                self._events.failure("hold_not_opened", error, member=member)
        return opened

    async def hold(self, entry: str) -> OpenHold:
        """Return one open hold by its citation. Raises: HoldClosedError if there is none."""
        member, index = parse_entry_name(entry)
        row = await self._store.open_hold(member, index)
        if row is None:
            raise HoldClosedError("no hold is open under this entry")
        return row, self._file(row)

    async def decide(self, signed: SignedVerdict) -> str:
        """Carry out a verdict; return the entry of its leaf.

        Raises: VerdictError, HoldClosedError, SourceError, ClockSkewedError, or what the sequencer
        refused with.
        """
        self._check_clock()
        verdict = signed.verdict
        for _ in range(_ROUNDS_MAX):
            row, hold = await self.hold(verdict.hold_entry)
            now = self._clock.now_ns() // _NS
            key = self._world.directory.reviewer(verdict.state, verdict.reviewer)
            check_verdict(signed, key, hold, verdict.hold_entry, now, step=row.next_step)
            answered, closes = await self._answered(signed, row, hold, now)
            entry = await self._record(row, hold, answered, closes=closes)
            if entry is not None:
                return entry
        raise HoldClosedError("the hold changed while the verdict was carried out")

    async def expire(self, entry: str) -> str:
        """End a hold whose time is over; return the entry of the closure.

        Raises: HoldClosedError, HoldNotDueError: the caller's clock is not believed;
        ClockSkewedError: nor is this host's.
        """
        self._check_clock()
        row, hold = await self.hold(entry)
        now = self._clock.now_ns() // _NS
        if now < hold.until:
            raise HoldNotDueError("the hold's time is not over")
        answered = expire(hold, entry=entry, step=row.next_step, now=now)
        recorded = await self._record(row, hold, answered, closes=True)
        if recorded is None:
            raise HoldClosedError("the hold was answered meanwhile")
        return recorded

    async def _answered(
        self, signed: SignedVerdict, row: HoldRow, hold: HoldFile, now: int
    ) -> tuple[Answered, bool]:
        """Return what a verdict makes, and whether it ends the hold."""
        step = row.next_step
        policy = self._world.policy(hold.exchange.state)[0]
        contact = self._world.directory.duty_contact(hold.exchange.state) or ""
        match signed.verdict.kind:
            case VerdictKind.APPROVE:
                return await self._approved(signed, row, hold, now), True
            case VerdictKind.REFUSE:
                return refuse(signed, hold, policy=policy, step=step, now=now), True
            case VerdictKind.ASK:
                return ask(signed, hold, contact=contact, policy=policy, step=step, now=now), False
            case VerdictKind.ESCALATE:
                return (
                    escalate(signed, hold, contact=contact, policy=policy, step=step, now=now),
                    False,
                )

    async def _approved(
        self, signed: SignedVerdict, row: HoldRow, hold: HoldFile, now: int
    ) -> Answered:
        exchange = hold.exchange
        index, policy = self._world.policy(exchange.state)
        judged = judge(
            exchange,
            facts_of(exchange, self._world.directory, now),
            policy,
            index,
            classes=signed.verdict.approved,
            reviewed=True,
        )
        found = None
        if needs_look_up(judged):
            lookup = Lookup(state=exchange.state, key=exchange.key, fields=exchange.fields)
            record = await self._look_up(lookup)
            if record is not None:
                found = Found(kind=record.kind, elements=record.elements, matches=record.matches)
        answered = approve(signed, hold, judged, found, step=row.next_step, now=now)
        if not is_fit(answered.answer):
            raise SourceError("the record is too long to travel")
        return answered

    async def _look_up(self, lookup: Lookup) -> Record | None:
        try:
            async with asyncio.timeout(SOURCE_SECONDS_MAX):
                (record,) = await self._source.find([lookup])
        except TimeoutError:
            raise SourceError("the source did not answer") from None
        if isinstance(record, SourceError):
            raise record
        return record

    def _check_clock(self) -> None:
        # INVARIANT (fail-closed): deadlines and bands would be wrong by this host's clock.
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")

    async def _record(
        self, row: HoldRow, hold: HoldFile, answered: Answered, *, closes: bool
    ) -> str | None:
        """Commit, then send the answer; None if the hold or the policy changed meanwhile."""
        exchange = hold.exchange
        entry = Entry(
            member=exchange.state,
            exchange_id=exchange.exchange_id,
            leaves=answered.leaves,
            decided_under=answered.policy if answered.policy >= 0 else None,
            answer=answered.answer,
            hold_end=HoldEnd(leaf_index=LeafIndex(row.leaf_index), closed=closes),
        )
        (result,) = await self._sequencer.commit([entry])
        match result:
            case Committed():
                host = self._world.directory.host_of(exchange.origin_member)
                if host is not None:
                    answer = with_proofs(answered.answer, result)
                    parcel = AnsweredParcel(origin=exchange.origin_member, answer=answer)
                    self._courier.post(host, [parcel])
                return entry_name(exchange.state, result.leaves[0].index)
            case Refused():
                raise result.error
            case Stale() | Existing():
                return None
            case _:
                assert_never(result)

    def _file(self, row: HoldRow) -> HoldFile:
        place = hold_place(ExchangeId(row.exchange_id), row.member)
        return decode_hold(self._vault.open(row.member, row.sealed, place))
