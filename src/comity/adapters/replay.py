"""The fast replay: recorded traffic under two rule sets, many rows at once.

    1. the boxes of both rule sets are placed once; each value has the bits that it leaves
    2. a row is two halves, who asks and what is asked: few of each, so that each half's mask is
       made once, and halves that no rule tells apart are one
    3. numpy finds which pairs of halves the rows have, and gives each row the number of its pair
    4. each distinct mask is weighed once, class by class
    5. numpy sums the counts by outcome, agency, purpose, month and class

Guarantee: the same counts, exactly, as `comity.policy.row_by_row`, which decides each row by the
masks that decide live; this one weighs the boxes that proofs weigh. Sums are exact, because no
replay counts more than `COUNT_MAX`. Source: docs/adr/0033-replay.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from comity.domain.agency import Family
from comity.domain.decision import RuleId
from comity.domain.ids import ORI
from comity.domain.keys import asked_classes
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.families import agency_values
from comity.policy.replay import STRICTNESS, Case, MoveKey, Moves, Replay, axes_unheld
from comity.policy.rule import Rule
from comity.policy.space import Boxes
from comity.policy.traffic import IMAGE, WHAT_FIELDS, Traffic, What, Who
from comity.policy.weigh import RuleSet, Weighed

__all__ = ["replay"]

_PAIRS_MAX: Final = 1 << 24
"""Pairs of halves for which a table is worth its memory: beyond, rows are sorted."""

_PLACE: Final = {outcome: place for place, outcome in enumerate(STRICTNESS)}
_MOVES: Final[tuple[MoveKey, ...]] = tuple((b, a) for b in STRICTNESS for a in STRICTNESS)
_CLASSES: Final = tuple(DataClass)
_WHAT: Final = tuple(Axis(name) for name in WHAT_FIELDS if name != IMAGE)

_Ints = npt.NDArray[np.int64]
_Classes = tuple[DataClass, ...]
_Axes = tuple[Axis, ...]


class _Seen(NamedTuple):
    """What is decided for one mask and the classes asked for."""

    move: int
    rules: tuple[RuleId, ...]
    by_class: tuple[tuple[DataClass, MoveKey], ...]
    is_held_before: bool
    is_held_after: bool
    touched: tuple[Axis, ...]


class _Scales:
    """Both rule sets over one set of boxes, and what each value leaves of them."""

    def __init__(
        self, before: Sequence[Rule], after: Sequence[Rule], unheld: Sequence[Axis]
    ) -> None:
        boxes = Boxes()
        self.before, self.after = RuleSet(tuple(before), boxes), RuleSet(tuple(after), boxes)
        self.shadows = {axis: _shadow(axis, (*before, *after), boxes) for axis in unheld}
        self._boxes = boxes
        self.values = {
            axis: {value: boxes.mask({axis: (value,)}) for value in values}
            for axis, values in AXIS_VALUES.items()
        }
        self._named = {
            value
            for rule in (*before, *after)
            for condition in (rule.when, *rule.unless)
            for value in condition.agency
        }
        self._agencies: dict[frozenset[str], int] = {}
        self._weighed: dict[tuple[bool, int], Weighed] = {}

    def who(self, who: Who, family: Family | None) -> int:
        """Return the mask of who asks; of an unlisted agency no bit is left, as nothing is."""
        # INVARIANT (fail-closed): an agency that the directory does not list meets no condition.
        if family is None:
            return 0
        having = frozenset(self._named.intersection(agency_values(who.agency, family)))
        mask = self._agencies.get(having)
        if mask is None:
            mask = self._agencies[having] = self._boxes.mask({Axis.AGENCY: having})
        for axis in (Axis.AGENCY_TYPE, Axis.CERTIFICATION, Axis.ASSURANCE):
            mask &= self.values[axis][getattr(who, axis.value)]
        return mask

    def what(self, what: What) -> int:
        """Return the mask of what is asked, data classes apart."""
        mask = -1
        for axis in _WHAT:
            mask &= self.values[axis][getattr(what, axis.value)]
        return mask

    def lacking(self, half: Who | What) -> _Axes:
        """Return what half a row does not hold and some rule looks at."""
        return tuple(axis for axis in half.unheld if axis in self.shadows)

    def weigh(self, mask: int, classes: _Classes, unheld: frozenset[Axis]) -> _Seen:
        """Return what both rule sets decide, class by class."""
        by_class, pairs, touched = [], [], 0
        for data_class in classes:
            cell = mask & self.values[Axis.DATA_CLASS][data_class]
            was, now = self._one(cell, is_after=False), self._one(cell, is_after=True)
            pairs.append((was, now))
            by_class.append((data_class, (was.outcome, now.outcome)))
            touched |= cell
        was = max((pair[0] for pair in pairs), key=_strictness)
        now = max((pair[1] for pair in pairs), key=_strictness)
        return _Seen(
            move=_PLACE[was.outcome] * len(STRICTNESS) + _PLACE[now.outcome],
            rules=now.rules or was.rules,
            by_class=tuple(by_class),
            is_held_before=any(pair[0].outcome is Outcome.HOLD for pair in pairs),
            is_held_after=any(pair[1].outcome is Outcome.HOLD for pair in pairs),
            touched=tuple(
                axis for axis, bits in self.shadows.items() if axis in unheld and touched & bits
            ),
        )

    def _one(self, mask: int, *, is_after: bool) -> Weighed:
        rules = self.after if is_after else self.before
        key = is_after, mask & rules.bits
        found = self._weighed.get(key)
        if found is None:
            found = self._weighed[key] = rules.weigh(mask)
        return found


def replay(
    traffic: Traffic,
    draft: Sequence[Rule],
    against: Sequence[Rule],
    families: Mapping[ORI, Family],
) -> Replay:
    """Return what `draft` changes from `against`; `families` has every listed agency."""
    scales = _Scales(against, draft, axes_unheld(traffic.unheld, (*against, *draft)))
    who, what = _column(traffic.who), _column(traffic.what)
    counts = _column(traffic.counts)
    seen, number = _masks(traffic, scales, families, who, what)
    return _tallied(traffic, scales, families, seen, (who, what, number, counts))


def _masks(
    traffic: Traffic,
    scales: _Scales,
    families: Mapping[ORI, Family],
    who: _Ints,
    what: _Ints,
) -> tuple[list[_Seen], _Ints]:
    """Return what is decided for each distinct mask, and the number of the one of each row."""
    whos: dict[tuple[int, _Axes], int] = {}
    whats: dict[tuple[int, _Classes, _Axes], int] = {}
    of_who = [
        whos.setdefault(
            (scales.who(each, families.get(each.agency)), scales.lacking(each)), len(whos)
        )
        for each in traffic.whos
    ]
    of_what = [
        whats.setdefault(
            (
                scales.what(each),
                asked_classes(each.message_key, image=each.image),
                scales.lacking(each),
            ),
            len(whats),
        )
        for each in traffic.whats
    ]
    width = max(1, len(whats))
    pairs = np.array(of_who, np.int64)[who] * width + np.array(of_what, np.int64)[what]
    found, number = _distinct(pairs, len(whos) * width)
    fronts, backs = list(whos), list(whats)
    masks: dict[tuple[int, _Classes, frozenset[Axis]], int] = {}
    of_pair = []
    for pair in found.tolist():
        (front, lacks), (back, classes, lacks_too) = fronts[pair // width], backs[pair % width]
        key = front & back, classes, frozenset(lacks + lacks_too)
        of_pair.append(masks.setdefault(key, len(masks)))
    return [scales.weigh(*each) for each in masks], np.array(of_pair, np.int64)[number]


def _tallied(
    traffic: Traffic,
    scales: _Scales,
    families: Mapping[ORI, Family],
    seen: Sequence[_Seen],
    columns: tuple[_Ints, _Ints, _Ints, _Ints],
) -> Replay:
    who, what, number, counts = columns
    in_all = [int(count) for count in np.bincount(number, counts, len(seen))]
    move = np.array([each.move for each in seen], np.int64)[number]
    agencies = _numbered([each.agency for each in traffic.whos])
    purposes = _numbered([each.purpose.value for each in traffic.whats])
    keys = _numbered([each.message_key for each in traffic.whats])
    months = _column(traffic.months)
    first = int(months.min()) if len(months) else 0
    by_agency = _by(agencies[1][who], move, counts, agencies[0])
    month_names = range(first, int(months.max()) + 1 if len(months) else first)
    return Replay(
        requests=sum(in_all),
        unlisted=sum(
            sum(moves.values()) for name, moves in by_agency.items() if name not in families
        ),
        moves=_summed((_MOVES[each.move], count) for each, count in zip(seen, in_all, strict=True)),
        by_agency=by_agency,
        by_purpose=_by(purposes[1][what], move, counts, purposes[0]),
        by_key=_by(keys[1][what], move, counts, keys[0]),
        by_month=_by(months - first, move, counts, month_names),
        by_class=_by_class(seen, in_all),
        reviews_before=sum(c for s, c in zip(seen, in_all, strict=True) if s.is_held_before),
        reviews_after=sum(c for s, c in zip(seen, in_all, strict=True) if s.is_held_after),
        cases=_cases(seen, columns, (agencies, purposes, keys)),
        touched={
            axis: sum(c for s, c in zip(seen, in_all, strict=True) if axis in s.touched)
            for axis in scales.shadows
        },
    )


_Numbered = tuple[list[str], _Ints]


def _cases(
    seen: Sequence[_Seen],
    columns: tuple[_Ints, _Ints, _Ints, _Ints],
    names: tuple[_Numbered, _Numbered, _Numbered],
) -> dict[Case, int]:
    who, what, number, counts = columns
    agencies, purposes, keys = names
    reasons: dict[tuple[int, tuple[RuleId, ...]], int] = {}
    of_seen = [
        -1 if before is after else reasons.setdefault((each.move, each.rules), len(reasons))
        for each in seen
        for before, after in (_MOVES[each.move],)
    ]
    reason = np.array(of_seen, np.int64)[number] if seen else number
    rows = np.flatnonzero(reason >= 0)
    sizes = (len(reasons), len(agencies[0]), len(purposes[0]), len(keys[0]))
    places = (reason[rows], agencies[1][who[rows]], purposes[1][what[rows]], keys[1][what[rows]])
    if not len(rows):
        return {}
    found, back = _distinct(np.ravel_multi_index(places, sizes), int(np.prod(sizes)))
    total = np.bincount(back, counts[rows], len(found))
    unravelled = zip(*(each.tolist() for each in np.unravel_index(found, sizes)), strict=True)
    reason_names = list(reasons)
    cases = {}
    for (place, agency, purpose, key), count in zip(unravelled, total.tolist(), strict=True):
        moved, rules = reason_names[place]
        before, after = _MOVES[moved]
        case = Case(before, after, rules, agencies[0][agency], purposes[0][purpose], keys[0][key])
        cases[case] = int(count)
    return cases


def _shadow(axis: Axis, rules: Sequence[Rule], boxes: Boxes) -> int:
    """Place each condition that names an axis once more, without it; return their bits."""
    bits = 0
    for rule in rules:
        for condition in (rule.when, *rule.unless):
            if getattr(condition, axis.value):
                without: Any = {axis.value: ()}
                bits |= boxes.add(msgspec.structs.replace(condition, **without))
    return bits


def _distinct(values: _Ints, beyond: int) -> tuple[_Ints, _Ints]:
    """Return the values that occur, in order, and for each value its place among them."""
    if beyond > _PAIRS_MAX:
        found, places = np.unique(values, return_inverse=True)
        return found, places
    occurs = np.zeros(beyond, np.bool_)
    occurs[values] = True
    found = np.flatnonzero(occurs)
    place = np.empty(beyond, np.int64)
    place[found] = np.arange(len(found))
    return found, place[values]


def _numbered(names: Sequence[str]) -> _Numbered:
    """Return the distinct names, and for each of the given ones its place among them."""
    places: dict[str, int] = {}
    of_each = [places.setdefault(name, len(places)) for name in names]
    return list(places), np.array(of_each, np.int64)


def _by(places: _Ints, move: _Ints, counts: _Ints, names: Sequence[Any]) -> dict[Any, Moves]:
    """Return the counts by name and move; what has none is left out."""
    width = len(_MOVES)
    total = np.bincount(places * width + move, counts, len(names) * width)
    found: dict[Any, dict[MoveKey, int]] = {}
    for at in np.flatnonzero(total).tolist():
        found.setdefault(names[at // width], {})[_MOVES[at % width]] = int(total[at])
    return dict(found)


def _by_class(seen: Sequence[_Seen], in_all: Sequence[int]) -> dict[DataClass, Moves]:
    found: dict[DataClass, Counter[MoveKey]] = {}
    for each, count in zip(seen, in_all, strict=True):
        for data_class, move in each.by_class:
            found.setdefault(data_class, Counter())[move] += count
    return {each: dict(found[each]) for each in _CLASSES if each in found}


def _summed(pairs: Any) -> dict[MoveKey, int]:
    total: Counter[MoveKey] = Counter()
    for key, count in pairs:
        total[key] += count
    return dict(total)


def _strictness(weighed: Weighed) -> int:
    return _PLACE[weighed.outcome]


def _column(column: Any) -> _Ints:
    return np.frombuffer(column, np.int64) if len(column) else np.zeros(0, np.int64)
