"""A test case in a real browser, over a real network: planted, caught, told, counted."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from comity.domain.ids import Member
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)

IL: Final = Member("il")
DECISIONS: Final = "/state/decisions"


def test_a_planted_case_is_caught_and_told(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """By one press of a supervisor, by a reviewer's refusal; then it stands in the figures."""
    desk.held()
    boss, boss_guard = opened_as(browser, desk, "supervisor", IL, DECISIONS)
    boss.get_by_role("button", name="Plant a test case now").focus()
    boss.keyboard.press("Enter")
    boss.wait_for_url(f"**{DECISIONS}?planted=*")
    expect(boss.get_by_text("waits in the queue as a test case")).to_be_visible()
    shoot.fits(boss, "planted")
    number = re.findall(r"planted=(\d+)", boss.url)[0]
    page, guard = opened_as(browser, desk, "reviewer", IL, f"/state/cases/{number}")
    assert "asks for" in heading(page)
    assert "test case" not in heading(page)
    page.get_by_role("button", name="Show what would go out").click()
    expect(page.get_by_text("VALID").first).to_be_visible()
    shoot.fits(page, "planted-case")
    page.goto(f"{desk.url}/state/cases/{number}/refuse")
    page.get_by_label("None of these").check()
    page.locator("textarea").first.fill("What is asked must not be released.")
    page.get_by_role("button", name="Refuse").first.click()
    page.wait_for_url("**/state/queue")
    page.get_by_role("button", name=f"Send IL/{number} now").click()
    expect(page.get_by_text("This was a test case, and nobody in it is real")).to_be_visible()
    shoot.fits(page, "planted-told")
    boss.wait_for_timeout(11_000)
    boss.goto(f"{desk.url}{DECISIONS}")
    expect(boss.get_by_text("1 of 1 test case was caught")).to_be_visible()
    shoot.fits(boss, "planted-counted")
    guard.close()
    boss_guard.close()
