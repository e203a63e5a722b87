"""Verdicts that have not left: each leaves once, at its time, and never after it was taken back."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from comity.adapters.memory.clock import ManualClock
from comity.domain.answer import ResponseKind
from comity.domain.ids import ExchangeId, Member
from comity.domain.verdict import Ed25519Proof, SignedVerdict, Verdict, VerdictKind
from comity.domain.vocabulary import DataClass
from comity.link.command import HoldView
from comity.link.errors import CommandMalformedError, GatewayRefusalError, GatewaySilentError
from comity.ports import UnreachableError
from comity.services import outgoing
from comity.services.events import Events
from comity.services.outgoing import (
    BEFORE_END_SECONDS,
    SHOWN_SECONDS_MAX,
    TAKE_BACK_SECONDS,
    OutgoingFullError,
    Stage,
    Verdicts,
)
from comity.services.reviewing import Decided
from tests.support.line import MemoryLog

NOW = 1_795_500_000
NS = 1_000_000_000
WA = Member("wa")
HOLD = HoldView(
    entry="wa/7",
    exchange_id=ExchangeId(bytes(16)),
    agency="TXPX00001",
    agency_name="Practice Police",
    key="DQ",
    purpose="court",
    offence="none",
    instrument="none",
    case_number="",
    operator="",
    assurance="not_stated",
    opened_at=NOW,
    until=NOW + 3_600,
    next_step=1,
    classes=(DataClass.STATUS,),
    withheld=(),
)


def signed(step: int = 1, reviewer: str = "ana") -> SignedVerdict:
    """A verdict on the hold; what proves it is the gateway's to check."""
    verdict = Verdict(
        state=WA,
        exchange_id=HOLD.exchange_id,
        hold_entry=HOLD.entry,
        step=step,
        kind=VerdictKind.APPROVE,
        approved=HOLD.classes,
        reviewer=reviewer,
        at=NOW,
    )
    return SignedVerdict(verdict=verdict, proof=Ed25519Proof(key_id="0" * 8, signature=bytes(64)))


class Gateway:
    """Takes verdicts, and may be silent."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.is_silent = False
        self.opens = asyncio.Event()
        self.opens.set()

    async def give(self, hold: HoldView, verdict: SignedVerdict) -> Decided:
        await self.opens.wait()
        if self.is_silent:
            raise GatewaySilentError("the gateway did not answer in time")
        self.taken.append(verdict.verdict.step)
        return Decided(hold=hold, entry="wa/9", response=ResponseKind.HIT, released=hold.classes)


def made(wait_s: int = TAKE_BACK_SECONDS) -> tuple[Verdicts, Gateway, ManualClock]:
    clock = ManualClock(NOW * NS)
    return Verdicts(clock=clock, events=Events(MemoryLog()), wait_s=wait_s), Gateway(), clock


async def test_it_leaves_by_itself_once() -> None:
    """At its time a verdict is sent, and the page can say what it did."""
    verdicts, gateway, _ = made(wait_s=0)
    verdicts.add(HOLD, signed(), gateway.give)
    for _ in range(20):
        await asyncio.sleep(0)
    (kept,) = verdicts.of(WA, "ana")
    assert (gateway.taken, kept.stage) == ([1], Stage.DONE)
    assert kept.done is not None
    assert verdicts.on(HOLD.entry) is None
    await verdicts.close()


async def test_it_waits_a_minute_and_less_before_the_end() -> None:
    """It leaves 60 s later, or 5 s before its hold ends; on a hold that ends now it leaves now."""
    verdicts, gateway, _ = made()
    assert verdicts.add(HOLD, signed(), gateway.give).leaves_at == NOW + TAKE_BACK_SECONDS
    soon = msgspec.structs.replace(HOLD, until=NOW + 30)
    kept = verdicts.add(soon, signed(step=2), gateway.give)
    assert kept.leaves_at == NOW + 30 - BEFORE_END_SECONDS
    now = msgspec.structs.replace(HOLD, until=NOW + 1)
    assert verdicts.add(now, signed(step=3), gateway.give).leaves_at == NOW
    assert verdicts.waiting_entries(WA) == {HOLD.entry}
    assert verdicts.waiting_entries(Member("or")) == frozenset()
    await verdicts.close()
    assert 1 not in gateway.taken


async def test_taken_back_it_never_leaves() -> None:
    """Only its author takes a verdict back, and only while it waits."""
    verdicts, gateway, _ = made()
    verdicts.add(HOLD, signed(), gateway.give)
    assert verdicts.take_back(WA, "ben", HOLD.entry, 1) is None
    back = verdicts.take_back(WA, "ana", HOLD.entry, 1)
    assert back is not None
    assert back.stage is Stage.TAKEN_BACK
    sent = await verdicts.send_now(WA, "ana", HOLD.entry, 1)
    assert sent is not None
    assert (sent.stage, gateway.taken) == (Stage.TAKEN_BACK, [])
    again = verdicts.add(HOLD, signed(), gateway.give)
    assert again.stage is Stage.WAITS
    await verdicts.close()


async def test_what_is_leaving_cannot_be_taken_back() -> None:
    """Once it is on the wire, taking it back changes nothing and says so."""
    verdicts, gateway, _ = made()
    verdicts.add(HOLD, signed(), gateway.give)
    gateway.opens.clear()
    sending = asyncio.create_task(verdicts.send_now(WA, "ana", HOLD.entry, 1))
    await asyncio.sleep(0)
    back = verdicts.take_back(WA, "ana", HOLD.entry, 1)
    assert back is not None
    assert back.stage is Stage.LEAVES
    gateway.opens.set()
    await sending
    assert gateway.taken == [1]
    await verdicts.close()


async def test_second_one_on_the_same_step_is_the_first() -> None:
    """Whoever comes second gets the first one; after a failure it can be given again."""
    verdicts, gateway, _ = made()
    first = verdicts.add(HOLD, signed(), gateway.give)
    assert verdicts.add(HOLD, signed(reviewer="ben"), gateway.give) is first
    gateway.is_silent = True
    failed = await verdicts.send_now(WA, "ana", HOLD.entry, 1)
    assert failed is not None
    # It may have arrived: only the gateway can say that it had no effect.
    assert (failed.stage, failed.code) == (Stage.UNKNOWN, "gateway-silent")
    gateway.is_silent = False
    assert verdicts.add(HOLD, signed(), gateway.give).stage is Stage.WAITS
    sent = await verdicts.send_now(WA, "ana", HOLD.entry, 1)
    assert sent is not None
    assert (sent.stage, gateway.taken) == (Stage.DONE, [1])
    await verdicts.close()


async def test_what_waits_when_the_process_ends_was_not_given() -> None:
    """Closing drops what waits, and waits for what is leaving."""
    verdicts, gateway, _ = made()
    verdicts.add(HOLD, signed(), gateway.give)
    await verdicts.close()
    assert gateway.taken == []


async def test_page_that_is_given_up_does_not_leave_it_half_sent() -> None:
    """Whoever waited for it may go: it arrives, is settled, and closing waits for it."""
    verdicts, gateway, _ = made()
    verdicts.add(HOLD, signed(), gateway.give)
    gateway.opens.clear()
    page = asyncio.create_task(verdicts.send_now(WA, "ana", HOLD.entry, 1))
    for _ in range(3):
        await asyncio.sleep(0)
    page.cancel()
    await asyncio.gather(page, return_exceptions=True)
    closing = asyncio.create_task(verdicts.close())
    await asyncio.sleep(0)
    assert not closing.done()
    gateway.opens.set()
    await closing
    (kept,) = verdicts.of(WA, "ana")
    assert (kept.stage, gateway.taken) == (Stage.DONE, [1])


@pytest.mark.parametrize(
    ("error", "stage"),
    [
        (GatewayRefusalError("hold-closed", "the hold has expired"), Stage.FAILED),
        (UnreachableError("nobody answered"), Stage.UNKNOWN),
        (CommandMalformedError("`result` is not of a known kind and form"), Stage.UNKNOWN),
        (ValueError("of any kind"), Stage.UNKNOWN),
    ],
)
async def test_only_a_refusal_had_no_effect(error: Exception, stage: Stage) -> None:
    """Where no reply came, the verdict may have arrived, and nobody says that it did not."""

    async def give(hold: HoldView, verdict: SignedVerdict) -> Decided:
        raise error

    verdicts, _, _ = made()
    verdicts.add(HOLD, signed(), give)
    kept = await verdicts.send_now(WA, "ana", HOLD.entry, 1)
    assert kept is not None
    assert (kept.stage, verdicts.waiting_entries(WA)) == (stage, frozenset())
    assert "of any kind" not in kept.why
    await verdicts.close()


async def test_numbers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many are refused; what was settled makes room, and is forgotten after a while."""
    monkeypatch.setattr(outgoing, "OUTGOING_MAX", 1)
    verdicts, gateway, clock = made()
    verdicts.add(HOLD, signed(), gateway.give)
    with pytest.raises(OutgoingFullError):
        verdicts.add(HOLD, signed(step=2), gateway.give)
    verdicts.take_back(WA, "ana", HOLD.entry, 1)
    assert verdicts.add(HOLD, signed(step=2), gateway.give).stage is Stage.WAITS
    assert [kept.signed.verdict.step for kept in verdicts.of(WA, "ana")] == [2]
    verdicts.take_back(WA, "ana", HOLD.entry, 2)
    clock.advance_ns((SHOWN_SECONDS_MAX + 1) * NS)
    assert verdicts.of(WA, "ana") == []
    await verdicts.close()
