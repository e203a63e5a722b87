"""Whether what people sign has its form when it comes by a command. See `comity.link.command`."""

from __future__ import annotations

import re
from typing import Final

from comity.domain.keys import is_key_form
from comity.domain.verdict import (
    SignedHistoryReading,
    SignedOpeningReading,
    SignedReading,
    SignedVerdict,
)
from comity.link.forms import is_entry, is_id, is_time
from comity.link.limits import HISTORY_KEYS_MAX, OPENED_FIELDS_MAX

__all__ = ["is_history_reading", "is_opening_reading", "is_reading", "is_verdict"]

_NOTE_CHARS_MAX: Final = 500
_NAME_CHARS_MAX: Final = 64
_FIELD_NAME: Final = re.compile("[a-z][a-z0-9_.]{0,63}")


def is_verdict(signed: SignedVerdict) -> bool:
    """Say whether a verdict has its form; its signature is not looked at."""
    verdict = signed.verdict
    return (
        is_id(verdict.exchange_id)
        and is_entry(verdict.hold_entry)
        and is_time(verdict.at)
        and len(verdict.note) <= _NOTE_CHARS_MAX
        and 0 < len(verdict.reviewer) <= _NAME_CHARS_MAX
        and len(set(verdict.approved)) == len(verdict.approved)
        and len(signed.proof.signature) == 64
    )


def is_reading(signed: SignedReading) -> bool:
    """Say whether a wish to read holds has its form."""
    reading = signed.reading
    return (
        (not reading.hold_entry or is_entry(reading.hold_entry))
        and is_time(reading.at)
        and 0 < len(reading.reviewer) <= _NAME_CHARS_MAX
        and len(signed.proof.signature) == 64
    )


def is_history_reading(signed: SignedHistoryReading) -> bool:
    """Say whether a wish to read traffic has its form."""
    reading = signed.reading
    return (
        is_time(reading.since)
        and is_time(reading.until)
        and len(reading.keys) <= HISTORY_KEYS_MAX
        and all(is_key_form(key) for key in reading.keys)
        and is_time(reading.at)
        and 0 < len(reading.reviewer) <= _NAME_CHARS_MAX
        and len(signed.proof.signature) == 64
    )


def is_opening_reading(signed: SignedOpeningReading) -> bool:
    """Say whether a wish to open fields has its form."""
    reading = signed.reading
    return (
        is_entry(reading.entry)
        and 1 <= len(reading.fields) <= OPENED_FIELDS_MAX
        and len(set(reading.fields)) == len(reading.fields)
        and all(_FIELD_NAME.fullmatch(name) for name in reading.fields)
        and is_time(reading.at)
        and 0 < len(reading.reviewer) <= _NAME_CHARS_MAX
        and len(signed.proof.signature) == 64
    )
