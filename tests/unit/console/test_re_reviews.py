"""Second looks on the console and at the gateway: chosen, opened, judged once, and counted."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.console.people import Role
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.re_review import ReReview, SignedReReview, re_review_bytes
from comity.domain.verdict import Ed25519Proof
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind
from comity.link.command import CommandDone, CommandFailed, decode_result, encode_command
from comity.link.review import GiveReReview
from comity.review import re_review
from comity.services import re_reviews, second_person
from tests.support.console import PracticeConsole, console_on, person_of, second_reviewer
from tests.support.exchange import ENROLLED, PRIVATE_KEY, REVIEWER, SUPERVISOR, SUPERVISOR_KEY
from tests.support.gateway import NS, OR, WA, PracticeHost, running
from tests.unit.console.test_cases import HELD, SCRIPT, give, held

PATH = "/state/re-reviews"


@pytest.fixture(autouse=True)
def all_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every decision is chosen, so that no test depends on a draw."""
    monkeypatch.setattr(re_review, "ONE_IN", 1)


async def decided(console: PracticeConsole, number: int = 1, act: str = "release") -> int:
    """Let the reviewer decide a hold; return the number of the verdict."""
    host = console.host
    hold = await held(host, number)
    token = console.sign_in(person_of(Role.REVIEWER))
    fields = {"clause": "HOLD"} if act == "refuse" else {}
    if act == "part":
        fields["class"] = ["status"]  # type: ignore[assignment]
    await give(console, token, hold, act, **fields)
    host.courier.take()
    verdicts = [i for i, leaf in indexed(host) if leaf.cites == f"wa/{hold}"]
    host.clock.advance_ns(20 * NS)
    return verdicts[0]


def indexed(host: PracticeHost) -> list[tuple[int, LeafHeader]]:
    """The verdicts of Washington, with their places."""
    rows = host.store.tables.leaves[WA]
    leaves = [(place, parse_leaf(row[0])) for place, row in enumerate(rows)]
    return [(place, leaf) for place, leaf in leaves if leaf.kind is LeafKind.VERDICT]


async def look(
    console: PracticeConsole, token: str, number: int, decision: str, *classes: str, note: str = ""
) -> int:
    """Open a decision and send the form of a second look; return the page's status."""
    await console.post(f"{PATH}/{number}/open", {}, token)
    form = {"decision": decision, "class": list(classes), "note": note}
    return (await console.post(f"{PATH}/{number}", form, token)).status


async def test_a_second_reviewer_opens_and_looks_and_nothing_changes() -> None:
    """The first verdict is not shown, opening is recorded, and nobody is told anything."""
    async with running(HELD) as host, console_on(host) as console:
        number = await decided(console)
        token = console.sign_in(second_reviewer())
        page = await console.get(PATH, token)
        assert page.heading == "1 decision waits for a second look by you."
        assert "Practice Police" in page.text
        before = await console.get(f"{PATH}/{number}", token)
        assert "PX000204K7" not in before.body
        assert host.leaves(WA, LeafKind.ACCESS)[-1].cites != f"wa/{number}"
        count = len(host.leaves(WA, LeafKind.ACCESS))
        opened = await console.post(f"{PATH}/{number}/open", {}, token)
        assert opened.location == f"{PATH}/{number}"
        shown = await console.get(f"{PATH}/{number}", token)
        assert shown.heading.endswith("what would you have decided?")
        assert "OLN " in shown.text
        assert len(host.leaves(WA, LeafKind.ACCESS)) == count + 1
        for word in ("Released", "approved"):
            assert word not in shown.text
        size = host.size(WA)
        done = await console.post(f"{PATH}/{number}", {"decision": "refuse", "note": SCRIPT}, token)
        assert (done.status, done.location) == (303, PATH)
        assert host.size(WA) == size + 1
        leaf = indexed(host)[-1][1]
        assert leaf.cites == f"wa/{number}"
        assert leaf.decision is LeafDecision.REFUSE
        assert host.courier.take() == []
        assert (await console.get(PATH, token)).heading == (
            "No decision waits for a second look by you."
        )


async def test_own_decisions_are_nobodys_to_look_at_again() -> None:
    """Not on the list, not by the path, not by the form."""
    async with running(HELD) as host, console_on(host) as console:
        number = await decided(console)
        token = console.sign_in(person_of(Role.REVIEWER))
        assert (await console.get(PATH, token)).heading.startswith("No decision waits")
        size = host.size(WA)
        assert (await console.get(f"{PATH}/{number}", token)).status == 409
        assert (await console.post(f"{PATH}/{number}/open", {}, token)).status == 409
        assert (await console.post(f"{PATH}/{number}", {}, token)).status == 409
        assert host.size(WA) == size


async def test_a_look_is_taken_once() -> None:
    """A second submit finds that it had one; another state's reviewer finds nothing."""
    async with running(HELD) as host, console_on(host) as console:
        number = await decided(console)
        token = console.sign_in(second_reviewer())
        other = console.sign_in(second_reviewer(OR))
        assert (await console.get(f"{PATH}/{number}", other)).status == 404
        assert await look(console, token, number, "refuse") == 303
        size = host.size(WA)
        assert (await console.post(f"{PATH}/{number}", {"decision": "refuse"}, token)).status == 404
        assert (await console.post(f"{PATH}/{number}/open", {}, token)).status == 404
        assert host.size(WA) == size
        assert (await console.get(f"{PATH}/{number + 900}", token)).status == 404


async def test_a_form_without_what_was_asked_leads_to_it() -> None:
    """Nobody judges what they have not read, in this session."""
    async with running(HELD) as host, console_on(host) as console:
        number = await decided(console)
        token = console.sign_in(second_reviewer())
        size = host.size(WA)
        sent = await console.post(f"{PATH}/{number}", {"decision": "refuse"}, token)
        assert (sent.status, sent.location, host.size(WA)) == (303, f"{PATH}/{number}", size)


@pytest.mark.parametrize(
    ("decision", "classes", "note", "said"),
    [
        ("", (), "", "Say whether you would have released anything."),
        ("maybe", (), "", "Say whether you would have released anything."),
        ("release", (), "", "Choose the parts that you would have released."),
        ("refuse", ("status",), "", "A refusal releases no part"),
        ("release", ("ssn",), "", "Choose among the parts that were held."),
        ("release", ("status", "status"), "", "Choose among the parts that were held."),
        ("refuse", (), "n" * 501, "At most 500"),
        ("refuse", (), "\x07", "At most 500"),
    ],
)
async def test_a_form_that_is_not_whole_is_shown_again(
    decision: str, classes: tuple[str, ...], note: str, said: str
) -> None:
    """With what to mend, and what was opened; nothing is recorded."""
    async with running(HELD) as host, console_on(host) as console:
        number = await decided(console)
        token = console.sign_in(second_reviewer())
        await console.post(f"{PATH}/{number}/open", {}, token)
        size = host.size(WA)
        form = {"decision": decision, "class": list(classes), "note": note}
        page = await console.post(f"{PATH}/{number}", form, token)
        assert (page.status, host.size(WA)) == (422, size)
        assert said in page.text
        assert "OLN " in page.text


async def test_figures_tell_how_many_were_reversed() -> None:
    """A release refused and a refusal released are reversed; other parts are other parts."""
    async with running(HELD) as host, console_on(host) as console:
        numbers = [
            await decided(console, number, act)
            for number, act in enumerate(("release", "refuse", "part", "release"), start=1)
        ]
        token = console.sign_in(second_reviewer())
        await look(console, token, numbers[0], "refuse")
        host.clock.advance_ns(20 * NS)
        supervisor = console.sign_in(person_of(Role.SUPERVISOR))
        assert (
            "4 decisions were chosen for a second look, 1 had it: another reviewer would have"
            " reversed 1 of 1 (100.0%) and released other parts in 0."
        ) in (await console.get("/state/decisions", supervisor)).text
        await look(console, token, numbers[1], "release", "status")
        await look(console, token, numbers[2], "release", "status", "address")
        await look(console, token, numbers[3], "release", "status", "identity", "address")
        host.clock.advance_ns(20 * NS)
        page = await console.get("/state/decisions", supervisor)
        assert (
            "4 had it: another reviewer would have reversed 2 of 4 (50.0%) and released other"
            " parts in 1. They are few"
        ) in page.text
        # A look is no decision, and lets nothing go.
        assert page.heading.startswith("Of the last 4 requests that were held and have ended, 3 ")
        reviewer = await console.get("/state/decisions", console.sign_in(person_of(Role.REVIEWER)))
        assert "second look," not in reviewer.text


async def sent(host: PracticeHost, review: ReReview, key: Ed25519PrivateKey, key_id: str) -> str:
    """Sign and send a look; return the code of its refusal, or nothing."""
    proof = Ed25519Proof(
        key_id=key_id,
        signature=key.sign(re_review_bytes(review)),
    )
    command = GiveReReview(signed=SignedReReview(review=review, proof=proof))
    result = decode_result(await host.commands.take(encode_command(command)))
    assert isinstance(result, CommandDone | CommandFailed)
    return result.code if isinstance(result, CommandFailed) else ""


def at(host: PracticeHost) -> int:
    """The gateway's time."""
    return host.clock.now_ns() // NS


async def test_the_gateway_takes_what_a_page_would_not_send(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who decided, what is no decision, what is not chosen, and a class that was not held."""
    async with running(HELD) as host, console_on(host) as console:
        number = await decided(console)
        hold = next(leaf for place, leaf in indexed(host) if place == number).cites
        good = ReReview(
            state=WA, verdict_entry=f"wa/{number}", approved=(), reviewer=SUPERVISOR.name,
            at=at(host),
        )  # fmt: skip
        by_other = (SUPERVISOR_KEY, SUPERVISOR.key_id)
        size = host.size(WA)
        own = msgspec.structs.replace(good, reviewer=REVIEWER)
        assert await sent(host, own, PRIVATE_KEY, ENROLLED.key_id) == "re-review-refused"
        for changed in (
            {"verdict_entry": hold}, {"verdict_entry": f"wa/{size + 5}"},
            {"verdict_entry": f"or/{number}"}, {"approved": (DataClass.SSN,)},
        ):  # fmt: skip
            wrong = msgspec.structs.replace(good, **changed)
            assert await sent(host, wrong, *by_other) == "re-review-refused"
        monkeypatch.setattr(re_reviews, "is_chosen", lambda _: False)
        assert await sent(host, good, *by_other) == "re-review-refused"
        monkeypatch.setattr(re_reviews, "is_chosen", lambda _: True)
        monkeypatch.setattr(second_person, "BETWEEN_LEAVES_MAX", 0)
        assert await sent(host, good, *by_other) == "re-review-refused"
        monkeypatch.setattr(second_person, "BETWEEN_LEAVES_MAX", 10)
        assert host.size(WA) == size
        assert await sent(host, good, *by_other) == ""
        assert await sent(host, good, *by_other) == "re-review-done"
        assert host.size(WA) == size + 1


async def test_nobody_is_a_second_person_where_it_cannot_be_read_who_was_first() -> None:
    """The record of the verdict is gone: the list is empty, and the gateway refuses."""
    async with running(HELD) as host, console_on(host) as console:
        number = await decided(console)
        private = host.store.tables.private
        for place in [key for key in private if key == (WA, number)]:
            del private[place]
        token = console.sign_in(second_reviewer())
        assert (await console.get(PATH, token)).heading.startswith("No decision waits")
        good = ReReview(
            state=WA, verdict_entry=f"wa/{number}", approved=(), reviewer=SUPERVISOR.name,
            at=at(host),
        )  # fmt: skip
        code = await sent(host, good, SUPERVISOR_KEY, SUPERVISOR.key_id)
        assert code == "re-review-refused"


async def test_who_only_asked_something_is_no_second_reviewer() -> None:
    """A verdict that did not end the hold is a verdict on it."""
    async with running(HELD) as host, console_on(host) as console:
        hold = await held(host)
        first, second = (
            console.sign_in(second_reviewer()),
            console.sign_in(person_of(Role.REVIEWER)),
        )
        await give(console, first, hold, "ask", note="Which case?")
        await give(console, second, hold, "release")
        number = [place for place, _ in indexed(host)][-1]
        good = ReReview(
            state=WA, verdict_entry=f"wa/{number}", approved=(), reviewer=SUPERVISOR.name,
            at=at(host),
        )  # fmt: skip
        code = await sent(host, good, SUPERVISOR_KEY, SUPERVISOR.key_id)
        assert code == "re-review-refused"
