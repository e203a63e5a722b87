"""Past decisions, as pages show them after real verdicts: what, which parts, whose, and counts."""

from __future__ import annotations

import msgspec
import pytest

from comity.console.pages.decisions import finding_of
from comity.console.people import Role
from comity.domain.vocabulary import LeafKind
from comity.review.past import PastTally
from comity.services.past_decisions import KEPT_SECONDS_MAX
from comity.services.vault import month_of
from tests.support.console import console_on, person_of
from tests.support.exchange import REVIEWER
from tests.support.gateway import (
    DENY_ALL,
    HOLD_SECONDS,
    NOW,
    NS,
    OR,
    WA,
    driver,
    policy_of,
    running,
)
from tests.unit.console.test_cases import HELD, give, held

PATH = "/state/decisions"


async def test_each_verdict_stands_with_what_became_of_it() -> None:
    """Whole, part, refused, no record, by the rules; and no person in any of it."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        empty = await console.get(PATH, token)
        assert empty.heading == "No request that was held has ended yet."
        numbers = [await held(host, number) for number in range(1, 7)]
        await give(console, token, numbers[0], "release")
        await give(console, token, numbers[1], "part", **{"class": ["status"]})
        await give(console, token, numbers[2], "refuse", clause="HOLD")
        await give(console, token, numbers[3], "ask", note="Which case?")
        known = list(host.source.drivers)
        host.source.drivers.clear()
        await give(console, token, numbers[3], "release")
        host.source.drivers[:] = [*known, driver()]
        await give(console, token, numbers[4], "release")
        await host.overtake(WA, policy_of(WA, DENY_ALL, version=2))
        await give(console, token, numbers[5], "release")
        host.clock.advance_ns(int(KEPT_SECONDS_MAX + 1) * NS)
        page = await console.get(PATH, console.sign_in(person_of(Role.COUNSEL)))
        assert page.heading == (
            "Of the last 6 requests that were held and have ended, 2 were released in whole or "
            "part (33.3%)."
        )
        rows = [row.partition("</tr>")[0] for row in page.body.split("<tr ")[2:]]
        marks = [
            "Refused by the rules in force", "Nothing of it in the record", "No record",
            "Agency was asked", "Refused", "Released in part", "Released",
        ]  # fmt: skip
        assert len(rows) == len(marks)
        for row, mark in zip(rows, marks, strict=True):
            assert f"</span>{mark}</span>" in row
            assert "Practice Police" in row
        assert "PX000204K7" not in page.body
        assert "OP-1" not in page.body


async def test_what_nobody_decided_in_time_is_counted() -> None:
    """Its hold ended by the clock."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        await host.desk.expire(f"wa/{number}")
        page = await console.get(PATH, console.sign_in(person_of(Role.COUNSEL)))
        assert page.heading == (
            "The one request that was held and has ended was not released in whole or part."
        )
        assert "Not decided in time" in page.text


async def test_it_goes_on_page_by_page_and_is_read_anew() -> None:
    """Fifty a page, each once; what is decided later stands first; nothing is recorded by it."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        numbers = [await held(host, number) for number in range(1, 54)]
        for number in numbers:
            await give(console, token, number, "refuse", clause="HOLD")
        # The queue told a pace by the decisions of a moment ago.
        host.clock.advance_ns(int(KEPT_SECONDS_MAX + 1) * NS)
        size = host.size(WA)
        first = await console.get(PATH, token)
        assert "Of the last 53 requests" in first.heading
        (more,) = {p for p in first.body.split('"') if p.startswith(f"{PATH}?before=")}
        second = await console.get(more, token)
        shown = [
            int(row.partition("<td")[2].partition("WA/")[2].partition("<")[0])
            for page in (first, second)
            for row in page.body.split("<tr ")[2:]
        ]
        assert shown == numbers[::-1]
        assert host.size(WA) == size
        for wrong in ("0", "x", "-1", "9" * 19):
            assert (await console.get(f"{PATH}?before={wrong}", token)).status == 400
        beyond = await console.get(f"{PATH}?before=1", token)
        assert "Nothing further stands" in beyond.text


async def test_another_state_sees_its_own_alone() -> None:
    """Oregon's page has nothing of Washington."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, await held(host), "release")
        page = await console.get(PATH, console.sign_in(person_of(Role.AUDITOR, OR)))
        assert page.heading == "No request that was held has ended yet."
        assert "WA/" not in page.body


def test_finding_counts_in_words() -> None:
    """One, few, many; a share is told with its counts."""
    tally = PastTally(ended=214, released=131, refused=80, expired=3)
    assert finding_of(tally) == (
        "Of the last 214 requests that were held and have ended, 131 were released in whole or "
        "part (61.2%)."
    )
    one = msgspec.structs.replace(tally, ended=2, released=1)
    assert "1 was released in whole or part (50.0%)." in finding_of(one)


@pytest.mark.parametrize("role", Role)
async def test_reviewers_are_named_to_supervisor_and_auditor_alone(role: Role) -> None:
    """With times exact to the second of both records; to nobody else a name or a figure of it."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, number) for number in (1, 2, 3)]
        for number, minutes in zip(numbers, (10, 20, 30), strict=True):
            host.clock.advance_ns(minutes * 60 * NS)
            token = console.sign_in(person_of(Role.REVIEWER))
            await give(console, token, number, "release")
        page = await console.get(PATH, console.sign_in(person_of(role)))
        if role in (Role.AUTHOR, Role.OPERATOR):
            assert page.status == 403
            return
        sees = role in (Role.SUPERVISOR, Role.AUDITOR)
        assert (REVIEWER in page.body.partition("<main")[2]) == sees
        assert ("How long it took" in page.text) == sees
        if sees:
            assert (
                "half of the last 3 decisions took 30 min at most, a quarter 10 min, three "
                "quarters 1 h 00 min. They are few" in page.text
            )
        assert "PX000204K7" not in page.body
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 3


async def test_what_cannot_be_opened_is_said() -> None:
    """Its month's key is gone: it is counted in public, and in no reviewer's figures."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, await held(host), "release")
        host.disk.keyring.destroy(WA, month_of(NOW))
        page = await console.get(PATH, console.sign_in(person_of(Role.SUPERVISOR)))
        assert "No decision of a person is among them whose record can be opened." in page.text
        assert "Of 1 further decision the record cannot be opened any more" in page.text
        assert REVIEWER not in page.text
