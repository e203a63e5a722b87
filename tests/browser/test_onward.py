"""An onward transfer in a real browser, over a real network: told by an officer, seen, asked."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.ids import Member
from tests.support.desk_network import ICE, DeskNetwork
from tests.support.desk_pages import heading, opened_as, opened_until
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)

OR: Final = Member("or")
WA: Final = Member("wa")
LIST: Final = "/state/onward"


def ask_washington(page: Page, desk: DeskNetwork) -> str:
    """Let an officer of Oregon ask for a driver; return the entry of the release."""
    page.goto(f"{desk.url}/console/ask")
    page.get_by_label("Purpose").select_option("criminal_investigation")
    page.get_by_label("Case number").fill("OR-26-7")
    page.get_by_label("Offence").select_option("fraud_identity")
    page.get_by_label("States").fill("wa")
    page.get_by_label("Licence number").fill(desk.network.world.anchor("wa").driver.oln)
    page.get_by_role("button", name="See what you would get").click()
    page.get_by_role("button", name="Ask now").click()
    page.wait_for_url("**/console/requests/*")
    opened_until(page, page.url, "In the ledger of Washington as")
    found = re.search(r"In the ledger of Washington as (WA/\d+)", page.inner_text("main"))
    assert found is not None
    return found[1]


def test_a_transfer_is_told_marked_opened_and_asked_for(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """What an officer tells of ICE is marked where Washington refuses ICE; a reviewer asks on."""
    page, guard = opened_as(browser, desk, "requester", OR, "/console/ask")
    release = ask_washington(page, desk)
    page.get_by_role("textbox", name="To whom").fill(ICE)
    page.get_by_label("For which purpose").select_option("civil_immigration")
    page.get_by_role("button", name="Tell the state").click()
    expect(page.get_by_role("alert")).to_contain_text("Write the day as year, month and day")
    shoot.fits(page, "onward-form")
    today = page.evaluate("new Date().toLocaleDateString('sv', {timeZone: 'America/Los_Angeles'})")
    page.get_by_label("On which day").fill(today)
    page.get_by_label("Anything else").fill("By telephone.")
    page.get_by_role("button", name="Tell the state").click()
    expect(page.get_by_role("heading", name="What you told of passing on")).to_be_visible()
    opened_until(page, page.url, f"ONWARD TRANSFER OF {release} RECORDED")
    shoot.fits(page, "onward-told-officer")
    guard.faults = [fault for fault in guard.faults if "422" not in fault]
    guard.close()

    page, guard = opened_as(browser, desk, "reviewer", WA, LIST)
    assert heading(page) == (
        "Agencies told Washington of 1 onward transfer in 30 days, to an agency that it refuses."
    )
    page.get_by_label("Entry of the release").fill(release)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Asked, no answer yet")).to_be_visible()
    shoot.fits(page, "onward-list")
    page.get_by_role("link", name=release).click()
    page.wait_for_url(f"**{LIST}/*")
    assert heading(page).endswith("to which Washington refuses it.")
    expect(page.get_by_text("By telephone.")).to_be_visible()
    shoot.fits(page, "onward-one")
    guard.close()
