"""Claim checks on the console: listed with their clocks, opened once, answered, found."""

from __future__ import annotations

import pytest

from comity.console.people import Role
from comity.domain.answer import ResponseKind
from comity.domain.vocabulary import LeafDecision, LeafKind
from comity.exchange.replies import reply_text
from comity.services.health import CLOCK_SKEW_NS_MAX
from tests.support.console import console_on, person_of
from tests.support.gateway import OR, SALEM, WA
from tests.unit.console.test_cases import SCRIPT
from tests.unit.services.test_claim_checks import (
    DUE,
    OPEN,
    answered,
    begun,
    checking,
    checks_on,
    pass_time,
    told,
)

LIST = "/state/claims"


def path_of(entry: str) -> str:
    """The page of a check."""
    return f"{LIST}/{entry.rpartition('/')[2]}"


async def test_checks_are_listed_and_one_is_opened_once_a_session() -> None:
    """The list is no leaf; opened, what was answered is there, and its leaf, until it moves."""
    async with checks_on(OPEN, checking()) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        assert (await console.get(LIST, token)).heading == "No claim check stands open."
        entry = await begun(host)
        page = await console.get(LIST, token)
        assert page.heading == "1 claim check stands open, with time left."
        assert "HS-26-88" in page.text
        assert "PX000204K7" not in page.text
        path = path_of(entry)
        for _ in range(2):
            one = await console.get(path, token)
            assert "was asked to prove case HS-26-88 and has until the end of" in one.heading
        assert [leaf.cites for leaf in host.leaves(WA, LeafKind.ACCESS)] == [entry]
        await answered(host, entry, 2, fields=(("", reply_text(entry, f"Docket 7 {SCRIPT}")),))
        one = await console.get(path, token)
        assert one.heading.endswith("answered 1 time about case HS-26-88: is the claim proved?")
        assert ("Docket 7" in one.text, SCRIPT in one.body) == (True, False)
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 2
        assert (await console.get(LIST, token)).heading.endswith("stands open, answered.")


@pytest.mark.parametrize(
    ("found", "decision"), [("yes", LeafDecision.APPROVE), ("no", LeafDecision.REFUSE)]
)
async def test_a_finding_is_recorded(found: str, decision: LeafDecision) -> None:
    """Under the reviewer's signature; not proved holds what is asked; sent twice it is once."""
    async with checks_on(OPEN, checking()) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        entry = await begun(host)
        await console.get(path_of(entry), token)
        sent = await console.post(path_of(entry), {"found": found, "note": "Docket."}, token)
        assert (sent.status, sent.location) == (303, LIST)
        assert host.leaves(WA, LeafKind.VERDICT)[-1].decision is decision
        response = (await told(host, 3)).response
        assert response is (ResponseKind.HIT if found == "yes" else ResponseKind.HELD)
        count = len(host.leaves(WA, LeafKind.VERDICT))
        again = await console.post(path_of(entry), {"found": found}, token)
        assert again.status == (404 if found == "yes" else 422)
        assert len(host.leaves(WA, LeafKind.VERDICT)) == count
        if found == "no":
            assert "open, not proved in time" in (await console.get(LIST, token)).heading
            page = await console.get(path_of(entry), token)
            assert ('value="no"' in page.body, "is held until" in page.text) == (False, True)
            assert (await console.post(path_of(entry), {"found": "yes"}, token)).status == 303


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({"found": ""}, "Say whether the claim is proved."),
        ({"found": "maybe"}, "Say whether the claim is proved."),
        ({"found": "yes", "note": "x" * 501}, "At most 500"),
        ({"found": "yes", "note": "a\x1b[2J"}, "At most 500"),
        ({"found": "", "note": SCRIPT}, "Say whether the claim is proved."),
    ],
)
async def test_an_unfinished_finding_is_not_recorded(form: dict[str, str], fault: str) -> None:
    """What is missing is said at its field; markup stays text; nothing is signed."""
    async with checks_on(OPEN, checking()) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        entry = await begun(host)
        page = await console.post(path_of(entry), form, token)
        assert (page.status, fault in page.text, SCRIPT in page.body) == (422, True, False)
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1


async def test_nobody_finds_about_what_they_were_not_shown() -> None:
    """An answer that came meanwhile is shown first, and nothing is recorded."""
    async with checks_on(OPEN, checking()) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        entry = await begun(host)
        await console.get(path_of(entry), token)
        await answered(host, entry, 2)
        page = await console.post(path_of(entry), {"found": "no"}, token)
        assert (page.status, "Docket 26-118" in page.text) == (409, True)
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1
        assert (await console.post(path_of(entry), {"found": "yes"}, token)).status == 303


async def test_what_is_overdue_comes_first() -> None:
    """Before what was answered, and before what has time; each with its clock."""
    async with checks_on(OPEN, checking()) as host, console_on(host) as console:
        first, second = await begun(host, 1), await begun(host, 2)
        await answered(host, first, 3)
        await pass_time(host, DUE)
        third = await begun(host, 4, accepted_at=DUE, origin=OR, agency=SALEM)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(LIST, token)
        assert page.heading == (
            "3 claim checks stand open: 1 not proved in time, 1 answered and 1 with time left."
        )
        places = [page.text.index(entry.upper()) for entry in (second, first, third)]
        assert places == sorted(places)
        one = await console.get(path_of(second), token)
        assert "did not prove case HS-26-88 in ten days" in one.heading


async def test_another_states_check_is_not_there() -> None:
    """Nor one that is none, nor for another role."""
    async with checks_on(OPEN, checking()) as host, console_on(host) as console:
        entry = await begun(host)
        elsewhere = console.sign_in(person_of(Role.REVIEWER, OR))
        assert (await console.get(LIST, elsewhere)).heading == "No claim check stands open."
        assert (await console.get(path_of(entry), elsewhere)).status == 404
        token = console.sign_in(person_of(Role.REVIEWER))
        assert (await console.get(f"{LIST}/0", token)).status == 404
        author = console.sign_in(person_of(Role.AUTHOR))
        assert (await console.get(LIST, author)).status == 403
        assert host.leaves(WA, LeafKind.ACCESS) == []


async def test_a_clock_in_doubt_records_no_finding() -> None:
    """It is said that nothing was changed."""
    async with checks_on(OPEN, checking()) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        entry = await begun(host)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        assert (await console.post(path_of(entry), {"found": "no"}, token)).status == 503
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1
