"""A draft examined as a whole: gate, guarantees, other doors, and replay over past traffic.

    1. one draft at a time, on a thread of its own, beside whatever else this process does
    2. each step by itself: one that fails, or takes too long, says so, and the others stand
    3. what was found is kept under what it is of: the draft's text, the leaf in force, directory

Guarantee: nothing is asked, recorded or released; a draft that changed by one letter has no
examination until it is examined itself.
Source: docs/adr/0043-drafts-in-the-browser.md; docs/adr/0033-replay.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from comity.domain.agency import Family
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, HostName, Member
from comity.domain.keys import MessageKey, asked_classes
from comity.exchange.leaves import HOUR_SECONDS
from comity.policy import Axis, PolicyBundle, compile_policy
from comity.policy.cedar import cedar_policies
from comity.policy.guarantee import guarantees_in_force
from comity.policy.layer import layered_rules
from comity.policy.replay import (
    Case,
    Load,
    Moves,
    Replay,
    Surprise,
    by_family,
    load_of,
    surprises,
)
from comity.policy.rule import Rule
from comity.policy.space import Asker, space_of
from comity.policy.target import targets_of
from comity.policy.traffic import Traffic, first_kind
from comity.ports import Bus, LedgerRows, RefereeOf, SolverOf, Store
from comity.services.events import Events
from comity.services.gate import PLAIN_CLAIMS, GateReport, facts_of_kind, run_gate
from comity.services.leak_advice import Advice, advice_on, months_before, reaches_of
from comity.services.proving import TwiceProved, prove_twice
from comity.services.recorded_traffic import Announced, begun_on, fold_up, read_recorded
from comity.services.replayed import ReplayedOver, headline_over, source_of, weeks_over
from comity.services.usage_counts import count_usage

__all__ = [
    "EXAMINATIONS_MAX",
    "STEP_SECONDS_MAX",
    "WAITING_MAX",
    "Examination",
    "Examiner",
    "ExaminersBusyError",
    "Replayed",
    "RuleTools",
    "Step",
    "Wanted",
]

EXAMINATIONS_MAX: Final = 32
"""Examinations kept for all states; the one begun first goes."""
WAITING_MAX: Final = 8
STEP_SECONDS_MAX: Final = 120.0
MINUTES_PER_REVIEW: Final = 10.0
"""Minutes that a review is taken to need."""
_SURPRISES: Final = 10
_CASES: Final = 8
"""Cases that a replay tells one by one."""
_MONTHS: Final = 6
"""Months back for which answers are counted at doors."""

ReplayOf = Callable[[Traffic, Sequence[Rule], Sequence[Rule], Mapping[ORI, Family]], Replay]
"""Counts what a draft changes in traffic, against other rules."""


class ExaminersBusyError(ComityError):
    """So many drafts wait to be examined that one more is not taken."""

    code = "examinations-full"


class Step(StrEnum):
    """The steps of an examination, in order."""

    GATE = "gate"
    GUARANTEES = "guarantees"
    LEAKS = "leaks"
    REPLAY = "replay"


class RuleTools(msgspec.Struct, frozen=True, kw_only=True):
    """Evaluators that were made apart from ours, and the fast replay."""

    referee: RefereeOf
    solver: SolverOf
    replay: ReplayOf


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is examined: a draft against the rules in force. `of` is what it is pinned to.

    `announced` is where these very rules stand announced, if they do.
    """

    of: Hashable
    draft: PolicyBundle
    standing: PolicyBundle
    national_of: Callable[[PolicyBundle], PolicyBundle]
    askers: tuple[Asker, ...]
    others: Mapping[Member, tuple[Rule, ...]]
    now: int
    announced: Announced | None = None

    @property
    def families(self) -> dict[ORI, Family]:
        """The family of every agency that may ask."""
        return {asker.ori: asker.family for asker in self.askers}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that would decide."""
        return layered_rules(self.draft, self.national_of(self.draft))


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found; `load` is None where nothing was asked.

    `since` is what the rules would have decided since they stand announced; empty if they do not.
    `most` are the cases that move, the most frequent first; `would_change` is, for some of them,
    what would lead to another outcome of such a request that claims nothing more.
    """

    replay: Replay
    headline: str
    source: str
    load: Load | None
    by_family: Mapping[str, Moves]
    surprises: tuple[Surprise, ...]
    most: tuple[tuple[Case, int], ...] = ()
    would_change: Mapping[Case, str] = {}
    since: str = ""


class Examination:
    """How far an examination is, and what it found: `found` and `faults` by step."""

    def __init__(self, of: Hashable, at: int) -> None:
        self.of = of
        self.at = at
        self.found: dict[Step, Any] = {}
        self.faults: dict[Step, str] = {}

    @property
    def done(self) -> int:
        """How many steps are over."""
        return len(self.found) + len(self.faults)

    @property
    def is_over(self) -> bool:
        """Whether every step is over."""
        return self.done == len(Step)

    def gate(self) -> GateReport | None:
        """The report of the gate, if that step found one."""
        return self.found.get(Step.GATE)

    def proofs(self) -> list[TwiceProved] | None:
        """The proofs of the guarantees, if that step found them."""
        return self.found.get(Step.GUARANTEES)

    def advice(self) -> Advice | None:
        """The advice on leaks, if that step found it."""
        return self.found.get(Step.LEAKS)

    def replayed(self) -> Replayed | None:
        """The replay, if that step found one."""
        return self.found.get(Step.REPLAY)


class Examiner:
    """Examines drafts. `_kept` is in the order of beginning; `_worker` runs while some wait."""

    def __init__(
        self,
        *,
        tools: RuleTools,
        store: Store,
        ledger: LedgerRows,
        bus: Bus,
        host: HostName,
        events: Events,
    ) -> None:
        self._tools = tools
        self._store = store
        self._ledger = ledger
        self._bus = bus
        self._host = host
        self._events = events
        self._kept: dict[Hashable, Examination] = {}
        self._waiting: list[tuple[Wanted, Examination]] = []
        self._worker: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="examine")

    def look(self, of: Hashable) -> Examination | None:
        """Return the examination of exactly this, if there is one."""
        return self._kept.get(of)

    def begin(self, wanted: Wanted, *, anew: bool = False) -> Examination:
        """Have a draft examined, unless it is or was; `anew` begins again what is over.

        Raises: ExaminersBusyError.
        """
        kept = self._kept.get(wanted.of)
        if kept is not None and not (anew and kept.is_over):
            return kept
        if len(self._waiting) >= WAITING_MAX:
            raise ExaminersBusyError("too many drafts wait to be examined: try again in a minute")
        made = Examination(wanted.of, wanted.now)
        self._kept.pop(wanted.of, None)
        self._kept[wanted.of] = made
        while len(self._kept) > EXAMINATIONS_MAX:
            del self._kept[next(iter(self._kept))]
        self._waiting.append((wanted, made))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return made

    async def settled(self) -> None:
        """Wait until nothing is being examined."""
        if self._worker is not None:
            await self._worker

    async def close(self) -> None:
        """Let go of what waits; what is being counted ends by itself."""
        self._waiting.clear()
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        while self._waiting:
            wanted, examination = self._waiting.pop(0)
            for step, work in (
                (Step.GATE, self._gate),
                (Step.GUARANTEES, self._guarantees),
                (Step.LEAKS, self._leaks),
                (Step.REPLAY, self._replay),
            ):
                await self._take(examination, step, work, wanted)

    async def _take(
        self,
        examination: Examination,
        step: Step,
        work: Callable[[Wanted], Awaitable[object]],
        wanted: Wanted,
    ) -> None:
        try:
            async with asyncio.timeout(STEP_SECONDS_MAX):
                examination.found[step] = await work(wanted)
        except TimeoutError:
            examination.faults[step] = f"it took over {STEP_SECONDS_MAX:.0f} seconds"
        except ComityError as error:
            examination.faults[step] = str(error)
        except Exception as error:  # noqa: BLE001 - one step must not end the others
            self._events.failure("examination_failed", error, member=wanted.draft.state)
            examination.faults[step] = "it failed; that is recorded"

    async def _within(self, work: Callable[[], object]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _gate(self, wanted: Wanted) -> GateReport:
        def run() -> GateReport:
            national = wanted.national_of(wanted.draft)
            compiled = compile_policy(wanted.draft, national, wanted.families)
            referee = self._tools.referee(cedar_policies(compiled.rules), wanted.askers)
            solver = self._tools.solver(compiled.rules, wanted.askers)
            return run_gate(compiled, wanted.askers, referee, solver)

        report: GateReport = await self._within(run)
        return report

    async def _guarantees(self, wanted: Wanted) -> list[TwiceProved]:
        def run() -> list[TwiceProved]:
            promised = guarantees_in_force(wanted.draft)
            solver = self._tools.solver(wanted.rules, wanted.askers)
            return prove_twice(wanted.rules, promised, wanted.askers, solver)

        proofs: list[TwiceProved] = await self._within(run)
        return proofs

    async def _leaks(self, wanted: Wanted) -> Advice:
        rules, draft, askers = wanted.rules, wanted.draft, wanted.askers
        national = wanted.national_of(draft)
        taken = frozenset(rule.id for rule in (*draft.rules, *national.rules))
        others = {m: each for m, each in wanted.others.items() if m != draft.state}
        reaches = await self._within(
            lambda: reaches_of(rules, targets_of(rules), space_of(askers), taken, others)
        )
        since = months_before(datetime.fromtimestamp(wanted.now, UTC), _MONTHS)
        use = None
        if reaches:
            checkpoint = await self._store.checkpoint(draft.state)
            size = 0 if checkpoint is None else checkpoint.size
            hour = int(since.timestamp()) // HOUR_SECONDS
            use = await count_usage(self._ledger, draft.state, size, hour)
        advice: Advice = await self._within(lambda: advice_on(draft, reaches, askers, use, since))
        return advice

    async def _replay(self, wanted: Wanted) -> Replayed:
        member = wanted.draft.state
        try:
            told = await fold_up(self._bus, self._host, member)
        except ComityError as error:
            told = str(error)
        recorded = await read_recorded(self._store, member, told)
        begun = await begun_on(self._ledger, member, recorded.size)
        over = ReplayedOver(
            member=member,
            recorded=msgspec.structs.replace(recorded, begun=begun),
            now=datetime.fromtimestamp(wanted.now, UTC),
        )
        found: Replayed = await self._within(lambda: self._replayed(wanted, recorded.traffic, over))
        if wanted.announced is None:
            return found
        under = await read_recorded(self._store, member, told, wanted.announced.leaf_index)
        later = msgspec.structs.replace(over, recorded=under, since=wanted.announced)
        again: Replayed = await self._within(lambda: self._replayed(wanted, under.traffic, later))
        return msgspec.structs.replace(found, since=again.headline)

    def _replayed(self, wanted: Wanted, traffic: Traffic, over: ReplayedOver) -> Replayed:
        standing, families = wanted.standing, wanted.families
        before = layered_rules(standing, wanted.national_of(standing))
        rules = wanted.rules
        counted = self._tools.replay(traffic, rules, before, families)
        load = None
        if counted.requests:
            load = load_of(counted, weeks_over(counted, over), MINUTES_PER_REVIEW, None)
        return Replayed(
            replay=counted,
            headline=headline_over(counted, over, load),
            source=source_of(over),
            load=load,
            by_family=by_family(counted, families),
            surprises=tuple(surprises(counted, (*rules, *before), _SURPRISES)),
            most=(most := _most(counted.cases)),
            would_change=_would_change(wanted, most),
        )


def _most(cases: Mapping[Case, int]) -> tuple[tuple[Case, int], ...]:
    """Return the cases that move, the most frequent first."""
    moved = [(case, count) for case, count in cases.items() if case.before is not case.after]
    return tuple(sorted(moved, key=lambda each: (-each[1], each[0]))[:_CASES])


def _would_change(wanted: Wanted, cases: Sequence[tuple[Case, int]]) -> dict[Case, str]:
    """Return what would change the outcome of such requests, where they claim nothing more."""
    national = wanted.national_of(wanted.draft)
    compiled = compile_policy(wanted.draft, national, wanted.families)
    by_ori = {str(asker.ori): asker for asker in wanted.askers}
    found = {}
    for case, _ in cases:
        if (asker := by_ori.get(case.agency)) is None:
            continue
        key = MessageKey(case.message_key)
        kind = {
            **PLAIN_CLAIMS,
            Axis.AGENCY: case.agency,
            Axis.AGENCY_TYPE: asker.type.value,
            Axis.MESSAGE_KEY: case.message_key,
            Axis.PURPOSE: case.purpose,
        }
        classes = asked_classes(key, image=True)
        decisions = compiled.decide(facts_of_kind(kind), classes, (first_kind(key),))
        said = (d.would_change for d in decisions if d.outcome is case.after and d.would_change)
        found[case] = next(said, "")
    return found
