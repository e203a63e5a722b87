"""A decision that its leaf chose is looked at again, in a real browser over a real network."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.verdict import VerdictKind
from comity.review.re_review import is_chosen
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)
DECISIONS_MAX: Final = 150
"""Of so many none is chosen once in seven million times."""
ANEW_MS: Final = 30_000
"""What a page read of past decisions is shown again for ten seconds."""


def chosen(desk: DeskNetwork) -> str:
    """Let the first reviewer refuse until a verdict is chosen; return its number."""
    for _ in range(DECISIONS_MAX):
        query, number = desk.held()
        entry = desk.run(desk.stage.decide(f"il/{number}", VerdictKind.REFUSE))
        if any(is_chosen(p.leaf) for p in desk.further(query).proofs if p.entry == entry):
            return entry.rpartition("/")[2]
    pytest.fail("no verdict is chosen")


def test_another_reviewer_looks_again(
    browser: Browser, page: Page, desk: DeskNetwork, shoot: Shoot
) -> None:
    """From the list to the recorded look, by keys; the queue says when the desk is staffed."""
    number = chosen(desk)
    cookies: Any = desk.sign_in(browser, "supervisor")["cookies"]
    page.context.add_cookies(cookies)
    page.goto(f"{desk.url}/state/queue")
    expect(page.get_by_text("This desk is ")).to_be_visible()
    shoot.fits(page, "queue-staffed")
    link = page.get_by_role("link", name=f"IL/{number}", exact=True)

    def listed() -> None:
        page.goto(f"{desk.url}/state/re-reviews")
        expect(link).to_be_visible(timeout=1_000)

    for _ in range(ANEW_MS // 1_000):
        try:
            listed()
            break
        except AssertionError:
            continue
    shoot.fits(page, "second-looks")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/re-reviews/{number}")
    page.keyboard.press("v")
    expect(page.get_by_text("That you read this is recorded as IL/")).to_be_visible()
    shoot.fits(page, "second-look")
    page.get_by_role("radio", name="Refuse").check()
    page.get_by_role("button", name="Record your second look").press("Enter")
    page.wait_for_url("**/state/re-reviews")
    expect(link).to_have_count(0)
    page.goto(f"{desk.url}/state/decisions")
    assert heading(page).startswith(("Of the last ", "The one request"))
    expect(page.get_by_text("chosen for a second look")).to_be_visible()
    shoot.fits(page, "decisions-second-looks")
