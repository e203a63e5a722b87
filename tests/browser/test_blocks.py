"""Blocking in a real browser, over a real network: one person blocks, another confirms, by keys."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.answer import ResponseKind
from comity.domain.certificate import parse_certificate
from comity.domain.ids import Member, parse_ori
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import asks_nobody, enter, heading, opened_as

pytestmark = pytest.mark.timeout(300)

STATE: Final = Member("oh")
REMOVAL_OFFICERS: Final = parse_ori("USPX011ER")


def ice_asks(desk: DeskNetwork, control: str) -> ResponseKind:
    """What Ohio answers an office of ICE about a licence that nobody has."""
    return asks_nobody(desk, REMOVAL_OFFICERS, STATE, control)


def downloaded(page: Page, key: str) -> tuple[str, bytes]:
    """What a key downloads: the file's name, and its bytes."""
    with page.expect_download() as waited:
        page.keyboard.press(key)
    return waited.value.suggested_filename, waited.value.path().read_bytes()


def block_by_keys(page: Page, desk: DeskNetwork) -> None:
    """From the rules to the block of ICE, its text, and no way to confirm it oneself."""
    page.keyboard.press("n")
    page.wait_for_url("**/state/block")
    # A page takes the focus in a moment of its own, often behind what the address says.
    expect(page.get_by_label("Which family of agencies?")).to_be_focused()
    page.keyboard.type("ICE (")
    page.keyboard.press("Tab")
    page.keyboard.type("Order 14")
    page.keyboard.press("Enter")
    page.wait_for_url("**/state/block?*")
    assert heading(page).startswith("Block ICE? From the moment you press, ")
    enter(page)
    page.wait_for_url("**/state/blocks/BLOCK-1")
    assert ice_asks(desk, "PXBLOCK2") is ResponseKind.REFUSED
    assert heading(page).startswith("Ohio gives nothing to ICE since ")
    assert heading(page).endswith("probes were refused.")
    name, text = downloaded(page, "t")
    assert name == "oh-block-1.txt"
    assert b"Ohio gives nothing to ICE" in text
    assert b"Order 14" in text
    expect(page.get_by_role("link", name="Confirm it")).to_have_count(0)
    page.goto(f"{desk.url}/state/confirm")
    expect(page.get_by_text("you cannot confirm it")).to_be_visible()


def confirm_by_keys(page: Page) -> None:
    """From the rules to the confirmation, the new certificate, and the history."""
    page.keyboard.press("c")
    page.wait_for_url("**/state/confirm")
    page.keyboard.press("c")
    page.wait_for_url("**/state/blocks/BLOCK-1")
    assert heading(page).endswith("probes were refused.")
    _, data = downloaded(page, "s")
    block = parse_certificate(data).certificate.block
    assert block is not None
    assert (block.family, block.unconfirmed_until) == ("US/DHS/ICE", None)
    page.keyboard.press("b")
    page.wait_for_url("**/state/rules")
    page.keyboard.press("h")
    page.wait_for_url("**/state/rules/history")
    expect(page.get_by_role("row").filter(has_text="BLOCK-1 is confirmed")).to_be_visible()


def test_ice_is_blocked_confirmed_and_certified(browser: Browser, desk: DeskNetwork) -> None:
    """By keys alone: the next query is refused, and stays so; the certificate names the family."""
    assert ice_asks(desk, "PXBLOCK1") is ResponseKind.NO_HIT
    page, guard = opened_as(browser, desk, "author", STATE, "/state/rules")
    block_by_keys(page, desk)
    guard.close()
    page, guard = opened_as(browser, desk, "counsel", STATE, "/state/rules")
    confirm_by_keys(page)
    guard.close()
    assert ice_asks(desk, "PXBLOCK3") is ResponseKind.REFUSED


def test_without_scripts_a_block_is_ordered(browser: Browser, desk: DeskNetwork) -> None:
    """By links and forms alone; who goes back finds that it stands already."""
    cookie = desk.sign_in(browser, "author", "ga")
    context = browser.new_context(java_script_enabled=False, storage_state=cookie)
    page = context.new_page()
    page.goto(f"{desk.url}/state/rules")
    page.get_by_role("link", name="Block a family").click()
    page.get_by_label("Which family of agencies?").select_option("US/DHS/CBP")
    page.get_by_label("By what order or law?").fill("Order 15")
    page.get_by_role("button", name="See what it would do").click()
    page.get_by_role("button", name="Block now").click()
    page.wait_for_url("**/state/blocks/BLOCK-1")
    first = page.locator(".kicker").inner_text()
    page.go_back()
    expect(page.get_by_role("alert")).to_contain_text("blocked already, by BLOCK-1.")
    page.goto(f"{desk.url}/state/blocks/BLOCK-1")
    assert page.locator(".kicker").inner_text() == first
    with page.expect_download() as waited:
        page.get_by_role("link", name="PDF").click()
    assert waited.value.path().read_bytes().startswith(b"%PDF-")
    context.close()
