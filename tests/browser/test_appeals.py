"""An appeal in a real browser, over a real network: refused, appealed, granted, asked again."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from comity.domain.verdict import VerdictKind
from tests.browser.test_asking import fill
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as, opened_until
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)

IL: Final = Member("il")
US: Final = Member("us")
REASONS: Final = "The docket was not read.\nDocket 26-118, the clerk can confirm it."


def asked(page: Page, desk: DeskNetwork) -> str:
    """Ask Illinois on a federal officer's page; return the request's address."""
    fill(page, desk, **{"Case number": "HS-26-94"})
    page.get_by_role("button", name="See what you would get").click()
    page.get_by_role("button", name="Ask now").click()
    page.wait_for_url("**/console/requests/*")
    return page.url


def test_a_refusal_is_appealed_and_granted_by_another_person(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """The officer reads how; the supervisor grants; the officer reads it, and the case goes on."""
    officer, officers = opened_as(browser, desk, "requester", US, "/console/ask")
    address = asked(officer, desk)
    holds = desk.run(desk.stage.holds(IL))
    entry = max((hold.entry for hold in holds), key=lambda each: int(each.rpartition("/")[2]))
    desk.run(desk.stage.decide(entry, VerdictKind.REFUSE, note="No docket was named."))
    opened_until(officer, address, "refuses this")
    expect(officer.get_by_text("You can appeal to Illinois until")).to_be_visible()
    shoot.fits(officer, "appeal-offered")
    officer.get_by_label("Your reasons").fill(REASONS)
    officer.get_by_role("button", name="Send the appeal").click()
    expect(officer.get_by_role("heading", name="Your appeal of IL/")).to_be_visible()
    opened_until(officer, address, "ANOTHER PERSON DECIDES IT BY")
    shoot.fits(officer, "appeal-sent")
    page, guard = opened_as(browser, desk, "supervisor", IL, "/state/appeals")
    assert heading(page).startswith("1 appeal waits for another person: the next one has")
    shoot.fits(page, "appeals")
    page.locator("[data-row] a").first.click()
    page.wait_for_url("**/state/appeals/*")
    assert "appeals: a person refused" in heading(page)
    expect(page.get_by_text("The docket was not read.")).to_be_visible()
    expect(page.get_by_text("No docket was named.")).to_be_visible()
    shoot.fits(page, "appeal")
    page.locator("input[name=decision][value=granted]").check()
    page.get_by_label("A word to the agency").fill("The docket is there.")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Record your decision").click()
    page.wait_for_url("**/state/appeals")
    assert heading(page) == "No appeal waits for a decision."
    expect(page.get_by_text("1 refusal was appealed in the last 120 days")).to_be_visible()
    shoot.fits(page, "appeals-none")
    opened_until(officer, address, "refuses this")
    told = officer.get_by_text("The docket is there.")
    for _ in range(20):
        if told.count():
            break
        officer.wait_for_timeout(500)
        officer.reload()
    expect(told).to_be_visible()
    shoot.fits(officer, "appeal-granted")
    assert asked(officer, desk) != address
    opened_until(officer, officer.url, "Illinois released")
    guard.close()
    officers.close()


def test_whoever_refused_is_offered_no_decision(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """The page says that another person decides; by keys back to the list."""
    query, number = desk.held()
    desk.run(desk.stage.decide(f"il/{number}", VerdictKind.REFUSE, note="No docket."))
    refused = desk.further(query)
    assert refused.response is ResponseKind.REFUSED
    desk.appeal(query, refused.proofs[-1].entry)
    page, guard = opened_as(browser, desk, "reviewer", IL, "/state/appeals")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/state/appeals/*")
    expect(page.get_by_text("You had a part in this refusal")).to_be_visible()
    expect(page.get_by_role("button", name="Record your decision")).to_have_count(0)
    shoot.fits(page, "appeal-own")
    page.keyboard.press("b")
    page.wait_for_url("**/state/appeals")
    guard.close()
