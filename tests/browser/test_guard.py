"""What watches every page of these tests: what it calls a fault, and what is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route

from tests.support.browser import Guard
from tests.support.patterns import pattern_app, served

FONTS = "**/*.woff2"


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    """The address of the patterns, served for all tests of this file."""
    with served(pattern_app()) as address:
        yield address


@pytest.fixture
def guard(browser: Browser) -> Guard:
    """The guard of a window that nobody else looks at."""
    watched = Guard(browser.new_context().new_page())
    watched.watch()
    return watched


def never(route: Route) -> None:
    """Answer nothing."""


def test_what_was_still_loading_is_left(guard: Guard, home: str) -> None:
    """A page that is left, or closed, before it has all its parts has done nothing wrong."""
    guard.page.route(FONTS, never)
    with guard.page.expect_request(FONTS):
        guard.page.goto(home, wait_until="commit")
    with guard.page.expect_event("requestfailed"), guard.page.expect_request(FONTS):
        guard.page.goto(f"{home}/case", wait_until="commit")
    guard.close()


@pytest.mark.parametrize("how", ["failed", "aborted"])
def test_what_fails_on_a_page_that_stands_is_a_fault(guard: Guard, home: str, how: str) -> None:
    """What never comes is told, also where somebody called it off."""
    guard.page.route(FONTS, lambda route: route.abort(how))
    with guard.page.expect_event("requestfailed"):
        guard.page.goto(home)
    with pytest.raises(AssertionError, match=r"failed: http.*woff2"):
        guard.close()


def test_what_is_not_there_is_a_fault(guard: Guard, home: str) -> None:
    """An answer that refuses is told with its status."""
    guard.page.goto(f"{home}/no-such-page")
    with pytest.raises(AssertionError, match="status 404"):
        guard.close()


def test_what_is_elsewhere_is_a_fault(guard: Guard, home: str) -> None:
    """Whoever is asked besides the place that was opened is told."""
    guard.page.goto(home)
    with served(pattern_app()) as elsewhere:
        guard.page.goto(elsewhere)
    with pytest.raises(AssertionError, match="reached beyond its place: http"):
        guard.close()
