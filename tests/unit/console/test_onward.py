"""Onward transfers on the console: told by an officer's page, seen by the state, and asked for."""

from __future__ import annotations

from typing import Any

import pytest

from comity.console.people import People, Role
from comity.domain.vocabulary import LeafDecision, LeafKind
from comity.services.vault import month_of
from tests.support.asking import MemoryFront, asking_on
from tests.support.console import Answered, PracticeConsole, console_on, person_of
from tests.support.gateway import NOW, NS, OR, RELEASE, SALEM, SEATTLE, WA, policy_of, running
from tests.support.review import signed_question
from tests.unit.console.test_asking import MARKUP, asked
from tests.unit.services.test_claim_checks import pass_time
from tests.unit.services.test_onward import (
    CLOSED_TO_SALEM,
    DUE,
    OPEN,
    TODAY,
    body_of,
    message,
    released,
    told,
)

LIST = "/state/onward"
SEES = (Role.REVIEWER, Role.SUPERVISOR, Role.COUNSEL, Role.AUDITOR)
ASKS = SEES[:3]
BOTH = (policy_of(OR, RELEASE), OPEN)
FORM = {
    "passed_to": SEATTLE,
    "passed_for": "civil_immigration",
    "passed_on": TODAY.isoformat(),
    "parts": ["address", "identity"],
    "words": f"By phone {MARKUP}",
}


def number_of(entry: str) -> str:
    """An entry's number."""
    return entry.rpartition("/")[2]


async def tell(console: PracticeConsole, token: str, path: str, **changes: Any) -> Answered:
    """Send the form of a request's page."""
    (proof,) = console.host.leaves(WA, LeafKind.DISCLOSURE)[:1]
    entry = f"wa/{console.host.leaves(WA).index(proof)}"
    return await console.post(f"{path}/onward", {"release": entry, **FORM, **changes}, token)


async def test_nothing_told_is_said_first_then_what_was_and_to_whom() -> None:
    """The sentence counts; what the rules refuse is marked; no words and no person on the list."""
    async with running(CLOSED_TO_SALEM) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.AUDITOR))
        page = await console.get(LIST, token)
        assert page.heading == "No agency told Washington of an onward transfer in 30 days."
        entry = await released(host)
        await told(host, message(body_of(entry, text=f"Words {MARKUP}")))
        page = await console.get(LIST, token)
        assert page.heading == (
            "Agencies told Washington of 1 onward transfer in 30 days, to an agency that it "
            "refuses."
        )
        for word in ("Practice Police", SALEM, "Civil immigration", "Refused by the rules"):
            assert word in page.text
        for word in ("Words", "PX000204K7", "H2210", "<script>alert"):
            assert word not in page.body
        await told(host, message(body_of(entry, None), 3))
        page = await console.get(LIST, token)
        assert "of 1 onward transfer" in page.heading
        assert "Passed to nobody" in page.text
        await told(host, message(body_of(entry), 4))
        page = await console.get(LIST, token)
        assert "of 2 onward transfers in 30 days, 2 to agencies that it refuses." in page.heading
        assert host.leaves(WA, LeafKind.ACCESS) == []


@pytest.mark.parametrize("role", SEES)
async def test_words_are_opened_one_at_a_time_and_recorded(role: Role) -> None:
    """Once a session, by whoever signs; an auditor, who does not, sees no link and no form."""
    async with running(CLOSED_TO_SALEM) as host, console_on(host) as console:
        entry = await released(host)
        await told(host, message(body_of(entry, text=f"Words {MARKUP}")))
        token = console.sign_in(person_of(role))
        page = await console.get(LIST, token)
        number = host.leaves(WA).index(host.leaves(WA, LeafKind.CERTIFICATION)[0])
        path = f"{LIST}/{number}"
        assert (f'href="{path}"' in page.body) is (role in ASKS)
        assert ("Ask an agency" in page.text) is (role in ASKS)
        await console.get(path, token)
        one = await console.get(path, token)
        if role not in ASKS:
            assert one.status == 403
            assert host.leaves(WA, LeafKind.ACCESS) == []
            return
        assert f"passed {entry.upper()} on to Practice Police ({SALEM})" in one.heading
        assert one.heading.endswith("to which Washington refuses it.")
        assert ("Words" in one.text, "<script>alert" in one.body) == (True, False)
        assert "would refuse: address." in one.text
        assert [leaf.cites for leaf in host.leaves(WA, LeafKind.ACCESS)] == [f"wa/{number}"]


@pytest.mark.parametrize("role", ASKS)
async def test_a_person_asks_once(role: Role) -> None:
    """Under the person's own signature; a second click is the same question."""
    async with running(OPEN) as host, console_on(host) as console:
        entry = await released(host)
        token = console.sign_in(person_of(role))
        for written in (entry.upper(), number_of(entry), f" {entry} "):
            sent = await console.post(LIST, {"release": written}, token)
            assert (sent.status, sent.location) == (303, LIST)
        (ask,) = host.leaves(WA, LeafKind.VERDICT)
        assert (ask.decision, ask.cites) == (LeafDecision.ASK, entry)
        page = await console.get(LIST, token)
        assert "Asked, no answer yet" in page.text
        await pass_time(host, DUE)
        await host.review.onward.round([WA])
        page = await console.get(LIST, console.sign_in(person_of(role)))
        assert page.heading.endswith("; 1 question was not answered in time.")
        assert "Not answered in time" in page.text


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("", "Write the entry of a release of Washington"),
        ("or/1", "Write the entry of a release of Washington"),
        (MARKUP, "Write the entry of a release of Washington"),
        ("wa/0", "No release of a record stands under this entry."),
        ("wa/987654", "No release of a record stands under this entry."),
        ("9" * 23, "Write the entry of a release of Washington"),
    ],
)
async def test_what_cannot_be_asked_is_said_at_the_field(written: str, fault: str) -> None:
    """Another state's, no entry, no release; nothing is recorded."""
    async with running(OPEN) as host, console_on(host) as console:
        await released(host)
        size = host.size(WA)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.post(LIST, {"release": written}, token)
        assert (page.status, fault in page.text) == (422, True)
        assert "<script>alert" not in page.body
        assert host.size(WA) == size


async def test_nothing_of_another_state_is_shown_or_asked() -> None:
    """Oregon's people see neither list nor word, and an elsewhere hosted state is told so."""
    async with running(OPEN, policy_of(OR, RELEASE)) as host, console_on(host) as console:
        entry = await released(host)
        await told(host, message(body_of(entry)))
        number = host.size(WA) - 2
        token = console.sign_in(person_of(Role.REVIEWER, OR))
        page = await console.get(LIST, token)
        assert page.heading == "No agency told Oregon of an onward transfer in 30 days."
        theirs = await console.get(f"{LIST}/{number}", token)
        none = await console.get(f"{LIST}/987654", token)
        assert (theirs.status, theirs.body) == (none.status, none.body)
        assert theirs.status == 404


async def test_what_cannot_be_read_any_more_is_shown_as_that() -> None:
    """Of a month whose key is gone the leaf alone is left."""
    async with running(OPEN) as host, console_on(host) as console:
        entry = await released(host)
        await told(host, message(body_of(entry)))
        await host.review.onward.ask(signed_question(entry))
        host.disk.keyring.destroy(WA, month_of(NOW))
        page = await console.get(LIST, console.sign_in(person_of(Role.REVIEWER)))
        assert page.heading == "No agency told Washington of an onward transfer in 30 days."
        assert page.text.count("Cannot be read any more") >= 2


async def test_an_officer_tells_on_the_page_of_the_request() -> None:
    """Once, also by a second click; it stands on the request's page and is no request itself."""
    async with asking_on(*BOTH) as (console, front):
        token, path = await asked(console)
        page = await console.get(path, token)
        assert "Tell to whom it was passed on" in page.text
        for _ in range(2):
            sent = await tell(console, token, path)
            assert (sent.status, sent.location) == (303, path), sent.text
        (certified,) = console.host.leaves(WA, LeafKind.CERTIFICATION)
        assert certified.agency == SALEM
        page = await console.get(path, token)
        assert "What you told of passing on" in page.text
        assert f"TO {SEATTLE}" in page.text
        assert "RECORDED" in page.text
        assert "<script>alert" not in page.body
        assert (await console.get("/console/requests", token)).body.count("data-row") == 1
        assert await control_of(console, front, token) == 404
        state = await console.get(LIST, console.sign_in(person_of(Role.COUNSEL)))
        assert "Identity and address" in state.text


async def control_of(console: PracticeConsole, front: MemoryFront, token: str) -> int:
    """What the message's own control field leads to as a request."""
    (sent, *_) = [r for _, r in front.asked if r.method == "POST" and b"PASSED ON" in r.body]
    control = dict(sent.headers)["Idempotency-Key"].removeprefix("console-")
    return (await console.get(f"/console/requests/{control}", token)).status


async def test_nobody_and_a_name_are_told_too() -> None:
    """It stayed with the agency; or it went to somebody without an identifier."""
    async with asking_on(*BOTH) as (console, _):
        token, path = await asked(console)
        for to in ("nobody", "A county task force", SEATTLE.lower()):
            sent = await tell(console, token, path, passed_to=to, parts=[], words="")
            assert sent.status == 303, sent.text
        assert len(console.host.leaves(WA, LeafKind.CERTIFICATION)) == 3
        page = await console.get(LIST, console.sign_in(person_of(Role.REVIEWER)))
        assert "A county task force" in page.text
        assert f"({SEATTLE})" in page.text


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"passed_to": ""}, "Name an agency or NOBODY"),
        ({"passed_to": "x" * 61}, "Name an agency or NOBODY"),
        ({"passed_to": "caf\u00e9"}, "Name an agency or NOBODY"),
        ({"passed_on": "yesterday"}, "Write the day as year, month and day"),
        ({"passed_on": ""}, "Write the day as year, month and day"),
        ({"parts": ["photo"]}, "Tick only parts that this release had."),
        ({"words": "TO ME"}, "begin with none of TO, FOR, ON and WHAT"),
        ({"words": "x" * 501}, "begin with none of TO, FOR, ON and WHAT"),
        ({"words": "a\x07b"}, "begin with none of TO, FOR, ON and WHAT"),
    ],
)
async def test_an_unfinished_form_tells_nothing(changes: dict[str, Any], fault: str) -> None:
    """What is wrong stands at its field, and what was written stays."""
    async with asking_on(*BOTH) as (console, _):
        token, path = await asked(console)
        page = await tell(console, token, path, **changes)
        assert (page.status, fault in page.text) == (422, True), page.text
        assert "<script>alert" not in page.body
        assert console.host.leaves(WA, LeafKind.CERTIFICATION) == []


async def test_nobody_tells_of_what_they_were_not_given() -> None:
    """Another entry is not there; another person's request neither; held, there is no form."""
    async with asking_on(*BOTH) as (console, _):
        token, path = await asked(console)
        assert (await tell(console, token, path, release="wa/0")).status == 404
        elsewhere = console.sign_in(person_of(Role.REQUESTER, WA))
        assert (await tell(console, elsewhere, path)).status == 404
        assert console.host.leaves(WA, LeafKind.CERTIFICATION) == []
        assert isinstance(console.people, People)
        assert console.now() * NS <= console.host.clock.now_ns()
