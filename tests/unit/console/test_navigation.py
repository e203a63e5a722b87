"""The navigation: groups of pages by role, and every page of a state in one of them."""

from __future__ import annotations

import pytest

from comity.console.navigation import GROUPS, navigation
from comity.console.people import Role
from comity.console.routes import ROUTES, Name, Who, roles_of, url_of
from tests.support.console import person_of


def test_every_page_of_a_state_is_in_one_group() -> None:
    """A person always sees where they are; no page is in two."""
    pages = {r.name for r in ROUTES if r.method == "GET" and r.who is Who.PLACED}
    named = [name for group in GROUPS for name in group.names]
    assert len(named) == len(set(named))
    assert set(named) == pages


@pytest.mark.parametrize("role", Role)
def test_nobody_is_offered_what_does_not_open(role: Role) -> None:
    """And everything that opens and can be reached by itself is offered."""
    shown = navigation(person_of(role), Name.QUEUE, {})
    offered = {page["url"] for group in shown for page in group["pages"]}
    named = {name for group in GROUPS for name, _ in group.pages}
    assert offered == {url_of(name) for name in named if role in roles_of(name)}
    assert all(group["url"] in offered for group in shown)


def test_the_page_at_hand_is_marked_with_its_group() -> None:
    """Also where the page itself is in no list, such as one case."""
    shown = navigation(person_of(Role.REVIEWER), Name.CASE, {Name.QUEUE: 8})
    assert [group["label"] for group in shown if group["is_current"]] == ["Review"]
    assert not any(page["is_current"] for group in shown for page in group["pages"])
    (queue,) = [p for g in shown for p in g["pages"] if p["url"] == url_of(Name.QUEUE)]
    assert (queue["count"], shown[0]["count"]) == (8, 8)
    assert all(group["count"] is None for group in shown[1:])


def test_nobody_has_no_navigation() -> None:
    """Before a person has a place."""
    assert navigation(None, Name.HOME, {}) == []
