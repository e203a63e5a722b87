"""A state's pages in a real browser, as one of its people opens them."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from comity.domain.answer import ResponseKind
from comity.domain.ids import ORI, Member, wire_of_member
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from tests.support.browser import Guard
from tests.support.desk_network import DeskNetwork

__all__ = ["asks_nobody", "enter", "heading", "opened_as", "opened_until"]


def asks_nobody(desk: DeskNetwork, agency: ORI, state: Member, control: str) -> ResponseKind:
    """What a state answers an agency about a licence that nobody has."""
    query = Query(
        key=MessageKey("DQ"),
        origin=agency,
        destinations=(wire_of_member(state),),
        control=control,
        fields=(("OLN", "PXZZ00000"),),
    )
    return desk.answered(query).response


def heading(page: Page) -> str:
    """The sentence that a page begins with."""
    return page.get_by_role("heading", level=1).inner_text()


def opened_until(page: Page, url: str, words: str) -> None:
    """Open a page anew until it has some words, which must come soon."""
    for _ in range(40):
        page.goto(url)
        if page.get_by_text(words).count():
            return
        page.wait_for_timeout(250)
    raise AssertionError(words)


def enter(page: Page) -> None:
    """Press Enter where a page gives the focus, which it does in a moment of its own."""
    expect(page.locator("[autofocus]")).to_be_focused()
    page.keyboard.press("Enter")


def opened_as(
    browser: Browser, desk: DeskNetwork, post: str, state: Member, path: str
) -> tuple[Page, Guard]:
    """A page of a state's employee, which must do nothing wrong."""
    context = browser.new_context(storage_state=desk.sign_in(browser, post, state))
    page = context.new_page()
    guard = Guard(page)
    guard.watch()
    page.goto(f"{desk.url}{path}")
    return page, guard
