"""Looks afterwards and case passes on the console: listed, opened once, decided, ended."""

from __future__ import annotations

import pytest

from comity.console.people import Role
from comity.domain.answer import ResponseKind
from comity.domain.vocabulary import LeafDecision, LeafKind
from comity.services.health import CLOCK_SKEW_NS_MAX
from tests.support.console import console_on, person_of
from tests.support.gateway import NS, OR, WA, running
from tests.support.review import DAY, LICENSEE
from tests.unit.console.test_cases import SCRIPT
from tests.unit.services.test_passes import HELD, asked
from tests.unit.services.test_review_commands import granted
from tests.unit.services.test_urgent import HELD_BUT_URGENT, released, with_phone
from tests.unit.services.test_urgent import asked as urgent_asked

CALL = {"answered": "The desk officer confirms it.", "found": "yes"}


def number_of(entry: str) -> str:
    """The number of an entry."""
    return entry.rpartition("/")[2]


async def test_releases_are_listed_and_one_is_opened_once_a_session() -> None:
    """The list names nobody and is no leaf; opened, the person is there, and its leaf, once."""
    async with running(HELD_BUT_URGENT) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        empty = await console.get("/state/urgent", token)
        assert empty.heading == "Every urgent release was looked at."
        entry = await released(host)
        page = await console.get("/state/urgent", token)
        assert page.heading == "1 urgent release waits for a look."
        assert "555-0111" in page.text
        assert LICENSEE.value not in page.text
        assert host.leaves(WA, LeafKind.ACCESS) == []
        path = f"/state/urgent/{number_of(entry)}"
        first, one = await console.get(path, token), await console.get(path, token)
        assert LICENSEE.value in first.text
        assert LICENSEE.value in one.text
        assert one.heading.endswith("at once: was it an emergency?")
        assert [leaf.cites for leaf in host.leaves(WA, LeafKind.ACCESS)] == [entry]
        assert f"recorded as WA/{host.size(WA) - 1}." in one.text
        host.clock.advance_ns(DAY * NS)
        late = await console.get("/state/urgent", console.sign_in(person_of(Role.REVIEWER)))
        assert late.heading == "1 urgent release waits for a look, 1 of them overdue."


@pytest.mark.parametrize(
    ("found", "decision"), [("yes", LeafDecision.APPROVE), ("no", LeafDecision.REFUSE)]
)
async def test_a_look_is_recorded(found: str, decision: LeafDecision) -> None:
    """Under the reviewer's signature; not justified closes the lane; a second finds nothing."""
    async with running(HELD_BUT_URGENT) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        entry = await released(host)
        path = f"/state/urgent/{number_of(entry)}"
        await console.get(path, token)
        sent = await console.post(path, {**CALL, "found": found}, token)
        assert (sent.status, sent.location) == (303, "/state/urgent")
        (leaf,) = host.leaves(WA, LeafKind.VERDICT)
        assert (leaf.cites, leaf.decision) == (entry, decision)
        page = await console.get("/state/urgent", token)
        assert page.heading == "Every urgent release was looked at."
        again = await console.post(path, CALL, token)
        assert (again.status, "it was looked at" in again.heading) == (404, True)
        later = (await urgent_asked(host, 2)).response
        assert later is (ResponseKind.HIT if found == "yes" else ResponseKind.HELD)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"found": ""}, "Say whether it was justified."),
        ({"found": "maybe"}, "Say whether it was justified."),
        ({"answered": "  "}, "Write what was said on the phone"),
        ({"answered": "x" * 201}, "Write what was said on the phone"),
        ({"answered": "a\x1b[2J"}, "Write what was said on the phone"),
        ({"note": "x" * 501}, "At most 500"),
        ({"answered": SCRIPT * 20}, "Write what was said on the phone"),
    ],
)
async def test_an_unfinished_look_is_not_recorded(changes: dict[str, str], fault: str) -> None:
    """What is missing is said at its field; markup stays text; the lane stays as it was."""
    async with running(HELD_BUT_URGENT) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        path = f"/state/urgent/{number_of(await released(host))}"
        page = await console.post(path, {**CALL, **changes}, token)
        assert (page.status, fault in page.text, SCRIPT in page.body) == (422, True, False)
        assert host.leaves(WA, LeafKind.VERDICT) == []


async def test_an_agency_without_a_number_can_only_be_found_not_justified() -> None:
    """Said on the page; a form that finds it justified all the same is not taken."""
    async with running(HELD_BUT_URGENT) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        path = f"/state/urgent/{number_of(await released(host))}"
        with_phone(host, "")
        page = await console.get(path, token)
        assert "can only be found not justified" in page.text
        assert (await console.post(path, CALL, token)).status == 422
        assert (await console.post(path, {**CALL, "found": "no"}, token)).status == 303


async def test_a_number_that_changed_meanwhile_is_not_the_one_called() -> None:
    """The gateway refuses it, the page is opened anew, and then it counts."""
    async with running(HELD_BUT_URGENT) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        path = f"/state/urgent/{number_of(await released(host))}"
        await console.get(path, token)
        with_phone(host, "555-0199")
        assert (await console.post(path, CALL, token)).status == 409
        assert "555-0199" in (await console.get(path, token)).text
        assert (await console.post(path, CALL, token)).status == 303


async def test_a_clock_in_doubt_records_no_look() -> None:
    """It is said that nothing was changed."""
    async with running(HELD_BUT_URGENT) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        path = f"/state/urgent/{number_of(await released(host))}"
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        assert (await console.post(path, CALL, token)).status == 503
        assert host.leaves(WA, LeafKind.VERDICT) == []


async def test_a_pass_is_listed_opened_and_ended() -> None:
    """With its uses; whom it names only where that is recorded; ended, requests wait again."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        assert (await console.get("/state/passes", token)).heading == "No case pass stands."
        entry = await granted(host)
        await asked(host, 2)
        page = await console.get("/state/passes", token)
        assert page.heading == "1 case pass stands, used 1 time so far."
        assert LICENSEE.value not in page.text
        path = f"/state/passes/{number_of(entry)}"
        for _ in range(2):
            one = await console.get(path, token)
            assert f"Licence {LICENSEE.value}" in one.text
        assert [leaf.cites for leaf in host.leaves(WA, LeafKind.ACCESS)] == [entry]
        long = await console.post(path, {"note": "x" * 501}, token)
        assert (long.status, "At most 500" in long.text) == (422, True)
        sent = await console.post(path, {"note": "The case is closed."}, token)
        assert (sent.status, sent.location) == (303, "/state/passes")
        assert (await console.get("/state/passes", token)).heading == "No case pass stands."
        ended = await console.get(path, token)
        assert "stands no more" in ended.heading
        assert "End this pass" not in ended.text


@pytest.mark.parametrize("what", ["urgent", "passes"])
async def test_nothing_of_another_state_or_kind_is_there(what: str) -> None:
    """Another state's reviewer, a leaf of another kind, no leaf: one page, and no reading."""
    async with running(HELD_BUT_URGENT) as host, console_on(host) as console:
        release = number_of(await released(host))
        size = host.size(WA), host.size(OR)
        for person, number in (
            (person_of(Role.REVIEWER, OR), release),
            (person_of(Role.REVIEWER), "0"),
            (person_of(Role.REVIEWER), "987654"),
            *([(person_of(Role.REVIEWER), release)] if what == "passes" else []),
        ):
            token = console.sign_in(person)
            for page in (
                await console.get(f"/state/{what}/{number}", token),
                await console.post(f"/state/{what}/{number}", CALL, token),
            ):
                assert page.status == 404, (person.state, number)
        assert (host.size(WA), host.size(OR)) == size
