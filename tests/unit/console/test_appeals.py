"""Appeals on the console: listed with their clocks, opened once, decided by another person."""

from __future__ import annotations

import pytest

from comity.console.people import Role
from comity.domain.answer import ResponseKind
from comity.domain.appeal import AppealDecision
from comity.domain.vocabulary import LeafDecision, LeafKind
from comity.exchange.appeals import appeal_text
from comity.services.health import CLOCK_SKEW_NS_MAX
from tests.support.console import console_on, person_of, second_reviewer
from tests.support.exchange import REVIEWER
from tests.support.gateway import HOLD_SECONDS, NOW, OR, WA, ask_of, running
from tests.support.review import CASE
from tests.unit.console.test_cases import SCRIPT
from tests.unit.services.test_appeals import (
    DUE,
    HELD,
    RULED,
    appealed,
    decided,
    denied,
    held,
    message,
    pass_time,
    refused,
    told,
)

LIST = "/state/appeals"
GRANT = {"decision": "granted", "class": ["status", "identity"], "days": "7", "note": "Docket."}


def path_of(entry: str) -> str:
    """The page of an appeal."""
    return f"{LIST}/{entry.rpartition('/')[2]}"


async def test_appeals_are_listed_and_one_is_opened_once_a_session() -> None:
    """The list names nobody and is no leaf; opened, reasons and first verdict are there."""
    async with running(HELD) as host, console_on(host) as console:
        token = console.sign_in(second_reviewer())
        assert (await console.get(LIST, token)).heading == "No appeal waits for a decision."
        entry = await refused(host)
        reasons = appeal_text(entry, f"Read the docket.\n{SCRIPT}")
        await told(host, message(entry, body=reasons))
        page = await console.get(LIST, token)
        assert (
            page.heading == "1 appeal waits for another person: the next one has 15 days 2 h left."
        )
        assert ("HS-26-88" in page.text, "PX000204K7" in page.text) == (True, False)
        assert "Read the docket." not in page.text
        one = page
        for _ in range(2):
            one = await console.get(path_of(entry), token)
            assert one.heading == (
                "Practice Police appeals: a person refused status, identity and address in case "
                "HS-26-88."
            )
        assert ("Read the docket." in one.text, SCRIPT in one.body) == (True, False)
        assert ("“practice”" in one.text, "PX000204K7" in one.text) == (True, True)
        assert [leaf.cites for leaf in host.leaves(WA, LeafKind.ACCESS)] == [entry]


async def test_who_refused_is_named_to_the_supervisor_alone() -> None:
    """A reviewer reads that a reviewer did."""
    async with running(HELD) as host, console_on(host) as console:
        entry = await appealed(host)
        supervisor = console.sign_in(second_reviewer())
        assert f"{REVIEWER}," in (await console.get(path_of(entry), supervisor)).text
        reviewer = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(path_of(entry), reviewer)
        assert ("A reviewer," in page.text, f"{REVIEWER}," in page.text) == (True, False)


async def test_a_grant_is_recorded_with_its_pass_and_is_taken_once() -> None:
    """For the chosen parts; the next query of the case goes; a second submit finds none."""
    async with running(HELD) as host, console_on(host) as console:
        entry = await appealed(host)
        token = console.sign_in(second_reviewer())
        await console.get(path_of(entry), token)
        sent = await console.post(path_of(entry), GRANT, token)
        assert (sent.status, sent.location) == (303, LIST)
        leaf = host.leaves(WA, LeafKind.VERDICT)[-1]
        assert (leaf.decision, leaf.cites) == (LeafDecision.APPROVE, entry)
        assert [part.value for part in leaf.released or ()] == ["status", "identity"]
        (passed,) = host.leaves(WA, LeafKind.PASS)
        assert passed.released == leaf.released
        answer = await told(host, ask_of(9, claims=CASE))
        assert answer.response is ResponseKind.HIT
        size = host.size(WA)
        assert (await console.post(path_of(entry), GRANT, token)).status == 404
        assert host.size(WA) == size
        assert (
            "1 refusal was appealed in the last 120 days: granted 1 of 1"
            in (await console.get(LIST, token)).text
        )


async def test_whoever_refused_is_offered_no_decision() -> None:
    """Nor is one taken by the form; nothing is recorded but the reading."""
    async with running(HELD) as host, console_on(host) as console:
        entry = await appealed(host)
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(path_of(entry), token)
        assert "You had a part in this refusal" in page.text
        assert 'name="decision"' not in page.body
        size = host.size(WA)
        assert (await console.post(path_of(entry), {"decision": "upheld"}, token)).status == 409
        assert host.size(WA) == size


async def test_what_the_rules_refused_is_left_to_them_and_stands_beside_the_rule() -> None:
    """No grant is offered or taken; authors read how many appeals doubt which rule."""
    async with running(RULED) as host, console_on(host) as console:
        entry = await denied(host)
        await told(host, message(entry))
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(path_of(entry), token)
        assert page.heading.startswith("Practice Police appeals: the rules refused")
        assert ('value="granted"' in page.body, 'value="for_rules"' in page.body) == (False, True)
        assert (await console.post(path_of(entry), GRANT, token)).status == 422
        sent = await console.post(path_of(entry), {"decision": "for_rules"}, token)
        assert sent.status == 303
        author = console.sign_in(person_of(Role.AUTHOR))
        rules = await console.get("/state/rules", author)
        assert "1 appeal says that this is wrong" in rules.text
        assert (await console.get(LIST, author)).status == 403


async def test_where_no_pass_can_be_made_the_page_says_so_before() -> None:
    """The next hold of the same request shows the finding."""
    async with running(HELD) as host, console_on(host) as console:
        bare = {"claims": CASE.__class__(purpose=CASE.purpose, operator=CASE.operator)}
        entry = await refused(host, 1, **bare)
        await told(host, message(entry))
        token = console.sign_in(second_reviewer())
        page = await console.get(path_of(entry), token)
        assert "No case pass can carry a grant: the request names no case." in page.text
        form = {"decision": "granted", "class": ["status"]}
        assert (await console.post(path_of(entry), form, token)).status == 303
        found = f"WA/{host.size(WA) - 2}"
        hold = await held(host, 7, **bare)
        case = await console.get(f"/state/cases/{hold.rpartition('/')[2]}", token)
        assert f"An appeal was granted that asked the same: {found}." in case.text


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({}, "Choose what you decide."),
        ({"decision": "for_rules"}, "Choose what you decide."),
        ({"decision": SCRIPT}, "Choose what you decide."),
        ({"decision": "granted"}, "Choose at least one part"),
        ({"decision": "granted", "class": ["status", "photo"]}, "was not refused here"),
        (GRANT | {"days": "0"}, "from 1 to 30"),
        (GRANT | {"days": "31"}, "from 1 to 30"),
        (GRANT | {"days": "-1"}, "from 1 to 30"),
        ({"decision": "upheld", "note": "x" * 501}, "At most 500"),
        ({"decision": "upheld", "note": "a\x1b[2J"}, "At most 500"),
    ],
)
async def test_an_unfinished_decision_is_not_recorded(form: dict[str, object], fault: str) -> None:
    """What is missing is said at its field; markup stays text; nothing is signed."""
    async with running(HELD) as host, console_on(host) as console:
        entry = await appealed(host)
        token = console.sign_in(second_reviewer())
        await console.get(path_of(entry), token)
        size = host.size(WA)
        page = await console.post(path_of(entry), form, token)
        assert (page.status, fault in page.text, SCRIPT in page.body) == (422, True, False)
        assert host.size(WA) == size


async def test_what_is_overdue_comes_first_and_is_said() -> None:
    """Each with its clock."""
    async with running(HELD) as host, console_on(host) as console:
        first = await appealed(host, 1)
        await pass_time(host, DUE)
        token = console.sign_in(second_reviewer())
        page = await console.get(LIST, token)
        assert page.heading == "1 appeal waits for another person, and is overdue."
        second = await appealed(host, 2)
        page = await console.get(LIST, token)
        assert page.heading.startswith("2 appeals wait for another person: 1 overdue, the next one")
        assert page.text.index(first.upper()) < page.text.index(second.upper())


async def test_what_nobody_decided_in_time_says_so() -> None:
    """There is no first person; any reviewer decides."""
    async with running(HELD) as host, console_on(host) as console:
        hold = await held(host)
        await pass_time(host, NOW + HOLD_SECONDS)
        entry = await host.desk.expire(hold)
        await told(host, message(entry))
        token = console.sign_in(person_of(Role.REVIEWER))
        page = await console.get(path_of(entry), token)
        assert "nobody decided in time about" in page.heading
        assert "No person gave a verdict on it." in page.text
        assert (await console.post(path_of(entry), {"decision": "upheld"}, token)).status == 303


async def test_another_states_appeal_is_not_there() -> None:
    """Nor one that is none."""
    async with running(HELD) as host, console_on(host) as console:
        entry = await appealed(host)
        elsewhere = console.sign_in(person_of(Role.REVIEWER, OR))
        assert (await console.get(LIST, elsewhere)).heading == "No appeal waits for a decision."
        assert (await console.get(path_of(entry), elsewhere)).status == 404
        token = console.sign_in(person_of(Role.REVIEWER))
        assert (await console.get(f"{LIST}/0", token)).status == 404
        assert host.leaves(WA, LeafKind.ACCESS) == []


async def test_a_clock_in_doubt_records_no_decision() -> None:
    """It is said that nothing was changed."""
    async with running(HELD) as host, console_on(host) as console:
        entry = await appealed(host)
        token = console.sign_in(second_reviewer())
        await console.get(path_of(entry), token)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        size = host.size(WA)
        assert (await console.post(path_of(entry), {"decision": "upheld"}, token)).status == 503
        assert host.size(WA) == size


async def test_a_supervisor_reads_what_became_of_appeals_beside_past_decisions() -> None:
    """Counted from public leaves; a reviewer does not."""
    async with running(HELD) as host, console_on(host) as console:
        first = await appealed(host, 1)
        await appealed(host, 2)
        await decided(host, first, AppealDecision.UPHELD)
        said = "2 refusals were appealed in the last 120 days: granted 0 of 1"
        token = console.sign_in(person_of(Role.SUPERVISOR))
        assert said in (await console.get("/state/decisions", token)).text
        token = console.sign_in(person_of(Role.REVIEWER))
        assert said not in (await console.get("/state/decisions", token)).text
