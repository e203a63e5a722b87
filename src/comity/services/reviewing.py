"""One reviewer at work: reads what waits, and decides it, by signed commands to the gateway.

INVARIANT (review-is-verified): what gives a command effect is the reviewer's signature, which is
made by `Reviewer.sign` alone; the gateway checks it against the key that the directory has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from comity.domain.record_reading import (
    RecordReading,
    SignedRecordReading,
    record_reading_bytes,
)
from comity.domain.verdict import (
    Reading,
    SignedReading,
    SignedVerdict,
    Verdict,
    VerdictKind,
    VerdictProof,
    reading_bytes,
    signed_bytes,
)
from comity.domain.vocabulary import DataClass
from comity.link.command import CommandDone, Decide, HoldsShown, HoldView, ReadHolds
from comity.link.showing import RecordShown, ShowRecord
from comity.ports import Bus
from comity.review.verdicts import HoldClosedError
from comity.services.sending import send_command

__all__ = ["SHOW_SECONDS_MAX", "Decided", "Reviewer", "Reviewing", "no_open_hold"]


SHOW_SECONDS_MAX: Final = 15.0
"""How long a gateway may take to show a record: its source has 10 s of it."""


class Reviewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who reviews for a state: the enrolled name, and how that person signs."""

    state: Member
    name: str
    sign: Callable[[bytes], VerdictProof]


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """One hold as it stood, the entry of the verdict on it, and what the gateway made of that.

    `released` is what the rules in force let go of what was approved.
    """

    hold: HoldView
    entry: str
    response: ResponseKind
    released: tuple[DataClass, ...]


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
        )


def no_open_hold(entry: str) -> HoldClosedError:
    """Return the error for a hold that is not open, or never was."""
    return HoldClosedError(f"no hold `{entry}` is open: it was decided, or its time ran out")
