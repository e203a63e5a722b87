"""Everything that can be asked of a state, and which conditions hold for it: the ground of proofs.

A *request kind* is one choice on each of the fifteen axes: an agency, as the directory lists it
with its type; a message key with a class that it asks for and a kind of record that may be found;
and one value on each of the others. Conditions are *boxes* of one bit each; a request kind's mask
has the bits of the boxes that hold for it. Values that no box tells apart are taken together, so
that what a proof costs follows the rules and not the number of agencies.

Guarantee: `combinations` returns every mask that any request kind has, each with the exact number
of request kinds that have it, and one of them. These masks are made apart from those that decide
(`comity.policy.masks`), with one bit a box and nothing more: two ways to the same answer.
Source: docs/adr/0027-proofs.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Final, NamedTuple

from comity.domain.agency import ActsFor, Family
from comity.domain.ids import ORI
from comity.domain.keys import KEYS, MessageKey, asked_classes, key_row
from comity.domain.vocabulary import AgencyType, DataClass, RecordKind
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.errors import TooManyCombinationsError
from comity.policy.families import agency_values
from comity.policy.rule import Condition

__all__ = [
    "COMBINATIONS_MAX",
    "Alike",
    "Asker",
    "Boxes",
    "Combination",
    "RequestKind",
    "Space",
    "space_of",
]

COMBINATIONS_MAX: Final = 1_000_000
"""Masks that one proof may hold at a time; beyond them nothing is said."""

RequestKind = Mapping[Axis, str]
"""One value on each axis."""

_SINGLE_AXES: Final = (
    Axis.CERTIFICATION, Axis.ASSURANCE, Axis.PURPOSE, Axis.OFFENCE, Axis.INSTRUMENT, Axis.FAN_OUT,
    Axis.EMERGENCY, Axis.TIME_BAND, Axis.BUDGET, Axis.DIRECTION,
)  # fmt: skip


class Asker(NamedTuple):
    """An agency as rules see it; its name and for whom it acts are for people, and no rule's."""

    ori: ORI
    family: Family
    type: AgencyType
    name: str = ""
    acts_for: tuple[ActsFor, ...] = ()


class Alike(NamedTuple):
    """Agencies that no box tells apart, and the bits of the boxes that they do not exclude."""

    mask: int
    askers: tuple[Asker, ...]


_Chain = tuple["_Chain | None", dict[Axis, str]]
"""Choices of several groups, the last one first: what combinations share is kept once."""


class Combination(NamedTuple):
    """How many request kinds have a mask, one of them, and every choice that occurs in them.

    `seen` has a bit for each choice, as `Space.values_seen` reads them.
    """

    kinds: int
    chain: _Chain
    seen: int

    @property
    def witness(self) -> dict[Axis, str]:
        """One request kind that has the mask."""
        found: dict[Axis, str] = {}
        chain: _Chain | None = self.chain
        while chain is not None:
            chain, values = chain
            found.update(values)
        return found


class Boxes:
    """Conditions by their bits, in the order in which they were added."""

    def __init__(self) -> None:
        self._terms: list[dict[Axis, frozenset[str]]] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self._terms)

    def add(self, condition: Condition) -> int:
        """Place a condition; return its bit."""
        terms = {axis: frozenset(values) for axis, values in condition.terms()}
        self._terms.append(terms)
        return 1 << len(self._terms) - 1

    def copy(self) -> Boxes:
        """Return boxes of their own that begin with these."""
        boxes = Boxes()
        boxes._terms = [*self._terms]
        return boxes

    def named(self, axis: Axis) -> frozenset[str]:
        """Return every value of an axis that a box names."""
        return frozenset().union(*(terms.get(axis, ()) for terms in self._terms))

    def mask(self, having: Mapping[Axis, Iterable[str]]) -> int:
        """Return the bits of the boxes that these values, taken alone, do not exclude.

        An axis that `having` leaves out excludes nothing.
        """
        mask = 0
        for place, terms in enumerate(self._terms):
            if all(
                axis not in terms or not terms[axis].isdisjoint(values)
                for axis, values in having.items()
            ):
                mask |= 1 << place
        return mask


class Space(NamedTuple):
    """What can be asked, as independent choices of one or several axes each.

    `askers` are all agencies that may ask; `choices` has, for each group of axes that go together,
    every choice on it.
    """

    askers: tuple[Asker, ...]
    choices: tuple[tuple[dict[Axis, str], ...], ...]

    @property
    def size(self) -> int:
        """How many request kinds there are."""
        size = len(self.askers)
        for choices in self.choices:
            size *= len(choices)
        return size

    def within(self, condition: Condition) -> Space:
        """Return the part of this space that meets a condition."""
        boxes = Boxes()
        boxes.add(condition)
        return Space(
            askers=tuple(asker for asker in self.askers if boxes.mask(_having(asker))),
            choices=tuple(
                tuple(choice for choice in choices if boxes.mask(_each(choice)))
                for choices in self.choices
            ),
        )

    def combinations(self, boxes: Boxes) -> dict[int, Combination]:
        """Return every mask that occurs. Raises: TooManyCombinationsError."""
        masked = ((boxes.mask(_having(asker)), _values(asker)) for asker in self.askers)
        return _all_crossed(boxes, [_taken_together(0, masked), *self._groups(boxes)])

    def circumstances(self, boxes: Boxes) -> dict[int, Combination]:
        """Return every mask that occurs but for who asks: with one of `alike`, all `combinations`.

        Raises: TooManyCombinationsError.
        """
        return _all_crossed(boxes, self._groups(boxes))

    def alike(self, boxes: Boxes) -> tuple[Alike, ...]:
        """Return all agencies, those together that no box tells apart.

        Agencies of one family and type are looked at once, unless a box names one of them.
        """
        named = boxes.named(Axis.AGENCY)
        masks: dict[tuple[str, Family, AgencyType], int] = {}
        found: dict[int, list[Asker]] = {}
        for asker in self.askers:
            seen_as = (asker.ori if asker.ori in named else "", asker.family, asker.type)
            mask = masks.get(seen_as)
            if mask is None:
                mask = masks[seen_as] = boxes.mask(_having(asker))
            found.setdefault(mask, []).append(asker)
        return tuple(Alike(mask, tuple(askers)) for mask, askers in found.items())

    def _groups(self, boxes: Boxes) -> list[dict[int, Combination]]:
        groups, first = [], len(self.askers)
        for choices in self.choices:
            masked = ((boxes.mask(_each(choice)), choice) for choice in choices)
            groups.append(_taken_together(first, masked))
            first += len(choices)
        return groups

    def values_seen(self, seen: int) -> dict[Axis, tuple[str, ...]]:
        """Return the values of each axis among choices that were seen, in the axis's order."""
        choices = (*map(_values, self.askers), *chain.from_iterable(self.choices))
        found: dict[Axis, dict[str, None]] = {}
        for place, choice in enumerate(choices):
            if seen >> place & 1:
                for axis, value in choice.items():
                    found.setdefault(axis, {})[value] = None
        return {axis: tuple(found[axis]) for axis in Axis if axis in found}


def space_of(askers: Iterable[Asker]) -> Space:
    """Return all that agencies can ask of a state: keys that are decided, with what they ask for.

    # INVARIANT (opaque-is-a-class): a key whose body is opaque stands here with that class.
    """
    asked = tuple(
        {Axis.MESSAGE_KEY: key, Axis.DATA_CLASS: data_class, Axis.RECORD_KIND: kind}
        for key, row in KEYS.items()
        if not row.is_response
        for data_class in _classes(key)
        for kind in _kinds(key)
    )
    single = tuple(tuple({axis: value} for value in AXIS_VALUES[axis]) for axis in _SINGLE_AXES)
    return Space(askers=tuple(askers), choices=(asked, *single))


def _classes(key: MessageKey) -> tuple[DataClass, ...]:
    # A record that its source has as text alone is opaque, whatever was asked for.
    return tuple(dict.fromkeys((*asked_classes(key, image=True), DataClass.OPAQUE)))


def _kinds(key: MessageKey) -> tuple[RecordKind, ...]:
    return tuple(dict.fromkeys((*key_row(key).kinds, RecordKind.OTHER)))


def _having(asker: Asker) -> dict[Axis, Iterable[str]]:
    return {
        Axis.AGENCY: agency_values(asker.ori, asker.family),
        Axis.AGENCY_TYPE: (asker.type,),
    }


def _values(asker: Asker) -> dict[Axis, str]:
    return {Axis.AGENCY: asker.ori, Axis.AGENCY_TYPE: asker.type.value}


def _each(choice: Mapping[Axis, str]) -> dict[Axis, Iterable[str]]:
    return {axis: (value,) for axis, value in choice.items()}


def _taken_together(
    first: int, choices: Iterable[tuple[int, dict[Axis, str]]]
) -> dict[int, Combination]:
    """Return the choices of one group by their masks; they are numbered from `first`."""
    found: dict[int, Combination] = {}
    for place, (mask, values) in enumerate(choices, first):
        kinds, first_met, seen = found.get(mask, (0, (None, values), 0))
        found[mask] = Combination(kinds + 1, first_met, seen | 1 << place)
    return found


def _all_crossed(boxes: Boxes, groups: list[dict[int, Combination]]) -> dict[int, Combination]:
    # Few masks first: what the first groups cannot tell apart, no later one multiplies.
    found = {(1 << len(boxes)) - 1: Combination(1, (None, {}), 0)}
    for group in sorted(groups, key=len):
        found = _crossed(found, group)
    return found


def _crossed(
    found: dict[int, Combination], group: dict[int, Combination]
) -> dict[int, Combination]:
    crossed: dict[int, Combination] = {}
    for mask, (kinds, before, seen) in found.items():
        for other, (further, (_, values), also) in group.items():
            both = mask & other
            known = crossed.get(both)
            if known is None:
                crossed[both] = Combination(kinds * further, (before, values), seen | also)
            else:
                crossed[both] = Combination(
                    known.kinds + kinds * further, known.chain, known.seen | seen | also
                )
        if len(crossed) > COMBINATIONS_MAX:
            raise TooManyCombinationsError(
                f"the rules have more than {COMBINATIONS_MAX:,} combinations"
            )
    return crossed
