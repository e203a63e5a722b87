"""A reviewer's wish to see what a release of a hold would let go, before deciding.

# INVARIANT (review-is-verified): what is signed is `record_reading_bytes`, nothing else; it names
the hold and its step, so that it shows the hold as it stood then.
Source: docs/adr/0041-what-would-go-out.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof

__all__ = ["RecordOutcome", "RecordReading", "SignedRecordReading", "record_reading_bytes"]

_PREFIX: Final = b"comity/record-reading/v1\n"


class RecordOutcome(StrEnum):
    """What a release of everything that is held would come to, now."""

    FOUND = "found"
    NO_RECORD = "no_record"
    SEVERAL = "several"
    REFUSED = "refused"
    NOT_LOOKED_UP = "not_looked_up"


class RecordReading(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to see what would go out of the hold at `hold_entry`.

    `step` is the hold's next one, as a verdict's is; `at` is Unix seconds.
    """

    state: Member
    hold_entry: str
    step: int
    reviewer: str
    at: int


class SignedRecordReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of what would go out, and its proof."""

    reading: RecordReading
    proof: VerdictProof


def record_reading_bytes(reading: RecordReading) -> bytes:
    """Return what a reviewer signs to see it: a prefix and the reading as compact JSON."""
    return _PREFIX + msgspec.json.encode(reading)
