"""A confidential address in a real browser, over a real network: placed, kept to, ended by two."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.ids import Member
from comity.practice.drivers import DriverRow
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot
from tests.support.pdf import printed

pytestmark = pytest.mark.timeout(300)

IL = Member("il")
LIST = "/state/protections"
CONTACT = "the Practice Safe Address Program"
WORDS = "This person's address is confidential."


def resident(desk: DeskNetwork) -> DriverRow:
    """A licensee of Illinois about whom no other test asks."""
    world = desk.network.world
    known = world.anchor(IL).driver.oln
    return next(row for row in world.drivers(IL) if row.oln != known)


def protect(page: Page, shoot: Shoot, person: DriverRow) -> None:
    """From the empty list to the list of one, by keys."""
    assert heading(page) == "No address of Illinois is confidential."
    page.keyboard.press("n")
    page.wait_for_url(f"**{LIST}/new")
    page.get_by_label("Safe contact").fill(CONTACT)
    shoot.fits(page, "protection-new")
    lines = f"OLN {person.oln}\nNAM {person.name_key} {person.birth:%Y%m%d}"
    page.get_by_label("Whom it protects").fill(lines)
    page.get_by_label("How to reach it, in a sentence").fill("Call 217-555-0177.")
    page.get_by_label("By what authority").fill("Practice Safe Address Program")
    page.get_by_role("button", name="Protect it now").click()
    page.wait_for_url(f"**{LIST}")
    assert heading(page).startswith("1 protection stands in Illinois")
    assert person.oln not in page.content()
    shoot.fits(page, "protections")
    page.locator("[data-row] a").click()
    page.wait_for_url(f"**{LIST}/*")
    assert heading(page) == "This person's address is confidential, and nothing is posted."
    expect(page.get_by_text(f"Licence {person.oln}")).to_be_visible()
    shoot.fits(page, "protection")


def end(page: Page, button: str) -> None:
    """Sign on the page of the one protection that it ends."""
    page.locator("[data-row] a").click()
    page.get_by_role("button", name=button).click()
    page.wait_for_url(f"**{LIST}")


def test_an_address_is_kept_from_letters_until_two_people_end_it(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """The reviewer sees it where they decide; the letter goes to the contact; post is no way."""
    person = resident(desk)
    counsel, guard = opened_as(browser, desk, "counsel", IL, LIST)
    protect(counsel, shoot, person)
    owing = desk.owing(person.oln)
    page, watched = opened_as(browser, desk, "reviewer", IL, f"/state/cases/{owing}")
    expect(page.get_by_text(WORDS)).to_have_count(2)
    shoot.fits(page, "case-confidential")
    page.goto(f"{desk.url}/state/notices/{owing}")
    expect(page.get_by_text(WORDS)).to_be_visible()
    expect(page.get_by_label("Address, a line each")).to_have_count(0)
    ways = page.get_by_label("How the resident was told").locator("option").all_inner_texts()
    assert ways == ["in person", "by telephone", "by the safe contact"]
    shoot.fits(page, "notice-confidential")
    page.get_by_label("The resident's name").fill("Practice Resident")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Write the letter (PDF)").click()
    assert saved.value.suggested_filename == "letter-il-confidential-en.pdf"
    text = printed(saved.value.path().read_bytes())
    assert CONTACT in text
    assert f"IL/{owing}" not in text
    page.get_by_label("How the resident was told").select_option("by telephone")
    page.get_by_role("button", name="The resident was told").click()
    page.wait_for_url("**/state/notices")
    watched.close()
    counsel.goto(f"{desk.url}{LIST}")
    end(counsel, "Sign as the first of two people")
    assert heading(counsel).startswith("1 protection stands in Illinois")
    guard.close()
    second, guard = opened_as(browser, desk, "supervisor", IL, LIST)
    second.locator("[data-row] a").click()
    shoot.fits(second, "protection-asked")
    second.go_back()
    end(second, "Sign as the second person and end it")
    assert heading(second) == "No address of Illinois is confidential."
    guard.close()
