"""What a release rests on: no lane, no urgent release; no pass, nothing of what it does not grant.

Tables are made by hand, rules by chance: what holds is said of what leaves, not of how.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.after_review import AfterReview
from comity.domain.ids import ORI, Member
from comity.domain.passes import CasePass, NamedBy, PassPerson, PassRevocation
from comity.domain.vocabulary import DataClass, Emergency, LeafKind, Outcome, Purpose, RecordKind
from comity.exchange.answering import Found, Judged, answer_exchange, judge, needs_look_up
from comity.exchange.bases import Basis, basis_of, on_lane, under_pass
from comity.exchange.judged import UrgentFile
from comity.policy import Obligation, Rule
from comity.review.passes import check_pass, check_revocation, check_standing
from comity.review.signatures import VerdictError
from comity.review.urgent import check_after_review
from tests.support.exchange import CONTACT, ENROLLED, LICENCE, NOW, UNTIL, exchange_of
from tests.support.gateway import practice_agency
from tests.support.review import (
    DQ,
    URGENT,
    case_pass,
    look,
    revocation,
    signed_look,
    signed_pass,
    signed_revocation,
)
from tests.unit.policy.build import facts, policy, rule

ENTRY = "wa/7"
LOG = (Obligation.LOG,)
AFTER = (Obligation.LOG, Obligation.REVIEW_AFTER)
ASKED = msgspec.structs.replace(exchange_of(), claims=URGENT)
DECLARED = facts(emergency=Emergency.DECLARED)

texts = st.text("ABCDEFGH0123456789-", min_size=1, max_size=12)
seconds = st.integers(1, 2**40)
values: dict[str, st.SearchStrategy[Any]] = {
    "state": st.sampled_from([Member("or"), Member("il")]),
    "agency": st.sampled_from([ORI("ORPX00001"), ORI("ILPX00009")]),
    "case_number": texts,
    "persons": st.lists(
        st.builds(PassPerson, by=st.sampled_from(NamedBy), value=texts), min_size=1, max_size=3
    ).map(tuple),
    "classes": st.lists(st.sampled_from(DataClass), max_size=4).map(tuple),
    "purpose": st.none() | st.sampled_from(Purpose),
    "since": seconds,
    "until": seconds,
    "hold_entry": st.just("") | st.just("wa/1"),
    "note": texts,
    "reviewer": texts,
    "at": seconds,
    "pass_entry": st.sampled_from(["wa/1", "or/7"]),
    "entry": st.sampled_from(["wa/1", "or/7"]),
    "justified": st.booleans(),
    "called": texts,
    "called_at": seconds,
    "answered": texts,
}


@st.composite
def alterations(draw: st.DrawFn, paper: msgspec.Struct) -> dict[str, Any]:
    """One or more fields of a paper with another value than they had."""
    names = draw(
        st.lists(st.sampled_from(paper.__struct_fields__), min_size=1, max_size=3, unique=True)
    )
    changed = {name: draw(values[name]) for name in names}
    same = all(getattr(paper, name) == value for name, value in changed.items())
    return {"state": Member("ny")} if same else changed


@given(alterations(case_pass()))
def test_an_altered_pass_is_refused(changes: dict[str, Any]) -> None:
    """At grant and when it is read again, whatever was altered."""
    made = signed_pass(case_pass())
    altered: CasePass = msgspec.structs.replace(made.case_pass, **changes)
    signed = msgspec.structs.replace(made, case_pass=altered)
    with pytest.raises(VerdictError):
        check_pass(signed, ENROLLED, NOW)
    with pytest.raises(VerdictError):
        check_standing(signed, ENROLLED)


@given(alterations(revocation(ENTRY)))
def test_an_altered_revocation_is_refused(changes: dict[str, Any]) -> None:
    """Nobody ends a pass with another's signature."""
    made = signed_revocation(revocation(ENTRY))
    altered: PassRevocation = msgspec.structs.replace(made.revocation, **changes)
    with pytest.raises(VerdictError):
        check_revocation(msgspec.structs.replace(made, revocation=altered), ENROLLED, NOW)


@given(alterations(look(ENTRY)))
def test_an_altered_look_is_refused(changes: dict[str, Any]) -> None:
    """Nobody settles a release with another's signature."""
    made = signed_look(look(ENTRY))
    altered: AfterReview = msgspec.structs.replace(made.review, **changes)
    file = UrgentFile(exchange=ASKED, classes=DQ, step=0, released_at=NOW, due=NOW + 86_400)
    agency = msgspec.structs.replace(
        practice_agency(ORI("ORPX00001"), "OR/LOCAL/PD", "oregon-1"), phone="555-0111"
    )
    signed = msgspec.structs.replace(made, review=altered)
    with pytest.raises(VerdictError):
        check_after_review(signed, ENROLLED, file, agency, NOW)


@st.composite
def rule_sets(draw: st.DrawFn) -> list[Rule]:
    """Up to six rules of any effect on some classes; releases may ask for a look afterwards."""
    rules = []
    for number in range(draw(st.integers(1, 6))):
        effect = draw(st.sampled_from(Outcome))
        classes = draw(st.lists(st.sampled_from(DQ), min_size=1, max_size=3, unique=True))
        is_urgent = effect is Outcome.RELEASE and draw(st.booleans())
        on: dict[str, Any] = {"data_class": tuple(c for c in DQ if c in classes)}
        if is_urgent:
            on["emergency"] = (Emergency.DECLARED,)
        made = rule(f"R{number}", effect, **on)
        rules.append(msgspec.structs.replace(made, obligations=AFTER if is_urgent else LOG))
    return rules


granted = st.frozensets(st.sampled_from(DQ), min_size=1)
reasons = st.sampled_from(["", "The lane is not open. Call the state."])


def _answered(judged: Judged, found: Found | None) -> Any:
    record = found if needs_look_up(judged) else None
    return answer_exchange(judged, record, now=NOW, hold_until=UNTIL, contact=CONTACT)


def _outcomes(judged: Judged) -> dict[tuple[DataClass, RecordKind], Outcome]:
    return {(d.data_class, d.record_kind): d.outcome for row in judged.rows for d in row}


@given(rule_sets(), reasons, granted, st.booleans(), st.sampled_from([LICENCE, None]))
def test_what_is_released_rests_on_what_allows_it(
    rules: list[Rule],
    unmet: str,
    classes: frozenset[DataClass],
    has_pass: bool,
    found: Found | None,
) -> None:
    """Where the lane is not open none goes by it; a pass opens what is held and granted."""
    rules_in_force = policy(*rules)
    ruled = judge(ASKED, DECLARED, rules_in_force, 3)
    laned = on_lane(ruled, unmet)
    settled = under_pass(laned, rules_in_force, classes, ENTRY) if has_pass else laned
    after = {d.data_class: d for row in settled.rows for d in row}
    for row, lane_row, last_row in zip(ruled.rows, laned.rows, settled.rows, strict=True):
        for cell, lane, last in zip(row, lane_row, last_row, strict=True):
            owes = "review_after" in cell.obligations
            if cell.outcome is Outcome.RELEASE and owes:
                assert lane.outcome is (Outcome.HOLD if unmet else Outcome.RELEASE)
                assert unmet or basis_of(lane) is Basis.URGENT
            else:
                assert lane == cell
            if last != lane:
                assert has_pass
                assert lane.outcome is Outcome.HOLD
                assert cell.data_class in classes
                assert (last.outcome, basis_of(last)) == (Outcome.RELEASE, Basis.PASS)
            if cell.outcome is Outcome.DENY:
                assert last == cell
    answered = _answered(settled, found)
    gone = {e.data_class for e in answered.answer.elements}
    assert all(after[each].outcome is Outcome.RELEASE for each in gone)
    urgent = [d for row in settled.rows for d in row if basis_of(d) is Basis.URGENT]
    assert answered.urgent is None or (urgent and not unmet)
    assert not answered.case_pass or has_pass
    for leaf in answered.leaves:
        if leaf.header.kind is LeafKind.DISCLOSURE and leaf.header.cites == ENTRY:
            assert set(leaf.header.released or ()) <= classes
            assert answered.case_pass == ENTRY


@given(rule_sets(), granted)
def test_a_pass_changes_nothing_where_nothing_is_held(
    rules: list[Rule], classes: frozenset[DataClass]
) -> None:
    """Neither a denial nor a release, nor the answer's own leaves."""
    rules_in_force = policy(*rules)
    judged = on_lane(judge(ASKED, DECLARED, rules_in_force, 3), "")
    if Outcome.HOLD not in _outcomes(judged).values():
        assert under_pass(judged, rules_in_force, classes, ENTRY) == judged
