"""What officers do all day, and what the states' choices change."""

from __future__ import annotations

import msgspec

from comity.domain.answer import ResponseKind
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass
from comity.practice.story.teller import (
    CBP,
    CRIME,
    ERO,
    POLICE,
    Teller,
    check_has,
    check_is,
    check_refused,
    elements_of,
    expect,
    said,
    saw,
)

__all__ = [
    "cbp_to_ny_refused",
    "cbp_to_wa_released",
    "class_withheld",
    "dq_by_name_released",
    "dq_by_number_released",
    "ice_to_wa_refused",
    "ice_without_rule_released",
    "kq_with_purpose_released",
    "list_of_states_answered_each",
    "no_record_told",
    "not_stated_is_no_claim",
    "rq_by_plate_released",
    "rq_by_vin_released",
]


async def dq_by_number_released(tell: Teller) -> str:
    """A police department asks Ohio for a licence by its number."""
    person = tell.anchor("oh")
    answer = await tell.ask(POLICE, "DQ", "oh", [("OLN", person.driver.oln)])
    check_is(answer, ResponseKind.HIT)
    check_has(answer, DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
    return said(answer, "Bexley Falls police asked Ohio by licence number")


async def dq_by_name_released(tell: Teller) -> str:
    """The same by name, birth date and sex."""
    fields = tell.by_name("oh")
    answer = await tell.ask(POLICE, "DQ", "oh", fields)
    check_is(answer, ResponseKind.HIT)
    return said(answer, "Bexley Falls police asked Ohio by name, birth date and sex")


async def rq_by_plate_released(tell: Teller) -> str:
    """A registration by its plate."""
    vehicle = tell.anchor("md").vehicle
    fields = [("LIC", vehicle.plate), ("LIY", vehicle.plate_year), ("LIT", vehicle.plate_type)]
    answer = await tell.ask(POLICE, "RQ", "md", fields)
    check_is(answer, ResponseKind.HIT)
    check_has(answer, DataClass.VEHICLE, DataClass.OWNER)
    return said(answer, "Bexley Falls police asked Maryland by plate, no reason stated")


async def rq_by_vin_released(tell: Teller) -> str:
    """A registration by the vehicle's number."""
    answer = await tell.ask(POLICE, "RQ", "md", [("VIN", tell.anchor("md").vehicle.vin)])
    check_is(answer, ResponseKind.HIT)
    return said(answer, "Bexley Falls police asked Maryland by VIN")


async def kq_with_purpose_released(tell: Teller) -> str:
    """A driver history, with the reason stated."""
    fields = [("OLN", tell.anchor("oh").driver.oln)]
    answer = await tell.ask(POLICE, "KQ", "oh", fields, CRIME)
    check_is(answer, ResponseKind.HIT)
    return said(answer, "Bexley Falls police asked Ohio for a driver history, case 26-0117")


async def no_record_told(tell: Teller) -> str:
    """No record is told as such, and only as such."""
    answer = await tell.ask(POLICE, "DQ", "oh", [("OLN", "PXZZ00000")])
    check_is(answer, ResponseKind.NO_HIT)
    expect(not answer.elements, "a missing record brought elements")
    return said(answer, "a number that nobody has")


async def ice_without_rule_released(tell: Teller) -> str:
    """The problem: a state without a rule answers ICE at once."""
    answer = await tell.ask(ERO, "DQ", "oh", [("OLN", tell.anchor("oh").driver.oln)])
    check_is(answer, ResponseKind.HIT)
    check_has(answer, DataClass.ADDRESS)
    return said(answer, "the problem: ICE asked Ohio, which has no rule of its own")


async def ice_to_wa_refused(tell: Teller) -> str:
    """Washington, as reported, refuses ICE and says why."""
    answer = await tell.ask(ERO, "DQ", "wa", [("OLN", tell.anchor("wa").driver.oln)])
    check_refused(answer)
    return said(answer, "ICE asked Washington")


async def cbp_to_wa_released(tell: Teller) -> str:
    """The leak: the next agency of the same department is answered."""
    answer = await tell.ask(CBP, "DQ", "wa", [("OLN", tell.anchor("wa").driver.oln)])
    check_is(answer, ResponseKind.HIT)
    return said(answer, "the leak: CBP asked Washington for the same person")


async def cbp_to_ny_refused(tell: Teller) -> str:
    """New York, as reported, refuses the family, not one agency."""
    answer = await tell.ask(CBP, "DQ", "ny", [("OLN", tell.anchor("ny").driver.oln)])
    check_refused(answer)
    return said(answer, "CBP asked New York")


async def class_withheld(tell: Teller) -> str:
    """A state releases a record without its photo to an agency, and names the rule."""
    fields = [("OLN", tell.anchor("md").driver.oln), ("IMQ", "Y")]
    answer = await tell.ask(ERO, "DQ", "md", fields)
    expect(answer.response in (ResponseKind.HIT, ResponseKind.REFUSED), saw(answer))
    withheld = {part.data_class for part in answer.withheld}
    expect(DataClass.PHOTO in withheld, f"the photo was not withheld: {saw(answer)}")
    expect(not elements_of(answer, DataClass.PHOTO), "a withheld photo crossed the link")
    return said(answer, "ICE asked Maryland for a licence with its photo")


async def list_of_states_answered_each(tell: Teller) -> str:
    """One query to two states gets two answers, each under its own state's rules."""
    query = tell.query(ERO, "DQ", "oh", tell.by_name("oh"))
    query = msgspec.structs.replace(query, destinations=("OH", "WA"))
    answers = [tell.keep(heard) for heard in await tell.stage.ask(query, count=2)]
    found = {answer.state: answer.response for answer in answers}
    expected = {Member("oh"): ResponseKind.HIT, Member("wa"): ResponseKind.REFUSED}
    expect(found == expected, ", ".join(saw(answer) for answer in answers))
    return "ICE asked Ohio and Washington at once: Ohio released, Washington refused"


async def not_stated_is_no_claim(tell: Teller) -> str:
    """What is not stated is no claim: California gives no history without a reason."""
    fields = [("OLN", tell.first_oln("ca"))]
    refused = await tell.ask(POLICE, "KQ", "ca", fields)
    check_refused(refused)
    released = await tell.ask(POLICE, "KQ", "ca", fields, CRIME)
    check_is(released, ResponseKind.HIT)
    return "California refused a driver history without a purpose and gave it with one"
