"""A guarantee holds only where count and solver both say so; all else is told, and not proved."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from comity.adapters.solver import Z3Solver
from comity.domain.agency import Family
from comity.domain.certificate import SecondProof
from comity.domain.ids import ORI
from comity.domain.vocabulary import AgencyType, Outcome
from comity.policy import Axis, Condition, Rule
from comity.policy import space as module
from comity.policy.rule import Guarantee
from comity.policy.space import Asker
from comity.ports import Finding, Solved
from comity.services.proving import TwiceProved, prove_twice
from tests.unit.policy.build import rule

ASKERS = (
    Asker(ORI("XXERO0001"), Family("US/DHS/ICE/ERO"), AgencyType.FE),
    Asker(ORI("TX0PD0001"), Family("TX/LOCAL/PD"), AgencyType.PD),
)
ICE = Condition(agency=("US/DHS/ICE",))
PROMISE = Guarantee(id="G", sentence="Nothing goes to ICE.", when=ICE)
RELEASE = rule("R", Outcome.RELEASE)
DENY = rule("D", Outcome.DENY, agency=("US/DHS/ICE",))


class Says:
    """A solver that says what it was told to say."""

    def __init__(self, verdict: Solved, witness: Mapping[Axis, str] | None = None) -> None:
        self._found = Finding(verdict=verdict, witness=witness or {}, why="no time")

    def find(self, guarantee: Guarantee) -> Finding:
        """Nothing is looked at."""
        return self._found


def proved(*rules: Rule, solver: Says | None = None) -> TwiceProved:
    """What is said of the promise."""
    asked = solver or Z3Solver(rules, ASKERS)
    (found,) = prove_twice(rules, (PROMISE,), ASKERS, asked)
    return found


def witness(*rules: Rule) -> Mapping[Axis, str]:
    """A request that these rules release to ICE."""
    return Z3Solver(rules, ASKERS).find(PROMISE).witness


def test_both_say_that_it_holds() -> None:
    """It holds, with what was counted, and the solver agrees."""
    found = proved(RELEASE, DENY)
    assert found.holds
    assert (found.solver, found.broken, found.why) == (SecondProof.AGREES, 0, "")
    assert found.examined


def test_both_say_that_it_is_broken() -> None:
    """It is broken, which is known: with numbers, a witness and its rules."""
    found = proved(RELEASE)
    assert not found.holds
    assert found.is_settled
    assert found.rules == ("R",)
    assert found.broken == found.examined


@pytest.mark.parametrize(
    ("rules", "solver"),
    [
        ((RELEASE, DENY), Says(Solved.BROKEN, witness(RELEASE))),
        ((RELEASE, DENY), Says(Solved.BROKEN)),
        ((RELEASE,), Says(Solved.HOLDS)),
    ],
    ids=["witness is denied", "no witness", "solver missed it"],
)
def test_a_disagreement_is_no_proof(rules: tuple[Rule, ...], solver: Says) -> None:
    """Whichever of the two is wrong: the guarantee is not proved, and it is said why."""
    found = proved(*rules, solver=solver)
    assert (found.holds, found.is_settled) == (False, False)
    assert found.solver is SecondProof.DISAGREES
    assert found.why


def test_an_undecided_solver_is_no_proof() -> None:
    """A count alone does not carry a guarantee."""
    found = proved(RELEASE, DENY, solver=Says(Solved.UNDECIDED))
    assert (found.holds, found.solver, found.why) == (False, SecondProof.UNDECIDED, "no time")


def test_beyond_the_count_the_solver_proves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are too many combinations nothing is counted, and that is said."""
    monkeypatch.setattr(module, "COMBINATIONS_MAX", 1)
    court = rule("C", Outcome.RELEASE, purpose=("court",))
    held, broken = proved(RELEASE, DENY, court), proved(RELEASE, court)
    assert (held.holds, held.solver, held.examined) == (True, SecondProof.ALONE, None)
    assert (broken.holds, broken.solver) == (False, SecondProof.ALONE)
    assert broken.rules[0] == "R"
    assert broken.witness["agency"] == "XXERO0001"
    nothing = proved(RELEASE, DENY, court, solver=Says(Solved.UNDECIDED))
    assert (nothing.holds, nothing.solver) == (False, SecondProof.UNDECIDED)
    lying = proved(RELEASE, DENY, court, solver=Says(Solved.BROKEN, witness(RELEASE)))
    assert (lying.holds, lying.solver) == (False, SecondProof.DISAGREES)
