"""What another rule set would change, over everything that can be asked: exact counts, in words.

Both rule sets become boxes of one space, and each combination is weighed by both. Combinations that
move from one outcome to another for the same rules are one *move*: its count is exact, its example
real; its `among` is the box around it, which may hold requests that do not move, and says so.
Source: docs/adr/0027-proofs.md.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

from comity.domain.agency import Family, family_ancestors
from comity.domain.decision import RuleId
from comity.domain.vocabulary import Outcome
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.english import english_of_condition, join_words
from comity.policy.families import label_of_agency
from comity.policy.rule import Condition, Rule
from comity.policy.space import Boxes, Combination, Space
from comity.policy.weigh import RuleSet, Weighed

__all__ = ["Difference", "Move", "compare", "sentence_of_move"]

_WORDS: Final = {
    Outcome.RELEASE: "released",
    Outcome.HOLD: "held for review",
    Outcome.DENY: "refused",
}
_AGENCIES_NAMED: Final = 3
_VALUES_NAMED: Final = 4


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Request kinds whose outcome changes: how many, because of which rules, and one of them.

    `because` are the rules that decide now, or, where nothing decides any more, those that did.
    `among` has the values of each axis that occur in them, where not all do. Of agencies it is
    `agencies` many; `families` are the largest families all of whose agencies are among them.
    """

    before: Outcome
    after: Outcome
    because: tuple[RuleId, ...]
    request_kinds: int
    example: dict[str, str]
    agencies: int
    families: tuple[Family, ...]
    among: dict[str, tuple[str, ...]]

    @property
    def loosens(self) -> bool:
        """Whether something is given more easily than before."""
        order = (Outcome.DENY, Outcome.HOLD, Outcome.RELEASE)
        return order.index(self.after) > order.index(self.before)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All moves, the largest first; `request_kinds` are all that can be asked."""

    request_kinds: int
    unchanged: int
    moves: tuple[Move, ...]

    @property
    def loosens(self) -> bool:
        """Whether anything is given more easily than before."""
        return any(move.loosens for move in self.moves)


def compare(old: tuple[Rule, ...], new: tuple[Rule, ...], space: Space) -> Difference:
    """Return what changes from one rule set to another. Raises: TooManyCombinationsError."""
    boxes = Boxes()
    before, after = RuleSet(old, boxes), RuleSet(new, boxes)
    moved: dict[tuple[Outcome, Outcome, tuple[RuleId, ...]], list[Combination]] = {}
    unchanged = 0
    for mask, found in space.combinations(boxes).items():
        was, now = before.weigh(mask), after.weigh(mask)
        if was.outcome is now.outcome:
            unchanged += found.kinds
        else:
            moved.setdefault((was.outcome, now.outcome, _because(was, now)), []).append(found)
    moves = [_move(*key, found, space) for key, found in moved.items()]
    return Difference(
        request_kinds=space.size,
        unchanged=unchanged,
        moves=tuple(sorted(moves, key=lambda move: -move.request_kinds)),
    )


def sentence_of_move(move: Move) -> str:
    """Return a move as a sentence: how much of what, from what to what, because of which rule.

    An axis with many values among the requests is left out: `Move.among` has them all.
    """
    named: Any = {
        axis: values
        for axis, values in move.among.items()
        if axis != Axis.AGENCY and len(values) <= _VALUES_NAMED
    }
    where = english_of_condition(Condition(**named))
    rules = join_words(list(move.because), "and")
    return (
        f"{move.request_kinds:,} kinds of request from {_who(move)} are {_WORDS[move.after]}"
        f" in place of {_WORDS[move.before]}{f' because of {rules}' if rules else ''}"
        f"{f', where {where}' if where else ''}."
    )


def _because(was: Weighed, now: Weighed) -> tuple[RuleId, ...]:
    return now.rules or was.rules


def _move(
    before: Outcome,
    after: Outcome,
    because: tuple[RuleId, ...],
    found: list[Combination],
    space: Space,
) -> Move:
    seen = 0
    for each in found:
        seen |= each.seen
    values = space.values_seen(seen)
    example = found[0].witness
    return Move(
        before=before,
        after=after,
        because=because,
        request_kinds=sum(each.kinds for each in found),
        example={axis.value: example[axis] for axis in Axis},
        agencies=len(values[Axis.AGENCY]),
        families=_families(space, frozenset(values[Axis.AGENCY])),
        among={
            axis.value: among
            for axis, among in values.items()
            if axis is Axis.AGENCY or len(among) < len(AXIS_VALUES[axis])
        },
    )


def _families(space: Space, agencies: Collection[str]) -> tuple[Family, ...]:
    """Return the largest families of which every agency is among these."""
    inside: dict[Family, bool] = {}
    for asker in space.askers:
        for family in family_ancestors(asker.family):
            inside[family] = inside.get(family, True) and asker.ori in agencies
    whole = {family for family, is_inside in inside.items() if is_inside}
    return tuple(sorted(family for family in whole if not whole & {*family_ancestors(family)[1:]}))


def _who(move: Move) -> str:
    agencies = move.among[Axis.AGENCY]
    if len(agencies) <= _AGENCIES_NAMED:
        return join_words([label_of_agency(each) for each in agencies], "and")
    if 0 < len(move.families) <= _AGENCIES_NAMED:
        labels = join_words([label_of_agency(family) for family in move.families], "and")
        return f"{move.agencies:,} agencies, all of {labels} among them,"
    return f"{move.agencies:,} agencies"
