"""A draft takes force by two people, or by one who restricts; and by nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from comity.adapters.memory.bus import MemoryBus
from comity.console.people import Role
from comity.domain.answer import ResponseKind
from comity.domain.vocabulary import DataClass, LeafKind, LeafMode, Outcome
from comity.policy import encode_bundle, parse_bundle
from comity.policy.block import blocked
from comity.policy.guarantee import default_guarantees
from tests.support.console import PracticeConsole, console_on
from tests.support.drafts import DRAFTS, as_role, draft_of, opened, seen, wrote
from tests.support.gateway import NOW, NS, OR, RELEASE, WA, PracticeHost, policy_of, running
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_rulebook import REVIEWER, in_force, outcome, signed

NO_PROMISE = tuple(sorted(each.id for each in default_guarantees()))
OPEN = bundle(RELEASE, state=WA, guarantee_opt_outs=NO_PROMISE)
HELD = bundle(RELEASE, rule("HOLD", Outcome.HOLD), state=WA, guarantee_opt_outs=NO_PROMISE)
RESTRICTS: dict[str, Any] = {"when.agency_more": "", "sentence": "Nothing to anyone."}
DAY = 86_400


def versions(host: PracticeHost) -> int:
    """How many versions Washington's ledger has, announced ones left out."""
    return sum(leaf.mode is LeafMode.LIVE for leaf in host.leaves(WA, LeafKind.POLICY))


async def loosening(console: PracticeConsole, token: str) -> str:
    """A draft without the clause that holds everything; return its address."""
    page = await opened(console, token)
    done = await console.post(f"{page}/clauses/HOLD/drop", {"revision": 1}, token)
    assert done.status == 303
    return page


async def test_two_people_sign_one_order() -> None:
    """The first signature waits and sends nothing; with the second it is in force, and so told."""
    async with running(encode_bundle(HELD)) as host, console_on(host) as console:
        author, counsel = as_role(console), as_role(console, Role.COUNSEL)
        page = await loosening(console, author)
        before = await console.get(f"{page}/sign", author)
        assert "It loosens:" in before.text
        assert "Put into force now, alone" not in before.text
        done = await console.post(f"{page}/sign", seen(console, page), author)
        assert (done.status, done.location) == (303, f"{page}/sign")
        assert versions(host) == 1
        own = await console.get(f"{page}/sign", author)
        assert "Signed by author, " in own.text
        assert "You have signed it." in own.text
        theirs = await console.get(f"{page}/sign", counsel)
        assert theirs.heading == before.heading
        assert "Sign as the second person and publish" in theirs.text
        done = await console.post(f"{page}/approve", seen(console, page), counsel)
        assert (done.status, done.location) == (303, "/state/rules/history")
        assert (versions(host), in_force(host)[0]) == (2, 2)
        assert await outcome(host, 3) is ResponseKind.HIT
        assert (await console.get(page, author)).status == 404
        history = await console.get("/state/rules/history", author)
        assert "Signed by author and counsel" in history.text


async def test_the_first_person_is_not_the_second() -> None:
    """Refused in words here, before anything is sent; and nothing of the draft is lost."""
    async with running(encode_bundle(HELD)) as host, console_on(host) as console:
        author = as_role(console)
        page = await loosening(console, author)
        await console.post(f"{page}/sign", seen(console, page), author)
        sent = await console.post(f"{page}/approve", seen(console, page), author)
        assert (sent.status, sent.heading) == (
            409, "Whoever signed a draft cannot be its second person.",
        )  # fmt: skip
        assert versions(host) == 1
        assert draft_of(console).order is not None


async def test_any_change_takes_the_signature_away() -> None:
    """A clause, a title, what came meanwhile: signed anew or not at all."""
    async with running(encode_bundle(HELD)) as host, console_on(host) as console:
        author, counsel = as_role(console), as_role(console, Role.COUNSEL)
        page = await loosening(console, author)
        await console.post(f"{page}/sign", seen(console, page), author)
        shown = seen(console, page)
        assert (await wrote(console, counsel, page, **RESTRICTS)).status == 303
        assert (draft_of(console).order, draft_of(console).signatures) == (None, ())
        late = await console.post(f"{page}/approve", shown, counsel)
        assert (late.status, "Somebody changed this draft" in late.heading) == (409, True)
        now = await console.post(f"{page}/approve", seen(console, page), counsel)
        assert now.status == 409
        assert versions(host) == 1


async def test_the_same_text_again_keeps_the_signature() -> None:
    """Nothing changed, so what was signed still says it."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        author = as_role(console)
        page = await opened(console, author)
        await wrote(console, author, page)
        await console.post(f"{page}/sign", seen(console, page), author)
        assert (await wrote(console, author, page, "WA-D1")).status == 303
        assert draft_of(console).order is not None


@pytest.mark.parametrize(
    "changes",
    [{"revision": 1}, {"digest": "0" * 64}, {"digest": ""}, {"version": 2}, {"version": ""}],
)
async def test_a_form_of_another_draft_signs_nothing(changes: dict[str, Any]) -> None:
    """Another revision, other bytes, other rules in force: whatever the path, and 409."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        author = as_role(console)
        page = await opened(console, author)
        await wrote(console, author, page)
        form = seen(console, page) | changes
        for act in ("sign", "approve", "announce"):
            assert (await console.post(f"{page}/{act}", form, author)).status == 409, act
        alone = await console.post(f"{page}/sign", form | {"how": "alone"}, author)
        assert alone.status == 409
        assert draft_of(console).order is None
        assert len(host.leaves(WA, LeafKind.POLICY)) == 1


async def test_one_person_restricts_at_once() -> None:
    """In force with the answer, waits for a second person, and the draft is gone."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        author = as_role(console)
        page = await opened(console, author)
        await wrote(console, author, page, **RESTRICTS)
        shown = await console.get(f"{page}/sign", author)
        assert "Put into force now, alone" in shown.text
        form = seen(console, page) | {"how": "alone"}
        done = await console.post(f"{page}/sign", form, author)
        assert (done.status, done.location) == (303, "/state/confirm")
        assert await outcome(host) is ResponseKind.REFUSED
        waiting = await console.get("/state/confirm", as_role(console, Role.COUNSEL))
        assert "Confirm WA-D1" in waiting.text
        assert console.drafts.all_of(WA) == []


async def test_nobody_loosens_alone() -> None:
    """A forged form of one who may not: refused, and nothing is signed or sent."""
    async with running(encode_bundle(HELD)) as host, console_on(host) as console:
        author = as_role(console)
        page = await loosening(console, author)
        form = seen(console, page) | {"how": "alone"}
        sent = await console.post(f"{page}/sign", form, author)
        assert (sent.status, "does more than restrict" in sent.text) == (409, True)
        assert versions(host) == 1


async def test_other_rules_in_force_end_what_was_signed() -> None:
    """A block between the two people: the second cannot send what would lift it."""
    async with running(encode_bundle(HELD)) as host, console_on(host) as console:
        author, counsel = as_role(console), as_role(console, Role.COUNSEL)
        page = await loosening(console, author)
        await console.post(f"{page}/sign", seen(console, page), author)
        block = blocked(HELD, "OR/LOCAL", "Order 15", NOW + 3_600)
        await host.rulebook.publish(WA, signed(block, REVIEWER))
        shown = await console.get(f"{page}/sign", counsel)
        assert "nobody can sign before" in shown.text
        assert (
            "<button" not in shown.body.partition('aria-label="Beside')[2].partition("</aside>")[0]
        )
        for version in (1, 2):
            form = seen(console, page, version)
            assert (await console.post(f"{page}/approve", form, counsel)).status == 409
        assert in_force(host)[0] == 2


async def test_an_order_counts_for_a_day() -> None:
    """Then it is signed anew, by whoever is first then."""
    async with running(encode_bundle(HELD)) as host, console_on(host) as console:
        page = await loosening(console, as_role(console))
        await console.post(f"{page}/sign", seen(console, page), as_role(console))
        host.clock.advance_ns((DAY + 1) * NS)
        counsel = as_role(console, Role.COUNSEL)
        late = await console.post(f"{page}/approve", seen(console, page), counsel)
        assert late.status == 409
        shown = await console.get(f"{page}/sign", counsel)
        assert "it counts no longer" in shown.text
        assert "Sign as the first person" in shown.text


async def test_sent_twice_it_is_one_version() -> None:
    """Two forms at once: one takes force, the other finds it done or the draft gone."""
    async with running(encode_bundle(HELD)) as host, console_on(host) as console:
        page = await loosening(console, as_role(console))
        await console.post(f"{page}/sign", seen(console, page), as_role(console))
        counsel = as_role(console, Role.COUNSEL)
        form = seen(console, page)
        answers = await asyncio.gather(
            *(console.post(f"{page}/approve", form, counsel) for _ in range(2))
        )
        assert {answer.status for answer in answers} <= {303, 404, 409}
        assert 303 in {answer.status for answer in answers}
        assert versions(host) == 2
        assert (await console.post(f"{page}/approve", form, counsel)).status == 404


async def test_what_the_gateway_does_not_take_is_told_in_its_words() -> None:
    """Notice is owed: nothing is in force, and draft and first signature stay."""
    noticed = bundle(RELEASE, rule("HOLD", Outcome.HOLD, data_class=(DataClass.PHOTO,)),
                     state=WA, notice_hours=1, guarantee_opt_outs=NO_PROMISE)  # fmt: skip
    async with running(encode_bundle(noticed)) as host, console_on(host) as console:
        author, counsel = as_role(console), as_role(console, Role.COUNSEL)
        page = await loosening(console, author)
        shown = await console.get(f"{page}/sign", author)
        assert "announced first, because it loosens photo" in shown.text
        await console.post(f"{page}/sign", seen(console, page), author)
        sent = await console.post(f"{page}/approve", seen(console, page), counsel)
        assert (sent.status, "must stand announced for 1 hours" in sent.text) == (409, True)
        assert draft_of(console).order is not None
        announced = await console.post(f"{page}/announce", seen(console, page), counsel)
        assert announced.status == 303
        assert "Announced since" in (await console.get(f"{page}/sign", counsel)).text
        host.clock.advance_ns(3_601 * NS)
        counsel = as_role(console, Role.COUNSEL)
        done = await console.post(f"{page}/approve", seen(console, page), counsel)
        assert (done.status, in_force(host)[0]) == (303, 2)


async def test_a_promise_that_would_be_broken_is_told() -> None:
    """The gateway shows a request that breaks it; nothing is in force, and the draft stays."""
    promised = bundle(RELEASE, rule("HOLD", Outcome.HOLD), state=WA)
    async with running(encode_bundle(promised)) as host, console_on(host) as console:
        author, counsel = as_role(console), as_role(console, Role.COUNSEL)
        page = await loosening(console, author)
        await console.post(f"{page}/sign", seen(console, page), author)
        sent = await console.post(f"{page}/approve", seen(console, page), counsel)
        assert (sent.status, "is broken by" in sent.text) == (409, True)
        assert (versions(host), draft_of(console).order is None) == (1, False)


async def test_announcing_decides_nothing() -> None:
    """One person; a leaf in shadow mode; the rules in force are what they were."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        author = as_role(console)
        page = await opened(console, author)
        await wrote(console, author, page, **RESTRICTS)
        done = await console.post(f"{page}/announce", seen(console, page), author)
        assert (done.status, done.location) == (303, f"{page}/sign")
        assert [leaf.mode for leaf in host.leaves(WA, LeafKind.POLICY)] == [
            LeafMode.LIVE, LeafMode.SHADOW,
        ]  # fmt: skip
        assert await outcome(host) is ResponseKind.HIT
        assert (await console.get(page, author)).status == 200


async def test_a_silent_gateway_is_called_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been done: the draft stays, and sent again it is one version."""
    async with running(encode_bundle(HELD)) as host, console_on(host) as console:
        page = await loosening(console, as_role(console))
        await console.post(f"{page}/sign", seen(console, page), as_role(console))
        counsel = as_role(console, Role.COUNSEL)
        asked = MemoryBus.request

        async def silent(self: MemoryBus, subject: str, data: bytes, *, timeout_s: float) -> bytes:
            await asked(self, subject, data, timeout_s=timeout_s)
            raise TimeoutError

        monkeypatch.setattr(MemoryBus, "request", silent)
        sent = await console.post(f"{page}/approve", seen(console, page), counsel)
        assert (sent.status, "may have done this" in sent.heading) == (504, True)
        monkeypatch.setattr(MemoryBus, "request", asked)
        assert versions(host) == 2
        shown = await console.get(page, counsel)
        assert shown.heading == "Draft 1 changes nothing."


async def test_who_has_no_key_signs_nothing() -> None:
    """The page says so and offers nothing; a form sent all the same is refused."""
    async with running(encode_bundle(HELD)) as host, console_on(host) as console:
        page = await loosening(console, as_role(console))
        console.without_key(Role.AUTHOR)
        author = as_role(console)
        shown = await console.get(f"{page}/sign", author)
        assert "names no key for you" in shown.text
        sent = await console.post(f"{page}/sign", seen(console, page), author)
        assert (sent.status, draft_of(console).order) == (409, None)
        console.keys.names.clear()
        sent = await console.post(
            f"{page}/sign", seen(console, page), as_role(console, Role.COUNSEL)
        )
        assert (sent.status, draft_of(console).order) == (409, None)


async def test_a_draft_that_changes_nothing_is_not_signed() -> None:
    """Neither by its page nor by a form."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        author = as_role(console)
        page = await opened(console, author)
        assert "there is nothing to sign" in (await console.get(f"{page}/sign", author)).text
        assert (await console.post(f"{page}/sign", seen(console, page), author)).status == 400


async def test_each_state_signs_its_own() -> None:
    """Oregon's draft takes force in Oregon alone."""
    both = encode_bundle(OPEN), policy_of(OR, RELEASE)
    async with running(*both) as host, console_on(host) as console:
        author = as_role(console, Role.AUTHOR, OR)
        page = await opened(console, author)
        fields = {"by": "form", "clause": "OR-D1", "effect": "deny", "sentence": "Nothing.",
                  "cite": "Order 1", "mark": "V", "enabled": "yes", "revision": 1}  # fmt: skip
        assert (await console.post(f"{page}/clauses/new", fields, author)).status == 303
        form = seen(console, page, 1, OR) | {"how": "alone"}
        assert (await console.post(f"{page}/sign", form, author)).status == 303
        assert versions(host) == 1
        assert len(host.leaves(OR, LeafKind.POLICY)) == 2


async def test_roll_back_takes_the_same_two_people() -> None:
    """Version 1 comes back as version 3, and the next query is answered as before."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        author, counsel = as_role(console), as_role(console, Role.COUNSEL)
        page = await opened(console, author)
        await wrote(console, author, page, **RESTRICTS)
        form = seen(console, page) | {"how": "alone"}
        await console.post(f"{page}/sign", form, author)
        assert await outcome(host) is ResponseKind.REFUSED
        back = await opened(console, author, "version:1")
        assert back == f"{DRAFTS}/2"
        await console.post(f"{back}/sign", seen(console, back, 2), author)
        done = await console.post(f"{back}/approve", seen(console, back, 2), counsel)
        assert (done.status, in_force(host)[0]) == (303, 3), done.text
        assert await outcome(host, 4) is ResponseKind.HIT
        _, policy = host.world.policy(WA)
        assert policy.bundle.rules == parse_bundle(encode_bundle(OPEN)).rules
