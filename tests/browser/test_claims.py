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
from tests.support.desk_network import CHECKING, DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot

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
    shoot.fits(page, "claims")
    page.get_by_role("link", name=entry.upper()).click()
    page.wait_for_url(f"**{LIST}/*")
    assert "was asked to prove case NM-26-118 and has until the end of" in heading(page)
    shoot.fits(page, "claim-open")
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
    shoot.fits(page, "claim-answered")
    page.locator("input[name=found][value=no]").check()
    page.get_by_role("button", name="Record what you found").click()
    page.wait_for_url(f"**{LIST}")
    assert "open, not proved in time" in heading(page)
    assert desk.answered(question(desk, "PXCLAIM3")).response is ResponseKind.HELD
    page.get_by_role("link", name=entry.upper()).click()
    expect(page.get_by_text("is held until the claim is found proved")).to_be_visible()
    shoot.fits(page, "claim-not-proved")
    page.locator("input[name=found][value=yes]").check()
    page.get_by_role("button", name="Record what you found").click()
    page.wait_for_url(f"**{LIST}")
    assert desk.answered(question(desk, "PXCLAIM4")).response is ResponseKind.HIT
    guard.close()
