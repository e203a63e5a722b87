"""Which notices are owed: by clause, family and paper, until one is given, and by when."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from comity.domain.agency import Acting, ActsFor, Agency, Family
from comity.domain.given_notice import GivenHow, GivenNotice, SignedGivenNotice, given_notice_bytes
from comity.domain.ids import ORI, Member
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
    Purpose,
)
from comity.exchange.leaves import HOUR_SECONDS
from comity.policy.clock import Clock, ClockUnit, StartEvent
from comity.review.calendars import calendar_of
from comity.review.delays import DelayError, NoticeState, house_limits
from comity.review.given import (
    GIVEN_DAYS_AGO_MAX,
    NoticeRefusedError,
    check_given,
    given_id,
    given_leaf,
)
from comity.review.letters.words import Happened, Language
from comity.review.notices import (
    ADOPTED_MAX,
    AskedAbout,
    NoticeRules,
    NoticesFileError,
    OwedNotice,
    notices_of,
    parse_notices,
    practice_notices,
)
from comity.review.signatures import VerdictError
from tests.support.directory import agency
from tests.support.exchange import ENROLLED, REVIEWER
from tests.support.leaves import leaf
from tests.support.review import proof_of

IL, NY, OR = Member("il"), Member("ny"), Member("or")
# Wednesday 26 November 2025, noon in Chicago.
ACCEPTED = int(datetime(2025, 11, 26, 18, tzinfo=UTC).timestamp())
SOON = datetime(2025, 11, 27, tzinfo=UTC)
ICE = agency(ORI("DCICE0100"), "US/DHS/ICE/ERO")
LOCAL = agency(ORI("ILPX00001"), "IL/LOCAL")
STATUS, PHOTO = (DataClass.STATUS,), (DataClass.PHOTO,)
OWN = """label = "adopted by the Secretary of State"
[[adopted]]
state = "il"
law = "IL-625ILCS5-6-110.3"
clause = "tell-resident"
families = ["US/DHS/ICE"]
[office.en]
lines = ["Office"]
call = "the desk"
phone = "555-0142"
hours = "8 to 5"
complain = "Write to us."
"""
DELAY = """[[delays]]
entry = "il/8"
[delays.delay]
kind = "court_order"
at = 2025-11-28T12:00:00-06:00
until = 2025-12-10
reason = "an investigation would be harmed"
authority = "Circuit Court, practice case 26-1"
"""


def outcome(kind: LeafKind = LeafKind.DENIAL, **changes: Any) -> LeafHeader:
    """An outcome leaf of Illinois; without a field, that of a denial of the status."""
    values: dict[str, Any] = {"member": IL, "withheld": STATUS, **changes}
    return leaf(kind, **values)


def asked(*leaves: LeafHeader, cited_by: tuple[LeafHeader, ...] = (), **changes: Any) -> AskedAbout:
    """A request of the removal officers that rests on a court's order."""
    made = AskedAbout(
        entry="il/8",
        leaves=tuple((f"il/{n}", each) for n, each in enumerate(leaves or (outcome(),), 8)),
        cited_by=cited_by,
        ori=ICE.ori,
        agency=ICE,
        purpose=Purpose.CIVIL_IMMIGRATION,
        instrument=Instrument.COURT_ORDER,
        accepted_at=ACCEPTED,
    )
    return msgspec.structs.replace(made, **changes)


def rules_of(state: Member = IL) -> NoticeRules:
    """The practice network's notices."""
    return practice_notices(state, house_limits(), calendar_of(state))


def own(text: str = OWN) -> NoticeRules:
    """A state's own file."""
    return parse_notices(IL, text.encode(), house_limits(), calendar_of(IL))


def owed(
    about: AskedAbout, rules: NoticeRules | None = None, at: datetime = SOON
) -> list[OwedNotice]:
    """What is owed about a request."""
    used = rules or rules_of()
    return list(notices_of(used, calendar_of(used.state), about, at))


def test_illinois_counts_business_days_from_the_paper() -> None:
    """Owed with its citation, mark and label; due after Thanksgiving and the weekend."""
    (notice,) = owed(asked())
    assert (notice.adopted.cite, notice.adopted.mark) == ("625 ILCS 5/6-110.3", "V")
    assert notice.adopted.label == "practice adoption"
    assert notice.standing.state is NoticeState.OWED
    assert notice.standing.deadline.last_day == date(2025, 12, 2)
    late = owed(asked(), at=datetime(2025, 12, 4, tzinfo=UTC))
    assert late[0].standing.state is NoticeState.OVERDUE


def test_without_a_paper_illinois_owes_none_and_new_york_does() -> None:
    """One clause starts with the order, warrant or subpoena, the other with any request."""
    for instrument in (Instrument.NONE, Instrument.NOT_STATED, Instrument.CONSENT):
        about = asked(instrument=instrument)
        assert owed(about) == []
        (notice,) = owed(about, rules_of(NY))
        assert notice.standing.deadline.last_day == date(2025, 11, 29)
        assert notice.adopted.mark == "S"


def test_other_states_owe_none() -> None:
    """No clause, no notice."""
    assert rules_of(OR).adopted == ()
    assert owed(asked(), rules_of(OR)) == []


def test_families_and_those_that_act_for_them_are_meant() -> None:
    """An office within the family, a deputised agency; not another; one that is gone, in doubt."""
    acts = (ActsFor(family=Family("US/DHS/CBP"), how=Acting.CROSS_DESIGNATED),)
    meant: list[Agency | None] = [
        agency(ORI("DCCBP0100"), "US/DHS/CBP"),
        msgspec.structs.replace(LOCAL, acts_for=acts),
        None,
    ]
    for one in meant:
        assert len(owed(asked(agency=one))) == 1
    for other in (
        LOCAL,
        agency(ORI("DCDHS0100"), "US/DHS"),
        agency(ORI("DCICX0100"), "US/DHS/TSA"),
    ):
        assert owed(asked(agency=other)) == []


def test_a_given_notice_is_owed_no_more() -> None:
    """A `notice` leaf that cites an outcome of the request ends it; another leaf does not."""
    told = leaf(LeafKind.NOTICE, member=IL, cites="il/8")
    seen = leaf(LeafKind.ACCESS, member=IL, cites="il/8")
    assert owed(asked(cited_by=(told,))) == []
    assert len(owed(asked(cited_by=(seen,)))) == 1


def disclosure(released: tuple[DataClass, ...], withheld: tuple[DataClass, ...]) -> LeafHeader:
    """A disclosure; where nothing was released, of no record."""
    result = "record" if released or withheld else "none"
    return outcome(LeafKind.DISCLOSURE, released=released, withheld=withheld, result=result)


HOLD = outcome(LeafKind.HOLD, withheld=STATUS)
REFUSED = leaf(
    LeafKind.VERDICT, member=IL, cites="il/8", decision=LeafDecision.REFUSE, withheld=STATUS
)
ASKED_MORE = msgspec.structs.replace(REFUSED, decision=LeafDecision.ASK)
EXPIRED = leaf(
    LeafKind.CLOSURE, member=IL, cites="il/8", decision=LeafDecision.EXPIRED, withheld=STATUS
)


@pytest.mark.parametrize(
    ("leaves", "cited_by", "happened"),
    [
        ((outcome(),), (), (Happened.REFUSED, (), STATUS)),
        ((disclosure(STATUS, ()),), (), (Happened.RELEASED, STATUS, ())),
        ((disclosure(STATUS, PHOTO),), (), (Happened.PARTLY, STATUS, PHOTO)),
        ((disclosure((), ()),), (), (Happened.NO_RECORD, (), ())),
        ((HOLD,), (), (Happened.HELD, (), STATUS)),
        ((HOLD,), (ASKED_MORE,), (Happened.HELD, (), STATUS)),
        ((HOLD,), (REFUSED,), (Happened.REFUSED, (), STATUS)),
        ((HOLD,), (EXPIRED,), (Happened.EXPIRED, (), STATUS)),
        ((HOLD, disclosure(STATUS, ())), (), (Happened.RELEASED, STATUS, ())),
    ],
)
def test_what_happened_is_told_by_the_leaves(
    leaves: tuple[LeafHeader, ...], cited_by: tuple[LeafHeader, ...], happened: object
) -> None:
    """Given, in part, none found, held, refused, run out: by outcomes and what cites them."""
    (notice,) = owed(asked(*leaves, cited_by=cited_by))
    assert (notice.happened, notice.released, notice.withheld) == happened


def test_a_states_own_file_takes_the_place() -> None:
    """It names families, papers and offices, and delays that are checked by their limits."""
    rules = own(OWN + DELAY)
    assert rules.adopted[0].label == "adopted by the Secretary of State"
    assert set(rules.office) == {Language.ENGLISH}
    (notice,) = owed(asked(instrument=Instrument.NONE), rules, datetime(2025, 12, 1, tzinfo=UTC))
    assert notice.standing.state is NoticeState.DELAYED
    assert notice.standing.deadline.last_day == date(2025, 12, 16)
    lifted = own(OWN + DELAY + "lifted_at = 2025-12-01T12:00:00-06:00\n")
    (again,) = owed(asked(), lifted, datetime(2025, 12, 3, tzinfo=UTC))
    assert again.standing.state is NoticeState.OWED
    assert again.standing.deadline.last_day == date(2025, 12, 4)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('state = "il"', 'state = "ny"'),
        ('clause = "tell-resident"', 'clause = "scope"'),
        ('law = "IL-625ILCS5-6-110.3"', 'law = "IL-1"'),
        ('families = ["US/DHS/ICE"]', "families = []"),
        ('families = ["US/DHS/ICE"]', 'families = ["ice"]'),
        ("[office.en]", "[office.fr]"),
        ("families", 'instruments = ["oath"]\nfamilies'),
        ("label", "name"),
        ("12:00:00-06:00", "12:00:00"),
        ('entry = "il/8"', 'entry = "IL/8"'),
        ('entry = "il/8"', 'entry = "ny/8"'),
    ],
)
def test_a_faulty_file_of_notices_is_refused(old: str, new: str) -> None:
    """What names no clause with a clock, no family, or no moment leaves no notice out unseen."""
    text = OWN + DELAY
    assert old in text
    with pytest.raises(NoticesFileError):
        own(text.replace(old, new, 1))


def test_a_files_limits_hold() -> None:
    """So many clauses and no more; a delay beyond its limits is refused with the file."""
    block = OWN[OWN.index("[[adopted]]") : OWN.index("[office.en]")]
    full = OWN.replace(block, block * ADOPTED_MAX)
    assert len(own(full).adopted) == ADOPTED_MAX
    with pytest.raises(NoticesFileError):
        own(full.replace(block, block * 2, 1))
    with pytest.raises(DelayError):
        own(OWN + DELAY.replace("2025-12-10", "2026-12-10"))


def test_a_clock_from_an_outcome_counts_from_its_hour() -> None:
    """Of a decision only the hour is known: the start of it counts."""
    clock = Clock(id="a", starts=StartEvent.DECISION_MADE, amount=1, unit=ClockUnit.HOURS)
    (adopted,) = own().adopted
    rules = msgspec.structs.replace(own(), adopted=(msgspec.structs.replace(adopted, clock=clock),))
    hour = ACCEPTED // HOUR_SECONDS
    (notice,) = owed(asked(outcome(hour=hour)), rules)
    assert notice.standing.deadline.expires_at.timestamp() == (hour + 1) * HOUR_SECONDS


NOW = ACCEPTED + 7 * 86_400


def given(**changes: Any) -> SignedGivenNotice:
    """A letter posted in time, as the practice reviewer signs it."""
    made = GivenNotice(
        state=IL,
        entry="il/8",
        law="IL-625ILCS5-6-110.3",
        clause="tell-resident",
        how=GivenHow.POST,
        on=date(2025, 12, 1),
        reviewer=REVIEWER,
        at=NOW,
    )
    made = msgspec.structs.replace(made, **changes)
    return SignedGivenNotice(notice=made, proof=proof_of(given_notice_bytes(made)))


def test_a_given_notice_becomes_a_leaf_that_cites_the_request() -> None:
    """One leaf for each request and clause, whenever and however often it is said."""
    check_given(given(), ENROLLED, NOW)
    made = given_leaf(given(), outcome(hour=400_000), NOW)
    assert (made.header.kind, made.header.cites) == (LeafKind.NOTICE, "il/8")
    ids = {
        given_id(said.notice, outcome(hour=400_000))
        for said in (given(), given(at=NOW + 9, how=GivenHow.HAND))
    }
    assert len(ids) == 1
    assert given_id(given(clause="other").notice, outcome(hour=400_000)) not in ids


def test_a_given_notice_is_believed_of_whom_it_may_be() -> None:
    """Another's key, another state's entry, a day to come or long ago: refused."""
    with pytest.raises(VerdictError):
        check_given(given(), None, NOW)
    with pytest.raises(VerdictError):
        check_given(given(at=NOW - 301), ENROLLED, NOW)
    forged = msgspec.structs.replace(given(), notice=given(how=GivenHow.HAND).notice)
    with pytest.raises(VerdictError):
        check_given(forged, ENROLLED, NOW)
    today = datetime.fromtimestamp(NOW, UTC).date()
    oldest = date.fromordinal(today.toordinal() - GIVEN_DAYS_AGO_MAX)
    check_given(given(on=oldest), ENROLLED, NOW)
    for wrong in (
        {"entry": "ny/8"},
        {"on": date.fromordinal(today.toordinal() + 1)},
        {"on": date.fromordinal(oldest.toordinal() - 1)},
    ):
        with pytest.raises(NoticeRefusedError):
            check_given(given(**wrong), ENROLLED, NOW)


@pytest.mark.parametrize(
    "cited",
    [
        leaf(LeafKind.ACCESS, member=IL, cites="il/8"),
        outcome(mode=LeafMode.PROBE),
        REFUSED,
    ],
)
def test_a_notice_is_about_a_live_request(cited: LeafHeader) -> None:
    """A probe has no resident, and a verdict is no request."""
    with pytest.raises(NoticeRefusedError):
        given_leaf(given(), cited, NOW)
