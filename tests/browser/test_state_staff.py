"""What a state's staff watch, in a real browser over a real network: certifications."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Shoot
from tests.support.browser import HEIGHT, WIDTHS, axe_violations, overflow
from tests.support.desk_network import DeskNetwork

pytestmark = pytest.mark.timeout(300)
STATE: Final = "ny"


def heading(page: Page) -> str:
    """The sentence that a page begins with."""
    return page.get_by_role("heading", level=1).inner_text()


def fits(page: Page, shoot: Shoot, name: str) -> None:
    """Axe finds nothing, and nothing lies beyond the edge, at each width; a picture of each."""
    for width, pixels in WIDTHS.items():
        page.set_viewport_size({"width": pixels, "height": HEIGHT})
        assert not overflow(page), width
        shoot(page, f"{name}-{width}")
    assert not axe_violations(page)


def test_supervisor_sees_who_lapses_when(
    page: Page, browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """From the navigation: the day in the first sentence, the lapsed behind one link."""
    kept: Any = desk.sign_in(browser, "supervisor", STATE)
    page.context.add_cookies(kept["cookies"])
    page.goto(f"{desk.url}/state/decisions")
    page.get_by_role("navigation").get_by_role("link", name="Certifications").first.click()
    page.wait_for_url("**/state/certifications")
    assert "to New York" in heading(page)
    assert "have lapsed" in heading(page)
    fits(page, shoot, "certifications")
    page.get_by_role("link", name="Have lapsed").click()
    expect(page.get_by_role("row").filter(has_text="ago").first).to_be_visible()
    fits(page, shoot, "certifications-lapsed")
