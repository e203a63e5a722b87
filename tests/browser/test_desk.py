"""The state's desk in a real browser, over a real network: what staff do, and what agencies get."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.console.people import Role
from comity.console.routes import ROUTES, Name, Who, url_of
from comity.domain.answer import ResponseKind
from comity.domain.vocabulary import DataClass
from tests.support.browser import Guard, axe_violations, overflow
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)
KEYS_MAX = 6


@pytest.fixture(scope="module")
def cookies(browser: Browser, desk: DeskNetwork) -> dict[str, Any]:
    """What the browsers of Illinois's staff keep after signing in, by post."""
    posts = ("reviewer", "supervisor", "author", "counsel", "auditor", "operator")
    return {post: desk.sign_in(browser, post) for post in posts}


@pytest.fixture
def reviewer(page: Page, desk: DeskNetwork, cookies: dict[str, Any]) -> Page:
    """The reviewer's page, at the queue; it must do nothing wrong."""
    page.context.add_cookies(cookies["reviewer"]["cookies"])
    page.goto(f"{desk.url}/state/queue")
    return page


def test_part_of_a_record_reaches_who_asked(reviewer: Page, desk: DeskNetwork) -> None:
    """Held, opened, released in part: the requester gets exactly those fields, and a receipt."""
    query, number = desk.held()
    reviewer.reload()
    assert "for a decision" in heading(reviewer)
    reviewer.get_by_role("link", name=f"IL/{number}", exact=True).click()
    assert "asks for status, identity and address" in heading(reviewer)
    reviewer.get_by_role("link", name="Release part").click()
    reviewer.get_by_label("Address").uncheck()
    reviewer.get_by_role("button", name="Release the chosen parts").click()
    expect(reviewer.get_by_text("It has not left yet.")).to_be_visible()
    reviewer.get_by_role("button", name=f"Send IL/{number} now").click()
    became = reviewer.locator("#verdicts").get_by_role("row").filter(has_text=f"IL/{number}").first
    expect(became).to_contain_text("got status, identity. Recorded as IL/")
    answer = desk.further(query)
    assert answer.response is ResponseKind.HIT
    got = {element.data_class for element in answer.elements}
    assert got == {DataClass.STATUS, DataClass.IDENTITY}
    assert {part.data_class for part in answer.withheld} == {DataClass.ADDRESS}
    assert desk.stage.verify(answer) == len(answer.proofs) > 0


def test_what_would_go_out_is_what_goes(reviewer: Page, desk: DeskNetwork) -> None:
    """By one key a reviewer sees each value that a release then gives the agency, and its leaf."""
    query, number = desk.held()
    reviewer.goto(f"{desk.url}/state/cases/{number}")
    expect(reviewer.get_by_text("Goes out")).to_have_count(0)
    reviewer.keyboard.press("v")
    expect(reviewer.get_by_text("A release now lets")).to_be_visible()
    expect(reviewer.get_by_text("That you saw this is recorded as IL/")).to_be_visible()
    assert not axe_violations(reviewer)
    values = {" ".join(each.inner_text().split()) for each in reviewer.locator("dd").all()}
    reviewer.keyboard.press("r")
    reviewer.get_by_role("button", name="Release").click()
    reviewer.get_by_role("button", name=f"Send IL/{number} now").click()
    elements = desk.further(query).elements
    assert elements
    assert {" ".join(element.value.split()) for element in elements} <= values


def test_pass_with_a_release_lets_the_case_go_on(reviewer: Page, desk: DeskNetwork) -> None:
    """Ticked, the case's next request of the agency is answered at once."""
    query, number = desk.held()
    reviewer.goto(f"{desk.url}/state/cases/{number}/release")
    reviewer.get_by_label("Also let later requests").check()
    reviewer.get_by_label("For how many days").fill("2")
    reviewer.get_by_role("button", name="Release").click()
    expect(reviewer.get_by_text("with a pass for its case")).to_be_visible()
    reviewer.get_by_role("button", name=f"Send IL/{number} now").click()
    granted = reviewer.get_by_text("go at once until")
    expect(granted).to_be_visible()
    assert desk.further(query).response is ResponseKind.HIT
    assert desk.answer_at_once().response is ResponseKind.HIT
    entry = granted.inner_text().rpartition("pass ")[2].rstrip(".")
    reviewer.goto(f"{desk.url}/state/passes")
    # Another test's pass may stand beside it.
    assert re.search(r"used \d+ times? so far", heading(reviewer))
    reviewer.get_by_role("link", name=entry, exact=True).click()
    assert not axe_violations(reviewer)
    assert not overflow(reviewer)
    reviewer.get_by_role("button", name="End this pass now").click()
    reviewer.wait_for_url("**/state/passes")
    expect(reviewer.get_by_role("link", name=entry, exact=True)).to_have_count(0)
    _, held_again = desk.held()
    assert held_again != number


def test_urgent_release_is_looked_at(reviewer: Page, desk: DeskNetwork) -> None:
    """Released at once, it waits for a look; called back and found justified, it waits no more."""
    entry = desk.released_as_urgent()
    reviewer.goto(f"{desk.url}/state/urgent")
    assert heading(reviewer) == "1 urgent release waits for a look."
    reviewer.get_by_role("link", name=entry.upper()).click()
    assert heading(reviewer).endswith("at once: was it an emergency?")
    assert not axe_violations(reviewer)
    assert not overflow(reviewer)
    reviewer.get_by_label("What was said on the phone").fill("The duty officer confirms it.")
    reviewer.get_by_role("radio").first.check()
    reviewer.get_by_role("button", name="Record what you found").click()
    reviewer.wait_for_url("**/state/urgent")
    assert heading(reviewer) == "Every urgent release was looked at."


def test_refusal_and_its_clause_reach_who_asked(reviewer: Page, desk: DeskNetwork) -> None:
    """Refused by a clause: the agency reads the rule and the reviewer's words."""
    query, number = desk.held()
    reviewer.goto(f"{desk.url}/state/cases/{number}/refuse")
    reviewer.get_by_label("Your reason").fill("Ask with a warrant.")
    reviewer.get_by_role("button", name="Refuse").click()
    reviewer.get_by_role("button", name=f"Send IL/{number} now").click()
    expect(reviewer.get_by_text("was refused status, identity, address.")).to_be_visible()
    answer = desk.further(query)
    assert answer.response is ResponseKind.REFUSED
    assert "IL-S01: " in answer.remark
    assert "Ask with a warrant. - TO APPEAL " in answer.remark


def test_question_is_asked_and_the_case_waits(reviewer: Page, desk: DeskNetwork) -> None:
    """Asked: the agency gets the question, the case stands among those that wait for a reply."""
    query, number = desk.held()
    reviewer.goto(f"{desk.url}/state/cases/{number}/ask")
    reviewer.get_by_label("Your question").fill("Which case is this?")
    reviewer.get_by_role("button", name="Ask").click()
    reviewer.get_by_role("button", name=f"Send IL/{number} now").click()
    became = reviewer.locator("#verdicts").get_by_role("row").filter(has_text=f"IL/{number}").first
    expect(became).to_contain_text("was asked; the request waits")
    assert desk.further(query).remark.endswith("Which case is this?")
    reviewer.reload()
    last = reviewer.locator("[data-row]").last
    expect(last).to_contain_text(f"IL/{number}")


def test_verdict_is_taken_back(reviewer: Page, desk: DeskNetwork) -> None:
    """Taken back within the minute: the case waits again, and nothing went out."""
    _, number = desk.held()
    reviewer.goto(f"{desk.url}/state/cases/{number}/release")
    reviewer.get_by_role("button", name="Release").click()
    reviewer.get_by_role("button", name=f"Take back IL/{number}").click()
    expect(reviewer.get_by_text("You took it back: nothing went to")).to_be_visible()
    expect(reviewer.get_by_role("link", name=f"IL/{number}", exact=True)).to_be_visible()


def test_plain_case_takes_few_keys(reviewer: Page, desk: DeskNetwork) -> None:
    """From the queue to a verdict by keys alone, and back to the queue."""
    _, number = desk.held()
    # Its own first, whatever other tests left in the queue.
    reviewer.goto(f"{desk.url}/state/cases/{number}")
    reviewer.keyboard.press("t")
    expect(reviewer.get_by_role("button", name="Take it")).to_have_count(0)
    reviewer.goto(f"{desk.url}/state/queue")
    keys = ["j", "Enter", "r", "Enter"]
    reviewer.keyboard.press(keys[0])
    reviewer.keyboard.press(keys[1])
    reviewer.wait_for_url("**/state/cases/*")
    reviewer.keyboard.press(keys[2])
    reviewer.wait_for_url("**/release")
    assert heading(reviewer).startswith("Release status, identity and address to ")
    expect(reviewer.locator("[autofocus]")).to_be_focused()
    reviewer.keyboard.press(keys[3])
    reviewer.wait_for_url("**/state/queue")
    expect(reviewer.get_by_text("It has not left yet.")).to_be_visible()
    assert len(keys) <= KEYS_MAX
    reviewer.keyboard.press("u")
    expect(reviewer.get_by_text("You took it back").first).to_be_visible()


def test_without_scripts_everything_works(
    browser: Browser, desk: DeskNetwork, cookies: dict[str, Any]
) -> None:
    """Sign in, open, choose parts, decide, send, sign out: by links and forms alone."""
    query, number = desk.held()
    cookie = desk.sign_in_anew(browser, "reviewer")
    context = browser.new_context(java_script_enabled=False, storage_state=cookie)
    page = context.new_page()
    guard = Guard(page)
    guard.watch()
    page.goto(f"{desk.url}/state/queue")
    page.get_by_role("link", name=f"IL/{number}", exact=True).click()
    page.get_by_role("button", name="Show what would go out").click()
    expect(page.get_by_text("A release now lets")).to_be_visible()
    page.get_by_role("link", name="Release all").click()
    page.get_by_role("button", name="Release").click()
    page.get_by_role("button", name=f"Send IL/{number} now").click()
    expect(page.get_by_text("got status, identity, address. Recorded as").first).to_be_visible()
    assert desk.further(query).response is ResponseKind.HIT
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto(f"{desk.url}/state/queue")
    assert heading(page) == "Sign in to see what waits for your state."
    guard.close()


def test_resident_is_told(reviewer: Page, desk: DeskNetwork) -> None:
    """A notice is owed by a day; its letter is a PDF; told, it is owed no more."""
    number = desk.owing()
    reviewer.goto(f"{desk.url}/state/notices")
    assert "must be told who asked for their record" in heading(reviewer)
    reviewer.get_by_role("link", name=f"IL/{number}", exact=True).click()
    reviewer.get_by_label("The resident's name").fill("Jane Doe")
    reviewer.get_by_label("Address, a line each").fill("1 Example Ave\nLorvane, IL 60000")
    with reviewer.expect_download() as saved:
        reviewer.get_by_role("button", name="Write the letter (PDF)").click()
    assert saved.value.suggested_filename == f"letter-il-{number}-en.pdf"
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
    reviewer.get_by_role("button", name="The resident was told").click()
    reviewer.wait_for_url("**/state/notices")
    expect(reviewer.get_by_role("link", name=f"IL/{number}", exact=True)).to_have_count(0)


def test_sign_in_refuses_what_was_not_begun_here(page: Page, desk: DeskNetwork) -> None:
    """A way back without a beginning opens nothing, and the page says so."""
    faults = Guard(page)
    response = page.request.get(f"{desk.url}/sign-in/done?code=x&state=y", max_redirects=0)
    assert response.status == 400
    assert "not finished" in response.text()
    faults.expect_none()


ACTS = ("release", "part", "ask", "refuse", "pass")
LOOKED_AT_APART = (
    *(Name.CERTIFICATE, Name.RELEASE, Name.PASS, Name.INSTRUMENT, Name.CLAIM),
    *(Name.ONWARD_TOLD, Name.APPEAL, Name.STATE_PASSKEYS),
    *(Name.LITIGATION_HOLD, Name.AS_OF_PAPER, Name.ASSIGNING, Name.RE_REVIEW),
    *(Name.SAME_CASE, Name.CONSIDER_SAME_CASE, Name.FEED_STREAM, Name.PROTECTION, Name.DEMAND),
)
PAGES = [
    (route, url_of(route.name, number="{number}", act=act, clause="BLOCK-1", day="2026-03-14"))
    for route in ROUTES
    if route.method == "GET" and route.who is Who.PLACED
    # What an agency's people see, test_asking.py looks at.
    if route.path.startswith("/state/")
    # What these show is made, and looked at, in a test of its own.
    if route.name not in LOOKED_AT_APART
    if "{draft}" not in route.path
    for act in (ACTS if "{act}" in route.path else ("",))
]


@pytest.fixture(scope="module")
def parks(browser: Browser, desk: DeskNetwork, cookies: dict[str, Any]) -> None:
    """The Park Service is blocked in Illinois, which waits for a second person."""
    context = browser.new_context(storage_state=cookies["author"])
    page = context.new_page()
    page.goto(f"{desk.url}/state/block?family=US/DOI/NPS&authority=Order+9")
    page.get_by_role("button", name="Block now").click()
    page.wait_for_url("**/state/blocks/BLOCK-1")
    context.close()


@pytest.mark.usefixtures("parks")
def test_every_page_at_every_width(
    browser: Browser, desk: DeskNetwork, cookies: dict[str, Any], shoot: Shoot
) -> None:
    """Nothing overflows, axe finds nothing, nothing is logged, asked for in vain or elsewhere."""
    _, number = desk.held()
    owing = desk.owing()
    found: list[str] = []
    for post in ("reviewer", "counsel"):
        context = browser.new_context(storage_state=cookies[post], reduced_motion="reduce")
        page = context.new_page()
        guard = Guard(page)
        guard.watch()
        for route, path in PAGES:
            if post != ("reviewer" if Role.REVIEWER in route.roles else "counsel"):
                continue
            value = owing if route.name is Name.NOTICE else number
            page.goto(f"{desk.url}{path.replace('{number}', value)}")
            act = path.rpartition("/")[2] if route.name is Name.CONSIDER else ""
            found += shoot.faults(page, f"desk-{route.name}{'-' + act if act else ''}")
        guard.close()
    assert not found, "\n".join(found)


def test_every_post_sees_its_own_pages(
    browser: Browser, desk: DeskNetwork, cookies: dict[str, Any]
) -> None:
    """In the navigation of a post stand the pages that its roles open, and each of them opens."""
    for post, cookie in cookies.items():
        context = browser.new_context(storage_state=cookie)
        page = context.new_page()
        guard = Guard(page)
        guard.watch()
        page.goto(desk.url)
        links = page.locator(".menu-panel nav a")
        addresses = [link.get_attribute("href") for link in links.all()]
        assert ("/state/queue" in addresses) == (post not in ("author", "operator"))
        for address in addresses:
            page.goto(f"{desk.url}{address}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
        guard.close()
