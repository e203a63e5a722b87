"""Rules written in a real browser, over a real network: one person drafts, another approves."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member, parse_ori
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import asks_nobody, heading, opened_as
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)

STATE: Final = Member("mt")
BORDER: Final = parse_ori("USPX041OF")
SAID: Final = "Montana gives nothing to CBP without a court order."
GATE_MS: Final = 90_000
"""The gate takes seconds, on a busy machine many."""
PAGES: Final = ("", "/around", "/clauses/MT-D1", "/clauses/MT-D1?by=text", "/guarantees",
                "/replay", "/leaks", "/sign")  # fmt: skip


def border_asks(desk: DeskNetwork, control: str) -> ResponseKind:
    """What Montana answers an office of CBP about a licence that nobody has."""
    return asks_nobody(desk, BORDER, STATE, control)


def write_clause(page: Page) -> None:
    """From the rules to a draft with one clause, which says what it does while it is written."""
    page.keyboard.press("d")
    page.wait_for_url("**/state/rules/drafts")
    page.keyboard.press("n")
    page.wait_for_url("**/state/rules/drafts/*")
    assert heading(page).endswith(" changes nothing.")
    page.keyboard.press("n")
    page.wait_for_url("**/clauses/new")
    page.locator("summary", has_text="to whom").first.click()
    page.get_by_role("checkbox", name="CBP", exact=True).first.check()
    page.get_by_label("It rests on").fill("Order 21")
    page.get_by_label("The sentence that the agency reads").fill("Montana gives nothing")
    beside = page.locator("#in-step")
    expect(beside).to_contain_text("CBP may not get any data.")
    expect(beside).to_contain_text('principal in Agency::"US/DHS/CBP"')
    expect(beside).to_contain_text("Tightens ")
    expect(page.locator("#said-when-agency")).to_have_text("CBP")
    page.get_by_label("The sentence that the agency reads").fill(SAID)
    page.get_by_text("Add an exception").click()
    exception = page.locator("details.choices-more", has_text="Add an exception")
    exception.locator("summary", has_text="when they hold").click()
    exception.get_by_role("checkbox", name="a court order").check()
    expect(beside).to_contain_text("It is not so when they hold a court order.")
    expect(page.locator("#said-unless1-instrument")).to_have_text("a court order")
    expect(beside).to_contain_text('unless = [{ instrument = ["court_order"] }]')
    page.get_by_role("button", name="Keep it in the draft").click()
    page.wait_for_url("**/state/rules/drafts/*#rule-MT-D1")
    assert " tightens " in heading(page)
    assert heading(page).endswith("because of MT-D1.")


def examine(page: Page, shoot: Shoot) -> None:
    """Have the draft counted; look at each of its pages at each width."""
    draft = page.url.partition("#")[0]
    page.goto(f"{draft}/replay")
    page.keyboard.press("e")
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        "refused instead of released", timeout=GATE_MS
    )
    found: list[str] = []
    for path in PAGES:
        page.goto(f"{draft}{path}")
        name = path.strip("/").replace("/", "-").replace("?by=", "-") or "draft"
        found += shoot.faults(page, f"drafts-{name}")
    assert not found, "\n".join(found)


def sign_first(page: Page) -> str:
    """Sign as the first person; return where the other signs."""
    page.keyboard.press("s")
    page.wait_for_url("**/sign")
    page.keyboard.press("s")
    expect(page.get_by_text("You have signed it.")).to_be_visible()
    return page.url


def approve(browser: Browser, desk: DeskNetwork, where: str) -> None:
    """Counsel reads the same comparison, and signs: it takes force."""
    page, guard = opened_as(browser, desk, "counsel", STATE, where.removeprefix(desk.url))
    page.get_by_role("button", name="Sign as the second person and publish").click(timeout=GATE_MS)
    page.wait_for_url("**/state/rules/history", timeout=GATE_MS)
    guard.close()


def test_rules_are_drafted_approved_and_brought_back(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """The next query is refused; brought back by the same two, it is answered again."""
    assert border_asks(desk, "PXDRAFT1") is ResponseKind.NO_HIT
    author, guard = opened_as(browser, desk, "author", STATE, "/state/rules")
    write_clause(author)
    examine(author, shoot)
    author.goto(author.url.rpartition("/")[0])
    where = sign_first(author)
    approve(browser, desk, where)
    assert border_asks(desk, "PXDRAFT2") is ResponseKind.REFUSED
    author.goto(f"{desk.url}/state/rules/history")
    author.get_by_role("button", name="Bring version 1 back").click()
    author.wait_for_url("**/state/rules/drafts/*")
    assert " loosens " in heading(author)
    where = sign_first(author)
    approve(browser, desk, where)
    assert border_asks(desk, "PXDRAFT3") is ResponseKind.NO_HIT
    guard.close()


def test_without_scripts_a_clause_is_checked_and_kept(browser: Browser, desk: DeskNetwork) -> None:
    """By links and forms alone: check shows the three forms, keep keeps."""
    cookie = desk.sign_in(browser, "author", "nd")
    context = browser.new_context(java_script_enabled=False, storage_state=cookie)
    page = context.new_page()
    page.goto(f"{desk.url}/state/rules/drafts")
    page.get_by_role("button", name="Open a draft").click()
    page.get_by_role("link", name="Write a clause").click()
    page.get_by_role("link", name="Write it as text").click()
    page.get_by_label("The clause as text").fill("id = ")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_contain_text("is not TOML")
    page.get_by_label("The clause as text").fill(
        'id = "ND-D1"\neffect = "hold"\nwhen.data_class = ["photo"]\n'
        'sentence = "A person looks at every photo."\nstatute = { cite = "Order 3", mark = "V" }\n'
    )
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#in-step")).to_contain_text('resource == DataClass::"photo"')
    page.get_by_role("button", name="Keep it in the draft").click()
    page.wait_for_url("**/state/rules/drafts/*#rule-ND-D1")
    assert " tightens " in heading(page)
    page.get_by_role("button", name="Drop this draft").click()
    page.wait_for_url("**/state/rules/drafts")
    context.close()
