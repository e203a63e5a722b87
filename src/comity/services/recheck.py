"""Live decisions asked again: a random share of them goes to the referee, behind the answer's back.

    1. of each batch that is decided, those on which the drawn numbers fall are kept as samples
    2. a thread of its own asks the referee about the same facts, each class and kind of record,
       without and with a review
    3. another outcome, or other deciding rules: an alarm, and the member's rules are not loosened
       until two people thaw them (`freezing`)

What was decided has gone out by then: this finds a wrong table, it repairs no answer. A sample
that finds no room, a referee that fails or does not end are alarms of their own, never silence.

INVARIANT (state-decides): nothing here touches an answer, or makes one wait: a batch without a
sample costs one comparison.
Source: docs/adr/0032-second-proof-and-certificates.md, "Live decisions asked again".
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.decision import ClassDecision, Facts, RuleId
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass, Outcome, RecordKind
from comity.exchange.answering import Judged
from comity.policy.axis import Axis
from comity.policy.cedar import agencies_named, cedar_policies
from comity.policy.check import RESERVED_IDS
from comity.policy.decide import CompiledPolicy
from comity.policy.families import agency_values
from comity.policy.space import Asker
from comity.ports import Entropy, Referee, RefereeOf, Ruling
from comity.services.events import Events
from comity.services.freezing import Freezes
from comity.services.member import World

__all__ = ["RECHECKS_WAITING_MAX", "RECHECK_SECONDS_MAX", "RULINGS_MAX", "Recheck"]

RECHECKS_WAITING_MAX: Final = 256
"""Samples that wait for the referee; a further one is dropped and counted, with an alarm."""
RECHECK_SECONDS_MAX: Final = 10.0
"""How long the referee may take for one sample."""
RULINGS_MAX: Final = 4_096
"""Rulings of one policy that are remembered; then all are forgotten and asked again."""
_IDLE_SECONDS: Final = 0.2
_PERCENT: Final = 100
_SCALE: Final = 2**64
_OF_KIND: Final = {
    axis: "key" if axis is Axis.MESSAGE_KEY else axis.value
    for axis in Axis
    if axis not in {Axis.DATA_CLASS, Axis.RECORD_KIND}
}

_Rows = tuple[tuple[ClassDecision, ...], ...]


class _Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange as it was decided: by which policy, over which directory, with what result."""

    member: Member
    index: int
    policy: CompiledPolicy
    directory: Directory
    facts: Facts
    classes: tuple[DataClass, ...]
    kinds: tuple[RecordKind, ...]
    rows: _Rows
    reviewed: _Rows


class _Kept:
    """The referee of one compiled policy, and what it has ruled: the same facts come again."""

    def __init__(self, policy: CompiledPolicy, referee: Referee) -> None:
        self.policy = policy
        self.referee = referee
        self.named = agencies_named(policy.rules)
        self.rulings: dict[tuple[object, ...], Ruling] = {}


class Recheck:
    """Asks the referee about decisions of one host's members; `offer` is called on the hot path."""

    def __init__(
        self,
        *,
        world: World,
        freezes: Freezes,
        referee: RefereeOf,
        entropy: Entropy,
        events: Events,
        percent: int,
    ) -> None:
        assert 1 <= percent <= _PERCENT, "there is always a share that is asked again"
        self._world = world
        self._freezes = freezes
        self._referee = referee
        self._entropy = entropy
        self._events = events
        self._share = percent / _PERCENT
        self._waiting: deque[_Sample] = deque()
        self._kept: dict[Member, _Kept] = {}
        self._told: set[tuple[Member, str]] = set()
        self._is_full = False
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recheck")
        self._left = self._gap()

    def offer(self, judged: Sequence[Judged]) -> None:
        """Take samples of a batch that was just decided; never raises, never waits."""
        left = self._left - len(judged)
        if left >= 0:
            self._left = left
            return
        try:
            self._sample(judged)
        except Exception as error:  # noqa: BLE001 - an answer must not depend on being asked again
            self._left = self._gap()
            self._events.failure("policy_recheck_failed", error)

    def _sample(self, judged: Sequence[Judged]) -> None:  # (1)
        place = self._left
        while place < len(judged):
            self._keep(judged[place])
            place += 1 + self._gap()
        self._left = place - len(judged)

    def _gap(self) -> int:
        """Return how many exchanges pass before the next sample: each has the same chance."""
        if self._share >= 1:
            return 0
        drawn = (int.from_bytes(self._entropy.token(8), "big") + 1) / _SCALE
        return int(math.log(drawn) / math.log1p(-self._share))

    def _keep(self, item: Judged) -> None:
        member = item.exchange.state
        if len(self._waiting) >= RECHECKS_WAITING_MAX:
            self._events.note("policy_rechecks_dropped")
            if not self._is_full:
                self._is_full = True
                self._events.alarm("policy_recheck_full", member=member)
            return
        index, policy = self._world.policy(member)
        directory = self._world.directory
        classes = tuple(decision.data_class for decision in item.rows[0])
        after = policy.table(item.facts, classes, item.kinds, reviewed=True)
        self._waiting.append(
            _Sample(
                member=member,
                index=index,
                policy=policy,
                directory=directory,
                facts=item.facts,
                classes=classes,
                kinds=item.kinds,
                # What a pass, the urgent lane or leave for the whole settled, no rule says.
                rows=item.ruled or item.rows,
                reviewed=after.rows,
            )
        )

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await self._freezes.write()
            await self.ask_waiting()
            await asyncio.sleep(_IDLE_SECONDS)

    async def ask_waiting(self) -> int:
        """Ask about all samples that wait; return about how many the referee ruled."""
        ruled = 0
        while self._waiting:
            ruled += await self._ask(self._waiting.popleft())
        self._is_full = False
        return ruled

    def stop(self) -> None:
        """End the thread; what waits is dropped."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, sample: _Sample) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(RECHECK_SECONDS_MAX):
                found = await loop.run_in_executor(self._worker, self._disagreement, sample)  # (2)
        except Exception as error:  # noqa: BLE001 - whatever it is, the referee did not rule
            if self._is_news(sample.member, "failed"):
                fault = type(error).__name__
                self._events.alarm("policy_referee_failed", member=sample.member, fault=fault)
            else:
                self._events.note("policy_referee_failed")
            return False
        self._events.note("policy_decisions_rechecked")
        if found:
            if self._is_news(sample.member, "disagrees"):  # (3)
                self._events.alarm("policy_referee_disagrees", member=sample.member, what=found)
            else:
                self._events.note("policy_referee_disagrees")
            await self._freezes.freeze(sample.member, sample.index, found)
        else:
            self._told.discard((sample.member, "failed"))
        return True

    def _is_news(self, member: Member, what: str) -> bool:
        """Say whether an alarm is the first of its kind since the policy came into force."""
        is_news = (member, what) not in self._told
        self._told.add((member, what))
        return is_news

    # In the thread.

    def _disagreement(self, sample: _Sample) -> str:
        """Return what the referee says otherwise, in words; nothing where it says the same."""
        agency = sample.directory.agency(sample.facts.agency)
        if agency is None:
            cells = (cell for row in (*sample.rows, *sample.reviewed) for cell in row)
            is_denied = all(cell.outcome is Outcome.DENY for cell in cells)
            return "" if is_denied else "an agency that is not listed was not denied"
        kept = self._of(sample.policy)
        asker = Asker(agency.ori, agency.family, agency.type)
        for place, kind in enumerate(sample.kinds):
            for column, data_class in enumerate(sample.classes):
                ruling = self._ruling(kept, asker, _request(sample.facts, data_class, kind))
                if ruling.errors:
                    raise RuntimeError("the referee met an error in a rule or a request")
                decided = sample.rows[place][column], sample.reviewed[place][column]
                said = _differ(ruling, *decided)
                if said:
                    return f"{data_class} of {kind}: {said}"
        return ""

    def _of(self, policy: CompiledPolicy) -> _Kept:
        kept = self._kept.get(policy.state)
        if kept is None or kept.policy is not policy:
            kept = _Kept(policy, self._referee(cedar_policies(policy.rules), ()))
            self._kept[policy.state] = kept
            self._told = {told for told in self._told if told[0] != policy.state}
        return kept

    def _ruling(self, kept: _Kept, asker: Asker, request: Mapping[Axis, str]) -> Ruling:
        # All that a text can tell of an agency is which names of it stand in the text.
        having = kept.named.intersection(agency_values(asker.ori, asker.family))
        values = (request[axis] for axis in Axis if axis is not Axis.AGENCY)
        place = (having, *values)
        ruling = kept.rulings.get(place)
        if ruling is None:
            if len(kept.rulings) >= RULINGS_MAX:
                kept.rulings.clear()
            (ruling,) = kept.referee.over((asker,)).rule_on([request])
            kept.rulings[place] = ruling
            time.sleep(0)  # Cedar keeps the interpreter to itself: let the answering go first.
        return ruling


def _request(facts: Facts, data_class: DataClass, kind: RecordKind) -> dict[Axis, str]:
    request = {axis: str(getattr(facts, name)) for axis, name in _OF_KIND.items()}
    return request | {Axis.DATA_CLASS: data_class.value, Axis.RECORD_KIND: kind.value}


def _differ(ruling: Ruling, plain: ClassDecision, after: ClassDecision) -> str:
    pairs = (
        ("", plain, ruling.outcome, ruling.rules),
        ("after a review ", after, ruling.reviewed, ruling.reviewed_rules),
    )
    for when, decided, outcome, rules in pairs:
        ours = frozenset(reason.rule for reason in decided.reasons) - RESERVED_IDS
        if (decided.outcome, ours) != (outcome, rules):
            said = f"{_words(decided.outcome, ours)} was decided"
            return f"{when}{said}, the referee says {_words(outcome, rules)}"
    return ""


def _words(outcome: Outcome, rules: frozenset[RuleId]) -> str:
    return f"{outcome} by {', '.join(sorted(rules)) or 'no rule'}"
