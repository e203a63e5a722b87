"""`comity policy budgets`: how many persons may be asked about in a day, and how far that is used.

It counts operators and agencies and names none: the rows it reads hold none either.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from comity.app.database import open_reader
from comity.cli.network import DataDir, settings_of
from comity.cli.rules import IN_FORCE, RulesName, named_rules
from comity.cli.terminal import AsJson, facts_console, print_json, print_wrapped, say
from comity.domain.ids import Member, member_label
from comity.exchange.facts import local_day
from comity.policy import Budget, BudgetPer, PolicyBundle, budget_id, english_of_budget
from comity.ports import BudgetUse
from comity.roles.settings import Settings

__all__ = ["BudgetUsed", "budgets", "used_of"]

_SHARES: Final = (50, 80, 100)
_EPOCH: Final = date(1970, 1, 1)
_WHO: Final = {
    BudgetPer.OPERATOR: ("operator was", "operators were"),
    BudgetPer.AGENCY: ("agency was", "agencies were"),
}


class BudgetUsed(msgspec.Struct, frozen=True, kw_only=True):
    """One budget: how many were counted, and how many of them used so many of a hundred of it."""

    budget: Budget
    counted: int
    persons: tuple[int, ...]
    photos: tuple[int, ...]
    full: int


def budgets(rules: RulesName, *, data: DataDir = None, as_json: AsJson = False) -> None:
    """Say how many persons may be asked about in a day, and how far that is used today.

    Use is told of rules in force (@ST), by numbers of operators and agencies, none of them by name.
    """
    settings = settings_of(data)
    named = named_rules(settings, rules)
    if not rules.startswith(IN_FORCE):
        _say_allowed(named.bundle, named.source, as_json=as_json)
        return
    state = named.bundle.state
    today = local_day(state, int(time.time()))
    uses = asyncio.run(_uses(settings, state, today))
    used = [used_of(budget, uses) for budget in named.bundle.budgets]
    day = _EPOCH + timedelta(days=today)
    if as_json:
        print_json({"rules": named.source, "state": state, "day": day.isoformat(),
                    "budgets": [_document(each) for each in used]})  # fmt: skip
    else:
        _say_used(state, day, used)


async def _uses(settings: Settings, state: Member, today: int) -> list[BudgetUse]:
    async with open_reader(settings, [state]) as store:
        return await store.budget_use(state, today)


def used_of(budget: Budget, uses: Sequence[BudgetUse]) -> BudgetUsed:
    """Return how far one budget is used, from what was counted for all."""
    own = [use for use in uses if use.budget == budget_id(budget)]
    return BudgetUsed(
        budget=budget,
        counted=len(own),
        persons=_at([use.persons for use in own], budget.persons),
        photos=_at([use.photos for use in own], budget.photos),
        full=sum(
            use.persons >= budget.persons or use.photos >= (budget.photos or budget.persons)
            for use in own
        ),
    )


def _at(counts: Sequence[int], limit: int | None) -> tuple[int, ...]:
    """Return how many counts have reached each share of a limit; none of what is not counted."""
    if not limit:
        return (0,) * len(_SHARES)
    return tuple(sum(count * 100 >= limit * share for count in counts) for share in _SHARES)


def _document(used: BudgetUsed) -> dict[str, Any]:
    def shares(counts: Sequence[int]) -> dict[str, int]:
        return {str(share): count for share, count in zip(_SHARES, counts, strict=True)}

    return {
        **msgspec.to_builtins(used.budget),
        "english": english_of_budget(used.budget),
        "counted": used.counted,
        "persons_used_percent": shares(used.persons),
        "photos_used_percent": shares(used.photos),
    }


def _say_allowed(bundle: PolicyBundle, source: str, *, as_json: bool) -> None:
    said = [english_of_budget(budget) for budget in bundle.budgets]
    if as_json:
        print_json({"rules": source, "state": bundle.state, "budgets": [
            {**msgspec.to_builtins(b), "english": text}
            for b, text in zip(bundle.budgets, said, strict=True)
        ]})  # fmt: skip
        return
    say(f"{bundle.title}: {_count(len(said), 'budget')} ({source})")
    for text in said:
        print_wrapped(facts_console(), text, "  ")


def _say_used(state: Member, day: date, used: Sequence[BudgetUsed]) -> None:
    label = member_label(state)
    if not used:
        say(f"● {label} has no budgets: nobody is counted")
        return
    full = sum(each.full for each in used)
    many = f"{full:,} operators or agencies have" if full > 1 else "one operator or agency has"
    who = many if full else "nobody has"
    say(f"{'◆' if full else '●'} {label}: {who} used up a budget today ({day:%Y-%m-%d})")
    console = facts_console()
    for each in used:
        say("")
        print_wrapped(console, english_of_budget(each.budget), "  ")
        who = _WHO[each.budget.per][each.counted != 1]
        say(f"    today {each.counted:,} {who} counted")
        if each.counted:
            say(f"    people: {_said(each.persons)}")
        if each.counted and each.budget.photos:
            say(f"    photos: {_said(each.photos)}")


def _said(counts: Sequence[int]) -> str:
    half, most, whole = counts
    return f"{half:,} at half of it or more, {most:,} at 80 % or more, {whole:,} at all of it"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
