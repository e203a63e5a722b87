"""What would go out, on the case page: on demand, once a session, each outcome in its sentence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.console.opened_cases import OPENED_SECONDS_MAX, RECORDS_MAX, OpenedCases, ShownRecord
from comity.console.people import Role
from comity.domain.answer import Element
from comity.domain.record_reading import RecordOutcome
from comity.domain.vocabulary import DataClass, LeafKind, Outcome
from comity.link.showing import RecordShown
from comity.services.health import CLOCK_SKEW_NS_MAX
from tests.support.console import Answered, PracticeConsole, console_on, person_of
from tests.support.gateway import (
    DENY_ALL,
    ELEMENTS,
    HOLD_ALL,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    driver,
    policy_of,
    running,
)
from tests.unit.console.test_cases import HELD, SCRIPT, give, held
from tests.unit.policy.build import rule

WITHOUT_STREET = rule("NO-STREET", Outcome.DENY, data_class=(DataClass.ADDRESS,))


async def show(console: PracticeConsole, token: str, number: int) -> Answered:
    """Press the button; return the page that comes of it."""
    row = await console.host.store.open_hold(WA, number)
    assert row is not None
    path = f"/state/cases/{number}/what-goes-out"
    sent = await console.post(path, {"step": row.next_step}, token)
    if sent.status != 303:
        return sent
    assert sent.location == f"/state/cases/{number}#what-goes-out"
    return await console.get(f"/state/cases/{number}", token)


def looks(host: PracticeHost) -> int:
    """How many readings Washington's ledger has."""
    return len(host.leaves(WA, LeafKind.ACCESS))


async def test_it_is_shown_on_demand_and_recorded_first() -> None:
    """The case alone shows nothing of the record; pressed, every element is there, and its leaf."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        case = await console.get(f"/state/cases/{number}", token)
        assert "Show what would go out" in case.text
        assert not any(element.value in case.text for element in ELEMENTS if element.value != "")
        page = await show(console, token, number)
        assert (
            "A release now lets 3 elements go (status, identity and address). "
            "Kind of record: driver licence." in page.text
        )
        for element in ELEMENTS:
            assert element.value in page.text
        assert f"That you saw this is recorded as WA/{host.size(WA) - 1}." in page.text
        assert looks(host) == 2
        part = await console.get(f"/state/cases/{number}/part", token)
        assert "100 Example Ave" in part.text


async def test_it_is_recorded_once_a_session_and_state_of_the_hold() -> None:
    """Pressed again it is no further leaf; in another session, or once the hold moved on, it is."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        for _ in range(3):
            await show(console, token, number)
        assert looks(host) == 2
        host.clock.advance_ns(1_000_000_000)
        other = console.sign_in(person_of(Role.REVIEWER))
        case = await console.get(f"/state/cases/{number}", other)
        assert "100 Example Ave" not in case.text
        assert "100 Example Ave" in (await show(console, other, number)).text
        assert looks(host) == 4
        await give(console, token, number, "ask", note="Which case?")
        asked = await console.get(f"/state/cases/{number}", token)
        assert "100 Example Ave" not in asked.text
        host.clock.advance_ns(1_000_000_000)
        assert "100 Example Ave" in (await show(console, token, number)).text
        assert looks(host) == 6


async def test_an_old_page_shows_nothing() -> None:
    """A form from before the hold moved on is told so."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, number, "ask", note="Which case?")
        old = await console.post(f"/state/cases/{number}/what-goes-out", {"step": "1"}, token)
        assert (old.status, "answered or asked about" in old.heading) == (409, True)


async def test_each_outcome_has_its_sentence() -> None:
    """No record, several, all refused by now: said, and nothing shown."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, number) for number in (1, 2, 3)]
        token = console.sign_in(person_of(Role.REVIEWER))
        known = list(host.source.drivers)
        host.source.drivers.clear()
        none = await show(console, token, numbers[0])
        assert "There is no record. A release now tells Practice Police so." in none.text
        host.source.drivers[:] = [*known, driver()]
        several = await show(console, token, numbers[1])
        assert "More than one record matches." in several.text
        assert "100 Example Ave" not in several.text
        await host.overtake(WA, policy_of(WA, DENY_ALL, version=2))
        refused = await show(console, token, numbers[2])
        assert "The rules in force now refuse all of it, whatever you decide." in refused.text
        assert "DENY: Rule DENY says so." in refused.text
        assert "100 Example Ave" not in refused.text


async def test_what_the_rules_refuse_by_now_is_said_beside_the_rest() -> None:
    """The part is named with its rule; its values are not on the page."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        await host.overtake(WA, policy_of(WA, RELEASE, HOLD_ALL, WITHOUT_STREET, version=2))
        page = await show(console, console.sign_in(person_of(Role.REVIEWER)), number)
        assert "Doe,Jane Ann" in page.text
        assert "The rules in force refuse it now. NO-STREET: Rule NO-STREET says so." in page.text
        assert "100 Example Ave" not in page.text


@pytest.mark.parametrize("fault", ["source", "clock", "unreachable"])
async def test_a_fault_is_said_on_the_case(fault: str) -> None:
    """The case stands there with a sentence, nothing is kept, and it may be tried again."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        await console.get(f"/state/cases/{number}", token)
        if fault == "source":
            host.source.is_down = True
        elif fault == "clock":
            host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
            await host.health.check()
        else:
            await console.gateway.close()
        page = await show(console, token, number)
        said = {
            "source": "The state's records did not answer.",
            "clock": "clock cannot be believed",
            "unreachable": "It may have recorded that this was shown to you, and nothing was.",
        }
        assert page.status == 503
        assert said[fault] in page.text
        assert looks(host) == 1
        host.source.is_down = False
        if fault == "source":
            assert "100 Example Ave" in (await show(console, token, number)).text


async def test_what_a_source_says_is_text() -> None:
    """Markup out of a record is shown as it stands and runs nowhere; a photo's value is nowhere."""
    elements = (
        Element(data_class=DataClass.STATUS, name="LICENCE_STATUS", value=SCRIPT),
        Element(data_class=DataClass.IDENTITY, name="<b>NAME</b>", value=f'"><img src=x>{SCRIPT}'),
        Element(data_class=DataClass.ADDRESS, name="STREET", value="x\u202ey" * 900),
    )
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        host.source.drivers[:] = [driver(elements=elements)]
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await show(console, token, number)
        part = await console.get(f"/state/cases/{number}/part", token)
        for each in (page, part):
            assert SCRIPT not in each.body
            assert "<img" not in each.body
            assert "&lt;script&gt;" in each.body


async def test_nobody_else_gets_there() -> None:
    """Another state's reviewer learns not even that there is such a hold; nothing by GET."""
    async with running(HELD, policy_of(OR, RELEASE, HOLD_ALL)) as host, console_on(host) as console:
        number = await held(host)
        path, form = f"/state/cases/{number}/what-goes-out", {"step": "1"}
        elsewhere = await console.post(path, form, console.sign_in(person_of(Role.REVIEWER, OR)))
        none = await console.post(
            "/state/cases/987654/what-goes-out", form, console.sign_in(person_of(Role.REVIEWER, OR))
        )
        assert (elsewhere.status, elsewhere.heading) == (404, none.heading)
        token = console.sign_in(person_of(Role.REVIEWER))
        assert (await console.get(path, token)).status == 405
        for role in (Role.SUPERVISOR, Role.AUDITOR, Role.COUNSEL, Role.AUTHOR, Role.OPERATOR):
            sent = await console.post(path, form, console.sign_in(person_of(role)))
            assert sent.status == 403, role
        assert looks(host) == 0


def kept(entry: str = "wa/1", step: int = 1, at: int = 100, **changes: Any) -> ShownRecord:
    """What a session was shown."""
    record = RecordShown(outcome=RecordOutcome.NO_RECORD, access_entry="wa/2")
    made = ShownRecord(record=record, entry=entry, step=step, at=at)
    return msgspec.structs.replace(made, **changes)


def test_what_was_shown_is_kept_for_its_session_alone() -> None:
    """Not for another, not after the hold moved on, not for ever, and not without a limit."""
    opened = OpenedCases()
    opened.put_record("mine", kept())
    assert opened.record("mine", "wa/1", 1, 100 + OPENED_SECONDS_MAX) == kept()
    assert opened.record("mine", "wa/1", 1, 101 + OPENED_SECONDS_MAX) is None
    assert opened.record("mine", "wa/1", 2, 100) is None
    assert opened.record("other", "wa/1", 1, 100) is None
    for number in range(RECORDS_MAX):
        opened.put_record("mine", kept(entry=f"wa/{number + 2}"))
    assert opened.record("mine", "wa/1", 1, 100) is None
    assert opened.record("mine", "wa/2", 1, 100) is not None
