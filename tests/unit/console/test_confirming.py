"""A second person confirms from a page; the first one cannot; and each form counts once."""

from __future__ import annotations

from comity.console.people import Role
from comity.domain.vocabulary import LeafKind, Outcome
from comity.policy import encode_bundle
from comity.policy.block import standing_block
from tests.support.console import PracticeConsole, console_on, person_of
from tests.support.gateway import OR, RELEASE, WA, policy_of, running
from tests.unit.console.test_blocks import BLOCK_1, OPEN, block, policies

FORM = {"rule": "BLOCK-1", "version": "2"}


def counsel(console: PracticeConsole) -> str:
    """A session of counsel."""
    return console.sign_in(person_of(Role.COUNSEL))


async def test_the_page_names_who_until_when_and_what_happens() -> None:
    """A clause with its author, its end and what it becomes; empty where nothing waits."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = counsel(console)
        empty = await console.get("/state/confirm", token)
        assert empty.heading == "Nothing of Washington's rules waits for a second person."
        await block(console)
        page = await console.get("/state/confirm", token)
        assert page.heading.startswith("1 clause waits for a second person, until ")
        assert "Put into force by author" in page.text
        assert "it becomes a hold" in page.text
        assert "Confirm BLOCK-1" in page.text
        rules = await console.get("/state/rules", token)
        assert "1 clause waits for a second person" in rules.text


async def test_another_person_confirms_and_it_is_certified_anew() -> None:
    """Version 3 without the waiting clause; the block's page has the new certificate."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await block(console)
        token = counsel(console)
        done = await console.post("/state/confirm", FORM, token)
        assert (done.status, done.location) == (303, BLOCK_1)
        _, policy = host.world.policy(WA)
        assert (policy.bundle.version, policy.bundle.unconfirmed) == (3, ())
        page = await console.get(BLOCK_1, token)
        assert "Second person confirmed" in page.text
        assert "probes were refused" in page.heading
        again = await console.post("/state/confirm", FORM, token)
        assert (again.status, again.location) == (303, BLOCK_1)
        assert policies(host) == 3


async def test_the_same_person_does_not_confirm() -> None:
    """The page offers no button; a form sent all the same is refused by the gateway, in words."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token, _ = await block(console)
        page = await console.get("/state/confirm", token)
        assert "you cannot confirm it" in page.text
        assert "Confirm BLOCK-1" not in page.text
        sent = await console.post("/state/confirm", FORM, token)
        assert sent.status == 409
        assert sent.heading == "Whoever put a clause into force cannot confirm it."
        assert policies(host) == 2


async def test_forms_of_other_rules_or_clauses_sign_nothing() -> None:
    """Another version, no such clause, a rule that waits for nobody, a role that makes no rules."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await block(console)
        token = counsel(console)
        for fields in (
            {"rule": "BLOCK-1", "version": "1"},
            {"rule": "BLOCK-1", "version": ""},
            {"rule": "BLOCK-2", "version": "2"},
            {"rule": "", "version": "2"},
        ):
            assert (await console.post("/state/confirm", fields, token)).status == 409, fields
        other = await console.post("/state/confirm", {"rule": "ALL", "version": "2"}, token)
        assert (other.status, other.location) == (303, "/state/confirm")
        for role in set(Role) - {Role.AUTHOR, Role.COUNSEL}:
            token = console.sign_in(person_of(role))
            assert (await console.post("/state/confirm", FORM, token)).status == 403
        assert policies(host) == 2


async def test_another_state_confirms_nothing_here() -> None:
    """Oregon's counsel has Oregon's clauses alone."""
    both = encode_bundle(OPEN), policy_of(OR, RELEASE)
    async with running(*both) as host, console_on(host) as console:
        await block(console)
        token = console.sign_in(person_of(Role.COUNSEL, OR))
        assert "BLOCK-1" not in (await console.get("/state/confirm", token)).body
        assert (await console.post("/state/confirm", FORM, token)).status == 409
        assert policies(host) == 2
        assert len(host.leaves(OR, LeafKind.POLICY)) == 1


async def test_a_held_block_of_own_agencies_becomes_a_denial() -> None:
    """Confirmed, it refuses; the page says so beforehand."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await block(console, family="WA/LOCAL")
        token = counsel(console)
        page = await console.get("/state/confirm", token)
        assert "it refuses for good" in page.text
        assert "it stays a hold" in page.text
        await console.post("/state/confirm", FORM, token)
        _, policy = host.world.policy(WA)
        rule = standing_block(policy.bundle, "WA/LOCAL")
        assert rule is not None
        assert rule.effect is Outcome.DENY


async def test_who_has_no_key_here_signs_nothing() -> None:
    """An author whose place names no key is told so, on the page and by the form."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await block(console)
        console.without_key(Role.COUNSEL)
        token = counsel(console)
        assert "names no key for you" in (await console.get("/state/confirm", token)).text
        assert "names no key for you" in (await console.get("/state/block", token)).text
        sent = await console.post("/state/confirm", FORM, token)
        assert (sent.status, "not kept where this console runs" in sent.heading) == (409, True)
        assert policies(host) == 2
