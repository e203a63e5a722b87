"""Whatever happens to exchanges, each class ends once; and faults put into the code are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from comity.adapters.memory import tables
from comity.adapters.memory.store import MemoryStore
from comity.adapters.memory.tables import Tables
from comity.domain.ids import Member
from comity.ledger import plan
from comity.ports import HoldRow
from comity.review.verdicts import check_verdict
from comity.services import deliveries, sequencer
from comity.services import verdict as desk
from tests.property.exchange.life import SEEN, Life

Mutation = Callable[[pytest.MonkeyPatch], None]

MUST_HAPPEN = (
    "release", "deny", "hold", "no record", "deny and hold and release",
    "verdict approve of all", "verdict approve", "verdict refuse", "verdict ask",
    "verdict escalate", "verdict too late", "verdict on an ended hold", "hold expired",
    "asked again", "told again", "delivered to its line", "ended without an answer",
    "decided again under a newer policy", "commit failed", "commit lost", "commit persisted",
    "host crashed", "asked of a host that lost its ledgers", "leaves: 30 or more",
)  # fmt: skip
ROUNDS_MORE = 12
BELIEVED = (
    "of an answer stands in the store|refused for its age alone|whatever its commit met|"
    "a verdict in time is carried out"
)
"""Whatever was thought durable and is not shows in one of these."""


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is down is tried again at once: the twins' clock does not run."""
    monkeypatch.setattr(sequencer, "_RETRY_SECONDS", (0.0,))
    monkeypatch.setattr(deliveries, "_RETRY_SECONDS", (0.0,))


def live(count: int, **more: Any) -> None:
    """Play so many lives; raises what the first one that breaks an invariant breaks."""
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=count,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            **more,
        ),
    )


@pytest.mark.timeout(900)
def test_any_life() -> None:
    """All invariants hold after every step of every life; and everything happens in some."""
    SEEN.clear()
    live(120)
    # Lives are drawn anew each time: what is rare may take some more of them.
    for _ in range(ROUNDS_MORE):
        if all(SEEN[what] for what in MUST_HAPPEN):
            break
        live(40)
    assert [what for what in MUST_HAPPEN if not SEEN[what]] == [], "\n".join(
        map(str, SEEN.most_common())
    )


def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that has a leaf gets another one: neither planner nor store looks for it."""
    real = plan._obstacle
    monkeypatch.setattr(plan, "_obstacle", lambda made, ledger, _: real(made, ledger, {}))
    monkeypatch.setattr(tables, "_all_new", lambda *_: None)


def never_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever policy a decision rests on counts as the one in force."""
    monkeypatch.setattr(plan, "_is_in_force", lambda *_: True)


def no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict is carried out however late it comes."""

    def check(*given: Any, step: int) -> None:
        proof, key, hold, entry, now = given
        check_verdict(
            proof, key, msgspec.structs.replace(hold, until=now + 1), entry, now, step=step
        )

    monkeypatch.setattr(desk, "check_verdict", check)


def no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold that has expired can be approved: it counts as open for ever."""
    no_deadline(monkeypatch)

    async def open_hold(store: MemoryStore, member: Member, index: int) -> HoldRow | None:
        return store.tables.holds.get((member, index))

    monkeypatch.setattr(MemoryStore, "open_hold", open_hold)
    monkeypatch.setattr(Tables, "_check_holds", lambda *_: None)


def believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of which nothing was heard counts as durable."""

    async def persisted(*_: object) -> bool:
        return True

    monkeypatch.setattr(sequencer.Sequencer, "_persisted", persisted)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("mutate", "found"),
    [
        (no_keys, "a key of its own|a repeat gets the same bytes"),
        (never_stale, "decided under the policy in force"),
        (no_deadline, "no verdict after the hold's time"),
        (no_end, "a hold ends once|after the hold's time"),
        (believed, BELIEVED),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_fault_in_the_code_is_found(
    monkeypatch: pytest.MonkeyPatch, mutate: Mutation, found: str
) -> None:
    """The machine finds each of these faults, by the invariant that it breaks."""
    mutate(monkeypatch)
    with pytest.raises(AssertionError, match=found):
        # Always the same lives: what is found first must not depend on chance.
        live(80, phases=[Phase.generate], database=None, derandomize=True)
