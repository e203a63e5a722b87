"""Confidential addresses in the console: the list, the form, one of them, ended by two people."""

from __future__ import annotations

from typing import Any

import pytest

from comity.console.people import Role
from comity.domain.ids import Member
from comity.domain.vocabulary import LeafKind
from comity.services.vault import month_of
from tests.support.console import PracticeConsole, console_on, person_of
from tests.support.gateway import (
    HOLD_ALL,
    NOW,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.protections import CONTACT, HOW, TODAY, protection, signed_protection

LIST = "/state/protections"
RULES = (policy_of(WA, RELEASE, HOLD_ALL), policy_of(OR, RELEASE))
FORM = {
    "persons": "oln PX000204K7\nnam Doe, Jane Ann 19900102",
    "contact": CONTACT,
    "how": HOW,
    "since": TODAY.isoformat(),
    "until": "",
    "authority": "Practice Safe Address Program",
    "note": "",
}
WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"persons": ""}, "Name the person by licence number"),
    ({"persons": "OLN PX000204K7"}, "Name the person by licence number"),
    ({"persons": "OLN PX000204K7\nDoe, Jane"}, "Name the person by licence number"),
    ({"contact": "me"}, "Say who reaches the person"),
    ({"how": "x" * 241}, "Say how, in a sentence"),
    ({"authority": ""}, "Say by what right"),
    ({"since": ""}, "Give the day on which it began"),
    ({"since": "2040-01-01"}, "Give the day on which it began"),
    ({"until": "soon"}, "Give a last day"),
    ({"until": "2001-01-01"}, "Give a last day"),
    ({"note": "x" * 501}, "At most 500"),
)


async def placed(console: PracticeConsole, token: str) -> str:
    """Place a protection; return the path of its page."""
    page = await console.post(f"{LIST}/new", FORM, token)
    assert (page.status, page.location) == (303, LIST), page.text
    (row,) = await _ids(console)
    return f"{LIST}/{row}"


async def _ids(console: PracticeConsole, member: Member = WA) -> list[str]:
    rows = await console.host.store.protections(member)
    return sorted({row.protection_id.hex() for row in rows})


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.COUNSEL])
async def test_a_protection_is_placed_and_its_list_names_nobody(role: Role) -> None:
    """At once, by either; no leaf; the list has it without a name, and was it sent twice, once."""
    async with running(*RULES) as host, console_on(host) as console:
        token = console.sign_in(person_of(role))
        page = await console.get(LIST, token)
        assert page.heading == "No address of Washington is confidential."
        size = host.size(WA)
        path = await placed(console, token)
        assert (await console.post(f"{LIST}/new", FORM, token)).status == 303
        assert len(await _ids(console)) == 1
        page = await console.get(LIST, token)
        assert page.heading == (
            "1 protection stands in Washington: no letter shows this person's address."
        )
        assert path in page.body
        for hidden in ("DOE", "Doe", 'PX000204K7"', CONTACT):
            assert hidden not in page.body
        assert host.size(WA) == size


@pytest.mark.parametrize(("changes", "fault"), WRONG)
async def test_what_is_missing_is_said_and_nothing_is_placed(
    changes: dict[str, Any], fault: str
) -> None:
    """With what was written kept in the form."""
    async with running(*RULES) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.SUPERVISOR))
        page = await console.post(f"{LIST}/new", FORM | changes, token)
        assert (page.status, fault in page.text) == (422, True), page.text
        if "how" not in changes:
            assert HOW in page.body
        assert await _ids(console) == []


async def test_one_is_shown_once_that_is_recorded() -> None:
    """Whom it names, its contact, and the leaf that says that it was read."""
    async with running(*RULES) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.COUNSEL))
        path = await placed(console, token)
        page = await console.get(path, token)
        assert page.heading == "This person's address is confidential, and nothing is posted."
        (leaf,) = host.leaves(WA, LeafKind.ACCESS)
        assert leaf.cites is None
        assert f"recorded as WA/{host.size(WA) - 1}" in page.text
        for shown in ("Licence PX000204K7", "DOE,JANE, born 19900102", CONTACT, HOW):
            assert shown in page.text


async def test_two_people_end_it() -> None:
    """The first is told that another is needed, and cannot be that one; the second ends it."""
    async with running(*RULES) as host, console_on(host) as console:
        first = console.sign_in(person_of(Role.SUPERVISOR))
        second = console.sign_in(person_of(Role.COUNSEL))
        path = await placed(console, first)
        for _ in range(2):
            done = await console.post(f"{path}/end", {"note": "moved\naway"}, first)
            assert (done.status, done.location) == (303, LIST)
        page = await console.get(path, first)
        assert page.heading == (
            "One person would end this protection: it stands until another says so too."
        )
        assert "you cannot be the second person" in page.text
        assert f"{path}/end" not in page.body
        assert "One person would end it" in (await console.get(LIST, second)).text
        page = await console.get(path, second)
        assert "Sign as the second person and end it" in page.text
        assert (await console.post(f"{path}/end", {"note": ""}, second)).status == 303
        page = await console.get(LIST, second)
        assert page.heading == "No address of Washington is confidential."
        page = await console.get(path, second)
        assert page.heading == (
            "This protection is over: letters go to the person's address again."
        )


async def test_a_person_is_found_and_the_look_is_recorded() -> None:
    """By number or by name; that nobody is found is recorded too; half a name is refused."""
    async with running(*RULES) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.SUPERVISOR))
        path = await placed(console, token)
        find = f"{LIST}/find"
        for line in ("OLN PX000204K7", "nam doe,jane 19900102"):
            page = await console.post(find, {"persons": line}, token)
            assert page.heading == "1 protection stands for this person."
            assert path in page.body
        page = await console.post(find, {"persons": "OLN PX999999Z9"}, token)
        assert page.heading == "This person has none."
        assert "That you looked for a person is recorded as WA/" in page.text
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 3
        for line in ("", "Doe", "OLN PX1\nOLN PX2"):
            page = await console.post(find, {"persons": line}, token)
            assert (page.status, "Name one person" in page.text) == (422, True)
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 3


async def test_what_cannot_be_read_is_said_first() -> None:
    """In the list's sentence, on its page, and to whoever looks for a person."""
    async with running(*RULES) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.SUPERVISOR))
        path = await placed(console, token)
        host.disk.keyring.destroy(WA, month_of(NOW))
        # The ledger's own records of this month are gone with it: what is new has another key.
        page = await console.get(LIST, token)
        assert page.heading == (
            "1 protection of Washington cannot be read any more: no letter shows an address."
        )
        page = await console.get(path, token)
        assert page.heading == (
            "Nobody can read any more whom this protects: no letter shows an address."
        )
        page = await console.post(f"{LIST}/find", {"persons": "OLN PX000204K7"}, token)
        assert page.heading == "Nobody can say whether this person is protected: a key is gone."


async def test_other_states_and_other_roles_reach_nothing() -> None:
    """Oregon's counsel finds no such page; a reviewer's role opens none of them."""
    async with running(*RULES) as host, console_on(host) as console:
        path = await placed(console, console.sign_in(person_of(Role.COUNSEL)))
        oregon = console.sign_in(person_of(Role.COUNSEL, OR))
        assert (await console.get(path, oregon)).status == 404
        assert (await console.post(f"{path}/end", {"note": ""}, oregon)).status == 404
        reviewer = console.sign_in(person_of(Role.REVIEWER))
        for page in (LIST, path, f"{LIST}/new"):
            assert (await console.get(page, reviewer)).status == 403
        assert host.leaves(WA, LeafKind.ACCESS) == []


async def case_of(host: PracticeHost, console: PracticeConsole, **changes: Any) -> str:
    """The page of a held request as a reviewer opens it."""
    await host.answer.take(asks(ask_of(1, **changes)))
    token = console.sign_in(person_of(Role.REVIEWER))
    return (await console.get(f"/state/cases/{host.size(WA) - 1}", token)).text


async def test_a_case_says_that_the_address_is_confidential() -> None:
    """Beside what is asked and at the class address; of anybody else nothing."""
    words = "This person's address is confidential."
    async with running(*RULES) as host, console_on(host) as console:
        assert words not in await case_of(host, console)
    async with running(*RULES) as host, console_on(host) as console:
        await host.review.protections.place(signed_protection(protection()))
        page = await case_of(host, console)
        assert page.count(words) == 2
        assert f"Home address {words}" in page or f"Address {words}" in page
    async with running(*RULES) as host, console_on(host) as console:
        await host.review.protections.place(signed_protection(protection()))
        assert "confidential" not in await case_of(host, console, fields=(("OLN", "PX9"),))
