"""The queue's filters in a real browser: by keyboard, without scripts, at every width."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from comity.domain.ids import Member
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)
IL = Member("il")


def test_a_reviewer_shows_only_some_of_the_queue(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """Opened by keyboard, chosen, shown; what was chosen stands in the head and in the address."""
    _, number = desk.held()
    page, guard = opened_as(browser, desk, "reviewer", IL, "/state/queue")
    page.get_by_text("Show only some of them").focus()
    page.keyboard.press("Enter")
    family = page.get_by_label("Asked by")
    expect(family).to_be_visible()
    shoot.fits(page, "queue-filters")
    family.select_option("US/DHS/ICE/HSI")
    page.get_by_role("button", name="Show these").click()
    page.wait_for_url("**/state/queue?family=US%2FDHS%2FICE%2FHSI**")
    assert "match: asked by " in heading(page)
    expect(page.get_by_role("table", name="What matches")).to_contain_text(f"IL/{number}")
    shoot.fits(page, "queue-chosen")
    page.get_by_role("link", name="Show all").click()
    page.wait_for_url("**/state/queue")
    state = page.context.storage_state()
    guard.close()
    plain = browser.new_context(storage_state=state, java_script_enabled=False)
    bare = plain.new_page()
    bare.goto(f"{desk.url}/state/queue")
    bare.get_by_text("Show only some of them").click()
    bare.get_by_label("Time to decide ends").select_option("today")
    bare.get_by_role("button", name="Show these").click()
    assert "match: ending within a day." in heading(bare)
    plain.close()
