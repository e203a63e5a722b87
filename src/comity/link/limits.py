"""Limits of the link, each with its unit; whatever is beyond one is refused, never cut.

Source: docs/adr/0009-envelope.md, "Limits".
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ANSWER_ELEMENTS_MAX",
    "ANSWER_PROOFS_MAX",
    "ANSWER_WITHHELD_MAX",
    "CLOCK_WINDOW_MS",
    "COMMAND_BYTES_MAX",
    "COSIGNATURES_MAX",
    "COSIGNATURE_BYTES_MAX",
    "ENVELOPE_BYTES_MAX",
    "ENVELOPE_PARCELS_MAX",
    "EXCHANGE_FIELDS_MAX",
    "EXCHANGE_TO_MAX",
    "FIELD_CHARS_MAX",
    "HEADER_BYTES_MAX",
    "HISTORY_KEYS_MAX",
    "NOTE_BYTES_MAX",
    "OPENED_FIELDS_MAX",
    "PARCEL_BYTES_MAX",
    "RECEIVED_ANSWERS_MAX",
    "RESULT_FACTS_MAX",
    "SUCCESSION_NOTES_MAX",
    "TEXT_CHARS_MAX",
]

ENVELOPE_BYTES_MAX: Final = 4_194_304
ENVELOPE_PARCELS_MAX: Final = 4_096
HEADER_BYTES_MAX: Final = 255
PARCEL_BYTES_MAX: Final = 1_048_576
CLOCK_WINDOW_MS: Final = 300_000

EXCHANGE_FIELDS_MAX: Final = 64
EXCHANGE_TO_MAX: Final = 5
FIELD_CHARS_MAX: Final = 32_768
ANSWER_ELEMENTS_MAX: Final = 1_024
ANSWER_WITHHELD_MAX: Final = 64
ANSWER_PROOFS_MAX: Final = 32
RECEIVED_ANSWERS_MAX: Final = 4_096
TEXT_CHARS_MAX: Final = 2_000

COMMAND_BYTES_MAX: Final = 4_194_304
RESULT_FACTS_MAX: Final = 256
OPENED_FIELDS_MAX: Final = 64
"""Fields that one opening names: as many as a record has."""

HISTORY_KEYS_MAX: Final = 64
"""Message keys that one reading of a history names."""
COSIGNATURES_MAX: Final = 63
"""Witnesses' lines that one command hands on: as many as a note has room for."""
COSIGNATURE_BYTES_MAX: Final = 1_280
NOTE_BYTES_MAX: Final = 65_536
"""A signed note that a command carries."""
SUCCESSION_NOTES_MAX: Final = 8
"""Notes beyond its cut that a succession names."""
