"""What a person typed into a form, as values: nothing is guessed, what is none is nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

__all__ = ["typed_digest", "typed_number", "typed_word"]

_T = TypeVar("_T", bound=StrEnum)

_DIGEST_DIGITS: Final = 64
_NUMBER_DIGITS_MAX: Final = 9


def typed_word(form: type[_T], value: str) -> _T | None:
    """Return the word of a closed list, None for any other."""
    try:
        return form(value)
    except ValueError:
        return None


def typed_number(text: str, largest: int) -> int:
    """Return a number from 1 to the largest, 0 for anything else."""
    if not (text.isascii() and text.isdigit()) or len(text) > _NUMBER_DIGITS_MAX:
        return 0
    return int(text) if int(text) <= largest else 0


def typed_digest(text: str) -> bytes:
    """Return a SHA-256 from its digits, nothing for anything else."""
    said = "".join(text.split()).lower()
    if len(said) != _DIGEST_DIGITS or not all(c in "0123456789abcdef" for c in said):
        return b""
    return bytes.fromhex(said)
