"""The fast replay and the one that decides row by row give the same counts, whatever is drawn."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comity.adapters import replay as fast
from comity.domain.decision import Facts, RuleId
from comity.domain.vocabulary import Outcome, RecordKind
from comity.policy import Mark, PolicyBundle, Rule, Statute, compile_policy
from comity.policy.axis import Axis
from comity.policy.replay import Replay
from comity.policy.row_by_row import replay_row_by_row
from comity.policy.traffic import (
    IMAGE,
    LEDGER_UNHELD,
    ROLL_UP_FIELDS,
    Traffic,
    TrafficBuilder,
    request_text,
)
from tests.property.policy import cases
from tests.unit.policy.build import ERO, HSI, POLICE, UNLISTED, facts

ALL = settings(max_examples=25)
_FREE = Rule(
    id=RuleId("ALL"),
    effect=Outcome.RELEASE,
    statute=Statute(cite="practice data", mark=Mark.PRACTICE),
)

_ROW_AXES = [Axis(name) for name in ROLL_UP_FIELDS if name not in {"agency", "message_key", IMAGE}]


def recorded(asked: list[Facts], seed: int, unheld: tuple[Axis, ...]) -> Traffic:
    """Traffic of these facts, some more than once and in several months; rows lack some facts."""
    chance = Random(seed)
    builder = TrafficBuilder(unheld=unheld)
    for each in asked * 2:
        kind = chance.choice([*cases.KINDS, RecordKind.OTHER])
        lacking = {axis for axis in _ROW_AXES if chance.random() < 0.1}
        text = request_text(each, image=chance.random() < 0.5, record_kind=kind, unheld=lacking)
        builder.add(chance.randint(660, 683), text, chance.choice([1, 1, 7, 1_000_003]))
    return builder.traffic()


def both(traffic: Traffic, draft: PolicyBundle, against: PolicyBundle) -> tuple[Replay, Replay]:
    """The counts of both replays."""
    after = compile_policy(draft, None, cases.FAMILIES)
    before = compile_policy(against, None, cases.FAMILIES)
    return (
        fast.replay(traffic, after.rules, before.rules, cases.FAMILIES),
        replay_row_by_row(traffic, after, before, cases.FAMILIES),
    )


@ALL
@given(
    cases.bundles(),
    cases.bundles(),
    cases.many_facts(),
    st.integers(0, 1 << 32),
    st.sets(st.sampled_from(list(Axis))),
)
def test_both_replays_count_alike(
    draft: PolicyBundle,
    against: PolicyBundle,
    asked: list[Facts],
    seed: int,
    unheld: set[Axis],
) -> None:
    """Outcomes, rules, classes, reviews and what hangs on facts that nobody noted, row for row."""
    axes = tuple(axis for axis in Axis if axis in unheld)
    quick, slow = both(recorded(asked, seed, axes), draft, against)
    assert quick == slow
    assert quick.requests == sum(quick.moves.values())


def test_sorted_pairs_count_as_a_table_of_them_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a table of all pairs would be too large, the rows are sorted: with the same counts."""
    traffic = recorded([facts(agency) for agency in (ERO, HSI, POLICE, UNLISTED)], 7, LEDGER_UNHELD)
    draft, against = cases.bundle_of(()), cases.bundle_of((_FREE,))
    expected = both(traffic, draft, against)[0]
    monkeypatch.setattr(fast, "_PAIRS_MAX", 0)
    assert both(traffic, draft, against)[0] == expected


def test_no_traffic_is_no_counts() -> None:
    """Nothing recorded: nothing counted, nothing broken."""
    quick, slow = both(TrafficBuilder().traffic(), cases.bundle_of(()), cases.bundle_of((_FREE,)))
    assert quick == slow
    assert quick.requests == 0
