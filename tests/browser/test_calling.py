"""A call back in a real browser over a real network: recorded by keyboard, read by a colleague."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from comity.review.call_backs import CALLED_REMARK
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)
IL = Member("il")


def test_a_call_is_recorded_and_a_colleague_reads_it(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """By keyboard; the agency reads that it was called, a colleague what was said."""
    query, number = desk.held()
    page, guard = opened_as(browser, desk, "reviewer", IL, f"/state/cases/{number}")
    expect(page.get_by_text("Nobody has called this agency back")).to_be_visible()
    page.keyboard.press("l")
    page.wait_for_url("**/call-back")
    assert heading(page).endswith("then write down what was said.")
    shoot.fits(page, "call-back")
    said = page.get_by_label("What was said")
    said.focus()
    page.keyboard.type("The duty desk knows of no such request.")
    denied = page.get_by_label("The agency denied")
    denied.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Record the call").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**#calls")
    told = desk.further(query)
    assert (told.response, told.remark) == (ResponseKind.HELD, CALLED_REMARK)
    other, other_guard = opened_as(browser, desk, "supervisor", IL, f"/state/cases/{number}")
    expect(other.get_by_text("The duty desk knows of no such request.")).to_be_visible()
    shoot.fits(other, "case-called")
    other.goto(f"{desk.url}/state/cases/{number}/release")
    expect(other.get_by_role("note")).to_contain_text("the agency denied that its officer asks")
    shoot.fits(other, "release-denied")
    other.goto(f"{desk.url}/state/cases/{number}/refuse")
    other.get_by_role("button", name="Refuse").click()
    other.wait_for_url("**/state/queue")
    other.get_by_role("button", name=f"Send IL/{number} now").click()
    assert desk.further(query).response is ResponseKind.REFUSED
    guard.close()
    other_guard.close()
