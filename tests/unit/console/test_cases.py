"""A reviewer at work: see what waits, open a case, decide, take back; and what comes of it."""

from __future__ import annotations

import msgspec
import pytest

from comity.console.people import Role
from comity.domain.answer import Answer, ResponseKind
from comity.domain.query import Claims
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, Purpose
from comity.link.parcel import Answered as AnsweredParcel
from comity.review.calendars import calendar_of
from comity.review.rosters import Span, practice_roster, turn_at
from tests.support.console import PracticeConsole, console_on, person_of
from tests.support.exchange import REVIEWER
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ALL,
    HOLD_SECONDS,
    NOW,
    NS,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.rosters import never_closed

HELD = policy_of(WA, RELEASE, HOLD_ALL)
DQ = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
SCRIPT = "<script>alert(1)</script>"


async def held(host: PracticeHost, number: int = 1, **changes: object) -> int:
    """Let Washington hold an exchange; return the hold's number."""
    await host.answer.take(asks(msgspec.structs.replace(ask_of(number), **changes)))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, AnsweredParcel)
    assert parcel.answer.hold is not None
    return int(parcel.answer.hold.entry.rpartition("/")[2])


def told(host: PracticeHost) -> Answer:
    """The one answer that left since the last call."""
    (parcel,) = host.courier.take()
    assert isinstance(parcel, AnsweredParcel)
    return parcel.answer


async def give(
    console: PracticeConsole, token: str, number: int, act: str, **fields: object
) -> str:
    """Give a verdict as the page's form does, and send it at once; return the page after it."""
    row = await console.host.store.open_hold(WA, number)
    assert row is not None
    path = f"/state/cases/{number}/{act}"
    page = await console.post(path, {"step": row.next_step, **fields}, token)
    assert (page.status, page.location) == (303, "/state/queue"), page.text
    sent = await console.post(f"/state/verdicts/{number}/{row.next_step}/send", {}, token)
    assert sent.status == 303
    return (await console.get("/state/queue", token)).text


async def test_queue_says_what_waits_and_shows_no_person() -> None:
    """The heading counts; a row names agency, parts and rule, and nobody that was asked about."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        empty = await console.get("/state/queue", token)
        assert empty.heading == "Nothing waits for a decision."
        await held(host, 1)
        await held(host, 2)
        page = await console.get("/state/queue", token)
        assert page.heading.startswith("2 requests wait for a decision. The first clock ends at ")
        assert "Practice Police" in page.text
        assert "PX000204K7" not in page.text
        assert host.leaves(WA, LeafKind.ACCESS) == []
        auditor = await console.get("/state/queue", console.sign_in(person_of(Role.AUDITOR)))
        assert "/state/cases/" not in auditor.body


@pytest.mark.parametrize("path", ["queue", "cases"])
async def test_pages_say_when_the_desk_is_staffed(path: str) -> None:
    """Now and until when; or from when on, and whose turn it is; or that nobody knows."""
    async with running(HELD) as host, console_on(host) as console:
        token, number = console.sign_in(person_of(Role.REVIEWER)), await held(host)
        where = f"/state/{path}/{number}" if path == "cases" else f"/state/{path}"
        office = practice_roster(calendar_of(WA))
        closed = msgspec.structs.replace(office, hours=((),) * 7)
        for roster, said in (
            (never_closed(WA), "This desk is staffed now, until "),
            (None, "No staffed hours are known here"),
            (closed, "No staffed hours are known here"),
        ):
            host.disk.rosters[WA] = roster
            assert said in (await console.get(where, token)).text
        host.disk.rosters[WA] = msgspec.structs.replace(
            office, hours=((), (), (), (), (), (), (Span(first=0, last=1),))
        )
        text = (await console.get(where, token)).text
        assert "This desk is closed until 00:00 PST, Sun " in text
        assert f"It is the turn of {turn_at(office, NOW)} now." in text


async def test_queue_goes_on_page_by_page() -> None:
    """Fifty holds a page, each once, the nearest deadline first."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, number) for number in range(1, 54)]
        token = console.sign_in(person_of(Role.REVIEWER))
        first = await console.get("/state/queue", token)
        (more,) = {p for p in first.body.split('"') if p.startswith("/state/queue?after=")}
        second = await console.get(more, token)
        shown = [
            int(part.rpartition("/")[2])
            for page in (first, second)
            for part in page.body.split('"')
            if part.startswith("/state/cases/")
        ]
        assert sorted(shown) == sorted(numbers)
        assert second.heading == "53 requests wait for a decision."
        assert (await console.get("/state/queue?after=2-x", token)).status == 400


async def test_case_is_recorded_before_it_is_shown_and_once() -> None:
    """A first look is a leaf; a second one of the same session is none; another person's is."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(f"/state/cases/{number}", token)
        assert page.heading == (
            "Practice Police asks for status, identity and address: HOLD holds it for you."
        )
        assert "PX000204K7" in page.text
        (leaf,) = host.leaves(WA, LeafKind.ACCESS)
        assert leaf.cites == f"wa/{number}"
        assert f"recorded as WA/{host.size(WA) - 1}" in page.text
        for act in ("release", "part", "ask", "refuse", "pass"):
            assert (await console.get(f"/state/cases/{number}/{act}", token)).status == 200
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 1
        await console.get(f"/state/cases/{number}", console.sign_in(person_of(Role.REVIEWER)))
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 2


async def test_release_waits_a_minute_and_then_leaves() -> None:
    """Nothing goes when it is given; the queue says when it leaves; then the record goes."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        sure = await console.get(f"/state/cases/{number}/release", token)
        assert sure.heading == (
            "Release status, identity and address to Practice Police? "
            "After a minute it cannot be called back."
        )
        row = await host.store.open_hold(WA, number)
        assert row is not None
        form = {"step": row.next_step}
        await console.post(f"/state/cases/{number}/release", form, token)
        assert host.courier.take() == []
        page = await console.get("/state/queue", token)
        assert page.heading == "Nothing waits for a decision."
        assert "It has not left yet." in page.text
        said = await give(console, token, number, "release")
        assert "Practice Police got status, identity, address. Recorded as WA/" in said
        answer = told(host)
        assert (answer.response, answer.is_final) == (ResponseKind.HIT, True)
        assert {element.data_class for element in answer.elements} == set(DQ)
        assert (await console.get(f"/state/cases/{number}", token)).status == 404


async def test_part_goes_out_and_the_rest_is_refused() -> None:
    """Exactly the chosen parts are released."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        none = await console.post(f"/state/cases/{number}/part", {"step": "1"}, token)
        assert (none.status, "Choose at least one part" in none.text) == (422, True)
        foreign = await console.post(
            f"/state/cases/{number}/part", {"step": "1", "class": "photo"}, token
        )
        assert (foreign.status, "is not held here" in foreign.text) == (422, True)
        await give(console, token, number, "part", **{"class": ["status", "identity"]})
        answer = told(host)
        assert {e.data_class for e in answer.elements} == {DataClass.STATUS, DataClass.IDENTITY}
        assert {w.data_class for w in answer.withheld} == {DataClass.ADDRESS}


async def test_refusal_names_its_clause() -> None:
    """The clause and the words reach the agency; without either it is not taken."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        path = f"/state/cases/{number}/refuse"
        for fields, fault in (
            ({"clause": "ELSEWHERE"}, "Choose the clause that decides"),
            ({"clause": "none"}, "Say why: the agency reads it."),
            ({"clause": "HOLD", "note": "x" * 500}, "Shorten it"),
            ({"clause": "none", "note": "a\x1b[2J"}, "Use letters, digits and marks alone."),
        ):
            page = await console.post(path, {"step": "1", **fields}, token)
            assert (page.status, fault in page.text) == (422, True), fields
        await give(console, token, number, "refuse", clause="HOLD", note="Call us first.")
        answer = told(host)
        assert answer.response is ResponseKind.REFUSED
        assert "HOLD: " in answer.remark
        assert "Call us first." in answer.remark


async def test_question_keeps_the_case_and_marks_it() -> None:
    """Asked, a case waits for the agency's reply, and a new look at it is recorded anew."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        await console.get(f"/state/cases/{number}", token)
        empty = await console.post(f"/state/cases/{number}/ask", {"step": "1"}, token)
        assert (empty.status, "Write your question" in empty.text) == (422, True)
        await give(console, token, number, "ask", note="Which case is this?")
        assert told(host).remark.endswith("Which case is this?")
        page = await console.get("/state/queue", token)
        assert page.heading == "Nothing waits for you: 1 request waits for the agency's reply."
        await console.get(f"/state/cases/{number}", token)
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 2


async def test_pass_on_keeps_the_case() -> None:
    """A case that is passed on still waits, with its clock."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        assert "was passed on" in await give(console, token, number, "pass")
        assert await host.store.open_hold(WA, number) is not None


async def test_verdict_taken_back_never_leaves() -> None:
    """What was taken back has no effect, and the case can be decided again."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        row = await host.store.open_hold(WA, number)
        assert row is not None
        await console.post(f"/state/cases/{number}/release", {"step": row.next_step}, token)
        back = f"/state/verdicts/{number}/{row.next_step}/take-back"
        assert (await console.post(back, {}, token)).status == 303
        page = await console.get("/state/queue", token)
        assert "You took it back" in page.text
        assert page.heading.startswith("1 request waits for a decision")
        sent = await console.post(back.replace("take-back", "send"), {}, token)
        assert (sent.status, host.courier.take()) == (303, [])
        await give(console, token, number, "refuse", clause="HOLD")
        assert told(host).response is ResponseKind.REFUSED


async def test_second_submit_is_the_first() -> None:
    """Pressed twice, a verdict is given once; an old page's form is told that the case moved on."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        row = await host.store.open_hold(WA, number)
        assert row is not None
        path, form = f"/state/cases/{number}/release", {"step": row.next_step}
        for _ in range(2):
            assert (await console.post(path, form, token)).status == 303
        assert len(console.verdicts.of(WA, REVIEWER)) == 1
        await console.post(f"/state/verdicts/{number}/{row.next_step}/take-back", {}, token)
        await give(console, token, number, "ask", note="Which case?")
        old = await console.post(path, form, token)
        assert (old.status, "answered or asked about" in old.heading) == (409, True)


async def test_rules_in_force_are_asked_again() -> None:
    """What the rules refuse by now is not released, whatever was approved; the author is told."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        await host.overtake(WA, policy_of(WA, DENY_ALL, version=2))
        token = console.sign_in(person_of(Role.REVIEWER))
        said = await give(console, token, number, "release")
        assert "the rules in force now refuse it" in said
        assert told(host).response is ResponseKind.REFUSED


async def test_verdict_too_late_has_no_effect() -> None:
    """After the hold's time a verdict that still waited changes nothing, and its author is told."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        row = await host.store.open_hold(WA, number)
        assert row is not None
        await console.post(f"/state/cases/{number}/release", {"step": row.next_step}, token)
        host.disk.clock.advance_ns((HOLD_SECONDS + 1) * NS)
        token = console.sign_in(person_of(Role.REVIEWER))
        await console.post(f"/state/verdicts/{number}/{row.next_step}/send", {}, token)
        page = await console.get("/state/queue", token)
        assert "It had no effect: " in page.text
        assert host.courier.take() == []
        assert [leaf.decision for leaf in host.leaves(WA, LeafKind.VERDICT)] == []


async def test_colleague_is_named_to_who_opens_the_same_case() -> None:
    """A second person is told who has the case open; it is no lock."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        first = person_of(Role.REVIEWER)
        other = msgspec.structs.replace(first, subject="wa-other", name="Practice Colleague")
        console.people = type(console.people)(
            console.people.issuer, [*console.people.persons, other]
        )
        await console.get(f"/state/cases/{number}", console.sign_in(first))
        page = await console.get(f"/state/cases/{number}", console.sign_in(other))
        assert "Practice Reviewer opened this case at " in page.text


@pytest.mark.parametrize("field", ["OLN", "NAM"])
async def test_what_a_requester_wrote_is_text(field: str) -> None:
    """Markup in a request is shown as it was written and runs nowhere."""
    async with running(HELD) as host, console_on(host) as console:
        claims = Claims(purpose=Purpose.COURT, case_number="CASE-1", operator="OP-1")
        number = await held(host, fields=((field, SCRIPT),), claims=claims)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(f"/state/cases/{number}", token)
        assert SCRIPT not in page.body
        assert SCRIPT in page.text or "&lt;script&gt;" in page.body
        note = {"step": "1", "note": SCRIPT * 40}
        wrong = await console.post(f"/state/cases/{number}/ask", note, token)
        assert (wrong.status, SCRIPT in wrong.body) == (422, False)


async def test_rules_page_has_a_sentence_for_each() -> None:
    """The rules in force, each with what it rests on; their number stands in the heading."""
    async with running(HELD) as host, console_on(host) as console:
        page = await console.get("/state/rules", console.sign_in(person_of(Role.COUNSEL)))
        assert page.heading.endswith("decide who gets records of Washington: 0 refuse, "
                                     "1 hold for a person, 1 release.")  # fmt: skip
        assert "Rule HOLD says so." in page.text


async def test_verdict_leaf_is_a_reviewers() -> None:
    """The ledger has the verdict with its decision, and no name of who gave it."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, number, "release")
        (leaf,) = host.leaves(WA, LeafKind.VERDICT)
        assert leaf.decision is LeafDecision.APPROVE
