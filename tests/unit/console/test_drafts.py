"""Drafts of rules: who may read and write them, what races and forged forms come to, roll-back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from comity.console.people import Role
from comity.domain.decision import RuleId
from comity.domain.rule_draft import DRAFTS_MAX
from comity.domain.vocabulary import Outcome
from comity.policy import encode_bundle, parse_bundle
from comity.policy.block import blocked
from comity.policy.guarantee import default_guarantees
from tests.support.console import PracticeConsole, console_on
from tests.support.drafts import DRAFTS, as_role, draft_of, opened, seen, wrote
from tests.support.gateway import NOW, OR, RELEASE, WA, policy_of, running
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_rulebook import REVIEWER, SECOND, signed

NO_PROMISE = tuple(sorted(each.id for each in default_guarantees()))
NOT_PROMISED = f"guarantee_opt_outs = {list(NO_PROMISE)}"
OPEN = bundle(RELEASE, state=WA, guarantee_opt_outs=NO_PROMISE)
READERS = (Role.AUTHOR, Role.COUNSEL, Role.SUPERVISOR, Role.AUDITOR)
PAGES = ("", "/around", "/clauses/ALL", "/sign", "/guarantees", "/replay", "/leaks")
ACTS = (
    *("drop", "take-over", "around", "examine", "sign", "approve", "announce", "leaks"),
    *("clauses/new", "clauses/ALL/drop", "clauses/ALL/check"),
)
MARKUP = "</p><script>alert(1)</script>"


def clauses(console: PracticeConsole, number: int = 1) -> list[str]:
    """The clauses of a draft as it is kept."""
    return [rule.id for rule in parse_bundle(draft_of(console, number).bundle).rules]


async def test_a_draft_is_opened_and_decides_nothing() -> None:
    """It says what is in force; no leaf, no version, and its page has every clause."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        before = host.size(WA)
        empty = await console.get(DRAFTS, token)
        assert empty.heading == (
            "No drafts are being written for Washington; version 1 is in force."
        )
        page = await opened(console, token)
        shown = await console.get(page, token)
        assert shown.heading == "Draft 1 changes nothing."
        assert "It takes nothing: it says what is in force" in shown.text
        assert 'id="rule-ALL"' in shown.body
        listed = await console.get(DRAFTS, token)
        assert listed.heading.startswith("1 draft is being written for Washington")
        assert host.size(WA) == before


async def test_a_clause_is_written_and_the_draft_says_what_it_changes() -> None:
    """In sentences with exact numbers, and clause by clause before and after."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        done = await wrote(console, token, page)
        assert (done.status, done.location) == (303, f"{page}#rule-WA-D1")
        shown = await console.get(page, token)
        assert shown.heading.startswith("Draft 1 tightens ")
        assert shown.heading.endswith("because of WA-D1.")
        assert "WA-D1 is new" in shown.text
        assert "one person now and another within a day" in shown.text
        assert "forbid (principal, action, resource)" in shown.text
        assert "Changed by Practice Author" in shown.text


async def test_who_reads_and_who_writes() -> None:
    """Authors and counsel write; supervisors and auditors read; others are told so."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        page = await opened(console, as_role(console))
        for role in Role:
            token = as_role(console, role)
            reads = 200 if role in READERS else 403
            for path in (
                "",
                "/around",
                "/clauses/ALL",
                "/sign",
                "/guarantees",
                "/replay",
                "/leaks",
            ):
                assert (await console.get(page + path, token)).status == reads, (role, path)
            writes = 303 if role in (Role.AUTHOR, Role.COUNSEL) else 403
            assert (await wrote(console, token, page, clause=f"WA-{role[:3]}")).status == writes, (
                role
            )
        shown = await console.get(f"{page}/clauses/ALL", as_role(console, Role.AUDITOR))
        assert "<textarea" not in shown.body
        assert 'class="usa-button" type="submit"' not in shown.body


async def test_a_draft_of_another_state_is_not_there() -> None:
    """Neither its page nor any form of it, nor a word that there is one."""
    both = encode_bundle(OPEN), policy_of(OR, RELEASE)
    async with running(*both) as host, console_on(host) as console:
        page = await opened(console, as_role(console))
        theirs = as_role(console, Role.AUTHOR, OR)
        here = await console.get(page, theirs)
        none = await console.get(f"{DRAFTS}/77", theirs)
        assert (here.status, here.body) == (none.status, none.body)
        assert here.status == 404
        fields = {"revision": 1, "version": 1, "page": "replay"} | seen(console, page)
        for act in ACTS:
            assert (await console.post(f"{page}/{act}", fields, theirs)).status == 404, act
        assert draft_of(console).revision == 1
        assert (await console.get(DRAFTS, theirs)).heading.startswith("No drafts")
        own = await opened(console, theirs)
        assert own == f"{DRAFTS}/1"
        assert parse_bundle(draft_of(console, 1, OR).bundle).state == OR


async def test_of_two_edits_that_meet_the_second_is_refused() -> None:
    """409, and nothing of the first is lost; the same for every other form of the draft."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token, other = as_role(console), as_role(console, Role.COUNSEL)
        page = await opened(console, token)
        assert (await wrote(console, token, page)).status == 303
        late = await wrote(console, other, page, clause="WA-D2", revision=1)
        assert (late.status, late.heading) == (
            409, "Somebody changed this draft while you looked at it.",
        )  # fmt: skip
        for act in ("drop", "around", "clauses/ALL/drop", "take-over"):
            stale = await console.post(f"{page}/{act}", {"revision": 1, "version": 1}, other)
            assert stale.status == 409, act
        for revision in ("", "x", "02", "3"):
            assert (await wrote(console, other, page, clause="B", revision=revision)).status == 409
        assert clauses(console) == ["WA-D1", "ALL"]


async def test_a_clause_is_taken_out_and_a_draft_is_dropped() -> None:
    """Each by its own form; dropped, it is not there."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        await wrote(console, token, page)
        out = await console.post(f"{page}/clauses/ALL/drop", {"revision": 2}, token)
        assert (out.status, clauses(console)) == (303, ["WA-D1"])
        done = await console.post(f"{page}/drop", {"revision": 3}, token)
        assert (done.status, done.location) == (303, DRAFTS)
        assert (await console.get(page, token)).status == 404
        assert await opened(console, token) == f"{DRAFTS}/2"


async def test_a_state_has_so_many_drafts() -> None:
    """The one beyond is refused in words, and nothing is lost."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        for _ in range(DRAFTS_MAX):
            await opened(console, token)
        full = await console.post(DRAFTS, {"from": "force"}, token)
        assert (full.status, "no more room" in full.heading) == (409, True)
        assert "which is as many as a state may have" in (await console.get(DRAFTS, token)).text


@pytest.mark.parametrize(
    "source",
    ["", "force:1", "template:or", "template:national_default", "template:", "version:9",
     "version:0", "version:x", "version:99999999999999", "version:\u0661", "file:/etc/passwd"],
)  # fmt: skip
async def test_a_draft_is_opened_from_nothing_else(source: str) -> None:
    """No other state's template, no version that never was, no path."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        done = await console.post(DRAFTS, {"from": source}, as_role(console))
        assert (done.status, console.drafts.all_of(WA)) == (400, [])


async def test_templates_are_opened_for_this_state() -> None:
    """Its own, and the executive order with its own name filled in."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        await opened(console, token, "template:wa")
        await opened(console, token, "template:executive_order")
        for number in (1, 2):
            found = parse_bundle(draft_of(console, number).bundle)
            assert (found.state, found.version) == (WA, 2)
        shown = await console.get(f"{DRAFTS}/1", token)
        assert shown.status == 200
        assert "Made from template wa" in shown.text


async def test_markup_in_a_draft_is_text_on_every_page() -> None:
    """A sentence, a citation, a title: escaped wherever they stand."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        done = await wrote(console, token, page, sentence=MARKUP, cite=MARKUP, note=MARKUP)
        assert done.status == 303
        around = f'title = "{MARKUP}"\nhold_hours = 72\n'
        fields = {"revision": 2, "text": around}
        assert (await console.post(f"{page}/around", fields, token)).status == 303
        for path in ("", "/around", "/clauses/WA-D1", "/clauses/WA-D1?by=text", "/sign"):
            shown = await console.get(page + path, token)
            assert shown.status == 200
            assert "<script>alert" not in shown.body, path
            assert "&lt;script&gt;alert" in shown.body, path


async def test_what_stands_around_is_changed_as_text() -> None:
    """Kept if it has its form; else shown again with its fault, and nothing is kept."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        wrong = await console.post(f"{page}/around", {"revision": 1, "text": "title = "}, token)
        assert (wrong.status, "is not TOML" in wrong.text) == (422, True)
        good = {"revision": 1, "text": 'title = "Washington"\r\nhold_hours = 5\r\n'}
        assert (await console.post(f"{page}/around", good, token)).status == 303
        found = parse_bundle(draft_of(console).bundle)
        assert (found.title, found.hold_hours, found.rules) == ("Washington", 5, OPEN.rules)
        shown = await console.get(page, token)
        assert "another wait for holds" in shown.heading
        assert "It takes two people, and the gate" in shown.text


async def test_what_came_meanwhile_is_taken_over() -> None:
    """A block of tonight: named, not signed away, and taken over by one button."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        await wrote(console, token, page)
        block = blocked(OPEN, "OR/LOCAL", "Order 15", NOW + 3_600)
        await host.rulebook.publish(WA, signed(block, REVIEWER))
        shown = await console.get(page, token)
        assert "Version 2 came into force since this draft was made from version 1" in shown.text
        assert "BLOCK-1 (Order 15) would no longer block local agencies of Oregon." in shown.text
        assert "To be taken over: BLOCK-1." in shown.text
        assert "Both changed" not in shown.text
        late = await console.post(f"{page}/sign", seen(console, page, 2), token)
        assert (late.status, "Other rules came into force" in late.heading) == (409, True)
        old = await console.post(f"{page}/take-over", {"revision": 2, "version": 1}, token)
        assert old.status == 409
        done = await console.post(f"{page}/take-over", {"revision": 2, "version": 2}, token)
        assert (done.status, clauses(console)) == (303, ["BLOCK-1", "WA-D1", "ALL"])
        found = parse_bundle(draft_of(console).bundle)
        assert (found.version, found.unconfirmed) == (3, block.unconfirmed)
        shown = await console.get(page, token)
        assert "came into force since" not in shown.text
        assert "WA-D1 is new" in shown.text


async def test_what_both_changed_is_named_before_it_is_taken_over() -> None:
    """A clause and a field: the draft's own word stands, and the page says where."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        await wrote(console, token, page)
        await console.post(
            f"{page}/around",
            {"revision": 2, "text": f'title = "T"\nhold_hours = 9\n{NOT_PROMISED}\n'},
            token,
        )
        theirs = rule("WA-D1", Outcome.HOLD)
        more = replace(OPEN, version=2, hold_hours=5, rules=(theirs, *OPEN.rules))
        await host.rulebook.publish(WA, signed(more, REVIEWER, SECOND))
        shown = await console.get(page, token)
        assert "Both changed WA-D1 and hold hours: there the draft's own word stands." in shown.text
        done = await console.post(f"{page}/take-over", {"revision": 3, "version": 2}, token)
        assert done.status == 303
        found = parse_bundle(draft_of(console).bundle)
        assert (found.hold_hours, found.version) == (9, 3)
        assert found.rules[0].effect is Outcome.DENY


async def test_a_file_that_holds_no_rules_is_no_draft() -> None:
    """Whoever put it there: not found, and nothing fails by it."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        console.drafts.put(replace(draft_of(console), revision=2, bundle=b"{}"))
        assert (await console.get(page, token)).status == 404
        assert (await console.get(DRAFTS, token)).status == 200


async def test_an_earlier_version_comes_back_as_a_draft() -> None:
    """From the history's button; its block ends by it, and the page says so."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        block = blocked(OPEN, "OR/LOCAL", "Order 15", NOW + 3_600)
        await host.rulebook.publish(WA, signed(block, REVIEWER))
        history = await console.get("/state/rules/history", token)
        assert 'value="version:1"' in history.body
        assert 'value="version:2"' not in history.body
        page = await opened(console, token, "version:1")
        found = parse_bundle(draft_of(console).bundle)
        assert (found.rules, found.version) == (OPEN.rules, 3)
        shown = await console.get(page, token)
        assert "would no longer block local agencies of Oregon" in shown.text
        assert "It loosens:" in shown.text
        reader = await console.get("/state/rules/history", as_role(console, Role.AUDITOR))
        assert "Bring version" not in reader.text


async def test_a_clause_that_nobody_confirmed_then_is_not_confirmed_now() -> None:
    """Brought back with its version, it waits for a second person again."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        block = blocked(OPEN, "OR/LOCAL", "Order 15", NOW + 3_600)
        await host.rulebook.publish(WA, signed(block, REVIEWER))
        lifted = replace(OPEN, version=3)
        await host.rulebook.publish(WA, signed(lifted, REVIEWER, SECOND))
        await opened(console, as_role(console), "version:2")
        found = parse_bundle(draft_of(console).bundle)
        assert found.version == 4
        assert [each.rule for each in found.unconfirmed] == ["BLOCK-1"]


async def test_rules_that_take_force_from_elsewhere_leave_a_draft_alone() -> None:
    """It is behind, and says so on the list too; nobody's words are lost."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console)
        page = await opened(console, token)
        await wrote(console, token, page)
        more = replace(OPEN, version=2, hold_hours=5)
        await host.rulebook.publish(WA, signed(more, REVIEWER, SECOND))
        assert "Other rules came into force since" in (await console.get(DRAFTS, token)).text
        assert RuleId("WA-D1") in clauses(console)
