"""Demands by page: registered with the hold that goes with them, acted on by one, handed by two."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from comity.adapters.memory.bus import MemoryBus
from comity.console.people import People, Role
from comity.domain.demands import DemandActKind
from comity.domain.ids import member_zone
from comity.domain.keeping import KeyEventKind, parse_key_event
from comity.domain.vocabulary import Instrument, LeafKind
from comity.review.calendars import calendar_of
from comity.review.demands import DemandError, answer_day, answer_end
from comity.services import demands as gateway_module
from comity.services.vault import month_of
from tests.support.console import ISSUER, Answered, PracticeConsole, console_on, person_of
from tests.support.exchange import COUNSEL, NOW, SUPERVISOR
from tests.support.gateway import NS, OR, RELEASE, WA, PracticeHost, policy_of, running

OPEN = policy_of(WA, RELEASE), policy_of(OR, RELEASE)
LIST = "/state/demands"
TODAY = datetime.fromtimestamp(NOW, ZoneInfo(member_zone(WA))).date()
DAY = timedelta(days=1)
MATTER = "Doe v. Practice City, 26-114"
MARKUP = "<script>alert(1)</script>"
FORM: dict[str, Any] = {
    "kind": "court_subpoena",
    "issuer": "Practice Superior Court",
    "number": "26-2-00114-1",
    "served_on": str(TODAY),
    "due": "day",
    "answer_by": str(TODAY + 14 * DAY),
    "days": "",
    "about": "private_records",
    "first": "2026-03",
    "last": "2026-05",
    "document": sha256(b"practice subpoena").hexdigest(),
    "document_bytes": "48211",
    "gag_until": "",
    "matter": MATTER,
    "note": "",
    "hold": "none",
}
HANDED = {
    "what": "The records behind WA/12",
    "to": "Practice Superior Court",
    "class": "address",
    "bundle": sha256(b"practice bundle").hexdigest(),
    "bundle_bytes": "912",
    "why": "",
}
_ACT = re.compile(r'name="act" value="([0-9a-f]{64})"')


async def register(
    console: PracticeConsole, role: Role = Role.COUNSEL, **changes: Any
) -> tuple[str, Answered]:
    """Send the form of a demand; return the session's token, and the answer."""
    token = console.sign_in(person_of(role))
    return token, await console.post(f"{LIST}/new", FORM | changes, token)


def held(host: PracticeHost) -> list[tuple[str, ...] | None]:
    """The months of the litigation holds that were placed on Washington's records."""
    tables = host.store.tables
    places = sorted(place for place in tables.key_events if place[0] == WA)
    events = [parse_key_event(tables.documents[place].body) for place in places]
    return [each.months for each in events if each.event is KeyEventKind.HELD]


async def acts_of(console: PracticeConsole, path: str) -> list[DemandActKind]:
    """What was done about a demand, as the register has it."""
    known = await console.desk.demands.one(WA, int(path.rpartition("/")[2]))
    return [each.act.act for each in known.whole().acts]


async def test_one_person_registers_a_demand() -> None:
    """The list says how many are open and when the next is due; the leaf says only as what."""
    async with running(*OPEN) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.COUNSEL))
        page = await console.get(LIST, token)
        assert page.heading == "No demand for Washington's own data is open."
        before = host.size(WA)
        _, done = await register(console)
        assert (done.status, done.location) == (303, f"{LIST}/{before}")
        (leaf,) = host.leaves(WA, LeafKind.INSTRUMENT)
        assert (leaf.instrument, leaf.agency, leaf.cites) == (Instrument.COURT_SUBPOENA, None, None)
        assert held(host) == []
        page = await console.get(LIST, token)
        assert page.heading == (
            "1 demand for Washington's own data is open; the next answer is due Mon 7 Dec."
        )
        assert "Practice Superior Court, 26-2-00114-1" in page.text
        assert "1 demand for Washington's own data has come: 1 as court subpoena." in page.text
        one = await console.get(done.location, token)
        assert one.heading == (
            "A court subpoena of Practice Superior Court is to be answered by Mon 7 Dec."
        )
        for said in (MATTER, FORM["document"], "48,211 bytes", "2026-03 to 2026-05", "counsel"):
            assert said in one.text


async def test_the_hold_that_goes_with_it_is_in_force_first() -> None:
    """On the months that it names, on all where it names none; once, however often it is sent."""
    async with running(*OPEN) as host, console_on(host) as console:
        _, done = await register(console, hold="months")
        assert held(host) == [("2026-03", "2026-04", "2026-05")]
        kinds = [leaf.kind for leaf in host.leaves(WA)[-2:]]
        assert kinds == [LeafKind.KEY, LeafKind.INSTRUMENT]
        _, again = await register(console, hold="months")
        assert again.location == done.location
        assert len(held(host)) == 1
        await register(console, hold="months", first="", last="", number="2")
        assert held(host)[-1] is None


async def test_no_demand_without_the_hold_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the gateway does not take the hold, nothing is registered."""
    async with running(*OPEN) as host, console_on(host) as console:

        async def refuse(*_: object) -> None:
            raise DemandError("not now")

        monkeypatch.setattr(host.keeping, "carry_out", refuse)
        _, answer = await register(console, hold="months")
        assert (answer.status, host.leaves(WA, LeafKind.INSTRUMENT)) == (409, [])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": ""}, "kind"),
    ({"kind": "none"}, "kind"),
    ({"kind": "not_stated"}, "kind"),
    ({"issuer": "ab"}, "issuer"),
    ({"issuer": "x" * 121}, "issuer"),
    ({"number": "x" * 65}, "number"),
    ({"served_on": ""}, "served_on"),
    ({"served_on": str(TODAY + DAY)}, "served_on"),
    ({"served_on": str(TODAY - 367 * DAY)}, "served_on"),
    ({"due": ""}, "due"),
    ({"due": "soon"}, "due"),
    ({"answer_by": "8 Dec"}, "answer_by"),
    ({"answer_by": str(TODAY - DAY)}, "answer_by"),
    ({"answer_by": str(TODAY + 733 * DAY)}, "answer_by"),
    ({"due": "days", "days": "0"}, "days"),
    ({"due": "business", "days": "367"}, "days"),
    ({"about": ()}, "about"),
    ({"about": "everything"}, "about"),
    ({"first": "2026-06"}, "first"),
    ({"first": "March"}, "first"),
    ({"first": "", "last": "2026-05"}, "first"),
    ({"first": "2006-05"}, "first"),
    ({"document": "abc"}, "document"),
    ({"document_bytes": "0"}, "document_bytes"),
    ({"document_bytes": "100000001"}, "document_bytes"),
    ({"gag_until": "never"}, "gag_until"),
    ({"gag_until": str(TODAY + 367 * DAY)}, "gag_until"),
    ({"matter": " "}, "matter"),
    ({"matter": "x" * 201}, "matter"),
    ({"note": "a\u202eb"}, "note"),
    ({"hold": ""}, "hold"),
]


async def test_what_is_no_demand_is_asked_for_again() -> None:
    """The form comes back with what to mend, beside its field, and nothing is signed or held."""
    async with running(*OPEN) as host, console_on(host) as console:
        before = host.size(WA)
        token = console.sign_in(person_of(Role.COUNSEL))
        for changes, field in WRONG:
            answer = await console.post(f"{LIST}/new", FORM | {"hold": "months"} | changes, token)
            assert (answer.status, host.size(WA)) == (422, before), changes
            assert f'id="{field}-error"' in answer.body, changes


async def test_limits_are_taken() -> None:
    """At each end of them the gateway takes what the form does."""
    limits: list[dict[str, Any]] = [
        {"issuer": "x" * 120, "matter": "x" * 200, "note": "x" * 500},
        {"served_on": str(TODAY - 366 * DAY), "answer_by": str(TODAY + 366 * DAY)},
        {"answer_by": str(TODAY), "gag_until": str(TODAY + 366 * DAY)},
        {"first": "2006-06", "hold": "months"},
        {"due": "days", "days": "366"},
    ]
    async with running(*OPEN) as host, console_on(host) as console:
        for number, changes in enumerate(limits):
            _, done = await register(console, number=f"N-{number}", **changes)
            assert done.status == 303, changes
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == len(limits)


async def test_days_that_a_paper_gives_are_counted() -> None:
    """Business days by the state's calendar; the page says how many there were."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console, due="business", days="10", answer_by="")
        known = await console.desk.demands.one(WA, int(done.location.rpartition("/")[2]))
        calendar = calendar_of(WA)
        last = answer_day(TODAY, 10, is_business=True, calendar=calendar)
        assert known.row.answer_by == answer_end(last, calendar)
        assert last > TODAY + 14 * DAY
        assert "10 business days after service" in (await console.get(done.location, token)).text
        assert host.size(WA) > 0


async def test_what_is_sent_twice_stands_once() -> None:
    """A registration and an act, one after the other or both at once."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, first = await register(console)
        answers = await asyncio.gather(
            *(console.post(f"{LIST}/new", FORM, token) for _ in range(2))
        )
        assert {each.location for each in answers} == {first.location}
        objection = {"act": "objected", "note": "Overbroad"}
        for _ in range(2):
            sent = await console.post(f"{first.location}/act", objection, token)
            assert (sent.status, sent.location) == (303, first.location)
        assert await acts_of(console, first.location) == [DemandActKind.OBJECTED]
        for _ in range(2):
            sent = await console.post(f"{first.location}/act", {"act": "withdrawn"}, token)
            assert sent.status == 303
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == 2


async def test_one_person_acts_and_ends_it() -> None:
    """Each act is told with its day, note and who; the list tells how it ended."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)
        path = done.location
        moved = {"act": "moved", "answer_by": str(TODAY + 30 * DAY)}
        assert (await console.post(f"{path}/act", moved, token)).status == 303
        page = await console.get(path, token)
        assert page.heading.endswith("is to be answered by Wed 23 Dec.")
        assert "it was Mon 7 Dec 2026 before" in page.text
        await console.post(f"{path}/act", {"act": "quashed", "note": "By order"}, token)
        page = await console.get(path, token)
        assert "has ended: quashed by a court" in page.heading
        assert "By order" in page.text
        assert f"{path}/act" not in page.body
        listing = await console.get(LIST, token)
        assert listing.heading == "No demand for Washington's own data is open."
        assert "Quashed by a court" in listing.text
        late = await console.post(f"{path}/act", {"act": "objected"}, token)
        assert (late.status, "demand-moved" in late.body) == (409, True)
        assert host.leaves(WA, LeafKind.INSTRUMENT)[-1].instrument is Instrument.NONE


NO_ACTS = [
    {"act": ""},
    {"act": "handed_over"},
    {"act": "burnt"},
    {"act": "moved"},
    {"act": "moved", "answer_by": "soon"},
    {"act": "moved", "answer_by": str(TODAY - DAY)},
    {"act": "moved", "gag_until": str(TODAY + 367 * DAY)},
    {"act": "objected", "answer_by": str(TODAY)},
    {"act": "objected", "gag_until": str(TODAY)},
    {"act": "objected", "note": "x" * 501},
]


async def test_what_is_no_act_is_asked_for_again() -> None:
    """Nothing is signed."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)
        before = host.size(WA)
        for form in NO_ACTS:
            answer = await console.post(f"{done.location}/act", form, token)
            assert (answer.status, host.size(WA)) == (422, before), form
        assert await acts_of(console, done.location) == []


async def test_handing_over_takes_two_people() -> None:
    """By the first one's word nothing is recorded; the second signs exactly that."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)
        path, before = done.location, host.size(WA)
        for _ in range(2):
            asked = await console.post(f"{path}/hand-over", HANDED, token)
            assert (asked.status, host.size(WA)) == (303, before)
        own = await console.get(path, token)
        assert "you cannot be the second person" in own.text
        other = console.sign_in(person_of(Role.SUPERVISOR))
        page = await console.get(path, other)
        found = _ACT.search(page.body)
        assert found is not None
        assert "The records behind WA/12" in page.text
        refused = await console.post(f"{path}/hand-over", {"act": found[1]}, token)
        assert (refused.status, host.size(WA)) == (409, before)
        assert "demand-second-person-missing" in refused.body
        wrong = await console.post(f"{path}/hand-over", {"act": "0" * 64}, other)
        assert (wrong.status, host.size(WA)) == (409, before)
        sent = await console.post(f"{path}/hand-over", {"act": found[1]}, other)
        assert (sent.status, sent.location) == (303, path)
        (access,) = host.leaves(WA, LeafKind.ACCESS)
        assert access.cites == f"wa/{path.rpartition('/')[2]}"
        page = await console.get(path, other)
        assert HANDED["bundle"] in page.text
        assert f"WA/{before}" in page.text
        assert f"{COUNSEL.name} and {SUPERVISOR.name}" in page.text
        again = await console.post(f"{path}/hand-over", {"act": found[1]}, other)
        assert again.status == 409


async def test_the_last_of_it_ends_the_demand() -> None:
    """One act of two people, two leaves."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)
        path = done.location
        await console.post(f"{path}/hand-over", HANDED | {"is_last": "yes"}, token)
        other = console.sign_in(person_of(Role.SUPERVISOR))
        found = _ACT.search((await console.get(path, other)).body)
        assert found is not None
        await console.post(f"{path}/hand-over", {"act": found[1]}, other)
        assert [leaf.kind for leaf in host.leaves(WA)[-2:]] == [
            LeafKind.ACCESS,
            LeafKind.INSTRUMENT,
        ]
        page = await console.get(path, other)
        assert "has ended: something was handed over" in page.heading


NOT_WHOLE = [
    {"what": ""},
    {"what": "x" * 201},
    {"to": "ab"},
    {"bundle": "abc"},
    {"bundle_bytes": ""},
    {"why": "x" * 501},
]


async def test_what_is_not_said_whole_is_not_handed_over() -> None:
    """The form comes back and nobody has signed."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)
        entry = f"wa/{done.location.rpartition('/')[2]}"
        for changes in NOT_WHOLE:
            answer = await console.post(f"{done.location}/hand-over", HANDED | changes, token)
            assert answer.status == 422, changes
            assert console.desk.hand_overs.get(entry, NOW) is None


async def test_what_one_person_signed_is_kept_back_or_runs_out() -> None:
    """By either of them; another act in its place has to be asked anew; after a day it is gone."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)
        path = done.location
        await console.post(f"{path}/hand-over", HANDED, token)
        other = await console.post(f"{path}/hand-over", HANDED | {"what": "More"}, token)
        assert (other.status, "demand-moved" in other.body) == (409, True)
        assert (await console.post(f"{path}/keep-back", {}, token)).status == 303
        assert "Signed by one person" not in (await console.get(path, token)).text
        await console.post(f"{path}/hand-over", HANDED, token)
        host.clock.advance_ns(86_400 * NS)
        again = console.sign_in(person_of(Role.SUPERVISOR))
        assert "Signed by one person" not in (await console.get(path, again)).text


async def test_a_first_signer_who_lost_the_place_is_not_sent() -> None:
    """Nothing is recorded by half of two people."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)
        path = done.location
        await console.post(f"{path}/hand-over", HANDED, token)
        other = console.sign_in(person_of(Role.SUPERVISOR))
        found = _ACT.search((await console.get(path, other)).body)
        assert found is not None
        gone = person_of(Role.COUNSEL)
        console.people = People(ISSUER, [p for p in console.people.persons if p != gone])
        before = host.size(WA)
        sent = await console.post(f"{path}/hand-over", {"act": found[1]}, other)
        assert (sent.status, host.size(WA)) == (409, before)


async def test_auditors_look_and_do_nothing() -> None:
    """They read what is demanded and what was done; no form, no word of theirs."""
    async with running(*OPEN) as host, console_on(host) as console:
        _, done = await register(console)
        token = console.sign_in(person_of(Role.AUDITOR))
        page = await console.get(done.location, token)
        assert MATTER in page.text
        assert "<form" not in page.body.partition("<main")[2].partition("</main>")[0]
        assert (await console.get(f"{LIST}/new", token)).status == 403
        for path in ("act", "hand-over", "keep-back"):
            sent = await console.post(f"{done.location}/{path}", {"act": "answered"}, token)
            assert sent.status == 403
        assert host.size(WA) > 0


async def test_under_a_gag_those_who_may_act_alone_read_the_matter() -> None:
    """Up to its last day; that one came, as what, and its clock, auditors see all the same."""
    async with running(*OPEN) as host, console_on(host) as console:
        gag = TODAY + 3 * DAY
        token, done = await register(console, gag_until=str(gag), note="Sealed file")
        path = done.location
        await console.post(f"{path}/act", {"act": "objected", "note": "Secret note"}, token)
        hidden = (MATTER, "Practice Superior", "26-2-00114", "Sealed file", "Secret note",
                  FORM["document"], "2026-03", "Private records")  # fmt: skip
        for role in (Role.COUNSEL, Role.SUPERVISOR):
            seen = await console.get(path, console.sign_in(person_of(role)))
            assert MATTER in seen.text
        auditor = console.sign_in(person_of(Role.AUDITOR))
        for shown in (LIST, path):
            page = await console.get(shown, auditor)
            assert "court subpoena" in page.text.lower()
            assert "Hidden by a court until Thu 26 Nov 2026" in page.text
            for word in hidden:
                assert word not in page.body, (shown, word)
        host.clock.advance_ns(4 * 86_400 * NS)
        auditor = console.sign_in(person_of(Role.AUDITOR))
        assert MATTER in (await console.get(path, auditor)).text


async def test_an_answer_that_is_late_is_said_so() -> None:
    """In the sentence of the list and of the demand."""
    async with running(*OPEN) as host, console_on(host) as console:
        await register(console, answer_by=str(TODAY))
        host.clock.advance_ns(2 * 86_400 * NS)
        token = console.sign_in(person_of(Role.COUNSEL))
        page = await console.get(LIST, token)
        assert page.heading == (
            "1 demand for Washington's own data is open; its answer is overdue."
        )
        await register(console, number="2", answer_by=str(TODAY + 14 * DAY))
        page = await console.get(LIST, token)
        assert page.heading == (
            "2 demands for Washington's own data are open; "
            "1 of them is overdue and the next answer is due Mon 7 Dec."
        )
        assert "overdue by" in page.text


async def test_one_that_cannot_be_read_is_shown_as_such() -> None:
    """That it came, as what and until when stays; nothing can be done about it unread."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)
        host.disk.keyring.destroy(WA, month_of(NOW))
        for path in (LIST, done.location):
            page = await console.get(path, token)
            assert (page.status, "Cannot be read any more" in page.text) == (200, True)
        sent = await console.post(f"{done.location}/act", {"act": "objected"}, token)
        assert (sent.status, "record-gone" in sent.body) == (410, True)


async def test_nothing_of_another_state_is_reachable() -> None:
    """Neither read nor acted on; what is none looks the same."""
    async with running(*OPEN) as host, console_on(host) as console:
        _, done = await register(console)
        other = console.sign_in(person_of(Role.COUNSEL, OR))
        theirs = await console.get(done.location, other)
        none = await console.get(f"{LIST}/987654", other)
        assert (theirs.status, none.status) == (404, 404)
        assert theirs.body == none.body
        before = host.size(WA), host.size(OR)
        assert (
            await console.post(f"{done.location}/act", {"act": "answered"}, other)
        ).status == 404
        assert (host.size(WA), host.size(OR)) == before


async def test_markup_is_text() -> None:
    """On the list, on the demand, and in the form that comes back."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console, matter=MARKUP, issuer=MARKUP)
        await console.post(f"{done.location}/act", {"act": "objected", "note": MARKUP}, token)
        _, wrong = await register(console, matter=MARKUP, kind="")
        for page in (
            wrong,
            await console.get(LIST, token),
            await console.get(done.location, token),
        ):
            assert "<script>alert" not in page.body
            assert "&lt;script&gt;alert" in page.body
        assert host.size(WA) > 0


async def test_without_a_key_nothing_is_recorded() -> None:
    """The problem says what is missing; the demand is not registered, nor anything handed over."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)
        console.keys.names.clear()
        before = host.size(WA)
        for path, form in (
            (f"{LIST}/new", FORM | {"number": "2"}),
            (f"{done.location}/act", {"act": "answered"}),
            (f"{done.location}/hand-over", HANDED),
        ):
            sent = await console.post(path, form, token)
            assert (sent.status, "no-key-to-sign" in sent.body) == (409, True)
        assert host.size(WA) == before


async def test_a_refusal_is_told_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a person can mend it, beside the form."""
    monkeypatch.setattr(gateway_module, "DEMANDS_OPEN_MAX", 1)
    async with running(*OPEN) as host, console_on(host) as console:
        await register(console)
        _, full = await register(console, number="2")
        assert full.status == 422
        assert "1 demands of the state are open" in full.text
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == 1


async def test_a_silent_gateway_may_have_recorded_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says so, and where to look; the same form again does no harm."""
    ask = MemoryBus.request
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await register(console)

        async def lost(self: MemoryBus, subject: str, data: bytes, *, timeout_s: float) -> bytes:
            await ask(self, subject, data, timeout_s=timeout_s)
            raise TimeoutError

        monkeypatch.setattr(MemoryBus, "request", lost)
        sent = await console.post(f"{done.location}/act", {"act": "withdrawn"}, token)
        assert (sent.status, "demand-unanswered" in sent.body) == (504, True)
        assert "Nothing was sent" not in sent.text
        monkeypatch.setattr(MemoryBus, "request", ask)
        again = await console.post(f"{done.location}/act", {"act": "withdrawn"}, token)
        assert again.status == 303
        assert len(host.leaves(WA, LeafKind.INSTRUMENT)) == 2
