"""The urgent lane: why it is not open, whose look counts, and the leaves of a look."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from comity.domain.after_review import AfterReview
from comity.domain.agency import Agency
from comity.domain.ids import ORI, Member
from comity.domain.planted import Flaw, Planted
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind
from comity.exchange.judged import UrgentFile
from comity.review.signatures import VerdictError
from comity.review.urgent import (
    AfterReviewError,
    check_after_review,
    overdue_leaf,
    records_alone,
    review_leaf,
    unmet,
)
from tests.support.exchange import CONTACT, ENROLLED, exchange_of
from tests.support.gateway import practice_agency
from tests.support.review import DAY, NOW, URGENT, look, signed_look

PHONE = "555-0111"
AGENCY = msgspec.structs.replace(
    practice_agency(ORI("ORPX00001"), "OR/LOCAL/PD", "oregon-1"), phone=PHONE
)
CLASSES = (DataClass.STATUS, DataClass.IDENTITY)
ASKED = msgspec.structs.replace(exchange_of(), claims=URGENT)
FILE = UrgentFile(exchange=ASKED, classes=CLASSES, step=0, released_at=NOW, due=NOW + DAY)
ALTERED: dict[str, Any] = {
    "state": Member("or"),
    "entry": "wa/8",
    "justified": False,
    "called": "555-0112",
    "called_at": NOW + 1,
    "answered": "nobody answered",
    "note": " ",
    "reviewer": "Another Reviewer",
    "at": NOW + 1,
}


@pytest.mark.parametrize("field", AfterReview.__struct_fields__)
def test_any_altered_field_is_refused(field: str) -> None:
    """A look with one field altered after it was signed settles nothing."""
    made = signed_look(look("wa/7"))
    check_after_review(made, ENROLLED, FILE, AGENCY, NOW)
    changed = msgspec.structs.replace(made.review, **{field: ALTERED[field]})
    altered = msgspec.structs.replace(made, review=changed)
    with pytest.raises(VerdictError):
        check_after_review(altered, ENROLLED, FILE, AGENCY, NOW)


@pytest.mark.parametrize("agency", [None, msgspec.structs.replace(AGENCY, phone="")])
def test_without_a_listed_number_it_is_never_justified(agency: Agency | None) -> None:
    """Nobody can confirm it; that it was not justified can be said, so that the look can end."""
    for called, justified in (("", True), (PHONE, True), (PHONE, False)):
        said = signed_look(look("wa/7", called=called, justified=justified))
        with pytest.raises(AfterReviewError):
            check_after_review(said, ENROLLED, FILE, agency, NOW)
    said = signed_look(look("wa/7", called="", justified=False))
    check_after_review(said, ENROLLED, FILE, agency, NOW)
    with pytest.raises(AfterReviewError):
        check_after_review(said, ENROLLED, FILE, AGENCY, NOW)


@pytest.mark.parametrize(
    ("changes", "agency", "is_closed", "why"),
    [
        ({"probe": True}, AGENCY, False, "What nobody asked is never urgent."),
        ({"planted": Planted(flaw=Flaw.NO_CASE)}, AGENCY, False, "What nobody asked is never"),
        ({"claims": msgspec.structs.replace(URGENT, operator="")}, AGENCY, False, "its operator"),
        ({}, None, False, "no number to call this agency back"),
        ({}, msgspec.structs.replace(AGENCY, phone=""), False, "no number"),
        ({}, AGENCY, True, "found not justified"),
        ({}, AGENCY, False, ""),
    ],
)
def test_why_the_lane_is_not_open(
    changes: dict[str, Any], agency: Agency | None, is_closed: bool, why: str
) -> None:
    """Each reason by itself, with whom to call; where there is none, it is open."""
    said = unmet(msgspec.structs.replace(ASKED, **changes), agency, CONTACT, is_closed=is_closed)
    assert why in said
    assert bool(said) == bool(why)
    assert changes.keys() & {"probe", "planted"} or not said or CONTACT in said


def test_whom_to_call_where_no_desk_is_named() -> None:
    """The sentence stands without a contact too."""
    assert records_alone("") == "The urgent lane is for records alone. Call the state."
    assert CONTACT in records_alone(CONTACT)


def test_leaves_of_a_look_name_the_classes() -> None:
    """Justified: as released; not: as withheld; overdue: a closure. None shows the agency."""
    for justified in (True, False):
        made = signed_look(look("wa/7", justified=justified))
        header = review_leaf(made, FILE, step=0, now=NOW).header
        decision = LeafDecision.APPROVE if justified else LeafDecision.REFUSE
        assert (header.kind, header.decision, header.cites) == (
            LeafKind.VERDICT,
            decision,
            "wa/7",
        )
        assert (header.released, header.withheld) == ((CLASSES, ()) if justified else ((), CLASSES))
        assert header.agency is None
    closed = overdue_leaf(Member("wa"), CLASSES, "wa/7", step=0, times=(NOW, NOW + 1)).header
    assert (closed.kind, closed.decision) == (LeafKind.CLOSURE, LeafDecision.EXPIRED)
    assert (closed.withheld, closed.cites) == (CLASSES, "wa/7")
