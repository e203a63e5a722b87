"""A made-up clause of Washington that demands notices, and requests that it means."""

from __future__ import annotations

import msgspec

from comity.domain.agency import Family
from comity.domain.query import NO_CLAIMS
from comity.domain.vocabulary import Instrument, Purpose
from comity.policy.clock import Clock, ClockUnit, StartEvent
from comity.policy.laws import LawMark
from comity.review.letters import Office
from comity.review.letters.words import Language
from comity.review.notices import Adopted, NoticeRules
from tests.support.gateway import WA

__all__ = ["ORDERED", "RULES"]

# Washington has no such clause: this one is made up, and means a Texas family.
RULES = NoticeRules(
    state=WA,
    adopted=(
        Adopted(
            law="WA-PRACTICE",
            clause="tell",
            cite="practice clause",
            mark=LawMark.READ,
            label="practice adoption",
            clock=Clock(
                id="tell",
                starts=StartEvent.REQUEST_RECEIVED,
                amount=3,
                unit=ClockUnit.CALENDAR_DAYS,
            ),
            families=frozenset({Family("TX/LOCAL")}),
            instruments=frozenset({Instrument.COURT_ORDER}),
        ),
    ),
    office={
        Language.ENGLISH: Office(
            lines=("Office of Practice", "1 Practice Street"),
            call="the practice desk",
            phone="555-0142",
            hours="Monday to Friday, 8 to 5",
            complain="Write to the Inspector of Practice.",
        )
    },
    delays={},
)
ORDERED = msgspec.structs.replace(
    NO_CLAIMS, purpose=Purpose.CIVIL_IMMIGRATION, instrument=Instrument.COURT_ORDER
)
