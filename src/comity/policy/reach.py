"""The advice on leaks: who still comes by what a target is refused, counted, and what closes it.

    1. every door that may stand open is drafted as the rule that would close it (`door`)
    2. everything that is released now, and that a draft would refuse or hold, goes through a door
    3. drafts that would stop one and the same request are one door: it cannot be half closed

Guarantee: a door's number is exact: so many request kinds are released now and would not be with
its `closing` added to the rules. Adding it takes away that door and no other, and loosens nothing.
Source: docs/adr/0035-leaks.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from comity.domain.decision import RuleId
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy.axis import Axis
from comity.policy.door import Candidate, DoorKind, candidates_of, drafted, for_anyone
from comity.policy.rule import Condition, PolicyBundle, Rule
from comity.policy.space import Alike, Boxes, Combination, Space
from comity.policy.target import Target
from comity.policy.weigh import RuleSet, Weighed

__all__ = ["Door", "Reach", "closed", "doors_elsewhere", "reach"]

_PREFIX: Final = "DOOR-"
_KINDS: Final = tuple(DoorKind)
_CLAIMS: Final = frozenset({Axis.PURPOSE, Axis.OFFENCE, Axis.INSTRUMENT})


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """One open door: so many `request_kinds` of what the target is refused are released.

    `who` goes through it: values of the agency axis, or the states whose own rules open it; `said`
    are the axes or exceptions that a claim is about. `agencies` counts who can; `classes` and
    `keys` are what they get and how they ask. `witness` is one such request, `rules` those that
    release it. `closing` are the rules that would close it: in these rules, or, of other states, in
    theirs.
    """

    kind: DoorKind
    who: tuple[str, ...]
    said: tuple[str, ...] = ()
    request_kinds: int
    agencies: int
    classes: tuple[DataClass, ...]
    keys: tuple[str, ...]
    witness: dict[str, str]
    rules: tuple[RuleId, ...]
    closing: tuple[Rule, ...]


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What a target is refused by name, what it gets, and the doors to the rest, widest first.

    `refused` are the request kinds of its own that its bars refuse or hold. Of the classes that it
    can ask for it gets some by itself, some after review only, some never.
    """

    target: Target
    refused: int
    released: tuple[DataClass, ...]
    held: tuple[DataClass, ...]
    never: tuple[DataClass, ...]
    doors: tuple[Door, ...]
    getting: frozenset[str] = frozenset()
    """Every agency that gets any of what the target is refused."""


class _Cell(NamedTuple):
    alike: Alike
    found: Combination
    weighed: Weighed


def reach(
    rules: tuple[Rule, ...], target: Target, space: Space, taken: Collection[str] = ()
) -> Reach:
    """Return what of a target's refusals is open to whom. Raises: TooManyCombinationsError.

    `taken` are ids that drafted rules must not have, beside those of `rules`.
    """
    space = _silent_first(space)
    candidates = candidates_of(target, space.askers)
    boxes = Boxes()
    decides, bars = RuleSet(rules, boxes), RuleSet(target.bars, boxes)
    drafts = RuleSet(tuple(each.closing for each in candidates), boxes)
    anyone = (for_anyone(bar, space.askers) for bar in target.bars)
    barred = RuleSet(tuple(bar for bar in anyone if bar is not None), boxes)
    place = {id(each.closing): at for at, each in enumerate(candidates)}
    through: dict[frozenset[int], list[_Cell]] = {}
    getting: set[str] = set()
    own = _Own(boxes.add(Condition(agency=target.agency)))
    for cell, mask in _cells(decides, space, boxes):
        if mask & own.bit:
            own.add(cell, is_barred=bool(bars.applying(mask)))
        if cell.weighed.outcome is not Outcome.RELEASE:
            continue
        if barred.applying(mask):
            getting.update(asker.ori for asker in cell.alike.askers)
        stopped = frozenset(place[id(rule)] for rule in drafts.applying(mask))
        if stopped:
            through.setdefault(stopped, []).append(cell)
    doors = [
        _door([candidates[at] for at in sorted(group)], cells, space)
        for group, cells in _together(candidates, through)
    ]
    doors.sort(key=lambda door: (-door.request_kinds, _KINDS.index(door.kind), door.who))
    gets = {outcome: space.values_seen(seen) for outcome, seen in own.seen.items()}
    return Reach(
        target=target,
        refused=own.refused,
        doors=_numbered(doors, target, {*taken, *(rule.id for rule in rules)}),
        getting=frozenset(getting),
        **_classes_by_outcome(gets),
    )


def doors_elsewhere(
    target: Target,
    others: Mapping[Member, tuple[Rule, ...]],
    space: Space,
    getting: Collection[str],
) -> Door | None:
    """Return the states whose own rules release to a target what it is refused here, or None.

    `getting` are the agencies that get it here: those of such states may ask here and there.
    """
    own = _silent_first(space.within(Condition(agency=target.agency)))
    open_in: dict[tuple[Rule, ...], list[_Cell]] = {}
    for rules in set(others.values()):
        boxes = Boxes()
        decides, bars = RuleSet(rules, boxes), RuleSet(target.bars, boxes)
        open_in[rules] = [
            cell
            for cell, mask in _cells(decides, own, boxes)
            if cell.weighed.outcome is Outcome.RELEASE and bars.applying(mask)
        ]
    states = sorted(member for member, rules in others.items() if open_in[rules])
    if not states:
        return None
    cells = [cell for member in states for cell in open_in[others[member]]]
    who = tuple(member.upper() for member in states)
    door = _door(
        [Candidate(DoorKind.OTHER_STATES, who, "", bar) for bar in target.bars], cells, own
    )
    agencies = sum(
        asker.ori in getting and asker.family.split("/")[0] in who for asker in space.askers
    )
    return _numbered([msgspec.structs.replace(door, agencies=agencies)], target, ())[0]


def closed(bundle: PolicyBundle, door: Door) -> PolicyBundle:
    """Return a bundle with the rules that close a door before its own."""
    return msgspec.structs.replace(bundle, rules=(*door.closing, *bundle.rules))


def _silent_first(space: Space) -> Space:
    """Return the same space with what claims nothing first, so that a witness claims no more
    than it must.
    """

    def claims(choice: dict[Axis, str]) -> bool:
        return any(axis in _CLAIMS and value != "not_stated" for axis, value in choice.items())

    return Space(space.askers, tuple(tuple(sorted(each, key=claims)) for each in space.choices))


class _Own:
    """What the target itself gets, over all its request kinds."""

    def __init__(self, bit: int) -> None:
        self.bit = bit
        self.refused = 0
        self.seen: dict[Outcome, int] = dict.fromkeys(Outcome, 0)

    def add(self, cell: _Cell, *, is_barred: bool) -> None:
        self.seen[cell.weighed.outcome] |= cell.found.seen
        if is_barred:
            self.refused += cell.found.kinds * len(cell.alike.askers)


def _classes_by_outcome(
    gets: Mapping[Outcome, Mapping[Axis, tuple[str, ...]]],
) -> dict[str, tuple[DataClass, ...]]:
    left = list(DataClass)
    found = {}
    for name, outcome in (
        ("released", Outcome.RELEASE), ("held", Outcome.HOLD), ("never", Outcome.DENY),
    ):  # fmt: skip
        seen = gets[outcome].get(Axis.DATA_CLASS, ())
        found[name] = tuple(each for each in left if each in seen)
        left = [each for each in left if each not in found[name]]
    return found


def _cells(decides: RuleSet, space: Space, boxes: Boxes) -> Iterator[tuple[_Cell, int]]:
    """Yield every group of agencies in every circumstance, as decided, with its mask."""
    known: dict[int, Weighed] = {}
    circumstances = space.circumstances(boxes)
    for alike in space.alike(boxes):
        for mask, found in circumstances.items():
            both = alike.mask & mask
            relevant = both & decides.bits
            weighed = known.get(relevant)
            if weighed is None:
                weighed = known[relevant] = decides.weigh(relevant)
            yield _Cell(alike, found, weighed), both


def _together(
    candidates: Sequence[Candidate], through: Mapping[frozenset[int], list[_Cell]]
) -> Iterator[tuple[set[int], list[_Cell]]]:
    """Yield groups of candidates that are one door, with everything that goes through it."""
    group_of: dict[int, set[int]] = {}
    first_of: dict[tuple[DoorKind, tuple[str, ...], str], int] = {}
    for stopped in through:
        joined = set(stopped)
        for at in stopped:
            joined.add(first_of.setdefault(candidates[at][:3], at))
        for at in tuple(joined):
            joined |= group_of.get(at, set())
        for at in joined:
            group_of[at] = joined
    seen: set[int] = set()
    for at, group in group_of.items():
        if at not in seen:
            seen |= group
            cells = [c for stopped, found in through.items() if stopped <= group for c in found]
            yield group, cells


def _door(parts: Sequence[Candidate], cells: Sequence[_Cell], space: Space) -> Door:
    seen = 0
    askers: set[str] = set()
    for cell in cells:
        seen |= cell.found.seen
        askers.update(asker.ori for asker in cell.alike.askers)
    values = space.values_seen(seen)
    first, witness = cells[0], cells[0].found.witness
    asker = first.alike.askers[0]
    witness |= {Axis.AGENCY: asker.ori, Axis.AGENCY_TYPE: asker.type.value}
    return Door(
        kind=parts[0].kind,
        who=parts[0].who,
        said=tuple(dict.fromkeys(part.said for part in parts if part.said)),
        request_kinds=sum(cell.found.kinds * len(cell.alike.askers) for cell in cells),
        agencies=len(askers),
        classes=tuple(each for each in DataClass if each in values[Axis.DATA_CLASS]),
        keys=values[Axis.MESSAGE_KEY],
        witness={axis.value: witness[axis] for axis in Axis},
        rules=first.weighed.released_by,
        closing=tuple(_needed([part.closing for part in parts])),
    )


def _needed(rules: Sequence[Rule]) -> Iterator[Rule]:
    """Yield each rule once, and none that another says without its exceptions."""
    whole = {_effective(rule)[:2] for rule in rules if not rule.unless}
    for rule in {_effective(rule): rule for rule in rules}.values():
        if not rule.unless or _effective(rule)[:2] not in whole:
            yield rule


def _effective(rule: Rule) -> tuple[Outcome, Condition, tuple[Condition, ...]]:
    return rule.effect, rule.when, rule.unless


def _numbered(doors: Sequence[Door], target: Target, taken: Collection[str]) -> tuple[Door, ...]:
    """Return doors whose drafted rules have ids, sentences and what they rest on."""
    number, numbered = 0, []
    for door in doors:
        closing = []
        for rule in door.closing:
            number += 1
            while f"{_PREFIX}{number}" in taken:
                number += 1
            draft = Candidate(door.kind, door.who, "", rule)
            closing.append(drafted(draft, RuleId(f"{_PREFIX}{number}"), target))
        numbered.append(msgspec.structs.replace(door, closing=tuple(closing)))
    return tuple(numbered)
