"""The history page: every version, what it changed, and who signed for whom it concerns."""

from __future__ import annotations

import pytest

from comity.console.pages.history import VERSIONS_SHOWN
from comity.console.people import Role
from comity.policy import encode_bundle
from comity.policy.block import blocked
from comity.policy.families import KNOWN_FAMILIES
from tests.support.console import console_on, person_of
from tests.support.gateway import NOW, OR, RELEASE, WA, policy_of, running
from tests.unit.console.test_blocks import OPEN, block
from tests.unit.console.test_confirming import FORM
from tests.unit.policy.build import bundle
from tests.unit.services.test_rulebook import DAY, REVIEWER, SECOND, announced, in_force, signed

PAGE = "/state/rules/history"


async def test_every_version_stands_with_its_change() -> None:
    """Founded, blocked, confirmed: newest first, with leaf, change and standing."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        await block(console)
        token = console.sign_in(person_of(Role.COUNSEL))
        await console.post("/state/confirm", FORM, token)
        page = await console.get(PAGE, token)
        assert page.heading.startswith("Version 3 of Washington's rules took force in the hour of ")
        places = [page.body.index(f">Version {version}<") for version in (3, 2, 1)]
        assert places == sorted(places)
        assert "BLOCK-1 is not confirmed yet" in page.text
        assert "BLOCK-1 is confirmed" in page.text
        assert "The first version: 1 rule of its own." in page.text
        assert f"WA/{in_force(host)[1]}" in page.text
        assert "Signed by author" in page.text
        assert "Signed by counsel" in page.text
        assert "Bring version 2 back" in page.text


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.OPERATOR])
async def test_names_are_for_those_who_answer_for_rules(role: Role) -> None:
    """Others read how many signed."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        more = bundle(RELEASE, state=WA, version=2, hold_hours=5)
        await host.rulebook.publish(WA, signed(more, REVIEWER, SECOND))
        page = await console.get(PAGE, console.sign_in(person_of(role)))
        assert "Signed by two people" in page.text
        assert "Practice Supervisor" not in page.text
        auditor = await console.get(PAGE, console.sign_in(person_of(Role.AUDITOR)))
        assert "Practice Supervisor" in auditor.text


async def test_what_is_announced_stands_among_them() -> None:
    """It decides nothing, and the heading says which it is."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        draft = bundle(RELEASE, state=WA, version=2, hold_hours=5)
        await host.rulebook.announce(WA, announced(draft, REVIEWER))
        page = await console.get(PAGE, console.sign_in(person_of(Role.REVIEWER)))
        assert page.heading.endswith("; version 2 stands announced.")
        assert "Announced" in page.text


async def test_old_versions_are_left_to_the_ledger() -> None:
    """The page has so many and says that there are more; another state's are not among them."""
    both = encode_bundle(OPEN), policy_of(OR, RELEASE)
    async with running(*both) as host, console_on(host) as console:
        made = OPEN
        for family in [name for name in KNOWN_FAMILIES if "LOCAL/PD" in name][:VERSIONS_SHOWN]:
            made = blocked(made, family, "Order 14", NOW + DAY)
            await host.rulebook.publish(WA, signed(made, REVIEWER))
        page = await console.get(PAGE, console.sign_in(person_of(Role.AUDITOR)))
        assert "older ones are in the ledger" in page.text
        assert page.body.count('scope="row"') == VERSIONS_SHOWN
        other = await console.get(PAGE, console.sign_in(person_of(Role.AUDITOR, OR)))
        assert "WA/" not in other.text
