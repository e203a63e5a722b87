"""Two reviewers at the console: one proposes, another one confirms, and each page says which."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from comity.console.people import People, Role
from comity.domain.answer import Answer, ResponseKind
from comity.domain.passes import PASS_DAYS_MAX
from comity.domain.query import Claims
from comity.domain.vocabulary import DataClass, LeafKind, Purpose
from comity.link.parcel import Answered as AnsweredParcel
from comity.policy import Obligation
from tests.support.console import ISSUER, PracticeConsole, console_on, person_of
from tests.support.exchange import AUTHOR, REVIEWER
from tests.support.gateway import (
    HOLD_ADDRESS,
    HOLD_ALL,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)

BY_TWO = msgspec.structs.replace(HOLD_ADDRESS, obligations=(Obligation.SECOND_REVIEW,))
HELD = policy_of(WA, RELEASE, HOLD_ALL, BY_TWO)
SCRIPT = "<script>alert(1)</script>"


@asynccontextmanager
async def two_at_work() -> AsyncIterator[tuple[PracticeHost, PracticeConsole, str, str]]:
    """A console with two reviewers who are signed in."""
    first = person_of(Role.REVIEWER)
    second = msgspec.structs.replace(
        first, subject="wa-second", name="Practice Second", signs_as=AUTHOR.name
    )
    async with running(HELD) as host, console_on(host) as console:
        console.people = People(ISSUER, [first, second])
        yield host, console, console.sign_in(first), console.sign_in(second)


async def held(host: PracticeHost, number: int = 1) -> int:
    """Let Washington hold an exchange of a case; return the hold's number."""
    claims = Claims(case_number="A-1", purpose=Purpose.COURT, operator="H1")
    await host.answer.take(asks(msgspec.structs.replace(ask_of(number), claims=claims)))
    answer = told(host)
    assert answer.hold is not None
    return int(answer.hold.entry.rpartition("/")[2])


def told(host: PracticeHost) -> Answer:
    """The one answer that left since the last call."""
    (parcel,) = host.courier.take()
    assert isinstance(parcel, AnsweredParcel)
    return parcel.answer


async def step_of(host: PracticeHost, number: int) -> int:
    """The next step of a hold."""
    row = await host.store.open_hold(WA, number)
    assert row is not None
    return row.next_step


async def give(
    console: PracticeConsole, token: str, number: int, act: str, **fields: object
) -> str:
    """Give a verdict, and send it at once; return the queue after it."""
    step = await step_of(console.host, number)
    given = await console.post(f"/state/cases/{number}/{act}", {"step": step, **fields}, token)
    assert given.location == "/state/queue", given.text
    await console.post(f"/state/verdicts/{number}/{step}/send", {}, token)
    return (await console.get("/state/queue", token)).text


async def test_one_proposes_and_another_confirms() -> None:
    """Both pages say it in their heading; the record goes behind the second verdict alone."""
    async with two_at_work() as (host, console, first, second):
        number = await held(host)
        case = await console.get(f"/state/cases/{number}", first)
        assert "Two reviewers release address here. Your release is a proposal" in case.text
        sure = await console.get(f"/state/cases/{number}/release", first)
        assert sure.heading == (
            "Propose to release status, identity and address to Practice Police? Another reviewer "
            "confirms it before it goes."
        )
        after = await give(console, first, number, "release", note=f"Called {SCRIPT}")
        assert "You proposed it: another reviewer confirms it before anything goes" in after
        assert told(host).response is ResponseKind.HELD
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []
        queue = await console.get("/state/queue", second)
        assert "; proposed" in queue.text
        case = await console.get(f"/state/cases/{number}", second)
        assert f"{REVIEWER} proposed to release status, identity and address at" in case.text
        assert SCRIPT not in case.body
        assert SCRIPT in case.text
        sure = await console.get(f"/state/cases/{number}/release", second)
        assert sure.heading.startswith("Confirm that status, identity and address goes to")
        after = await give(console, second, number, "release")
        assert "Practice Police got status, identity, address." in after
        assert told(host).response is ResponseKind.HIT


async def test_who_proposed_is_told_and_cannot_confirm() -> None:
    """By the case, by the form, and alone in a group: nothing is on its way."""
    async with two_at_work() as (host, console, first, _):
        number = await held(host)
        await give(console, first, number, "release")
        told(host)
        case = await console.get(f"/state/cases/{number}", first)
        assert "You proposed to release status, identity and address at" in case.text
        step = await step_of(host, number)
        form = {"step": step}
        refused = await console.post(f"/state/cases/{number}/release", form, first)
        assert (refused.status, "second-reviewer-needed" in refused.text) == (409, True)
        together = f"/state/cases/{number}/same-case/release"
        refused = await console.post(together, {"of": f"{number}-{step}"}, first)
        assert (refused.status, "second-reviewer-needed" in refused.text) == (409, True)
        assert console.verdicts.waiting_entries(WA) == frozenset()
        part = {"step": step, "class": ["status", "identity"]}
        assert (await console.post(f"/state/cases/{number}/part", part, first)).status == 303


async def test_more_than_was_proposed_is_not_taken() -> None:
    """The page says what was not proposed; less of it goes."""
    two = msgspec.structs.replace(HOLD_ALL, obligations=(Obligation.SECOND_REVIEW,))
    async with two_at_work() as (host, console, first, second):
        await host.overtake(WA, policy_of(WA, RELEASE, two, version=2))
        number = await held(host)
        await give(console, first, number, "part", **{"class": ["status", "identity"]})
        told(host)
        step = await step_of(host, number)
        for act, fields in (("release", {}), ("part", {"class": ["status", "address"]})):
            page = await console.post(
                f"/state/cases/{number}/{act}", {"step": step, **fields}, second
            )
            assert (page.status, "Two reviewers release address, which was not" in page.text) == (
                422,
                True,
            )
        await give(console, second, number, "part", **{"class": ["status"]})
        assert {e.data_class for e in told(host).elements} == {DataClass.STATUS}


@pytest.mark.parametrize("days", [1, PASS_DAYS_MAX])
async def test_no_pass_goes_with_a_proposal(days: int) -> None:
    """Nothing was released: the pass is not granted, and the row says why."""
    async with two_at_work() as (host, console, first, _):
        number = await held(host)
        after = await give(
            console, first, number, "release", **{"pass": "yes", "pass_days": str(days)}
        )
        assert "No pass was granted: another reviewer confirms the release first." in after
        assert host.leaves(WA, LeafKind.PASS) == []


async def test_a_case_is_proposed_and_confirmed_together() -> None:
    """The sentence says that it is a proposal; the second person's press releases all."""
    async with two_at_work() as (host, console, first, second):
        numbers = [await held(host, n) for n in (1, 2)]
        together = f"/state/cases/{numbers[0]}/same-case/release"
        sure = await console.get(together, first)
        assert sure.heading.endswith("Of each it is a proposal, which another reviewer confirms.")
        await console.post(together, {"of": [f"{n}-1" for n in numbers]}, first)
        await console.post(f"/state/verdicts/{numbers[0]}/1/same-case/send", {}, first)
        queue = await console.get("/state/queue", first)
        assert "You proposed it: another reviewer confirms it before anything goes" in queue.text
        host.courier.take()
        assert "After a minute" in (await console.get(together, second)).heading
        await console.post(together, {"of": [f"{n}-2" for n in numbers]}, second)
        await console.post(f"/state/verdicts/{numbers[1]}/2/same-case/send", {}, second)
        answers = [p.answer for p in host.courier.take() if isinstance(p, AnsweredParcel)]
        assert [answer.response for answer in answers] == [ResponseKind.HIT] * 2
