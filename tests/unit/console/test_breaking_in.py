"""What somebody tries who wants more than a role gives, or gives a second verdict on a case."""

from __future__ import annotations

import msgspec
import pytest

from comity.console.people import People, Person, Role
from comity.domain.answer import ResponseKind
from tests.support.console import ISSUER, PracticeConsole, console_on, person_of
from tests.support.gateway import WA, running, turns
from tests.unit.console.test_cases import HELD, give, held, told

REVIEWER_OF_WA = person_of(Role.REVIEWER)


async def given(console: PracticeConsole, token: str, number: int, act: str) -> str:
    """Give a verdict that waits; return the path under which its author sends it."""
    row = await console.host.store.open_hold(WA, number)
    assert row is not None
    page = await console.post(f"/state/cases/{number}/{act}", {"step": row.next_step}, token)
    assert page.status == 303
    return f"/state/verdicts/{number}/{row.next_step}/send"


async def left(console: PracticeConsole) -> None:
    """Let what waits leave at its time, which has come."""
    await turns(200)
    assert console.verdicts.waiting_entries(WA) == frozenset()


async def test_second_thought_is_not_taken_for_the_first() -> None:
    """Who released and then refuses is told that the release is on its way."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        await given(console, token, number, "release")
        refusal = {"step": "1", "clause": "HOLD", "note": "I was wrong."}
        page = await console.post(f"/state/cases/{number}/refuse", refusal, token)
        assert (page.status, "You gave another verdict" in page.heading) == (409, True)
        await console.post(f"/state/verdicts/{number}/1/take-back", {}, token)
        await give(console, token, number, "refuse", clause="HOLD", note="I was wrong.")
        assert told(host).response is ResponseKind.REFUSED


async def test_counts_are_of_what_the_table_shows() -> None:
    """A verdict on its way takes its case out of the counts, one that was asked about too."""
    async with running(HELD) as host, console_on(host) as console:
        asked, waits = await held(host, 1), await held(host, 2)
        token = console.sign_in(REVIEWER_OF_WA)
        await give(console, token, asked, "ask", note="Which case?")
        await given(console, token, asked, "release")
        page = await console.get("/state/queue", token)
        assert page.heading.startswith("1 request waits for a decision")
        assert page.body.count("data-row") == 1
        assert "Waits for the agency's reply 0" in page.text
        await given(console, token, waits, "release")
        page = await console.get("/state/queue", token)
        assert page.heading == "Nothing waits for a decision."
        assert "data-row" not in page.body
        assert '<span class="count">0</span>' in page.body
        assert "Ends within a day 0" in page.text
        assert "Ends within the hour 0" in page.text


async def test_page_of_which_all_is_on_its_way_leads_on() -> None:
    """Fifty decided and one more: the page does not say that nothing waits."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, number) for number in range(1, 52)]
        token = console.sign_in(REVIEWER_OF_WA)
        for number in numbers[:50]:
            await given(console, token, number, "release")
        page = await console.get("/state/queue", token)
        assert page.heading.startswith("1 request waits for a decision")
        assert "/state/queue?after=" in page.body
        assert "No request waits" not in page.text


def without(people: People, person: Person, *instead: Person) -> People:
    """The people after somebody lost a place."""
    return People(ISSUER, [*(each for each in people.persons if each != person), *instead])


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "only advises now"])
async def test_verdict_of_who_lost_the_place_does_not_leave(*, is_gone: bool) -> None:
    """Taken from the people file within the minute: what waits has no effect."""
    async with running(HELD) as host, console_on(host, wait_s=0) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        await console.get(f"/state/cases/{number}", token)
        counsel = msgspec.structs.replace(REVIEWER_OF_WA, roles=frozenset({Role.COUNSEL}))
        now = without(console.people, REVIEWER_OF_WA, *(() if is_gone else (counsel,)))
        await given(console, token, number, "release")
        console.people = now
        await left(console)
        row = await host.store.open_hold(WA, number)
        assert row is not None
        (kept,) = console.verdicts.of(WA, REVIEWER_OF_WA.signs_as)
        assert (kept.code, host.courier.take()) == ("not-a-signer", [])
        assert (await console.get(f"/state/cases/{number}", token)).status in (303, 403)


async def test_verdict_leaves_after_its_author_signed_out() -> None:
    """Going home is no second thought: what was given within the minute leaves."""
    async with running(HELD) as host, console_on(host, wait_s=0) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        await given(console, token, number, "release")
        await console.post("/sign-out", {}, token)
        await left(console)
        assert told(host).response is ResponseKind.HIT
