"""Notices in the console: owed by when, the letter, and that it was given; nobody is kept."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from comity.console.people import Role
from comity.domain.ids import member_zone
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import LeafKind
from comity.review.calendars import calendar_of
from tests.support.console import PracticeConsole, console_on, person_of
from tests.support.gateway import (
    DENY_ALL,
    NOW,
    OR,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.notices import ORDERED, RULES
from tests.support.pdf import printed
from tests.support.protections import CONTACT, protection, signed_protection

DENIED = policy_of(WA, DENY_ALL)
TODAY = f"{datetime.fromtimestamp(NOW, ZoneInfo(member_zone(WA))):%Y-%m-%d}"
LETTER = {"resident": "Jane Doe", "address": "1 Example Ave\nLorvane, WA 98000", "language": "en"}


async def owing(host: PracticeHost, console: PracticeConsole) -> str:
    """Let Washington owe a notice about a refused request; return the path of its page."""
    console.clauses[WA] = (RULES, calendar_of(WA))
    await host.answer.take(asks(ask_of(1, claims=ORDERED)))
    return f"/state/notices/{host.size(WA) - 1}"


async def test_list_says_how_many_and_by_when() -> None:
    """One resident must be told; the reading is a leaf, and one for a while."""
    async with running(DENIED) as host, console_on(host) as console:
        path = await owing(host, console)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get("/state/notices", token)
        assert page.heading.startswith(
            "1 resident must be told who asked for their record, the first by the end of "
        )
        assert path in page.body
        assert "Practice Police" in page.text
        assert "PX000204K7" not in page.text
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 1
        await console.get(path, token)
        await console.get("/state/notices", token)
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 1


async def test_state_without_a_clause_says_so_and_reads_nothing() -> None:
    """No file of notices, no reading; a page about an entry is not there."""
    async with running(DENIED) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1, claims=ORDERED)))
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get("/state/notices", token)
        assert page.heading == (
            "Washington has adopted no clause that demands a notice to residents."
        )
        assert (await console.get("/state/notices/1", token)).status == 404
        assert host.leaves(WA, LeafKind.ACCESS) == []


async def test_letter_is_a_pdf_of_its_own_and_kept_nowhere() -> None:
    """Name and address make the letter and leave nothing behind; what lacks is said."""
    async with running(DENIED) as host, console_on(host) as console:
        path = await owing(host, console)
        token = console.sign_in(person_of(Role.REVIEWER))
        letter = await console.post(f"{path}/letter", LETTER, token)
        assert (letter.status, letter.data[:5]) == (200, b"%PDF-")
        assert letter.headers["content-type"] == "application/pdf"
        assert letter.headers["cache-control"] == "no-store"
        named = letter.headers["content-disposition"]
        assert named == f'attachment; filename="letter-wa-{path.rpartition("/")[2]}-en.pdf"'
        size = host.size(WA)
        for changes, fault in (
            ({"resident": ""}, "Say to whom the letter goes."),
            ({"address": ""}, "Give an address, or a safe contact"),
            ({"contact": "Safe House", "reach": "Call them."}, "Give an address, or a safe"),
            ({"address": "a\nb\nc\nd\ne"}, "Give at most 4 lines."),
            ({"address": "", "contact": "Safe House"}, "how to reach them"),
            ({"language": "es"}, "no office for this language"),
        ):
            page = await console.post(f"{path}/letter", LETTER | changes, token)
            assert (page.status, fault in page.text) == (422, True), changes
        assert host.size(WA) == size


async def test_letter_by_a_safe_contact() -> None:
    """For a person with address confidentiality a contact stands in the place of an address."""
    async with running(DENIED) as host, console_on(host) as console:
        path = await owing(host, console)
        token = console.sign_in(person_of(Role.REVIEWER))
        fields = LETTER | {"address": "", "contact": "Safe House", "reach": "Call 555-0101."}
        letter = await console.post(f"{path}/letter", fields, token)
        assert (letter.status, letter.data[:5]) == (200, b"%PDF-")


async def test_notice_given_is_owed_no_more() -> None:
    """A signed word is a leaf that cites the request; the list is read anew and is empty."""
    async with running(DENIED) as host, console_on(host) as console:
        path = await owing(host, console)
        token = console.sign_in(person_of(Role.REVIEWER))
        for on in ("", "yesterday", "1999-01-01"):
            page = await console.post(f"{path}/given", {"how": "post", "on": on}, token)
            assert page.status == 422, on
        assert host.leaves(WA, LeafKind.NOTICE) == []
        told = await console.post(f"{path}/given", {"how": "post", "on": TODAY}, token)
        assert (told.status, told.location) == (303, "/state/notices"), told.text
        (leaf,) = host.leaves(WA, LeafKind.NOTICE)
        assert leaf.cites == f"wa/{path.rpartition('/')[2]}"
        page = await console.get("/state/notices", token)
        assert page.heading == "Washington owes no notice about the requests of 30 days."
        assert (await console.get(path, token)).status == 404


async def test_a_confidential_address_cannot_be_overridden() -> None:
    """The page says so and offers no address; what a writer sends all the same is not looked at."""
    async with running(DENIED) as host, console_on(host) as console:
        path = await owing(host, console)
        token = console.sign_in(person_of(Role.REVIEWER))
        before = await console.post(f"{path}/letter", LETTER, token)
        assert "1 Example Ave" in printed(before.data)
        await host.review.protections.place(signed_protection(protection()))
        page = await console.get(path, token)
        assert "This person's address is confidential." in page.text
        assert CONTACT in page.text
        assert 'name="address"' not in page.body
        assert 'value="post"' not in page.body
        for changes in ({}, {"address": "", "contact": "A friend", "reach": "Call them."}):
            letter = await console.post(f"{path}/letter", LETTER | changes, token)
            text = printed(letter.data)
            assert CONTACT in text
            entry = f"WA/{path.rpartition('/')[2]}"
            for hidden in ("1 Example Ave", "A friend", "Practice Police", entry, entry.lower()):
                assert hidden not in text
            named = letter.headers["content-disposition"]
            assert named == 'attachment; filename="letter-wa-confidential-en.pdf"'
        told = await console.post(f"{path}/given", {"how": "post", "on": TODAY}, token)
        assert (told.status, "Nothing is posted to this person" in told.text) == (422, True)
        assert host.leaves(WA, LeafKind.NOTICE) == []
        told = await console.post(f"{path}/given", {"how": "telephone", "on": TODAY}, token)
        assert told.status == 303
        # A session's list had been read before the protection stood: one reading, and one more.
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 1


async def test_no_letter_shows_an_address_that_nobody_can_vouch_for() -> None:
    """The register is unread: a safe contact is possible, an address is not."""
    async with running(DENIED) as host, console_on(host) as console:
        path = await owing(host, console)
        token = console.sign_in(person_of(Role.REVIEWER))
        await console.get(path, token)
        await host.review.protections.place(signed_protection(protection()))
        rows = await host.store.protections(WA)
        broken = [
            msgspec.structs.replace(row, tag=bytes([n]) * 16) for n, row in enumerate(rows, 1)
        ]
        await host.store.keep_protection(WA, rows[0].protection_id, broken)
        page = await console.get(path, token)
        assert "Nobody can read whether this person's address is confidential." in page.text
        wrong = await console.post(f"{path}/letter", LETTER, token)
        assert (wrong.status, "name a safe contact" in wrong.text) == (422, True)
        fields = LETTER | {"address": "", "contact": "Safe House", "reach": "Call 555-0101."}
        letter = await console.post(f"{path}/letter", fields, token)
        assert (letter.status, letter.data[:5]) == (200, b"%PDF-")


async def test_a_request_about_a_vehicle_asks_for_the_licence_number() -> None:
    """Whom the letter goes to is looked up by it; without it no address stands on it."""
    async with running(DENIED) as host, console_on(host) as console:
        console.clauses[WA] = (RULES, calendar_of(WA))
        key, plate = MessageKey("RQ"), (("LIC", "PX4471"), ("LIT", "PC"))
        asked = ask_of(1, claims=ORDERED, key=key, original_key=key, fields=plate)
        await host.answer.take(asks(asked))
        path = f"/state/notices/{host.size(WA) - 1}"
        token = console.sign_in(person_of(Role.REVIEWER))
        assert 'name="licence"' not in (await console.get(path, token)).body
        await host.review.protections.place(signed_protection(protection()))
        assert 'name="licence"' in (await console.get(path, token)).body
        assert (await console.post(f"{path}/letter", LETTER, token)).status == 422
        letter = await console.post(f"{path}/letter", LETTER | {"licence": "PX999999Z9"}, token)
        assert "1 Example Ave" in printed(letter.data)
        letter = await console.post(f"{path}/letter", LETTER | {"licence": "px000204k7"}, token)
        assert "1 Example Ave" not in printed(letter.data)
        assert CONTACT in printed(letter.data)


async def test_other_states_notices_are_not_there() -> None:
    """Oregon's reviewer reaches nothing of Washington's notices."""
    async with running(DENIED, policy_of(OR, DENY_ALL)) as host, console_on(host) as console:
        path = await owing(host, console)
        token = console.sign_in(person_of(Role.REVIEWER, OR))
        assert (await console.get(path, token)).status == 404
        assert (await console.post(f"{path}/letter", LETTER, token)).status == 404
        assert host.leaves(WA, LeafKind.ACCESS) == []
