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
from comity.cli.recorded import recorded_traffic
from comity.cli.replay_screen import Screen, print_replay
from comity.cli.rules import NamedRules, askers_of, named_rules
from comity.cli.terminal import AsJson, print_json
from comity.cli.traffic_files import read_traffic
from comity.domain.ids import Member, entry_name
from comity.policy.errors import TrafficFormError
from comity.policy.quota import NOT_REPLAYED
from comity.policy.replay import (
    CAVEAT,
    Load,
    Moves,
    Surprise,
    by_family,
    changed,
    load_of,
    sentence_of_surprise,
    surprises,
)
from comity.policy.space import Asker
from comity.policy.traffic import Traffic, month_number, month_text
from comity.roles.settings import Settings
from comity.services.replayed import ReplayedOver, Span, headline_over, source_of, weeks_over

__all__ = ["replay"]

_SURPRISES: Final = 10
_HOURS_MAX: Final = 100_000.0
_MINUTES: Final = 10.0
"""Minutes that a review is taken to need where nobody says otherwise."""


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
    traffic, over = _read(settings, _Asked(member, imported, span), after, askers)
    families = {asker.ori: asker.family for asker in askers}
    counted = replay_traffic(traffic, after.rules, before.rules, families)
    load = None
    if counted.requests:
        load = load_of(counted, weeks_over(counted, over), minutes, staffed)
    screen = Screen(
        replay=counted,
        headline=headline_over(counted, over, load),
        load=load,
        by_family=by_family(counted, families),
        surprises=tuple(surprises(counted, (*after.rules, *before.rules), _SURPRISES)),
        unheld=traffic.unheld,
        source=source_of(over, imported),
        compared=f"{_named(after)}, against {_named(before)}; agencies are those of {whose}"
        + (f". {NOT_REPLAYED}" if after.bundle.quotas or before.bundle.quotas else ""),
    )
    if as_json:
        print_json(_document(screen, over, after, before))
    else:
        print_replay(screen)


class _Asked(NamedTuple):
    """Whose traffic, from which file if any, and of which months."""

    member: Member
    imported: str
    span: Span


def _read(
    settings: Settings, asked: _Asked, draft: NamedRules, askers: Sequence[Asker]
) -> tuple[Traffic, ReplayedOver]:
    """Return the traffic; of what a state has announced, what it has answered since."""
    now = datetime.now(UTC)
    over = ReplayedOver(member=asked.member, recorded=None, now=now, span=asked.span)
    if asked.imported:
        types = {asker.ori: asker.type for asker in askers}
        traffic = read_traffic(asked.imported, types, month_number(f"{now:%Y-%m}"))
        return traffic.within(*asked.span), over
    is_since = asked.member == draft.bundle.state and asked.span == (None, None)
    since = draft.announced if is_since else None
    leaf = None if since is None else since.leaf_index
    recorded = asyncio.run(recorded_traffic(settings, asked.member, leaf))
    over = msgspec.structs.replace(over, recorded=recorded, since=since)
    return recorded.traffic.within(*asked.span), over


def _named(rules: NamedRules) -> str:
    return f"{rules.bundle.title} ({rules.source})"


def _span(first: str, last: str) -> Span:
    """Return the months asked for. Raises: UsageError."""
    try:
        begin, end = (month_number(text) if text else None for text in (first, last))
    except TrafficFormError:
        raise UsageError("a month is written as in 2026-11") from None
    if begin is not None and end is not None and begin > end:
        raise UsageError("`--from` is after `--to`")
    return begin, end


def _document(
    screen: Screen, over: ReplayedOver, after: NamedRules, before: NamedRules
) -> dict[str, Any]:
    found, member, recorded, since = screen.replay, over.member, over.recorded, over.since
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
