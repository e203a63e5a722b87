"""How long a decision takes: CPU microseconds, median and spread, at 40 and at 400 rules.

The rules use all fifteen axes and overlap as a state's do: families, purposes, exceptions. Traffic
is drawn with a fixed seed, mostly local, mostly traffic stops. Every figure is of one run on one
machine; the ratio of the two rule counts is taken from interleaved rounds.

    python -m bench.policy [--json] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import msgspec
import uvloop

from bench.policy_force import force_figure
from bench.policy_proofs import proof_figures
from bench.policy_replay import replay_figures
from comity.domain.agency import Family
from comity.domain.decision import Facts, RuleId
from comity.domain.ids import ORI, Member
from comity.domain.keys import MessageKey, asked_classes, key_row
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    BudgetState,
    Certification,
    DataClass,
    Direction,
    Emergency,
    FanOut,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
    TimeBand,
)
from comity.policy import (
    CompiledPolicy,
    Condition,
    Mark,
    PolicyBundle,
    Rule,
    Statute,
    bundle_digest,
    compile_policy,
    national_default,
)
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.check import value_order

REQUESTS = 2_000
AGENCIES = 2_000
FAMILIES = [Family(path) for path in (
    "TX/LOCAL/PD", "OH/LOCAL/SO", "KS/STATE", "US/DHS/ICE/ERO", "US/DHS/ICE/HSI", "US/DHS/CBP/USBP",
    "US/DOJ/FBI", "US/DOJ/DEA",
)]  # fmt: skip
FAMILY_WEIGHTS = [50, 25, 10, 4, 3, 4, 2, 2]
NAMED = ["US/DHS", "US/DHS/ICE", "US/DHS/ICE/ERO", "US/DHS/CBP", "US/DOJ", "OH/LOCAL", "KS/STATE"]


def draw_condition(chance: Random, axes: list[Axis]) -> Condition:
    """A condition on these axes, on a few values each."""
    chosen: dict[str, Any] = {}
    for axis in axes:
        known = NAMED if axis is Axis.AGENCY else list(AXIS_VALUES[axis])
        values = chance.sample(known, k=min(len(known), chance.randint(1, 3)))
        chosen[axis.value] = tuple(sorted(values, key=lambda value: value_order(axis, value)))
    return Condition(**chosen)


def draw_policy(count: int, agencies: dict[ORI, Family]) -> CompiledPolicy:
    """The national default and further rules, `count` in all; each axis stands in some rule."""
    chance = Random(f"policy/{count}")
    national = national_default()
    axes = list(Axis)
    rules = []
    for number in range(count - len(national.rules)):
        first = axes[number % len(axes)]
        when = draw_condition(chance, sorted({first, Axis.AGENCY, chance.choice(axes)}))
        exceptions = (draw_condition(chance, [Axis.INSTRUMENT, Axis.PURPOSE]),)
        rules.append(
            Rule(
                id=RuleId(f"S{number:03}"),
                effect=chance.choice([Outcome.RELEASE, Outcome.HOLD, Outcome.DENY]),
                when=when,
                unless=exceptions if number % 3 == 0 else (),
                statute=Statute(cite="practice data", mark=Mark.PRACTICE),
                sentence="A rule of the measured policy.",
            )
        )
    bundle = PolicyBundle(
        schema_version=2,
        state=Member("wa"),
        version=1,
        title=f"A measured policy of {count} rules",
        hold_hours=72,
        national=bundle_digest(national),
        rules=tuple(rules),
    )
    return compile_policy(bundle, national, agencies)


def draw_traffic(agencies: dict[ORI, Family]) -> list[Facts]:
    """Requests of one state's hour: mostly patrol, some detectives, a few with an instrument."""
    chance = Random("traffic")
    by_family: dict[Family, list[ORI]] = {}
    for ori, family in agencies.items():
        by_family.setdefault(family, []).append(ori)
    traffic = []
    for _ in range(REQUESTS):
        family = chance.choices(FAMILIES, FAMILY_WEIGHTS)[0]
        is_patrol = chance.random() < 0.85
        traffic.append(
            Facts(
                agency=chance.choice(by_family[family]),
                agency_type=AgencyType.FE if family.startswith("US") else AgencyType.PD,
                certification=chance.choice([Certification.VALID, Certification.NONE]),
                assurance=chance.choice([Assurance.AGENCY_ASSERTED, Assurance.SIGNED]),
                key=MessageKey("DQ"),
                purpose=Purpose.TRAFFIC_SAFETY if is_patrol else chance.choice(list(Purpose)),
                offence=Offence.TRAFFIC if is_patrol else chance.choice(list(Offence)),
                instrument=Instrument.NOT_STATED if is_patrol else chance.choice(list(Instrument)),
                fan_out=FanOut.SINGLE if is_patrol else chance.choice(list(FanOut)),
                emergency=Emergency.NONE,
                time_band=chance.choice(list(TimeBand)),
                budget=BudgetState.WITHIN if is_patrol else chance.choice(list(BudgetState)),
                direction=Direction.INBOUND,
            )
        )
    return traffic


def per_call_us(action: Callable[[], None], calls: int) -> float:
    """CPU microseconds of one of the calls that an action makes."""
    begun = time.process_time_ns()
    action()
    return (time.process_time_ns() - begun) / calls / 1_000


def figure(name: str, values: list[float], target: float | None = None) -> dict[str, Any]:
    """A figure with its median and its quartiles."""
    low, median, high = statistics.quantiles(values, n=4)
    return {
        "name": name,
        "value": round(median, 3),
        "unit": "ratio" if name.endswith("ratio") else "us",
        "target": target,
        "holds": target is None or median <= target,
        "spread": [round(low, 3), round(high, 3)],
    }


def measure(rounds: int) -> list[dict[str, Any]]:
    """Every figure of this bench."""
    chance = Random("agencies")
    agencies = {ORI(f"XX{number:07}"): chance.choice(FAMILIES) for number in range(AGENCIES)}
    policies = {count: draw_policy(count, agencies) for count in (40, 400)}
    traffic = draw_traffic(agencies)
    classes: tuple[DataClass, ...] = asked_classes(MessageKey("DQ"), image=True)
    kinds = key_row(MessageKey("DQ")).kinds
    kind = RecordKind.LICENCE

    def ask(policy: CompiledPolicy) -> None:
        table = policy.table
        for facts in traffic:
            table(facts, classes, kinds).row(kind)

    def lookup(policy: CompiledPolicy) -> None:
        table = policy.table
        for facts in traffic:
            table(facts, classes, kinds)

    def loop() -> None:
        for _ in traffic:
            pass

    first = {}
    for count, policy in policies.items():
        first[count] = per_call_us(partial(ask, policy), 1)
    seen: dict[str, list[float]] = {"row40": [], "row400": [], "table40": [], "ratio": []}
    for _ in range(rounds):
        idle = per_call_us(loop, REQUESTS)
        row40 = per_call_us(partial(ask, policies[40]), REQUESTS) - idle
        row400 = per_call_us(partial(ask, policies[400]), REQUESTS) - idle
        seen["row40"].append(row40)
        seen["row400"].append(row400)
        seen["ratio"].append(row400 / row40)
        seen["table40"].append(per_call_us(partial(lookup, policies[40]), REQUESTS) - idle)
    masks = {count: len(policy._memo) for count, policy in policies.items()}  # noqa: SLF001
    misses = [
        {"name": f"miss_us_{count}_rules", "value": round(first[count] / masks[count], 1)}
        | {"unit": "us", "target": None, "holds": True, "masks": masks[count]}
        for count in policies
    ]
    return [
        figure("decision_us", seen["row40"], target=0.8),
        figure("decision_us_400_rules", seen["row400"]),
        figure("rules_400_to_40_ratio", seen["ratio"]),
        figure("table_us", seen["table40"]),
        *misses,
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--without-proofs", action="store_true")
    parser.add_argument("--without-network", action="store_true")
    chosen = parser.parse_args()
    figures = measure(chosen.rounds)
    if not chosen.without_proofs:
        figures += [msgspec.to_builtins(each) for each in (*replay_figures(), *proof_figures())]
    if not chosen.without_network:
        figures.append(msgspec.to_builtins(uvloop.run(force_figure())))
    if chosen.json:
        print(json.dumps({"bench": "policy", "figures": figures}))
        return
    for one in figures:
        print(f"{one['name']:<24}{one['value']:>9} {one['unit']:<12}{one.get('spread') or ''}")


if __name__ == "__main__":
    main()
