"""Instruments in the console: two people's forms, what each page says, nothing beyond a role."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from comity.console.people import Role
from comity.domain.answer import ResponseKind
from comity.domain.instruments import Appointment
from comity.domain.vocabulary import Instrument, LeafKind
from tests.support.console import (
    Answered,
    PracticeConsole,
    console_on,
    person_of,
    second_reviewer,
)
from tests.support.gateway import NOW, OR, WA, PracticeHost, ask_of, asks, running
from tests.support.instruments import CLAIMED, DOCUMENT, NUMBER
from tests.unit.console.test_cases import give, told
from tests.unit.services.test_instruments import OPENED, asked

LIST = "/state/instruments"
NEW = f"{LIST}/new"
TODAY = datetime.fromtimestamp(NOW, UTC).date().isoformat()
FORM: dict[str, Any] = {
    "hold": "",
    "kind": "article_iii_warrant",
    "appointment": "article_iii",
    "issuer": "Practice District Court",
    "number": NUMBER.lower(),
    "issued_on": "2026-11-20",
    "document": DOCUMENT.hex().upper(),
    "document_bytes": "48211",
    "agency": "txpx00001",
    "case_number": "hs-26-88",
    "persons": "OLN PX000204K7",
    "class": ["status", "identity", "address"],
    "days": "30",
    "note": "",
}
SECOND = {
    "document": DOCUMENT.hex(),
    "called": "555-0190",
    "answered": "the clerk read it back",
    "note": "",
}


async def registered(console: PracticeConsole, token: str, **changes: Any) -> str:
    """An instrument that the reviewer registered by the form; its page."""
    done = await console.post(NEW, {**FORM, **changes}, token)
    assert done.status == 303, done.text
    return done.location


async def claimed(host: PracticeHost, number: int = 1) -> int:
    """A held request that claims the warrant; its number."""
    await host.answer.take(asks(ask_of(number, claims=CLAIMED)))
    hold = told(host).hold
    assert hold is not None
    return int(hold.entry.rpartition("/")[2])


async def test_two_people_make_an_instrument() -> None:
    """Registered, it opens nothing; verified by another, it covers; the list says which it is."""
    async with running(OPENED) as host, console_on(host) as console:
        first = console.sign_in(person_of(Role.REVIEWER))
        second = console.sign_in(second_reviewer())
        assert (await console.get(LIST, first)).heading == "No legal instrument stands."
        path = await registered(console, first)
        page = await console.get(path, first)
        assert page.heading == (
            "Warrant signed by a judge appointed under Article III, number 26-MJ-118, was read by "
            "one person and waits for a second; until then it opens nothing."
        )
        assert "another reviewer of this state verifies it" in page.text
        assert f"{path}/verify" not in page.body
        assert (await asked(host, 1)).response is ResponseKind.HELD
        listed = await console.get(LIST, second)
        assert listed.heading == "1 legal instrument stands; 1 waits for a second person."
        done = await console.post(f"{path}/verify", SECOND, second)
        assert (done.status, done.location) == (303, path)
        said = await console.get(path, second)
        assert said.heading.endswith("was verified by two people and was not used yet.")
        assert "555-0190" in said.text
        assert (await asked(host, 2)).response is ResponseKind.HIT
        again = await console.get(LIST, first)
        assert again.heading == "1 legal instrument stands; none waits for a second person."


async def test_a_case_says_what_is_known_of_the_instrument_that_it_claims() -> None:
    """Nobody, one person, two people; each as it stands now; the form begins with the request."""
    async with running(OPENED) as host, console_on(host) as console:
        number = await claimed(host)
        first = console.sign_in(person_of(Role.REVIEWER))
        second = console.sign_in(second_reviewer())
        page = await console.get(f"/state/cases/{number}", first)
        assert "Nobody here has registered it." in page.text
        assert f"{NEW}?hold={number}" in page.body
        form = await console.get(f"{NEW}?hold={number}", first)
        for said in (NUMBER, "TXPX00001", "HS-26-88", "OLN PX000204K7"):
            assert said in form.body
        before = await console.get(f"/state/cases/{number}/release", first)
        assert "Nobody here has registered it." in before.text
        refused = await give(console, first, number, "release")
        assert "It had no effect: " in refused
        assert "two people must have verified it first" in refused
        path = await registered(console, first, hold=number)
        page = await console.get(f"/state/cases/{number}", first)
        assert "One person has read it." in page.text
        other = await console.get(f"/state/cases/{number}", second)
        assert "One person has read it." in other.text
        await console.post(f"{path}/verify", SECOND, second)
        page = await console.get(f"/state/cases/{number}", first)
        assert "Two people have verified it." in page.text
        await give(console, first, number, "release")
        assert told(host).response is ResponseKind.HIT


async def test_the_leaf_cites_the_hold_that_it_came_with() -> None:
    """And whoever opened its page stands in the ledger."""
    async with running(OPENED) as host, console_on(host) as console:
        number = await claimed(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        path = await registered(console, token, hold=number)
        (leaf,) = host.leaves(WA, LeafKind.INSTRUMENT)
        assert leaf.cites == f"wa/{number}"
        before = len(host.leaves(WA, LeafKind.ACCESS))
        await console.get(path, token)
        await console.get(path, token)
        assert len(host.leaves(WA, LeafKind.ACCESS)) == before + 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": ""}, "kind"),
        ({"kind": "none"}, "kind"),
        ({"kind": "<script>"}, "kind"),
        ({"appointment": ""}, "appointment"),
        ({"appointment": "magistrate"}, "appointment"),
        ({"issuer": "ab"}, "issuer"),
        ({"issuer": "x" * 121}, "issuer"),
        ({"number": ""}, "number"),
        ({"number": "26 MJ"}, "number"),
        ({"number": "X" * 33}, "number"),
        ({"agency": "nobody"}, "agency"),
        ({"case_number": "a b"}, "case_number"),
        ({"persons": ""}, "persons"),
        ({"persons": "SOC 900000001"}, "persons"),
        ({"persons": "NAM DOE,JANE"}, "persons"),
        ({"persons": "OLN PX000204K7\nnobody"}, "persons"),
        ({"class": []}, "class"),
        ({"class": ["opaque"]}, "class"),
        ({"issued_on": ""}, "issued_on"),
        ({"issued_on": "2099-01-01"}, "issued_on"),
        ({"issued_on": "20261120"}, "issued_on"),
        ({"days": "0"}, "days"),
        ({"days": "91"}, "days"),
        ({"days": "-1"}, "days"),
        ({"document": "ab"}, "document"),
        ({"document": "g" * 64}, "document"),
        ({"document_bytes": "0"}, "document_bytes"),
        ({"document_bytes": "100000001"}, "document_bytes"),
        ({"note": "x" * 501}, "note"),
    ],
)
async def test_what_is_missing_is_told_and_nothing_is_recorded(
    changes: dict[str, Any], field: str
) -> None:
    """The form again with the field that it is about, and what was written."""
    async with running(OPENED) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.post(NEW, {**FORM, **changes}, token)
        assert page.status == 422
        assert f'<a href="#{field}">' in page.body
        assert "<script>" not in page.body.partition("</head>")[2]
        assert host.leaves(WA, LeafKind.INSTRUMENT) == []


@pytest.mark.parametrize(
    "persons",
    ["NAM DOE,JANE 19900101", "LIC PX4471 PC", "LIC PX4471", "VIN 1PX123", "oln px1\n\nvin 1px2"],
)
async def test_persons_are_named_as_queries_name_them(persons: str) -> None:
    """By name and birth, plate with or without its kind, vehicle; several lines."""
    async with running(OPENED) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        await registered(console, token, persons=persons)
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"document": "00" * 32}, "document"),
        ({"document": ""}, "document"),
        ({"called": ""}, "called"),
        ({"called": "x" * 65}, "called"),
        ({"answered": " "}, "answered"),
        ({"answered": "x" * 201}, "answered"),
        ({"note": "x" * 501}, "note"),
    ],
)
async def test_a_verification_that_lacks_something_is_not_recorded(
    changes: dict[str, Any], field: str
) -> None:
    """Another document above all."""
    async with running(OPENED) as host, console_on(host) as console:
        first = console.sign_in(person_of(Role.REVIEWER))
        path = await registered(console, first)
        second = console.sign_in(second_reviewer())
        page = await console.post(f"{path}/verify", {**SECOND, **changes}, second)
        assert page.status == 422
        assert f'<a href="#{field}">' in page.body
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == 1


async def test_whoever_registered_it_cannot_verify_it() -> None:
    """Not by a form that no page offers: the gateway refuses, and the page says why."""
    async with running(OPENED) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        path = await registered(console, token)
        page = await console.post(f"{path}/verify", SECOND, token)
        assert page.status == 422
        assert "whoever registered an instrument cannot verify it" in page.text
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == 1


async def test_sent_twice_it_is_verified_once() -> None:
    """The second press leads to the page, and records nothing."""
    async with running(OPENED) as host, console_on(host) as console:
        path = await registered(console, console.sign_in(person_of(Role.REVIEWER)))
        second = console.sign_in(second_reviewer())
        for _ in range(2):
            done = await console.post(f"{path}/verify", SECOND, second)
            assert (done.status, done.location) == (303, path)
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == 2


async def test_revoked_it_stands_no_more() -> None:
    """At once and whatever the note is; its page says so, and offers nothing."""
    async with running(OPENED) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        path = await registered(console, token)
        done = await console.post(f"{path}/revoke", {"revoke-note": "x\x7f" * 400}, token)
        assert (done.status, done.location) == (303, LIST)
        assert (await console.get(LIST, token)).heading == "No legal instrument stands."
        page = await console.get(path, token)
        assert page.heading.endswith("counts no more: it was revoked.")
        assert "Verify it" not in page.text
        assert "Revoke it now" not in page.text
        again = await console.post(f"{path}/revoke", {}, token)
        assert again.status == 404
        assert [leaf.instrument for leaf in host.leaves(WA, LeafKind.INSTRUMENT)][-1] == "none"


async def test_an_immigration_warrant_is_told_as_what_it_is() -> None:
    """It can be registered and verified, and the page says that it opens nothing."""
    async with running(OPENED) as host, console_on(host) as console:
        kind = Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT.value
        first = console.sign_in(person_of(Role.REVIEWER))
        officer = Appointment.OFFICER.value
        path = await registered(console, first, kind=kind, appointment=officer)
        second = console.sign_in(second_reviewer())
        await console.post(f"{path}/verify", SECOND, second)
        page = await console.get(path, second)
        assert page.heading.endswith(
            "was read by two people and opens nothing: no judge signed it."
        )
        claims = msgspec.structs.replace(CLAIMED, instrument=Instrument(kind))
        assert (await asked(host, 1, claims=claims)).response is ResponseKind.REFUSED


async def test_what_others_wrote_is_text() -> None:
    """Markup in a court's name, a note or an answer stays words."""
    async with running(OPENED) as host, console_on(host) as console:
        bad = '<img src=x onerror="alert(1)">'
        first = console.sign_in(person_of(Role.REVIEWER))
        path = await registered(console, first, issuer=bad, note=bad)
        second = console.sign_in(second_reviewer())
        await console.post(f"{path}/verify", {**SECOND, "answered": bad, "called": bad}, second)
        page = await console.get(path, second)
        assert bad in page.text
        assert "<img src=x" not in page.body


async def test_another_states_instrument_is_not_there() -> None:
    """Neither to read nor to verify nor to end, nor a hold to register one for."""
    async with running(OPENED) as host, console_on(host) as console:
        path = await registered(console, console.sign_in(person_of(Role.REVIEWER)))
        number = await claimed(host)
        stranger = console.sign_in(person_of(Role.REVIEWER, OR))
        asked_for: list[Answered] = [
            await console.get(path, stranger),
            await console.post(f"{path}/verify", SECOND, stranger),
            await console.post(f"{path}/revoke", {}, stranger),
            await console.get(f"{NEW}?hold={number}", stranger),
        ]
        assert {page.status for page in asked_for} == {404}
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == 1


@pytest.mark.parametrize("hold", ["x", "-1", "9" * 19, "999999"])
async def test_a_hold_that_is_none_is_not_there(hold: str) -> None:
    """Whatever stands in the address."""
    async with running(OPENED) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        assert (await console.get(f"{NEW}?hold={hold}", token)).status == 404
        assert (await console.post(NEW, {**FORM, "hold": hold}, token)).status == 404
        assert host.leaves(WA, LeafKind.INSTRUMENT) == []
