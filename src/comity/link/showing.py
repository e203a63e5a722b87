"""The command that shows what a release would let go. See `link.command`."""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.answer import Element, Withheld
from comity.domain.record_reading import RecordOutcome, SignedRecordReading
from comity.domain.vocabulary import DataClass, RecordKind
from comity.link.forms import is_entry, is_time
from comity.link.limits import ANSWER_ELEMENTS_MAX, ANSWER_WITHHELD_MAX

__all__ = ["RecordShown", "ShowRecord", "is_record_reading", "is_record_shown"]

_NAME_CHARS_MAX: Final = 64
_STEP_MAX: Final = 65_536
_SIGNATURE_BYTES: Final = 64
_RECORDED: Final = frozenset({RecordOutcome.FOUND, RecordOutcome.NO_RECORD, RecordOutcome.SEVERAL})


class ShowRecord(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="show_record",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed wish to see what a release of a hold would let go."""

    signed: SignedRecordReading


class RecordShown(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="record",
    forbid_unknown_fields=True,
):  # fmt: skip
    """What a release of everything held would let go now; a photo's value is left out.

    `refused` are the held classes that the rules in force deny by now. `access_entry` cites the
    leaf that records that it was shown; empty where nothing of a record is told.
    """

    outcome: RecordOutcome
    record_kind: RecordKind | None = None
    elements: tuple[Element, ...] = ()
    refused: tuple[Withheld, ...] = ()
    access_entry: str = ""


def is_record_reading(signed: SignedRecordReading) -> bool:
    """Say whether a wish to see what would go out has its form."""
    reading = signed.reading
    return (
        is_entry(reading.hold_entry)
        and 0 < reading.step < _STEP_MAX
        and is_time(reading.at)
        and 0 < len(reading.reviewer) <= _NAME_CHARS_MAX
        and len(signed.proof.signature) == _SIGNATURE_BYTES
    )


def is_record_shown(shown: RecordShown) -> bool:
    """Say whether what is shown has its form.

    # INVARIANT (no-answer-before-receipt): what tells of a record names the leaf that says so, and
    no photo is among it.
    """
    return (
        len(shown.elements) <= ANSWER_ELEMENTS_MAX
        and len(shown.refused) <= ANSWER_WITHHELD_MAX
        and (shown.outcome is RecordOutcome.FOUND or not shown.elements)
        and not any(e.value for e in shown.elements if e.data_class is DataClass.PHOTO)
        and (not shown.access_entry or is_entry(shown.access_entry))
        and (bool(shown.access_entry) or shown.outcome not in _RECORDED)
    )
