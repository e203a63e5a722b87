"""What would have been different, had other rules been in force: a replay's counts, in words.

A request is counted by its strictest class: whoever does not get all that was asked for has not got
what was asked for. A review is counted wherever one class at least is held, whatever the others
are. The counts by data class count each class that was asked for.

These are would-be figures, not a forecast: people who are refused ask differently.
Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec

from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.ids import ORI
from comity.domain.vocabulary import DataClass, Outcome, Purpose, term
from comity.policy.axis import Axis
from comity.policy.english import join_words
from comity.policy.rule import Rule

__all__ = [
    "CAVEAT",
    "STRICTNESS",
    "SURPRISE_SHARE_MAX",
    "WORDS",
    "Case",
    "Load",
    "MoveKey",
    "Moves",
    "Replay",
    "Surprise",
    "axes_unheld",
    "by_family",
    "changed",
    "headline",
    "headline_since",
    "load_of",
    "most_changed",
    "sentence_of_moves",
    "sentence_of_surprise",
    "surprises",
    "weeks_between",
    "words_of_unheld",
]

CAVEAT: Final = (
    "Refusals change behaviour: people who are refused ask differently, so these are would-be"
    " figures, not a forecast."
)
WORDS: Final = {Outcome.RELEASE: "released", Outcome.HOLD: "held", Outcome.DENY: "refused"}
STRICTNESS: Final = (Outcome.RELEASE, Outcome.HOLD, Outcome.DENY)

SURPRISE_SHARE_MAX: Final = Fraction(1, 10)
"""A case is surprising if no more than this share of what its rules change was expected of it."""

_UNHELD: Final = {
    Axis.AGENCY_TYPE: "as the directory lists it",
    Axis.RECORD_KIND: "taken as the first kind of its key",
    Axis.ASSURANCE: "taken as not stated",
    Axis.CERTIFICATION: "taken as none",
    Axis.PURPOSE: "taken as not stated",
    Axis.OFFENCE: "taken as not stated",
    Axis.INSTRUMENT: "taken as not stated",
    Axis.FAN_OUT: "taken as one state asked",
    Axis.EMERGENCY: "taken as none declared",
    Axis.TIME_BAND: "taken as a weekday by day",
    Axis.BUDGET: "taken as within",
    Axis.DIRECTION: "taken as inbound",
}
"""What stands in the place of a fact that traffic does not hold."""

MoveKey = tuple[Outcome, Outcome]
"""The outcome under the rules that are compared with, and under the draft."""

Moves = Mapping[MoveKey, int]


class Case(NamedTuple):
    """Requests that move alike, of one agency, for one purpose, by one key.

    `rules` decide under the draft; where nothing decides there, those that decided before.
    """

    before: Outcome
    after: Outcome
    rules: tuple[RuleId, ...]
    agency: str
    purpose: str
    message_key: str


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """Exact counts of one replay; equal whichever way they were reached.

    `unlisted` are requests of agencies that the directory does not list: refused by any rules.
    `by_month` goes by months since 1970-01. `touched` says, for each axis that the traffic does not
    hold and some rule looks at, for how many requests a condition hangs on it alone.
    """

    requests: int
    unlisted: int
    moves: Moves
    by_agency: Mapping[str, Moves]
    by_purpose: Mapping[str, Moves]
    by_key: Mapping[str, Moves]
    by_month: Mapping[int, Moves]
    by_class: Mapping[DataClass, Moves]
    reviews_before: int
    reviews_after: int
    cases: Mapping[Case, int]
    touched: Mapping[Axis, int]


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What reviews take of a week, in hours, beside what is staffed, where that was said.

    Of less than a week no hours a week can be told (`is_week`): what came in a day may come again
    each day, or never.
    """

    weeks: float
    minutes_per_review: float
    hours_before: float
    hours_after: float
    staffed: float | None = None

    @property
    def is_week(self) -> bool:
        """Say whether a week at least stands behind it."""
        return self.weeks >= 1


class Surprise(msgspec.Struct, frozen=True, kw_only=True):
    """A case that its rules' author would hardly have thought of.

    Of `moved` requests that move alike by the same rules, `same_agency` are of its agency and
    `same_purpose` for its purpose; `share` is the product of the two shares, which is what would be
    expected of it if neither had to do with the other. `names_agency` and `names_purpose` say
    whether one of the rules looks at the agency, and at the purpose. `others` are cases
    that differ from it in a rare agency alone.
    """

    case: Case
    requests: int
    moved: int
    same_agency: int
    same_purpose: int
    names_agency: bool
    names_purpose: bool
    others: int = 0

    @property
    def share(self) -> Fraction:
        """The share that was expected of the agency and the purpose."""
        return Fraction(self.same_agency * self.same_purpose, self.moved * self.moved)


def changed(moves: Moves) -> int:
    """Return how many move to another outcome."""
    return sum(count for (before, after), count in moves.items() if before is not after)


def most_changed(by: Mapping[str, Moves], most: int) -> list[tuple[str, Moves]]:
    """Return those of whom most changes, the most first."""
    order = sorted(
        by.items(), key=lambda each: (-changed(each[1]), -sum(each[1].values()), each[0])
    )
    return order[:most]


def words_of_unheld(axis: Axis) -> str:
    """Return what stands in the place of a fact that traffic does not hold."""
    return _UNHELD[axis]


def by_family(replay: Replay, families: Mapping[ORI, Family]) -> dict[str, Moves]:
    """Return the counts by agency family; agencies that nobody lists are of none, an empty name."""
    found: dict[str, Counter[MoveKey]] = {}
    for agency, moves in replay.by_agency.items():
        found.setdefault(families.get(ORI(agency), ""), Counter()).update(moves)
    return {family: dict(moves) for family, moves in found.items()}


def axes_unheld(unheld: Iterable[Axis], rules: Iterable[Rule]) -> tuple[Axis, ...]:
    """Return those axes that the traffic does not hold and some condition of these rules names."""
    named = {
        axis
        for rule in rules
        for condition in (rule.when, *rule.unless)
        for axis, _ in condition.terms()
    }
    return tuple(axis for axis in unheld if axis in named)


def surprises(replay: Replay, rules: Iterable[Rule], limit: int) -> list[Surprise]:
    """Return the cases with the least expected share, the least first.

    Of those that differ in a rare agency alone, one stands for all: else ten agencies that asked
    once would hide every other case.
    """
    moved: Counter[tuple[object, ...]] = Counter()
    agencies: Counter[tuple[object, ...]] = Counter()
    purposes: Counter[tuple[object, ...]] = Counter()
    for case, count in replay.cases.items():
        move = (case.before, case.after, case.rules)
        moved[move] += count
        agencies[*move, case.agency] += count
        purposes[*move, case.purpose] += count
    by_id = {rule.id: rule for rule in rules}
    found = []
    for case, count in replay.cases.items():
        move = (case.before, case.after, case.rules)
        deciding = [by_id[each] for each in case.rules if each in by_id]
        surprise = Surprise(
            case=case,
            requests=count,
            moved=moved[move],
            same_agency=agencies[*move, case.agency],
            same_purpose=purposes[*move, case.purpose],
            names_agency=any(rule.when.agency or rule.when.agency_type for rule in deciding),
            names_purpose=any(rule.when.purpose for rule in deciding),
        )
        if surprise.share <= SURPRISE_SHARE_MAX:
            found.append(surprise)
    found.sort(key=lambda each: (each.share, -each.requests, each.case))
    alike = Counter(map(_kind_of, found))
    shown: dict[tuple[Case, bool], Surprise] = {}
    for each in found:
        kind = _kind_of(each)
        shown.setdefault(kind, msgspec.structs.replace(each, others=alike[kind] - 1))
    return list(shown.values())[:limit]


def _kind_of(surprise: Surprise) -> tuple[Case, bool]:
    """Return a case without its agency, and whether that is what is rare about it."""
    is_rare = surprise.same_agency <= SURPRISE_SHARE_MAX * surprise.moved
    return surprise.case._replace(agency=""), is_rare


def weeks_between(first: int, last: int, today: date, begun: date | None = None) -> float:
    """Return the weeks of these months (since 1970-01), the last as far as it has come.

    `begun` is the day before which there was no traffic.
    """
    begin = _day_of(first) if begun is None else max(_day_of(first), begun)
    day = timedelta(days=1)
    until = today + day
    if last < (today.year - 1970) * 12 + today.month - 1:
        until = _day_of(last + 1)
    return (max(until, begin + day) - begin).days / 7


def load_of(replay: Replay, weeks: float, minutes_per_review: float, staffed: float | None) -> Load:
    """Return what the reviews of a replay take of a week."""
    hours = minutes_per_review / 60 / weeks
    return Load(
        weeks=weeks,
        minutes_per_review=minutes_per_review,
        hours_before=replay.reviews_before * hours,
        hours_after=replay.reviews_after * hours,
        staffed=staffed,
    )


def headline(replay: Replay, months: Sequence[int], load: Load | None) -> str:
    """Return the finding in one sentence; `load` is None where there is no traffic."""
    if not replay.requests or load is None:
        return "There is no traffic to replay: nothing can be said about this draft."
    when = f"in {_month_words(months[0])}"
    if months[0] != months[-1]:
        when = f"from {_month_words(months[0])} to {_month_words(months[-1])}"
    in_part = any(changed(moves) for moves in replay.by_class.values())
    only = (
        "" if changed(replay.moves) or not in_part else " as a whole, but for single data classes"
    )
    return (
        f"Of {replay.requests:,} request{_s(replay.requests)} {when},"
        f" {sentence_of_moves(replay.moves)}{only}; {_sentence_of_load(load)}."
    )


def headline_since(replay: Replay, whose: str, since: date, load: Load | None) -> str:
    """Return the finding about rules that a state has announced, since they stand."""
    when = f"Since {since:%-d %B %Y}"
    if load is None:
        return f"{when}, when {whose} announced its rules, it has answered nothing that counts."
    by_outcome: Counter[Outcome] = Counter()
    for (before, after), count in replay.moves.items():
        if before is not after:
            by_outcome[after] += count
    ordered = [(each, by_outcome[each]) for each in reversed(STRICTNESS) if by_outcome[each]]
    answers = f"{replay.requests:,} answer{_s(replay.requests)}"
    if ordered:
        (first, count), *rest = ordered
        parts = [f"{WORDS[first]} {count:,} of {answers}"]
        parts += [f"{WORDS[each]} {number:,}" for each, number in rest]
        would = join_words(parts, "and")
    else:
        in_part = any(changed(moves) for moves in replay.by_class.values())
        would = f"changed none of {answers}"
        would += " as a whole, but single data classes" if in_part else ""
    return f"{when}, {whose}'s announced rules would have {would}; {_sentence_of_load(load)}."


def sentence_of_moves(moves: Moves) -> str:
    """Return how many would have had which other outcome, the most first."""
    found = sorted(
        ((count, key) for key, count in moves.items() if key[0] is not key[1]),
        key=lambda each: (-each[0], each[1]),
    )
    if not found:
        return "none would have had another outcome"
    parts = [
        f"{count:,}{' would have been' if not place else ''} {WORDS[after]}"
        f" instead of {WORDS[before]}"
        for place, (count, (before, after)) in enumerate(found)
    ]
    return join_words(parts, "and")


def _sentence_of_load(load: Load) -> str:
    if not load.hours_after and not load.hours_before:
        return "no reviewer is needed, before or after"
    if not load.is_week:
        return (
            f"this takes reviewers {_hours(load.hours_after * load.weeks)} in all, before"
            f" {load.hours_before * load.weeks:,.1f}"
        )
    text = (
        f"this takes reviewers {_hours(load.hours_after)} a week, before {load.hours_before:,.1f}"
    )
    return text if load.staffed is None else f"{text}; you staff {load.staffed:,.1f}"


def sentence_of_surprise(surprise: Surprise) -> str:
    """Return a case in words: how many, from what to what, because of which rules, and why here."""
    case = surprise.case
    rules = join_words(list(case.rules), "and") or "no rule that releases it"
    names = {
        (True, True): "",
        (True, False): ", and no rule of these looks at the purpose",
        (False, True): ", and no rule of these looks at who asks",
        (False, False): ", and no rule of these looks at either",
    }[surprise.names_agency, surprise.names_purpose]
    return (
        f"{case.agency}, {_purpose(case.purpose)}, {case.message_key}: {surprise.requests:,}"
        f" {WORDS[case.after]} instead of {WORDS[case.before]} because of {rules}. Of"
        f" {surprise.moved:,} such, {_percent(surprise.same_agency, surprise.moved)} are of this"
        f" agency and {_percent(surprise.same_purpose, surprise.moved)} for this purpose"
        f"{names if case.rules else ''}.{_others(surprise.others)}"
    )


def _others(count: int) -> str:
    if not count:
        return ""
    agencies = "Another agency is" if count == 1 else f"{count:,} other agencies are"
    return f" {agencies} as rare here."


def _purpose(value: str) -> str:
    return term(Purpose(value)).label


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 else f"{share:.1f} %" if share >= 0.1 else "under 0.1 %"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _hours(hours: float) -> str:
    return f"{hours:,.1f} hours"


def _month_words(month: int) -> str:
    return f"{_day_of(month):%B %Y}"


def _day_of(month: int) -> date:
    return date(1970 + month // 12, month % 12 + 1, 1)
