"""Rules as of a day: the version that decided then, with its proof, the same on paper."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from comity.console.people import Role
from comity.domain.ids import member_zone
from comity.domain.vocabulary import LeafKind
from comity.ledger.note import checkpoint_text, sign_note
from comity.policy import encode_bundle
from comity.ports import CheckpointRow
from comity.services import rules_as_of as reading
from comity.services.rules_as_of import RulesAlteredError, rules_as_of
from tests.support.console import console_on, person_of
from tests.support.gateway import (
    HOLD_ALL,
    NOW,
    NS,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.pdf import printed
from tests.unit.console.test_blocks import MARKUP, OPEN, block
from tests.unit.policy.build import bundle
from tests.unit.services.test_rulebook import REVIEWER, SECOND, announced, signed

PAGE = "/state/rules/as-of"
DAY_S = 86_400
TODAY = dt.datetime.fromtimestamp(NOW, ZoneInfo(member_zone(WA))).date()


def day_after(days: int) -> str:
    """A day of Washington's, counted from the one on which the practice clock begins."""
    return (TODAY + dt.timedelta(days=days)).isoformat()


def policies(host: PracticeHost) -> list[int]:
    """The indexes of Washington's policy leaves."""
    return [i for i, leaf in enumerate(host.leaves(WA)) if leaf.kind is LeafKind.POLICY]


async def test_today_is_what_decides_now() -> None:
    """One sentence, the clause, what it rests on with its mark, the leaf, and the outcomes."""
    async with running(policy_of(WA, RELEASE, HOLD_ALL)) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        page = await console.get(PAGE, console.sign_in(person_of(Role.COUNSEL)))
        assert page.heading == (
            "2 clauses decide now who gets records of Washington: 0 refuse, 1 hold for a person, "
            "1 release."
        )
        (index,) = policies(host)
        assert f"WA/{index}" in page.text
        assert "Held 1 Outcomes by the public leaves" in page.text
        assert "Released 0" in page.text
        assert "it is in force still" in page.text


async def test_a_day_before_shows_the_version_of_then() -> None:
    """A day later another version took force: yesterday's page has the old one, and until when."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        host.clock.advance_ns(2 * DAY_S * NS)
        await block(console)
        token = console.sign_in(person_of(Role.COUNSEL))
        first, second = policies(host)
        old = await console.get(f"{PAGE}?day={day_after(1)}", token)
        assert "decided at the end of" in old.heading
        assert f"WA/{first}" in old.text
        assert f"WA/{second}" not in old.text
        assert "it is in force still" not in old.text
        new = await console.get(PAGE, token)
        assert f"Recorded as WA/{second}" in new.text
        assert f"Earlier on that day these were in force: WA/{first}" in new.text


async def test_what_was_announced_decided_nothing() -> None:
    """An announced version is no version of a day."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        draft = bundle(RELEASE, state=WA, version=2, hold_hours=5)
        await host.rulebook.announce(WA, announced(draft, REVIEWER))
        page = await console.get(PAGE, console.sign_in(person_of(Role.AUDITOR)))
        assert f"Recorded as WA/{policies(host)[0]}" in page.text


@pytest.mark.parametrize(
    "day", ["2026-02-30", "20260314", "2026-W11-6", "yesterday", "0001-01-01", MARKUP, "1971-01-01"]
)
async def test_what_is_no_day_of_rules_is_asked_for_again(day: str) -> None:
    """No such day, a spelling of its own, or before the first rules: the form, and why."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.COUNSEL))
        page = await console.get(f"{PAGE}?day={day.replace('#', '%23').replace(' ', '+')}", token)
        assert page.status == 422
        assert page.heading == "Which day's rules of Washington are asked for?"
        assert "<script>alert" not in page.body


async def test_a_day_to_come_has_no_rules() -> None:
    """Neither on the page nor on paper; nor has a day that is none."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.COUNSEL))
        assert (await console.get(f"{PAGE}?day={day_after(2)}", token)).status == 422
        for day in (day_after(2), "2026-02-30", "1971-01-01"):
            assert (await console.get(f"{PAGE}/{day}.pdf", token)).status == 404


async def test_paper_says_what_the_page_says() -> None:
    """An attachment of tagged pages, the same bytes each time, with clause, leaf and digest."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await block(console, authority="Order 14")
        token = console.sign_in(person_of(Role.COUNSEL))
        page = await console.get(PAGE, token)
        today = day_after(0)
        file = await console.get(f"{PAGE}/{today}.pdf", token)
        assert file.headers["content-disposition"].endswith(f'"wa-rules-{today}.pdf"')
        assert file.headers["cache-control"] == "no-store"
        assert b"pdfuaid:part>1<" in file.data
        words = printed(file.data)
        plain = "".join(words.split())
        for said in (page.heading, "BLOCK-1", "Order 14", f"WA/{policies(host)[-1]}"):
            assert "".join(said.split()) in plain, said
        assert (await console.get(f"{PAGE}/{today}.pdf", token)).data == file.data


async def test_an_authority_is_text_on_page_and_paper() -> None:
    """Markup and the setter's code: escaped on the one, words on the other."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await block(console, authority=MARKUP)
        token = console.sign_in(person_of(Role.COUNSEL))
        page = await console.get(PAGE, token)
        assert "<script>alert" not in page.body
        assert "&lt;script&gt;alert" in page.body
        today = day_after(0)
        assert (await console.get(f"{PAGE}/{today}.pdf", token)).data.startswith(b"%PDF-")


@pytest.mark.parametrize(("role", "is_named"), [(Role.AUDITOR, True), (Role.REVIEWER, False)])
async def test_signers_are_named_to_those_who_answer(role: Role, is_named: bool) -> None:
    """Others read how many signed, on paper as on the page."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        more = bundle(RELEASE, state=WA, version=2, hold_hours=5)
        await host.rulebook.publish(WA, signed(more, REVIEWER, SECOND))
        token = console.sign_in(person_of(role))
        page = await console.get(PAGE, token)
        today = day_after(0)
        paper = printed((await console.get(f"{PAGE}/{today}.pdf", token)).data)
        for words in (page.text, paper):
            assert ("Practice Supervisor" in words) == is_named
            assert ("two people" in words) == (not is_named)


async def test_another_states_rules_are_not_shown() -> None:
    """Oregon's counsel reads Oregon's leaf, and nothing of Washington's block."""
    async with (
        running(encode_bundle(OPEN), policy_of(OR, RELEASE)) as host,
        console_on(host) as console,
    ):
        await block(console, authority="Order 14")
        page = await console.get(PAGE, console.sign_in(person_of(Role.COUNSEL, OR)))
        assert "records of Oregon" in page.heading
        assert "Order 14" not in page.text


async def test_the_proof_is_of_a_signed_checkpoint() -> None:
    """Once one is signed the page names its root; until then it says that none has the leaf."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.COUNSEL))
        row = await host.store.checkpoint(WA)
        before = await console.get(PAGE, token)
        assert ("No signed checkpoint" in before.text) == (row is None)
        await host.checkpoints.sign_all()
        after = await console.get(PAGE, token)
        head, root = (await host.store.heads([WA]))[WA]
        assert root.hex() in after.body
        assert f"over {head.frontier.size:,} leaves" in after.text
        assert "comity ledger prove wa/" in after.text


async def test_drills_are_not_counted() -> None:
    """A block's probes were refused, and nobody real was."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await block(console)
        assert any(leaf.kind is LeafKind.DENIAL for leaf in host.leaves(WA))
        page = await console.get(PAGE, console.sign_in(person_of(Role.COUNSEL)))
        assert "Refused 0 " in page.text


async def test_what_came_after_the_day_is_not_counted() -> None:
    """The version is in force still: each day's page counts what was decided by its end."""
    async with running(policy_of(WA, RELEASE)) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        host.clock.advance_ns(2 * DAY_S * NS)
        await host.answer.take(asks(ask_of(2, accepted_at=NOW + 2 * DAY_S)))
        token = console.sign_in(person_of(Role.COUNSEL))
        assert "Released 1 " in (await console.get(f"{PAGE}?day={day_after(0)}", token)).text
        assert "Released 1 " in (await console.get(f"{PAGE}?day={day_after(1)}", token)).text
        assert "Released 2 " in (await console.get(PAGE, token)).text


async def test_a_checkpoint_of_another_tree_proves_nothing() -> None:
    """The leaf's way leads to another root than the one signed: an error, and no page."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        signer, key = host.ledger_keys.of(WA)
        size = host.size(WA)
        note = sign_note(checkpoint_text(key.name, size, bytes(32)), key, signer)
        await host.store.save_checkpoint(CheckpointRow(member=WA, size=size, note=note))
        page = await console.get(PAGE, console.sign_in(person_of(Role.COUNSEL)))
        assert page.status == 500


async def test_altered_rules_are_no_rules() -> None:
    """Other bytes than the leaf commits to: an error, and no page of them."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        (index,) = policies(host)
        kept: Any = host.store.tables.policies
        body = encode_bundle(bundle(RELEASE, state=WA, hold_hours=9))
        kept[WA, index] = msgspec.structs.replace(kept[WA, index], body=body)
        with pytest.raises(RulesAlteredError):
            await rules_as_of(host.store, host.store, WA, begins=NOW - DAY_S, before=NOW + 1)
        page = await console.get(PAGE, console.sign_in(person_of(Role.COUNSEL)))
        assert page.status == 500


async def test_counting_has_a_limit_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit all is counted; one leaf more, and the page says that more stand behind."""
    async with running(policy_of(WA, RELEASE)) as host, console_on(host) as console:
        await host.answer.take(asks(*map(ask_of, range(1, 4))))
        (index,) = policies(host)
        behind = host.size(WA) - index - 1
        token = console.sign_in(person_of(Role.COUNSEL))
        monkeypatch.setattr(reading, "COUNTED_MAX", behind)
        whole = await console.get(PAGE, token)
        assert "Released 3 " in whole.text
        assert "not counted here" not in whole.text
        monkeypatch.setattr(reading, "COUNTED_MAX", behind - 1)
        assert "not counted here" in (await console.get(PAGE, token)).text


async def test_walking_back_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day behind more versions than are walked back is refused in words."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        host.clock.advance_ns(2 * DAY_S * NS)
        await block(console)
        monkeypatch.setattr(reading, "VERSIONS_WALKED_MAX", 1)
        monkeypatch.setattr(reading, "_PAGE_ROWS", 1)
        token = console.sign_in(person_of(Role.COUNSEL))
        page = await console.get(f"{PAGE}?day={day_after(1)}", token)
        assert (page.status, "too long ago" in page.text) == (422, True)
