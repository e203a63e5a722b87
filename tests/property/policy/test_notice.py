"""Notice, for random bundles: what is said to loosen is what asking both rule sets shows."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings

from comity.domain.decision import RuleId
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy import Axis, Condition, Mark, PolicyBundle, Rule, Statute
from comity.policy.difference import compare
from comity.policy.notice import takes_notice
from comity.policy.space import Space
from tests.property.policy.cases import bundles, conditions
from tests.property.policy.test_proofs import ASKERS, FEW, compiled, decided, each_kind

CHOICES = FEW | {
    Axis.DATA_CLASS: (DataClass.STATUS, DataClass.PHOTO),
}
SPACE = Space(
    askers=ASKERS,
    choices=tuple(
        tuple({axis: value} for value in CHOICES[axis])
        for axis in CHOICES
        if axis is not Axis.AGENCY_TYPE
    ),
)
PHOTOS = [kind for kind in each_kind(SPACE) if kind[Axis.DATA_CLASS] == DataClass.PHOTO]
ORDER = (Outcome.DENY, Outcome.HOLD, Outcome.RELEASE)


@settings(max_examples=6, deadline=None)
@given(bundles(), bundles())
def test_photos_take_notice_where_one_request_for_a_photo_is_given_more_easily(
    old: PolicyBundle, new: PolicyBundle
) -> None:
    """And only then; whatever else changes."""
    noticed = msgspec.structs.replace(old, schema_version=2, notice_hours=1, budgets=())
    before, after = compiled(old), compiled(new)
    found = takes_notice(noticed, msgspec.structs.replace(noticed, version=2),
                         compare(before.rules, after.rules, SPACE))  # fmt: skip
    easier = any(
        ORDER.index(decided(after, kind)[0]) > ORDER.index(decided(before, kind)[0])
        for kind in PHOTOS
    )
    assert found == ((DataClass.PHOTO,) if easier else ())


@settings(max_examples=25, deadline=None)
@given(bundles(), conditions())
def test_a_rule_that_denies_takes_no_notice(old: PolicyBundle, when: Condition) -> None:
    """No restriction waits (invariant `restriction-never-waits`)."""
    rule = Rule(
        id=RuleId("STRICT"),
        effect=Outcome.DENY,
        when=when,
        statute=Statute(cite="Order 14", mark=Mark.READ),
        sentence="Nothing.",
    )
    noticed = msgspec.structs.replace(old, schema_version=2, notice_hours=1)
    stricter = msgspec.structs.replace(noticed, version=2, rules=(*old.rules, rule))
    difference = compare(compiled(noticed).rules, compiled(stricter).rules, SPACE)
    assert takes_notice(noticed, stricter, difference) == ()
