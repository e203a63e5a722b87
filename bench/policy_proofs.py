"""What a proof, a gate and Cedar cost, over the practice world and over 20,000 agencies."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import cycle
from random import Random

import msgspec

from bench.report import Figure, at_least, at_most, told
from comity.adapters.cedar import CedarReferee
from comity.adapters.solver import Z3Solver
from comity.domain.ids import MEMBERS, ORI
from comity.domain.vocabulary import DataClass, RecordKind
from comity.policy import (
    Condition,
    Guarantee,
    PolicyBundle,
    Rule,
    compile_policy,
    load_template,
    national_default,
    template_names,
)
from comity.policy.access import access, class_parts
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.block import blocked
from comity.policy.cedar import cedar_policies
from comity.policy.check import RESERVED_IDS
from comity.policy.decide import CompiledPolicy
from comity.policy.guarantee import default_guarantees, prove
from comity.policy.layer import layered_rules
from comity.policy.masks import MaskTable
from comity.policy.reach import reach
from comity.policy.space import Asker, Boxes, RequestKind, space_of
from comity.policy.target import targets_of
from comity.policy.weigh import RuleSet
from comity.ports import Solved
from comity.practice.agencies import agencies_of
from comity.services.gate import facts_of_kind, run_gate

LARGE = 20_000
REQUESTS = 100_000
CHUNK = 5_000
TIMED = 300
ROUNDS = 9
SEEDED = 200
PROMISE = Guarantee(
    id="G", sentence="Nothing goes to ICE unreviewed.", when=Condition(agency=("US/DHS/ICE",))
)


def practice_askers() -> list[Asker]:
    """Every agency of the practice world."""
    listed = (agency for member in MEMBERS for agency in agencies_of(member))
    return [Asker(agency.ori, agency.family, agency.type) for agency in listed]


def many_askers(count: int) -> list[Asker]:
    """As many agencies, of the practice world's families and types by turns."""
    known = cycle(practice_askers())
    return [
        Asker(ORI(f"XX{number:07}"), asker.family, asker.type)
        for number, asker in zip(range(count), known, strict=False)
    ]


def drawn_kinds(askers: list[Asker], count: int, chance: Random) -> list[RequestKind]:
    """Requests with a value drawn on each axis, agencies with their own type."""
    kinds: list[RequestKind] = []
    for _ in range(count):
        asker = chance.choice(askers)
        kind = {axis: chance.choice(values) for axis, values in AXIS_VALUES.items()}
        kinds.append(kind | {Axis.AGENCY: asker.ori, Axis.AGENCY_TYPE: asker.type.value})
    return kinds


def decided(policy: CompiledPolicy, kind: RequestKind) -> tuple[object, ...]:
    """Outcome and rules, without and with a review, as the masks decide."""
    facts = facts_of_kind(kind)
    classes, kinds = (DataClass(kind[Axis.DATA_CLASS]),), (RecordKind(kind[Axis.RECORD_KIND]),)
    found: list[object] = []
    for reviewed in (False, True):
        (cell,) = policy.decide(facts, classes, kinds, reviewed=reviewed)
        found += [cell.outcome, frozenset(r.rule for r in cell.reasons) - RESERVED_IDS]
    return tuple(found)


def cpu_ms(action: Callable[[], object]) -> float:
    """Milliseconds of this process's CPU time that a call takes."""
    begun = time.process_time_ns()
    action()
    return (time.process_time_ns() - begun) / 1e6


def cedar_figures(policy: CompiledPolicy, askers: list[Asker]) -> list[Figure]:
    """Cedar's two passes beside one decision, and whether they ever disagree."""
    referee = CedarReferee(cedar_policies(policy.rules), askers)
    chance = Random("cedar")
    kinds = drawn_kinds(askers, TIMED, chance)
    facts = [facts_of_kind(kind) for kind in kinds]
    classes = [(DataClass(kind[Axis.DATA_CLASS]),) for kind in kinds]
    records = [(RecordKind(kind[Axis.RECORD_KIND]),) for kind in kinds]

    def decide() -> None:
        for each in zip(facts, classes, records, strict=True):
            policy.decide(*each)

    decide()
    ratios = []
    for _ in range(ROUNDS):
        ours = min(cpu_ms(decide) for _ in range(3))
        ratios.append(cpu_ms(lambda: referee.rule_on(kinds)) / ours)
    disagreements = 0
    for _ in range(REQUESTS // CHUNK):
        asked = drawn_kinds(askers, CHUNK, chance)
        for kind, ruling in zip(asked, referee.rule_on(asked), strict=True):
            said = ruling.outcome, ruling.rules, ruling.reviewed, ruling.reviewed_rules
            disagreements += said != decided(policy, kind)
    return [
        at_least("cedar_ratio", statistics.median(ratios), "ratio", 200, ratios),
        at_most("cedar_disagreements", disagreements, "requests", 0),
    ]


def seeded_errors_missed(policy: CompiledPolicy, askers: list[Asker]) -> int:
    """How many of 200 wrong bits that change an answer the gate lets through."""
    chance = Random("errors")
    table = policy.masks
    bits = max(table.fixed, *(row.need for row in table.by_id.values())).bit_length()
    referee = CedarReferee(cedar_policies(policy.rules), askers)
    solver = Z3Solver(policy.rules, askers)
    sample = drawn_kinds(askers, CHUNK, chance)
    expected = [decided(policy, kind) for kind in sample]
    tried = missed = 0
    while tried < SEEDED:
        axis = chance.choice(list(Axis))
        values = table.agencies if axis is Axis.AGENCY else table.values[axis]
        wrong = _corrupted(table, axis, chance.choice(sorted(values)), 1 << chance.randrange(bits))
        altered = CompiledPolicy(policy.bundle, policy.digest, policy.rules, wrong)
        if not run_gate(altered, askers, referee, solver, ()).passed:
            tried += 1
        elif any(decided(altered, kind) != was for kind, was in zip(sample, expected, strict=True)):
            tried += 1
            missed += 1
    return missed


def _corrupted(table: MaskTable, axis: Axis, value: str, bit: int) -> MaskTable:
    if axis is Axis.AGENCY:
        agencies = {**table.agencies}
        agencies[ORI(value)] ^= bit
        return table._replace(agencies=agencies)
    values = {each: {**masks} for each, masks in table.values.items()}
    values[axis][value] ^= bit
    return table._replace(values=values)


def forty_rules() -> PolicyBundle:
    """The rules of all templates together, and blocks of federal families."""
    own = [rule for name in template_names() for rule in load_template(name).rules if rule.enabled]
    national = national_default()
    rules = [rule for rule in own if rule.id not in {each.id for each in national.rules}]
    bundle = msgspec.structs.replace(load_template("wa"), rules=tuple(rules))
    for family in ("US/DOJ/FBI", "US/DHS/CBP/USBP", "US/DOJ", "US/DHS"):
        bundle = blocked(bundle, family, "practice data", 1)
    return bundle


def leak_figures(rules: tuple[Rule, ...], askers: list[Asker], large: list[Asker]) -> list[Figure]:
    """The advice on every target, and who can get what, for one set of rules."""

    def advise(among: list[Asker]) -> None:
        space = space_of(among)
        for target in targets_of(rules):
            reach(rules, target, space)

    parts = tuple(class_parts().values())
    advice = [cpu_ms(lambda: advise(askers)) for _ in range(ROUNDS)]
    page = [cpu_ms(lambda: access(rules, space_of(askers), parts)) for _ in range(ROUNDS)]
    return [
        at_most("leaks_ms", statistics.median(advice), "ms", 1_000, advice),
        at_most("access_ms", statistics.median(page), "ms", 500, page),
        at_most("leaks_large_s", cpu_ms(lambda: advise(large)) / 1e3, "s", 10),
    ]


def solver_figure(rules: tuple[Rule, ...], askers: list[Asker]) -> Figure:
    """What z3 takes for one guarantee, its encoding included; it must say what the count says."""
    guarantees = (*default_guarantees(), PROMISE)
    solver = Z3Solver(rules, askers)
    counted = prove(rules, guarantees, space_of(askers))
    found = [solver.find(guarantee).verdict is Solved.HOLDS for guarantee in guarantees]
    assert found == [proof.holds for proof in counted]

    def find_all() -> None:
        fresh = Z3Solver(rules, askers)
        for guarantee in guarantees:
            fresh.find(guarantee)

    times = [cpu_ms(find_all) / len(guarantees) for _ in range(ROUNDS)]
    return at_most("solver_ms", statistics.median(times), "ms", 50, times)


def proof_figures() -> list[Figure]:
    """Proofs over the practice world, the gate over 20,000 agencies, Cedar, and seeded errors."""
    askers = practice_askers()
    bundle = forty_rules()
    rules = layered_rules(bundle, national_default())
    space = space_of(askers)
    boxes = Boxes()
    RuleSet(rules, boxes)
    proofs = [cpu_ms(lambda: prove(rules, (PROMISE,), space)) for _ in range(ROUNDS)]
    large = many_askers(LARGE)
    solver_ms = solver_figure(rules, askers)
    families = {asker.ori: asker.family for asker in large}
    # Of all drafts that ship, the one with the most combinations.
    policy = compile_policy(load_template("wa"), national_default(), families)
    begun = time.perf_counter()
    referee, solver = (
        CedarReferee(cedar_policies(policy.rules), large),
        Z3Solver(policy.rules, large),
    )
    report = run_gate(policy, large, referee, solver)
    gate_s = time.perf_counter() - begun
    assert report.passed, report.disagreements
    small = compile_policy(
        load_template("wa"), national_default(), {a.ori: a.family for a in askers}
    )
    return [
        *cedar_figures(small, askers),
        at_most("prove_ms", statistics.median(proofs), "ms", 50, proofs),
        solver_ms,
        told("prove_rules", len(rules), "rules"),
        told("prove_combinations", len(space.combinations(boxes)), "combinations"),
        at_most("gate_s", gate_s, "s", 15),
        told("gate_rules", report.rules, "rules"),
        told("gate_combinations", report.combinations, "combinations"),
        *leak_figures(rules, askers, large),
        at_most("seeded_errors_missed", seeded_errors_missed(small, askers[:40]), "errors", 0),
    ]
