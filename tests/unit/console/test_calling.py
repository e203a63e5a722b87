"""A call back on the pages: recorded at once and once, shown with the case and before a release."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from comity.console.pages.call_words import calls_fact, calls_fact_together
from comity.console.people import People, Role
from comity.directory.part import sign_part
from comity.domain.call_back import CALLS_MAX, SAID_CHARACTERS_MAX, CallBack, CallOutcome, call_note
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import Instrument, LeafKind
from comity.review import re_review
from comity.review.call_backs import CALLED_REMARK
from tests.support.asking import asking_on
from tests.support.console import ISSUER, PracticeConsole, console_on, person_of, second_reviewer
from tests.support.directory import signer_of
from tests.support.gateway import (
    AUSTIN,
    OR,
    TX,
    WA,
    PracticeHost,
    part_of,
    practice_agency,
    practice_parts,
    running,
)
from tests.support.link import SOUTH
from tests.unit.console.test_asking import OFFICER, asked
from tests.unit.console.test_cases import HELD, SCRIPT, give, held
from tests.unit.console.test_re_reviews import PATH as AGAIN
from tests.unit.console.test_re_reviews import decided
from tests.unit.console.test_replying import POLICIES, reply
from tests.unit.console.test_same_case import held as held_in
from tests.unit.console.test_same_case import view
from tests.unit.services.test_conflict_of_interest import step_back
from tests.unit.services.test_second_review import ONE, by
from tests.unit.services.test_urgent import PHONE, with_phone

FIRST, SECOND = person_of(Role.REVIEWER), second_reviewer()
SAID = f"The desk sergeant knows nothing of it. {SCRIPT}"


@pytest.fixture(autouse=True)
def all_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every decision is chosen for a second look, so that no test depends on a draw."""
    monkeypatch.setattr(re_review, "ONE_IN", 1)


@asynccontextmanager
async def at_work(phone: str = PHONE) -> AsyncIterator[tuple[PracticeHost, PracticeConsole]]:
    """A console with two reviewers, whose directory has this number of the agency that asks."""
    async with running(HELD) as host, console_on(host) as console:
        console.people = People(ISSUER, (FIRST, SECOND))
        list_number(host, console, phone)
        yield host, console


def list_number(host: PracticeHost, console: PracticeConsole, phone: str) -> None:
    """Have a number of the agency that asks in both the gateway's and the pages' directory."""
    with_phone(host, phone)
    agency = practice_agency(AUSTIN, "TX/LOCAL/PD", "austin-1")
    console.hear(part_of(TX, SOUTH.public, msgspec.structs.replace(agency, phone=phone), version=2))


def path_of(number: int) -> str:
    """The page of a call."""
    return f"/state/cases/{number}/call-back"


async def step_of(host: PracticeHost, number: int) -> int:
    """The next step of a hold."""
    row = await host.store.open_hold(WA, number)
    assert row is not None
    return row.next_step


async def form_of(host: PracticeHost, hold: int, **fields: object) -> dict[str, object]:
    """The form of a call as its page gives it."""
    step = await step_of(host, hold)
    return {"step": step, "number": PHONE, "outcome": "denied", "said": SAID, **fields}


async def test_a_call_is_recorded_once_and_the_next_reviewer_reads_it() -> None:
    """The page shows the number and opens no case; sent twice it counts once; it is on the case."""
    async with at_work() as (host, console):
        number = await held(host)
        token = console.sign_in(FIRST)
        page = await console.get(path_of(number), token)
        assert page.heading == f"Call Practice Police at {PHONE}, then write down what was said."
        assert f'name="number" value="{PHONE}"' in page.body
        assert "PX000204K7" not in page.body
        assert host.leaves(WA, LeafKind.ACCESS) == []
        before = await console.get(f"/state/cases/{number}", token)
        assert "Nobody has called this agency back about this request." in before.text
        assert path_of(number) in before.body
        host.courier.take()
        form = await form_of(host, number)
        for _ in range(2):
            done = await console.post(path_of(number), form, token)
            assert (done.status, done.location) == (303, f"/state/cases/{number}#calls"), done.text
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1
        (parcel,) = host.courier.take()
        assert parcel.answer.remark == CALLED_REMARK  # type: ignore[union-attr]
        other = console.sign_in(SECOND)
        case = await console.get(f"/state/cases/{number}", other)
        assert "Nobody has called" not in case.text
        for word in (FIRST.name, f"at {PHONE}", "The agency denied that its officer asks this."):
            assert word in case.text
        assert SCRIPT not in case.body
        assert "The desk sergeant knows nothing of it." in case.text
        # It waits for the state as before.
        queue = await console.get("/state/queue", other)
        assert queue.heading.startswith("1 request waits for a decision")


async def test_two_submits_at_the_same_moment_are_one_call() -> None:
    """Whichever the gateway takes; the other finds it there."""
    async with at_work() as (host, console):
        number = await held(host)
        token = console.sign_in(FIRST)
        form = await form_of(host, number)
        done = await asyncio.gather(*(console.post(path_of(number), form, token) for _ in range(3)))
        assert [each.status for each in done] == [303, 303, 303]
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1


async def test_an_old_form_is_not_taken_for_a_new_call() -> None:
    """Other words at a step that is past, or another reviewer's same words, record nothing."""
    async with at_work() as (host, console):
        number = await held(host)
        token = console.sign_in(FIRST)
        form = await form_of(host, number)
        await console.post(path_of(number), form, token)
        size = host.size(WA)
        stale = await console.post(path_of(number), {**form, "said": "Something else."}, token)
        assert (stale.status, host.size(WA)) == (409, size)
        theirs = await console.post(path_of(number), form, console.sign_in(SECOND))
        assert (theirs.status, host.size(WA)) == (409, size)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"outcome": ""}, "Choose what came of the call."),
        ({"outcome": "perhaps"}, "Choose what came of the call."),
        ({"said": " \n "}, "Write what was said"),
        ({"said": "x" * (SAID_CHARACTERS_MAX + 1)}, "Write what was said"),
        ({"said": "turned \u202e around"}, "Write what was said"),
    ],
)
async def test_a_form_that_is_not_whole_is_the_form_again(
    fields: dict[str, str], said: str
) -> None:
    """With what was given, and the fault beside it; nothing is recorded."""
    async with at_work() as (host, console):
        number = await held(host)
        size = host.size(WA)
        form = await form_of(host, number, **fields)
        page = await console.post(path_of(number), form, console.sign_in(FIRST))
        assert (page.status, said in page.text, host.size(WA)) == (422, True, size)
        whole = await form_of(host, number, said="x" * SAID_CHARACTERS_MAX)
        done = await console.post(path_of(number), whole, console.sign_in(FIRST))
        assert done.status == 303


async def test_only_the_directorys_number_is_recorded() -> None:
    """Neither an edited form nor one from before the number changed; the page then has the new."""
    async with at_work() as (host, console):
        number = await held(host)
        token = console.sign_in(FIRST)
        size = host.size(WA)
        edited = await form_of(host, number, number="555-0199")
        sent = await console.post(path_of(number), edited, token)
        assert (sent.status, "call-back-number" in sent.text) == (409, True)
        form = await form_of(host, number)
        console.hear(
            part_of(
                TX,
                SOUTH.public,
                msgspec.structs.replace(
                    practice_agency(AUSTIN, "TX/LOCAL/PD", "austin-1"), phone="555-0142"
                ),
                version=3,
            )
        )
        sent = await console.post(path_of(number), form, token)
        assert (sent.status, "call-back-number" in sent.text, host.size(WA)) == (409, True, size)
        assert "555-0142" in (await console.get(path_of(number), token)).heading
        # The gateway has not heard of it yet: it says no, whatever the page shows.
        newer = await form_of(host, number, number="555-0142")
        sent = await console.post(path_of(number), newer, token)
        assert (sent.status, "call-back-number" in sent.text, host.size(WA)) == (409, True, size)


async def test_an_agency_without_a_number_cannot_be_called_back() -> None:
    """Both pages say so, and neither has a form for it."""
    async with at_work("") as (host, console):
        number = await held(host)
        token = console.sign_in(FIRST)
        case = await console.get(f"/state/cases/{number}", token)
        assert "it cannot be called back" in case.text
        assert path_of(number) not in case.body
        page = await console.get(path_of(number), token)
        assert page.heading.endswith("cannot be called back: the directory has no number of it.")
        assert "<form" not in page.body.partition("<main")[2].partition("</main")[0]
        size = host.size(WA)
        form = await form_of(host, number, number="")
        sent = await console.post(path_of(number), form, token)
        assert (sent.status, host.size(WA)) == (409, size)


async def test_there_is_an_end_of_calls() -> None:
    """The seventeenth is told so; the case stays to be decided."""
    async with at_work() as (host, console):
        number = await held(host)
        token = console.sign_in(FIRST)
        for at in range(CALLS_MAX):
            form = await form_of(host, number, outcome="unreached", said=f"Nobody answered, {at}.")
            assert (await console.post(path_of(number), form, token)).status == 303
        size = host.size(WA)
        sent = await console.post(path_of(number), await form_of(host, number), token)
        assert (sent.status, "call-backs-full" in sent.text, host.size(WA)) == (409, True, size)
        page = await console.get(f"/state/cases/{number}/release", token)
        assert "16 calls back reached nobody who can say." in page.text


async def test_what_waits_to_leave_does_not_leave_behind_a_call() -> None:
    """One's own release is taken back; a colleague's has no effect, and is told why."""
    async with at_work() as (host, console):
        number = await held(host)
        first, second = console.sign_in(FIRST), console.sign_in(SECOND)
        step = await step_of(host, number)
        await console.post(f"/state/cases/{number}/release", {"step": step}, first)
        form = await form_of(host, number)
        assert (await console.post(path_of(number), form, first)).status == 303
        assert console.verdicts.waiting_entries(WA) == frozenset()
        step = await step_of(host, number)
        await console.get(f"/state/cases/{number}", second)
        await console.post(f"/state/cases/{number}/release", {"step": step}, second)
        form = await form_of(host, number, said="They say no again.")
        assert (await console.post(path_of(number), form, first)).status == 303
        await console.post(f"/state/verdicts/{number}/{step}/send", {}, second)
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []
        assert "It had no effect" in (await console.get("/state/queue", second)).text


async def test_who_stepped_back_is_shown_no_form() -> None:
    """Nor is a call of theirs taken."""
    async with at_work() as (host, console):
        number = await held(host)
        host.courier.take()
        await step_back(host, f"wa/{number}")
        token = console.sign_in(FIRST)
        size = host.size(WA)
        form = await form_of(host, number)
        for sent in (
            await console.get(path_of(number), token),
            await console.post(path_of(number), form, token),
        ):
            assert (sent.status, "conflict-of-interest" in sent.text) == (409, True)
        assert host.size(WA) == size


async def test_another_states_reviewer_finds_nothing() -> None:
    """Neither the page nor the form."""
    async with at_work() as (host, console):
        number = await held(host)
        console.people = People(ISSUER, (person_of(Role.REVIEWER, OR),))
        token = console.sign_in(person_of(Role.REVIEWER, OR))
        form = await form_of(host, number)
        assert (await console.get(path_of(number), token)).status == 404
        assert (await console.post(path_of(number), form, token)).status == 404
        assert host.leaves(WA, LeafKind.VERDICT) == []


async def test_a_question_that_begins_as_a_call_is_not_taken() -> None:
    """It would be refused a minute later, or told to the agency."""
    async with at_work() as (host, console):
        number = await held(host)
        form = {"step": await step_of(host, number), "note": "Call back: 555-0111; denied; no"}
        page = await console.post(f"/state/cases/{number}/ask", form, console.sign_in(FIRST))
        assert (page.status, "record a call from the case" in page.text) == (422, True)
        assert console.verdicts.waiting_entries(WA) == frozenset()


async def test_a_second_look_sees_the_calls_and_not_what_was_decided() -> None:
    """Behind the same opening as the case, from the leaves of that hold."""
    async with at_work() as (host, console):
        hold = await held(host, 1)
        token = console.sign_in(FIRST)
        await console.post(path_of(hold), await form_of(host, hold), token)
        host.courier.take()
        await give(console, token, hold, "release")
        host.clock.advance_ns(20_000_000_000)
        number = host.size(WA) - 2
        other = console.sign_in(SECOND)
        closed = await console.get(f"{AGAIN}/{number}", other)
        assert "desk sergeant" not in closed.text
        count = len(host.leaves(WA, LeafKind.ACCESS))
        await console.post(f"{AGAIN}/{number}/open", {}, other)
        assert len(host.leaves(WA, LeafKind.ACCESS)) == count + 1
        shown = await console.get(f"{AGAIN}/{number}", other)
        assert "The desk sergeant knows nothing of it." in shown.text
        assert "The agency denied that its officer asks this." in shown.text
        assert SCRIPT not in shown.body
        assert "Released" not in shown.text


async def test_a_second_look_says_nothing_of_calls_where_there_are_none() -> None:
    """No heading without a call; one whose record is gone is said to be."""
    async with at_work() as (host, console):
        number = await decided(console)
        other = console.sign_in(SECOND)
        await console.post(f"{AGAIN}/{number}/open", {}, other)
        assert "Calls back" not in (await console.get(f"{AGAIN}/{number}", other)).text
    async with at_work() as (host, console):
        hold = await held(host)
        token = console.sign_in(FIRST)
        await console.post(path_of(hold), await form_of(host, hold), token)
        gone = host.size(WA) - 1
        await give(console, token, hold, "release")
        del host.store.tables.private[WA, gone]
        host.clock.advance_ns(20_000_000_000)
        number = host.size(WA) - 2
        other = console.sign_in(SECOND)
        await console.post(f"{AGAIN}/{number}/open", {}, other)
        shown = await console.get(f"{AGAIN}/{number}", other)
        assert "cannot be read any more, or not all of it" in shown.text


async def test_the_requester_reads_that_it_was_called_and_is_asked_nothing() -> None:
    """No form of a reply; a reply is not taken, and a question of before stays open."""
    async with asking_on(*POLICIES) as (console, front):
        host = console.host
        part = next(part for part in practice_parts() if part.member == OR)
        agencies = tuple(msgspec.structs.replace(a, phone=PHONE) for a in part.agencies)
        changed = msgspec.structs.replace(part, version=2, agencies=agencies)
        await host.founding.publish_parts([sign_part(changed, signer_of(OR))])
        token, path = await asked(console)
        (row,) = await host.store.open_holds([WA])
        entry = f"wa/{row.leaf_index}"

        async def say(note: str) -> None:
            await host.desk.decide(await by(host, ONE, entry, kind=VerdictKind.ASK, note=note))
            await front.carry()

        called = call_note(PHONE, CallOutcome.DENIED, "Nobody of theirs.")
        await say(called)
        page = await console.get(path, token)
        assert CALLED_REMARK in page.text
        assert "Nobody of theirs" not in page.text
        assert "The reviewer asks you" not in page.text
        assert (await reply(console, token, path, row.leaf_index)).status == 409
        listed = await console.get("/console/requests", token)
        assert listed.heading.startswith("Nothing needs you")
        await say("Which car?")
        await say(called)
        assert "The reviewer asks you" in (await console.get(path, console.sign_in(OFFICER))).text


async def test_requests_of_one_case_show_their_calls_side_by_side() -> None:
    """A column where they differ, each call below, and the fact before all of them are released."""
    async with at_work() as (host, console):
        first, second = [await held_in(host, number) for number in (1, 2)]
        token = console.sign_in(FIRST)
        page = await console.get(f"/state/cases/{first}/same-case", token)
        assert "Calls back about" not in page.text
        assert "Called back no" in page.text
        await console.post(path_of(second), await form_of(host, second), token)
        page = await console.get(f"/state/cases/{first}/same-case", token)
        assert "differ in the calls back" in page.heading
        assert f"Calls back about WA/{second}" in page.text
        assert f"Calls back about WA/{first}" not in page.text
        assert "The desk sergeant knows nothing of it." in page.text
        assert SCRIPT not in page.body
        release = await console.get(f"/state/cases/{first}/same-case/release", token)
        assert "the agency denied that its officer asks 1 of them; about 1 nobody" in release.text
        refuse = await console.get(f"/state/cases/{first}/same-case/refuse", token)
        assert "By telephone" not in refuse.text


def call(outcome: CallOutcome, reviewer: str = "ana") -> CallBack:
    """A call."""
    return CallBack(reviewer=reviewer, at=0, step=1, number=PHONE, outcome=outcome, said="A word.")


def test_what_is_known_by_telephone_is_a_fact_before_a_release() -> None:
    """The last call in which the agency answered counts; an emergency without one is marked."""
    names = {"ana": "Ana Example"}
    confirmed, denied, unreached = map(call, CallOutcome)
    emergency = Instrument.EMERGENCY_DECLARATION.value

    def fact(*calls: CallBack, instrument: str = "none") -> tuple[str, str]:
        return calls_fact(view(1, calls=calls, instrument=instrument), names, WA, 0)

    assert fact() == ("info", "Nobody has called this agency back.")
    assert fact(instrument=emergency) == (
        "warning",
        "It claims an emergency, and nobody has called this agency back.",
    )
    assert fact(unreached) == ("info", "1 call back reached nobody who can say.")
    assert fact(unreached, instrument=emergency)[0] == "warning"
    for calls in ((denied,), (confirmed, denied), (confirmed, denied, unreached)):
        kind, said = fact(*calls)
        assert kind == "warning"
        assert said.startswith("Ana Example called back at ")
        assert said.endswith(": the agency denied that its officer asks this.")
    kind, said = fact(denied, confirmed, instrument=emergency)
    assert (kind, said.endswith("confirmed that its officer asks this.")) == ("info", True)
    kind, said = calls_fact(view(1, calls=(call(CallOutcome.DENIED, "bo"),)), names, WA, 0)
    assert said.startswith("Bo called back")


def test_of_several_requests_it_is_told_by_how_many() -> None:
    """Denied first; those about which nobody was reached last, and whether they are urgent."""
    emergency = Instrument.EMERGENCY_DECLARATION.value
    confirmed, denied, unreached = (view(1, calls=(call(each),)) for each in CallOutcome)
    assert calls_fact_together([view(1), view(2)]) == (
        "info",
        "About all of them nobody has reached this agency by telephone.",
    )
    assert calls_fact_together([confirmed, confirmed, denied, unreached, view(2)]) == (
        "warning",
        (
            "By telephone the agency denied that its officer asks 1 of them and confirmed it of 2; "
            "about 2 nobody has reached it."
        ),
    )
    assert calls_fact_together([confirmed, view(2, instrument=emergency)]) == (
        "warning",
        (
            "By telephone the agency confirmed that its officer asks 1 of them; about 1 nobody has "
            "reached it, though an emergency is claimed."
        ),
    )
    assert calls_fact_together([confirmed]) == (
        "info",
        "By telephone the agency confirmed that its officer asks 1 of them.",
    )
