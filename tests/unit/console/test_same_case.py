"""Requests of one case: one row of the queue, side by side, and decided together."""

from __future__ import annotations

import re

import msgspec
import pytest

from comity.console.pages.same_case_words import (
    clauses_of,
    compared,
    consequence_together,
    finding_together,
)
from comity.console.pages.verdict_form import Act
from comity.console.people import Role
from comity.domain.answer import Answer, ResponseKind, Withheld
from comity.domain.decision import Reason, RuleId
from comity.domain.ids import ExchangeId
from comity.domain.query import Claims
from comity.domain.vocabulary import DataClass, LeafKind, Outcome, Purpose
from comity.link.command import HoldView
from comity.link.parcel import Answered as AnsweredParcel
from tests.support.console import PracticeConsole, console_on, person_of
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ALL,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)

HELD = policy_of(WA, RELEASE, HOLD_ALL)
SCRIPT = "<script>alert(1)</script>"


async def held(host: PracticeHost, number: int, case: str = "A-1", **changes: object) -> int:
    """Let Washington hold an exchange of a case; return the hold's number."""
    claims = Claims(case_number=case, purpose=Purpose.COURT, operator="H1")
    exchange = msgspec.structs.replace(ask_of(number), claims=claims)
    await host.answer.take(asks(msgspec.structs.replace(exchange, **changes)))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, AnsweredParcel)
    assert parcel.answer.hold is not None
    return int(parcel.answer.hold.entry.rpartition("/")[2])


def told(host: PracticeHost) -> list[Answer]:
    """The answers that left since the last call."""
    return [each.answer for each in host.courier.take() if isinstance(each, AnsweredParcel)]


def together(number: int, act: str = "") -> str:
    """The page of a hold's case, or of a verdict on all of it."""
    return f"/state/cases/{number}/same-case{act and f'/{act}'}"


async def named(console: PracticeConsole, token: str, number: int, act: str) -> list[str]:
    """What the form before a verdict names."""
    page = await console.get(together(number, act), token)
    assert page.status == 200, page.text
    return re.findall(r'name="of" value="([^"]*)"', page.body)


async def send(console: PracticeConsole, token: str, of: str) -> str:
    """Send verdicts given together at once; return the queue after it."""
    number, step = of.split("-")
    sent = await console.post(f"/state/verdicts/{number}/{step}/same-case/send", {}, token)
    assert sent.status == 303, sent.text
    return (await console.get("/state/queue", token)).text


# The queue.


async def test_a_case_is_one_row_that_counts_its_requests() -> None:
    """Another case, another agency and a request without a case stand by themselves."""
    async with running(HELD) as host, console_on(host) as console:
        first, *_ = [await held(host, n) for n in (1, 2, 3)]
        other, none = await held(host, 4, "A-2"), await held(host, 5, "")
        page = await console.get("/state/queue", console.sign_in(person_of(Role.REVIEWER)))
        assert page.heading.startswith("5 requests wait for a decision.")
        assert page.text.count("3 requests of one case") == 1
        assert set(re.findall(r'href="(/state/cases/[^"]*)"', page.body)) == {
            together(first),
            f"/state/cases/{other}",
            f"/state/cases/{none}",
        }
        assert "PX000204K7" not in page.text
        auditor = await console.get("/state/queue", console.sign_in(person_of(Role.AUDITOR)))
        assert "3 requests of one case" in auditor.text
        assert "/state/cases/" not in auditor.body
        assert host.leaves(WA, LeafKind.ACCESS) == []


async def test_a_case_page_leads_to_the_others_of_its_case() -> None:
    """Where there are others, and not where it is alone."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host, 1)
        token = console.sign_in(person_of(Role.REVIEWER))
        alone = await console.get(f"/state/cases/{number}", token)
        assert together(number) not in alone.body
        await held(host, 2)
        page = await console.get(f"/state/cases/{number}", token)
        assert "1 other request of this case waits." in page.text
        assert together(number) in page.body


# Side by side.


async def test_each_is_recorded_once_before_it_is_shown() -> None:
    """One leaf a request and session; one that came meanwhile is one more; what differs is said."""
    async with running(HELD) as host, console_on(host) as console:
        first, second = await held(host, 1), await held(host, 2, fields=(("OLN", "PX000099Z9"),))
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(together(second), token)
        assert page.heading == (
            "Practice Police asks 2 times in case A-1: they differ in whom they are about."
        )
        assert "PX000204K7" in page.text
        assert "PX000099Z9" in page.text
        cited = {leaf.cites for leaf in host.leaves(WA, LeafKind.ACCESS)}
        assert cited == {f"wa/{first}", f"wa/{second}"}
        await console.get(together(first), token)
        await console.get(f"/state/cases/{first}", token)
        await console.get(together(first, "release"), token)
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 2
        await held(host, 3)
        assert "asks 3 times" in (await console.get(together(first), token)).heading
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 3


async def test_twenty_five_are_shown_at_most() -> None:
    """The nearest deadlines; how many wait is said, and those decided give room to the others."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, n) for n in range(1, 28)]
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(together(numbers[-1]), token)
        assert page.heading.startswith("Practice Police asks 27 times in case A-1: the first 25 ")
        assert "The 25 requests whose time ends first are shown." in page.text
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 25
        of = await named(console, token, numbers[0], "release")
        assert of == [f"{number}-1" for number in numbers[:25]]
        answer = await console.post(together(numbers[0], "release"), {"of": of}, token)
        assert answer.location == "/state/queue"
        rest = await console.get(together(numbers[0]), token)
        assert rest.heading.startswith("Practice Police asks 2 times")


async def test_what_an_agency_wrote_is_text() -> None:
    """Markup and what is not seen come as characters, in a cell and in what is alike."""
    async with running(HELD) as host, console_on(host) as console:
        first = await held(host, 1, fields=(("NAM", SCRIPT),))
        await held(host, 2, fields=(("NAM", "a\u202eb"),))
        token = console.sign_in(person_of(Role.REVIEWER))
        for path in (together(first), together(first, "refuse")):
            page = await console.get(path, token)
            assert SCRIPT not in page.body
            assert SCRIPT in page.text
            assert "\u202e" not in page.body


async def test_a_request_alone_leads_to_its_own_page() -> None:
    """Without a case, alone in its case, or the last one left."""
    async with running(HELD) as host, console_on(host) as console:
        for number in (await held(host, 1), await held(host, 2, "")):
            token = console.sign_in(person_of(Role.REVIEWER))
            page = await console.get(together(number), token)
            assert page.location == f"/state/cases/{number}"


# Together.


async def test_all_are_released_by_one_form() -> None:
    """A verdict each; nothing leaves before they are sent; then each request is answered."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, n) for n in (1, 2, 3)]
        token = console.sign_in(person_of(Role.REVIEWER))
        sure = await console.get(together(numbers[0], "release"), token)
        assert sure.heading == (
            "Release status, identity and address to Practice Police, for 3 requests of case A-1? "
            "After a minute none of it can be called back."
        )
        of = await named(console, token, numbers[0], "release")
        await console.post(together(numbers[0], "release"), {"of": of}, token)
        assert host.courier.take() == []
        page = await console.get("/state/queue", token)
        assert page.heading == "Nothing waits for a decision."
        assert "3 requests of case A-1" in page.text
        assert "None of them has left yet." in page.text
        assert "Take back all 3" in page.text
        after = await send(console, token, of[1])
        assert "Practice Police got status, identity, address. Recorded as WA/" in after
        answers = told(host)
        assert [each.response for each in answers] == [ResponseKind.HIT] * 3
        verdicts = host.leaves(WA, LeafKind.VERDICT)
        assert sorted(str(leaf.cites) for leaf in verdicts) == sorted(f"wa/{n}" for n in numbers)


async def test_one_press_takes_all_of_them_back() -> None:
    """Nothing goes, and the case waits as before; they can be given again."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, n) for n in (1, 2)]
        token = console.sign_in(person_of(Role.REVIEWER))
        of = await named(console, token, numbers[0], "refuse")
        path = together(numbers[0], "refuse")
        await console.post(path, {"of": of, "clause": "HOLD"}, token)
        back = f"/state/verdicts/{of[1].replace('-', '/')}/same-case/take-back"
        other = person_of(Role.REVIEWER, OR)
        assert (await console.post(back, {}, console.sign_in(other))).status == 404
        assert (await console.post(back, {}, token)).location == "/state/queue"
        page = await console.get("/state/queue", token)
        assert "You took them back: nothing went to Practice Police" in page.text
        assert "2 requests of one case" in page.text
        assert told(host) == []
        await console.post(path, {"of": of, "clause": "HOLD", "note": "Call us."}, token)
        await send(console, token, of[0])
        answers = told(host)
        assert [each.response for each in answers] == [ResponseKind.REFUSED] * 2
        assert all("HOLD: " in each.remark and "Call us." in each.remark for each in answers)


async def test_what_changed_meanwhile_is_left_out_and_named() -> None:
    """One was asked about and one is decided by somebody: the third goes, and the page says so."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, n) for n in (1, 2, 3)]
        token = console.sign_in(person_of(Role.REVIEWER))
        of = await named(console, token, numbers[0], "release")
        first = f"/state/cases/{numbers[0]}"
        await console.post(f"{first}/ask", {"step": "1", "note": "Why?"}, token)
        await console.post(f"/state/verdicts/{numbers[0]}/1/send", {}, token)
        await console.post(
            f"/state/cases/{numbers[1]}/refuse", {"step": "1", "clause": "HOLD"}, token
        )
        told(host)
        answer = await console.post(together(numbers[0], "release"), {"of": of}, token)
        assert answer.location == "/state/queue"
        page = await console.get("/state/queue", token)
        names = " and ".join(f"WA/{number}" for number in numbers[:2])
        assert f"{names} were left out: they changed meanwhile" in page.text
        await send(console, token, of[2])
        assert [each.response for each in told(host)] == [ResponseKind.HIT]


async def test_where_nothing_is_left_nothing_is_given() -> None:
    """All changed, or decided another way by the same person: said, with nothing on its way."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, n) for n in (1, 2)]
        token = console.sign_in(person_of(Role.REVIEWER))
        of = await named(console, token, numbers[0], "release")
        path = together(numbers[0], "release")
        assert (await console.post(path, {"of": of}, token)).status == 303
        refused = await console.post(
            together(numbers[0], "refuse"), {"of": of, "clause": "HOLD"}, token
        )
        assert (refused.status, "verdict-given" in refused.text) == (409, True)
        # The same again is the first one.
        assert (await console.post(path, {"of": of}, token)).status == 303
        assert len(console.verdicts.of(WA, person_of(Role.REVIEWER).signs_as)) == 2
        await send(console, token, of[0])
        gone = await console.post(path, {"of": of}, token)
        assert (gone.status, "hold-changed" in gone.text) == (409, True)
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 2


async def test_only_what_this_session_was_shown_is_decided() -> None:
    """A form that names requests which this person never opened gives no verdict."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, n) for n in (1, 2)]
        token = console.sign_in(person_of(Role.REVIEWER))
        of = [f"{number}-1" for number in numbers]
        answer = await console.post(together(numbers[0], "release"), {"of": of}, token)
        assert (answer.status, "hold-changed" in answer.text) == (409, True)
        await console.get(f"/state/cases/{numbers[0]}", token)
        answer = await console.post(together(numbers[0], "release"), {"of": of}, token)
        assert answer.status == 303
        page = await console.get("/state/queue", token)
        assert f"WA/{numbers[1]} was left out: it changed meanwhile" in page.text


@pytest.mark.parametrize(
    "of",
    [[], ["x"], ["2"], ["2-1", "2-1"], ["2-1-1"], ["\u0662-1"], [f"{n}-1" for n in range(26)]],
)
async def test_forged_forms_are_refused(of: list[str]) -> None:
    """None, what is no request, one twice, more than are shown."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host, 1)
        token = console.sign_in(person_of(Role.REVIEWER))
        answer = await console.post(together(number, "release"), {"of": of}, token)
        assert (answer.status, "request-malformed" in answer.text) == (400, True)


async def test_requests_of_several_cases_are_not_decided_together() -> None:
    """Though each was shown: the sentence before it named one case."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, 1), await held(host, 2, "A-2")]
        token = console.sign_in(person_of(Role.REVIEWER))
        for number in numbers:
            await console.get(f"/state/cases/{number}", token)
        of = [f"{number}-1" for number in numbers]
        answer = await console.post(together(numbers[0], "release"), {"of": of}, token)
        assert answer.status == 400
        assert console.verdicts.of(WA, person_of(Role.REVIEWER).signs_as) == []


async def test_another_states_case_is_not_there() -> None:
    """Oregon's reviewer finds nothing of Washington's, by no number; nor is anything recorded."""
    both = (HELD, policy_of(OR, RELEASE, HOLD_ALL))
    async with running(*both) as host, console_on(host) as console:
        numbers = [await held(host, n) for n in (1, 2)]
        token = console.sign_in(person_of(Role.REVIEWER, OR))
        for act in ("", "release"):
            assert (await console.get(together(numbers[0], act), token)).status == 404
        of = [f"{number}-1" for number in numbers]
        answer = await console.post(together(numbers[0], "release"), {"of": of}, token)
        assert answer.status == 409
        assert host.leaves(WA, LeafKind.ACCESS) == []


async def test_what_differs_case_by_case_is_not_decided_together() -> None:
    """Part and pass have no such page; a form without its words is shown again."""
    async with running(HELD) as host, console_on(host) as console:
        number, _ = await held(host, 1), await held(host, 2)
        token = console.sign_in(person_of(Role.REVIEWER))
        for act in ("part", "pass", "other"):
            assert (await console.get(together(number, act), token)).status == 404
            assert (await console.post(together(number, act), {}, token)).status == 404
        of = await named(console, token, number, "ask")
        empty = await console.post(together(number, "ask"), {"of": of}, token)
        assert (empty.status, "Write your question" in empty.text) == (422, True)
        assert re.findall(r'name="of" value="([^"]*)"', empty.body) == of
        wrong = await console.post(
            together(number, "refuse"), {"of": of, "clause": "ELSEWHERE"}, token
        )
        assert (wrong.status, "Choose the clause that decides" in wrong.text) == (422, True)
        long = {"of": of, "clause": "HOLD", "note": "x" * 500}
        assert (await console.post(together(number, "refuse"), long, token)).status == 422


async def test_one_question_is_asked_about_all() -> None:
    """Each waits on, marked; they are a case of what waits for the agency."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, n) for n in (1, 2)]
        token = console.sign_in(person_of(Role.REVIEWER))
        of = await named(console, token, numbers[0], "ask")
        await console.post(together(numbers[0], "ask"), {"of": of, "note": "Which unit?"}, token)
        await send(console, token, of[0])
        assert all(each.remark.endswith("Which unit?") for each in told(host))
        page = await console.get("/state/queue", token)
        assert page.heading == "Nothing waits for you: 2 requests wait for the agency's reply."
        assert "2 requests of one case" in page.text


async def test_rules_in_force_are_asked_for_each() -> None:
    """Denied meanwhile: every one is refused though it was released, and the row says so."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, n) for n in (1, 2)]
        token = console.sign_in(person_of(Role.REVIEWER))
        of = await named(console, token, numbers[0], "release")
        await console.post(together(numbers[0], "release"), {"of": of}, token)
        await host.overtake(WA, policy_of(WA, DENY_ALL, version=2))
        after = await send(console, token, of[0])
        assert "You released it, and the rules in force now refuse it" in after
        assert [each.response for each in told(host)] == [ResponseKind.REFUSED] * 2


# The words.


def view(number: int, **changes: object) -> HoldView:
    """A held request as a page has it."""
    base = HoldView(
        entry=f"wa/{number}",
        exchange_id=ExchangeId(bytes(16)),
        agency="TXPX00001",
        agency_name="Practice Police",
        key="DQ",
        purpose="court",
        offence="none",
        instrument="none",
        case_number="A-1",
        operator="H1",
        assurance="signed",
        opened_at=0,
        until=60,
        next_step=1,
        classes=(DataClass.STATUS, DataClass.ADDRESS),
        withheld=(),
        search=(("OLN", "PX1"),),
    )
    return msgspec.structs.replace(base, **changes)


def by(*rules: str) -> tuple[Withheld, ...]:
    """What rules hold."""
    reasons = tuple(Reason(rule=RuleId(rule), sentence="It waits.", statute="") for rule in rules)
    return (
        Withheld(
            data_class=DataClass.STATUS, outcome=Outcome.HOLD, reasons=reasons, would_change=""
        ),
    )


def test_what_is_alike_is_said_once_and_what_differs_is_a_column() -> None:
    """A value unlike that of more than half is marked; of halves none is."""
    holds = [view(1), view(2, operator="H2"), view(3, search=(("OLN", "PX3"),)), view(4)]
    found = compared(holds)
    assert found.labels == ("About", "Officer")
    assert dict(found.alike).keys().isdisjoint(found.labels)
    assert dict(found.alike)["Message key"] == "DQ"
    assert [row[1] for row in found.rows] == [
        (("H1",), False),
        (("H2",), True),
        (("H1",), False),
        (("H1",), False),
    ]
    halves = compared([view(1), view(2, operator="H2")])
    assert [row[0][1] for row in halves.rows] == [False, False]
    assert finding_together(holds, 4, found) == (
        "Practice Police asks 4 times in case A-1: they differ in whom they are about and the "
        "officer."
    )
    same = [view(1), view(2)]
    assert finding_together(same, 2, compared(same)).endswith(": they are alike.")


def test_a_value_that_looks_like_two_fields_is_not_two() -> None:
    """Fields that join to the same text are told apart."""
    one, two = view(1, search=(("NAM", "A, OLN 1"),)), view(2, search=(("NAM", "A"), ("OLN", "1")))
    assert compared([one, two]).labels == ("About",)


def test_clause_that_is_offered_holds_something_in_each() -> None:
    """A rule that holds one request alone refuses none of the others."""
    holds = [view(1, withheld=by("A", "B")), view(2, withheld=by("B", "C"))]
    assert [reason.rule for reason in clauses_of(holds)] == ["B"]
    assert clauses_of([holds[0], view(2, withheld=by("C"))]) == ()


def test_sentence_says_how_many_and_of_what() -> None:
    """Where the parts differ, in how many each is held."""
    holds = [view(1), view(2, classes=(DataClass.STATUS,))]
    assert consequence_together(Act.RELEASE, holds) == (
        "Release status (2) and address (1) to Practice Police, for 2 requests of case A-1? "
        "After a minute none of it can be called back."
    )
    assert "2 requests of case A-1" in consequence_together(Act.REFUSE, holds)
    assert "2 requests of case A-1" in consequence_together(Act.ASK, holds)
