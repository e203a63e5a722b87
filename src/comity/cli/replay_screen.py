"""A replay as people read it: the finding first, then who, why, when, how much work, and cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from comity.cli.terminal import fact_table, facts_console, print_wrapped, say
from comity.domain.vocabulary import Purpose, term
from comity.policy.axis import Axis
from comity.policy.replay import (
    CAVEAT,
    Load,
    Moves,
    Replay,
    Surprise,
    changed,
    most_changed,
    sentence_of_moves,
    sentence_of_surprise,
    words_of_unheld,
)
from comity.policy.traffic import month_text

__all__ = ["Screen", "print_replay"]

_AGENCIES: Final = 10


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a replay; `load` is None where nothing was asked."""

    replay: Replay
    headline: str
    load: Load | None
    by_family: Mapping[str, Moves]
    surprises: tuple[Surprise, ...]
    unheld: tuple[Axis, ...]
    source: str
    compared: str


def print_replay(screen: Screen) -> None:
    """Print a replay; the finding is the first line."""
    console = facts_console()
    found = screen.replay
    print_wrapped(console, screen.headline)
    print_wrapped(console, CAVEAT)
    say("")
    print_wrapped(console, f"Rules: {screen.compared}.")
    print_wrapped(console, screen.source)
    if found.unlisted:
        print_wrapped(
            console,
            f"{found.unlisted:,} requests are of agencies that the directory does not list: refused"
            " by any rules.",
        )
    if screen.load is not None:
        if found.reviews_before or found.reviews_after:
            _say_load(screen.load, found)
        _say_tables(screen)
        _say_surprises(screen.surprises, found)
    _say_unheld(screen)


def _say_tables(screen: Screen) -> None:
    found = screen.replay
    if not any(changed(moves) for moves in (found.moves, *found.by_class.values())):
        return
    purposes = {term(Purpose(name)).label: moves for name, moves in _ordered(found.by_purpose)}
    months = {month_text(month): found.by_month[month] for month in sorted(found.by_month)}
    classes = {term(name).label: moves for name, moves in found.by_class.items()}
    families = {name or "(not listed)": moves for name, moves in screen.by_family.items()}
    _most("family", "families", families)
    _most("agency", "agencies", found.by_agency)
    _table("purpose", purposes)
    _table("message key", dict(_ordered(found.by_key)))
    _table("month", months)
    _table("data class", classes)


def _say_load(load: Load, found: Replay) -> None:
    console = facts_console()
    say("")
    reviews = f"Reviews: {found.reviews_after:,}"
    before = f"before {found.reviews_before:,}; at {load.minutes_per_review:g} minutes each"
    if not load.is_week:
        print_wrapped(
            console,
            f"{reviews}, {before} {load.hours_after * load.weeks:,.1f} hours in all, before"
            f" {load.hours_before * load.weeks:,.1f}. Less than a week stands behind this: what it"
            " takes of a week cannot be told yet.",
        )
        return
    print_wrapped(
        console,
        f"{reviews} in {load.weeks:,.1f} weeks, {before} {load.hours_after:,.1f} hours a week,"
        f" before {load.hours_before:,.1f}.",
    )
    if load.staffed is not None:
        short = load.hours_after - load.staffed
        enough = f"short by {short:,.1f} hours a week" if short > 0 else "that is enough"
        print_wrapped(console, f"You staff {load.staffed:,.1f} hours: {enough}.")


def _table(name: str, by: Mapping[str, Moves]) -> None:
    say("")
    fact_table(
        facts_console(),
        (name, "requests", "changed", "what would have been"),
        [
            (
                each,
                f"{sum(moves.values()):,}",
                f"{changed(moves):,}",
                _short(moves),
            )
            for each, moves in by.items()
        ],
    )


def _short(moves: Moves) -> str:
    return (
        sentence_of_moves(moves).replace(" would have been", "") if changed(moves) else "as it was"
    )


def _most(name: str, plural: str, by: Mapping[str, Moves]) -> None:
    _table(f"{name}, most changed first", dict(most_changed(by, _AGENCIES)))
    more = len(by) - _AGENCIES
    if more > 0:
        say(f"{more:,} more {plural}: --json has all.")


def _ordered(by: Mapping[str, Moves]) -> list[tuple[str, Moves]]:
    return sorted(by.items(), key=lambda each: (-changed(each[1]), each[0]))


def _say_surprises(found: tuple[Surprise, ...], replay: Replay) -> None:
    if not changed(replay.moves):
        return
    say("")
    if not found:
        say("No case stands out among what changes.")
        return
    console = facts_console()
    print_wrapped(
        console,
        "Cases that the rules' author may not have had in mind: of all that move alike by the same"
        " rules, the fewest are of that agency and for that purpose.",
    )
    for each in found:
        print_wrapped(console, sentence_of_surprise(each), "  - ", "    ")


def _say_unheld(screen: Screen) -> None:
    named: list[tuple[Any, int]] = sorted(screen.replay.touched.items(), key=lambda each: -each[1])
    console = facts_console()
    say("")
    if not named:
        say("The rules look at nothing that this traffic does not hold.")
        return
    print_wrapped(
        console, "The rules look at facts that this traffic does not hold, taken as follows:"
    )
    for axis, count in named:
        label = axis.value.replace("_", " ")
        print_wrapped(
            console,
            f"{label}: {words_of_unheld(axis)}; a condition hangs on it for {count:,} requests.",
            "  - ",
            "    ",
        )
