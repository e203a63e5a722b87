"""A claim check in a real browser, over a real network: drawn, asked, answered, found."""

from __future__ import annotations

import time
from typing import Final

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member, wire_of_member
from comity.domain.keys import MessageKey
from comity.domain.query import Claims, Query
from comity.domain.vocabulary import AgencyType, Purpose
from comity.exchange.replies import reply_text
from comity.practice.agencies import agencies_of
from tests.browser.conftest import Shoot
from tests.support.browser import HEIGHT, WIDTHS, axe_violations, overflow
from tests.support.desk_network import CHECKING, DeskNetwork
from tests.support.desk_pages import heading, opened_as

pytestmark = pytest.mark.timeout(300)

NM: Final = Member("nm")
LIST: Final = "/state/claims"
WAIT_SECONDS_MAX: Final = 30


def question(desk: DeskNetwork, control: str) -> Query:
    """What a police department of New Mexico asks Maine about a driver."""
    police = next(each for each in agencies_of(NM) if each.type is AgencyType.PD)
    return Query(
        key=MessageKey("DQ"),
        origin=police.ori,
        destinations=(wire_of_member(CHECKING),),
        control=control,
        fields=(("OLN", next(iter(desk.network.world.drivers(CHECKING))).oln),),
        claims=Claims(
            purpose=Purpose.CRIMINAL_INVESTIGATION, case_number="NM-26-118", operator="B77"
        ),
    )


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


def loaded(page: Page, words: str) -> None:
    """Load a page until its sentence has these words."""
    until = time.monotonic() + WAIT_SECONDS_MAX
    while words not in heading(page) and time.monotonic() < until:
        page.wait_for_timeout(500)
        page.reload()
    assert words in heading(page)


def test_an_agency_is_asked_to_prove_its_case(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """Drawn by its leaf, asked by a message; not proved holds what follows, proved lets it go."""
    asked = question(desk, "PXCLAIM1")
    first = desk.answered(asked)
    assert first.response is ResponseKind.HIT
    entry = first.proofs[0].entry
    page, guard = opened_as(browser, desk, "reviewer", CHECKING, LIST)
    loaded(page, "1 claim check stands open")
    look_at(page, shoot, "claims")
    page.get_by_role("link", name=entry.upper()).click()
    page.wait_for_url(f"**{LIST}/*")
    assert "was asked to prove case NM-26-118 and has until the end of" in heading(page)
    look_at(page, shoot, "claim-open")
    answer = msgspec.structs.replace(
        asked,
        key=MessageKey("AM"),
        control="PXCLAIM2",
        fields=(("", reply_text(entry, "Report 26-118 of 24 Nov.\nCall our desk sergeant.")),),
    )
    assert "REPLY KEPT FOR THE CLAIM CHECK" in desk.answered(answer).remark
    page.reload()
    assert "answered 1 time about case NM-26-118" in heading(page)
    expect(page.get_by_text("Call our desk sergeant.")).to_be_visible()
    look_at(page, shoot, "claim-answered")
    page.locator("input[name=found][value=no]").check()
    page.get_by_role("button", name="Record what you found").click()
    page.wait_for_url(f"**{LIST}")
    assert "open, not proved in time" in heading(page)
    assert desk.answered(question(desk, "PXCLAIM3")).response is ResponseKind.HELD
    page.get_by_role("link", name=entry.upper()).click()
    expect(page.get_by_text("is held until the claim is found proved")).to_be_visible()
    look_at(page, shoot, "claim-not-proved")
    page.locator("input[name=found][value=yes]").check()
    page.get_by_role("button", name="Record what you found").click()
    page.wait_for_url(f"**{LIST}")
    assert desk.answered(question(desk, "PXCLAIM4")).response is ResponseKind.HIT
    guard.expect_none()
    page.context.close()
