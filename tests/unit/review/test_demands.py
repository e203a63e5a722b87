"""Demands: what can be registered, who signs what about them, their leaves, their clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from comity.domain.agency import ReviewerKey
from comity.domain.demands import (
    DEMAND_ACT_BYTES_MAX,
    DemandActFormError,
    DemandActKind,
    Demanded,
    DemandFile,
    SignedDemandAct,
    encode_signed_act,
    parse_signed_act,
)
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass, Instrument, LeafKind
from comity.review.calendars import calendar_of
from comity.review.demands import (
    ACTS_MAX,
    ANSWER_DAYS_MAX,
    GAG_DAYS_MAX,
    DemandError,
    DemandPersonError,
    DemandWarning,
    answer_day,
    answer_end,
    check_demand,
    check_demand_act,
    demand_act_leaves,
    demand_leaf,
    demand_warning,
    is_gagged,
)
from comity.review.signatures import VerdictError
from tests.support.demands import (
    ANSWER_BY,
    SERVED_ON,
    act,
    demand,
    handed_over,
    moved,
    signed_act,
    signed_demand,
    signed_handing,
    subpoena,
)
from tests.support.exchange import COUNSEL, COUNSEL_KEY, NOW, SUPERVISOR, SUPERVISOR_KEY

CALENDAR = calendar_of(Member("wa"))
ENTRY = "wa/7"
DAY = timedelta(days=1)
FILE = DemandFile(registered=subpoena())
PEOPLE = {who.name: who for who in (COUNSEL, SUPERVISOR)}


def checked(**changes: Any) -> None:
    """Check a demand as counsel registers it."""
    check_demand(subpoena(**changes), COUNSEL, CALENDAR, NOW)


def acted(signed: SignedDemandAct, file: DemandFile = FILE, now: int = NOW) -> None:
    """Check an act as the directory knows its people."""
    check_demand_act(signed, PEOPLE.get, file, CALENDAR, now)


def test_what_counsel_read_is_taken() -> None:
    """At each end of each limit too."""
    checked()
    checked(issuer="USA", number="", matter="x", note="")
    checked(issuer="x" * 120, number="x" * 64, matter="x" * 200, note="x" * 500)
    checked(about=(Demanded.OTHER,), first_month="", last_month="")
    checked(about=tuple(Demanded), first_month="2026-05")
    checked(first_month="2006-06")
    checked(document_bytes=1)
    checked(document_bytes=100_000_000)
    checked(answer_by=SERVED_ON)
    checked(served_on=SERVED_ON - 366 * DAY)
    checked(answer_by=SERVED_ON + ANSWER_DAYS_MAX * DAY)
    checked(gag_until=SERVED_ON + GAG_DAYS_MAX * DAY)
    checked(gag_until=SERVED_ON)


@pytest.mark.parametrize("kind", list(Instrument))
def test_every_kind_but_none(kind: Instrument) -> None:
    """A letter is another; what is none, or does not say what it is, is no demand."""
    if kind in {Instrument.NONE, Instrument.NOT_STATED}:
        with pytest.raises(DemandError, match="kind"):
            checked(kind=kind)
    else:
        checked(kind=kind)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "ab"},
        {"issuer": "x" * 121},
        {"issuer": "two\nlines"},
        {"issuer": " abc"},
        {"number": "x" * 65},
        {"number": "a\u202eb"},
        {"matter": ""},
        {"matter": "x" * 201},
        {"note": "x" * 501},
        {"about": ()},
        {"about": (Demanded.KEYS, Demanded.LEDGER_RECORDS)},
        {"about": (Demanded.KEYS, Demanded.KEYS)},
        {"first_month": "", "last_month": "2026-05"},
        {"first_month": "2026-03", "last_month": ""},
        {"first_month": "2026-06"},
        {"first_month": "2026-13", "last_month": "2026-13"},
        {"first_month": "2006-05", "last_month": "2026-05"},
        {"document": b"\x01" * 31},
        {"document_bytes": 0},
        {"document_bytes": 100_000_001},
        {"served_on": SERVED_ON + DAY},
        {"served_on": SERVED_ON - 367 * DAY},
        {"answer_by": SERVED_ON - DAY},
        {"answer_by": SERVED_ON + (ANSWER_DAYS_MAX + 1) * DAY},
        {"gag_until": SERVED_ON + (GAG_DAYS_MAX + 1) * DAY},
        {"days": -1},
        {"days": 367},
        {"days": 20},
        {"is_business": True},
    ],
)
def test_what_is_no_demand_is_refused(changes: dict[str, Any]) -> None:
    """Beyond each limit."""
    with pytest.raises(DemandError):
        checked(**changes)


def test_days_that_a_paper_gives_come_to_the_day_that_was_signed() -> None:
    """Business days by the state's calendar, over a weekend and Thanksgiving; others one by one."""
    served = date(2026, 11, 24)
    business = answer_day(served, 3, is_business=True, calendar=CALENDAR)
    assert business == date(2026, 11, 30)
    assert answer_day(served, 3, is_business=False, calendar=CALENDAR) == date(2026, 11, 27)
    last = answer_day(SERVED_ON, 10, is_business=True, calendar=CALENDAR)
    checked(days=10, is_business=True, answer_by=last)
    checked(days=21)
    with pytest.raises(DemandError, match="calendar"):
        checked(days=10, is_business=True, answer_by=last + DAY)
    with pytest.raises(DemandError, match="calendar"):
        checked(days=10, answer_by=last)


def test_it_is_signed_by_who_is_enrolled_and_now() -> None:
    """Another key, nobody, another time, an altered field: refused."""
    signed = subpoena()
    for key in (None, SUPERVISOR):
        with pytest.raises(VerdictError):
            check_demand(signed, key, CALENDAR, NOW)
    with pytest.raises(VerdictError):
        check_demand(signed, COUNSEL, CALENDAR, NOW + 301)
    check_demand(signed, COUNSEL, CALENDAR, NOW + 300)
    altered = msgspec.structs.replace(signed, demand=demand(matter="Another matter"))
    with pytest.raises(VerdictError):
        check_demand(altered, COUNSEL, CALENDAR, NOW)


@pytest.mark.parametrize("field", [name for name in demand().__struct_fields__ if name != "state"])
def test_every_field_is_signed(field: str) -> None:
    """What names the paper cannot be changed afterwards."""
    other: dict[str, Any] = {
        "kind": Instrument.OTHER,
        "about": (Demanded.KEYS,),
        "served_on": SERVED_ON - DAY,
        "answer_by": ANSWER_BY + DAY,
        "gag_until": SERVED_ON,
        "days": 3,
        "is_business": True,
        "document": b"\x02" * 32,
        "document_bytes": 3,
        "reviewer": SUPERVISOR.name,
        "at": NOW + 1,
    }
    value = other.get(field, "2026-04" if field.endswith("month") else "other")
    altered = msgspec.structs.replace(subpoena(), demand=demand(**{field: value}))
    with pytest.raises(VerdictError):
        check_demand(altered, COUNSEL, CALENDAR, NOW)


@pytest.mark.parametrize(
    "kind", [each for each in DemandActKind if each is not DemandActKind.HANDED_OVER]
)
def test_one_person_acts(kind: DemandActKind) -> None:
    """Within 300 s, with a note or none."""
    days = {"answer_by": ANSWER_BY + DAY} if kind is DemandActKind.MOVED else {}
    acted(signed_act(act(ENTRY, kind, **days)))
    acted(signed_act(act(ENTRY, kind, note="x" * 500, **days)))
    with pytest.raises(DemandError):
        acted(signed_act(act(ENTRY, kind, note="x" * 501, **days)))
    with pytest.raises(VerdictError):
        acted(signed_act(act(ENTRY, kind, **days)), now=NOW + 301)
    with pytest.raises(VerdictError):
        acted(signed_act(act(ENTRY, kind, **days), SUPERVISOR, SUPERVISOR_KEY))
    with pytest.raises(DemandError, match="handed"):
        acted(signed_act(act(ENTRY, kind, handed=handed_over(), **days)))


def test_days_are_moved_by_one_act_alone() -> None:
    """By no other, not without a day, and not beyond the limits of a demand."""
    acted(signed_act(moved(ENTRY, gag_until=SERVED_ON - DAY)))
    for kind in (DemandActKind.OBJECTED, DemandActKind.ANSWERED):
        with pytest.raises(DemandError, match="moved"):
            acted(signed_act(act(ENTRY, kind, answer_by=ANSWER_BY)))
    with pytest.raises(DemandError, match="moved"):
        acted(signed_act(moved(ENTRY)))
    with pytest.raises(DemandError, match="answer_by"):
        acted(signed_act(moved(ENTRY, SERVED_ON + (ANSWER_DAYS_MAX + 1) * DAY)))
    with pytest.raises(DemandError, match="gag_until"):
        acted(signed_act(moved(ENTRY, gag_until=SERVED_ON + (GAG_DAYS_MAX + 1) * DAY)))


def test_what_is_handed_over_takes_two_people() -> None:
    """Two names with two keys, each over the same bytes, within a day."""
    signed = signed_handing(ENTRY)
    acted(signed)
    acted(signed, now=NOW + 86_400)
    with pytest.raises(VerdictError):
        acted(signed, now=NOW + 86_401)
    one = signed_act(act(ENTRY, DemandActKind.HANDED_OVER, handed=handed_over()))
    with pytest.raises(DemandPersonError):
        acted(one)
    with pytest.raises(DemandPersonError):
        acted(signed_handing(ENTRY, who=COUNSEL, key=COUNSEL_KEY))
    with pytest.raises(VerdictError):
        acted(msgspec.structs.replace(signed, second_proof=signed.proof))
    with pytest.raises(VerdictError):
        acted(msgspec.structs.replace(signed, second="nobody"))
    assert signed.act.handed is not None
    more = msgspec.structs.replace(signed.act, handed=handed_over(to="Somebody else"))
    with pytest.raises(VerdictError):
        acted(msgspec.structs.replace(signed, act=more))


def test_one_key_under_two_names_is_one_person() -> None:
    """Whoever enrolled a key twice does not become two."""
    again = ReviewerKey(name="again", key_id=COUNSEL.key_id, verify_key=COUNSEL.verify_key)
    signed = signed_handing(ENTRY, who=again, key=COUNSEL_KEY)
    with pytest.raises(DemandPersonError):
        check_demand_act(signed, {**PEOPLE, "again": again}.get, FILE, CALENDAR, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"what": ""},
        {"what": "x" * 201},
        {"to": "ab"},
        {"to": "x" * 121},
        {"classes": (DataClass.ADDRESS, DataClass.STATUS)},
        {"classes": (DataClass.STATUS, DataClass.STATUS)},
        {"bundle": b"\x01" * 33},
        {"bundle_bytes": 0},
        {"bundle_bytes": 100_000_001},
    ],
)
def test_what_was_handed_over_has_its_form(changes: dict[str, Any]) -> None:
    """Beyond each limit; at each it is taken."""
    with pytest.raises(DemandError):
        acted(signed_handing(ENTRY, handed_over(**changes)))
    acted(signed_handing(ENTRY, handed_over(what="x" * 200, to="x" * 120, classes=())))


def test_nothing_is_handed_over_by_saying_so() -> None:
    """The act says what it was."""
    signed = signed_handing(ENTRY)
    act_alone = msgspec.structs.replace(signed.act, handed=None)
    with pytest.raises(DemandError, match="handed"):
        acted(signed_act(act_alone))


def test_a_demand_has_so_many_acts() -> None:
    """The next one is refused."""
    objected = signed_act(act(ENTRY, DemandActKind.OBJECTED))
    acted(objected, msgspec.structs.replace(FILE, acts=(objected,) * (ACTS_MAX - 1)))
    with pytest.raises(DemandError, match="64 acts"):
        acted(objected, msgspec.structs.replace(FILE, acts=(objected,) * ACTS_MAX))


def test_the_leaf_says_that_one_came_and_as_what() -> None:
    """No agency, nothing cited; what names the matter is behind it."""
    leaf = demand_leaf(subpoena(), NOW)
    assert (leaf.header.kind, leaf.header.instrument) == (
        LeafKind.INSTRUMENT,
        Instrument.COURT_SUBPOENA,
    )
    assert (leaf.header.agency, leaf.header.cites) == (None, None)
    said = dict(leaf.fields)
    assert b"Doe v. Practice City" in said["registered"]


def test_leaves_of_acts() -> None:
    """What was handed over is an access, an end an instrument none, which commits to every act."""
    objected = signed_act(act(ENTRY, DemandActKind.OBJECTED))
    assert demand_act_leaves(objected, FILE, NOW) == []
    (access,) = demand_act_leaves(signed_handing(ENTRY), FILE, NOW)
    assert (access.header.kind, access.header.cites) == (LeafKind.ACCESS, ENTRY)
    assert access.header.released == (DataClass.STATUS, DataClass.ADDRESS)
    assert dict(access.fields)["second"] == SUPERVISOR.name.encode()
    last = signed_handing(ENTRY, handed_over(is_last=True, classes=()))
    file = msgspec.structs.replace(FILE, acts=(objected, last))
    access, end = demand_act_leaves(last, file, NOW)
    assert access.header.released is None
    assert (end.header.kind, end.header.instrument, end.header.cites) == (
        LeafKind.INSTRUMENT,
        Instrument.NONE,
        ENTRY,
    )
    assert (access.step, end.step) == (0, 1)
    acts = msgspec.json.decode(dict(end.fields)["acts"], type=tuple[SignedDemandAct, ...])
    assert acts == file.acts


def test_the_clock_warns_a_week_and_two_days_before_and_when_it_is_over() -> None:
    """At 09:00 of the state on the last business day until then, over at the day's last second."""
    last = date(2026, 12, 8)

    def at(day: date, hour: int, minute: int = 0) -> int:
        local = datetime(day.year, day.month, day.day, hour + 8, minute, tzinfo=UTC)
        return int(local.timestamp())

    week, days = date(2026, 12, 1), date(2026, 12, 4)
    assert demand_warning(last, at(week, 9) - 1, CALENDAR) is DemandWarning.NONE
    assert demand_warning(last, at(week, 9), CALENDAR) is DemandWarning.WEEK
    # Two days before is a Sunday.
    assert demand_warning(last, at(days, 9) - 1, CALENDAR) is DemandWarning.WEEK
    assert demand_warning(last, at(days, 9), CALENDAR) is DemandWarning.DAYS
    end = answer_end(last, CALENDAR)
    assert end == int(datetime(2026, 12, 9, 7, 59, 59, tzinfo=UTC).timestamp())
    assert demand_warning(last, end, CALENDAR) is DemandWarning.DAYS
    assert demand_warning(last, end + 1, CALENDAR) is DemandWarning.OVERDUE


def test_days_are_those_that_were_moved_last() -> None:
    """Of each of the two by itself."""
    later, gag = ANSWER_BY + 9 * DAY, SERVED_ON + 3 * DAY
    acts = [
        signed_act(moved(ENTRY, later)),
        signed_act(moved(ENTRY, gag_until=gag)),
        signed_act(act(ENTRY, DemandActKind.OBJECTED)),
    ]
    file = msgspec.structs.replace(FILE, acts=tuple(acts))
    assert (file.answer_by, file.gag_until) == (later, gag)
    assert (FILE.answer_by, FILE.gag_until) == (ANSWER_BY, None)
    assert is_gagged(file, gag)
    assert not is_gagged(file, gag + DAY)
    assert not is_gagged(FILE, SERVED_ON)


def test_a_signed_act_is_one_line_and_nothing_else() -> None:
    """What a second person is handed as a file."""
    one = signed_act(act(ENTRY, DemandActKind.HANDED_OVER, handed=handed_over()))
    for signed in (one, signed_handing(ENTRY)):
        data = encode_signed_act(signed)
        assert parse_signed_act(data) == signed
        assert data.count(b"\n") == 1
    data = encode_signed_act(one)
    wrong = [
        b"",
        data[:-1],
        data + b" ",
        data.replace(b'"act":{', b'"more":1,"act":{'),
        data.replace(b'"note":""', b'"note": ""'),
        b"[]\n",
        b"\xff\n",
        data.ljust(DEMAND_ACT_BYTES_MAX + 1),
        b"[" * 4_000,
    ]
    for each in wrong:
        with pytest.raises(DemandActFormError):
            parse_signed_act(each)


def test_signatures_are_whole() -> None:
    """A file with half a signature is none."""
    one = signed_act(act(ENTRY, DemandActKind.OBJECTED))
    short = msgspec.structs.replace(one.proof, signature=one.proof.signature[:32])
    with pytest.raises(DemandActFormError):
        parse_signed_act(encode_signed_act(msgspec.structs.replace(one, proof=short)))


def test_who_registers_need_not_be_counsel() -> None:
    """Any enrolled person of the state; who may, the console's roles say."""
    made = demand(reviewer=SUPERVISOR.name)
    check_demand(signed_demand(made, SUPERVISOR, SUPERVISOR_KEY), SUPERVISOR, CALENDAR, NOW)
