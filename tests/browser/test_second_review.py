"""Two reviewers release an address, in a real browser over a real network; one alone never does."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from comity.cli.publishing import people_of, published, signed_policy
from comity.cli.rules import named_rules
from comity.domain.answer import ResponseKind
from comity.domain.decision import RuleId
from comity.domain.ids import Member, wire_of_member
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy import Condition, Obligation, Rule, Statute
from comity.policy.rule import Mark
from comity.roles.settings import Settings
from tests.fault.network import held_query
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import enter, heading, opened_as
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)

GEORGIA: Final = Member("ga")
BY_TWO: Final = Rule(
    id=RuleId("GA-D1"),
    effect=Outcome.HOLD,
    when=Condition(agency=("US/DHS/ICE/HSI",), data_class=(DataClass.ADDRESS,)),
    obligations=(Obligation.LOG, Obligation.SECOND_REVIEW),
    sentence="Two people in Georgia look at each address for Homeland Security Investigations.",
    statute=Statute(cite="practice", mark=Mark.PRACTICE),
)


def put_into_force(settings: Settings) -> None:
    """Publish, as two people of Georgia, a rule that wants two reviewers."""
    bundle = named_rules(settings, f"@{GEORGIA}").bundle
    changed = msgspec.structs.replace(
        bundle, version=bundle.version + 1, rules=(*bundle.rules, BY_TWO)
    )
    people = people_of(settings, GEORGIA, ["author", "counsel"], (), 2)
    published(settings, GEORGIA, signed_policy(changed, people))


def release(page: Page) -> None:
    """Release all of a case by keys, and send it at once."""
    page.keyboard.press("r")
    page.wait_for_url("**/release")
    enter(page)
    page.wait_for_url("**/state/queue")
    page.get_by_role("button", name="now").first.click()


def test_one_proposes_and_another_confirms(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """The first release says that it waits; the requester gets the address behind the second."""
    desk.run(asyncio.to_thread(put_into_force, desk.network.settings))
    person = next(iter(desk.network.world.drivers(GEORGIA)))
    query = msgspec.structs.replace(
        held_query(desk.network.world, "PXTWO1"),
        destinations=(wire_of_member(GEORGIA),),
        fields=(("OLN", person.oln),),
    )
    first_told = desk.answered(query)
    assert [part.data_class for part in first_told.withheld] == [DataClass.ADDRESS]
    assert first_told.hold is not None
    number = first_told.hold.entry.rpartition("/")[2]
    path = f"/state/cases/{number}"
    one, one_guard = opened_as(browser, desk, "reviewer", GEORGIA, path)
    expect(one.get_by_text("Two reviewers release address here.")).to_be_visible()
    shoot.fits(one, "second-review-case")
    release(one)
    expect(one.get_by_text("You proposed it: another reviewer confirms it")).to_be_visible()
    waits = desk.further(query)
    assert (waits.response, waits.elements) == (ResponseKind.HELD, ())
    two, two_guard = opened_as(browser, desk, "supervisor", GEORGIA, path)
    expect(two.get_by_text("Reviewer proposed to release address at")).to_be_visible()
    shoot.fits(two, "second-review-proposed")
    two.keyboard.press("r")
    two.wait_for_url("**/release")
    assert "Confirm" in heading(two) or "confirm" in heading(two)
    two.goto(f"{desk.url}{path}")
    release(two)
    answer = desk.further(query)
    assert answer.response is ResponseKind.HIT
    assert {element.data_class for element in answer.elements} == {DataClass.ADDRESS}
    assert desk.stage.verify(answer) == len(answer.proofs) > 0
    one_guard.close()
    two_guard.close()
