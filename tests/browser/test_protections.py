"""A confidential address in a real browser, over a real network: placed, kept to, ended by two."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.ids import Member
from comity.practice.drivers import DriverRow
from tests.browser.conftest import Shoot
from tests.support.browser import HEIGHT, WIDTHS, axe_violations, overflow
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
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


def look_at(page: Page, shoot: Shoot, name: str) -> None:
    """Keep a page's picture at every width; nothing overflows, and axe finds nothing."""
    found = list(axe_violations(page))
    for width, pixels in WIDTHS.items():
        page.set_viewport_size({"width": pixels, "height": HEIGHT})
        shoot(page, f"{name}-{width}")
        if overflow(page):
            found.append(f"{width}: {overflow(page)} px beyond the window")
    page.set_viewport_size({"width": WIDTHS["desk"], "height": HEIGHT})
    assert not found, "\n".join(map(str, found))


def protect(page: Page, shoot: Shoot, person: DriverRow) -> None:
    """From the empty list to the list of one, by keys."""
    assert heading(page) == "No address of Illinois is confidential."
    page.keyboard.press("n")
    page.wait_for_url(f"**{LIST}/new")
    page.get_by_label("Safe contact").fill(CONTACT)
    look_at(page, shoot, "protection-new")
    lines = f"OLN {person.oln}\nNAM {person.name_key} {person.birth:%Y%m%d}"
    page.get_by_label("Whom it protects").fill(lines)
    page.get_by_label("How to reach it, in a sentence").fill("Call 217-555-0177.")
    page.get_by_label("By what authority").fill("Practice Safe Address Program")
    page.get_by_role("button", name="Protect it now").click()
    page.wait_for_url(f"**{LIST}")
    assert heading(page).startswith("1 protection stands in Illinois")
    assert person.oln not in page.content()
    look_at(page, shoot, "protections")
    page.locator("[data-row] a").click()
    page.wait_for_url(f"**{LIST}/*")
    assert heading(page) == "This person's address is confidential, and nothing is posted."
    expect(page.get_by_text(f"Licence {person.oln}")).to_be_visible()
    look_at(page, shoot, "protection")


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
    look_at(page, shoot, "case-confidential")
    page.goto(f"{desk.url}/state/notices/{owing}")
    expect(page.get_by_text(WORDS)).to_be_visible()
    expect(page.get_by_label("Address, a line each")).to_have_count(0)
    ways = page.get_by_label("How the resident was told").locator("option").all_inner_texts()
    assert ways == ["in person", "by telephone", "by the safe contact"]
    look_at(page, shoot, "notice-confidential")
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
    watched.expect_none()
    page.context.close()
    counsel.goto(f"{desk.url}{LIST}")
    end(counsel, "Sign as the first of two people")
    assert heading(counsel).startswith("1 protection stands in Illinois")
    guard.expect_none()
    counsel.context.close()
    second, guard = opened_as(browser, desk, "supervisor", IL, LIST)
    second.locator("[data-row] a").click()
    look_at(second, shoot, "protection-asked")
    second.go_back()
    end(second, "Sign as the second person and end it")
    assert heading(second) == "No address of Illinois is confidential."
    guard.expect_none()
    second.context.close()
