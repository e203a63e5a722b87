"""What every paper that a reviewer signs has: who, when, a note, a signature, whom it names.

Guarantee: these are the ranges in which values cross the link; whether a paper counts, the gateway
finds out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.domain.passes import PASS_PERSONS_MAX, PassPerson
from comity.domain.verdict import VerdictProof
from comity.link.forms import is_time

__all__ = ["NAME_CHARS_MAX", "NOTE_CHARS_MAX", "are_persons", "is_by"]

NOTE_CHARS_MAX: Final = 500
NAME_CHARS_MAX: Final = 64
_SIGNATURE_BYTES: Final = 64
_VALUE_CHARS_MAX: Final = 128
_BORN_CHARS_MAX: Final = 8


def is_by(reviewer: str, at: int, note: str, proof: VerdictProof) -> bool:
    """Say whether a paper says who signed it and when, and has a signature."""
    return (
        0 < len(reviewer) <= NAME_CHARS_MAX
        and is_time(at)
        and len(note) <= NOTE_CHARS_MAX
        and len(proof.signature) == _SIGNATURE_BYTES
    )


def are_persons(persons: Sequence[PassPerson]) -> bool:
    """Say whether these are as many persons as a paper may name, each of a bounded length."""
    return 1 <= len(persons) <= PASS_PERSONS_MAX and all(
        0 < len(person.value) <= _VALUE_CHARS_MAX and len(person.born) <= _BORN_CHARS_MAX
        for person in persons
    )
