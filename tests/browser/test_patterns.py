"""The console's page parts in a real browser: each width, keyboard, no script, contrast, paper."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from comity.console.assets import asset_url
from comity.console.identity import plain_identity
from comity.console.words import left_said, tone_of
from comity.domain.ids import Member
from tests.support.browser import HEIGHT, WIDTHS, Guard, axe_violations, overflow
from tests.support.looks import Shoot
from tests.support.patterns import NOW, pattern_app, queue, served

PAGES = {"queue": "/", "case": "/case", "decide": "/decide", "empty": "/empty"}
ROWS = queue()["rows"]
GREEN = "rgb(43, 90, 58)"
SEAL = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="36" height="36" viewBox="0 0 36 36">'
    b'<circle cx="18" cy="18" r="16" fill="none" stroke="#2b5a3a" stroke-width="2"/></svg>'
)


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    """The address of the patterns, served for all tests of this file."""
    with served(pattern_app()) as address:
        yield address


def open_at(page: Page, address: str, width: str = "desk") -> Page:
    """Open a page at a width, its fonts loaded."""
    page.set_viewport_size({"width": WIDTHS[width], "height": HEIGHT})
    page.goto(address)
    assert page.evaluate("() => document.fonts.ready.then(() => true)")
    return page


@pytest.mark.parametrize("name", PAGES)
def test_page_holds_at_every_width(page: Page, home: str, name: str, shoot: Shoot) -> None:
    """At a desk, on a phone and on a narrow one nothing overflows, and axe finds nothing."""
    shoot.fits(open_at(page, home + PAGES[name]), f"patterns-{name}")


def test_fonts_are_the_pages_own(page: Page, home: str) -> None:
    """System words stand in Public Sans and law in Merriweather, both from the page's own place."""
    open_at(page, f"{home}/case")
    loaded = page.evaluate(
        "() => [...document.fonts].filter(f => f.status === 'loaded').map(f => f.family).sort()"
    )
    assert {name.strip('"') for name in loaded} == {"Merriweather Web", "Public Sans Web"}
    law = page.locator(".statute p")
    expect(law).to_have_css("font-family", re.compile("^.Merriweather Web"))
    expect(law.locator("mark")).to_have_text("a lawful court order")


def test_row_is_two_lines_on_a_phone(page: Page, home: str) -> None:
    """What a row is and how it ends share the first line; the rest is below, and nothing is cut."""
    open_at(page, home, "phone")
    row = page.locator("[data-row]").nth(3)
    lead, end = row.locator(".rows-lead").bounding_box(), row.locator(".rows-end").bounding_box()
    more = row.locator(".rows-more").first.bounding_box()
    assert lead
    assert end
    assert more
    assert abs(lead["y"] + lead["height"] / 2 - end["y"] - end["height"] / 2) < 8
    assert more["y"] >= lead["y"] + lead["height"] - 1
    for part in (ROWS[3]["agency"], ROWS[3]["why"], ROWS[3]["left"]):
        expect(row).to_contain_text(part)
    expect(page.get_by_role("table", name="Held for review")).to_be_visible()
    assert page.get_by_role("rowheader").count() == 11
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    assert box
    assert box["height"] >= 44
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 6)
    expect(page).to_have_url(f"{home}/case?n=4")


def test_menu_opens_on_a_phone(page: Page, home: str) -> None:
    """The pages and the way out stand behind one word, and each is large enough for a finger."""
    open_at(page, home, "narrow")
    expect(page.get_by_role("link", name="Policies")).to_be_hidden()
    page.get_by_text("Menu", exact=True).click()
    link = page.get_by_role("link", name="Policies")
    expect(link).to_be_visible()
    box = link.bounding_box()
    assert box
    assert box["height"] >= 44
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert overflow(page) == 0
    assert not axe_violations(page)


def test_keys_go_over_rows_and_open_one(page: Page, home: str) -> None:
    """`j` and `k` move from row to row and stop at the ends; Enter opens the one that has focus."""
    open_at(page, home)
    page.keyboard.press("k")
    page.keyboard.press("j")
    expect(page.locator("[data-row] a").last).to_be_focused()
    for _ in range(10):
        page.keyboard.press("k")
    expect(page.get_by_role("link", name=ROWS[0]["request"])).to_be_focused()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name=ROWS[1]["request"])).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{home}/case?n=2")


def test_key_presses_what_names_it(page: Page, home: str) -> None:
    """A key opens its action, two in a row theirs; what has a modifier is left to the browser."""
    open_at(page, f"{home}/case")
    page.keyboard.press("Control+x")
    page.keyboard.press("q")
    expect(page).to_have_url(f"{home}/case")
    page.keyboard.press("x")
    expect(page).to_have_url(f"{home}/decide?what=refuse")
    open_at(page, f"{home}/case")
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page).to_have_url(f"{home}/")


def test_keys_do_nothing_while_one_types(page: Page, home: str) -> None:
    """Letters typed into a field are its text."""
    open_at(page, f"{home}/decide")
    reason = page.get_by_label("Your reason")
    reason.fill("")
    reason.press_sequentially("jk?gq")
    expect(reason).to_have_value("jk?gq")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(f"{home}/decide")


def test_shortcuts_are_shown_and_turned_off(page: Page, home: str, shoot: Shoot) -> None:
    """`?` shows every key of the page; turned off, single keys do nothing, on other pages too."""
    open_at(page, f"{home}/case")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    for says in ("Release part", "Refuse", "Review queue", "Next row"):
        expect(dialog).to_contain_text(says)
    assert not axe_violations(page)
    shoot(page, "patterns-shortcuts")
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("x")
    page.reload()
    page.keyboard.press("x")
    expect(page).to_have_url(f"{home}/case")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    page.get_by_role("dialog").get_by_role("checkbox").check()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("x")
    expect(page).to_have_url(f"{home}/decide?what=refuse")


def test_clock_counts_on_in_the_servers_words(page: Page, home: str) -> None:
    """The script says what is left as the server does, for every span, by the server's clock."""
    open_at(page, home)
    spans = [*range(-200, 200), *range(-400_000, 400_000, 1_777), 3_599, 3_600, 172_799, 172_800]
    counted = page.evaluate(
        "async ([from, spans]) => { const { leftText } = await import(from);"
        " return spans.map(leftText); }",
        [asset_url("console.js"), spans],
    )
    assert counted == [left_said(span) for span in spans]
    shown = page.locator("tbody time").all_text_contents()
    assert shown == [row["left"] for row in ROWS]


def test_clock_that_ends_becomes_overdue(page: Page, home: str) -> None:
    """As time goes by clocks are told anew, one that is over as overdue, and the page as old."""
    page.clock.install(time=NOW)
    open_at(page, home)
    clock = page.locator("tbody time").nth(1)
    expect(clock).to_have_text("24 min left")
    expect(page.get_by_role("status")).to_be_hidden()
    page.clock.fast_forward(60_000 * 20)
    expect(clock).to_have_text("4 min left")
    expect(page.get_by_role("status")).to_have_text(
        "What stands here was read 20 min ago. Read it again"
    )
    page.clock.fast_forward(60_000 * 10)
    expect(clock).to_have_text("overdue by 5 min")
    expect(clock).to_have_class("clock clock-overdue")
    tones = [tone_of(ends - 30 * 60) for ends in (51 * 60 + 30, 95 * 60 + 30)]
    assert tones == ["soon", "later"]
    for number, tone in enumerate(tones, start=3):
        expect(page.locator("tbody time").nth(number)).to_have_class(f"clock clock-{tone}")


def test_refused_form_says_what_is_missing(browser: Browser, home: str, shoot: Shoot) -> None:
    """A form that is refused comes back in place, and the focus is on what has to be mended."""
    context = browser.new_context(viewport={"width": WIDTHS["desk"], "height": HEIGHT})
    page = context.new_page()
    guard = Guard(page)
    guard.watch()
    open_at(page, f"{home}/decide")
    page.evaluate("() => { window.stays = true; }")
    page.get_by_role("button", name="Refuse the photo").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("2 things are missing")
    assert page.evaluate("() => window.stays"), "the page was loaded anew"
    assert page.get_by_label("Your reason").get_attribute("aria-invalid") == "true"
    assert not axe_violations(page)
    shoot(page, "patterns-decide-refused")
    summary.get_by_role("link", name="Give a reason").click()
    expect(page.get_by_label("Your reason")).to_be_focused()
    context.close()
    # The browser reports the answer's status, and that alone.
    assert [fault.partition(" ")[0] for fault in guard.faults] == ["status", "console"]
    assert all("422" in fault for fault in guard.faults)


def test_pages_work_without_a_script(browser: Browser, home: str, shoot: Shoot) -> None:
    """Without script the queue opens a case, the case a form, and the form says what is missing."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(home)
    expect(page.locator("tbody time").first).to_have_text("overdue by 20 min")
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_hidden()
    page.get_by_text("Menu", exact=True).click()
    expect(page.get_by_role("link", name="Policies")).to_be_visible()
    page.get_by_role("link", name=ROWS[1]["request"]).click()
    page.get_by_role("link", name="Refuse").click()
    page.get_by_role("button", name="Refuse the photo").click()
    expect(page.get_by_role("alert")).to_contain_text("2 things are missing")
    shoot(page, "patterns-no-script")
    context.close()


def test_outcomes_are_told_without_colour(page: Page, home: str, shoot: Shoot) -> None:
    """With the system's own colours each outcome still has its shape and its word."""
    page.emulate_media(forced_colors="active")
    open_at(page, f"{home}/case")
    shown = {text.replace("\n", "") for text in page.locator(".mark").all_inner_texts()}
    assert shown == {"●Released", "●released", "✕Refused", "◆Held for you"}
    assert not axe_violations(page)
    shoot(page, "patterns-forced-colours")


def test_paper_has_no_controls(page: Page, home: str, shoot: Shoot) -> None:
    """Printed, a page keeps its finding, reasons and practice bar, and loses what one presses."""
    open_at(page, f"{home}/case")
    page.emulate_media(media="print")
    for hidden in (".actions", ".nav-wide", ".person form", "[data-shortcuts]"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.get_by_text("Practice data. No real person's record")).to_be_visible()
    expect(page.get_by_text("As of 14:02 PST")).to_be_visible()
    shoot(page, "patterns-print")


def test_skip_link_leads_to_the_content(page: Page, home: str) -> None:
    """The first press of Tab offers the way past the header, and the focus is never covered."""
    open_at(page, f"{home}/case")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the page's content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Review queue").last).to_be_focused()
    last = page.get_by_role("link", name="WA-26-402818")
    while not last.evaluate("(link) => link === document.activeElement"):
        page.keyboard.press("Tab")
    box, bar = last.bounding_box(), page.locator(".actions").bounding_box()
    assert box
    assert bar
    assert box["y"] + box["height"] <= bar["y"]


def test_state_has_its_own_colour(page: Page) -> None:
    """A state's identity gives the rule, the first button and the seal of its pages."""
    plain = plain_identity(Member("or"))
    site = msgspec.structs.replace(plain, accent="#2b5a3a", seal=SEAL)
    with served(pattern_app(site)) as home:
        open_at(page, f"{home}/case")
        expect(page.locator(".masthead")).to_have_css("border-bottom-color", GREEN)
        expect(page.locator(".masthead-title")).to_have_text("Oregon · Record Exchange")
        expect(page.get_by_role("link", name="Release all")).to_have_css("background-color", GREEN)
        assert page.locator(".masthead img").evaluate("(seal) => seal.naturalWidth") == 36
