"""Limits of the directory, each with its unit.

Source: docs/adr/0010-directory-parts.md, "Limits".
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "AGENCY_LINES_MAX",
    "NAME_CHARS_MAX",
    "PART_AGENCIES_MAX",
    "PART_BYTES_MAX",
    "PART_CERTIFICATIONS_MAX",
    "PART_REVIEWERS_MAX",
    "SIGNED_PART_BYTES_MAX",
    "TRUST_BYTES_MAX",
]

PART_BYTES_MAX: Final = 3_000_000
SIGNED_PART_BYTES_MAX: Final = 4_100_000
PART_AGENCIES_MAX: Final = 16_384
PART_REVIEWERS_MAX: Final = 1_024
PART_CERTIFICATIONS_MAX: Final = 32_768
AGENCY_LINES_MAX: Final = 64
NAME_CHARS_MAX: Final = 120
TRUST_BYTES_MAX: Final = 65_536
