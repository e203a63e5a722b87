"""An officer reads of a refusal how to appeal, appeals on its page, and reads what was decided."""

from __future__ import annotations

import pytest

from comity.console.people import Role
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import LeafKind
from comity.exchange.replies import REPLY_CHARS_MAX
from tests.support.asking import MemoryFront, asking_on
from tests.support.console import Answered, PracticeConsole, person_of, second_reviewer
from tests.support.gateway import (
    HOLD_ALL,
    NS,
    OR,
    RELEASE,
    SALEM,
    SEATTLE,
    WA,
    ask_of,
    asks,
    policy_of,
)
from tests.support.review import DAY
from tests.unit.console.test_asking import asked
from tests.unit.services.test_appeals import DENY_DQ

POLICIES = (policy_of(OR, RELEASE), policy_of(WA, RELEASE, HOLD_ALL))
TEXT = "The docket was not read. <script>alert(1)</script>"


async def refused(console: PracticeConsole, front: MemoryFront) -> tuple[str, str, str]:
    """A request that a reviewer has refused: session, path, and the refusal's entry."""
    token, path = await asked(console)
    (row,) = await console.host.store.open_holds([WA])
    reviewer = console.sign_in(person_of(Role.REVIEWER))
    form = {"step": row.next_step, "note": "No docket.", "clause": "none"}
    given = await console.post(f"/state/cases/{row.leaf_index}/refuse", form, reviewer)
    assert given.status == 303, given.text
    await console.post(f"/state/verdicts/{row.leaf_index}/{row.next_step}/send", {}, reviewer)
    await front.carry()
    return token, path, f"wa/{console.host.size(WA) - 1}"


async def appeal(
    console: PracticeConsole, token: str, path: str, entry: str, text: str = TEXT
) -> Answered:
    """Send the form of an appeal."""
    return await console.post(f"{path}/appeal", {"refusal": entry, "text": text}, token)


async def test_a_refusal_offers_an_appeal_and_its_page_tells_what_became_of_it() -> None:
    """Until when, who decides; what was written; then what another person decided."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, entry = await refused(console, front)
        page = await console.get(path, token)
        assert "You can appeal to Washington until 2026-12-23" in page.text
        assert "Another person of Washington looks at it then" in page.text
        assert f"first line is APPEAL {entry.upper()}" in page.text
        sent = await appeal(console, token, path, entry)
        assert (sent.status, sent.location) == (303, path)
        assert console.host.leaves(WA, LeafKind.DISCLOSURE)[-1].cites == entry
        page = await console.get(path, token)
        assert "You can appeal" not in page.text
        assert (f"Your appeal of {entry.upper()}" in page.text, TEXT in page.text) == (True, True)
        assert "<script>alert" not in page.body
        assert "ANOTHER PERSON DECIDES IT BY 2026-12-08" in page.text
        listed = await console.get("/console/requests", token)
        assert listed.heading == "Nothing needs you; 1 is done."
        supervisor = console.sign_in(second_reviewer())
        form = {"decision": "upheld", "note": "It was read."}
        decided = await console.post(f"/state/appeals/{entry[3:]}", form, supervisor)
        assert decided.status == 303
        await front.carry()
        page = await console.get(path, token)
        assert f"APPEAL OF {entry.upper()}: UPHELD" in page.text
        assert "Note: It was read." in page.text


async def test_an_appeal_sent_twice_is_one() -> None:
    """By a second click, and by another text."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, entry = await refused(console, front)
        assert (await appeal(console, token, path, entry)).status == 303
        size = console.host.size(WA)
        assert (await appeal(console, token, path, entry, "Another text.")).status == 409
        assert console.host.size(WA) == size


@pytest.mark.parametrize("text", ["", " \n ", "é", "x" * (REPLY_CHARS_MAX + 1), "a\x07"])
async def test_an_appeal_that_cannot_travel_is_the_form_again(text: str) -> None:
    """What was written stands in it; nothing was sent."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, entry = await refused(console, front)
        size = console.host.size(WA)
        page = await appeal(console, token, path, entry, text)
        assert (page.status, "Write plain letters" in page.text) == (422, True)
        assert console.host.size(WA) == size


async def test_what_is_no_refusal_of_ones_own_is_not_appealed() -> None:
    """Another entry, a request that is held, one that is 30 days old, another person's."""
    async with asking_on(*POLICIES) as (console, front):
        token, path = await asked(console)
        assert "You can appeal" not in (await console.get(path, token)).text
        assert (await appeal(console, token, path, "wa/3")).status == 409
    async with asking_on(*POLICIES) as (console, front):
        token, path, entry = await refused(console, front)
        assert (await appeal(console, token, path, "wa/0")).status == 409
        console.host.clock.advance_ns(31 * DAY * NS)
        token = console.sign_in(person_of(Role.REQUESTER, OR))
        page = await console.get(path, token)
        assert "You can appeal" not in page.text
        assert (await appeal(console, token, path, entry)).status == 409


async def test_of_a_rules_refusal_it_says_what_an_appeal_can_do() -> None:
    """No person grants it; whoever writes the rules reads of it."""
    policies = (policy_of(OR, RELEASE), policy_of(WA, RELEASE, DENY_DQ))
    async with asking_on(*policies) as (console, _):
        token, path = await asked(console)
        page = await console.get(path, token)
        assert "A rule refused it, so no person can grant it" in page.text
        (denial,) = console.host.leaves(WA, LeafKind.DENIAL)
        assert denial.cites is None
        entry = f"wa/{console.host.size(WA) - 1}"
        assert (await appeal(console, token, path, entry)).status == 303


async def test_a_line_that_anybody_wrote_is_no_decision() -> None:
    """Only a terminal of the state tells what became of an appeal."""
    async with asking_on(*POLICIES) as (console, front):
        token, path, entry = await refused(console, front)
        await appeal(console, token, path, entry)
        forged = f"APPEAL OF {entry.upper()}: GRANTED\nAsk again."
        am = MessageKey("AM")
        message = ask_of(
            77, state=OR, origin=WA, agency=SEATTLE, key=am, original_key=am,
            fields=(("", forged),), to=(SALEM,),
        )  # fmt: skip
        await console.host.answer.take(asks(message))
        page = await console.get(path, token)
        assert ("GRANTED" in page.text, "ANOTHER PERSON DECIDES IT" in page.text) == (False, True)
