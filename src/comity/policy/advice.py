"""The advice on leaks in words: one sentence first, then each door by itself.

Source: docs/adr/0035-leaks.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from comity.domain.ids import Member, member_label
from comity.domain.keys import KEYS, asked_classes
from comity.domain.vocabulary import DataClass, Outcome
from comity.policy.axis import Axis
from comity.policy.door import DoorKind
from comity.policy.english import english_of_condition, join_words
from comity.policy.families import is_ori, label_of_agency
from comity.policy.reach import Door, Reach
from comity.policy.rule import Condition
from comity.policy.target import Target

__all__ = ["headline", "label_of_door", "sentence_of_door", "words_of_classes"]

_ASKED: Final = frozenset(
    each
    for key, row in KEYS.items()
    if not row.is_response
    for each in asked_classes(key, image=True)
)
_REFUSED: Final = {Outcome.DENY: "refused", Outcome.HOLD: "held for review"}
_MANY: Final = re.compile(r"\b(agencies|departments|investigators|officers|sheriffs)\b")
_NAMED: Final = 3
_KEYS_NAMED: Final = 6


def headline(
    advice: Sequence[Reach], names: Mapping[str, str], told: Mapping[int, str] | None = None
) -> str:
    """Return the finding in one sentence: whom the rules refuse, and which doors stand open.

    `told` has, by the place of a door, what stands in brackets behind it.
    """
    doors = [door for each in advice for door in each.doors]
    if not advice:
        return "Nobody is refused or held by name: there is nothing to come by otherwise."
    who = join_words([f"{each.target.label} {_is(each.target)}" for each in advice], "and")
    who = who[:1].upper() + who[1:]
    if not any(each.target.bars for each in advice):
        return f"{who}: no door to look for."
    if not doors:
        return f"{who}, and no other door stands open to {_what(advice)}."
    words = [
        f"{label_of_door(door, names)}{f' ({told[at]})' if told and at in told else ''}"
        for at, door in enumerate(doors[:_NAMED])
    ]
    more = f" and {len(doors) - _NAMED} more" if len(doors) > _NAMED else ""
    listed = ", ".join(words) if more else join_words(words, "and")
    stand = "another door stands" if len(doors) == 1 else f"{len(doors)} other doors stand"
    return f"{who}, and {stand} open to {_what(advice)}: {listed}{more}."


def _what(advice: Sequence[Reach]) -> str:
    if any(bar.effect is Outcome.HOLD for each in advice for bar in each.target.bars):
        return "what is not given at once"
    is_one = len(advice) == 1 and _be(advice[0].target) == "is"
    return f"what {'it was' if is_one else 'they were'} refused"


def _is(target: Target) -> str:
    if not target.bars:
        return f"{_be(target)} refused nothing by name"
    effects = {bar.effect for bar in target.bars}
    words = [word for effect, word in _REFUSED.items() if effect in effects]
    return f"{_be(target)} {join_words(words)}"


def _be(target: Target) -> str:
    is_many = len(target.agency) > 1 or _MANY.search(target.label)
    return "are" if is_many else "is"


def label_of_door(door: Door, names: Mapping[str, str]) -> str:
    """Return few words for a door: who goes through it, or how."""
    match door.kind:
        case DoorKind.SISTER_AGENCY | DoorKind.CROSS_DESIGNATED | DoorKind.RELAY:
            if len(door.who) == 1:
                return _named(door.who[0], names)
            return f"{len(door.who)} {_AGENCIES[door.kind]}"
        case DoorKind.OTHER_STATES:
            return _state(door.who[0]) if len(door.who) == 1 else f"{len(door.who)} other states"
        case DoorKind.OTHER_KEY:
            return "another message key"
        case DoorKind.FREE_TEXT:
            return "free text"
        case DoorKind.CLAIM:
            return "other claims"


_AGENCIES: Final = {
    DoorKind.SISTER_AGENCY: "sister agencies",
    DoorKind.CROSS_DESIGNATED: "agencies with the same powers",
    DoorKind.RELAY: "agencies that pass answers on",
}


def sentence_of_door(door: Door, target: Target, names: Mapping[str, str], state: str) -> str:
    """Return a door as a sentence: who gets in, how, and to what. `state` is whose rules it is."""
    it, who = target.label, _listed(door.who, names)
    many = len(door.who) > 1
    held = any(bar.effect is Outcome.HOLD for bar in target.bars)
    what = f"what is not given to {it} at once" if held else f"what is refused to {it}"
    asks = f"; {door.agencies:,} of their agencies get it here, and can pass it on"
    match door.kind:
        case DoorKind.SISTER_AGENCY:
            return f"{who} is of the same department, and gets {what}."
        case DoorKind.CROSS_DESIGNATED:
            return f"{who} {'have' if many else 'has'} the powers of {it}, and can get {what}."
        case DoorKind.RELAY:
            passes = "pass answers on, and get" if many else "passes answers on, and gets"
            return f"{who} {passes} {what}."
        case DoorKind.OTHER_KEY:
            return f"{it} can ask for the same by another key: {_keys(door.keys)}."
        case DoorKind.FREE_TEXT:
            return f"{it} can get free text, which can hold anything, by {_keys(door.keys)}."
        case DoorKind.CLAIM:
            return f"{it} {_be(target)} answered {_claimed(door, target)}."
        case DoorKind.OTHER_STATES:
            who = (
                f"{len(door.who)} other states answer" if many else f"{_state(door.who[0])} answers"
            )
            return f"{who} {it} what {state} does not{asks if door.agencies else ''}."


def words_of_classes(classes: Collection[DataClass]) -> str:
    """Return data classes by their names, in the vocabulary's order."""
    if set(classes) >= _ASKED:
        return "every class that can be asked for"
    return " ".join(each.value for each in DataClass if each in classes)


def _claimed(door: Door, target: Target) -> str:
    """Return when a target is answered: unless a bar's claim is made, or where an exception is."""
    bars = {bar.id: bar for bar in target.bars}
    said: list[str] = []
    for each in door.said:
        name, slash, place = each.partition("/")
        if slash:
            exception = bars[name].unless[int(place)]  # type: ignore[index]
            said.append(f"when {english_of_condition(exception)}")
            continue
        for bar in target.bars:
            values = getattr(bar.when, Axis(each).value)
            if values:
                condition = msgspec.convert({each: values}, Condition)
                said.append(f"unless {english_of_condition(condition)}")
    return ", or ".join(dict.fromkeys(said))


def _keys(keys: Sequence[str]) -> str:
    named = list(keys[:_KEYS_NAMED])
    more = len(keys) - len(named)
    return f"{', '.join(named)} and {more} more" if more else join_words(named)


def _listed(who: Sequence[str], names: Mapping[str, str]) -> str:
    named = [_named(each, names) for each in who]
    if len(named) > _NAMED + 1:
        named = [*named[:_NAMED], f"{len(named) - _NAMED} more"]
    return join_words(named, "and")


def _state(code: str) -> str:
    return member_label(Member(code.lower()))


def _named(value: str, names: Mapping[str, str]) -> str:
    if is_ori(value):
        return f"{names[value]} ({value})" if names.get(value) else label_of_agency(value)
    return names.get(value) or label_of_agency(value)
