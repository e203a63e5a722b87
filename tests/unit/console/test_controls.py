"""Controls used and not used: counted from rules and ledger, each with where it is found."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from comity.console.people import Role
from comity.console.tiles import STEPS, tiles_of
from comity.domain.ids import MEMBERS
from comity.domain.vocabulary import DataClass, Outcome, Purpose
from comity.policy import encode_bundle, load_template, national_default, template_names
from comity.policy.block import blocked
from comity.policy.controls import ControlKind, controls_of
from comity.policy.layer import layered_rules
from tests.support.console import console_on
from tests.support.drafts import as_role
from tests.support.gateway import HOLD_ALL, NOW, OR, RELEASE, WA, ask_of, asks, policy_of, running
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_rulebook import REVIEWER, signed

PAGE = "/state/controls"
OPEN = bundle(RELEASE, state=WA)


def used(*rules: object, **fields: object) -> set[ControlKind]:
    """Which controls a bundle of Washington uses."""
    found = bundle(*rules, state=WA, **fields)  # type: ignore[arg-type]
    return {each.kind for each in controls_of(found, found.rules) if each.is_used}


def test_a_control_is_used_by_what_looks_at_it() -> None:
    """And by nothing that is off, or that only releases."""
    assert used(RELEASE) == set()
    photo = {"data_class": (DataClass.PHOTO,)}
    assert used(rule("A", Outcome.DENY, **photo)) == {ControlKind.PHOTO}
    assert used(rule("A", Outcome.RELEASE, **photo)) == set()
    assert used(rule("A", Outcome.HOLD, purpose=(Purpose.COURT,))) == {
        ControlKind.REVIEW, ControlKind.PURPOSE,
    }  # fmt: skip
    assert used(replace(rule("A", Outcome.DENY, **photo), enabled=False)) == set()
    assert used(RELEASE, notice_hours=3) == {ControlKind.NOTICE}


@pytest.mark.parametrize("name", template_names())
def test_every_template_names_its_controls(name: str) -> None:
    """Each control stands once, in order; what uses it is a clause that decides."""
    found = load_template(name)
    rules = layered_rules(found, national_default())
    controls = controls_of(found, rules)
    assert [each.kind for each in controls] == list(ControlKind)
    ids = {each.id for each in rules}
    assert all(set(each.rules) <= ids for each in controls)


async def test_the_page_counts_what_is_used() -> None:
    """In its sentence; a block makes one more, and so does the first hold of the ledger."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        token = as_role(console, Role.AUTHOR)
        first = await console.get(PAGE, token)
        found = re.match(r"Washington uses (\d+) of the (\d+) controls", first.heading)
        assert found is not None
        await host.rulebook.publish(WA, signed(blocked(OPEN, "OR/LOCAL", "O", NOW + 60), REVIEWER))
        second = await console.get(PAGE, token)
        # The block itself, rules for a family, and a clause that waits for a second person.
        assert f"Washington uses {int(found[1]) + 3} of the {found[2]} controls" in second.heading
        assert "BLOCK-1" in second.text
        assert 'href="/state/block"' in second.body


async def test_the_ledger_shows_what_was_used() -> None:
    """Holds are counted of live leaves; the count says how much it read."""
    async with running(policy_of(WA, RELEASE, HOLD_ALL)) as host, console_on(host) as console:
        for number in (1, 2):
            await host.answer.take(asks(ask_of(number)))
        shown = await console.get(PAGE, as_role(console, Role.SUPERVISOR))
        assert "2 holds in the ledger" in shown.text
        assert f"all {host.size(WA):,} entries of the ledger" in shown.text


async def test_links_lead_where_a_role_may_go() -> None:
    """An operator sees the controls, and no way into pages of others."""
    async with running(encode_bundle(OPEN)) as host, console_on(host) as console:
        shown = await console.get(PAGE, as_role(console, Role.OPERATOR))
        assert shown.status == 200
        for path in ("/state/block", "/state/rules/drafts", "/state/passes", "/state/confirm"):
            assert f'href="{path}"' not in shown.body


async def test_controls_are_the_states_own() -> None:
    """Oregon's page has nothing of Washington's block."""
    both = encode_bundle(blocked(OPEN, "TX/LOCAL", "Order 14", NOW + 60)), policy_of(OR, RELEASE)
    async with running(*both) as host, console_on(host) as console:
        shown = await console.get(PAGE, as_role(console, Role.AUTHOR, OR))
        assert shown.heading.startswith("Oregon uses ")
        assert "BLOCK-1" not in shown.text


def test_every_jurisdiction_has_one_square() -> None:
    """The own state apart; each darker by its count, at the limit and one below."""
    found = tiles_of({OR: 10, WA: 500}, WA)
    assert sorted(tile.code.lower() for tile in found) == sorted(MEMBERS)
    assert len({(tile.x, tile.y) for tile in found}) == len(MEMBERS)
    by_code = {tile.code: tile for tile in found}
    assert by_code["WA"].step == "own"
    assert (by_code["OR"].step, by_code["OR"].said) == ("1", "Oregon: 10")
    for count, step in ((0, 0), (9, 0), (24, 1), (25, 2), (59, 2), (60, 3), (149, 3), (150, 4)):
        tile = next(each for each in tiles_of({OR: count}, WA) if each.code == "OR")
        assert int(tile.step) == step
        assert step < len(STEPS)
