"""A hold that nobody decides, in a real browser: it ends by its clock, and both sides are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from comity.practice.elements import decode_record
from tests.support.browser import Guard, axe_violations
from tests.support.desk_network import DeskNetwork, desk_network
from tests.support.desk_pages import heading
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)

CASE: Final = "HS-26-90"
HOLD_SECONDS: Final = 15
"""Long enough for a busy machine to open the case before its end."""


@pytest.fixture(scope="module")
def hasty() -> Iterator[DeskNetwork]:
    """A network in which a hold ends soon."""
    with desk_network(HOLD_SECONDS) as network:
        yield network


def window(browser: Browser, desk: DeskNetwork, post: str, state: str) -> tuple[Page, Guard]:
    """A page of somebody's, which must do nothing wrong."""
    context = browser.new_context(storage_state=desk.sign_in(browser, post, state))
    page = context.new_page()
    guard = Guard(page)
    guard.watch()
    return page, guard


def ask(officer: Page, desk: DeskNetwork) -> str:
    """Ask Illinois what it holds for a person; return where the answer will stand."""
    officer.goto(f"{desk.url}/console/ask")
    officer.get_by_label("Purpose").select_option("criminal_investigation")
    officer.get_by_label("Case number").fill(CASE)
    officer.get_by_label("States").fill("il")
    officer.get_by_label("Licence number").fill(desk.network.world.anchor("il").driver.oln)
    officer.get_by_role("button", name="See what you would get").click()
    officer.get_by_role("button", name="Ask now").click()
    assert heading(officer).startswith("Illinois holds this for a person, until ")
    return officer.url


def heading_until(page: Page, url: str, words: str) -> str:
    """Open a page anew until its sentence has some words, which must come soon; return it."""
    for _ in range(60):
        page.goto(url)
        if words in heading(page):
            return heading(page)
        page.wait_for_timeout(250)
    raise AssertionError(heading(page))


def test_what_nobody_decides_is_never_released(
    browser: Browser, hasty: DeskNetwork, shoot: Shoot
) -> None:
    """The officer reads that it ended undecided, the queue is empty, and no field is anywhere."""
    reviewer, watched = window(browser, hasty, "reviewer", "il")
    officer, guard = window(browser, hasty, "requester", "us")
    place = ask(officer, hasty)
    reviewer.goto(f"{hasty.url}/state/queue")
    assert reviewer.get_by_role("row").filter(has_text=CASE).count() == 1
    sentence = heading_until(officer, place, "nobody decided in time")
    assert sentence == (
        "Illinois held this for a person, and nobody decided in time; nothing was released."
    )
    assert not axe_violations(officer)
    shoot(officer, "expiry-officer")
    driver, shown = hasty.network.world.anchor("il").driver, officer.locator("main").inner_text()
    for element in decode_record(driver.record):
        # What was asked stands there, and nothing else of whom it was about.
        if len(element.value) > 3 and element.value != driver.oln:
            assert element.value not in shown, element.name
    reviewer.goto(f"{hasty.url}/state/queue")
    assert heading(reviewer) == "Nothing waits for a decision."
    assert not reviewer.get_by_text(CASE).count()
    guard.close()
    watched.close()
