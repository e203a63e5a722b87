"""A warrant in a real browser, over a real network: two people read it, then it opens something."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member, parse_ori
from comity.domain.vocabulary import Instrument
from tests.fault.network import held_query
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading, opened_as
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)

IL: Final = Member("il")
NUMBER: Final = "26-MJ-118"
REMOVAL_OFFICERS: Final = parse_ori("USPX011ER")


def asked(desk: DeskNetwork, control: str) -> tuple[ResponseKind, str]:
    """What an office of ICE gets at once from Illinois on a warrant; and the hold's number."""
    query = held_query(desk.network.world, control)
    claims = msgspec.structs.replace(
        query.claims, instrument=Instrument.ARTICLE_III_WARRANT, instrument_ref=NUMBER
    )
    answer = desk.answered(msgspec.structs.replace(query, origin=REMOVAL_OFFICERS, claims=claims))
    return answer.response, answer.hold.entry.rpartition("/")[2] if answer.hold else ""


def test_two_people_read_a_warrant(
    browser: Browser, desk: DeskNetwork, shoot: Shoot, tmp_path: Path
) -> None:
    """Held on a claim, registered from the case, verified by a colleague: the next one goes."""
    paper = tmp_path / "warrant.pdf"
    paper.write_bytes(b"%PDF practice warrant")
    digest = sha256(paper.read_bytes()).hexdigest()
    response, number = asked(desk, "PXINST1")
    assert response is ResponseKind.HELD
    first, first_guard = opened_as(browser, desk, "reviewer", IL, f"/state/cases/{number}")
    expect(first.get_by_text("Nobody here has registered it.").first).to_be_visible()
    shoot.fits(first, "instrument-case")
    first.keyboard.press("i")
    first.wait_for_url("**/state/instruments/new?hold=*")
    assert first.get_by_label("Number", exact=True).input_value() == NUMBER
    first.get_by_label("Signed by").select_option("article_iii")
    first.get_by_label("Court or office").fill("Practice District Court")
    first.get_by_label("Issued on").fill("2026-11-20")
    first.get_by_label("The document", exact=True).set_input_files(paper)
    expect(first.get_by_label("SHA-256 of the document")).to_have_value(digest)
    expect(first.get_by_label("Its length in bytes")).to_have_value("21")
    shoot.fits(first, "instrument-new")
    first.get_by_role("button", name="Register it").click()
    first.wait_for_url(re.compile(r"/state/instruments/\d+$"))
    assert heading(first).endswith("waits for a second; until then it opens nothing.")
    assert asked(desk, "PXINST2")[0] is ResponseKind.HELD
    path = first.url.removeprefix(desk.url)
    second, second_guard = opened_as(browser, desk, "supervisor", IL, "/state/instruments")
    assert "waits for a second person" in heading(second)
    shoot.fits(second, "instruments")
    second.goto(f"{desk.url}{path}")
    shoot.fits(second, "instrument-verify")
    second.get_by_label("The document that you hold").set_input_files(paper)
    expect(second.get_by_label("SHA-256 of the document")).to_have_value(digest)
    second.get_by_label("Where you asked").fill("312-555-0190, from the court's page")
    second.get_by_label("What was answered").fill("the clerk read it back")
    second.get_by_role("button", name="Verify it").click()
    expect(second.get_by_text("312-555-0190, from the court's page")).to_be_visible()
    assert heading(second).endswith("was verified by two people and was not used yet.")
    shoot.fits(second, "instrument")
    assert asked(desk, "PXINST3")[0] is ResponseKind.HIT
    second.get_by_role("button", name="Revoke it now").click()
    second.wait_for_url("**/state/instruments")
    assert asked(desk, "PXINST4")[0] is ResponseKind.HELD
    first_guard.close()
    second_guard.close()
