"""Litigation holds by page: one person places, two lift, a form sent twice stands once."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
import pytest

from comity.adapters.memory.bus import MemoryBus
from comity.console.people import People, Role
from comity.domain.keeping import (
    MATTER_CHARS_MAX,
    ORDER_SECONDS_MAX,
    KeyEvent,
    KeyEventKind,
    parse_key_event,
)
from comity.domain.vocabulary import LeafKind
from comity.services.keeping_orders import order_digest
from tests.support.console import ISSUER, Answered, PracticeConsole, console_on, person_of
from tests.support.gateway import NS, OR, RELEASE, WA, PracticeHost, policy_of, running

OPEN = policy_of(WA, RELEASE), policy_of(OR, RELEASE)
LIST = "/state/litigation"
MATTER = "Doe v. State, 26-114"
PLACED = {"scope": "all", "first": "", "last": "", "reason": "litigation", "matter": MATTER}
ASKED = {"reason": "court_order", "matter": "Settled in June"}
MARKUP = "<script>alert(1)</script>"
_ORDER = re.compile(r'name="order" value="([0-9a-f]{64})"')


async def place(
    console: PracticeConsole, role: Role = Role.COUNSEL, **changes: Any
) -> tuple[str, Answered]:
    """Send the form of a hold; return the session's token, and the answer."""
    token = console.sign_in(person_of(role))
    return token, await console.post(LIST, PLACED | changes, token)


def events(host: PracticeHost) -> list[KeyEvent]:
    """What was done to Washington's keys."""
    tables = host.store.tables
    places = sorted(place for place in tables.key_events if place[0] == WA)
    return [parse_key_event(tables.documents[place].body) for place in places]


def order_on(page: Answered) -> str:
    """The digest that the form of the second person repeats."""
    found = _ORDER.search(page.body)
    assert found is not None
    return found[1]


def digest(console: PracticeConsole, hold: str) -> str:
    """The digest of what was asked on a hold, as one who may not sign it would have to know it."""
    found = console.desk.lifts.get(f"wa/{hold.rpartition('/')[2]}", console.now())
    assert found is not None
    return order_digest(found.order)


async def test_one_person_places_a_hold_at_once() -> None:
    """In force with the answer: the list's sentence says so, its row says by whom and for what."""
    async with running(*OPEN) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.COUNSEL))
        page = await console.get(LIST, token)
        assert page.heading == (
            "No litigation hold stands in Washington: its schedule runs as it is set."
        )
        before = host.size(WA)
        _, done = await place(console)
        assert (done.status, done.location) == (303, f"{LIST}/{before}")
        (event,) = events(host)
        assert (event.event, event.months) == (KeyEventKind.HELD, None)
        page = await console.get(LIST, token)
        assert page.heading == (
            "1 litigation hold stands in Washington: nothing of any month is destroyed."
        )
        assert MATTER in page.text
        assert "counsel, hour of" in page.text
        one = await console.get(done.location, token)
        assert one.heading.startswith("Since the hour of ")
        assert one.heading.endswith("nothing of any month, past or coming, is destroyed.")
        assert host.size(WA) == before + 1


async def test_months_are_a_run_of_them() -> None:
    """From the first to the last; one where no last is named."""
    async with running(*OPEN) as host, console_on(host) as console:
        await place(console, scope="months", first="2026-01", last="2026-03")
        await place(console, scope="months", first="2026-02")
        assert [event.months for event in events(host)] == [
            ("2026-01", "2026-02", "2026-03"),
            ("2026-02",),
        ]
        token = console.sign_in(person_of(Role.SUPERVISOR))
        page = await console.get(LIST, token)
        assert page.heading.endswith(
            "2 litigation holds stand in Washington: nothing of 3 months is destroyed."
        )
        assert "2026-01 to 2026-03 (3 months)" in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": ""},
        {"scope": "some"},
        {"scope": "months"},
        {"scope": "months", "first": "2026-13"},
        {"scope": "months", "first": "March"},
        {"scope": "months", "first": "2026-03", "last": "2026-02"},
        {"scope": "months", "first": "2000-01", "last": "2020-01"},
        {"reason": "key_loss"},
        {"reason": "destroy"},
        {"matter": " "},
        {"matter": "x" * (MATTER_CHARS_MAX + 1)},
        {"matter": "a\u202eb"},
    ],
)
async def test_what_is_no_hold_is_asked_for_again(changes: dict[str, Any]) -> None:
    """The form comes back with what to mend, and nothing is signed."""
    async with running(*OPEN) as host, console_on(host) as console:
        before = host.size(WA)
        _, answer = await place(console, **changes)
        assert (answer.status, host.size(WA)) == (422, before)
        assert "is missing before this can be recorded" in answer.text


async def test_limits_are_taken() -> None:
    """As many months and characters as there may be."""
    async with running(*OPEN) as host, console_on(host) as console:
        _, done = await place(
            console, scope="months", first="2000-01", last="2019-12", matter="x" * MATTER_CHARS_MAX
        )
        assert done.status == 303
        (event,) = events(host)
        assert event.months is not None
        assert len(event.months) == 240


async def test_what_is_sent_twice_stands_once() -> None:
    """One after the other or both at once: one leaf; another matter is another hold."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, first = await place(console)
        _, again = await place(console)
        assert again.location == first.location
        both = await asyncio.gather(
            *(console.post(LIST, PLACED | {"matter": "Another"}, token) for _ in range(2))
        )
        assert len({answer.location for answer in both}) == 1
        assert len(events(host)) == 2


async def test_markup_is_text() -> None:
    """On the list, on the hold, and in the form that comes back."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console, matter=MARKUP)
        asked = await console.post(f"{done.location}/lift", ASKED | {"matter": MARKUP}, token)
        assert asked.status == 303
        _, wrong = await place(console, matter=MARKUP, scope="")
        for page in (
            wrong,
            await console.get(LIST, token),
            await console.get(done.location, token),
        ):
            assert "<script>alert" not in page.body
            assert "&lt;script&gt;alert" in page.body


async def test_lifting_takes_two_people() -> None:
    """Asked by counsel, nothing has changed; signed by a supervisor, it has ended."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console)
        hold = done.location
        before = host.size(WA)
        asked = await console.post(f"{hold}/lift", ASKED, token)
        assert (asked.status, asked.location, host.size(WA)) == (303, hold, before)
        own = await console.get(hold, token)
        assert "you cannot be the second person" in own.text
        refused = await console.post(f"{hold}/lift", {"order": digest(console, hold)}, token)
        assert (refused.status, host.size(WA)) == (409, before)
        other = console.sign_in(person_of(Role.SUPERVISOR))
        page = await console.get(hold, other)
        assert "Settled in June" in page.text
        lifted = await console.post(f"{hold}/lift", {"order": order_on(page)}, other)
        assert (lifted.status, lifted.location) == (303, LIST)
        assert [event.event for event in events(host)] == [
            KeyEventKind.HELD,
            KeyEventKind.HOLD_ENDED,
        ]
        again = await console.post(f"{hold}/lift", {"order": order_on(page)}, other)
        assert again.status == 404
        assert "litigation-hold-ended" in again.body


async def test_who_asked_sends_nothing_as_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page refuses it by itself: the gateway is not even asked."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console)
        await console.post(f"{done.location}/lift", ASKED, token)

        async def never(*_: object, **__: object) -> bytes:
            raise AssertionError("nothing is sent")

        monkeypatch.setattr(MemoryBus, "request", never)
        form = {"order": digest(console, done.location)}
        answer = await console.post(f"{done.location}/lift", form, token)
        assert (answer.status, "another-person-needed" in answer.body) == (409, True)


async def test_two_second_people_at_once_lift_once() -> None:
    """One of two forms lifts; the other is told that no such hold stands."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console)
        await console.post(f"{done.location}/lift", ASKED, token)
        other = console.sign_in(person_of(Role.SUPERVISOR))
        form = {"order": digest(console, done.location)}
        both = await asyncio.gather(
            *(console.post(f"{done.location}/lift", form, other) for _ in range(2))
        )
        assert sorted(answer.status for answer in both) == [303, 404]
        assert len(events(host)) == 2


async def test_asking_twice_is_asking_once() -> None:
    """The same words again change nothing; other words, or another person's, are told so."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console)
        lift = f"{done.location}/lift"
        await console.post(lift, ASKED, token)
        first = digest(console, done.location)
        assert (await console.post(lift, ASKED, token)).status == 303
        assert (await console.post(lift, ASKED | {"matter": "Another"}, token)).status == 409
        other = console.sign_in(person_of(Role.SUPERVISOR))
        answer = await console.post(lift, ASKED, other)
        assert (answer.status, "lift-moved" in answer.body) == (409, True)
        assert digest(console, done.location) == first
        assert len(events(host)) == 1


async def test_a_stale_form_lifts_nothing() -> None:
    """Withdrawn and asked anew, or a day later: who had the old page open is told so."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console)
        hold = done.location
        await console.post(f"{hold}/lift", ASKED, token)
        other = console.sign_in(person_of(Role.SUPERVISOR))
        stale = {"order": digest(console, hold)}
        assert (await console.post(f"{hold}/keep", {}, other)).location == hold
        assert (await console.post(f"{hold}/lift", stale, other)).status == 409
        await console.post(f"{hold}/lift", ASKED | {"matter": "Dismissed"}, token)
        assert (await console.post(f"{hold}/lift", stale, other)).status == 409
        fresh = {"order": digest(console, hold)}
        host.clock.advance_ns(ORDER_SECONDS_MAX * NS)
        late = console.sign_in(person_of(Role.SUPERVISOR))
        answer = await console.post(f"{hold}/lift", fresh, late)
        assert (answer.status, "lift-moved" in answer.body) == (409, True)
        assert len(events(host)) == 1


async def test_who_has_lost_the_place_lifts_nothing() -> None:
    """What counsel asked is not sent once the people file names no such counsel any more."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console)
        await console.post(f"{done.location}/lift", ASKED, token)
        form = {"order": digest(console, done.location)}
        counsel = person_of(Role.COUNSEL)
        console.people = People(ISSUER, [p for p in console.people.persons if p != counsel])
        other = console.sign_in(person_of(Role.SUPERVISOR))
        answer = await console.post(f"{done.location}/lift", form, other)
        assert (answer.status, "lift-moved" in answer.body) == (409, True)
        assert len(events(host)) == 1
        assert "asked to lift" not in (await console.get(done.location, other)).text


async def test_an_auditor_looks_and_reads_no_matter() -> None:
    """Months, cause, since when, by whom; no form, and nothing that only counsel may know."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console)
        await console.post(f"{done.location}/lift", ASKED, token)
        auditor = console.sign_in(person_of(Role.AUDITOR))
        for path in (LIST, done.location):
            page = await console.get(path, auditor)
            assert page.status == 200
            assert "counsel" in page.text
            assert MATTER not in page.text
            assert "Settled in June" not in page.text
            assert f'action="{LIST}' not in page.body
        before = host.size(WA)
        for path in (LIST, f"{done.location}/lift", f"{done.location}/keep"):
            assert (await console.post(path, PLACED, auditor)).status == 403
        assert host.size(WA) == before


async def test_another_states_hold_is_not_there() -> None:
    """Oregon's counsel finds nothing of Washington's, and lifts nothing of it."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console)
        await console.post(f"{done.location}/lift", ASKED, token)
        other = console.sign_in(person_of(Role.COUNSEL, OR))
        none = await console.get(f"{LIST}/987654", other)
        theirs = await console.get(done.location, other)
        assert (none.status, theirs.status) == (404, 404)
        assert none.body == theirs.body
        assert MATTER not in (await console.get(LIST, other)).body
        form = {"order": digest(console, done.location)}
        assert (await console.post(f"{done.location}/lift", form, other)).status == 404
        assert (await console.post(f"{done.location}/keep", {}, other)).status == 404
        assert digest(console, done.location) == form["order"]


async def test_a_leaf_that_is_no_hold_is_none() -> None:
    """The number of another leaf opens nothing."""
    async with running(*OPEN) as host, console_on(host) as console:
        (index, *_) = [i for i, leaf in enumerate(host.leaves(WA)) if leaf.kind is LeafKind.POLICY]
        token = console.sign_in(person_of(Role.COUNSEL))
        assert (await console.get(f"{LIST}/{index}", token)).status == 404


async def test_who_has_no_key_signs_nothing() -> None:
    """The page says so, and a form sent all the same is refused."""
    async with running(*OPEN) as host, console_on(host) as console:
        console.without_key(Role.COUNSEL)
        before = host.size(WA)
        token = console.sign_in(msgspec.structs.replace(person_of(Role.COUNSEL), signs_as=""))
        assert "names no key for you" in (await console.get(LIST, token)).text
        answer = await console.post(LIST, PLACED, token)
        assert (answer.status, "no-key-to-sign" in answer.body) == (409, True)
        assert host.size(WA) == before


async def test_a_silent_gateway_is_called_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be done: the page says so, and where to look; the same form again does no harm."""
    asked = MemoryBus.request
    async with running(*OPEN) as host, console_on(host) as console:

        async def lost(self: MemoryBus, subject: str, data: bytes, *, timeout_s: float) -> bytes:
            await asked(self, subject, data, timeout_s=timeout_s)
            raise TimeoutError

        monkeypatch.setattr(MemoryBus, "request", lost)
        token, answer = await place(console)
        assert answer.status == 504
        assert "may have done this" in answer.heading
        assert "Nothing was sent" not in answer.text
        monkeypatch.setattr(MemoryBus, "request", asked)
        assert (await console.post(LIST, PLACED, token)).status == 303
        assert len(events(host)) == 1


async def test_what_the_gateway_does_not_take_is_said() -> None:
    """Its words stand on the page, and what was held is held."""
    async with running(*OPEN) as host, console_on(host) as console:
        token, done = await place(console)
        console.people = People(
            ISSUER,
            [
                msgspec.structs.replace(p, signs_as="stranger")
                if p == person_of(Role.SUPERVISOR)
                else p
                for p in console.people.persons
            ],
        )
        console.keys.names.add("stranger")
        await console.post(f"{done.location}/lift", ASKED, token)
        other = console.sign_in(person_of(Role.SUPERVISOR))
        form = {"order": digest(console, done.location)}
        answer = await console.post(f"{done.location}/lift", form, other)
        assert (answer.status, "order-not-taken" in answer.body) == (409, True)
        assert "stranger" in answer.text
        assert len(events(host)) == 1
