"""The gate passes what agrees, and refuses every table with a wrong bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

from comity.adapters.cedar import CedarReferee
from comity.adapters.solver import Z3Solver
from comity.domain.agency import Family
from comity.domain.ids import ORI
from comity.domain.vocabulary import AgencyType, DataClass, RecordKind
from comity.policy import Axis, compile_policy, load_template, national_default
from comity.policy.axis import AXIS_VALUES
from comity.policy.cedar import cedar_policies
from comity.policy.decide import CompiledPolicy
from comity.policy.guarantee import default_guarantees, guarantees_in_force
from comity.policy.masks import MaskTable
from comity.policy.rule import Guarantee
from comity.policy.space import Asker, RequestKind
from comity.ports import Finding, ReadRule, Ruling, Solved
from comity.services.gate import GateReport, facts_of_kind, run_gate

ASKERS = (
    Asker(ORI("XXERO0001"), Family("US/DHS/ICE/ERO"), AgencyType.FE),
    Asker(ORI("XXHSI0001"), Family("US/DHS/ICE/HSI"), AgencyType.FE),
    Asker(ORI("XXUSBP001"), Family("US/DHS/CBP/USBP"), AgencyType.FE),
    Asker(ORI("XXFBI0001"), Family("US/DOJ/FBI"), AgencyType.FE),
    Asker(ORI("TX0PD0001"), Family("TX/LOCAL/PD"), AgencyType.PD),
    Asker(ORI("TX0MV0001"), Family("TX/STATE"), AgencyType.NJ),
)
FAMILIES = {asker.ori: asker.family for asker in ASKERS}
SEEDS = 12


class Remembering:
    """A referee that asks Cedar once for each request: nearly all come again in the next gate."""

    def __init__(self, referee: CedarReferee) -> None:
        self._referee = referee
        self._known: dict[tuple[str, ...], Ruling] = {}
        self.text = referee.text

    def rules(self) -> tuple[ReadRule, ...]:
        """As Cedar reads them."""
        return self._referee.rules()

    def rule_on(self, kinds: Sequence[RequestKind]) -> list[Ruling]:
        """As Cedar rules, or ruled before."""
        places = [tuple(kind[axis] for axis in Axis) for kind in kinds]
        new = {p: k for p, k in zip(places, kinds, strict=True) if p not in self._known}
        self._known.update(zip(new, self._referee.rule_on(list(new.values())), strict=True))
        return [self._known[place] for place in places]

    def over(self, askers: Sequence[Asker]) -> CedarReferee:
        """Over other agencies, without a memory."""
        return self._referee.over(askers)


class Stubborn:
    """A solver that says the same of every guarantee."""

    def __init__(self, found: Finding) -> None:
        self._found = found

    def find(self, guarantee: Guarantee) -> Finding:
        """Nothing is looked at."""
        return self._found


def policy_of(name: str) -> CompiledPolicy:
    """A template, compiled over the agencies here."""
    return compile_policy(load_template(name), national_default(), FAMILIES)


def referee_of(policy: CompiledPolicy) -> Remembering:
    """Cedar over the policy's own text."""
    return Remembering(CedarReferee(cedar_policies(policy.rules), ASKERS))


WA = policy_of("wa")
REFEREE = referee_of(WA)
SOLVER = Z3Solver(WA.rules, ASKERS)


def gate(policy: CompiledPolicy) -> GateReport:
    """The gate's word on a policy that should be Washington's; its rules are proved elsewhere."""
    return run_gate(policy, ASKERS, REFEREE, SOLVER, ())


@pytest.mark.parametrize("name", ["md", "ny", "wa"])
def test_a_template_passes(name: str) -> None:
    """Masks, boxes and Cedar agree, and enough was asked to know it."""
    policy = policy_of(name)
    report = run_gate(policy, ASKERS, referee_of(policy), Z3Solver(policy.rules, ASKERS))
    assert report.disagreements == ()
    assert report.passed
    assert report.combinations > 20
    assert report.errors_shown > 1_000 < report.directed


def corrupted(table: MaskTable, axis: Axis, value: str, bit: int) -> MaskTable:
    """The table with one bit of one value's mask the other way."""
    if axis is Axis.AGENCY:
        agencies = {**table.agencies}
        agencies[ORI(value)] ^= bit
        return table._replace(agencies=agencies)
    values: Any = {each: {**masks} for each, masks in table.values.items()}
    values[axis][value] ^= bit
    return table._replace(values=values)


@pytest.mark.timeout(360)
def test_wrong_bits_are_refused() -> None:
    """Seeded errors of one bit in the table that decides: each that changes an answer is found."""
    chance = Random(11)
    table = WA.masks
    bits = max(table.fixed, *(row.need for row in table.by_id.values())).bit_length()
    changing = passed = 0
    while changing < SEEDS:
        axis = chance.choice(list(Axis))
        values = table.agencies if axis is Axis.AGENCY else table.values[axis]
        wrong = corrupted(table, axis, chance.choice(sorted(values)), 1 << chance.randrange(bits))
        policy = CompiledPolicy(WA.bundle, WA.digest, WA.rules, wrong)
        if gate(policy).passed:
            # Only an error that no request can show may pass.
            passed += 1
            assert all(answer(policy, kind) == answer(WA, kind) for kind in asked(chance, 2_000))
        else:
            changing += 1
    assert passed < SEEDS


def asked(chance: Random, count: int) -> Iterator[RequestKind]:
    """Requests with a value drawn on each axis."""
    for _ in range(count):
        asker = chance.choice(ASKERS)
        yield {
            **{axis: chance.choice(values) for axis, values in AXIS_VALUES.items()},
            Axis.AGENCY: asker.ori,
        }


def answer(policy: CompiledPolicy, kind: RequestKind) -> tuple[object, ...]:
    """Outcome and rules, without and with a review."""
    facts = facts_of_kind(kind)
    classes, kinds = (DataClass(kind[Axis.DATA_CLASS]),), (RecordKind(kind[Axis.RECORD_KIND]),)
    cells = [policy.decide(facts, classes, kinds, reviewed=r)[0] for r in (False, True)]
    return tuple((cell.outcome, *(reason.rule for reason in cell.reasons)) for cell in cells)


def test_a_wrong_look_up_of_joined_axes_is_refused() -> None:
    """A cell of a joined table is no axis of its own, and is held against them all the same."""
    policy = policy_of("wa")
    cell = policy._who[AgencyType.FE]
    (certification, by_assurance), *_ = cell.items()
    assurance = next(iter(by_assurance))
    by_assurance[assurance] ^= WA.masks.fixed & -WA.masks.fixed
    report = gate(policy)
    assert not report.passed
    assert any("look-up" in each.what for each in report.disagreements), certification


def test_a_published_text_that_says_something_else_is_refused() -> None:
    """A text whose rule reads otherwise than its record stops at the first step."""
    text = REFEREE.text.replace('Agency::"US/DHS/ICE"', 'Agency::"US/DHS/CBP"', 1)
    assert text != REFEREE.text
    report = run_gate(WA, ASKERS, CedarReferee(text, ASKERS), SOLVER)
    assert not report.passed
    assert "as published" in report.disagreements[0].what


def test_an_agency_that_the_table_lacks_is_refused() -> None:
    """Whom the directory lists and the table does not know would be denied without a rule."""
    further = Asker(ORI("TX0PD0002"), Family("TX/LOCAL/PD"), AgencyType.PD)
    report = run_gate(WA, (*ASKERS, further), REFEREE, SOLVER)
    assert "TX0PD0002" in report.disagreements[0].what


def test_a_guarantee_that_both_call_broken_fails_no_gate() -> None:
    """Washington's draft does not keep what every state promises; count and solver agree on it."""
    report = run_gate(WA, ASKERS, REFEREE, SOLVER, default_guarantees())
    assert report.passed
    assert report.guarantees == len(default_guarantees()) > len(guarantees_in_force(WA.bundle))


@pytest.mark.parametrize(
    "found",
    [
        Finding(verdict=Solved.HOLDS),
        Finding(verdict=Solved.BROKEN),
        Finding(verdict=Solved.UNDECIDED, why="z3 says unknown: timeout"),
    ],
    ids=["holds", "broken", "undecided"],
)
def test_a_solver_that_does_not_agree_fails_the_gate(found: Finding) -> None:
    """Another word than the count's, a witness that breaks nothing, or no word at all."""
    report = run_gate(WA, ASKERS, REFEREE, Stubborn(found), default_guarantees())
    assert not report.passed
    assert report.disagreements[0].what.startswith("guarantee G-")
