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

from comity.domain.answer import FREE_TEXT, Element, HoldNotice, ResponseKind, Withheld
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

__all__ = ["AnswerText", "AnswerTextError", "parse_answer_text", "parse_items", "state_of_code"]

_CLASSES: Final = {label: kind for kind, label in CLASS_LABELS.items()}
_KINDS: Final = {label: kind for kind, label in KIND_LABELS.items()}
_OUTCOMES: Final = {label: kind for kind, label in OUTCOME_LABELS.items()} | {
    NOT_REVIEWED: Outcome.HOLD
}
_Item = tuple[str, list[str]]
"""One item of the body and its parts, each on one line again."""

_FIRST: Final = re.compile("([A-Z]{2}): (.*)")
_AT_A_SPACE: Final = re.compile("\\n    (?=[^ \\n])")
_WITHIN_A_WORD: Final = re.compile("\\n   (?=[^ \\n])")
_WITHHELD: Final = "WITHHELD: "
_HELD: Final = "HELD UNTIL: "
_REMARK: Final = "REMARK: "
_BLANK: Final = frozenset({"", " "})
# A line that is blank, or set in by other than two columns.
_MISPLACED: Final = re.compile("\n(?:\n|\\Z| (?! [^ \n]))")
_ITEM_ENDS: Final = re.compile("\n(?! )")
_RULE: Final = re.compile("RULE ([A-Z0-9-]{1,24}):(?: (.*))?")


class AnswerTextError(MalformedError):
    """A body is not an answer of a Comity gateway; it may be another system's free text."""

    code = "answer-text-foreign"


class AnswerText(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's text says.

    `words` is the outcome as its first line says it. `elements` hold labels instead of D20 names
    and no photo; `has_photo` says that one is released.
    `after_review` and `expired` as in `wording.OutcomeWords`. `entries` are the answer's leaves.
    """

    state: Member
    response: ResponseKind
    words: str
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


def parse_answer_text(text: str) -> AnswerText:
    """Return what one answer's body says. Raises: AnswerTextError."""
    if len(text) > DELIVERY_BYTES_MAX:
        raise AnswerTextError("the text is over 1048576 characters")
    items = _items(text)
    state, words = _first_line(items[0][0])
    found: dict[str, object] = {}
    elements: list[Element] = []
    withheld: list[Withheld] = []
    is_final = True
    for line, parts in items[1:]:
        data_class = _CLASSES.get(line)
        if data_class is not None:
            _add_elements(elements, data_class, parts)
        elif line == "MORE FOLLOWS":
            is_final = False
        elif line.startswith(_WITHHELD):
            withheld += _withheld(line.removeprefix(_WITHHELD), parts)
        else:
            _read_single(found, line, parts)
    return AnswerText(
        state=state,
        response=words.response,
        words=words.text,
        is_final=is_final,
        after_review=words.after_review,
        expired=words.expired,
        elements=tuple(elements),
        withheld=tuple(withheld),
        **found,  # type: ignore[arg-type]
    )


def _read_single(found: dict[str, object], line: str, parts: list[str]) -> None:
    """Read an item that stands at most once."""
    first, _, rest = line.partition(" ")
    if line == PHOTO_LINE:
        found["has_photo"] = True
    elif first == "RECORD:" and rest in _KINDS:
        found["record_kind"] = _KINDS[rest]
    elif first == "POLICY":
        found["policy_entry"] = rest.lower()
    elif first == "LEDGER":
        found["entries"] = tuple(rest.lower().split(" "))
    elif line.startswith(_REMARK) or line == "REMARK":
        found["remark"] = line[len(_REMARK) :]
    elif line.startswith(_HELD):
        found["hold"] = _hold(line.removeprefix(_HELD), parts)
    else:
        raise AnswerTextError("a line is not one of an answer's")


def _items(text: str) -> list[_Item]:
    """Take the body's lines together: items, their parts, and lines that go on."""
    if "\n   " in text:
        text = _AT_A_SPACE.sub(" ", text)
        text = _WITHIN_A_WORD.sub("", text)
    if text[:1] in _BLANK or _MISPLACED.search(text):
        raise AnswerTextError("a line stands where none can")
    blocks = [block.split("\n  ") for block in _ITEM_ENDS.split(text)]
    return [(block[0], block[1:]) for block in blocks]


def _first_line(line: str) -> tuple[Member, OutcomeWords]:
    found = _FIRST.fullmatch(line)
    words = read_outcome(found[2]) if found else None
    if found is None or words is None:
        raise AnswerTextError("the first line is not an outcome")
    return state_of_code(found[1]), words


def state_of_code(code: str) -> Member:
    """Return the member that an answer's code names. Raises: AnswerTextError."""
    state = member_of_wire(code)
    if state is None and code == wire_of_member(OPERATOR_MEMBER):
        state = OPERATOR_MEMBER
    if state is None:
        raise AnswerTextError("a code names no member")
    return state


def parse_items(text: str) -> list[str]:
    """Return the items of a body that have no parts, each on one line again.

    Raises: AnswerTextError.
    """
    items = _items(text)
    if any(parts for _, parts in items):
        raise AnswerTextError("a line stands where none can")
    return [line for line, _ in items]


def _add_elements(elements: list[Element], data_class: DataClass, parts: list[str]) -> None:
    first = len(elements)
    for part in parts:
        # A blank value leaves its label with the colon and no space.
        name, colon, value = part.partition(": ")
        if not colon:
            name = name.removesuffix(":")
        is_next = data_class is DataClass.OPAQUE and len(elements) > first
        if is_next and name == elements[-1].name == FREE_TEXT:
            # Each line of a free text is an item of its own.
            value = f"{elements.pop().value}\n{value}"
        elements.append(Element(data_class=data_class, name=name, value=value))


def _withheld(text: str, parts: list[str]) -> Iterator[Withheld]:
    classes, _, label = text.rpartition(" - ")
    outcome = _OUTCOMES.get(label)
    if outcome is None:
        raise AnswerTextError("a withheld class has no outcome")
    rules: list[tuple[str, str]] = []
    statutes: dict[int, str] = {}
    would_change = ""
    for part in parts:
        rule = _RULE.fullmatch(part)
        if rule is not None:
            rules.append((rule[1], rule[2] or ""))
        elif part.startswith("STATUTE: ") and rules:
            statutes[len(rules) - 1] = part.removeprefix("STATUTE: ")
        elif part.startswith("TO CHANGE THIS: "):
            would_change = part.removeprefix("TO CHANGE THIS: ")
        else:
            raise AnswerTextError("a line below a withheld class is not one of its own")
    reasons = tuple(
        Reason(rule=RuleId(rule), sentence=sentence, statute=statutes.get(place, ""))
        for place, (rule, sentence) in enumerate(rules)
    )
    for name in classes.split(", "):
        if name not in _CLASSES:
            raise AnswerTextError("a withheld class is not in the vocabulary")
        yield Withheld(
            data_class=_CLASSES[name],
            outcome=outcome,
            reasons=reasons,
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
