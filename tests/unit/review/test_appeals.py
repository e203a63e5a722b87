"""Appeals as values: days, form, signed bytes, first lines, what an agency is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from comity.domain.appeal import AppealDecision, appeal_finding_bytes
from comity.domain.ids import ORI, LeafIndex
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.domain.vocabulary import DataClass, Purpose
from comity.exchange.appeals import (
    APPEAL_DAYS,
    appeal_text,
    appealed_entry,
    found_entry,
    found_line,
    with_appeal,
)
from comity.exchange.leaves import HOUR_SECONDS
from comity.exchange.replies import REPLY_CHARS_MAX, replied_entry
from comity.formats.text import parse_query, render_query
from comity.link.limits import TEXT_CHARS_MAX
from comity.review.appeal_words import found_text
from comity.review.appeals import (
    DECIDE_DAYS,
    Refusal,
    RefusalSaid,
    due_of,
    is_late,
    last_day_of,
    shows_no_more,
    why_no_pass,
)
from comity.review.calendars import calendar_of
from comity.review.verdicts import NOTE_CHARACTERS_MAX
from tests.support.gateway import AUSTIN, SEATTLE, WA
from tests.support.review import DQ, appeal_finding

AM = MessageKey("AM")
CALENDAR = calendar_of(WA)
GRANTED, UPHELD, FOR_RULES = AppealDecision
SAID = RefusalSaid(
    agency=AUSTIN,
    purpose=Purpose.COURT,
    case_number="HS-26-88",
    operator="H2210",
    search=(("OLN", "PX000204K7"),),
    rules=("REVIEW",),
    accepted_at=0,
)
REFUSAL = Refusal(
    member=WA,
    index=LeafIndex(8),
    hour=0,
    classes=DQ,
    request=LeafIndex(8),
    key=MessageKey("DQ"),
    shown=AUSTIN,
    hold=LeafIndex(5),
    verdict=LeafIndex(7),
)


def hour_of(text: str) -> int:
    """The hour of a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // HOUR_SECONDS


@pytest.mark.parametrize(
    ("filed", "last"),
    [
        # Monday: ten open days later, without Thanksgiving and the day behind it where it is kept.
        ("2026-11-02T18:00", "2026-11-17"),
        # Eleven at night in Washington is the next day in UTC, and the same day there.
        ("2026-11-03T07:00", "2026-11-17"),
        ("2026-11-03T08:00", "2026-11-18"),
        # A Saturday counts like the day before it.
        ("2026-11-07T20:00", "2026-11-23"),
        ("2026-11-06T20:00", "2026-11-23"),
        ("2026-12-21T20:00", "2027-01-06"),
    ],
)
def test_ten_business_days_of_the_state(filed: str, last: str) -> None:
    """The day of the appeal is not counted; the last one ends at its last second."""
    due = due_of(hour_of(filed), CALENDAR)
    zone = ZoneInfo(CALENDAR.zone)
    assert DECIDE_DAYS == 10
    assert datetime.fromtimestamp(due - 1, zone).isoformat()[:19] == f"{last}T23:59:59"


def test_thirty_calendar_days() -> None:
    """The day of the refusal is not counted; weekends and holidays are."""
    hour = hour_of("2026-11-24T06:00")
    assert APPEAL_DAYS == 30
    assert last_day_of(hour, CALENDAR) == date(2026, 12, 23)
    midnight = hour_of("2026-12-24T08:00") * HOUR_SECONDS
    assert not is_late(hour, midnight - 1, CALENDAR)
    assert is_late(hour, midnight, CALENDAR)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("APPEAL WA/12\nBecause.", ("wa/12", "Because.")),
        ("appeal wa/12 \n Because.\nOf that. ", ("wa/12", "Because.\nOf that.")),
        (f"APPEAL WA/12\n{'x' * REPLY_CHARS_MAX}", ("wa/12", "x" * REPLY_CHARS_MAX)),
        (f"APPEAL WA/12\n{'x' * (REPLY_CHARS_MAX + 1)}", None),
        ("APPEAL WA/12", None),
        ("APPEAL WA/12\n  ", None),
        ("APPEAL\nWA/12", None),
        ("APPEAL XX/12\nBecause.", None),
        ("APPEAL WA/9999999999999999999\nBecause.", None),
        ("APPEALS WA/12\nBecause.", None),
        ("APPEAL WA/12 now\nBecause.", None),
        ("APPEAL OF WA/12: GRANTED\nBecause.", None),
        (" APPEAL WA/12\nBecause.", None),
    ],
)
def test_the_first_line_names_the_refusal(body: str, found: tuple[str, str] | None) -> None:
    """Anything else is a message like any other."""
    assert appealed_entry(AM, body) == found
    assert appealed_entry(MessageKey("LQ"), body) is None
    assert replied_entry(AM, body) is None


def test_an_appeal_travels_as_text() -> None:
    """A terminal of the network can send one."""
    body = appeal_text("wa/12", "Because.")
    query = Query(key=AM, origin=AUSTIN, destinations=("WA",), control="C1", fields=(("", body),))
    assert parse_query(render_query(query)).value("") == "APPEAL WA/12\nBecause."


@pytest.mark.parametrize("decision", AppealDecision)
def test_the_first_line_of_a_decision_is_read_back(decision: AppealDecision) -> None:
    """And no other line is taken for one."""
    line = found_line("wa/12", decision)
    assert found_entry(line) == found_entry(f"{line}\nMore.") == "wa/12"
    for other in (f" {line}", f"{line} X", line.lower(), f"RE {line}", "APPEAL OF WA/12: OPEN"):
        assert found_entry(other) is None


def test_a_refusal_says_how_to_appeal_within_its_room() -> None:
    """Behind the longest note too."""
    said = with_appeal("x" * NOTE_CHARACTERS_MAX, WA)
    assert len(said) <= TEXT_CHARS_MAX
    assert with_appeal("", WA) == (
        "TO APPEAL WITHIN 30 DAYS SEND AM TO WA, FIRST LINE: APPEAL AND THE LAST LEDGER ENTRY"
    )


def test_what_is_signed_is_a_prefix_and_compact_json() -> None:
    """Field by field, in this order."""
    made = appeal_finding("wa/8", GRANTED, classes=(DataClass.STATUS,), note="n", at=7)
    assert appeal_finding_bytes(made) == (
        b'comity/appeal-finding/v1\n{"state":"wa","appealed_entry":"wa/8","decision":"granted",'
        b'"classes":["status"],"note":"n","reviewer":"' + made.reviewer.encode() + b'","at":7}'
    )


@pytest.mark.parametrize(
    ("shown", "agency", "may"),
    [
        (AUSTIN, AUSTIN, True),
        (AUSTIN, "small:tx", True),
        (AUSTIN, "sealed", True),
        ("sealed", "sealed", True),
        ("sealed", AUSTIN, False),
        ("sealed", "small:tx", False),
        ("small:tx", "small:tx", True),
        ("small:tx", AUSTIN, False),
    ],
)
def test_a_leaf_shows_no_more_than_it_cites(shown: str, agency: str, may: bool) -> None:
    """What is open may be cited by anything; what is not, by the same alone."""
    refusal = Refusal(
        member=WA, index=LeafIndex(1), hour=0, classes=DQ, request=LeafIndex(1),
        key=MessageKey("DQ"), shown=shown,
    )  # fmt: skip
    assert shows_no_more(agency, refusal) is may


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"case_number": ""}, "the request names no case"),
        ({"case_number": "no case!"}, "the request names no case"),
        ({"search": (("NAM", "DOE,JANE"),)}, "the request names nobody as a pass can name them"),
    ],
)
def test_what_a_pass_can_carry(changes: dict[str, object], reason: str) -> None:
    """One case, somebody whom a pass can name, and a record."""
    said = msgspec.structs.replace(SAID, **changes)
    assert why_no_pass(MessageKey("DQ"), said) == reason
    assert why_no_pass(AM, said) == "it asked for no record"


def test_who_refused_is_told_from_rules_and_leaves() -> None:
    """A person, nobody in time, or the rules; a class that no rule lets go is a rule's matter."""
    undecided = msgspec.structs.replace(REFUSAL, verdict=None)
    ruled = msgspec.structs.replace(REFUSAL, hold=None, verdict=None)
    by_rule = msgspec.structs.replace(SAID, rules=("NO-RULE", "UNMET-OBLIGATION", "WA-1"))
    assert REFUSAL.is_by_person(SAID)
    assert not REFUSAL.is_by_person(by_rule)
    assert undecided.is_by_person(by_rule)
    assert not ruled.is_by_person(by_rule)
    assert (REFUSAL.rules(SAID), ruled.rules(by_rule)) == ((), ("NO-RULE", "WA-1"))


@pytest.mark.parametrize("decision", AppealDecision)
def test_what_an_agency_is_told_names_nobody(decision: AppealDecision) -> None:
    """Within what a message carries, with the longest note."""
    made = appeal_finding("wa/8", decision, note="ü" * 500)
    text = found_text(made, REFUSAL, SAID, "wa/9" if decision is GRANTED else "")
    query = Query(key=AM, origin=SEATTLE, destinations=(ORI(AUSTIN),), fields=(("", text),))
    assert parse_query(render_query(query)).value("") == text
    assert text.startswith(f"APPEAL OF WA/8: {decision.value.upper().replace('_', ' ')}\n")
    for word in ("PX000204K7", "H2210", made.reviewer, "Practice Reviewer"):
        assert word not in text
