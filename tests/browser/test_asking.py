"""Asking in a real browser, over a real network: officers ask, a reviewer asks back and decides."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.vocabulary import DataClass
from comity.practice.elements import decode_record
from tests.support.browser import Guard
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_until
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)

QUESTION: Final = "Which of the two is meant?"
REPLY: Final = "The driver of the second car.\nCase HS-26-88."


@pytest.fixture(scope="module")
def cookies(browser: Browser, desk: DeskNetwork) -> dict[str, Any]:
    """What the browsers of a local officer, a federal one and a reviewer keep."""
    return {
        "local": desk.sign_in(browser, "requester", "or"),
        "federal": desk.sign_in(browser, "requester", "us"),
        "reviewer": desk.sign_in(browser, "reviewer"),
    }


def window(browser: Browser, cookie: Any, **more: Any) -> tuple[Page, Guard]:
    """A page of somebody's, which must do nothing wrong."""
    context = browser.new_context(storage_state=cookie, reduced_motion="reduce", **more)
    page = context.new_page()
    guard = Guard(page)
    guard.watch()
    return page, guard


def fill(page: Page, desk: DeskNetwork, **more: str) -> None:
    """Fill in the form about a driver of Illinois, as a federal officer with a child's case."""
    page.goto(f"{desk.url}/console/ask")
    page.get_by_label("Purpose").select_option("criminal_investigation")
    page.get_by_label("Case number").fill("HS-26-88")
    page.get_by_label("Offence").select_option("child_exploitation")
    page.get_by_label("Warrant, order or other instrument").select_option("none")
    page.get_by_label("States").fill("il")
    page.get_by_label("Licence number").fill(desk.network.world.anchor("il").driver.oln)
    for label, value in more.items():
        page.get_by_label(label).fill(value)


def test_an_officer_asks_and_gets_a_record(
    browser: Browser, desk: DeskNetwork, cookies: dict[str, Any], shoot: Shoot
) -> None:
    """By keys to the preview, one key to the answer: exactly what the state released."""
    page, guard = window(browser, cookies["local"])
    page.goto(desk.url)
    page.wait_for_url("**/console/ask")
    shoot.fits(page, "asking-form")
    fill(page, desk)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(".*/console/ask/.+"))
    assert heading(page) == "Likely: Illinois releases this at once."
    shoot.fits(page, "asking-preview")
    page.keyboard.press("s")
    page.wait_for_url("**/console/requests/*")
    assert re.fullmatch(r"Illinois released \d+ fields, all that you asked for\.", heading(page))
    person = desk.network.world.anchor("il").driver
    expect(page.get_by_text(person.oln, exact=True).first).to_be_visible()
    expect(page.get_by_text("In the ledger of Illinois as IL/")).to_be_visible()
    shoot.fits(page, "asking-answer")
    page.goto(f"{desk.url}/console/requests")
    assert heading(page) == "Nothing needs you; 1 is done."
    guard.close()


def test_without_scripts_a_plate_is_asked_for(
    browser: Browser, desk: DeskNetwork, cookies: dict[str, Any]
) -> None:
    """By links and forms alone; a form that lacks something says what, and keeps the rest."""
    page, guard = window(browser, cookies["local"], java_script_enabled=False)
    page.goto(f"{desk.url}/console/ask")
    page.get_by_label("Purpose").select_option("traffic_safety")
    page.get_by_label("States").fill("WA")
    page.get_by_label("Plate", exact=True).fill("PXNONE1")
    page.get_by_label("Year of the plate").fill("NX")
    page.get_by_role("button", name="See what you would get").click()
    expect(page.get_by_role("alert")).to_contain_text("A plate's type is two letters")
    expect(page.get_by_label("Plate", exact=True)).to_have_value("PXNONE1")
    page.get_by_label("Type of the plate").fill("PC")
    page.get_by_role("button", name="See what you would get").click()
    page.get_by_role("button", name="Ask now").click()
    assert heading(page) == "Washington has no record of what you asked for."
    guard.faults = [fault for fault in guard.faults if "422" not in fault]
    guard.close()


def ask_back(reviewer: Page, desk: DeskNetwork) -> str:
    """Ask the agency about the case that its officer sent; return the hold's number."""
    reviewer.goto(f"{desk.url}/state/queue")
    officers = reviewer.get_by_role("row").filter(has_text="HS-26-88")
    links = officers.get_by_role("link").all_inner_texts()
    number = max(int(link.removeprefix("IL/")) for link in links)
    reviewer.goto(f"{desk.url}/state/cases/{number}/ask")
    reviewer.get_by_label("Your question").fill(QUESTION)
    reviewer.get_by_role("button", name="Ask").click()
    reviewer.get_by_role("button", name=f"Send IL/{number} now").click()
    return str(number)


def release_part(reviewer: Page, desk: DeskNetwork, number: str) -> None:
    """Release all but the address."""
    reviewer.goto(f"{desk.url}/state/cases/{number}/part")
    reviewer.get_by_label("Address").uncheck()
    reviewer.get_by_role("button", name="Release the chosen parts").click()
    reviewer.get_by_role("button", name=f"Send IL/{number} now").click()
    expect(reviewer.get_by_text("got status, identity.").first).to_be_visible()


def check_fields(page: Page, desk: DeskNetwork) -> None:
    """Exactly status and identity stand on the page, and no value of another class."""
    shown = page.locator("main dd").all_inner_texts()
    for element in decode_record(desk.network.world.anchor("il").driver.record):
        is_released = element.data_class in (DataClass.STATUS, DataClass.IDENTITY)
        if is_released or len(element.value) > 3:
            assert (element.value in shown) is is_released, element.name


def test_what_is_held_is_asked_about_replied_to_and_released_in_part(
    browser: Browser, desk: DeskNetwork, cookies: dict[str, Any], shoot: Shoot
) -> None:
    """The officer sees until when it waits, answers the reviewer, and gets exactly the part."""
    officer, guard = window(browser, cookies["federal"])
    fill(officer, desk)
    officer.get_by_role("button", name="See what you would get").click()
    assert heading(officer) == "Likely: Illinois holds this for a person."
    officer.get_by_role("button", name="Ask now").click()
    assert heading(officer).startswith("Illinois holds this for a person, until ")
    shoot.fits(officer, "asking-held")
    place = officer.url
    reviewer, watched = window(browser, cookies["reviewer"])
    number = ask_back(reviewer, desk)
    opened_until(officer, place, QUESTION)
    shoot.fits(officer, "asking-question")
    officer.goto(f"{desk.url}/console/requests")
    assert re.fullmatch(
        r"(Your one request needs|1 of your \d+ requests needs) you.*", heading(officer)
    )
    shoot.fits(officer, "asking-requests")
    officer.goto(place)
    officer.get_by_label("Your reply").fill(REPLY)
    officer.get_by_role("button", name="Send the reply").click()
    expect(officer.get_by_text("What you replied")).to_be_visible()
    opened_until(reviewer, f"{desk.url}/state/cases/{number}", "What the agency replied")
    expect(reviewer.get_by_text("The driver of the second car.")).to_be_visible()
    shoot.fits(reviewer, "asking-case")
    release_part(reviewer, desk, number)
    opened_until(officer, place, "Illinois released")
    assert heading(officer).endswith("and withholds address.")
    check_fields(officer, desk)
    shoot.fits(officer, "asking-part")
    guard.close()
    watched.close()


def test_nobody_elses_request_opens(
    browser: Browser, desk: DeskNetwork, cookies: dict[str, Any]
) -> None:
    """A reviewer has no such pages, an officer no desk."""
    for post, path in (("reviewer", "/console/ask"), ("local", "/state/queue")):
        page, _ = window(browser, cookies[post])
        page.goto(f"{desk.url}{path}")
        assert heading(page) == "Your role does not open this page."
        page.context.close()
