"""Three requests of one case in a real browser, over a real network: decided together, by keys."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.answer import ResponseKind
from comity.domain.query import Query
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import enter
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)
CASE = "HS-26-3118"


def held_in_case(desk: DeskNetwork) -> list[Query]:
    """Let an agency ask Illinois three times in a case, about one record and two that are none."""
    asked = (("", "H2210"), ("PXZZ00001", "H2210"), ("PXZZ00002", "H4021"))
    return [desk.held(oln, case_number=CASE, operator=officer)[0] for oln, officer in asked]


def test_three_requests_of_a_case_are_decided_together(
    browser: Browser, page: Page, desk: DeskNetwork, shoot: Shoot
) -> None:
    """From the queue's row to three answers, by keys alone; each has its own receipt."""
    cookies: Any = desk.sign_in(browser, "reviewer")["cookies"]
    page.context.add_cookies(cookies)
    queries = held_in_case(desk)
    page.goto(f"{desk.url}/state/queue")
    row = page.get_by_role("row").filter(has_text=CASE)
    expect(row).to_contain_text("3 requests of one case")
    row.get_by_role("link").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/same-case")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text(f"asks 3 times in case {CASE}: they differ in whom they are ")
    expect(page.get_by_role("cell").filter(has_text="H4021").locator("strong")).to_be_visible()
    shoot.fits(page, "same-case")
    page.keyboard.press("x")
    page.wait_for_url("**/same-case/refuse")
    shoot.fits(page, "same-case-refuse")
    page.keyboard.press("b")
    page.wait_for_url("**/same-case")
    page.keyboard.press("r")
    page.wait_for_url("**/same-case/release")
    expect(heading).to_contain_text(f"for 3 requests of case {CASE}?")
    enter(page)
    page.wait_for_url("**/state/queue")
    mine = page.locator("#verdicts")
    expect(mine).to_contain_text("None of them has left yet.")
    page.keyboard.press("u")
    expect(mine).to_contain_text("You took them back")
    expect(row.last).to_contain_text("3 requests of one case")
    row.last.get_by_role("link", name="3 requests of one case").click()
    page.wait_for_url("**/same-case")
    page.keyboard.press("r")
    page.wait_for_url("**/same-case/release")
    enter(page)
    page.wait_for_url("**/state/queue")
    shoot.fits(page, "same-case-given")
    page.get_by_role("button", name="Send all 3 now").click()
    expect(mine).to_contain_text(re.compile(r"got status, identity, address\. Recorded as IL/"))
    expect(mine).to_contain_text("2 requests of case")
    responses = (ResponseKind.HIT, ResponseKind.NO_HIT, ResponseKind.NO_HIT)
    for query, response in zip(queries, responses, strict=True):
        answer = desk.further(query)
        assert answer.response is response
        assert desk.stage.verify(answer) == len(answer.proofs) > 0
