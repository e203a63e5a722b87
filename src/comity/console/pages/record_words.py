"""What would go out, as a case page tells it: a sentence, and the elements by part.

Guarantee: nothing of a record but what the gateway showed; a photo is said, never shown.
Source: docs/adr/0041-what-would-go-out.md.
"""

from __future__ import annotations

from typing import Any, Final, assert_never

from comity.console.opened_cases import ShownRecord
from comity.console.words import counted, listed, moment_said, opened
from comity.domain.answer import FREE_TEXT, Element, Withheld
from comity.domain.ids import Member
from comity.domain.record_reading import RecordOutcome
from comity.domain.vocabulary import DataClass, RecordKind, term
from comity.link.command import HoldView
from comity.link.errors import GatewayRefusalError
from comity.ports import SourceError
from comity.review.instruments import InstrumentNeededError
from comity.services.accesses import ReadingRepeatedError, RulesChangedError
from comity.services.health import ClockSkewedError

__all__ = ["fault_sentence", "hint_of", "record_words"]

_HINT_CHARS_MAX: Final = 120
_PHOTO_SAID: Final = "A photo, not shown here"
_FAULTS: Final = {
    SourceError.code: "The state's records did not answer. Nothing was shown and nothing is "
    "recorded; the request waits and its clock goes on. Try again in a moment.",
    ReadingRepeatedError.code: "It was asked for twice at once. Press the button again.",
    RulesChangedError.code: "Other rules came into force at this moment. Press the button again.",
    InstrumentNeededError.code: "It rests on the instrument that is claimed, which no two people "
    "have verified. Nothing was shown and nothing is recorded.",
    ClockSkewedError.code: "The gateway's clock cannot be believed now. Nothing was shown; whoever "
    "runs the gateway has been told.",
}


def record_words(hold: HoldView, shown: ShownRecord, member: Member) -> dict[str, Any]:
    """Return what was shown, as the case page has it."""
    record = shown.record
    refused = {part.data_class: part for part in record.refused}
    parts: list[dict[str, Any]] = []
    if record.outcome is RecordOutcome.FOUND:
        of_classes = dict.fromkeys((*(e.data_class for e in record.elements), *hold.classes))
        parts = [_part(each, record.elements, refused.get(each)) for each in of_classes]
    elif record.outcome is RecordOutcome.REFUSED:
        parts = [_part(each, (), refused.get(each)) for each in hold.classes]
    return {
        "sentence": _sentence(hold, shown),
        "looked_up": moment_said(shown.at, member, shown.at),
        "parts": parts,
        "access_entry": record.access_entry.upper(),
    }


def hint_of(part: DataClass, shown: ShownRecord | None) -> str:
    """Return what would go out of one part, shortly; empty where nothing was shown."""
    if shown is None or shown.record.outcome is not RecordOutcome.FOUND:
        return ""
    values = [_value(e) for e in shown.record.elements if e.data_class is part]
    said = ", ".join(" ".join(value.split()) for value in values)
    if len(said) > _HINT_CHARS_MAX:
        return f"{said[:_HINT_CHARS_MAX].rstrip()} ..."
    return said


def fault_sentence(error: GatewayRefusalError) -> str:
    """Return why nothing was shown; empty for what is no matter of showing."""
    return _FAULTS.get(error.reason, "")


def _sentence(hold: HoldView, shown: ShownRecord) -> str:
    who = hold.agency_name or hold.agency
    record = shown.record
    match record.outcome:
        case RecordOutcome.FOUND if not record.elements:
            return "There is a record, and it has nothing of the parts that are held."
        case RecordOutcome.FOUND:
            classes = dict.fromkeys(e.data_class for e in record.elements)
            kind = record.record_kind or RecordKind.OTHER
            elements = counted(len(record.elements), "element")
            named = listed([term(part).label for part in classes])
            return f"A release now lets {elements} go ({named}). Kind of record: {_kind(kind)}."
        case RecordOutcome.NO_RECORD:
            return f"There is no record. A release now tells {who} so."
        case RecordOutcome.SEVERAL:
            return (
                "More than one record matches. A release now lets none of them go: "
                f"{who} is told to ask by number."
            )
        case RecordOutcome.REFUSED:
            return "The rules in force now refuse all of it, whatever you decide."
        case RecordOutcome.NOT_LOOKED_UP:
            return (
                "This asks for no record of the state's that could be shown before it is decided."
            )
        case _:
            assert_never(record.outcome)


def _kind(kind: RecordKind) -> str:
    return term(kind).label


def _part(
    part: DataClass, elements: tuple[Element, ...], refused: Withheld | None
) -> dict[str, Any]:
    own = [e for e in elements if e.data_class is part]
    said = ""
    if refused is not None:
        rules = listed([f"{reason.rule}: {reason.sentence}" for reason in refused.reasons])
        said = f"The rules in force refuse it now. {rules}".strip()
    elif not own:
        said = "The record has nothing of this part."
    return {
        "name": opened(term(part).label),
        "mark": "refused" if refused is not None else "released" if own else "none",
        "said": said,
        "word": "Goes out" if own else None if refused is not None else "Nothing there",
        "elements": [(_name(e), _value(e).splitlines() or [""]) for e in own],
    }


def _name(element: Element) -> str:
    if element.name == FREE_TEXT:
        return "Text"
    return opened(element.name.replace("_", " ").replace(":", " ").lower())


def _value(element: Element) -> str:
    return _PHOTO_SAID if element.data_class is DataClass.PHOTO else element.value
