"""Whom rules refuse by name: the families of a target, and the rules that bar it.

A *bar* is a rule that denies or holds and names agencies. Bars that name the same agencies, or bar
from the same in the same way, make one *target*. A family that is asked for takes of each bar the
part that lies within it: of a rule on `US/DHS/ICE` the family `US/DHS/ICE/ERO` is a target of its
own.
Source: docs/adr/0035-leaks.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from comity.domain.agency import Family, family_ancestors
from comity.domain.decision import RuleId
from comity.domain.ids import ORI
from comity.domain.vocabulary import Outcome
from comity.policy.english import join_words
from comity.policy.families import agency_values, is_ori, label_of_agency
from comity.policy.rule import Mark, Rule, Statute
from comity.policy.space import Asker

__all__ = ["Homes", "Target", "homes_of", "meet", "target_within", "targets_of"]

Homes = Mapping[str, Family]
"""The family of each agency by its ORI."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Whom rules refuse or hold by name: values of the agency axis, and those rules.

    Of a bar that names more, `bars` has it as if it named the target alone.
    """

    agency: tuple[str, ...]
    bars: tuple[Rule, ...] = ()

    @property
    def label(self) -> str:
        """The words for it, as in `ICE and CBP`."""
        return join_words([label_of_agency(value) for value in self.agency], "and")


def homes_of(askers: Iterable[Asker]) -> dict[str, Family]:
    """Return the family of each agency."""
    return {asker.ori: asker.family for asker in askers}


def lineage(value: str, homes: Homes) -> tuple[str, ...]:
    """Return a value of the agency axis and all that it lies within."""
    if not is_ori(value):
        return family_ancestors(Family(value))
    home = homes.get(value)
    return (value,) if home is None else agency_values(ORI(value), home)


def meet(one: str, other: str, homes: Homes) -> str | None:
    """Return what two values of the agency axis have in common: the lesser one, or None."""
    if other in lineage(one, homes):
        return one
    return other if one in lineage(other, homes) else None


def targets_of(rules: Iterable[Rule]) -> tuple[Target, ...]:
    """Return every target that rules bar by name, in rule order.

    Who is barred from the same in the same way is one target, whether by one rule or by several.
    """
    bars: dict[tuple[str, ...], list[Rule]] = {}
    for rule in rules:
        if rule.effect is not Outcome.RELEASE and rule.when.agency:
            bars.setdefault(rule.when.agency, []).append(rule)
    alike: dict[frozenset[Rule], list[Rule]] = {}
    for found in bars.values():
        alike.setdefault(frozenset(map(_way, found)), []).extend(found)
    return tuple(
        Target(
            agency=tuple(sorted({value for bar in found for value in bar.when.agency})),
            bars=tuple(found),
        )
        for found in alike.values()
    )


def _way(bar: Rule) -> Rule:
    """Return what a bar bars from, and how; not whom, or why."""
    return Rule(
        id=RuleId(""),
        effect=bar.effect,
        when=msgspec.structs.replace(bar.when, agency=()),
        unless=bar.unless,
        statute=Statute(cite="", mark=Mark.PRACTICE),
    )


def target_within(rules: Iterable[Rule], value: str, homes: Homes) -> Target:
    """Return one family or agency as the target; it has no bars where no rule names it."""
    bars: list[Rule] = []
    agency: set[str] = set()
    for rule in rules:
        if rule.effect is Outcome.RELEASE:
            continue
        common = {meet(named, value, homes) for named in rule.when.agency} - {None}
        kept = tuple(sorted(each for each in common if each is not None))
        if kept:
            when = msgspec.structs.replace(rule.when, agency=kept)
            bars.append(msgspec.structs.replace(rule, when=when))
            agency.update(kept)
    return Target(agency=tuple(sorted(agency)) or (value,), bars=tuple(bars))
