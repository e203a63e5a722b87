"""What a person decides: holds approved, refused, asked about, expired."""

from __future__ import annotations

import msgspec

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, LeafDecision, LeafMode, Outcome
from comity.practice.story.teller import (
    CBP,
    CHILD,
    EXPIRY_SECONDS,
    HSI,
    Teller,
    check_is,
    check_refused,
    expect,
    said,
    saw,
)

__all__ = [
    "desk_releases_in_part",
    "hold_approved_in_part",
    "hold_asked_then_refused",
    "hold_expires",
    "hsi_to_il_held",
    "planted_case_is_caught",
]


async def hsi_to_il_held(tell: Teller) -> str:
    """Illinois holds a request of the Homeland Security family for a person."""
    answer = await tell.ask(HSI, "DQ", "il", tell.by_name("il"), CHILD)
    check_is(answer, ResponseKind.HELD)
    expect(answer.hold is not None and not answer.elements, saw(answer))
    holds = await tell.stage.holds(Member("il"))
    expect(any(h.agency == HSI for h in holds), "the reviewer does not see the hold")
    return said(answer, "HSI asked Illinois in a child-exploitation case")


async def hold_approved_in_part(tell: Teller) -> str:
    """A reviewer approves two classes; the requester gets exactly those fields."""
    query = tell.query(HSI, "DQ", "il", tell.by_name("il"), CHILD)
    (hold,) = [h for h in await tell.stage.holds(Member("il")) if h.agency == HSI]
    approved = (DataClass.STATUS, DataClass.IDENTITY)
    await tell.stage.decide(hold.entry, VerdictKind.APPROVE, approved, "case confirmed by phone")
    answer = tell.keep(await tell.stage.further(query, seconds=15.0))
    check_is(answer, ResponseKind.HIT)
    expect({e.data_class for e in answer.elements} == set(approved), saw(answer))
    expect(answer.is_final, "an approval left the exchange open")
    return said(answer, "an Illinois reviewer approved status and identity, not the address")


async def hold_expires(tell: Teller) -> str:
    """A hold that nobody answers ends, and says so; nothing was released."""
    fields = [("OLN", tell.anchor("il", "noncompliant").driver.oln)]
    query = tell.query(CBP, "DQ", "il", fields)
    first = tell.keep((await tell.stage.ask(query))[0])
    check_is(first, ResponseKind.HELD)
    answer = tell.keep(await tell.stage.further(query, seconds=EXPIRY_SECONDS))
    expect(answer.is_final and not answer.elements, saw(answer))
    expect(all(w.outcome is Outcome.HOLD for w in answer.withheld), saw(answer))
    return "CBP asked Illinois; no reviewer answered in time; the hold ended, nothing went out"


async def hold_asked_then_refused(tell: Teller) -> str:
    """A reviewer asks, then refuses; the requester hears both, and the reasons."""
    vehicle = tell.anchor("il").vehicle
    query = tell.query(HSI, "RQ", "il", [("VIN", vehicle.vin)])
    held = tell.keep((await tell.stage.ask(query))[0])
    check_is(held, ResponseKind.HELD)
    expect(held.hold is not None, saw(held))
    entry = held.hold.entry if held.hold is not None else ""
    await tell.stage.decide(entry, VerdictKind.ASK, note="which case is this")
    asked = tell.keep(await tell.stage.further(query, seconds=15.0))
    expect(asked.response is ResponseKind.HELD and "which case" in asked.remark, saw(asked))
    await tell.stage.decide(entry, VerdictKind.REFUSE, note="no case was named")
    answer = tell.keep(await tell.stage.further(query, seconds=15.0))
    check_refused(answer)
    expect(answer.is_final, "a refusal left the exchange open")
    return "an Illinois reviewer asked HSI for its case, then refused a plate query without one"


async def planted_case_is_caught(tell: Teller) -> str:
    """A test case waits among the requests; its reviewer refuses it, and is told what it was."""
    entry = await tell.stage.plant_case(Member("il"))
    waiting = [hold.entry for hold in await tell.stage.holds(Member("il"))]
    expect(entry in waiting, "the test case does not wait in the queue")
    seen = await tell.stage.refuse_planted(entry)
    expect(seen.flaw != "", "its reviewer was not told that it was a test case")
    verdict = await tell.stage.leaf(seen.entry)
    expect(verdict.mode is LeafMode.PLANTED, f"its verdict stands as {verdict.mode}")
    expect((verdict.cites, verdict.decision) == (entry, LeafDecision.REFUSE), str(verdict))
    return f"an Illinois reviewer caught {entry.upper()}: {seen.flaw.replace('_', ' ')}"


async def desk_releases_in_part(tell: Teller) -> str:
    """A reviewer signs in at the console and releases two parts; exactly they go out."""
    claims = msgspec.structs.replace(CHILD, case_number="HS-26-97")
    query = tell.query(HSI, "DQ", "il", tell.by_name("il"), claims)
    held = tell.keep((await tell.stage.ask(query))[0])
    check_is(held, ResponseKind.HELD)
    entry = held.hold.entry if held.hold is not None else ""
    approved = (DataClass.STATUS, DataClass.IDENTITY)
    seen = await tell.stage.release_at_desk(entry, approved)
    expect("for a decision" in seen.queue, seen.queue)
    expect("asks for status, identity and address" in seen.case, seen.case)
    answer = tell.keep(await tell.stage.further(query, seconds=15.0))
    check_is(answer, ResponseKind.HIT)
    expect({e.data_class for e in answer.elements} == set(approved), saw(answer))
    return said(answer, f"an Illinois reviewer released two parts in {seen.pages} console pages")
