"""z3 as the second prover: what it says, that its witness is one; silence proves nothing."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
import z3

from comity.adapters.solver import Z3Solver
from comity.domain.ids import MEMBERS
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy import Axis, Condition, load_template, national_default
from comity.policy.axis import AXIS_VALUES
from comity.policy.guarantee import default_guarantees, prove
from comity.policy.layer import layered_rules
from comity.policy.rule import Guarantee, Rule
from comity.policy.space import Asker, space_of
from comity.policy.witness import broken_by
from comity.ports import Solved
from comity.practice.agencies import agencies_of
from tests.unit.policy.build import RELEASE_ALL, rule

ASKERS = tuple(
    Asker(agency.ori, agency.family, agency.type) for m in MEMBERS for agency in agencies_of(m)
)
ICE = Guarantee(
    id="G-ICE",
    sentence="Nothing goes to ICE unreviewed.",
    when=Condition(agency=("US/DHS/ICE",)),
)


def rules_of(name: str) -> tuple[Rule, ...]:
    """The rules that decide under a template."""
    return layered_rules(load_template(name), national_default())


@pytest.mark.parametrize("name", ["il", "ny", "or"])
def test_solver_and_count_agree_on_templates(name: str) -> None:
    """On whether a guarantee holds; and what the solver shows, breaks it."""
    rules, space = rules_of(name), space_of(ASKERS)
    guarantees = (*default_guarantees(), ICE)
    for guarantee, proof in zip(guarantees, prove(rules, guarantees, space), strict=True):
        found = Z3Solver(rules, ASKERS).find(guarantee)
        assert found.verdict is (Solved.HOLDS if proof.holds else Solved.BROKEN)
        if not proof.holds:
            assert set(found.witness) == set(Axis)
            assert broken_by(rules, guarantee, space, found.witness)


def test_one_agency_that_a_rule_names_is_told_from_its_like() -> None:
    """A guarantee over a family is broken by the one agency of it that a rule lets in."""
    rules = rules_of("ny")
    ero = next(asker.ori for asker in ASKERS if asker.family == "US/DHS/ICE/ERO")
    deny, permit = rules[0], next(rule for rule in rules if rule.effect == "release")
    alone = (
        msgspec.structs.replace(permit, when=Condition(agency=(ero,)), unless=()),
        msgspec.structs.replace(deny, when=Condition(agency=("TX",)), unless=()),
    )
    found = Z3Solver(alone, ASKERS).find(ICE)
    assert (found.verdict, found.witness[Axis.AGENCY]) == (Solved.BROKEN, ero)


def test_what_nobody_can_ask_breaks_nothing() -> None:
    """A class that no key asks for, and a directory of nobody, leave a guarantee standing."""
    assert Z3Solver(rules_of("wa"), ()).find(ICE).verdict is Solved.HOLDS
    unasked = Guarantee(id="G", sentence="None.", when=Condition(data_class=(DataClass.SSN,)))
    assert Z3Solver(rules_of("wa"), ASKERS).find(unasked).verdict is Solved.HOLDS


def drawn_condition(chance: Random, count: int) -> Condition:
    """Half of the values on each of some axes."""
    chosen: dict[str, Any] = {}
    axes = [axis for axis in AXIS_VALUES if axis is not Axis.AGENCY_TYPE]
    for axis in chance.sample(axes, count):
        values = AXIS_VALUES[axis]
        chosen[axis.value] = tuple(chance.sample(values, (len(values) + 1) // 2))
    return Condition(**chosen)


def test_a_time_limit_is_no_proof() -> None:
    """In a thirtieth of its time z3 says unknown; that is told as undecided, with the reason."""
    chance = Random(4)
    rules = tuple(
        rule(f"R{number}", chance.choice(list(Outcome)), drawn_condition(chance, 3))
        for number in range(200)
    )
    drawn = tuple(msgspec.structs.replace(each, when=drawn_condition(chance, 4)) for each in rules)
    promise = Guarantee(id="G", sentence="Nothing is released.")
    found = Z3Solver((*drawn, RELEASE_ALL), ASKERS, ms_max=1).find(promise)
    assert found.verdict is Solved.UNDECIDED
    assert found.why.startswith("z3 says unknown: ")


def test_a_value_that_no_axis_has_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails in the solver is no proof, and no fault of whoever asks."""
    when: Any = Condition(purpose=("no_such",))  # type: ignore[arg-type]
    bad = Guarantee(id="G", sentence="None.", when=when)
    assert Z3Solver(rules_of("wa"), ASKERS).find(bad).why == "z3 failed: KeyError"

    def broken(*_: object, **__: object) -> object:
        raise z3.Z3Exception("no memory")

    monkeypatch.setattr(z3, "PbEq", broken)
    assert Z3Solver(rules_of("wa"), ASKERS).find(ICE).why == "z3 failed: Z3Exception"
