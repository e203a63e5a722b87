"""Who works on a held request: taken, given, put back; and a conflict of interest, stepped back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from comity.console.assignments import TAKEN_MAX, TAKEN_SECONDS_MAX, Assignments, TooManyTakenError
from comity.console.people import People, Person, Role
from comity.domain.ids import Member
from comity.domain.query import Claims
from comity.domain.vocabulary import LeafKind, Purpose
from comity.review.conflicts import Ground
from tests.support.console import ISSUER, PracticeConsole, console_on, person_of
from tests.support.exchange import AUTHOR, REVIEWER
from tests.support.gateway import (
    HOLD_ALL,
    NS,
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
QUEUE = "/state/queue"
FIRST = person_of(Role.REVIEWER)
SECOND = msgspec.structs.replace(
    FIRST, subject="wa-second", name=f"Second {SCRIPT}", signs_as=AUTHOR.name
)
SUPERVISOR = person_of(Role.SUPERVISOR)


@asynccontextmanager
async def at_work(*persons: Person) -> AsyncIterator[tuple[PracticeHost, PracticeConsole]]:
    """A console with two reviewers and their supervisor."""
    async with running(HELD) as host, console_on(host) as console:
        console.people = People(ISSUER, persons or (FIRST, SECOND, SUPERVISOR))
        yield host, console


async def held(host: PracticeHost, number: int = 1, case: str = "") -> int:
    """Let Washington hold an exchange; return the hold's number."""
    before = {row.leaf_index for row in await host.store.open_holds([WA])}
    claims = Claims(case_number=case or f"C-{number}", purpose=Purpose.COURT, operator="H1")
    await host.answer.take(asks(msgspec.structs.replace(ask_of(number), claims=claims)))
    (new,) = {row.leaf_index for row in await host.store.open_holds([WA])} - before
    return int(new)


async def step_of(host: PracticeHost, number: int) -> int:
    """The next step of a hold."""
    row = await host.store.open_hold(WA, number)
    assert row is not None
    return row.next_step


def parts_of(text: str) -> list[str]:
    """The captions of the queue's lists, in their order."""
    every = ("Yours by", "Passed on for", "Nobody's yet", "Held for a person", "Others have these")
    return sorted((each for each in every if each in text), key=text.index)


async def test_mine_then_nobodys_then_others() -> None:
    """What a reviewer took stands first, with its name before everybody else's eyes."""
    async with at_work() as (host, console):
        one, two = await held(host, 1), await held(host, 2)
        first, second = console.sign_in(FIRST), console.sign_in(SECOND)
        size = host.size(WA)
        assert parts_of((await console.get(QUEUE, first)).text) == ["Held for a person"]
        taken = await console.post(f"{QUEUE}/{two}/take", {}, first)
        assert (taken.status, taken.location) == (303, QUEUE)
        mine = await console.get(QUEUE, first)
        assert parts_of(mine.text) == ["Yours by", "Nobody's yet"]
        assert mine.heading.startswith("2 requests wait for a decision, 1 of them yours.")
        assert mine.text.index(f"WA/{two}") < mine.text.index(f"WA/{one}")
        theirs = await console.get(QUEUE, second)
        assert parts_of(theirs.text) == ["Nobody's yet", "Others have these"]
        assert "Practice Reviewer" in theirs.text
        assert "yours" not in theirs.heading
        # Nothing of it is in a ledger.
        assert host.size(WA) == size


async def test_a_taken_case_is_decided_by_anybody_all_the_same() -> None:
    """An assignment is no lock: the verdict of somebody else is taken and sent."""
    async with at_work() as (host, console):
        number = await held(host)
        first, second = console.sign_in(FIRST), console.sign_in(SECOND)
        await console.post(f"{QUEUE}/{number}/take", {}, first)
        case = await console.get(f"/state/cases/{number}", second)
        assert "Practice Reviewer has it. You can decide it all the same." in case.text
        again = await console.post(f"{QUEUE}/{number}/take", {}, second)
        assert (again.status, "case-taken" in again.text) == (409, True)
        step = await step_of(host, number)
        given = await console.post(f"/state/cases/{number}/release", {"step": step}, second)
        assert given.location == QUEUE
        await console.post(f"/state/verdicts/{number}/{step}/send", {}, second)
        assert len(host.leaves(WA, LeafKind.DISCLOSURE)) == 1
        # What has ended is nobody's any more, nor in the figures.
        assert parts_of((await console.get(QUEUE, first)).text) == []


async def test_a_case_is_taken_with_all_its_requests_and_put_back() -> None:
    """By the row of a case, once however often; another case stays where it is."""
    async with at_work() as (host, console):
        one = await held(host, 1, "A-1")
        await held(host, 2, "A-1")
        await held(host, 3, "B-2")
        first = console.sign_in(FIRST)
        for _ in range(2):
            await console.post(f"{QUEUE}/{one}/take", {"back": "elsewhere"}, first)
        page = await console.get(QUEUE, first)
        assert "2 of them yours" in page.heading
        assert page.text.count("2 requests of one case") == 1
        figures = await console.get(QUEUE, console.sign_in(SUPERVISOR))
        assert "Practice Reviewer 2 now 2 taken 0 decided" in figures.text
        await console.post(f"{QUEUE}/{one}/put-back", {}, first)
        assert parts_of((await console.get(QUEUE, first)).text) == ["Held for a person"]


async def test_it_is_free_again_after_a_time() -> None:
    """To the second; and at once where its reviewer is none any more."""
    async with at_work() as (host, console):
        number = await held(host)
        first = console.sign_in(FIRST)
        await console.post(f"{QUEUE}/{number}/take", {}, first)
        row = await host.store.open_hold(WA, number)
        assert row is not None
        now = host.clock.now_ns() // NS
        kept = console.desk.assignments
        entry = f"wa/{number}"
        assert kept.get(entry, now + TAKEN_SECONDS_MAX - 1) is not None
        assert kept.get(entry, now + TAKEN_SECONDS_MAX) is None
        console.people = People(ISSUER, [SECOND, SUPERVISOR])
        page = await console.get(QUEUE, console.sign_in(SECOND))
        assert parts_of(page.text) == ["Held for a person"]


async def test_a_supervisor_assigns_and_takes_away() -> None:
    """With what each reviewer has and decided; the form as it stands is checked again."""
    async with at_work() as (host, console):
        number = await held(host)
        token, second = console.sign_in(SUPERVISOR), console.sign_in(SECOND)
        path = f"{QUEUE}/{number}/assign"
        page = await console.get(path, token)
        assert page.heading.endswith(f"waits with request WA/{number}: nobody has it.")
        assert SCRIPT not in page.body
        assert SCRIPT in page.text
        assert "about" not in page.text.lower().split("held by")[0]
        empty = await console.post(path, {}, token)
        assert (empty.status, "Choose who gets it." in empty.text) == (422, True)
        for wrong in ("nobody-here", SUPERVISOR.signs_as, ""):
            if wrong:
                assert (await console.post(path, {"reviewer": wrong}, token)).status == 409
        for _ in range(2):
            given = await console.post(path, {"reviewer": SECOND.signs_as}, token)
            assert (given.status, given.location) == (303, QUEUE)
        assert "decision, yours" in (await console.get(QUEUE, second)).heading
        assert f"Second {SCRIPT} has it." in (await console.get(path, token)).text
        await console.post(path, {"reviewer": FIRST.signs_as}, token)
        assert "yours" not in (await console.get(QUEUE, second)).heading
        await console.post(path, {"reviewer": "nobody"}, token)
        assert console.desk.assignments.of(WA, host.clock.now_ns() // NS) == []


async def test_decisions_are_counted_from_the_ledger() -> None:
    """Whoever signed, for the supervisor alone; what only asked or passed on is no decision."""
    async with at_work() as (host, console):
        one, two = await held(host, 1), await held(host, 2)
        first, token = console.sign_in(FIRST), console.sign_in(SUPERVISOR)
        for number, act, fields in ((one, "refuse", {"clause": "none", "note": "No."}),
                                    (two, "ask", {"note": "Which case?"})):  # fmt: skip
            step = await step_of(host, number)
            form = {"step": step, **fields}
            assert (await console.post(f"/state/cases/{number}/{act}", form, first)).status == 303
            await console.post(f"/state/verdicts/{number}/{step}/send", {}, first)
        assert "Practice Reviewer 0 now 0 taken 1 decided" in (await console.get(QUEUE, token)).text
        assert "Reviewers today" not in (await console.get(QUEUE, first)).text


async def test_who_declares_a_conflict_steps_back_for_good() -> None:
    """The gateway refuses whatever comes; the supervisor sees who and why, another decides."""
    async with at_work() as (host, console):
        number = await held(host)
        first, token = console.sign_in(FIRST), console.sign_in(SUPERVISOR)
        await console.post(f"{QUEUE}/{number}/take", {}, first)
        path = f"/state/cases/{number}/conflict-of-interest"
        step = await step_of(host, number)
        before = await console.get(path, first)
        assert before.heading.startswith("Step back from the request of ")
        assert host.leaves(WA, LeafKind.ACCESS) == []
        none = await console.post(path, {"step": step}, first)
        assert (none.status, "Choose why" in none.text) == (422, True)
        stale = await console.post(path, {"step": step + 1, "ground": "other"}, first)
        assert (stale.status, host.leaves(WA, LeafKind.VERDICT)) == (409, [])
        form = {"step": step, "ground": Ground.KNOWS_PERSON.value}
        for _ in range(2):
            done = await console.post(path, form, first)
            assert (done.status, done.location) == (303, QUEUE), done.text
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1
        queue = await console.get(QUEUE, first)
        assert "you declared a conflict of interest" in queue.text
        assert f"/state/cases/{number}" not in queue.body
        assert f"{QUEUE}/{number}/take" not in queue.body
        for sent in (
            await console.get(f"/state/cases/{number}", first),
            await console.post(f"{QUEUE}/{number}/take", {}, first),
            await console.post(f"/state/cases/{number}/release", {"step": step + 1}, first),
            await console.post(f"/state/cases/{number}/what-goes-out", {"step": step + 1}, first),
        ):
            assert (sent.status, "conflict-of-interest" in sent.text) == (409, True)
        assert host.leaves(WA, LeafKind.ACCESS) == []
        seen = await console.get(QUEUE, token)
        assert parts_of(seen.text) == ["Passed on for"]
        assert "decision, passed on" in seen.heading
        assert "Practice Reviewer declared a conflict of interest at" in seen.text
        assert "knows the person." in seen.text
        assert "knows the person" not in (await console.get(QUEUE, console.sign_in(SECOND))).text
        page = await console.get(f"{QUEUE}/{number}/assign", token)
        assert "Not to Practice Reviewer: a conflict of interest was declared" in page.text
        barred = {"reviewer": REVIEWER}
        assert (await console.post(f"{QUEUE}/{number}/assign", barred, token)).status == 409
        second = console.sign_in(SECOND)
        step = await step_of(host, number)
        given = await console.post(f"/state/cases/{number}/release", {"step": step}, second)
        assert given.location == QUEUE
        await console.post(f"/state/verdicts/{number}/{step}/send", {}, second)
        assert len(host.leaves(WA, LeafKind.DISCLOSURE)) == 1


async def test_the_other_requests_of_the_case_are_theirs_still() -> None:
    """They are shown and taken without the one; the row of the case leads to them."""
    async with at_work() as (host, console):
        one, two, three = [await held(host, n, "A-1") for n in (1, 2, 3)]
        first = console.sign_in(FIRST)
        form = {"step": await step_of(host, one), "ground": "knows-person"}
        await console.post(f"/state/cases/{one}/conflict-of-interest", form, first)
        page = await console.get(f"/state/cases/{one}/same-case", first)
        assert (page.status, "2 requests of one case" in page.text) == (200, True)
        assert f"/state/cases/{one}/same-case" in (await console.get(QUEUE, first)).body
        await console.post(f"{QUEUE}/{two}/take", {}, first)
        kept = console.desk.assignments.of(WA, host.clock.now_ns() // NS)
        assert {each.entry for each in kept} == {f"wa/{two}", f"wa/{three}"}
        assert "2 of them yours" in (await console.get(QUEUE, first)).heading


async def test_ones_own_verdict_that_has_not_left_is_taken_back() -> None:
    """Who stepped back releases nothing a minute later; another's verdict is not touched."""
    async with at_work() as (host, console):
        number = await held(host)
        first, second = console.sign_in(FIRST), console.sign_in(SECOND)
        path = f"/state/cases/{number}/conflict-of-interest"
        step = await step_of(host, number)
        form = {"step": step, "ground": "works-with-agency"}
        await console.post(f"/state/cases/{number}/release", {"step": step}, second)
        overtaken = await console.post(path, form, first)
        assert (overtaken.status, "verdict-overtaken" in overtaken.text) == (409, True)
        await console.post(f"/state/verdicts/{number}/{step}/take-back", {}, second)
        await console.post(f"/state/cases/{number}/release", {"step": step}, first)
        assert (await console.post(path, form, first)).status == 303
        assert console.verdicts.waiting_entries(WA) == frozenset()
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []


@pytest.mark.parametrize("act", ["take", "put-back", "assign"])
async def test_nothing_of_another_state_is_touched(act: str) -> None:
    """Oregon's people get no word of Washington's hold."""
    other = [
        msgspec.structs.replace(person_of(role, OR), roles=frozenset({role}))
        for role in (Role.REVIEWER, Role.SUPERVISOR)
    ]
    async with at_work(FIRST, *other) as (host, console):
        number = await held(host)
        await console.post(f"{QUEUE}/{number}/take", {}, console.sign_in(FIRST))
        token = console.sign_in(other[act == "assign"])
        sent = await console.post(f"{QUEUE}/{number}/{act}", {"reviewer": "nobody"}, token)
        assert sent.status == 404
        kept = console.desk.assignments.of(WA, host.clock.now_ns() // NS)
        assert [each.reviewer for each in kept] == [REVIEWER]


def test_one_reviewer_has_so_many_at_most() -> None:
    """At the limit and one beyond, where none of the new ones is noted; the day begins anew."""
    kept, wa = Assignments(), Member("wa")
    entries = [f"wa/{n}" for n in range(TAKEN_MAX)]
    kept.put(wa, entries, "ana", by="Ana", now=100, day=1)
    kept.put(wa, entries[:2], "ana", by="Ana", now=150, day=1)
    with pytest.raises(TooManyTakenError):
        kept.put(wa, ["wa/901", "wa/900"], "ana", by="Ana", now=200, day=1)
    kept.put(wa, ["wa/900"], "bo", by="Ana", now=200, day=1)
    assert kept.given_on(wa, 1) == {"ana": TAKEN_MAX, "bo": 1}
    assert len(kept.of(wa, 200)) == TAKEN_MAX + 1
    assert kept.of(Member("or"), 200) == []
    assert [each.entry for each in kept.of(wa, 100 + TAKEN_SECONDS_MAX)] == ["wa/900"]
    kept.put(wa, ["wa/901"], "ana", by="Ana", now=100 + TAKEN_SECONDS_MAX, day=2)
    assert kept.given_on(wa, 2) == {"ana": 1}
