"""Who works on a request, in a real browser over a real network: taken, stepped back, assigned."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)
IL = Member("il")


def test_a_reviewer_steps_back_and_another_decides(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """Taken by a key, declared, seen by the supervisor, who decides it as the second reviewer."""
    query, number = desk.held()
    entry = f"IL/{number}"
    page, guard = opened_as(browser, desk, "reviewer", IL, f"/state/cases/{number}")
    page.keyboard.press("t")
    expect(page.get_by_text("It is yours.")).to_be_visible()
    page.goto(f"{desk.url}/state/queue")
    expect(page.get_by_role("table", name="Yours").get_by_role("row").last).to_contain_text(entry)
    shoot.fits(page, "queue-yours")
    page.goto(f"{desk.url}/state/cases/{number}")
    page.keyboard.press("c")
    page.wait_for_url("**/conflict-of-interest")
    page.get_by_label("I know the person").check()
    shoot.fits(page, "conflict")
    page.get_by_role("button", name="Declare it and step back").click()
    page.wait_for_url("**/state/queue")
    row = page.get_by_role("row").filter(has_text=entry)
    expect(row).to_contain_text("you declared a conflict of interest")
    expect(row.get_by_role("link")).to_have_count(0)
    told = desk.further(query)
    assert (told.response, "ANOTHER REVIEWER" in told.remark) == (ResponseKind.HELD, True)
    other, other_guard = opened_as(browser, desk, "supervisor", IL, "/state/queue")
    assert "passed on" in heading(other)
    shoot.fits(other, "queue-supervisor")
    passed = other.get_by_role("table", name="Passed on").get_by_role("row").filter(has_text=entry)
    expect(passed).to_contain_text("declared a conflict of interest")
    passed.get_by_role("link", name="Assign").click()
    other.wait_for_url("**/assign")
    shoot.fits(other, "assign")
    other.get_by_role("radio").first.check()
    other.get_by_role("button", name="Assign it").click()
    other.wait_for_url("**/state/queue")
    other.goto(f"{desk.url}/state/cases/{number}/refuse")
    other.get_by_role("button", name="Refuse").click()
    other.wait_for_url("**/state/queue")
    other.get_by_role("button", name=f"Send {entry} now").click()
    assert desk.further(query).response is ResponseKind.REFUSED
    guard.close()
    other_guard.close()
