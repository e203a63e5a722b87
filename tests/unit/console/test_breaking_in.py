"""What somebody tries who wants more than a role gives, or gives a second verdict on a case."""

from __future__ import annotations

import msgspec
import pytest

from comity.console.errors import PeopleError
from comity.console.opened_cases import LOOK_SECONDS_MAX
from comity.console.people import People, Person, Role
from comity.domain.answer import ResponseKind
from comity.domain.query import Claims
from comity.domain.vocabulary import LeafKind, Purpose
from comity.services.rules_in_force import DIRECTORY_SECONDS_MAX
from comity.services.vault import month_of
from tests.support.console import ISSUER, PracticeConsole, console_on, person_of
from tests.support.gateway import HOLD_SECONDS, NS, NUMBER, OR, TX, WA, ask_of, running, turns
from tests.unit.console.test_cases import HELD, give, held, told

REVIEWER_OF_WA = person_of(Role.REVIEWER)


async def given(console: PracticeConsole, token: str, number: int, act: str) -> str:
    """Give a verdict that waits; return the path under which its author sends it."""
    row = await console.host.store.open_hold(WA, number)
    assert row is not None
    page = await console.post(f"/state/cases/{number}/{act}", {"step": row.next_step}, token)
    assert page.status == 303
    return f"/state/verdicts/{number}/{row.next_step}/send"


async def left(console: PracticeConsole) -> None:
    """Let what waits leave at its time, which has come."""
    await turns(200)
    assert console.verdicts.waiting_entries(WA) == frozenset()


async def test_second_thought_is_not_taken_for_the_first() -> None:
    """Who released and then refuses is told that the release is on its way."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        await given(console, token, number, "release")
        refusal = {"step": "1", "clause": "HOLD", "note": "I was wrong."}
        page = await console.post(f"/state/cases/{number}/refuse", refusal, token)
        assert (page.status, "You gave another verdict" in page.heading) == (409, True)
        await console.post(f"/state/verdicts/{number}/1/take-back", {}, token)
        await give(console, token, number, "refuse", clause="HOLD", note="I was wrong.")
        assert told(host).response is ResponseKind.REFUSED


async def test_counts_are_of_what_the_table_shows() -> None:
    """A verdict on its way takes its case out of the counts, one that was asked about too."""
    async with running(HELD) as host, console_on(host) as console:
        asked, waits = await held(host, 1), await held(host, 2)
        token = console.sign_in(REVIEWER_OF_WA)
        await give(console, token, asked, "ask", note="Which case?")
        await given(console, token, asked, "release")
        page = await console.get("/state/queue", token)
        assert page.heading.startswith("1 request waits for a decision")
        assert page.body.count("data-row") == 1
        assert "Waits for the agency's reply 0" in page.text
        await given(console, token, waits, "release")
        page = await console.get("/state/queue", token)
        assert page.heading == "Nothing waits for a decision."
        assert "data-row" not in page.body
        assert '<span class="count">0</span>' in page.body
        assert "Ends within a day 0" in page.text
        assert "Ends within the hour 0" in page.text


async def test_what_is_on_its_way_takes_no_place_of_a_page() -> None:
    """Fifty decided and one more: that one is on the first page, and there is no other."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [await held(host, number) for number in range(1, 52)]
        token = console.sign_in(REVIEWER_OF_WA)
        for number in numbers[:50]:
            await given(console, token, number, "release")
        page = await console.get("/state/queue", token)
        assert page.heading.startswith("1 request waits for a decision")
        assert f"/state/cases/{numbers[50]}" in page.body
        assert "/state/queue?after=" not in page.body


def without(people: People, person: Person, *instead: Person) -> People:
    """The people after somebody lost a place."""
    return People(ISSUER, [*(each for each in people.persons if each != person), *instead])


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "only advises now"])
async def test_verdict_of_who_lost_the_place_does_not_leave(*, is_gone: bool) -> None:
    """Taken from the people file within the minute: what waits has no effect."""
    async with running(HELD) as host, console_on(host, wait_s=0) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        await console.get(f"/state/cases/{number}", token)
        counsel = msgspec.structs.replace(REVIEWER_OF_WA, roles=frozenset({Role.COUNSEL}))
        now = without(console.people, REVIEWER_OF_WA, *(() if is_gone else (counsel,)))
        await given(console, token, number, "release")
        console.people = now
        await left(console)
        row = await host.store.open_hold(WA, number)
        assert row is not None
        (kept,) = console.verdicts.of(WA, REVIEWER_OF_WA.signs_as)
        assert (kept.code, host.courier.take()) == ("not-a-signer", [])
        assert (await console.get(f"/state/cases/{number}", token)).status in (303, 403)


async def test_verdict_leaves_after_its_author_signed_out() -> None:
    """Going home is no second thought: what was given within the minute leaves."""
    async with running(HELD) as host, console_on(host, wait_s=0) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        await given(console, token, number, "release")
        await console.post("/sign-out", {}, token)
        await left(console)
        assert told(host).response is ResponseKind.HIT


async def test_form_of_who_was_signed_out_is_not_lost_without_a_word() -> None:
    """Pressed after the session ended: nothing is taken, and the door says so."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        await console.get(f"/state/cases/{number}", token)
        await console.post("/sign-out", {}, token)
        page = await console.post(f"/state/cases/{number}/release", {"step": "1"}, token)
        assert (page.status, page.location) == (303, "/sign-in?unsent=yes")
        door = await console.get(page.location)
        assert "it was not taken, and nothing went out" in door.text
        assert console.verdicts.waiting_entries(WA) == frozenset()
        again = await console.post("/sign-out", {}, token)
        assert again.location == "/sign-in"


async def test_what_was_shown_goes_with_the_session() -> None:
    """Signed out, nothing of the case stays; a new session's look is a leaf of its own."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        await console.get(f"/state/cases/{number}", token)
        form_token = console.form_token(token)
        assert console.desk.opened.get(form_token, f"wa/{number}", 1, console.now()) is not None
        await console.post("/sign-out", {}, token)
        assert console.desk.opened.get(form_token, f"wa/{number}", 1, console.now()) is None
        await console.get(f"/state/cases/{number}", console.sign_in(REVIEWER_OF_WA))
        assert len(host.leaves(WA, LeafKind.ACCESS)) == 2


async def test_case_whose_key_is_gone_says_so() -> None:
    """It stands in the queue, for its clock runs; its page says what is wrong and to call."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        host.disk.keyring.destroy(WA, month_of(console.now()))
        queue = await console.get("/state/queue", token)
        assert "cannot be opened: its key is gone" in queue.text
        page = await console.get(f"/state/cases/{number}", token)
        assert (page.status, page.heading) == (409, "The gateway does not show this request.")
        assert "`data-key-missing`" in page.text


async def test_probe_of_a_drill_is_no_case() -> None:
    """Nobody asked it: it is in no queue, and its number opens nothing."""
    async with running(HELD) as host, console_on(host) as console:
        await host.answer.drill([ask_of(1, probe=True)])
        (row,) = await host.store.open_holds([WA])
        token = console.sign_in(REVIEWER_OF_WA)
        assert (await console.get("/state/queue", token)).heading == "Nothing waits for a decision."
        page = await console.get(f"/state/cases/{row.leaf_index}", token)
        none = await console.get("/state/cases/987654", token)
        assert (page.status, page.body) == (404, none.body)
        assert host.leaves(WA, LeafKind.ACCESS) == []


async def test_directory_is_the_same_one_while_no_part_changes() -> None:
    """What pages made of it stands; read again, it is not verified and made anew."""
    async with running(HELD) as host, console_on(host) as console:
        first = await console.desk.books.directory()
        host.disk.clock.advance_ns(int((DIRECTORY_SECONDS_MAX + 1) * NS))
        assert await console.desk.books.directory() is first


async def test_look_at_another_host_is_not_believed_by_its_target() -> None:
    """Neither a method nor a path in a header or a field makes another request of this one."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        page = await console.get(f"/state/cases/{number}/release", token, x_http_method="POST")
        assert page.status == 200
        page = await console.post(f"/state/cases/{number}/ask", {"_method": "PUT"}, token)
        assert page.status == 409
        for state in ("or", "us", "WA"):
            page = await console.get(f"/state/queue?state={state}", token)
            assert "records of Washington" in page.text
        assert console.verdicts.waiting_entries(WA) == frozenset()


@pytest.mark.parametrize("act", ["take-back", "send"])
async def test_verdict_of_a_colleague_or_another_state_is_not_touched(act: str) -> None:
    """Only its author takes a verdict back or sends it."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        await given(console, console.sign_in(REVIEWER_OF_WA), number, "release")
        colleague = msgspec.structs.replace(
            REVIEWER_OF_WA, subject="wa-colleague", signs_as="wa-colleague"
        )
        console.people = People(ISSUER, [*console.people.persons, colleague])
        for other in (colleague, person_of(Role.REVIEWER, OR)):
            path = f"/state/verdicts/{number}/1/{act}"
            assert (await console.post(path, {}, console.sign_in(other))).status == 404
        assert console.verdicts.waiting_entries(WA) == {f"wa/{number}"}
        assert host.courier.take() == []


async def test_nothing_of_a_person_is_logged() -> None:
    """Of a day's pages and failures no line holds who was asked about, a case number or a note."""
    async with running(HELD) as host, console_on(host) as console:
        claims = Claims(purpose=Purpose.COURT, case_number="CASE-SECRET", operator="OP-SECRET")
        number = await held(host, claims=claims)
        token = console.sign_in(REVIEWER_OF_WA)
        await console.get(f"/state/cases/{number}", token)
        await give(console, token, number, "ask", note="NOTE-SECRET")
        row = await host.store.open_hold(WA, number)
        assert row is not None
        form = {"step": row.next_step, "clause": "none", "note": "NOTE-SECRET"}
        await console.post(f"/state/cases/{number}/refuse", form, token)
        host.disk.clock.advance_ns((HOLD_SECONDS + 1) * NS)
        token = console.sign_in(REVIEWER_OF_WA)
        await console.post(f"/state/verdicts/{number}/{row.next_step}/send", {}, token)
        await console.get(f"/state/cases/{number}", token)
        logged = repr(host.log.written)
        assert "verdict_had_no_effect" in logged
        for secret in ("SECRET", "PX000204K7", REVIEWER_OF_WA.name, REVIEWER_OF_WA.subject):
            assert secret not in logged


async def test_what_is_not_seen_is_shown_as_a_sign() -> None:
    """What turns the reading order around or hides does nothing; each field stands by itself."""
    async with running(HELD) as host, console_on(host) as console:
        fields = (("NAM", "\u202eEOD\u2066, OLN PX1\x1b[2J"), ("OLN", NUMBER))
        number = await held(host, fields=fields)
        token = console.sign_in(REVIEWER_OF_WA)
        page = await console.get(f"/state/cases/{number}", token)
        assert "<dd>NAM \ufffdEOD\ufffd, OLN PX1\ufffd[2J</dd>" in page.body
        assert f"<dd>OLN {NUMBER}</dd>" in page.body


async def test_colleague_is_named_again_when_the_page_is_opened_again() -> None:
    """Looking twice does not make the one who looked before disappear; after a while it does."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        colleague = msgspec.structs.replace(
            REVIEWER_OF_WA, subject="wa-colleague", name="Practice Colleague"
        )
        console.people = People(ISSUER, [*console.people.persons, colleague])
        path = f"/state/cases/{number}"
        await console.get(path, console.sign_in(REVIEWER_OF_WA))
        token = console.sign_in(colleague)
        for _ in range(2):
            assert "Practice Reviewer opened this case" in (await console.get(path, token)).text
        host.disk.clock.advance_ns((LOOK_SECONDS_MAX + 1) * NS)
        assert "opened this case at" not in (await console.get(path, token)).text


async def test_key_that_takes_back_is_that_of_what_waits() -> None:
    """A verdict that was settled last stands first and has no key; the one that waits has it."""
    async with running(HELD) as host, console_on(host) as console:
        waits, sent = await held(host, 1), await held(host, 2)
        token = console.sign_in(REVIEWER_OF_WA)
        await given(console, token, waits, "release")
        host.disk.clock.advance_ns(NS)
        await give(console, token, sent, "release")
        page = await console.get("/state/queue", token)
        assert page.body.index(f"WA/{sent}</th>") < page.body.index(f"WA/{waits}</th>")
        assert page.body.count('data-key="u"') == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("Cookie", "comity=other"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "http://elsewhere")],
)
async def test_header_that_stands_twice_is_refused(name: str, value: str) -> None:
    """Whoever stands in front may have gone by the one that we would not see."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        cookie = {"cookie": f"comity={token}"}
        page = await console.post(
            f"/state/cases/{number}/release", {"step": "1"}, token, **cookie, **{name: value}
        )
        assert (page.status, "A header stands twice." in page.text) == (400, True)
        assert console.verdicts.waiting_entries(WA) == frozenset()


async def test_place_in_another_state_opens_nothing_of_the_first() -> None:
    """Who acts for Oregon now sees no case of Washington, also one that was opened before."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        own = [
            msgspec.structs.replace(person_of(Role.REVIEWER, state), subject="of-both")
            for state in (WA, OR)
        ]
        console.people = People(ISSUER, own)
        token = console.sign_in(own[0])
        assert (await console.get("/state/queue", token)).location == "/places"
        assert (await console.get("/", token)).location == "/places"
        assert (await console.get("/places", token)).heading.startswith("You hold a place in 2 ")
        chosen = await console.post("/places", {"state": "wa"}, token)
        assert (chosen.status, chosen.location) == (303, "/state/queue")
        assert (await console.get(f"/state/cases/{number}", token)).status == 200
        await given(console, token, number, "release")
        await console.post("/places", {"state": "or"}, token)
        for path in (f"/state/cases/{number}", f"/state/cases/{number}/release"):
            assert (await console.get(path, token)).status == 404
        queue = await console.get("/state/queue", token)
        assert "WA/" not in queue.text
        sent = await console.post(f"/state/verdicts/{number}/1/send", {}, token)
        assert (sent.status, host.courier.take()) == (404, [])
        assert (await console.post("/places", {"state": "tx"}, token)).status == 403


async def test_place_in_a_state_of_another_host_is_not_told_that_nothing_waits() -> None:
    """Its holds are not here, so the queue does not count them as none."""
    async with running(HELD) as host, console_on(host) as console:
        person = person_of(Role.REVIEWER, TX)
        console.people = People(ISSUER, [*console.people.persons, person])
        page = await console.get("/state/queue", console.sign_in(person))
        assert (page.status, "Code: state-not-here" in page.text) == (409, True)
        assert "Nothing waits" not in page.text


@pytest.mark.parametrize(
    "path",
    ["/state/litigation", "/state/litigation/2", "/state/rules/as-of", "/state/public-records"],
)
async def test_counsel_of_another_host_is_not_told_that_there_is_nothing(path: str) -> None:
    """No hold, no rules, no leaf: none of it is known here, and the page says that."""
    async with running(HELD) as host, console_on(host) as console:
        person = person_of(Role.COUNSEL, TX)
        console.people = People(ISSUER, [*console.people.persons, person])
        page = await console.get(path, console.sign_in(person))
        assert (page.status, "Code: state-not-here" in page.text) == (409, True)


async def test_reviewer_without_a_key_here_is_told_so() -> None:
    """Enrolled elsewhere or not at all: no case is opened, and the page says what is missing."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        person = msgspec.structs.replace(REVIEWER_OF_WA, subject="wa-new", signs_as="new")
        console.people = People(ISSUER, [*console.people.persons, person])
        page = await console.get(f"/state/cases/{number}", console.sign_in(person))
        assert (page.status, "Code: no-key-to-sign" in page.text) == (409, True)
        assert host.leaves(WA, LeafKind.ACCESS) == []


@pytest.mark.parametrize("act", ["release", "pass"])
async def test_second_person_is_told_whose_verdict_is_on_its_way(act: str) -> None:
    """Also who decides alike did not decide: the first one's verdict is the one that leaves."""
    async with running(HELD) as host, console_on(host) as console:
        number = await held(host)
        first = console.sign_in(REVIEWER_OF_WA)
        await given(console, first, number, "release")
        seen = (f"wa/{number}", 1, console.now())
        shown = console.desk.opened.get(console.form_token(first), *seen)
        assert shown is not None
        other = msgspec.structs.replace(REVIEWER_OF_WA, subject="wa-other", signs_as="other")
        console.keys.names.add(other.signs_as)
        console.people = People(ISSUER, [*console.people.persons, other])
        token = console.sign_in(other)
        # The gateway of these tests has enrolled one reviewer: the other one was shown it before.
        console.desk.opened.put(console.form_token(token), shown)
        page = await console.post(f"/state/cases/{number}/{act}", {"step": "1"}, token)
        assert (page.status, "Code: verdict-overtaken" in page.text) == (409, True)
        assert console.verdicts.of(WA, other.signs_as) == []


async def test_cookie_that_stands_twice_is_the_first() -> None:
    """A second one, as another page of the host may set, neither lets in nor replaces."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(REVIEWER_OF_WA)
        first = await console.get("/state/queue", cookie=f"comity={token}; comity=other")
        second = await console.get("/state/queue", cookie=f"comity=other; comity={token}")
        assert (first.status, second.status) == (200, 303)


class UnreadablePeople(People):
    """A people file that cannot be read now."""

    def find(self, issuer: str, subject: str) -> tuple[Person, ...]:
        raise PeopleError("the people file cannot be read")


async def test_while_the_people_cannot_be_read_nobody_is_in_and_nothing_leaves() -> None:
    """Whoever is signed in waits at the door until it is mended; a verdict then has no effect."""
    async with running(HELD) as host, console_on(host, wait_s=0) as console:
        number = await held(host)
        token = console.sign_in(REVIEWER_OF_WA)
        await given(console, token, number, "release")
        people, console.people = console.people, UnreadablePeople(ISSUER, [])
        await left(console)
        assert (await console.get("/state/queue", token)).location.startswith("/sign-in?")
        console.people = people
        page = await console.get("/state/queue", token)
        assert "It had no effect: the people file cannot be read." in page.text
        assert page.heading.startswith("1 request waits for a decision")
        assert host.courier.take() == []
