"""What shows what would go out, as it travels: closed, bounded, and never without its leaf."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.answer import Element, Withheld
from comity.domain.record_reading import RecordOutcome, RecordReading, SignedRecordReading
from comity.domain.verdict import Ed25519Proof
from comity.domain.vocabulary import DataClass, Outcome, RecordKind
from comity.link.command import (
    command_member,
    decode_command,
    decode_result,
    encode_command,
    encode_result,
)
from comity.link.errors import CommandMalformedError
from comity.link.limits import ANSWER_ELEMENTS_MAX
from comity.link.showing import RecordShown, ShowRecord
from tests.support.link import NOW_MS, TX

READING = RecordReading(state=TX, hold_entry="tx/8", step=1, reviewer="r.one", at=NOW_MS // 1000)
NAME = Element(data_class=DataClass.IDENTITY, name="NAME", value="Doe,Jane")
PHOTO = Element(data_class=DataClass.PHOTO, name="PHOTO", value="")
SHOWN = RecordShown(
    outcome=RecordOutcome.FOUND,
    record_kind=RecordKind.LICENCE,
    elements=(NAME, PHOTO),
    refused=(Withheld(data_class=DataClass.ADDRESS, outcome=Outcome.DENY),),
    access_entry="tx/9",
)


def show(signature: bytes = bytes(64), **changes: object) -> ShowRecord:
    """The command."""
    reading = msgspec.structs.replace(READING, **changes)
    proof = Ed25519Proof(key_id="00c0ffee", signature=signature)
    return ShowRecord(signed=SignedRecordReading(reading=reading, proof=proof))


def test_command_comes_back_as_it_was() -> None:
    """For the gateway of the state whose reviewer signed."""
    command = show()
    assert decode_command(encode_command(command)) == command
    assert command_member(command) == TX


@pytest.mark.parametrize(
    "changes",
    [
        {"hold_entry": ""},
        {"hold_entry": "tx/x"},
        {"step": 0},
        {"step": 65_536},
        {"reviewer": ""},
        {"reviewer": "x" * 65},
        {"at": -1},
        {"signature": bytes(63)},
        {"state": "zz"},
    ],
)
def test_command_outside_its_range_does_not_leave(changes: dict[str, object]) -> None:
    """Each field has its form."""
    with pytest.raises(CommandMalformedError):
        encode_command(show(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"elements": (NAME,) * ANSWER_ELEMENTS_MAX},
        *({"outcome": each, "elements": ()} for each in RecordOutcome),
        {"outcome": RecordOutcome.REFUSED, "elements": (), "access_entry": ""},
        {"outcome": RecordOutcome.NOT_LOOKED_UP, "elements": (), "access_entry": ""},
    ],
)
def test_result_comes_back_as_it_was(changes: dict[str, object]) -> None:
    """Each outcome."""
    shown = msgspec.structs.replace(SHOWN, **changes)
    assert decode_result(encode_result(shown)) == shown


@pytest.mark.parametrize(
    "changes",
    [
        {"access_entry": ""},
        {"access_entry": "tx/x"},
        {"outcome": RecordOutcome.NO_RECORD},
        {"outcome": RecordOutcome.NO_RECORD, "elements": (), "access_entry": ""},
        {"outcome": RecordOutcome.SEVERAL, "elements": (), "access_entry": ""},
        {"elements": (msgspec.structs.replace(PHOTO, value="QUJD"),)},
        {"elements": (NAME,) * (ANSWER_ELEMENTS_MAX + 1)},
        {"refused": SHOWN.refused * 65},
    ],
)
def test_result_outside_its_range_does_not_leave(changes: dict[str, object]) -> None:
    """Nothing of a record without its leaf, no photo, elements only where one was found."""
    with pytest.raises(CommandMalformedError):
        encode_result(msgspec.structs.replace(SHOWN, **changes))
