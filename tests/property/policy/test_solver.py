"""The second proof against the first, for random rules and guarantees."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from comity.adapters.solver import Z3Solver
from comity.policy import Condition, PolicyBundle
from comity.policy.guarantee import prove
from comity.policy.layer import layered_rules
from comity.policy.rule import Guarantee
from comity.policy.space import space_of
from comity.policy.witness import broken_by
from comity.ports import Solved
from tests.property.policy.cases import bundles, conditions
from tests.property.policy.test_proofs import ASKERS

SPACE = space_of(ASKERS)


@settings(max_examples=40, deadline=None)
@given(bundles(), conditions(), st.lists(conditions(fewest=1), max_size=2), st.booleans())
def test_count_and_solver_say_the_same(
    bundle: PolicyBundle, when: Condition, unless: list[Condition], reviewed: bool
) -> None:
    """Both or neither call a guarantee broken, and each one's witness breaks it."""
    rules = layered_rules(bundle, None)
    guarantee = Guarantee(
        id="G", sentence="A promise.", when=when, unless=tuple(unless), reviewed=reviewed
    )
    (proof,) = prove(rules, (guarantee,), SPACE)
    found = Z3Solver(rules, ASKERS).find(guarantee)
    assert found.verdict is (Solved.HOLDS if proof.holds else Solved.BROKEN)
    if not proof.holds:
        assert broken_by(rules, guarantee, SPACE, found.witness)
        counted = {axis: proof.witness[axis.value] for axis in found.witness}
        assert broken_by(rules, guarantee, SPACE, counted) == proof.rules
