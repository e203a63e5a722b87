"""A reviewer asks, the agency's officer replies on a page, and the case waits for the state."""

from __future__ import annotations

import re

import msgspec
import pytest

from comity.console.people import People, Role
from comity.domain.vocabulary import LeafKind
from comity.exchange.replies import REPLY_CHARS_MAX
from tests.support.asking import MemoryFront, asking_on
from tests.support.console import ISSUER, Answered, PracticeConsole, person_of
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ADDRESS,
    HOLD_ALL,
    HOLD_SECONDS,
    NS,
    OR,
    RELEASE,
    WA,
    policy_of,
)  # fmt: skip
from tests.unit.console.test_asking import OFFICER, asked

POLICIES = (policy_of(OR, RELEASE), policy_of(WA, RELEASE, HOLD_ADDRESS))
QUESTION = "Which <b>car</b> is meant?"
TEXT = "The second <script>alert(1)</script> car."


async def question(console: PracticeConsole, front: MemoryFront) -> tuple[str, str, int]:
    """A held request whose reviewer has asked something: session, path, and the hold's number."""
    token, path = await asked(console)
    (row,) = await console.host.store.open_holds([WA])
    await ask_again(console, front, row.leaf_index)
    return token, path, row.leaf_index


async def ask_again(console: PracticeConsole, front: MemoryFront, number: int) -> None:
    """Let the reviewer ask something about a hold."""
    row = await console.host.store.open_hold(WA, number)
    assert row is not None
    reviewer = console.sign_in(person_of(Role.REVIEWER))
    form = {"step": row.next_step, "note": QUESTION, "clause": "none"}
    given = await console.post(f"/state/cases/{number}/ask", form, reviewer)
    assert given.status == 303, given.text
    await console.post(f"/state/verdicts/{number}/{row.next_step}/send", {}, reviewer)
    await front.carry()


async def reply(
    console: PracticeConsole, token: str, path: str, number: int, text: str = TEXT
) -> Answered:
    """Send the form of a reply."""
    return await console.post(f"{path}/reply", {"hold": f"wa/{number}", "text": text}, token)


async def case(console: PracticeConsole, number: int) -> Answered:
    """The case as its reviewer sees it."""
    return await console.get(f"/state/cases/{number}", console.sign_in(person_of(Role.REVIEWER)))


async def test_a_question_needs_the_officer_and_a_reply_needs_the_state() -> None:
    """The list says so; the reply stands on the case's page and in the ledger."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, number = await question(console, front)
        page = await console.get("/console/requests", token)
        assert page.heading == "Your one request needs you."
        page = await console.get(path, token)
        assert page.heading.startswith("A reviewer of Washington asks you something; it waits ")
        assert "The reviewer asks you" in page.text
        assert QUESTION in page.text
        assert "<b>car" not in page.body
        assert "What the agency replied" not in (await case(console, number)).text
        before = console.host.size(WA)
        sent = await reply(console, token, path, number)
        assert (sent.status, sent.location) == (303, path)
        row = await console.host.store.open_hold(WA, number)
        assert row is not None
        assert (row.asked_at, row.replies) == (None, (before,))
        assert console.host.leaves(WA)[before].kind is LeafKind.DISCLOSURE
        queue = await console.get("/state/queue", console.sign_in(person_of(Role.REVIEWER)))
        assert "ADDRESS; the agency replied" in queue.text
        shown = await case(console, number)
        assert "What the agency replied" in shown.text
        assert TEXT in shown.text
        assert "<script>alert" not in shown.body
        page = await console.get(path, token)
        assert "The reviewer asks you" not in page.text
        assert TEXT in page.text
        page = await console.get("/console/requests", token)
        assert page.heading == "Nothing needs you; 1 waits on a state."


async def test_a_reply_sent_twice_is_one() -> None:
    """By a second click, and by another text: one message, one reply."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, number = await question(console, front)
        await reply(console, token, path, number)
        size = console.host.size(WA)
        again = await reply(console, token, path, number)
        assert (again.status, "question-closed" in again.text) == (409, True)
        assert console.host.size(WA) == size


async def test_a_reply_is_no_request_of_its_own() -> None:
    """It stands on the page of the request alone."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, number = await question(console, front)
        await reply(console, token, path, number)
        (sent,) = [r for _, r in front.asked if r.method == "POST" and b"REPLY TO" in r.body]
        control = dict(sent.headers)["Idempotency-Key"].removeprefix("console-")
        assert (await console.get(f"/console/requests/{control}", token)).status == 404
        page = await console.get("/console/requests", token)
        assert control not in page.body


async def test_another_question_can_be_replied_to() -> None:
    """Each question has its reply, in order."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, number = await question(console, front)
        await reply(console, token, path, number, "First.")
        await ask_again(console, front, number)
        assert "The reviewer asks you" in (await console.get(path, token)).text
        assert (await reply(console, token, path, number, "Second.")).status == 303
        text = (await case(console, number)).text
        assert text.index("First.") < text.index("Second.")


@pytest.mark.parametrize("text", ["", "  \n ", "x" * (REPLY_CHARS_MAX + 1), "caf\u00e9", "a\x07b"])
async def test_a_reply_that_cannot_travel_is_the_form_again(text: str) -> None:
    """With what was written; nothing is sent."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, number = await question(console, front)
        before = console.host.size(OR), console.host.size(WA)
        page = await reply(console, token, path, number, text)
        assert (page.status, "plain letters" in page.text) == (422, True)
        assert (console.host.size(OR), console.host.size(WA)) == before


async def test_nobody_replies_where_nobody_asked() -> None:
    """A request without a question, another hold, and after the hold has ended."""
    async with asking_on(*POLICIES) as (console, front):
        token, path = await asked(console)
        (row,) = await console.host.store.open_holds([WA])
        before = console.host.size(OR)
        assert (await reply(console, token, path, row.leaf_index)).status == 409
        token, path, number = await question_on(console, front, row.leaf_index, token, path)
        for hold in ("wa/0", "or/1", "", "wa/1 "):
            sent = await console.post(f"{path}/reply", {"hold": hold, "text": TEXT}, token)
            assert sent.status == 409, hold
        assert console.host.size(OR) == before
        console.host.clock.advance_ns(73 * 3_600 * NS)
        await console.host.desk.expire(f"wa/{number}")
        await front.carry()
        token = console.sign_in(OFFICER)
        assert (await reply(console, token, path, number)).status == 409


async def question_on(
    console: PracticeConsole, front: MemoryFront, number: int, token: str, path: str
) -> tuple[str, str, int]:
    """The same with a hold that stands already."""
    await ask_again(console, front, number)
    return token, path, number


async def test_a_reply_that_is_refused_can_be_given_again() -> None:
    """The state's rules refuse messages: the question stays; under other rules it is replied to."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, number = await question(console, front)
        await console.host.overtake(WA, policy_of(WA, RELEASE, DENY_ALL, version=2))
        assert (await reply(console, token, path, number)).status == 303
        row = await console.host.store.open_hold(WA, number)
        assert row is not None
        assert (row.replies, row.asked_at is None) == ((), False)
        assert "The reviewer asks you" in (await console.get(path, token)).text
        await console.host.overtake(WA, policy_of(WA, RELEASE, HOLD_ALL, version=3))
        assert (await reply(console, token, path, number)).status == 303
        row = await console.host.store.open_hold(WA, number)
        assert row is not None
        assert (len(row.replies), row.asked_at) == (1, None)


async def test_word_that_another_decides_is_no_question() -> None:
    """A reviewer who passes a case on, with a word to the agency, waits for no reply."""
    async with asking_on(*POLICIES) as (console, front):
        token, path = await asked(console)
        (row,) = await console.host.store.open_holds([WA])
        reviewer = console.sign_in(person_of(Role.REVIEWER))
        number, form = row.leaf_index, {"step": row.next_step, "note": "My colleague decides."}
        given = await console.post(f"/state/cases/{number}/pass", form, reviewer)
        assert given.status == 303, given.text
        await console.post(f"/state/verdicts/{number}/{row.next_step}/send", {}, reviewer)
        await front.carry()
        page = await console.get(path, token)
        assert "My colleague decides." in page.text
        assert "The reviewer asks you" not in page.text
        assert (await reply(console, token, path, number)).status == 409


async def test_what_ended_undecided_is_told_as_that() -> None:
    """Whole or in part: neither a refusal by a rule, nor held any more, nor no record."""
    undecided = (
        "Washington held this for a person, and nobody decided in time; nothing was released."
    )
    for rules, was, ended in (
        (HOLD_ALL, "Washington holds this for a person", undecided),
        (
            HOLD_ADDRESS,
            "Washington released 2 fields, and holds address.",
            "Washington released 2 fields, and withholds address.",
        ),
    ):
        async with asking_on(policy_of(OR, RELEASE), policy_of(WA, RELEASE, rules)) as around:
            console, front = around
            token, path = await asked(console)
            assert (await console.get(path, token)).heading.startswith(was)
            (row,) = await console.host.store.open_holds([WA])
            console.host.clock.advance_ns(HOLD_SECONDS * NS)
            await console.host.desk.expire(f"wa/{row.leaf_index}")
            await front.carry()
            page = await console.get(path, console.sign_in(OFFICER))
            assert page.heading == ended
            assert ": held" not in page.text


async def test_a_colleague_does_not_reply() -> None:
    """The request is the officer's alone."""
    async with asking_on(*POLICIES) as (console, front):
        _, path, number = await question(console, front)
        colleague = msgspec.structs.replace(OFFICER, subject="bo", asks_as="B2")
        console.people = People(ISSUER, [*console.people.persons, colleague])
        theirs = console.sign_in(colleague)
        assert (await reply(console, theirs, path, number)).status == 404
        row = await console.host.store.open_hold(WA, number)
        assert row is not None
        assert row.replies == ()
        assert re.fullmatch(r"/console/requests/[A-Z2-7]{10}", path)
