"""Our evaluator against a second one that was written from the published page alone."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from comity.domain.agency import Family
from comity.domain.decision import ClassDecision, Facts
from comity.domain.errors import ComityError
from comity.domain.ids import ORI
from comity.domain.vocabulary import DataClass, RecordKind
from comity.policy import (
    CompiledPolicy,
    compile_policy,
    encode_bundle,
    parse_bundle,
)
from comity.policy.rule import bundle_digest
from tests.docs import prose_evaluator as prose

BUNDLES, REQUESTS = 250, 400
"""100,000 requests in all."""
FAMILIES = {
    "XXERO0001": "US/DHS/ICE/ERO", "XXHSI0001": "US/DHS/ICE/HSI", "XXUSBP001": "US/DHS/CBP/USBP",
    "XXFBI0001": "US/DOJ/FBI", "TX0PD0001": "TX/LOCAL/PD", "OH0SO0001": "OH/LOCAL/SO",
}  # fmt: skip
AGENCIES = ("US", "US/DHS", "US/DHS/ICE", "US/DHS/CBP", "TX/LOCAL", "OH", "XXFBI0001", "XXHSI0001")
EFFECTS = ("release", "release", "release", "hold", "deny")
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "policy.md").read_text("utf-8")
EXAMPLE = re.findall(r"```json\n(.*?)\n```", PAGE[PAGE.index("A worked example") :], re.DOTALL)


def condition(chance: Random, fewest: int) -> prose.Json:
    """Up to three axes; lists long enough that rules meet."""
    found: prose.Json = {}
    for axis in chance.sample(list(prose.AXES), chance.randint(fewest, 3)):
        values = AGENCIES if axis == "agency" else prose.AXES[axis]
        found[axis] = chance.sample(values, chance.randint(1, len(values)))
    return found


def rule(chance: Random, name: str) -> prose.Json:
    """A rule on any axes; some are off, some have exceptions, some no sentence."""
    effect = chance.choice(EFFECTS)
    when = condition(chance, 0)
    is_urgent = effect == "release" and chance.random() < 0.3
    return {
        "id": name,
        "effect": effect,
        "when": when | {"emergency": ["declared"]} if is_urgent else when,
        "unless": [condition(chance, 1) for _ in range(chance.choice((0, 0, 1, 2)))],
        "obligations": chance.choice(([], ["log"]))
        + ["review_after"] * is_urgent
        + ["second_review"] * (effect == "hold" and chance.random() < 0.3),
        "statute": {"cite": f"Practice Code {name}", "mark": chance.choice("VSP"),
                    **chance.choice(({}, {"since": "2025-11"}))},
        "sentence": f"Rule {name} says so.",
        "label": chance.choice(("", "draft")),
        "enabled": chance.random() < 0.9,
    }  # fmt: skip


def bundle(chance: Random, state: str, prefix: str, **more: Any) -> prose.Json:
    """A bundle of up to nine rules; in most, a rule releases to everyone."""
    rules = [rule(chance, f"{prefix}{number}") for number in range(chance.randint(0, 8))]
    if chance.random() < 0.7:
        everyone = rule(chance, f"{prefix}ALL") | {"effect": "release", "when": {}, "unless": []}
        everyone["obligations"] = chance.choice(([], ["log"]))
        rules.append(everyone | {"enabled": True})
    return {"schema_version": 2, "state": state, "version": 1, "title": "Practice data",
            "hold_hours": 72, "rules": rules, **more}  # fmt: skip


def budget(chance: Random) -> prose.Json:
    """A budget in any layout; two of one bundle may be for the same."""
    found: prose.Json = {"photos": chance.choice((None, 0, 5)), "persons": chance.choice((5, 9))}
    if chance.random() < 0.6:
        found["agency"] = chance.sample(AGENCIES, chance.randint(1, 2))
    if chance.random() < 0.6:
        found["purpose"] = chance.sample(prose.AXES["purpose"], chance.randint(1, 3))
    return found | {"per": chance.choice(("operator", "agency"))}


def quota(chance: Random) -> prose.Json:
    """A quota in any layout; two of one bundle may be for the same."""
    found: prose.Json = {"waiting": chance.choice((1, 40)), "per_day": chance.choice((None, 9))}
    if chance.random() < 0.8:
        found["agency"] = chance.sample(AGENCIES, chance.randint(1, 2))
    return found | {"per": chance.choice(("agency", "agency", "together"))}


def layered(chance: Random) -> tuple[bytes, bytes]:
    """A state's bundle and the national one that it may adopt, in any layout."""
    national = bundle(chance, "us", "N")
    more: prose.Json = {}
    if chance.random() < 0.6:
        adopted = bundle_digest(parse_bundle(json.dumps(national).encode()))
        ids = [each["id"] for each in national["rules"]]
        more = {"national": base64.b64encode(adopted).decode(),
                "opt_outs": chance.sample(ids, chance.randint(0, len(ids) // 2))}  # fmt: skip
    return (
        json.dumps(bundle(chance, "wa", "R", **more), indent=1).encode(),
        json.dumps(national).encode(),
    )


def request(chance: Random) -> prose.Json:
    """Facts, classes and kinds as section 11 of the page has them."""
    facts = {axis: chance.choice(values) for axis, values in prose.AXES.items() if values}
    facts["key"] = facts.pop("message_key")
    for decided_apart in ("data_class", "record_kind"):
        del facts[decided_apart]
    facts["agency"] = chance.choice([*FAMILIES, "ZZ9999999"])
    return {
        "facts": facts,
        "classes": chance.sample(prose.AXES["data_class"], chance.choice((1, 1, 1, 2))),
        "kinds": chance.sample(prose.AXES["record_kind"], chance.choice((0, 1, 1, 2))),
    }


def ours(policy: CompiledPolicy, asked: prose.Json, *, reviewed: bool) -> list[tuple[Any, ...]]:
    """What our evaluator says, "no record" last."""
    table = policy.table(
        msgspec.convert(asked["facts"], Facts),
        tuple(DataClass(each) for each in asked["classes"]),
        tuple(RecordKind(each) for each in asked["kinds"]),
        reviewed=reviewed,
    )
    return [said(each) for each in (*table.cells, table.no_record)]


def said(each: ClassDecision) -> tuple[Any, ...]:
    """A decision in plain values; the words of a release are not fixed by the page."""
    reasons = tuple((r.rule, r.sentence, r.statute, r.mark) for r in each.reasons)
    return (each.record_kind.value, each.data_class.value, each.outcome.value, reasons,
            each.obligations, each.would_change)  # fmt: skip


def theirs(
    rules: list[prose.Json],
    families: dict[str, str],
    asked: prose.Json,
    *,
    reviewed: bool,
    tells_change: bool = True,
) -> list[tuple[Any, ...]]:
    """What the second evaluator says, "no record" last; what would change it at the end."""
    decided = prose.decide(rules, families, **asked, reviewed=reviewed, tells_change=tells_change)
    return [
        (d.record_kind, d.data_class, d.outcome, d.reasons, d.obligations)
        + ((d.would_change,) if tells_change else ())
        for d in (*decided.decisions, decided.no_record)
    ]


@pytest.mark.timeout(270)
def test_the_second_evaluator_agrees_on_100_000_requests() -> None:
    """Outcome, reasons, obligations, "no record"; of each twentieth what would change it."""
    chance = Random("practice data")
    families = {ORI(ori): Family(family) for ori, family in FAMILIES.items()}
    outcomes = dict.fromkeys(("release", "hold", "deny"), 0)
    owed = 0
    for _ in range(BUNDLES):
        own, national = layered(chance)
        policy = compile_policy(parse_bundle(own), parse_bundle(national), families)
        rules = prose.rules_in_force(prose.read_bundle(own), prose.read_bundle(national))
        for place in range(REQUESTS):
            asked, reviewed = request(chance), chance.random() < 0.3
            found = ours(policy, asked, reviewed=reviewed)
            tells_change = place % 20 == 0
            other = theirs(rules, FAMILIES, asked, reviewed=reviewed, tells_change=tells_change)
            assert (found if tells_change else [d[:-1] for d in found]) == other, (own, asked)
            outcomes[str(found[0][2])] += 1
            owed += "review_after" in found[0][4]
    # A comparison in which everything is denied would compare nothing.
    assert min(outcomes.values()) > BUNDLES * REQUESTS // 50, outcomes
    assert owed > BUNDLES * REQUESTS // 200, owed


def test_the_second_evaluator_has_the_same_bytes() -> None:
    """Canonical bytes and digest, from any layout."""
    chance = Random("practice bytes")
    for _ in range(BUNDLES):
        for data in layered(chance):
            mine, other = parse_bundle(data), prose.read_bundle(data)
            assert encode_bundle(mine) == prose.canonical(other)
            assert bundle_digest(mine) == prose.digest(other)


def test_the_second_evaluator_reads_looks_alike() -> None:
    """Where a rule may ask for a look afterwards, in which version, and which ids are taken."""
    chance = Random("practice looks")
    kept = 0
    for _ in range(BUNDLES):
        made = rule(chance, chance.choice(("R1", "CASE-PASS", "URGENT-LANE", "UNMET-OBLIGATION")))
        made["id"] = made["id"] if chance.random() < 0.3 else "R1"
        made["obligations"] = chance.sample(
            ["log", "review_after", "second_review"], chance.choice((0, 1, 1, 2, 3))
        )
        emergency = chance.choice((["declared"], ["none", "declared"], None))
        made["when"] = {"emergency": emergency} if emergency else {}
        version = chance.choice((1, 2, 2))
        data = json.dumps(
            bundle(chance, "wa", "N") | {"schema_version": version, "rules": [made]}
        ).encode()
        try:
            mine: bytes | None = encode_bundle(parse_bundle(data))
        except ComityError:
            mine = None
        try:
            other: bytes | None = prose.canonical(prose.read_bundle(data))
        except prose.RefusedError:
            other = None
        assert mine == other, made
        kept += mine is not None and b"review_after" in mine
    assert BUNDLES // 50 < kept < BUNDLES // 2


def test_the_second_evaluator_reads_budgets_and_quotas_alike() -> None:
    """The same bytes from any layout, and the same refused."""
    chance = Random("practice budgets")
    kept = 0
    for _ in range(BUNDLES):
        budgets = [budget(chance) for _ in range(chance.randint(0, 4))]
        quotas = [
            quota(chance) | chance.choice(({}, {}, {}, {}, {"waiting": 0}, {"per_day": 1.5}))
            for _ in range(chance.choice((0, 0, 1, 2)))
        ]
        budgets = [
            each | chance.choice(({}, {}, {}, {"persons": 4}, {"persons": True}, {"agency": []}))
            for each in budgets
        ]
        version = chance.choice((1, 2, 2, 2))
        made = bundle(chance, "wa", "R", budgets=budgets, quotas=quotas)
        made |= {"schema_version": version, "rules": []}
        data = json.dumps(made).encode()
        try:
            mine: bytes | None = encode_bundle(parse_bundle(data))
        except ComityError:
            mine = None
        try:
            other: bytes | None = prose.canonical(prose.read_bundle(data))
        except prose.RefusedError:
            other = None
        assert mine == other, made
        kept += mine is not None
    assert BUNDLES // 5 < kept < BUNDLES


def promise(chance: Random) -> prose.Json:
    """A guarantee in any layout; a few have not its form."""
    found: prose.Json = {
        "reviewed": chance.random() < 0.5,
        "when": condition(chance, 0),
        "unless": [condition(chance, 1) for _ in range(chance.choice((0, 0, 1, 2)))],
        "sentence": "This state promises that.",
        "id": f"WA-{chance.randint(1, 40)}",
    }
    return found | chance.choice(
        (*[{}] * 24, {"sentence": " "}, {"id": "wa-1"}, {"unless": [{}]}, {"reviewed": 1})
    )


def test_the_second_evaluator_reads_promises_alike() -> None:
    """Notice, guarantees and opt-outs: the same bytes from any layout, and the same refused."""
    chance = Random("practice promises")
    kept = 0
    for _ in range(BUNDLES):
        names = [f"G-{number}" for number in range(5)]
        more: prose.Json = {
            "guarantees": [promise(chance) for _ in range(chance.randint(0, 4))],
            "guarantee_opt_outs": chance.sample(names, chance.randint(0, 3)),
            "notice_hours": chance.choice((0, 0, 1, 2_160, 2_161, True)),
        }
        if chance.random() < 0.1:
            more["guarantee_opt_outs"] *= 2
        version = chance.choice((1, 2, 2, 2, 2, 2))
        made = bundle(chance, "wa", "R", **more) | {"schema_version": version, "rules": []}
        data = json.dumps(made).encode()
        try:
            mine: bytes | None = encode_bundle(parse_bundle(data, None))
        except ComityError:
            mine = None
        try:
            other: bytes | None = prose.canonical(prose.read_bundle(data))
        except prose.RefusedError:
            other = None
        assert mine == other, made
        kept += mine is not None
    assert BUNDLES // 5 < kept < BUNDLES


@pytest.mark.parametrize(("reviewed", "place"), [(False, 3), (True, 4)])
def test_the_worked_example_is_what_both_say(reviewed: bool, place: int) -> None:
    """The page's own example, read from the page."""
    national, own, asked = EXAMPLE[0].encode(), EXAMPLE[1].encode(), json.loads(EXAMPLE[2])
    listed = asked.pop("families")
    families = {ORI(ori): Family(family) for ori, family in listed.items()}
    rules = prose.rules_in_force(prose.read_bundle(own), prose.read_bundle(national))
    policy = compile_policy(parse_bundle(own), parse_bundle(national), families)
    found = ours(policy, asked, reviewed=reviewed)
    assert found == theirs(rules, listed, asked, reviewed=reviewed)
    expected = json.loads(EXAMPLE[place])
    shown = [
        {"record_kind": kind, "data_class": data_class, "outcome": outcome,
         "rules": [reason[0] for reason in reasons], "obligations": [*obligations],
         "would_change": would_change}
        for kind, data_class, outcome, reasons, obligations, would_change in found
    ]  # fmt: skip
    assert shown[:-1] == expected["decisions"]
    assert {name: shown[-1][name] for name in expected["no_record"]} == expected["no_record"]
    assert encode_bundle(parse_bundle(own)) == own
