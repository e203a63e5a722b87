"""Letters to an invented resident, for tests."""

from __future__ import annotations

from datetime import date

from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import AgencyType, DataClass, Instrument, Purpose
from comity.policy.laws import LawMark
from comity.review.letters import LetterFacts, Office, PostalAddress, SafeContact
from comity.review.letters.words import Happened, Language

OFFICE = Office(
    lines=("Office of Driver Records (practice data)", "1 Practice Street", "Springfield, IL"),
    call="the Records Desk",
    phone="217-555-0142",
    hours="Monday to Friday, 8 to 5",
    complain="Write to the Office of the Inspector, 9 Practice Street, Springfield, IL.",
)
POST = PostalAddress(lines=("12 Example Lane, Apt. 3", "Peoria, IL 61600"))
SAFE = SafeContact(
    name="the Address Confidentiality Program",
    how="Call 217-555-0177 and ask for the letter desk.",
)
FACTS = LetterFacts(
    language=Language.ENGLISH,
    state=Member("il"),
    practice=True,
    dated=date(2026, 3, 6),
    resident="Maria Practice Ortega",
    to=POST,
    office=OFFICE,
    agency="Alder County Sheriff (practice)",
    agency_type=AgencyType.SO,
    asked_on=date(2026, 3, 4),
    key=MessageKey("DQ"),
    purpose=Purpose.CIVIL_IMMIGRATION,
    instrument=Instrument.COURT_ORDER,
    happened=Happened.PARTLY,
    released=(DataClass.STATUS, DataClass.IDENTITY),
    withheld=(DataClass.ADDRESS, DataClass.PHOTO),
    cite="625 ILCS 5/6-110.3",
    mark=LawMark.READ,
    entry="il/4711",
)
