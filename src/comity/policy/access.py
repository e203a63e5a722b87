"""Who can get what from a state: every class or key against every agency, in exact numbers.

A *part* is a condition on what is asked for: one class, or one key with one class. Agencies that
get the same of every part, on the same terms, are one row, however many they are.

Guarantee: numbers are of request kinds of one agency, over everything that it can ask; agencies of
one row have the same. Source: docs/adr/0035-leaks.md; docs/adr/0027-proofs.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from comity.domain.decision import RuleId
from comity.domain.keys import KEYS, MessageKey, asked_classes
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy.check import NO_RULE
from comity.policy.rule import Condition, Rule
from comity.policy.space import Alike, Asker, Boxes, Combination, Space
from comity.policy.weigh import RuleSet, Weighed

__all__ = ["Cell", "Row", "access", "class_parts", "key_parts"]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What one agency gets of one part: of `asked` request kinds so many are released, or held.

    `limits` are the rules that refuse or hold the others, `releases` those that release.
    """

    asked: int
    released: int
    held: int
    limits: tuple[RuleId, ...] = ()
    releases: tuple[RuleId, ...] = ()

    @property
    def best(self) -> Outcome | None:
        """The best that can be had; None where it cannot be asked for."""
        if self.released:
            return Outcome.RELEASE
        if self.held:
            return Outcome.HOLD
        return Outcome.DENY if self.asked else None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Agencies that get the same, with a cell for each part."""

    askers: tuple[Asker, ...]
    cells: tuple[Cell, ...]


def class_parts() -> dict[DataClass, Condition]:
    """Return a part for each class that any key asks for."""
    asked = {
        each for key in _keys() for each in (*asked_classes(key, image=True), DataClass.OPAQUE)
    }
    return {each: Condition(data_class=(each,)) for each in DataClass if each in asked}


def key_parts() -> dict[tuple[MessageKey, DataClass], Condition]:
    """Return a part for each key and each class that it asks for, free text among them."""
    return {
        (key, each): Condition(message_key=(key,), data_class=(each,))
        for key in _keys()
        for each in dict.fromkeys((*asked_classes(key, image=True), DataClass.OPAQUE))
    }


def access(rules: tuple[Rule, ...], space: Space, parts: Sequence[Condition]) -> tuple[Row, ...]:
    """Return who gets what of these parts; who gets least comes first.

    Raises: TooManyCombinationsError.
    """
    boxes = Boxes()
    decides = RuleSet(rules, boxes)
    order = {rule.id: at for at, rule in enumerate(rules)}
    alike = space.alike(boxes)
    nobody = Space(askers=(), choices=space.choices)
    cells: list[list[Cell]] = [[] for _ in alike]
    known: dict[int, Weighed] = {}
    for part in parts:
        circumstances = nobody.within(part).circumstances(boxes)
        for place, each in enumerate(alike):
            cells[place].append(_cell(each, circumstances, decides, order, known))
    # Which rule releases is no difference to whoever gets the same.
    rows: dict[tuple[Cell, ...], list[tuple[Alike, list[Cell]]]] = {}
    for each, found in zip(alike, cells, strict=True):
        same = tuple(msgspec.structs.replace(cell, releases=()) for cell in found)
        rows.setdefault(same, []).append((each, found))
    made = [_row(group, order) for group in rows.values()]
    return tuple(sorted(made, key=lambda row: (_had(row), -len(row.askers))))


def _keys() -> list[MessageKey]:
    return [key for key, row in KEYS.items() if not row.is_response]


def _cell(
    alike: Alike,
    circumstances: dict[int, Combination],
    decides: RuleSet,
    order: dict[RuleId, int],
    known: dict[int, Weighed],
) -> Cell:
    counts = dict.fromkeys(Outcome, 0)
    limits: Counter[RuleId] = Counter()
    releases: set[RuleId] = set()
    for mask, found in circumstances.items():
        both = alike.mask & mask & decides.bits
        weighed = known.get(both)
        if weighed is None:
            weighed = known[both] = decides.weigh(both)
        counts[weighed.outcome] += found.kinds
        if weighed.outcome is Outcome.RELEASE:
            releases.update(weighed.rules)
        else:
            limits.update(dict.fromkeys(weighed.rules or (NO_RULE,), found.kinds))
    asked = sum(counts.values())
    # Where a rule stops everything, what others stop of it is no matter.
    whole = {name for name, kinds in limits.items() if kinds == asked}
    return Cell(
        asked=asked,
        released=counts[Outcome.RELEASE],
        held=counts[Outcome.HOLD],
        limits=_in_order(whole or set(limits), order),
        releases=_in_order(releases, order),
    )


def _in_order(names: set[RuleId], order: dict[RuleId, int]) -> tuple[RuleId, ...]:
    return tuple(sorted(names, key=lambda name: order.get(name, len(order))))


def _row(group: list[tuple[Alike, list[Cell]]], order: dict[RuleId, int]) -> Row:
    together = zip(*(found for _, found in group), strict=True)
    return Row(
        askers=tuple(asker for each, _ in group for asker in each.askers),
        cells=tuple(
            msgspec.structs.replace(
                cells[0],
                releases=_in_order({name for cell in cells for name in cell.releases}, order),
            )
            for cells in together
        ),
    )


def _had(row: Row) -> tuple[int, int]:
    return sum(cell.released for cell in row.cells), sum(cell.held for cell in row.cells)
