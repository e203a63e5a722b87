"""What a replay costs: two years of one state's traffic, and whether two ways count alike.

60 million requests of 24 months, drawn with a fixed seed: mostly local patrol, every agency of the
practice world, every axis. The rules are those of all templates together; the draft holds ICE.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from itertools import accumulate
from random import Random

import msgspec

from bench.policy_proofs import forty_rules, practice_askers
from bench.report import Figure, at_least, at_most, told
from comity.adapters.replay import replay
from comity.domain.decision import Facts, RuleId
from comity.domain.keys import MessageKey, key_row
from comity.domain.vocabulary import Offence, Outcome, RecordKind
from comity.exchange.noted import note_of
from comity.policy import (
    Condition,
    Mark,
    PolicyBundle,
    Rule,
    Statute,
    compile_policy,
    national_default,
)
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.block import blocked
from comity.policy.families import KNOWN_FAMILIES
from comity.policy.layer import layered_rules
from comity.policy.row_by_row import replay_row_by_row
from comity.policy.space import Asker
from comity.policy.traffic import (
    IMAGE,
    LEDGER_UNHELD,
    ROLL_UP_FIELDS,
    Traffic,
    TrafficBuilder,
    facts_of,
)

REQUESTS = 60_000_000
TUPLES = 600_000
RULES = 40
MONTHS = range(658, 682)
ROUNDS = 9
NOTED, NOTE_ROUNDS = 10_000, 41
KEYS = {"DQ": 60, "RQ": 33, "KQ": 4, "DNQ": 1, "RNQ": 1, "AM": 1}
PATROL = {Axis.PURPOSE: "traffic_safety", Axis.OFFENCE: "traffic", Axis.INSTRUMENT: "not_stated"}
ORDINARY = {Axis.FAN_OUT: "single", Axis.EMERGENCY: "none", Axis.BUDGET: "within",
            Axis.DIRECTION: "inbound"}  # fmt: skip


def holding_draft(bundle: PolicyBundle) -> PolicyBundle:
    """These rules, and one that holds whatever ICE asks."""
    hold = Rule(
        id=RuleId("D-HOLD"),
        effect=Outcome.HOLD,
        when=Condition(agency=("US/DHS/ICE",)),
        unless=(Condition(offence=(Offence.CHILD_EXPLOITATION, Offence.TRAFFICKING)),),
        statute=Statute(cite="practice data", mark=Mark.PRACTICE),
        sentence="A person reviews what ICE asks, children in danger apart.",
    )
    kept = tuple(rule for rule in bundle.rules if rule.effect is not Outcome.DENY)
    return msgspec.structs.replace(bundle, unconfirmed=(), rules=(*kept, hold))


def at_least_rules(bundle: PolicyBundle, count: int) -> PolicyBundle:
    """These rules, and blocks of further federal families until there are so many."""
    national = national_default()
    for family in sorted(each for each in KNOWN_FAMILIES if each.startswith("US/")):
        if len(layered_rules(bundle, national)) >= count:
            break
        if not any(family in rule.when.agency for rule in bundle.rules):
            bundle = blocked(bundle, family, "practice data", 1)
    return bundle


def request_of(asker: Asker, chance: Random) -> str:
    """One request as a row has it."""
    is_patrol = chance.random() < 0.7
    key = chance.choices([*KEYS], [*KEYS.values()])[0]
    said: dict[str, str] = {
        "agency": asker.ori,
        "agency_type": asker.type,
        "message_key": key,
        IMAGE: chance.choice(["no", "no", "yes"]),
        "record_kind": chance.choice([*key_row(MessageKey(key)).kinds, "other"]),
    }
    for axis, values in AXIS_VALUES.items():
        if axis.value in ROLL_UP_FIELDS and axis.value not in said:
            usual = (PATROL if is_patrol else {}).get(axis) or ORDINARY.get(axis)
            is_usual = usual is not None and (axis in PATROL or chance.random() < 0.97)
            said[axis.value] = usual if usual and is_usual else chance.choice(values)
    return ",".join(said[name] for name in ROLL_UP_FIELDS)


def drawn_rows(askers: list[Asker], tuples: int) -> list[tuple[int, str, int]]:
    """As many rows, no two of one month and request; a few of them have most of the counts."""
    chance = Random("traffic")
    weights = list(accumulate(1 / (place + 3) for place in range(len(askers))))
    shuffled = chance.sample(askers, len(askers))
    rows: set[tuple[int, str]] = set()
    while len(rows) < tuples:
        asker = chance.choices(shuffled, cum_weights=weights)[0]
        request = request_of(asker, chance)
        rows.update((month, request) for month in chance.sample(MONTHS, 6))
    kept = sorted(rows)[:tuples]
    chance.shuffle(kept)
    share = [1 / (place + 50) for place in range(len(kept))]
    scale = (REQUESTS - len(kept)) / sum(share)
    counts = [1 + int(each * scale) for each in share]
    counts[0] += REQUESTS - sum(counts)
    return [(month, request, count) for (month, request), count in zip(kept, counts, strict=True)]


def read(rows: list[tuple[int, str, int]]) -> Traffic:
    """The rows as a replay takes them."""
    builder = TrafficBuilder(unheld=LEDGER_UNHELD)
    for row in rows:
        builder.add(*row)
    return builder.traffic()


def noted_figures(asked: Sequence[Facts]) -> list[Figure]:
    """What is noted of a decision, so that other rules can be weighed by what it saw."""
    took = []
    for _ in range(NOTE_ROUNDS):
        begun = time.process_time()
        for facts in asked:
            note_of(facts, image=False, record_kind=RecordKind.LICENCE)
        took.append((time.process_time() - begun) / len(asked) * 1e6)
    sizes = [len(note_of(f, image=False, record_kind=RecordKind.LICENCE)) for f in asked]
    return [
        at_most("noted_us", statistics.median(took), "us", 3, took),
        told("noted_bytes", statistics.mean(sizes), "bytes"),
    ]


def replay_figures() -> list[Figure]:
    """Two years of one state, replayed; then row by row."""
    askers = practice_askers()
    families = {asker.ori: asker.family for asker in askers}
    national = national_default()
    standing = at_least_rules(forty_rules(), RULES)
    draft = holding_draft(standing)
    against, after = layered_rules(standing, national), layered_rules(draft, national)
    rows = drawn_rows(askers, TUPLES)
    begun = time.perf_counter()
    traffic = read(rows)
    load_s = time.perf_counter() - begun
    found = replay(traffic, after, against, families)
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        found = replay(traffic, after, against, families)
        took.append(time.perf_counter() - begun)
    compiled = [compile_policy(each, national, families) for each in (draft, standing)]
    begun = time.perf_counter()
    slow = replay_row_by_row(traffic, compiled[0], compiled[1], families)
    slow_s = time.perf_counter() - begun
    differing = [
        name for name in found.__struct_fields__ if getattr(found, name) != getattr(slow, name)
    ]
    who, what = traffic.whos[0], traffic.whats[:NOTED]
    return [
        *noted_figures([facts_of(who, each) for each in what]),
        at_most("replay_s", statistics.median(took), "s", 1, took),
        at_least("replay_tuples", len(traffic), "rows", 500_000),
        told("replay_requests", traffic.requests, "requests"),
        told("replay_rules", len(against), "rules"),
        told("replay_load_s", load_s, "s"),
        told("replay_row_by_row_s", slow_s, "s"),
        told("replay_changed", sum(found.cases.values()), "requests"),
        at_most("reference_differences", len(differing), "counts", 0),
    ]
