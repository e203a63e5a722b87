"""What a claimed instrument opens: nothing by itself, whatever the rules are; verified, its scope.

Rules are drawn by chance, with exceptions for instruments: what holds is said of what leaves.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from comity.domain.vocabulary import DataClass, Instrument, LeafKind, Outcome
from comity.exchange.answering import Found, answer_exchange, judge, needs_look_up
from comity.exchange.bases import Basis, Covering, basis_of, on_claim
from comity.exchange.claimed import unclaimed
from comity.policy import Condition, Rule
from tests.support.exchange import CONTACT, LICENCE, NOW, UNTIL, exchange_of
from tests.support.instruments import CLAIMED
from tests.support.review import DQ
from tests.unit.policy.build import facts, policy, rule

ENTRY = "wa/7"
ASKED = msgspec.structs.replace(exchange_of(), claims=CLAIMED)
KINDS = (Instrument.ARTICLE_III_WARRANT, Instrument.COURT_ORDER, Instrument.NONE)
SAID = facts(instrument=CLAIMED.instrument)


@st.composite
def rule_sets(draw: st.DrawFn) -> list[Rule]:
    """Up to six rules of any effect, on some classes, for or against some instruments."""
    rules = []
    for number in range(draw(st.integers(1, 6))):
        classes = draw(st.lists(st.sampled_from(DQ), min_size=1, max_size=3, unique=True))
        on: dict[str, Any] = {"data_class": tuple(c for c in DQ if c in classes)}
        kinds = draw(st.lists(st.sampled_from(KINDS), max_size=2, unique=True))
        is_condition = draw(st.booleans())
        named = tuple(kind for kind in Instrument if kind in kinds)
        unless = [Condition(instrument=named)] if named and not is_condition else []
        if named and is_condition:
            on["instrument"] = named
        rules.append(rule(f"R{number}", draw(st.sampled_from(Outcome)), *unless, **on))
    return rules


scopes = st.none() | st.frozensets(st.sampled_from(DQ), min_size=1).map(
    lambda classes: Covering(ENTRY, classes)
)


@given(rule_sets(), scopes, st.sampled_from([LICENCE, None]))
def test_a_claim_opens_what_is_verified_and_in_scope_alone(
    rules: list[Rule], covering: Covering | None, found: Found | None
) -> None:
    """Beside what goes without it, only classes in scope of a verified instrument leave."""
    in_force = policy(*rules)
    judged = judge(ASKED, SAID, in_force, 3)
    plain = unclaimed(judged, in_force)
    settled = on_claim(judged, plain, in_force, covering)
    scope = covering.classes if covering is not None else frozenset[DataClass]()
    for rows in zip(judged.rows, plain.rows, settled.rows, strict=True):
        for ruled, bare, last in zip(*rows, strict=True):
            if ruled.outcome is Outcome.DENY:
                assert last == ruled
            if last.outcome is Outcome.RELEASE and last.data_class not in scope:
                assert ruled.outcome is bare.outcome is Outcome.RELEASE
                assert basis_of(last) is Basis.RULES
            if basis_of(last) is Basis.INSTRUMENT and last.outcome is Outcome.RELEASE:
                assert last.data_class in scope
                assert (ruled.outcome, bare.outcome) != (Outcome.RELEASE, Outcome.RELEASE)
            if ruled.outcome is Outcome.RELEASE and bare.outcome is Outcome.RELEASE:
                assert last == ruled
    record = found if needs_look_up(settled) else None
    answered = answer_exchange(settled, record, now=NOW, hold_until=UNTIL, contact=CONTACT)
    went = {e.data_class for e in answered.answer.elements}
    free = {d.data_class for row in plain.rows for d in row if d.outcome is Outcome.RELEASE}
    assert went <= free | scope
    assert not answered.instrument or covering is not None
    for leaf in answered.leaves:
        if leaf.header.kind is LeafKind.DISCLOSURE and leaf.header.cites == ENTRY:
            assert set(leaf.header.released or ()) <= scope
            assert answered.instrument == ENTRY


@given(rule_sets(), scopes)
def test_a_request_that_the_claim_does_not_help_is_as_before(
    rules: list[Rule], covering: Covering | None
) -> None:
    """Where nothing goes because of it and nothing is held, nothing changes."""
    in_force = policy(*rules)
    judged = judge(ASKED, SAID, in_force, 3)
    plain = unclaimed(judged, in_force)
    cells = [
        (ruled, bare)
        for rows in zip(judged.rows, plain.rows, strict=True)
        for ruled, bare in zip(*rows, strict=True)
    ]
    if all(r.outcome is b.outcome and r.outcome is not Outcome.HOLD for r, b in cells):
        assert on_claim(judged, plain, in_force, covering) == judged
