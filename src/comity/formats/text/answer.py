"""Answers in text: the outcome in the first line, then what is released, what is not and why.

Guarantee: upper-case printable ASCII, at most 80 columns; no value opens a line; `NOT ON FILE`
stands in an answer without a record and nowhere else. `parse_answer_text` gets back all but proofs,
photo bytes and letter case.
Source: docs/adr/0007-refused-held-partly-withheld.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final

from comity.domain.answer import FREE_TEXT, Answer, Element, HoldNotice, ResponseKind, Withheld
from comity.domain.ids import Member, wire_of_member
from comity.domain.vocabulary import DataClass, Outcome, RecordKind, term
from comity.formats.text.plain import COLUMNS_MAX, is_plain, plain_line, wrap_item
from comity.formats.wording import disarm, outcome_words

__all__ = [
    "CLASS_LABELS",
    "KIND_LABELS",
    "OUTCOME_LABELS",
    "PHOTO_LINE",
    "SUMMARY_LABELS",
    "TIME_FORM",
    "element_label",
    "plain_value",
    "render_answer_text",
    "render_merged_text",
]

PHOTO_LINE: Final = "PHOTO AVAILABLE"
TIME_FORM: Final = "%Y-%m-%d %H:%M:%S UTC"
CLASS_LABELS: Final = {kind: term(kind).label.upper() for kind in DataClass}
KIND_LABELS: Final = {kind: term(kind).label.upper() for kind in RecordKind}
OUTCOME_LABELS: Final = {
    Outcome.RELEASE: "RELEASED",
    Outcome.HOLD: "HELD",
    Outcome.DENY: "REFUSED",
}
_PHOTO: Final = DataClass.PHOTO  # a name of its own is quicker than the enumeration's
_OPAQUE: Final = DataClass.OPAQUE
NOT_REVIEWED: Final = "NOT REVIEWED"


@lru_cache(maxsize=512)
def element_label(name: str) -> str:
    """Return an element's name as text shows it: upper case, without the characters of our own."""
    return plain_value(name.replace("_", " ").replace(":", " "))


def plain_value(value: str) -> str:
    """Return a value as text shows it: one plain line, upper case, no phrase of an outcome."""
    return disarm(plain_line(value).upper())


def render_answer_text(answer: Answer) -> str:
    """Return the body of an answer, for the text of a delivery."""
    words = outcome_words(answer)
    lines = [f"{wire_of_member(answer.state)}: {words.text}"]
    if answer.record_kind is not None:
        lines.append(f"RECORD: {KIND_LABELS[answer.record_kind]}")
    if answer.elements:
        _add_elements(lines, answer.elements)
    _add_withheld(lines, answer.withheld, is_expired=words.expired)
    if answer.hold is not None:
        _add_hold(lines, answer.hold)
    _add_sentence(lines, "REMARK", answer.remark)
    if not answer.is_final:
        lines.append("MORE FOLLOWS")
    if answer.policy_entry:
        lines.append(_item(f"POLICY {plain_value(answer.policy_entry)}"))
    if answer.proofs:
        entries = " ".join(proof.entry for proof in answer.proofs)
        lines.append(_item(f"LEDGER {plain_value(entries)}"))
    return "\n".join(lines)


def _item(text: str) -> str:
    line = text.rstrip(" ")
    return line if len(line) <= COLUMNS_MAX else wrap_item(line)


def _add_sentence(lines: list[str], label: str, sentence: str) -> None:
    """Add a labelled sentence, if anything of it is left in plain text."""
    shown = plain_value(sentence) if sentence else ""
    if shown:
        lines.append(_item(f"{label}: {shown}"))


def _add_elements(lines: list[str], elements: Sequence[Element]) -> None:
    last: DataClass | None = None
    for element, value in zip(elements, _plain_values(elements), strict=True):
        data_class = element.data_class
        if data_class is not last:
            lines.append(PHOTO_LINE if data_class is _PHOTO else CLASS_LABELS[data_class])
            last = data_class
        if data_class is _OPAQUE and element.name == FREE_TEXT:
            lines += _free_text(element.value)
        elif data_class is not _PHOTO:
            lines.append(_item(f"  {element_label(element.name)}: {value}"))


def _free_text(value: str) -> list[str]:
    """Return an item for each line of a free text that says something; one, if none does."""
    lines = [shown for line in value.splitlines() if (shown := plain_value(line))]
    return [_item(f"  {FREE_TEXT}: {line}") for line in lines or [""]]


def _plain_values(elements: Sequence[Element]) -> list[str]:
    """Return what `plain_value` returns of each value, in one pass; nothing for photo bytes."""
    values = ["" if e.data_class is _PHOTO else e.value for e in elements]
    joined = "\n".join(values)
    # Nearly always no value needs more than capitals; a value of several lines shows in the count.
    if is_plain(joined) and joined.count("\n") == len(values) - 1:
        return disarm(joined.upper()).split("\n")
    return [plain_value(value) for value in values]


def _add_withheld(lines: list[str], withheld: Iterable[Withheld], *, is_expired: bool) -> None:
    """Name the classes that are not released; those with the same reasons stand together."""
    for (outcome, reasons, would_change), parts in groupby(
        withheld, key=lambda part: (part.outcome, part.reasons, part.would_change)
    ):
        classes = ", ".join(CLASS_LABELS[part.data_class] for part in parts)
        label = NOT_REVIEWED if is_expired else OUTCOME_LABELS[outcome]
        lines.append(_item(f"WITHHELD: {classes} - {label}"))
        for reason in reasons:
            lines.append(
                _item(f"  RULE {plain_value(reason.rule)}: {plain_value(reason.sentence)}")
            )
            _add_sentence(lines, "  STATUTE", reason.statute)
        _add_sentence(lines, "  TO CHANGE THIS", would_change)


def _add_hold(lines: list[str], hold: HoldNotice) -> None:
    until = dt.datetime.fromtimestamp(hold.until, dt.UTC)
    lines.append(f"HELD UNTIL: {until.strftime(TIME_FORM)}")
    lines.append(_item(f"  CALL: {plain_value(hold.contact)}"))
    lines.append(_item(f"  HOLD: {plain_value(hold.entry)}"))


SUMMARY_LABELS: Final = (
    ("RECORD", ResponseKind.HIT),
    ("DELIVERED", ResponseKind.DELIVERED),
    ("NO RECORD", ResponseKind.NO_HIT),
    ("REFUSED", ResponseKind.REFUSED),
    ("HELD", ResponseKind.HELD),
    ("NO ANSWER", ResponseKind.UNAVAILABLE),
)
"""What a summary of many states calls each response, in the order in which it lists them."""


def render_merged_text(answers: Sequence[Answer], silent: Sequence[Member]) -> str:
    """Return one body for a query to many states: the summary, then each answer that says more.

    `answers` holds one answer per state; `silent` are the states asked that gave none. An answer
    `unavailable` counts as none and is not repeated below.
    """
    if not silent and all(answer.response is ResponseKind.NO_HIT for answer in answers):
        return "\n\n".join(render_answer_text(answer) for answer in answers)
    lines = [f"STATES ASKED: {len(answers) + len(silent)}"]
    for label, response in SUMMARY_LABELS:
        states = [answer.state for answer in answers if answer.response is response]
        states += silent if response is ResponseKind.UNAVAILABLE else ()
        _add_states(lines, label, states)
    told = {ResponseKind.HIT, ResponseKind.REFUSED, ResponseKind.HELD}
    bodies = [render_answer_text(answer) for answer in answers if answer.response in told]
    return "\n\n".join(["\n".join(lines), *bodies])


def _add_states(lines: list[str], label: str, states: Iterable[Member]) -> None:
    codes = " ".join(sorted(wire_of_member(state) for state in states))
    if codes:
        lines.append(_item(f"{label}: {codes}"))
