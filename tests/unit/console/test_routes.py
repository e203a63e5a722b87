"""Who may ask for what: every route as every role and as nobody; nothing of another state."""

from __future__ import annotations

import pytest

from comity.console.people import Person, Role
from comity.console.routes import ROUTES, Name, Who, find_route, methods_of, url_of
from comity.domain.vocabulary import LeafKind
from tests.support.console import PracticeConsole, console_on, person_of
from tests.support.gateway import HOLD_ALL, OR, RELEASE, WA, ask_of, asks, policy_of, running

HELD = (policy_of(WA, RELEASE, HOLD_ALL), policy_of(OR, RELEASE, HOLD_ALL))
VALUES = {"number": "2", "act": "release", "step": "1", "file": "console.css"}
VALUES |= {"clause": "BLOCK-1", "form": "txt", "day": "2026-03-14"}
VALUES |= {"draft": "1", "rule": "WA-D1", "protection": "0" * 32}
OPENING = (Name.CASE, Name.CONSIDER, Name.SAME_CASE, Name.CONSIDER_SAME_CASE)
VALUES |= {"question": "Zm9vYmFyYmF6cXV4Zm9vYg", "request": "ABCDEFG234"}
PLACED = [route for route in ROUTES if route.who is Who.PLACED]


async def ask_for(console: PracticeConsole, name: Name, person: Person | None) -> int:
    """Ask for a route as a browser would; return the status."""
    route = next(route for route in ROUTES if route.name is name)
    path = url_of(name, **VALUES)
    token = console.sign_in(person) if person is not None else ""
    if route.method == "GET":
        return (await console.get(path, token)).status
    return (await console.post(path, {"step": "1"}, token)).status


def test_table_is_whole() -> None:
    """Every name has one route; a route for roles names some, any other names none."""
    assert sorted(route.name for route in ROUTES) == sorted(Name)
    for route in ROUTES:
        assert bool(route.roles) == (route.who is Who.PLACED), route.name
        found = find_route(route.method, url_of(route.name, **VALUES))
        assert found is not None
        assert found.route is route


@pytest.mark.parametrize("route", PLACED, ids=lambda route: route.name)
async def test_every_role_at_every_route(route: object) -> None:
    """A role that the table names gets further; any other is refused; nobody is sent to sign in."""
    assert isinstance(route, type(ROUTES[0]))
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        before = host.size(WA)
        assert await ask_for(console, route.name, None) == 303
        for role in Role:
            status = await ask_for(console, route.name, person_of(role))
            assert (status == 403) == (role not in route.roles), role
        if Role.REVIEWER not in route.roles or route.name not in OPENING:
            assert host.leaves(WA, LeafKind.ACCESS) == [] or route.method == "POST"
        # What shows a record opens the case before it.
        assert host.size(WA) - before <= 1 + (route.name is Name.SHOW_RECORD)


async def test_who_is_signed_in_without_a_role_of_the_route_changes_nothing() -> None:
    """An author sends a reviewer's form: it is refused before anything of it is looked at."""
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        before = host.size(WA)
        token = console.sign_in(person_of(Role.AUTHOR))
        page = await console.post("/state/cases/2/release", {"step": "1"}, token)
        assert (page.status, page.heading) == (403, "Your role does not open this page.")
        assert host.size(WA) == before


async def test_nothing_of_another_state_is_reachable() -> None:
    """Oregon's reviewer gets neither Washington's hold nor any word that there is one."""
    async with running(*HELD) as host, console_on(host) as console:
        await host.answer.take(asks(ask_of(1)))
        (row,) = await host.store.open_holds([WA])
        before = host.size(WA), host.size(OR)
        token = console.sign_in(person_of(Role.REVIEWER, OR))
        theirs = await console.get(f"/state/cases/{row.leaf_index}", token)
        none = await console.get("/state/cases/987654", token)
        assert theirs.status == none.status == 404
        assert theirs.body == none.body
        assert "TXPX" not in (await console.get("/state/queue", token)).body
        sent = await console.post(
            f"/state/cases/{row.leaf_index}/release", {"step": row.next_step}, token
        )
        assert sent.status == 404
        assert (host.size(WA), host.size(OR)) == before


@pytest.mark.parametrize(
    "path",
    [
        "/state/cases/02",
        "/state/cases/-1",
        "/state/cases/1%2f2",
        "/state/cases/9999999999999999999",
        "/state/cases/2/",
        "/state//queue",
        "/STATE/queue",
        "/static/../app.py",
        "/static/%2e%2e",
        "/state/cases/2/release/now",
        "/nowhere",
    ],
)
async def test_other_spellings_are_no_pages(path: str) -> None:
    """A path has one spelling; whatever else is asked for is not there."""
    assert find_route("GET", path) is None
    async with running(*HELD) as host, console_on(host) as console:
        token = console.sign_in(person_of(Role.REVIEWER))
        assert (await console.get(path, token)).status == 404


def test_methods_are_those_of_the_table() -> None:
    """HEAD is GET; nothing else is taken."""
    assert find_route("HEAD", "/state/queue") == find_route("GET", "/state/queue")
    assert find_route("PUT", "/state/queue") is None
    assert methods_of("/state/cases/2/ask") == ("GET", "POST")
    assert methods_of("/nowhere") == ()
