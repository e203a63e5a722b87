"""What a reviewer signs to see what would go out: its bytes, and who may."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.answer import Element, ResponseKind
from comity.domain.ids import Member
from comity.domain.record_reading import (
    RecordOutcome,
    RecordReading,
    SignedRecordReading,
    record_reading_bytes,
)
from comity.domain.vocabulary import DataClass, Outcome, RecordKind
from comity.exchange.answering import Found, HoldFile
from comity.review.showing import check_record_reading, shown_elements, would_release
from comity.review.verdicts import HoldClosedError, VerdictError
from tests.support.exchange import (
    ENROLLED,
    HOLD_ENTRY,
    NOW,
    REVIEWER,
    exchange_of,
    judged_of,
    signed_record_reading,
)

WA = Member("wa")
UNTIL = NOW + 3_600
READING = RecordReading(state=WA, hold_entry=HOLD_ENTRY, step=1, reviewer=REVIEWER, at=NOW)
HOLD = HoldFile(
    exchange=exchange_of("DQ"),
    classes=(DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS),
    withheld=(),
    opened_at=NOW - 60,
    until=UNTIL,
)
FOUND = Found(
    kind=RecordKind.LICENCE,
    elements=(
        Element(data_class=DataClass.STATUS, name="LICENCE_STATUS", value="valid"),
        Element(data_class=DataClass.IDENTITY, name="NAME", value="Doe,Jane Ann"),
        Element(data_class=DataClass.ADDRESS, name="STREET", value="100 Example Ave"),
    ),
)


def test_what_is_signed() -> None:
    """A prefix of its own and compact JSON, in this order: bytes that cannot change."""
    assert record_reading_bytes(READING) == (
        b"comity/record-reading/v1\n"
        b'{"state":"wa","hold_entry":"wa/126","step":1,"reviewer":"Practice Reviewer","at":%d}'
        % NOW
    )


def test_enrolled_reviewer_of_now_may() -> None:
    """Within 300 s, before the hold's time is over."""
    signed = signed_record_reading(READING)
    for now in (NOW - 300, NOW, NOW + 300):
        check_record_reading(signed, ENROLLED, HOLD, now, step=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", Member("or")),
        ("hold_entry", "wa/127"),
        ("step", 2),
        ("reviewer", "Somebody Else"),
        ("at", NOW + 1),
    ],
)
def test_nothing_can_be_altered(field: str, value: object) -> None:
    """Whatever was changed behind the signature is refused."""
    signed = signed_record_reading(READING)
    altered = msgspec.structs.replace(READING, **{field: value})
    with pytest.raises(VerdictError):
        check_record_reading(
            SignedRecordReading(reading=altered, proof=signed.proof), ENROLLED, HOLD, NOW, step=1
        )


@pytest.mark.parametrize(
    ("changes", "now", "step"),
    [({}, NOW + 301, 1), ({}, NOW - 301, 1), ({}, NOW, 2), ({"state": Member("or")}, NOW, 1)],
    ids=["late", "early", "moved-on", "another-state"],
)
def test_what_was_signed_for_something_else_is_refused(
    changes: dict[str, object], now: int, step: int
) -> None:
    """Another time, another step of the hold, another state's hold."""
    signed = signed_record_reading(msgspec.structs.replace(READING, **changes))
    with pytest.raises(VerdictError):
        check_record_reading(signed, ENROLLED, HOLD, now, step=step)
    with pytest.raises(VerdictError):
        check_record_reading(signed_record_reading(READING), None, HOLD, NOW, step=1)


def test_nothing_is_shown_of_a_hold_whose_time_is_over() -> None:
    """At the very second of its end no more."""
    signed = signed_record_reading(msgspec.structs.replace(READING, at=UNTIL))
    check_record_reading(signed, ENROLLED, HOLD, UNTIL - 1, step=1)
    with pytest.raises(HoldClosedError):
        check_record_reading(signed, ENROLLED, HOLD, UNTIL, step=1)


def test_what_is_denied_by_now_is_named_and_not_shown() -> None:
    """Of a class that the rules deny no element is there; of what they would hold again neither."""
    for outcome in (Outcome.DENY, Outcome.HOLD):
        judged = judged_of((Outcome.RELEASE, Outcome.RELEASE, outcome))
        would = would_release(HOLD, judged, FOUND, now=NOW, is_looked_up=True)
        assert would.answer is not None
        assert (would.outcome, would.tells) == (RecordOutcome.FOUND, True)
        assert [e.value for e in would.answer.elements] == ["valid", "Doe,Jane Ann"]
        assert [w.data_class for w in would.answer.withheld] == [DataClass.ADDRESS]


def test_each_outcome() -> None:
    """No record, several, all refused: each is its own."""
    free = judged_of((Outcome.RELEASE,) * 3)
    none = would_release(HOLD, free, None, now=NOW, is_looked_up=True)
    assert (none.outcome, none.tells) == (RecordOutcome.NO_RECORD, True)
    many = msgspec.structs.replace(FOUND, matches=3)
    several = would_release(HOLD, free, many, now=NOW, is_looked_up=True)
    assert several.answer is not None
    assert (several.outcome, several.answer.elements) == (RecordOutcome.SEVERAL, ())
    denied = judged_of((Outcome.DENY,) * 3)
    refused = would_release(HOLD, denied, None, now=NOW, is_looked_up=False)
    assert refused.answer is not None
    assert (refused.outcome, refused.tells) == (RecordOutcome.REFUSED, False)
    assert refused.answer.response is ResponseKind.REFUSED


def test_photo_is_said_and_not_shown() -> None:
    """Its element is there, without its value."""
    photo = Element(data_class=DataClass.PHOTO, name="PHOTO", value="AAAA")
    judged = judged_of((Outcome.RELEASE,) * 3)
    would = would_release(HOLD, judged, FOUND, now=NOW, is_looked_up=True)
    assert would.answer is not None
    answer = msgspec.structs.replace(would.answer, elements=(*would.answer.elements, photo))
    shown = shown_elements(answer)
    assert shown[:-1] == answer.elements[:-1]
    assert shown[-1] == msgspec.structs.replace(photo, value="")
