"""A subpoena for the state's own data in a real browser: registered, held, handed over by two."""

from __future__ import annotations

import datetime as dt
from hashlib import sha256
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.ids import Member, member_zone
from tests.support.browser import axe_violations
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)

STATE: Final = Member("vt")
LIST: Final = "/state/demands"


def fill_in(page: Page, paper: Path, today: dt.date) -> None:
    """Write what the paper says; the browser takes its hash and length."""
    page.get_by_label("Kind").select_option("court_subpoena")
    page.get_by_label("Court or office").fill("Practice Superior Court")
    page.get_by_label("Its number").fill("26-2-00114-1")
    page.get_by_label("Served on").fill(today.isoformat())
    page.get_by_label("It gives a number of business days").check()
    page.get_by_label("The number of days that it gives").fill("10")
    page.get_by_label("Private records behind leaves").check()
    page.get_by_label("First month that it is about").fill("2026-03")
    page.get_by_label("The paper", exact=True).set_input_files(paper)
    expect(page.get_by_label("SHA-256 of the document")).to_have_value(
        sha256(paper.read_bytes()).hexdigest()
    )
    page.get_by_label("Which matter?").fill("Doe v. Practice City")


def register(page: Page, shoot: Shoot, paper: Path) -> None:
    """From the empty list to the page of the demand."""
    assert heading(page) == "No demand for Vermont's own data is open."
    shoot.fits(page, "demands-none")
    page.keyboard.press("n")
    page.wait_for_url(f"**{LIST}/new")
    shoot.fits(page, "demand-new")
    today = dt.datetime.now(ZoneInfo(member_zone(STATE))).date()
    fill_in(page, paper, today)
    page.get_by_role("button", name="Register it").click()
    expect(page).not_to_have_url(f"**{LIST}/new")
    assert heading(page).startswith("A court subpoena of Practice Superior Court is to be answered")
    expect(page.get_by_text("10 business days after service")).to_be_visible()


def hand_over_first(page: Page, bundle: Path) -> None:
    """Object, then sign as the first of two people what is handed over."""
    page.get_by_label("It was").select_option("objected")
    page.get_by_label("A note for the state (optional)", exact=True).fill("Overbroad")
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("heading", name="Objected to")).to_be_visible()
    page.get_by_label("What", exact=True).fill("The records behind VT/12")
    page.get_by_label("To whom").fill("Practice Superior Court")
    page.get_by_label("Address", exact=True).check()
    page.get_by_label("What is handed over, as one file").set_input_files(bundle)
    page.get_by_label("It is the last").check()
    page.get_by_role("button", name="Sign as the first of two people").click()
    expect(page.get_by_text("you cannot be the second person")).to_be_visible()


def test_a_demand_is_registered_and_answered_by_two(
    browser: Browser, desk: DeskNetwork, shoot: Shoot, tmp_path: Path
) -> None:
    """Counsel registers it with its hold; a supervisor signs as the second person; it has ended."""
    paper, bundle = tmp_path / "subpoena.pdf", tmp_path / "answer.zip"
    paper.write_bytes(b"%PDF practice subpoena")
    bundle.write_bytes(b"practice bundle")
    page, guard = opened_as(browser, desk, "counsel", STATE, LIST)
    register(page, shoot, paper)
    shoot.fits(page, "demand")
    number = page.url.rpartition("/")[2]
    page.goto(f"{desk.url}/state/litigation")
    assert heading(page).startswith("1 litigation hold stands in Vermont: nothing of 1 month")
    page.goto(f"{desk.url}{LIST}/{number}")
    hand_over_first(page, bundle)
    guard.close()
    page, guard = opened_as(browser, desk, "supervisor", STATE, LIST)
    assert heading(page).startswith("1 demand for Vermont's own data is open; the next answer is")
    shoot.fits(page, "demands-open")
    page.get_by_role("row").filter(has_text="26-2-00114-1").get_by_role("link").click()
    shoot.fits(page, "demand-asked")
    page.keyboard.press("s")
    expect(page.get_by_text("has ended: something was handed over")).to_be_visible()
    shoot.fits(page, "demand-ended")
    page.keyboard.press("b")
    page.wait_for_url(f"**{LIST}")
    assert heading(page) == "No demand for Vermont's own data is open."
    expect(page.get_by_text("1 demand for Vermont's own data has come")).to_be_visible()
    shoot(page, "demands-ended-desk")
    assert not axe_violations(page)
    guard.close()
