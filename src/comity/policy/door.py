"""Doors: how a target may still come by what it is refused, each drafted as a rule that closes it.

    sister_agency      another agency of the same department
    cross_designated   an agency whose officers have the target's powers
    relay              an agency that passes answers on to the target
    other_key          the target itself, asking for the same by another key
    free_text          the target itself, in free text, which can hold anything
    claim              the target itself, claiming something else, or an exception

Guarantee: a drafted rule denies or holds and names agencies, so that it never loosens; it asks
exactly for what its bar asks, of someone else, by another key, or with the other claims.
Source: docs/adr/0035-leaks.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from comity.domain.agency import Acting, Family, family_ancestors
from comity.domain.decision import RuleId
from comity.domain.keys import Handling, MessageKey, asked_classes, key_row
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy.axis import AXIS_VALUES, Axis
from comity.policy.check import AGENCIES_MAX, EXCEPTIONS_MAX, SENTENCE_CHARACTERS_MAX
from comity.policy.english import join_words
from comity.policy.families import label_of_agency
from comity.policy.rule import Condition, Mark, Obligation, Rule, Statute
from comity.policy.space import Asker, Boxes, Space
from comity.policy.target import Homes, Target, homes_of, lineage, meet

__all__ = ["CLAIM_AXES", "Candidate", "DoorKind", "candidates_of", "drafted", "for_anyone"]


class DoorKind(StrEnum):
    """By whom or how a target may come by what it is refused."""

    SISTER_AGENCY = "sister_agency"
    CROSS_DESIGNATED = "cross_designated"
    RELAY = "relay"
    OTHER_KEY = "other_key"
    FREE_TEXT = "free_text"
    CLAIM = "claim"
    OTHER_STATES = "other_states"


class Candidate(NamedTuple):
    """A door that may stand open: who goes through it, and a rule that would close it.

    Candidates of one `kind`, `who` and `said` are one door. `said` is, of a claim, the axis that
    says something else, or the place of the exception.
    """

    kind: DoorKind
    who: tuple[str, ...]
    said: str
    closing: Rule


CLAIM_AXES: Final = (
    Axis.PURPOSE, Axis.OFFENCE, Axis.INSTRUMENT, Axis.CERTIFICATION, Axis.ASSURANCE, Axis.FAN_OUT,
    Axis.EMERGENCY, Axis.TIME_BAND,
)  # fmt: skip
"""What whoever asks may say or choose otherwise; a count over the day and a direction are not."""

_NO_AGENCY: Final[dict[str, Any]] = {"agency": (), "agency_type": ()}
_ACTING: Final = {
    Acting.CROSS_DESIGNATED: DoorKind.CROSS_DESIGNATED,
    Acting.RELAY: DoorKind.RELAY,
}
_ANSWERED_HERE: Final = frozenset({Handling.RECORDS, Handling.AGENCY})
_DONE: Final = {Outcome.DENY: "refused", Outcome.HOLD: "reviewed by a person"}
_OWN_WAYS: Final = frozenset({DoorKind.OTHER_KEY, DoorKind.FREE_TEXT, DoorKind.CLAIM})
_NAMED: Final = 3
_DEPARTMENT: Final = 2
"""Parts of a family path from which on agencies are of one house: `US/DHS`, `TX/LOCAL`."""


def candidates_of(target: Target, askers: Sequence[Asker]) -> list[Candidate]:
    """Return every door that may stand open to what a target is barred from."""
    homes = homes_of(askers)
    found: list[Candidate] = []
    others = list(_others(target, askers, homes))
    for bar in target.bars:
        shared = for_anyone(bar, askers)
        if shared is None:
            continue
        found.extend(
            Candidate(kind, who, "", _rule(shared, agency=named))
            for kind, who in others
            for named in _chunks(who)
        )
        found.extend(_own(target, bar, homes))
    return found


def drafted(candidate: Candidate, name: RuleId, target: Target) -> Rule:
    """Return what closes a door as a record that an author may go on from."""
    rule = candidate.closing
    named = [label_of_agency(value) for value in rule.when.agency]
    if len(named) > _NAMED:
        named = [*named[: _NAMED - 1], f"{len(named) - _NAMED + 1} other agencies"]
    who, done = join_words(named, "and"), _DONE[rule.effect]
    if candidate.kind in _OWN_WAYS:
        said = f"What {target.label} may not get at once is {done} in this way too."
    else:
        said = f"What {target.label} may not get at once is {done} for {who} too."
    return Rule(
        id=name,
        effect=rule.effect,
        when=rule.when,
        unless=rule.unless,
        obligations=(Obligation.LOG,),
        statute=Statute(cite=f"advice on leaks, with rule {rule.id}", mark=Mark.PRACTICE),
        sentence=said[:SENTENCE_CHARACTERS_MAX],
        label="draft",
    )


def for_anyone(bar: Rule, askers: Sequence[Asker]) -> Rule | None:
    """Return a bar as if it barred everyone from what its own agencies are barred from.

    An exception stays only where all of them have it. None if it bars nobody who is listed.
    """
    boxes = Boxes()
    named = boxes.add(_who(bar.when))
    excepted = [boxes.add(_who(each)) for each in bar.unless]
    alike = Space(askers=tuple(askers), choices=()).alike(boxes)
    barred = [each.mask for each in alike if each.mask & named]
    if not barred:
        return None
    unless = tuple(
        msgspec.structs.replace(each, **_NO_AGENCY)
        for each, bit in zip(bar.unless, excepted, strict=True)
        if all(mask & bit for mask in barred)
    )
    when = msgspec.structs.replace(bar.when, **_NO_AGENCY)
    return msgspec.structs.replace(bar, when=when, unless=unless)


def _who(condition: Condition) -> Condition:
    return Condition(agency=condition.agency, agency_type=condition.agency_type)


def _rule(bar: Rule, *, effect: Outcome | None = None, unless: Any = None, **when: Any) -> Rule:
    return msgspec.structs.replace(
        bar,
        effect=effect or bar.effect,
        when=msgspec.structs.replace(bar.when, **when),
        unless=bar.unless if unless is None else unless,
    )


def _chunks(who: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for first in range(0, len(who), AGENCIES_MAX):
        yield who[first : first + AGENCIES_MAX]


def _others(
    target: Target, askers: Sequence[Asker], homes: Homes
) -> Iterator[tuple[DoorKind, tuple[str, ...]]]:
    """Yield the agencies beside a target, each once: first its department, then who acts for it."""
    named = {value for each in target.agency for value in lineage(each, homes)}
    sisters: dict[tuple[str, ...], None] = {}
    direct: dict[Family, list[str]] = {}
    acting: dict[DoorKind, list[str]] = {}
    for asker in askers:
        if any(value in lineage(asker.ori, homes) for value in target.agency):
            continue
        sister = _sister(asker.family, named)
        if sister is None:
            kind = _acting(asker, target, homes)
            if kind is not None:
                acting.setdefault(kind, []).append(asker.ori)
        elif sister in named:
            direct.setdefault(sister, []).append(asker.ori)
        else:
            sisters[(sister,)] = None
    yield from ((DoorKind.SISTER_AGENCY, who) for who in sisters)
    yield from ((DoorKind.SISTER_AGENCY, tuple(sorted(oris))) for oris in direct.values())
    yield from ((kind, tuple(sorted(oris))) for kind, oris in acting.items())


def _sister(family: Family, named: set[str]) -> Family | None:
    """Return the largest family of one department with a target that has none of it.

    An agency that stands where a target's own family branches off has that family itself.
    """
    above = family_ancestors(family)
    for place, each in enumerate(above):
        if each in named and each.count("/") + 1 >= _DEPARTMENT:
            return above[place - 1] if place else each
    return None


def _acting(asker: Asker, target: Target, homes: Homes) -> DoorKind | None:
    for acts in asker.acts_for:
        if any(meet(acts.family, value, homes) for value in target.agency):
            return _ACTING[acts.how]
    return None


def _own(target: Target, bar: Rule, homes: Homes) -> Iterator[Candidate]:
    yield from _by_other_keys(target, bar)
    yield from _in_free_text(target, bar)
    yield from _by_claims(target, bar, homes)


def _by_other_keys(target: Target, bar: Rule) -> Iterator[Candidate]:
    barred = bar.when.message_key
    if not barred:
        return
    classes = bar.when.data_class or tuple(_asked(barred))
    content = tuple(each for each in DataClass if each in classes and each is not DataClass.OPAQUE)
    keys = _complement(Axis.MESSAGE_KEY, barred)
    keys = tuple(key for key in keys if not set(content).isdisjoint(_asked((key,))))
    if content and keys:
        rule = _rule(bar, message_key=keys, data_class=content)
        yield Candidate(DoorKind.OTHER_KEY, target.agency, "", rule)


def _in_free_text(target: Target, bar: Rule) -> Iterator[Candidate]:
    """Free text can hold what is barred, unless all free text is barred, by whichever key."""
    classes, barred = bar.when.data_class, bar.when.message_key
    is_barred = not classes or DataClass.OPAQUE in classes
    if is_barred and not barred:
        return
    keys = tuple(
        key
        for key in _complement(Axis.MESSAGE_KEY, barred if is_barred else ())
        if key_row(key).handling in _ANSWERED_HERE
    )
    rule = _rule(bar, message_key=keys, data_class=(DataClass.OPAQUE,), record_kind=())
    yield Candidate(DoorKind.FREE_TEXT, target.agency, "", rule)


def _by_claims(target: Target, bar: Rule, homes: Homes) -> Iterator[Candidate]:
    """What is claimed otherwise: the first such axis that differs, or the first exception met.

    These are held, not denied: whether a claim is true is for a person to say.
    """
    asked = [axis for axis in CLAIM_AXES if getattr(bar.when, axis.value)]
    for place, axis in enumerate(asked):
        values = _complement(axis, getattr(bar.when, axis.value))
        if values:
            free: dict[str, Any] = {later.value: () for later in asked[place + 1 :]}
            said: dict[str, Any] = {axis.value: values, **free}
            rule = _rule(bar, effect=Outcome.HOLD, unless=(), **said)
            yield Candidate(DoorKind.CLAIM, target.agency, axis.value, rule)
    for place, exception in enumerate(bar.unless[:EXCEPTIONS_MAX]):
        when = _both(bar.when, exception, homes)
        if when is not None:
            rule = msgspec.structs.replace(
                bar, effect=Outcome.HOLD, when=when, unless=bar.unless[:place]
            )
            yield Candidate(DoorKind.CLAIM, target.agency, f"{bar.id}/{place}", rule)


def _both(one: Condition, other: Condition, homes: Homes) -> Condition | None:
    """Return the condition that holds where both do; None where they never do."""
    found: dict[str, Any] = {}
    for axis in Axis:
        here, there = getattr(one, axis.value), getattr(other, axis.value)
        if not here or not there:
            found[axis.value] = here or there
            continue
        if axis is Axis.AGENCY:
            common = {meet(a, b, homes) for a in here for b in there} - {None}
            values: tuple[Any, ...] = tuple(sorted(each for each in common if each is not None))
        else:
            values = tuple(value for value in here if value in there)
        if not values:
            return None
        found[axis.value] = values
    return Condition(**found)


def _complement(axis: Axis, values: Iterable[str]) -> tuple[Any, ...]:
    named = frozenset(values)
    return tuple(value for value in AXIS_VALUES[axis] if value not in named)


def _asked(keys: Iterable[MessageKey]) -> set[DataClass]:
    return {each for key in keys for each in asked_classes(key, image=True)}
