"""What became of a state's appeals, counted from its public leaves; and which rules are doubted.

Guarantee: nothing of a record is read but, of an appeal that was left to the rules, which rules
those are. Source: docs/adr/0057-appeals.md, "What is shown and counted".
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

import msgspec

from comity.domain.appeal import AppealDecision
from comity.domain.ids import LeafIndex, Member
from comity.review.past_figures import spread_of
from comity.services.appeal_ledger import LOOK_BACK_DAYS, Appeal, AppealLedger
from comity.services.private_records import RecordGoneError, Records

__all__ = ["AppealFigures", "AppealTally", "tally_of"]

_DAY_HOURS = 24


class AppealTally(msgspec.Struct, frozen=True, kw_only=True):
    """How many appeals came in the last `over_days`, and what became of them.

    `days` is the time that half of those decided took at most, in whole days begun; None where none
    is decided. `overdue` are those that nobody decided in time, decided since or not.
    """

    filed: int
    granted: int
    upheld: int
    for_rules: int
    overdue: int
    days: int | None
    over_days: int = LOOK_BACK_DAYS

    @property
    def decided(self) -> int:
        """How many are decided."""
        return self.granted + self.upheld + self.for_rules


class AppealFigures:
    """`_rules` has which rules each finding leaves it to."""

    def __init__(self, *, ledger: AppealLedger, records: Records, now: Callable[[], int]) -> None:
        self._ledger = ledger
        self._records = records
        self._now = now
        self._rules: dict[tuple[Member, LeafIndex], tuple[str, ...]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def tally(self, member: Member) -> AppealTally:
        """Return the counts. Raises: StoreDownError."""
        return tally_of(await self._read(member))

    async def doubted(self, member: Member) -> Mapping[str, int]:
        """Return how many appeals were left to each rule. Raises: StoreDownError."""
        counts: Counter[str] = Counter()
        for appeal in await self._read(member):
            if appeal.decision is AppealDecision.FOR_RULES and appeal.found is not None:
                counts.update(await self._named(member, appeal.found))
        return counts

    async def _read(self, member: Member) -> list[Appeal]:
        async with self._one_at_a_time:
            await self._ledger.read_on(member, self._now())
            return self._ledger.appeals(member)

    async def _named(self, member: Member, found: LeafIndex) -> tuple[str, ...]:
        if (member, found) not in self._rules:
            try:
                _, record = await self._records.read(member, found)
                said = dict(record.fields).get("rules", b"").decode("ascii", "replace")
            except RecordGoneError:
                said = ""
            self._rules[member, found] = tuple(filter(None, said.split(",")))
        return self._rules[member, found]


def tally_of(appeals: list[Appeal]) -> AppealTally:
    """Return the counts of these appeals."""
    decisions = Counter(each.decision for each in appeals)
    took = [
        max(1, -(-(each.found_hour - each.hour) // _DAY_HOURS))
        for each in appeals
        if each.decision is not None
    ]
    return AppealTally(
        filed=len(appeals),
        granted=decisions[AppealDecision.GRANTED],
        upheld=decisions[AppealDecision.UPHELD],
        for_rules=decisions[AppealDecision.FOR_RULES],
        overdue=sum(each.overdue is not None for each in appeals),
        days=spread_of(took).median if took else None,
    )
