"""Test cases on the console: ordered by a supervisor, decided like any other, told when over."""

from __future__ import annotations

import msgspec
import pytest

from comity.console.pages.planted_words import caught_said
from comity.console.people import Person, Role
from comity.domain.planted import Flaw
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.review.planted import PlantedTally
from comity.services.past_decisions import KEPT_SECONDS_MAX
from tests.support.console import PracticeConsole, console_on, person_of, second_reviewer
from tests.support.exchange import REVIEWER
from tests.support.gateway import (
    AUSTIN,
    HOLD_SECONDS,
    NS,
    RELEASE,
    WA,
    PracticeHost,
    policy_of,
    running,
)
from tests.unit.console.test_case_pass import WEEK
from tests.unit.console.test_cases import HELD, give, held
from tests.unit.services.test_planting import of_tests, plants_on, wanting

PATH = "/state/decisions"
PLANT = f"{PATH}/plant"


def supervisor() -> Person:
    """The state's supervisor, who decides nothing."""
    roles = frozenset({Role.SUPERVISOR})
    return msgspec.structs.replace(second_reviewer(), roles=roles)


def at(host: PracticeHost) -> str:
    """The moment at which a page was made."""
    return str(host.clock.now_ns() // NS)


async def planted(host: PracticeHost, console: PracticeConsole) -> int:
    """Let the supervisor press the button; return the hold's number."""
    token = console.sign_in(supervisor())
    sent = await console.post(PLANT, {"at": at(host)}, token)
    assert sent.status == 303, sent.text
    number = sent.location.partition("planted=")[2].partition("#")[0]
    page = await console.get(sent.location.partition("#")[0], token)
    assert f"WA/{number} waits in the queue as a test case." in page.text
    return int(number)


def later(host: PracticeHost) -> None:
    """Let what was read of the ledger be read anew."""
    host.clock.advance_ns(int(KEPT_SECONDS_MAX + 1) * NS)


async def test_a_supervisor_plants_one() -> None:
    """The button stands on the page; sent twice it is one case; the number stands on the page."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(supervisor())
        page = await console.get(PATH, token)
        assert "Plant a test case now" in page.text
        assert "No test case has been decided yet." in page.text
        form = {"at": at(host)}
        first = await console.post(PLANT, form, token)
        second = await console.post(PLANT, form, token)
        assert (first.status, first.location) == (303, second.location)
        assert len(of_tests(host)) == 1


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.AUDITOR, Role.COUNSEL])
async def test_nobody_else_is_offered_it(role: Role) -> None:
    """Nor may they send its form."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(role))
        assert "Plant a test case" not in (await console.get(PATH, token)).text
        assert (await console.post(PLANT, {"at": at(host)}, token)).status == 403
        assert of_tests(host) == []


@pytest.mark.parametrize("form", ["", "now", "-1", "0", "9" * 12, "1\n2"])
async def test_a_form_that_is_not_whole_plants_nothing(form: str) -> None:
    """400, and nothing is signed."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(supervisor())
        assert (await console.post(PLANT, {"at": form}, token)).status == 400
        for wrong in ("x", "0", "9" * 19):
            assert (await console.get(f"{PATH}?planted={wrong}", token)).status == 400
        assert of_tests(host) == []


async def test_why_none_was_planted_is_said() -> None:
    """An old page, and rules that hold nothing: the page again, with the reason, in a sentence."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(supervisor())
        old = str(host.clock.now_ns() // NS - 301)
        page = await console.post(PLANT, {"at": old}, token)
        assert (page.status, "older than five minutes" in page.text) == (409, True)
        assert of_tests(host) == []
    async with running(policy_of(WA, RELEASE)) as host, console_on(host) as console:
        token = console.sign_in(supervisor())
        page = await console.post(PLANT, {"at": at(host)}, token)
        assert (page.status, "hold no request that could be" in page.text) == (409, True)


async def test_pages_do_not_tell_it_from_another() -> None:
    """Queue, case, what would go out, the page before a verdict: no word of a test."""
    async with running(HELD) as host, console_on(host) as console:
        number = await planted(host, console)
        token = console.sign_in(person_of(Role.REVIEWER))
        pages = [await console.get("/state/queue", token)]
        pages.append(await console.get(f"/state/cases/{number}", token))
        shown = await console.post(f"/state/cases/{number}/what-goes-out", {"step": "1"}, token)
        assert shown.status == 303
        pages.append(await console.get(f"/state/cases/{number}", token))
        assert "LICENSE_STATUS" in pages[-1].text or "VALID" in pages[-1].text
        pages += [
            await console.get(f"/state/cases/{number}/{act}", token)
            for act in ("release", "part", "refuse", "ask")
        ]
        for page in pages:
            assert page.status == 200
            said = page.text.replace("No test case has been decided yet.", "").lower()
            assert "test case" not in said
            assert "planted" not in page.body
        assert "Practice Police" in pages[0].text
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 2


@pytest.mark.parametrize(
    ("act", "fields", "came_out"),
    [
        ("release", {}, "You released it; nothing went out."),
        ("part", {"class": ["status"]}, "You released it; nothing went out."),
        ("refuse", {"clause": "HOLD"}, "You caught it."),
        ("ask", {"note": "Which case?"}, "You caught it."),
    ],
)
async def test_who_ended_it_is_told(act: str, fields: dict[str, object], came_out: str) -> None:
    """That it was a test case, what was wrong, and what would have been right."""
    disk = wanting(flaws=(Flaw.NO_CASE,))
    async with plants_on(disk) as host, console_on(host) as console:
        number = await planted(host, console)
        token = console.sign_in(person_of(Role.REVIEWER))
        text = await give(console, token, number, act, **fields)
        assert "This was a test case, and nobody in it is real: what stood as its case" in text
        assert came_out in text
        assert "Right was asking for the case, or refusing it." in text
        assert "Test case" in text
        assert (host.courier.take(), host.source.asked) == ([], [])


async def test_no_pass_goes_with_it() -> None:
    """What was to be granted with a release is not, and that is said."""
    async with (
        plants_on(wanting(flaws=(Flaw.NO_JUDGE,)), HELD) as host,
        console_on(host) as console,
    ):
        number = await planted(host, console)
        token = console.sign_in(person_of(Role.REVIEWER))
        text = await give(console, token, number, "release", **WEEK)
        assert "No pass was granted: it was a test case." in text
        assert host.leaves(WA, LeafKind.PASS) == []


async def test_figures_stand_beside_what_was_reviewed() -> None:
    """On past decisions with each reviewer's, on a case, in the supervisor's queue; few is said."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, await held(host, 1), "release")
        await give(console, token, await planted(host, console), "release")
        host.clock.advance_ns(NS)
        await give(console, token, await planted(host, console), "refuse", clause="HOLD")
        host.clock.advance_ns(NS)
        left = await planted(host, console)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        await host.desk.expire(f"wa/{left}")
        later(host)
        said = (
            "1 of 2 test cases were caught; 1 more ended before anybody decided. They are few: "
            "below 10, such figures say little."
        )
        theirs = console.sign_in(supervisor())
        page = await console.get(PATH, theirs)
        assert page.heading == (
            "The one request that was held and has ended was released in whole or part."
        )
        assert said in page.text
        (row,) = [row for row in page.body.split("<tr ") if REVIEWER in row]
        assert "1 of 2" in row
        assert said in (await console.get("/state/queue", theirs)).text
        auditor = await console.get(PATH, console.sign_in(person_of(Role.AUDITOR)))
        assert "1 of 2" in auditor.text
        token = console.sign_in(person_of(Role.REVIEWER))
        host.courier.take()
        own = await console.get(PATH, token)
        assert (said in own.text, REVIEWER in own.body.partition("<main")[2]) == (True, False)
        case = await console.get(f"/state/cases/{await held(host, 2)}", token)
        assert f"In the state's whole queue: {said}" in case.text


async def test_who_decided_only_test_cases_has_a_row() -> None:
    """Without times, which come of requests alone; an open case is nobody's yet."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, await planted(host, console), "refuse", clause="HOLD")
        host.clock.advance_ns(NS)
        await planted(host, console)
        later(host)
        page = await console.get(PATH, console.sign_in(supervisor()))
        (row,) = [row for row in page.body.split("<tr ") if REVIEWER in row]
        assert "1 of 1" in row
        assert "not known" in row
        assert page.heading == "No request that was held has ended yet."


async def test_the_supervisor_who_ordered_it_has_no_verdict_on_it() -> None:
    """The gateway refuses it, and the queue says why."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(second_reviewer())
        sent = await console.post(PLANT, {"at": at(host)}, token)
        number = int(sent.location.partition("planted=")[2].partition("#")[0])
        text = await give(console, token, number, "refuse", clause="HOLD")
        assert "whoever ordered a test case has no verdict on it" in text
        assert [leaf.kind for leaf in of_tests(host)] == [LeafKind.HOLD]


async def test_nothing_of_it_is_a_past_decision() -> None:
    """Its rows are not among those of the page, nor of the second looks, nor of the feed."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, await planted(host, console), "refuse", clause="HOLD")
        later(host)
        for path in (PATH, "/state/re-reviews", "/state/feed"):
            page = await console.get(path, token)
            assert AUSTIN not in page.body
            assert f"WA/{host.size(WA) - 2}" not in page.body
        assert {leaf.mode for leaf in of_tests(host)} == {LeafMode.PLANTED}


@pytest.mark.parametrize(
    ("tally", "said"),
    [
        (PlantedTally(), "No test case has been decided yet."),
        (PlantedTally(not_looked_at=2), "No test case has been decided yet; 2 more ended before"),
        (PlantedTally(caught=1), "1 of 1 test case was caught. They are few"),
        (PlantedTally(caught=9, missed=0), "9 of 9 test cases were caught. They are few"),
        (PlantedTally(caught=9, missed=1), "9 of 10 test cases were caught."),
    ],
)
def test_counts_in_words(tally: PlantedTally, said: str) -> None:
    """None, one, few, ten."""
    words = caught_said(tally)
    assert words.startswith(said)
    assert ("few" in words) == (0 < tally.decided < 10)
