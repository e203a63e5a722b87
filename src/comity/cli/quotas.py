"""`comity policy quotas`: how many requests may wait for a reviewer, and what today's came to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from comity.app.database import open_reader
from comity.cli.network import DataDir, settings_of
from comity.cli.rules import IN_FORCE, RulesName, named_rules
from comity.cli.terminal import AsJson, facts_console, print_json, print_wrapped, say
from comity.domain.ids import Member
from comity.exchange.facts import local_day
from comity.policy import english_of_quota
from comity.ports import DeskDayRow
from comity.roles.settings import Settings

__all__ = ["quotas"]


def quotas(rules: RulesName, *, data: DataDir = None, as_json: AsJson = False) -> None:
    """Say how many requests of an agency may wait for a person, and who was refused for it today.

    What came today is told of rules in force (@ST). The queue in the console says what waits.
    """
    settings = settings_of(data)
    named = named_rules(settings, rules)
    days: Sequence[DeskDayRow] = ()
    if rules.startswith(IN_FORCE):
        days = asyncio.run(_days(settings, named.bundle.state))
    said = [(each, english_of_quota(each)) for each in named.bundle.quotas]
    if as_json:
        print_json(
            {"rules": named.source, "state": named.bundle.state,
             "quotas": [{**msgspec.to_builtins(each), "english": text} for each, text in said],
             "today": [
                 {"agency": day.agency, "came": day.came, "refused": day.refused} for day in days
             ]}
        )  # fmt: skip
        return
    many = "1 quota" if len(said) == 1 else f"{len(said)} quotas"
    say(f"{named.bundle.title}: {many} ({named.source})")
    for _, text in said:
        print_wrapped(facts_console(), text, "  ")
    for day in days:
        say(f"  {'◆' if day.refused else '●'} {day.agency}: {day.came:,} came to a person today,"
            f" {day.refused:,} refused")  # fmt: skip


async def _days(settings: Settings, state: Member) -> list[DeskDayRow]:
    async with open_reader(settings, [state]) as store:
        return await store.desk_day(state, local_day(state, int(time.time())))
