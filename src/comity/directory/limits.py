"""Limits of the directory, each with its unit.

Source: docs/adr/0010-directory-parts.md and 0018-directory-messages.md, "Limits".
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACTS_FOR_MAX",
    "AGENCY_LINES_MAX",
    "HELP_CHARS_MAX",
    "NAME_CHARS_MAX",
    "PART_AGENCIES_MAX",
    "PART_BYTES_MAX",
    "PART_CERTIFICATIONS_MAX",
    "PART_REVIEWERS_MAX",
    "PLACE_CHARS_MAX",
    "PLACE_CHARS_MIN",
    "SEARCH_SHOWN_MAX",
    "SIGNED_PART_BYTES_MAX",
    "TABLE_CHARS_MAX",
    "TABLE_DOTS_MAX",
    "TABLE_FAULTS_MAX",
    "TRUST_BYTES_MAX",
]

PART_BYTES_MAX: Final = 3_000_000
SIGNED_PART_BYTES_MAX: Final = 4_100_000
PART_AGENCIES_MAX: Final = 16_384
PART_REVIEWERS_MAX: Final = 1_024
PART_CERTIFICATIONS_MAX: Final = 32_768
AGENCY_LINES_MAX: Final = 64
ACTS_FOR_MAX: Final = 16
NAME_CHARS_MAX: Final = 120
PLACE_CHARS_MIN: Final = 2
PLACE_CHARS_MAX: Final = 20
TRUST_BYTES_MAX: Final = 65_536

SEARCH_SHOWN_MAX: Final = 20
"""How many agencies an answer to a directory query lists; it says how many more there are."""

HELP_CHARS_MAX: Final = 8_192
"""How long a help file may be, in characters."""

TABLE_CHARS_MAX: Final = 4_000_000
"""How long a table of agencies may be, in characters, in CSV and in TOML."""

TABLE_DOTS_MAX: Final = 16
"""How many dots one line of a table in TOML may hold outside its strings: parts of a key."""

TABLE_FAULTS_MAX: Final = 20
"""How many faults of a table are told at once; more are counted."""
