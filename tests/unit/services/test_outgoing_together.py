"""Verdicts given together: they leave and come back together, and each ends as it ends."""

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
from comity.link.errors import GatewayRefusalError
from comity.services import outgoing
from comity.services.events import Events
from comity.services.outgoing import (
    BEFORE_END_SECONDS,
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
ANA = (WA, "ana")


def hold(number: int, until: int = NOW + 3_600) -> HoldView:
    """A held request of the case."""
    return HoldView(
        entry=f"wa/{number}",
        exchange_id=ExchangeId(number.to_bytes(16, "big")),
        agency="TXPX00001",
        agency_name="Practice Police",
        key="DQ",
        purpose="court",
        offence="none",
        instrument="none",
        case_number="A-1",
        operator="",
        assurance="not_stated",
        opened_at=NOW,
        until=until,
        next_step=1,
        classes=(DataClass.STATUS,),
        withheld=(),
    )


def on(
    each: HoldView, reviewer: str = "ana", kind: VerdictKind = VerdictKind.APPROVE
) -> tuple[HoldView, SignedVerdict]:
    """A held request with a verdict on it."""
    verdict = Verdict(
        state=WA,
        exchange_id=each.exchange_id,
        hold_entry=each.entry,
        step=each.next_step,
        kind=kind,
        approved=each.classes if kind is VerdictKind.APPROVE else (),
        reviewer=reviewer,
        at=NOW,
    )
    proof = Ed25519Proof(key_id="0" * 8, signature=bytes(64))
    return each, SignedVerdict(verdict=verdict, proof=proof)


class Gateway:
    """Takes verdicts, but on the holds that it refuses."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.refuses: set[str] = set()

    async def give(self, each: HoldView, verdict: SignedVerdict) -> Decided:
        await asyncio.sleep(0)
        if each.entry in self.refuses:
            raise GatewayRefusalError("hold-closed", "the hold changed")
        self.taken.append(each.entry)
        assert verdict.verdict.hold_entry == each.entry
        return Decided(
            hold=each,
            entry=f"{each.entry}9",
            response=ResponseKind.HIT,
            released=verdict.verdict.approved,
        )


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def verdicts() -> Verdicts:
    return Verdicts(clock=ManualClock(NOW * NS), events=Events(MemoryLog()))


async def test_they_leave_at_one_time_before_the_first_hold_ends(
    verdicts: Verdicts, gateway: Gateway
) -> None:
    """A minute from now, or earlier for all where one of them ends earlier."""
    kept = verdicts.add_together([on(hold(1)), on(hold(2))], gateway.give, "A-1")
    assert {each.leaves_at for each in kept} == {NOW + TAKE_BACK_SECONDS}
    soon = hold(4, until=NOW + 20)
    kept = verdicts.add_together([on(hold(3)), on(soon)], gateway.give, "A-1")
    assert {each.leaves_at for each in kept} == {NOW + 20 - BEFORE_END_SECONDS}
    await verdicts.close()
    assert gateway.taken == []


async def test_one_press_takes_all_back_or_sends_all(verdicts: Verdicts, gateway: Gateway) -> None:
    """By any of them, by their author alone, and not one that was given at another time."""
    given = [on(hold(1)), on(hold(2)), on(hold(3))]
    verdicts.add_together(given, gateway.give, "A-1")
    alone = verdicts.add(*on(hold(4)), gateway.give)
    assert not verdicts.take_back_together(WA, "ben", "wa/2", 1)
    assert not verdicts.take_back_together(Member("or"), "ana", "wa/2", 1)
    assert not verdicts.take_back_together(*ANA, "wa/4", 1)
    assert not verdicts.take_back_together(*ANA, "wa/9", 1)
    assert verdicts.take_back_together(*ANA, "wa/2", 1)
    stages = {each.entry: each.stage for each in verdicts.of(*ANA)}
    assert stages == {f"wa/{n}": Stage.TAKEN_BACK for n in (1, 2, 3)} | {"wa/4": Stage.WAITS}
    assert not await verdicts.send_together(WA, "ben", "wa/1", 1)
    assert await verdicts.send_together(*ANA, "wa/1", 1)
    assert gateway.taken == []
    verdicts.add_together(given, gateway.give, "A-1")
    assert await verdicts.send_together(*ANA, "wa/3", 1)
    assert sorted(gateway.taken) == ["wa/1", "wa/2", "wa/3"]
    assert alone.together is None
    await verdicts.close()


async def test_each_ends_as_the_gateway_says(verdicts: Verdicts, gateway: Gateway) -> None:
    """One that is refused stops none of the others, and can be given anew alone."""
    gateway.refuses = {"wa/2"}
    verdicts.add_together([on(hold(n)) for n in (1, 2, 3)], gateway.give, "A-1")
    await verdicts.send_together(*ANA, "wa/1", 1)
    stages = {each.entry: each.stage for each in verdicts.of(*ANA)}
    assert stages == {"wa/1": Stage.DONE, "wa/2": Stage.FAILED, "wa/3": Stage.DONE}
    gateway.refuses = set()
    again = verdicts.add_together([on(hold(n)) for n in (1, 2, 3)], gateway.give, "A-1")
    assert [each.stage for each in again] == [Stage.DONE, Stage.DONE, Stage.WAITS]
    await verdicts.send_together(*ANA, "wa/2", 1)
    assert sorted(gateway.taken) == ["wa/1", "wa/2", "wa/3"]


async def test_sent_twice_they_are_the_first_ones(verdicts: Verdicts, gateway: Gateway) -> None:
    """The second form adds nothing and moves no clock."""
    given = [on(hold(1)), on(hold(2))]
    first = verdicts.add_together(given, gateway.give, "A-1")
    assert verdicts.add_together(given, gateway.give, "A-1") == first
    assert len(verdicts.of(*ANA)) == 2
    await verdicts.close()


async def test_another_verdict_on_its_way_is_left_out(verdicts: Verdicts, gateway: Gateway) -> None:
    """Somebody else's, or one's own of another kind; if nothing is left nothing is kept."""
    verdicts.add(*on(hold(1), "ben"), gateway.give)
    verdicts.add(*on(hold(2), kind=VerdictKind.REFUSE), gateway.give)
    given = [on(hold(n)) for n in (1, 2, 3)]
    (kept,) = verdicts.add_together(given, gateway.give, "A-1", ["wa/7"])
    assert kept.entry == "wa/3"
    assert kept.together is not None
    assert kept.together.left_out == ("wa/7", "wa/1", "wa/2")
    assert verdicts.add_together(given[:2], gateway.give, "A-1") == []
    await verdicts.close()


async def test_there_is_room_for_all_or_for_none(
    verdicts: Verdicts, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many: none is kept; as many as there is room for: all are."""
    monkeypatch.setattr(outgoing, "OUTGOING_MAX", 3)
    verdicts.add(*on(hold(9)), gateway.give)
    with pytest.raises(OutgoingFullError):
        verdicts.add_together([on(hold(n)) for n in (1, 2, 3)], gateway.give, "A-1")
    assert [each.entry for each in verdicts.of(*ANA)] == ["wa/9"]
    verdicts.add_together([on(hold(n)) for n in (1, 2)], gateway.give, "A-1")
    assert len(verdicts.of(*ANA)) == 3
    await verdicts.close()


async def test_a_hold_that_moved_on_is_another_verdict(
    verdicts: Verdicts, gateway: Gateway
) -> None:
    """The next step of a hold is no repeat of the last one."""
    verdicts.add_together([on(hold(1)), on(hold(2))], gateway.give, "A-1")
    later = msgspec.structs.replace(hold(1), next_step=2)
    (kept,) = verdicts.add_together([on(later)], gateway.give, "A-1")
    assert kept.together is not None
    assert kept.together.first == ("wa/1", 2)
    await verdicts.close()
