"""One reviewer at work: reads what waits, and decides it, by signed commands to the gateway.

INVARIANT (review-is-verified): what gives a command effect is the reviewer's signature, which is
made by `Reviewer.sign` alone; the gateway checks it against the key that the directory has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final

import msgspec

from comity.domain.answer import ResponseKind
from comity.domain.errors import ComityError
from comity.domain.given_notice import (
    GivenHow,
    GivenNotice,
    SignedGivenNotice,
    given_notice_bytes,
)
from comity.domain.ids import Member, entry_name
from comity.domain.passes import SignedPass, pass_bytes
from comity.domain.planted import Flaw
from comity.domain.record_reading import (
    RecordReading,
    SignedRecordReading,
    record_reading_bytes,
)
from comity.domain.verdict import (
    HistoryReading,
    Reading,
    SignedHistoryReading,
    SignedReading,
    SignedVerdict,
    Verdict,
    VerdictKind,
    VerdictProof,
    history_reading_bytes,
    reading_bytes,
    signed_bytes,
)
from comity.domain.vocabulary import DataClass
from comity.link.command import (
    CommandDone,
    Decide,
    GiveNotice,
    HoldsShown,
    HoldView,
    ReadHistory,
    ReadHolds,
)
from comity.link.review import GrantPass
from comity.link.showing import RecordShown, ShowRecord
from comity.ports import Bus, HoldRow
from comity.review.conflicts import Ground, conflict_note
from comity.review.verdicts import HoldClosedError
from comity.services.granting import Granter
from comity.services.sending import send_command

__all__ = ["SHOW_SECONDS_MAX", "Decided", "GrantedPass", "Reviewer", "Reviewing", "no_open_hold"]


SHOW_SECONDS_MAX: Final = 15.0
"""How long a gateway may take to show a record: its source has 10 s of it."""


class Reviewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who reviews for a state: the enrolled name, and how that person signs."""

    state: Member
    name: str
    sign: Callable[[bytes], VerdictProof]


class GrantedPass(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a case pass that went with a release: its entry, or why there is none."""

    until: int
    entry: str = ""
    why_not: str = ""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """One hold as it stood, the entry of the verdict on it, and what the gateway made of that.

    `released` is what the rules in force let go of what was approved; `granted` the pass with it;
    `planted` what was wrong with a test case, where that is what it ended.
    """

    hold: HoldView
    entry: str
    response: ResponseKind
    released: tuple[DataClass, ...]
    granted: GrantedPass | None = None
    planted: Flaw | None = None


class Reviewing:
    """One reviewer of one state, and the host whose gateway owns the state's ledger."""

    def __init__(
        self, *, bus: Bus, host: str, reviewer: Reviewer, now: Callable[[], float]
    ) -> None:
        self._bus = bus
        self._host = host
        self._reviewer = reviewer
        self._now = now

    async def read(self, hold_entry: str = "") -> HoldsShown:
        """Return the open holds, or one of them with whom it is about, which is recorded."""
        reading = Reading(
            state=self._reviewer.state,
            hold_entry=hold_entry,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(reading_bytes(reading))
        command = ReadHolds(signed=SignedReading(reading=reading, proof=proof))
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, HoldsShown)
        return result

    async def record_reading(self, since: int, until: int) -> str:
        """Record that requests of a time (Unix seconds) are about to be read; return the entry."""
        reading = HistoryReading(
            state=self._reviewer.state,
            since=since,
            until=until,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(history_reading_bytes(reading))
        command = ReadHistory(signed=SignedHistoryReading(reading=reading, proof=proof))
        return await self._done(command)

    async def give_notice(
        self, entry: str, *, law: str, clause: str, how: GivenHow, on: date
    ) -> str:
        """Sign that a resident was told; return the entry of the leaf that says so."""
        notice = GivenNotice(
            state=self._reviewer.state,
            entry=entry,
            law=law,
            clause=clause,
            how=how,
            on=on,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(given_notice_bytes(notice))
        return await self._done(GiveNotice(signed=SignedGivenNotice(notice=notice, proof=proof)))

    async def _done(self, command: ReadHistory | GiveNotice | Decide) -> str:
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, CommandDone)
        return result.entry

    async def what_goes_out(self, hold: HoldView) -> RecordShown:
        """Return what a release of a hold would let go, as it stands; that is recorded first.

        Raises: GatewayRefusalError, GatewaySilentError.
        """
        reading = RecordReading(
            state=self._reviewer.state,
            hold_entry=hold.entry,
            step=hold.next_step,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(record_reading_bytes(reading))
        command = ShowRecord(signed=SignedRecordReading(reading=reading, proof=proof))
        result = await send_command(self._bus, self._host, command, timeout_s=SHOW_SECONDS_MAX)
        assert isinstance(result, RecordShown)
        return result

    async def find(self, hold_entry: str) -> HoldView:
        """Return a hold from the list, which says nothing of whom it is about.

        Raises: HoldClosedError if no such hold is open.
        """
        shown = await self.read()
        for hold in shown.holds:
            if hold.entry == hold_entry:
                return hold
        raise no_open_hold(hold_entry)

    def verdict(
        self, hold: HoldView, kind: VerdictKind, approved: tuple[DataClass, ...], note: str
    ) -> SignedVerdict:
        """Return a signed verdict on a hold as it stands.

        Approving without naming classes approves all that are held.
        """
        if kind is VerdictKind.APPROVE:
            approved = approved or hold.classes
        verdict = Verdict(
            state=self._reviewer.state,
            exchange_id=hold.exchange_id,
            hold_entry=hold.entry,
            step=hold.next_step,
            kind=kind,
            approved=approved,
            note=note,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        return SignedVerdict(verdict=verdict, proof=self._reviewer.sign(signed_bytes(verdict)))

    async def give(self, hold: HoldView, signed: SignedVerdict) -> Decided:
        """Have a verdict carried out. Raises: GatewayRefusalError, GatewaySilentError."""
        result = await send_command(self._bus, self._host, Decide(signed=signed))
        assert isinstance(result, CommandDone)
        facts = dict(result.facts)
        return Decided(
            hold=hold,
            entry=result.entry,
            response=ResponseKind(facts["response"]),
            released=tuple(DataClass(part) for part in facts["released"].split(",") if part),
            planted=Flaw(facts["planted"]) if "planted" in facts else None,
        )

    async def step_back(self, row: HoldRow, ground: Ground) -> str:
        """Sign and send a conflict of interest on a hold as it stands; return its leaf's entry.

        Raises: GatewayRefusalError, GatewaySilentError, UnreachableError.
        """
        return await self._left_open(row, VerdictKind.ESCALATE, conflict_note(ground))

    async def call_back(self, row: HoldRow, note: str) -> str:
        """Sign and send the record of a call on a hold as it stands; return its leaf's entry.

        Raises: GatewayRefusalError, GatewaySilentError, UnreachableError.
        """
        return await self._left_open(row, VerdictKind.ASK, note)

    async def _left_open(self, row: HoldRow, kind: VerdictKind, note: str) -> str:
        """Sign and send a verdict for which nobody need be shown whom the hold is about."""
        verdict = Verdict(
            state=self._reviewer.state,
            exchange_id=row.exchange_id,
            hold_entry=entry_name(row.member, row.leaf_index),
            step=row.next_step,
            kind=kind,
            note=note,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(signed_bytes(verdict))
        return await self._done(Decide(signed=SignedVerdict(verdict=verdict, proof=proof)))

    def signed_pass(self, hold: HoldView, classes: tuple[DataClass, ...], days: int) -> SignedPass:
        """Return a signed case pass of a hold, from now on. Raises: PassNotPossibleError."""
        granter = Granter(
            state=self._reviewer.state, reviewer=self._reviewer.name, now=int(self._now())
        )
        case_pass = granter.of_hold(hold, classes, days)
        return SignedPass(case_pass=case_pass, proof=self._reviewer.sign(pass_bytes(case_pass)))

    def giving(
        self, with_it: SignedPass | None
    ) -> Callable[[HoldView, SignedVerdict], Awaitable[Decided]]:
        """Return what gives a verdict, and then grants the pass that was signed with it.

        Once the verdict took effect it is told so, whatever becomes of the pass.
        """
        if with_it is None:
            return self.give

        async def give_and_grant(hold: HoldView, signed: SignedVerdict) -> Decided:
            done = await self.give(hold, signed)
            return msgspec.structs.replace(done, granted=await self._granted(with_it, done))

        return give_and_grant

    async def _granted(self, signed: SignedPass, done: Decided) -> GrantedPass:
        until = signed.case_pass.until
        if done.planted is not None:
            return GrantedPass(until=until, why_not="it was a test case")
        if done.response is ResponseKind.REFUSED:
            # What the rules refuse by now is no reviewed case: nothing of it goes at once later.
            return GrantedPass(until=until, why_not="the rules in force now release none of it")
        if done.response is ResponseKind.HELD:
            # INVARIANT (review-is-verified): one of two reviewers has released nothing yet.
            return GrantedPass(until=until, why_not="another reviewer confirms the release first")
        try:
            result = await send_command(self._bus, self._host, GrantPass(signed=signed))
            assert isinstance(result, CommandDone)
        except ComityError as error:
            return GrantedPass(until=until, why_not=str(error))
        except Exception:  # noqa: BLE001 - the verdict took effect, and its author must hear that
            return GrantedPass(until=until, why_not="it could not be sent")
        return GrantedPass(until=until, entry=result.entry)


def no_open_hold(entry: str) -> HoldClosedError:
    """Return the error for a hold that is not open, or never was."""
    return HoldClosedError(f"no hold `{entry}` is open: it was decided, or its time ran out")
