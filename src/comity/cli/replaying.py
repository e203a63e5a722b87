"""`comity policy replay`: what a draft would have made of the traffic that there was."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import typer

from comity.app.rules import replay_traffic
from comity.cli.errors import UsageError
from comity.cli.network import DataDir, member_of, settings_of
from comity.cli.recorded import Recorded, recorded_traffic
from comity.cli.replay_screen import Screen, print_replay
from comity.cli.rules import Announced, NamedRules, askers_of, named_rules
from comity.cli.terminal import AsJson, print_json
from comity.cli.traffic_files import read_traffic
from comity.domain.ids import Member, entry_name, member_label
from comity.policy.errors import TrafficFormError
from comity.policy.replay import (
    CAVEAT,
    Load,
    Moves,
    Replay,
    Surprise,
    by_family,
    changed,
    headline,
    headline_since,
    load_of,
    sentence_of_surprise,
    surprises,
    weeks_between,
)
from comity.policy.space import Asker
from comity.policy.traffic import Traffic, month_number, month_text
from comity.roles.settings import Settings

__all__ = ["replay"]

_SURPRISES: Final = 10
_HOURS_MAX: Final = 100_000.0
_MINUTES: Final = 10.0
"""Minutes that a review is taken to need where nobody says otherwise."""
_DAY_SECONDS: Final = 86_400
_WEEK_SECONDS: Final = 7 * _DAY_SECONDS


def replay(
    draft: Annotated[str, typer.Argument(metavar="DRAFT", help="A template, a file, or @ST.")],
    *,
    against: Annotated[
        str, typer.Option("--against", metavar="RULES", help="In place of those in force.")
    ] = "",
    state: Annotated[
        str, typer.Option("--state", metavar="ST", help="Whose traffic, if not the draft's.")
    ] = "",
    first: Annotated[
        str, typer.Option("--from", metavar="MONTH", help="The first month, as in 2026-01.")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="MONTH", help="The last month.")] = "",
    imported: Annotated[
        str,
        typer.Option("--import", metavar="FILE", help="Counts from before, as CSV: not proved."),
    ] = "",
    staffed: Annotated[
        float | None,
        typer.Option(
            "--staffed-hours", metavar="N", min=0, max=_HOURS_MAX, help="Reviewers' hours a week."
        ),
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes-per-review", metavar="M", min=0.1, max=10_000, help="What a review takes."
        ),
    ] = _MINUTES,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what a draft would have changed in the traffic that there was: counts, reviews, cases.

    @ST:shadow is what ST has announced, over exactly what it has answered since. Nothing is asked,
    recorded or released. Counts are exact; they are no forecast.
    """
    settings, span = settings_of(data), _span(first, last)
    after = named_rules(settings, draft)
    member = member_of(state) if state else after.bundle.state
    before = named_rules(settings, against or f"@{member}")
    askers, whose = askers_of(settings)
    found = _read(settings, _Asked(member, imported, span), after, askers)
    families = {asker.ori: asker.family for asker in askers}
    counted = replay_traffic(found.traffic, after.rules, before.rules, families)
    load = None
    if counted.requests:
        load = load_of(counted, _weeks(counted, found, span), minutes, staffed)
    screen = Screen(
        replay=counted,
        headline=_headline(counted, found, span, load),
        load=load,
        by_family=by_family(counted, families),
        surprises=tuple(surprises(counted, (*after.rules, *before.rules), _SURPRISES)),
        unheld=found.traffic.unheld,
        source=_source(found, imported),
        compared=f"{_named(after)}, against {_named(before)}; agencies are those of {whose}",
    )
    if as_json:
        print_json(_document(screen, found, after, before))
    else:
        print_replay(screen)


_Span = tuple[int | None, int | None]


class _Asked(NamedTuple):
    """Whose traffic, from which file if any, and of which months."""

    member: Member
    imported: str
    span: _Span


class _Read(NamedTuple):
    """The traffic, the ledger's word of it unless it was imported, and since which announcement."""

    member: Member
    traffic: Traffic
    recorded: Recorded | None
    since: Announced | None
    now: datetime


def _read(settings: Settings, asked: _Asked, draft: NamedRules, askers: Sequence[Asker]) -> _Read:
    """Return the traffic; of what a state has announced, what it has answered since."""
    now = datetime.now(UTC)
    if asked.imported:
        types = {asker.ori: asker.type for asker in askers}
        traffic = read_traffic(asked.imported, types, month_number(f"{now:%Y-%m}"))
        return _Read(asked.member, traffic.within(*asked.span), None, None, now)
    is_since = asked.member == draft.bundle.state and asked.span == (None, None)
    since = draft.announced if is_since else None
    leaf = None if since is None else since.leaf_index
    recorded = asyncio.run(recorded_traffic(settings, asked.member, leaf))
    return _Read(asked.member, recorded.traffic.within(*asked.span), recorded, since, now)


def _weeks(counted: Replay, found: _Read, span: _Span) -> float:
    """Return the weeks that the counts stand for."""
    if found.since is not None:
        return max(found.now.timestamp() - found.since.since, _DAY_SECONDS) / _WEEK_SECONDS
    begun = None if found.recorded is None else found.recorded.begun
    return weeks_between(*_months(counted, span), found.now.date(), begun)


def _headline(counted: Replay, found: _Read, span: _Span, load: Load | None) -> str:
    recorded = found.recorded
    if recorded is not None and recorded.told and load is None:
        # Nothing counted is not nothing answered.
        return (
            f"What {member_label(found.member)} has answered is not counted yet, but for leaves up"
            f" to {recorded.folded:,} of {recorded.size:,}: {recorded.told}."
        )
    if found.since is None:
        text = headline(counted, _months(counted, span), load)
    else:
        day = datetime.fromtimestamp(found.since.since, UTC).date()
        text = headline_since(counted, member_label(found.member), day, load)
    if recorded is not None and recorded.told:
        text += f" This is of leaves up to {recorded.folded:,} of {recorded.size:,} alone."
    return text


def _named(rules: NamedRules) -> str:
    return f"{rules.bundle.title} ({rules.source})"


def _span(first: str, last: str) -> _Span:
    """Return the months asked for. Raises: UsageError."""
    try:
        begin, end = (month_number(text) if text else None for text in (first, last))
    except TrafficFormError:
        raise UsageError("a month is written as in 2026-11") from None
    if begin is not None and end is not None and begin > end:
        raise UsageError("`--from` is after `--to`")
    return begin, end


def _months(counted: Replay, span: _Span) -> tuple[int, int]:
    """Return the first and the last month that the counts stand for."""
    begin, end = span
    return (
        min(counted.by_month, default=0) if begin is None else begin,
        max(counted.by_month, default=0) if end is None else end,
    )


def _source(found: _Read, imported: str) -> str:
    member, recorded, since = found.member, found.recorded, found.since
    if recorded is None:
        return f"Traffic: imported from {imported}, not proved."
    begin = "its leaves"
    if since is not None:
        begin = f"from the announcement in {entry_name(member, since.leaf_index)}"
    text = (
        f"Traffic: recorded in the ledger of {member_label(member)}, {begin} up to leaf"
        f" {recorded.folded:,} of {recorded.size:,}. Each request is weighed by what its decision"
        " saw; what a pass, the urgent lane or a reviewer made of it does not count."
    )
    if recorded.lost:
        text += (
            f" {recorded.lost:,} leaves of the whole ledger could not be read any more (key"
            " destroyed, expunged or withdrawn) when it was counted, and are not among these."
        )
    return f"{text} Not folded further: {recorded.told}." if recorded.told else text


def _document(screen: Screen, read: _Read, after: NamedRules, before: NamedRules) -> dict[str, Any]:
    found, member, recorded, since = screen.replay, read.member, read.recorded, read.since
    ledger = announced = None
    if since is not None:
        at = datetime.fromtimestamp(since.since, UTC)
        entry = entry_name(member, since.leaf_index)
        announced = {"entry": entry, "since": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    if recorded is not None:
        ledger = {name: getattr(recorded, name) for name in ("folded", "size", "lost", "told")}
    return {
        "finding": screen.headline,
        "caveat": CAVEAT,
        "state": member,
        "draft": after.source,
        "against": before.source,
        "proved": recorded is not None,
        "ledger": ledger,
        "announced": announced,
        "requests": found.requests,
        "changed": changed(found.moves),
        "unlisted": found.unlisted,
        "moves": _moves(found.moves),
        "reviews": {"before": found.reviews_before, "after": found.reviews_after},
        "load": _load(screen.load),
        "by_family": _each(screen.by_family),
        "by_agency": _each(found.by_agency),
        "by_purpose": _each(found.by_purpose),
        "by_key": _each(found.by_key),
        "by_month": _each({month_text(m): found.by_month[m] for m in sorted(found.by_month)}),
        "by_class": _each(found.by_class),
        "surprises": [_surprise(each) for each in screen.surprises],
        "not_held": [
            {
                "axis": axis,
                "requests": found.touched.get(axis, 0),
                "looked_at": axis in found.touched,
            }
            for axis in screen.unheld
        ],
    }


def _moves(moves: Moves) -> list[dict[str, Any]]:
    return [
        {"before": before, "after": after, "requests": count}
        for (before, after), count in sorted(moves.items())
    ]


def _each(by: Mapping[Any, Moves]) -> list[dict[str, Any]]:
    return [
        {"name": name, "requests": sum(moves.values()), "changed": changed(moves),
         "moves": _moves(moves)}
        for name, moves in by.items()
    ]  # fmt: skip


def _load(load: Load | None) -> dict[str, Any] | None:
    if load is None:
        return None
    figures = {
        name: None if value is None else round(value, 2)
        for name, value in msgspec.structs.asdict(load).items()
    }
    return {**figures, "is_week": load.is_week}


def _surprise(surprise: Surprise) -> dict[str, Any]:
    return {
        **surprise.case._asdict(),
        "requests": surprise.requests,
        "moved_alike": surprise.moved,
        "same_agency": surprise.same_agency,
        "same_purpose": surprise.same_purpose,
        "expected_share": round(float(surprise.share), 6),
        "other_agencies_alike": surprise.others,
        "sentence": sentence_of_surprise(surprise),
    }
