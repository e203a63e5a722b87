"""Reads an answer's text back, for programs of a requester that receives text.

Guarantee: any text gives an `AnswerText` or `AnswerTextError`; what `render_answer_text` wrote is
read back whole, values as text shows them.
Source: docs/adr/0007-refused-held-partly-withheld.md.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from comity.domain.answer import Element, HoldNotice, ResponseKind, Withheld
from comity.domain.decision import Reason, RuleId
from comity.domain.errors import MalformedError
from comity.domain.ids import OPERATOR_MEMBER, Member, member_of_wire, wire_of_member
from comity.domain.vocabulary import DataClass, Outcome, RecordKind
from comity.formats.rules import DELIVERY_BYTES_MAX
from comity.formats.text.answer import (
    CLASS_LABELS,
    KIND_LABELS,
    NOT_REVIEWED,
    OUTCOME_LABELS,
    PHOTO_LINE,
    TIME_FORM,
)
from comity.formats.wording import OutcomeWords, read_outcome

__all__ = ["AnswerText", "AnswerTextError", "parse_answer_text"]

_CLASSES: Final = {label: kind for kind, label in CLASS_LABELS.items()}
_KINDS: Final = {label: kind for kind, label in KIND_LABELS.items()}
_OUTCOMES: Final = {label: kind for kind, label in OUTCOME_LABELS.items()} | {
    NOT_REVIEWED: Outcome.HOLD
}
_FIRST: Final = re.compile("([A-Z]{2}): (.*)")
_AT_A_SPACE: Final = re.compile("\\n    (?=[^ \\n])")
_WITHIN_A_WORD: Final = re.compile("\\n   (?=[^ \\n])")
_WITHHELD: Final = "WITHHELD: "
_BLANK: Final = frozenset({"", " "})
_RULE: Final = re.compile("RULE ([A-Z0-9-]{1,24}):(?: (.*))?")


class AnswerTextError(MalformedError):
    """A body is not an answer of a Comity gateway; it may be another system's free text."""

    code = "answer-text-foreign"


class AnswerText(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's text says.

    `elements` hold labels instead of D20 names and no photo; `has_photo` says that one is released.
    `after_review` and `expired` as in `wording.OutcomeWords`. `entries` are the answer's leaves.
    """

    state: Member
    response: ResponseKind
    is_final: bool
    after_review: bool = False
    expired: bool = False
    record_kind: RecordKind | None = None
    elements: tuple[Element, ...] = ()
    has_photo: bool = False
    withheld: tuple[Withheld, ...] = ()
    hold: HoldNotice | None = None
    remark: str = ""
    policy_entry: str = ""
    entries: tuple[str, ...] = ()


class _Item(msgspec.Struct, gc=False):
    """One item of the body and its parts, each on one line again."""

    text: str
    parts: list[str]


def parse_answer_text(text: str) -> AnswerText:
    """Return what one answer's body says. Raises: AnswerTextError."""
    if len(text) > DELIVERY_BYTES_MAX:
        raise AnswerTextError("the text is over 1048576 characters")
    items = _items(text)
    state, words = _first_line(items[0])
    found: dict[str, object] = {}
    elements: list[Element] = []
    withheld: list[Withheld] = []
    is_final = True
    for item in items[1:]:
        data_class = _CLASSES.get(item.text)
        if data_class is not None:
            elements += _elements(data_class, item.parts)
        elif item.text == "MORE FOLLOWS":
            is_final = False
        elif item.text.startswith(_WITHHELD):
            withheld += _withheld(item.text.removeprefix(_WITHHELD), item.parts)
        else:
            _read_single(found, item)
    return AnswerText(
        state=state,
        response=words.response,
        is_final=is_final,
        after_review=words.after_review,
        expired=words.expired,
        elements=tuple(elements),
        withheld=tuple(withheld),
        **found,  # type: ignore[arg-type]
    )


def _read_single(found: dict[str, object], item: _Item) -> None:
    """Read an item that stands at most once."""
    label, _, value = item.text.partition(": ")
    first, _, rest = item.text.partition(" ")
    if item.text == PHOTO_LINE:
        found["has_photo"] = True
    elif label == "RECORD" and value in _KINDS:
        found["record_kind"] = _KINDS[value]
    elif label == "HELD UNTIL":
        found["hold"] = _hold(value, item.parts)
    elif label == "REMARK":
        found["remark"] = value
    elif first == "POLICY":
        found["policy_entry"] = rest.lower()
    elif first == "LEDGER":
        found["entries"] = tuple(rest.lower().split(" "))
    else:
        raise AnswerTextError("a line is not one of an answer's")


def _items(text: str) -> list[_Item]:
    """Take the body's lines together: items, their parts, and lines that go on."""
    if "\n   " in text:
        text = _AT_A_SPACE.sub(" ", text)
        text = _WITHIN_A_WORD.sub("", text)
    items: list[_Item] = []
    parts: list[str] = []
    for line in text.split("\n"):
        if line[:2] == "  " and items and line[2:3] not in _BLANK:
            parts.append(line[2:])
        elif line[:1] not in _BLANK:
            parts = []
            items.append(_Item(line, parts))
        else:
            raise AnswerTextError("a line stands where none can")
    return items


def _first_line(item: _Item) -> tuple[Member, OutcomeWords]:
    found = _FIRST.fullmatch(item.text)
    words = read_outcome(found[2]) if found else None
    if found is None or words is None:
        raise AnswerTextError("the first line is not an outcome")
    state = member_of_wire(found[1])
    if state is None and found[1] == wire_of_member(OPERATOR_MEMBER):
        state = OPERATOR_MEMBER
    if state is None:
        raise AnswerTextError("the first line names no member")
    return state, words


def _elements(data_class: DataClass, parts: list[str]) -> list[Element]:
    found: list[Element] = []
    for part in parts:
        # A blank value leaves its label with the colon and no space.
        label, colon, value = part.partition(": ")
        name = label if colon else label.removesuffix(":")
        found.append(Element(data_class=data_class, name=name, value=value))
    return found


def _withheld(text: str, parts: list[str]) -> Iterator[Withheld]:
    classes, _, label = text.rpartition(" - ")
    outcome = _OUTCOMES.get(label)
    if outcome is None:
        raise AnswerTextError("a withheld class has no outcome")
    reasons: list[Reason] = []
    would_change = ""
    for part in parts:
        rule = _RULE.fullmatch(part)
        if rule is not None:
            reasons.append(Reason(rule=RuleId(rule[1]), sentence=rule[2] or ""))
        elif part.startswith("STATUTE: ") and reasons:
            statute = part.removeprefix("STATUTE: ")
            reasons[-1] = msgspec.structs.replace(reasons[-1], statute=statute)
        elif part.startswith("TO CHANGE THIS: "):
            would_change = part.removeprefix("TO CHANGE THIS: ")
        else:
            raise AnswerTextError("a line below a withheld class is not one of its own")
    for name in classes.split(", "):
        if name not in _CLASSES:
            raise AnswerTextError("a withheld class is not in the vocabulary")
        yield Withheld(
            data_class=_CLASSES[name],
            outcome=outcome,
            reasons=tuple(reasons),
            would_change=would_change,
        )


def _hold(until: str, parts: list[str]) -> HoldNotice:
    try:
        when = dt.datetime.strptime(until, TIME_FORM).replace(tzinfo=dt.UTC)
    except ValueError:
        raise AnswerTextError("`held until` is not a time") from None
    values = dict(part.partition(":")[::2] for part in parts)
    if values.keys() != {"CALL", "HOLD"}:
        raise AnswerTextError("a hold names whom to call and its entry")
    return HoldNotice(
        until=int(when.timestamp()),
        contact=values["CALL"].removeprefix(" "),
        entry=values["HOLD"].removeprefix(" ").lower(),
    )
