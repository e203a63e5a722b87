"""The advice on leaks, of any rules: each door with its number, and how often it was used.

Guarantee: what is counted of use is what the state's own ledger tells, and is left out where that
is not here. Advice decides nothing. Source: docs/adr/0035-leaks.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from comity.domain.ids import Member, member_label
from comity.exchange.leaves import HOUR_SECONDS
from comity.policy import PolicyBundle
from comity.policy.advice import headline
from comity.policy.door import DoorKind
from comity.policy.reach import Door, Reach, doors_elsewhere, reach
from comity.policy.rule import Rule
from comity.policy.space import Asker, Space
from comity.policy.target import Target, homes_of
from comity.policy.usage import Usage
from comity.services.usage_counts import LedgerUse

__all__ = ["Advice", "Found", "advice_on", "doors_of", "months_before", "reaches_of"]


def months_before(now: datetime, months: int) -> datetime:
    """Return the first of the month so many months before."""
    whole = now.year * 12 + now.month - 1 - months
    return datetime(whole // 12, whole % 12 + 1, 1, tzinfo=UTC)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One door, with its number, whose it is, and how often it was used where that is known."""

    number: int
    advice: Reach
    door: Door
    answered: int | None = None


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The advice on one set of rules; `usage` is what the state's ledger tells, if it is here.

    `source` says where the rules are from, `whose` whose the agencies are; `names` are the
    agencies' own, by ORI.
    """

    bundle: PolicyBundle
    source: str
    whose: str
    reaches: tuple[Reach, ...]
    names: dict[str, str]
    usage: Usage | None
    since: datetime

    @property
    def state(self) -> str:
        """The words for whose rules these are."""
        return member_label(self.bundle.state)

    @property
    def found(self) -> list[Found]:
        """Every door with its number."""
        counts = self.usage.counts if self.usage else ()
        doors = [(each, door) for each in self.reaches for door in each.doors]
        return [
            Found(
                number=at + 1,
                advice=advice,
                door=door,
                answered=counts[at]
                if at < len(counts) and door.kind is not DoorKind.OTHER_STATES
                else None,
            )
            for at, (advice, door) in enumerate(doors)
        ]

    @property
    def finding(self) -> str:
        """The advice in one sentence."""
        month = f"since {self.since:%B}"
        told = {
            each.number - 1: f"{each.answered:,} {_answers(each.answered)} {month}"
            for each in self.found
            if each.answered
        }
        return headline(self.reaches, self.names, told)


def reaches_of(
    rules: tuple[Rule, ...],
    targets: Sequence[Target],
    space: Space,
    taken: frozenset[str],
    others: Mapping[Member, tuple[Rule, ...]],
) -> tuple[Reach, ...]:
    """Return what each target is refused and by which doors it is had; takes the processor.

    `taken` are ids that no drafted rule may have, `others` the rules of other states.
    Raises: TooManyCombinationsError.
    """
    found = []
    for target in targets:
        each = reach(rules, target, space, taken)
        door = doors_elsewhere(target, others, space, each.getting)
        doors = (*each.doors, *([door] if door else ()))
        found.append(msgspec.structs.replace(each, doors=doors))
    return tuple(found)


def doors_of(reaches: Sequence[Reach]) -> list[Door]:
    """Return every door, in the order of its number."""
    return [door for each in reaches for door in each.doors]


def advice_on(
    bundle: PolicyBundle,
    reaches: tuple[Reach, ...],
    askers: Sequence[Asker],
    use: LedgerUse | None,
    since: datetime,
) -> Advice:
    """Return the advice, with the use that the ledger tells; `since` is what was asked for."""
    counts = use.count.through(doors_of(reaches), homes_of(askers)) if use is not None else None
    return Advice(
        bundle=bundle,
        source="",
        whose="",
        reaches=reaches,
        names={asker.ori: asker.name for asker in askers},
        usage=counts,
        since=datetime.fromtimestamp(use.since_hour * HOUR_SECONDS, UTC) if use else since,
    )


def _answers(count: int) -> str:
    return "answer" if count == 1 else "answers"
