"""What a state's staff watch, in a real browser over a real network: certifications, and federal
queries as they are decided.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Shoot
from tests.support.browser import HEIGHT, WIDTHS, Guard, axe_violations, overflow
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


def asked_by(page: Page) -> int:
    """How many queries the open page's first sentence counts."""
    words = heading(page).removeprefix("The last ").split()
    return 1 if words[0] == "One" else int(words[0].replace(",", ""))


def test_federal_query_appears_in_an_open_page(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """It renews itself, can be stopped and begun again, and takes no focus."""
    desk.held()
    context = browser.new_context(
        storage_state=desk.sign_in(browser, "supervisor"), reduced_motion="reduce"
    )
    page = context.new_page()
    guard = Guard(page)
    guard.watch()
    page.goto(f"{desk.url}/state/feed")
    before = asked_by(page)
    expect(page.get_by_role("status").filter(has_text="This page renews itself.")).to_be_visible()
    stop = page.get_by_role("button", name="Stop renewing")
    stop.focus()
    _, number = desk.held()
    row = page.get_by_role("row").filter(has_text=f"IL/{number}")
    expect(row).to_contain_text("Held")
    assert asked_by(page) == before + 1
    expect(stop).to_be_focused()
    fits(page, shoot, "feed")
    stop.press("Enter")
    expect(page.get_by_text("This page does not renew itself now.")).to_be_visible()
    _, unseen = desk.held()
    page.get_by_role("button", name="Renew again").press("Enter")
    expect(page.get_by_role("row").filter(has_text=f"IL/{unseen}")).to_be_visible()
    context.close()
    # A stream that a person stops, or leaves, ends as a request that did not finish.
    assert {fault.partition("?")[0] for fault in guard.faults} <= {
        f"failed: {desk.url}/state/feed/stream"
    }


def test_federal_queries_without_scripts(browser: Browser, desk: DeskNetwork) -> None:
    """Loaded again, it has what is new; nothing on it speaks of renewing."""
    context = browser.new_context(
        java_script_enabled=False, storage_state=desk.sign_in(browser, "auditor")
    )
    page = context.new_page()
    page.goto(f"{desk.url}/state/feed")
    expect(page.get_by_text("This page renews itself.")).to_have_count(0)
    _, number = desk.held()
    page.reload()
    expect(page.get_by_role("row").filter(has_text=f"IL/{number}")).to_be_visible()
    context.close()
