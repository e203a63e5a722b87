"""Asking from a page: purpose first, a preview that is recorded, then the question as it stood."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from comity.console.drafts import DRAFT_SECONDS_MAX, DRAFTS_OF_ONE_MAX
from comity.console.people import People, Person, Role
from comity.console.words import moment_said
from comity.domain.ids import ORI
from comity.domain.query import Claims
from comity.domain.vocabulary import LeafKind
from comity.ports import FrontReply, FrontRequest, StoreDownError
from comity.services.private_records import Records
from tests.support.asking import asking_on
from tests.support.console import ISSUER, Answered, PracticeConsole, person_of
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ADDRESS,
    HOLD_ALL,
    NS,
    NUMBER,
    OR,
    RELEASE,
    WA,
    frame,
    policy_of,
)

MARKUP = "<script>alert(1)</script>"
PARTLY = (policy_of(OR, RELEASE), policy_of(WA, RELEASE, HOLD_ADDRESS))
FORM = {
    "purpose": "criminal_investigation",
    "case": "26-118",
    "offence": "fraud_identity",
    "instrument": "none",
    "to": "WA",
    "oln": NUMBER,
}
OFFICER = person_of(Role.REQUESTER, OR)


def wide(console: PracticeConsole, *persons: Person) -> None:
    """Let more people in."""
    console.people = People(ISSUER, [*console.people.persons, *persons])


async def previewed(
    console: PracticeConsole, person: Person = OFFICER, **changes: Any
) -> tuple[str, Answered]:
    """Send the form as a person; return the session and what the console answered."""
    token = console.sign_in(person)
    return token, await console.post("/console/ask", FORM | changes, token)


async def asked(console: PracticeConsole, **changes: Any) -> tuple[str, str]:
    """Ask to the end; return the session and the path of the request."""
    token, draft = await previewed(console, **changes)
    assert draft.status == 303, draft.text
    sent = await console.post(draft.location, {}, token)
    assert sent.status == 303, sent.text
    return token, sent.location


async def test_a_preview_says_what_would_come_and_sends_nothing() -> None:
    """By part, with its rule; the leaf that records it is named, and no query stands anywhere."""
    async with asking_on(*PARTLY) as (console, _):
        host = console.host
        before = host.size(OR), host.size(WA)
        token, done = await previewed(console)
        assert re.fullmatch(r"/console/ask/[A-Za-z0-9_-]{22}", done.location)
        page = await console.get(done.location, token)
        assert page.heading == (
            "Likely: Washington releases status and identity at once and holds address for a "
            "person."
        )
        assert f"recorded as OR/{host.size(OR) - 1}" in page.text
        assert (host.size(OR), host.size(WA)) == (before[0] + 1, before[1])
        assert host.leaves(OR, LeafKind.QUERY) == []
        assert host.store.tables.accepted == {}


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ((), "Likely: Washington releases this at once."),
        ((HOLD_ALL,), "Likely: Washington holds this for a person."),
        ((DENY_ALL,), "Likely: Washington refuses this."),
    ],
)
async def test_a_preview_opens_with_its_outcome(rules: Any, sentence: str) -> None:
    """Released, held, refused: in one sentence."""
    async with asking_on(policy_of(OR, RELEASE), policy_of(WA, RELEASE, *rules)) as (console, _):
        token, done = await previewed(console)
        assert (await console.get(done.location, token)).heading == sentence


async def test_what_is_not_known_here_is_not_guessed() -> None:
    """Texas is served elsewhere: it decides when it is asked."""
    async with asking_on(*PARTLY) as (console, _):
        token, done = await previewed(console, to="tx")
        page = await console.get(done.location, token)
        assert page.heading.startswith("Texas decides this when it is asked")
        token, done = await previewed(console, to="WA, TX or")
        page = await console.get(done.location, token)
        assert page.heading == (
            "Likely, of 3 states: 1 releases all of it at once, 1 holds some or all of it for a "
            "person and 1 decides when it is asked."
        )


async def test_what_is_not_recorded_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger fails, or the front is away: a problem, no draft, no word of what would be."""
    async with asking_on(*PARTLY) as (console, front):

        async def fail(*_: object, **__: object) -> str:
            raise StoreDownError("the store is away")

        with monkeypatch.context() as broken:
            broken.setattr(front.previews._accesses, "record", fail)
            _, answer = await previewed(console)
            assert (answer.status, answer.location) == (503, "")
            assert "Likely" not in answer.text
        front.is_down = True
        _, answer = await previewed(console)
        assert (answer.status, answer.location) == (503, "")
        front.is_down = False

        async def nonsense(*_: object) -> FrontReply:
            return FrontReply(status=200, media="text/html", body=b"<p>Released</p>")

        monkeypatch.setattr(front, "ask", nonsense)
        _, answer = await previewed(console)
        assert (answer.status, "Released" in answer.text) == (503, False)
        assert console.desk.asking.drafts._kept == {}


async def test_a_purpose_stays_as_it_was_previewed() -> None:
    """A form that carries another purpose, case, state or officer sends the draft as it stood."""
    async with asking_on(*PARTLY) as (console, _):
        token, draft = await previewed(console)
        forged = {
            "purpose": "civil_immigration",
            "case": "OTHER",
            "to": "TX",
            "oln": "PX999999",
            "operator": "SOMEBODY",
            "asks_as": "SOMEBODY",
        }
        sent = await console.post(draft.location, forged, token)
        assert sent.status == 303
        (leaf,) = console.host.leaves(OR, LeafKind.QUERY)
        assert (leaf.purpose, leaf.agency, leaf.fan_out) == (
            "criminal_investigation", "ORPX00001", 1,
        )  # fmt: skip
        at = [h.kind for h in console.host.leaves(OR)].index(LeafKind.QUERY)
        _, record = await Records(console.host.store, console.host.vault).read(OR, at)
        fields = dict(record.fields)
        assert (fields["case"], fields["operator"]) == (b"26-118", b"B1234")
        assert NUMBER.encode() in fields["search"]


@pytest.mark.parametrize("status", [500, 503])
async def test_a_fault_of_the_front_is_not_told_as_nothing_sent(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Nobody knows what was done before it: to send it again is what helps."""
    async with asking_on(*PARTLY) as (console, front):
        token, draft = await previewed(console)

        async def fault(*_: object) -> FrontReply:
            body = b'{"code":"fault","detail":"the request met a fault here"}'
            return FrontReply(status=status, media="application/problem+json", body=body)

        with monkeypatch.context() as broken:
            broken.setattr(front, "ask", fault)
            sent = await console.post(draft.location, {}, token)
            assert (sent.status, "maybe-sent" in sent.text) == (504, True)
        assert (await console.post(draft.location, {}, token)).status == 303


async def test_another_purpose_is_another_preview() -> None:
    """Whoever tries a second one has tried two, each with a leaf."""
    async with asking_on(*PARTLY) as (console, _):
        await previewed(console)
        await previewed(console, purpose="licensing")
        assert len(console.host.leaves(OR, LeafKind.ACCESS)) == 2
        assert console.host.leaves(OR, LeafKind.QUERY) == []


async def test_a_draft_sent_twice_is_one_question() -> None:
    """One query, one page."""
    async with asking_on(*PARTLY) as (console, _):
        token, draft = await previewed(console)
        first = await console.post(draft.location, {}, token)
        again = await console.post(draft.location, {}, token)
        assert (first.status, first.location) == (again.status, again.location)
        assert len(console.host.leaves(OR, LeafKind.QUERY)) == 1


async def test_a_draft_is_its_authors_alone() -> None:
    """A colleague, another state's officer and whoever comes too late find none."""
    async with asking_on(*PARTLY) as (console, _):
        colleague = msgspec.structs.replace(OFFICER, subject="bo", asks_as="B2")
        wide(console, colleague)
        token, draft = await previewed(console)
        for person in (colleague, person_of(Role.REQUESTER, WA)):
            theirs = console.sign_in(person)
            assert (await console.get(draft.location, theirs)).status == 404
            assert (await console.post(draft.location, {}, theirs)).status == 404
        console.host.clock.advance_ns((DRAFT_SECONDS_MAX + 1) * NS)
        token = console.sign_in(OFFICER)
        assert (await console.post(draft.location, {}, token)).status == 404
        assert console.host.leaves(OR, LeafKind.QUERY) == []


async def test_drafts_of_one_person_are_bounded() -> None:
    """The oldest goes."""
    async with asking_on(*PARTLY) as (console, _):
        made = [(await previewed(console))[1].location for _ in range(DRAFTS_OF_ONE_MAX + 1)]
        token = console.sign_in(OFFICER)
        assert (await console.get(made[0], token)).status == 404
        assert (await console.get(made[1], token)).status == 200


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"purpose": ""}, "Say what it is for"),
        ({"purpose": "because"}, "Say what it is for"),
        ({"offence": "none such"}, "Choose one"),
        ({"instrument": ""}, "Choose one"),
        ({"oln": ""}, "Fill in one of the three"),
        ({"plate": "PX1234"}, "not several"),
        ({"oln": "A" * 21}, "A licence number is"),
        ({"oln": "A B"}, "A licence number is"),
        ({"oln": "", "name": "DOE JANE", "dob": "1990-01-02", "sex": "F"}, "LAST,FIRST MIDDLE"),
        ({"oln": "", "name": "DOE,JANE", "dob": "1990-02-31", "sex": "F"}, "birth date as year"),
        ({"oln": "", "name": "DOE,JANE", "dob": "1990-01-02", "sex": ""}, "Choose one"),
        ({"oln": "", "plate": "PX1234", "plate_year": "", "plate_type": "PC"}, "plate's year"),
        ({"to": ""}, "Name a state"),
        ({"to": "ZZ"}, "No state of this network is called ZZ"),
        ({"to": "WA OR TX IL NY OH"}, "at most 5 states"),
        ({"to": "Washington"}, "two letters"),
        ({"to": "US"}, "No state of this network"),
        ({"case": "26/118"}, "letters, digits and hyphens"),
        ({"case": "A" * 21}, "letters, digits and hyphens"),
        ({"instrument_ref": "x" * 33}, "letters, digits and hyphens"),
        ({"instrument_ref": MARKUP}, "letters, digits and hyphens"),
    ],
)
async def test_what_has_to_be_mended_is_said(changes: dict[str, Any], fault: str) -> None:
    """The form again, with what was written; nothing is recorded and nothing is sent."""
    async with asking_on(*PARTLY) as (console, front):
        before = console.host.size(OR)
        _, page = await previewed(console, **changes)
        assert page.status == 422
        assert fault in page.text
        assert "<script>alert" not in page.body
        assert (console.host.size(OR), front.asked) == (before, [])


async def test_what_is_written_stands_in_the_form_again_as_text() -> None:
    """Markup is shown and not done."""
    async with asking_on(*PARTLY) as (console, _):
        for name in ("oln", "name", "plate", "to", "case", "instrument_ref"):
            changes: dict[str, Any] = {name: f'"{MARKUP}'}
            _, page = await previewed(console, **changes)
            assert page.status == 422
            assert MARKUP not in page.body


async def test_a_person_whose_agency_is_not_listed_asks_nothing() -> None:
    """Closed, another state's, or unknown: a problem on every page, and nothing is sent."""
    async with asking_on(*PARTLY) as (console, front):
        for at, ori in enumerate(("ORPX00002", "WAPX00001", "ORPX09999")):
            person = msgspec.structs.replace(OFFICER, subject=f"p{at}", asks_for=ORI(ori))
            wide(console, person)
            token = console.sign_in(person)
            for path in ("/console/ask", "/console/requests", "/console/requests/ABCDEFG234"):
                page = await console.get(path, token)
                assert (page.status, "agency-not-listed" in page.text) == (409, True)
            assert (await console.post("/console/ask", FORM, token)).status == 409
        assert front.asked == []


async def test_what_the_gateway_refuses_is_said_on_the_form() -> None:
    """A state that does not answer the key: its code and words, and no draft."""
    async with asking_on(*PARTLY) as (console, _):
        _, page = await previewed(console, to="AK")
        assert page.status == 422
        assert "The gateway does not take this" in page.text
        assert console.desk.asking.drafts._kept == {}


async def test_an_answer_has_exactly_what_was_released() -> None:
    """Outcome first, the fields that came, the part that waits by name; its value nowhere."""
    async with asking_on(*PARTLY) as (console, _):
        token, path = await asked(console)
        page = await console.get(path, token)
        assert page.heading == "Washington released 2 fields, and holds address."
        assert "Doe,Jane Ann" in page.text
        assert "100 Example Ave" not in page.body
        assert "Address: held" in page.text
        assert "ADDRESS" in page.text
        assert "In the ledger of Washington as WA/" in page.text
        answered = moment_said(console.now() // 60 * 60, OR, console.now())
        assert f"From the records of Washington, answered at {answered}." in page.text


async def test_a_refusal_a_hold_and_no_record_are_told_apart() -> None:
    """Each has its own word, and silence is none of them."""
    rules = policy_of(WA, RELEASE, DENY_ALL)
    async with asking_on(policy_of(OR, RELEASE), rules) as (console, _):
        token, path = await asked(console)
        page = await console.get(path, token)
        assert page.heading == "Washington refuses this under DENY; nothing was released."
    async with asking_on(policy_of(OR, RELEASE), policy_of(WA, RELEASE, HOLD_ALL)) as (console, _):
        token, path = await asked(console)
        page = await console.get(path, token)
        assert page.heading.startswith("Washington holds this for a person, until ")
        assert "No record" not in page.text
    async with asking_on(*PARTLY) as (console, _):
        token, path = await asked(console, oln="PX000999")
        page = await console.get(path, token)
        assert page.heading == "Washington has no record of what you asked for."
        token, path = await asked(console, to="TX")
        console.host.clock.advance_ns(60 * NS)
        page = await console.get(path, token)
        assert page.heading == (
            "Texas has not answered yet; that says nothing of whether there is a record."
        )
        assert "no record of" not in page.text


async def test_requests_are_nobody_elses() -> None:
    """A colleague of the same agency and line, another state's officer: none, and no list."""
    async with asking_on(*PARTLY) as (console, _):
        colleague = msgspec.structs.replace(OFFICER, subject="bo", asks_as="B2")
        wide(console, colleague)
        _, path = await asked(console)
        for person in (colleague, person_of(Role.REQUESTER, WA)):
            token = console.sign_in(person)
            theirs = await console.get(path, token)
            none = await console.get("/console/requests/ABCDEFG234", token)
            assert theirs.status == none.status == 404
            assert theirs.body == none.body
            assert (await console.post(f"{path}/reply", {"text": "x"}, token)).status == 404
            page = await console.get("/console/requests", token)
            assert page.heading == "You have asked nothing in the last two weeks."


async def test_what_the_agencys_systems_ask_is_not_listed() -> None:
    """On the same line, under the same number: it has no page here, with or without a control."""
    async with asking_on(*PARTLY) as (console, front):
        claims = Claims(operator="B1234")
        for key, control in (("k1", "ABCDEFG234"), ("k2", None)):
            body = frame(1, "WA", control=control, claims=claims).data
            headers = (("Idempotency-Key", key),)
            request = FrontRequest(method="POST", target="/v1/messages", headers=headers, body=body)
            assert (await front.ask("salem-1", request)).status == 202
        token = console.sign_in(OFFICER)
        page = await console.get("/console/requests", token)
        assert page.heading == "You have asked nothing in the last two weeks."
        assert (await console.get("/console/requests/ABCDEFG234", token)).status == 404


async def test_the_list_says_what_waits_on_whom() -> None:
    """Held waits on the state with its clock; no record is done; nothing of a record is listed."""
    async with asking_on(*PARTLY) as (console, _):
        await asked(console)
        token, _ = await asked(console, oln="PX000999")
        page = await console.get("/console/requests", token)
        assert page.heading == "Nothing needs you; 1 waits on a state and 1 is done."
        assert "Released in part, rest held" in page.text
        assert "72 h 00 min left" in page.text or "3 days 0 h left" in page.text
        assert NUMBER not in page.body
        assert "Doe" not in page.body


async def test_a_front_that_is_away_is_no_answer() -> None:
    """The page says that it cannot be read now; a send may have been taken, and says so."""
    async with asking_on(*PARTLY) as (console, front):
        token, path = await asked(console)
        token, draft = await previewed(console)
        front.is_down = True
        assert (await console.get(path, token)).status == 503
        sent = await console.post(draft.location, {}, token)
        assert (sent.status, "maybe-sent" in sent.text) == (504, True)
        front.is_down = False
        assert (await console.post(draft.location, {}, token)).status == 303
        assert len(console.host.leaves(OR, LeafKind.QUERY)) == 2
