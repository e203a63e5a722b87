"""A case pass with a release: off by default, granted behind it, and never without it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.console.people import Role
from comity.domain.answer import ResponseKind
from comity.domain.query import Claims
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass, LeafKind, Purpose
from tests.support.console import console_on, person_of
from tests.support.gateway import (
    DENY_ALL,
    NS,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.unit.console.test_cases import HELD, give, held, told

CLAIMS = Claims(purpose=Purpose.COURT, case_number="CASE-1", operator="OP-1")
WEEK = {"pass": "yes", "pass_days": "7"}


async def case(host: PracticeHost, number: int = 1, **changes: Any) -> int:
    """A held request of a case, that names its officer."""
    return await held(host, number, claims=msgspec.structs.replace(CLAIMS, **changes))


async def later(host: PracticeHost, number: int) -> ResponseKind:
    """What a later request of the case is told."""
    ask = msgspec.structs.replace(ask_of(number), claims=CLAIMS)
    await host.answer.take(asks(ask))
    return told(host).response


async def test_later_requests_of_the_case_go_at_once() -> None:
    """After the release took effect; before it the next one is held, and the queue says so."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(f"/state/cases/{number}/release", token)
        assert "in case CASE-1 about this person go at once" in page.text
        assert "checked" not in page.body.partition('name="pass"')[2].partition(">")[0]
        row = await host.store.open_hold(WA, number)
        assert row is not None
        path = f"/state/cases/{number}/release"
        await console.post(path, {"step": row.next_step, **WEEK}, token)
        waits = await console.get("/state/queue", token)
        assert "with a pass for its case CASE-1 until " in waits.text
        assert host.leaves(WA, LeafKind.PASS) == []
        assert await later(host, 2) is ResponseKind.HELD
        await console.post(f"/state/verdicts/{number}/{row.next_step}/send", {}, token)
        assert told(host).response is ResponseKind.HIT
        said = await console.get("/state/queue", token)
        assert "in case CASE-1 about 1 person or vehicle go at once until " in said.text
        (leaf,) = host.leaves(WA, LeafKind.PASS)
        assert leaf.cites == f"wa/{number}"
        assert f"pass WA/{host.size(WA) - 1}." in said.text
        assert await later(host, 3) is ResponseKind.HIT


async def test_without_the_tick_no_pass_is_granted() -> None:
    """The days alone are no wish."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        said = await give(console, token, number, "release", pass_days="7")
        assert "pass" not in said.lower().partition("got status")[2].partition("recorded")[0]
        assert host.leaves(WA, LeafKind.PASS) == []


async def test_it_is_for_the_parts_that_are_released() -> None:
    """Of a release in part, a later request gets these at once, and the rest waits."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, number, "part", **WEEK, **{"class": ["status", "identity"]})
        (leaf,) = host.leaves(WA, LeafKind.PASS)
        assert leaf.released == (DataClass.STATUS, DataClass.IDENTITY)


async def test_taken_back_nothing_of_it_is_granted() -> None:
    """Nor once another verdict is given without one."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        row = await host.store.open_hold(WA, number)
        assert row is not None
        path = f"/state/cases/{number}/release"
        await console.post(path, {"step": row.next_step, **WEEK}, token)
        await console.post(f"/state/verdicts/{number}/{row.next_step}/take-back", {}, token)
        await give(console, token, number, "release")
        assert host.leaves(WA, LeafKind.PASS) == []


async def test_what_the_rules_refuse_by_now_gets_no_pass() -> None:
    """The release had no release: so nothing goes at once later, and that is said."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host)
        await host.overtake(WA, policy_of(WA, DENY_ALL, version=2))
        token = console.sign_in(person_of(Role.REVIEWER))
        said = await give(console, token, number, "release", **WEEK)
        assert "No pass was granted: the rules in force now release none of it." in said
        assert host.leaves(WA, LeafKind.PASS) == []


async def test_a_pass_that_the_gateway_refuses_leaves_the_release_as_it_is() -> None:
    """Signed longer ago than counts, it is refused: the release is told as what it was."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        row = await host.store.open_hold(WA, number)
        assert row is not None
        signed_in = console.sessions.find(token, console.people, console.now())
        assert signed_in is not None
        reviewing = console.desk.reviewing(signed_in)
        (hold,) = (await reviewing.read(f"wa/{number}")).holds
        old = reviewing.signed_pass(hold, hold.classes, 7)
        host.clock.advance_ns(301 * NS)
        verdict = reviewing.verdict(hold, VerdictKind.APPROVE, hold.classes, "")
        done = await reviewing.giving(old)(hold, verdict)
        assert done.response is ResponseKind.HIT
        assert done.granted is not None
        assert (done.granted.entry, "300 seconds" in done.granted.why_not) == ("", True)
        assert told(host).response is ResponseKind.HIT


@pytest.mark.parametrize("days", ["", "0", "31", "-1", "7.5", "a", "9" * 40, "\u0667"])
async def test_days_are_1_to_30(days: str) -> None:
    """Anything else is said at its field; nothing is given."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        path, form = f"/state/cases/{number}/release", {"step": "1", "pass": "yes"}
        page = await console.post(path, {**form, "pass_days": days}, token)
        assert (page.status, "Give a number of days from 1 to 30." in page.text) == (422, True)
        assert console.verdicts.waiting_entries(WA) == frozenset()


@pytest.mark.parametrize("days", ["1", "30"])
async def test_both_ends_are_taken(days: str) -> None:
    """One day, and thirty."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        await give(console, token, number, "release", **{"pass": "yes", "pass_days": days})
        (row,) = await host.store.case_passes([WA], console.now())
        assert row.until == console.now() + int(days) * 86_400


@pytest.mark.parametrize(
    ("changes", "fields", "why"),
    [
        ({"case_number": ""}, {}, "the request names no case"),
        ({}, {"fields": (("NAM", "DOE,JANE"),)}, "names nobody as a pass can name them"),
        ({}, {"fields": (("OLN", "PX1"), ("XYZ", "1"))}, "names nobody as a pass can name them"),
    ],
    ids=["no-case", "name-alone", "unknown-field"],
)
async def test_what_cannot_be_granted_is_said_before(
    changes: dict[str, Any], fields: dict[str, Any], why: str
) -> None:
    """The page offers none and says why; a form that wants one all the same is not taken."""
    async with running(HELD) as host, console_on(host) as console:
        claims = msgspec.structs.replace(CLAIMS, **changes)
        number = await held(host, 1, claims=claims, **fields)
        token = console.sign_in(person_of(Role.REVIEWER))
        path = f"/state/cases/{number}/release"
        page = await console.get(path, token)
        assert why in page.text
        assert 'name="pass"' not in page.body
        sent = await console.post(path, {"step": "1", **WEEK}, token)
        assert (sent.status, why in sent.text) == (422, True)
        assert console.verdicts.waiting_entries(WA) == frozenset()


async def test_a_request_without_an_officer_is_warned_of() -> None:
    """Such a pass counts for nothing that names none; other verdicts offer no pass at all."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host, operator="")
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(f"/state/cases/{number}/release", token)
        assert "It counts only for requests that name an officer" in page.text
        for act in ("ask", "refuse", "pass"):
            other = await console.get(f"/state/cases/{number}/{act}", token)
            assert 'name="pass"' not in other.body
        await give(console, token, number, "refuse", clause="HOLD", **WEEK)
        assert host.leaves(WA, LeafKind.PASS) == []


async def test_the_field_stands_once() -> None:
    """A form of two wishes is none."""
    async with running(HELD) as host, console_on(host) as console:
        number = await case(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        path = f"/state/cases/{number}/release"
        page = await console.post(path, {"step": "1", **WEEK, "pass": ["yes", "no"]}, token)
        assert page.status == 400
