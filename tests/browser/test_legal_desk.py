"""Counsel in a real browser, over a real network: holds, rules on paper, an export."""

from __future__ import annotations

import datetime as dt
import zipfile
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.ids import Member, member_zone
from comity.domain.leaf import parse_leaf
from comity.ledger.commitment import parse_opening, verify_opening
from tests.browser.test_blocks import downloaded
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot
from tests.support.pdf import printed

pytestmark = pytest.mark.timeout(300)

STATE: Final = Member("nv")
HELD_IN: Final = Member("il")
LIST: Final = "/state/litigation"


def place_hold(page: Page) -> None:
    """From the empty list to the page of the hold, by keys."""
    assert heading(page).startswith("No litigation hold stands in Nevada")
    page.get_by_label("All months, past and coming").check()
    page.get_by_label("Which matter?").fill("Doe v. State, 26-114")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{LIST}/*")
    assert heading(page).endswith("nothing of any month, past or coming, is destroyed.")
    page.keyboard.press("b")
    page.wait_for_url(f"**{LIST}")
    assert heading(page) == "1 litigation hold stands in Nevada: nothing of any month is destroyed."
    expect(page.get_by_role("row").filter(has_text="Doe v. State, 26-114")).to_be_visible()


def ask_to_lift(page: Page) -> None:
    """The first person signs; nothing is lifted, and the same person cannot be the second."""
    page.get_by_role("row").filter(has_text="Doe v. State").get_by_role("link").click()
    page.get_by_label("Why does it end?").fill("Settled")
    page.keyboard.press("Enter")
    expect(page.get_by_text("you cannot be the second person")).to_be_visible()
    page.goto(page.url.rpartition("/")[0])
    assert heading(page).startswith("1 litigation hold stands")


def test_a_hold_is_placed_and_lifted_by_two(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """Counsel places it; a supervisor signs as the second person, and it has ended."""
    page, guard = opened_as(browser, desk, "counsel", STATE, LIST)
    place_hold(page)
    shoot.fits(page, "litigation")
    ask_to_lift(page)
    guard.close()
    page, guard = opened_as(browser, desk, "supervisor", STATE, LIST)
    page.get_by_role("row").filter(has_text="asked to lift it").get_by_role("link").click()
    shoot.fits(page, "litigation-hold-asked")
    page.keyboard.press("s")
    page.wait_for_url(f"**{LIST}")
    assert heading(page).startswith("No litigation hold stands in Nevada")
    guard.close()


def printed_here(page: Page) -> tuple[str, str]:
    """The name of the page's PDF, and its words without the places where they may break."""
    name, data = downloaded(page, "p")
    return name, "".join(printed(data).split()).replace("\u200b", "")


def test_rules_of_a_day_on_the_screen_and_on_paper(browser: Browser, desk: DeskNetwork) -> None:
    """From the rules in force by keys; the PDF has the page's sentence, its leaf and its root."""
    page, guard = opened_as(browser, desk, "counsel", STATE, "/state/rules")
    page.keyboard.press("t")
    page.wait_for_url("**/state/rules/as-of")
    finding = heading(page)
    assert "decide now who gets records of Nevada" in finding
    name, words = printed_here(page)
    assert name.startswith("nv-rules-")
    assert "".join(finding.split()) in words
    codes = page.locator("dd code").all_inner_texts()
    assert any(len(code) == 64 for code in codes)
    # Between the page and the paper another test may have let the ledger grow.
    for _ in range(3):
        if not all(code in words for code in codes):
            page.reload()
            codes = page.locator("dd code").all_inner_texts()
            _, words = printed_here(page)
    assert [code for code in codes if code not in words] == []
    guard.close()


def test_a_public_records_request_is_answered(browser: Browser, desk: DeskNetwork) -> None:
    """From the legal desk to a ZIP: leaves, log, and an opening that holds against its leaf."""
    _, number = desk.held()
    page, guard = opened_as(browser, desk, "counsel", HELD_IN, LIST)
    page.get_by_role("link", name="Answer a public-records request").click()
    today = dt.datetime.now(ZoneInfo(member_zone(HELD_IN))).date().isoformat()
    page.get_by_label("Which request?").fill("PRR 26-19")
    page.get_by_label("First day").fill(today)
    page.get_by_label("Last day").fill(today)
    page.get_by_label("Of which leaves?").fill(f"IL/{number}")
    page.get_by_label("The rules that decided").check()
    with page.expect_download() as waited:
        page.get_by_role("button", name="Make the export").click()
    assert waited.value.suggested_filename == f"il-public-records-{today}-to-{today}.zip"
    with zipfile.ZipFile(waited.value.path()) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert f"il/{number},".encode() in files["leaves.csv"]
    assert f"il/{number},operator search,person,".encode() in files["redactions.csv"]
    opening = parse_opening(files[f"openings/il-{number}.opening"])
    verify_opening(opening, parse_leaf(files[f"openings/il-{number}.leaf"]).commitment)
    assert list(opening.values()) == ["rules"]
    guard.close()
