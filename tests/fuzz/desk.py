"""Targets for the files that a state's records people write for notices to residents.

a calendar that was read has business days that add up
limits of delays that were read stay below those of the house
a file of notices that was read gives deadlines, and every delay in it has an end
a recipient that was read makes a letter, or is refused with it
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files

import msgspec

from comity.domain.agency import Family
from comity.domain.ids import ORI, Member
from comity.domain.vocabulary import Instrument, LeafKind, Purpose
from comity.review.calendars import (
    Calendar,
    CalendarFormError,
    add_business_days,
    calendar_of,
    is_business_day,
    parse_calendar,
)
from comity.review.delays import (
    DELAY_DAYS_MAX,
    DELAY_RENEWALS_MAX,
    DelayError,
    DelayLimitsError,
    house_limits,
    parse_delay_limits,
)
from comity.review.letters import LetterError, letter_of, parse_recipient
from comity.review.notices import AskedAbout, NoticesFileError, notices_of, parse_notices
from comity.review.protections import OPEN_ADDRESS, reach_of
from comity.review.rosters import (
    RosterFormError,
    opens_at,
    parse_roster,
    staffed_seconds,
    staffed_until,
)
from tests.fuzz import desk_seeds as seeds
from tests.fuzz.refusals import hold
from tests.fuzz.rules import TOML_WORDS, shown
from tests.fuzz.shape import Shape
from tests.fuzz.target import READ, Target
from tests.support.directory import agency
from tests.support.leaves import leaf
from tests.support.letters import FACTS

_STATE = Member("il")
_DAY = timedelta(days=1)
_NEW_YEAR = date(2027, 1, 1)
_NOW = datetime(2026, 12, 1, tzinfo=UTC)


def _check_calendar(data: bytes) -> str:
    try:
        calendar = parse_calendar(_STATE, data)
    except CalendarFormError as error:
        shown(error)
        return error.code
    end = add_business_days(calendar, _NEW_YEAR, 9)
    between = [_NEW_YEAR + n * _DAY for n in range(1, (end - _NEW_YEAR).days + 1)]
    hold(sum(is_business_day(calendar, day) for day in between) == 9, "business days add up")
    return READ


def _check_roster(data: bytes) -> str:
    try:
        roster = parse_roster(data, _calendar())
    except RosterFormError as error:
        shown(error)
        return error.code
    first = int(_NOW.timestamp())
    opens, until = opens_at(roster, first), staffed_until(roster, first)
    hold((opens == first) == (until is not None), "what is staffed now is open now")
    seconds = staffed_seconds(roster, first, first + 7 * 86_400)
    hold(0 <= seconds <= 7 * 86_400, "no second is staffed twice")
    hold(opens is not None or seconds == 0, "what is staffed is found")
    return READ


def _check_limits(data: bytes) -> str:
    try:
        limits = parse_delay_limits(data)
    except DelayLimitsError as error:
        shown(error)
        return error.code
    for limit in (limits.court_order, limits.purpose):
        hold(1 <= limit.days_max <= DELAY_DAYS_MAX, "a delay has an end")
        hold(0 <= limit.renewals_max <= DELAY_RENEWALS_MAX, "renewals are counted")
    hold(Purpose.NOT_STATED not in limits.purpose.purposes, "no claim delays nothing")
    return READ


def _rosters() -> list[bytes]:
    return [files("comity.review").joinpath("practice_roster.toml").read_bytes(), b""]


@cache
def _calendar() -> Calendar:
    return calendar_of(_STATE)


def _check_notices(data: bytes) -> str:
    try:
        rules = parse_notices(_STATE, data, house_limits(), _calendar())
    except (NoticesFileError, DelayError) as error:
        shown(error)
        return error.code
    header = leaf(LeafKind.DENIAL, member=_STATE, withheld=())
    for entry in ("il/8", *rules.delays):
        asked = AskedAbout(
            entry=entry,
            leaves=((entry, header),),
            cited_by=(),
            ori=ORI("DCICE0100"),
            agency=agency(ORI("DCICE0100"), Family("US/DHS/ICE")),
            purpose=Purpose.COURT,
            instrument=Instrument.COURT_ORDER,
            accepted_at=int(_NOW.timestamp()),
        )
        for notice in notices_of(rules, _calendar(), asked, _NOW):
            hold(notice.standing.deadline.expires_at > _NOW, "a notice is owed after its start")
    for delays in rules.delays.values():
        for delay in delays:
            hold((delay.until - delay.at.date()).days <= DELAY_DAYS_MAX, "a delay has an end")
    return READ


def _check_recipient(data: bytes) -> str:
    try:
        said = parse_recipient(data)
        to = reach_of(said.to, OPEN_ADDRESS)
        letter = letter_of(msgspec.structs.replace(FACTS, resident=said.resident, to=to))
    except LetterError as error:
        shown(error)
        return error.code
    hold(letter.recipient[0] == said.resident, "the resident stands in the letter")
    return READ


_TEXT_MAX = 20_000

TARGETS = [
    Target("calendar", _check_calendar, seeds.calendars, Shape.LINES, _TEXT_MAX, 2, TOML_WORDS),
    Target("roster", _check_roster, _rosters, Shape.LINES, _TEXT_MAX, 2, TOML_WORDS),
    Target("delay-limits", _check_limits, seeds.delay_limits, Shape.LINES, 9_000, 1, TOML_WORDS),
    Target("notices", _check_notices, seeds.notices_files, Shape.LINES, _TEXT_MAX, 2, TOML_WORDS),
    Target("recipient", _check_recipient, seeds.recipients, Shape.LINES, 9_000, 1, TOML_WORDS),
]
