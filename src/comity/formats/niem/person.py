"""A person's name, full as text has it and in parts as XML states take it.

Guarantee: a name is never read from two places that disagree.
Source: docs/adr/0012-niem-xml.md, 2; docs/reference/messages.md, "Fields", `NAM`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from comity.domain.keys import MessageKey
from comity.formats.faults import fault_of
from comity.formats.niem.write import element

__all__ = ["NAME_PARTS", "name_of", "name_said"]

_GIVEN: Final = "nc:PersonGivenName"
_MIDDLE: Final = "nc:PersonMiddleName"
_SUR: Final = "nc:PersonSurName"
_SUFFIX: Final = "nc:PersonNameSuffixText"
_FULL: Final = "nc:PersonFullName"
NAME_PARTS: Final = (_GIVEN, _MIDDLE, _SUR, _SUFFIX, _FULL)
"""The elements of a name, in the order in which they are written."""

_SUFFIXES: Final = frozenset({"JR", "SR", "II", "III", "IV"})


def name_said(name: str) -> str:
    """Return the elements of a name: its parts, where it has them, then all of it as it is."""
    last, comma, rest = name.partition(",")
    words = rest.split()
    parts: list[tuple[str, str]] = []
    if comma and words:
        suffix = words.pop() if len(words) > 1 and words[-1] in _SUFFIXES else ""
        middle = " ".join(words[1:])
        parts = [(_GIVEN, words[0]), (_MIDDLE, middle), (_SUR, last.strip()), (_SUFFIX, suffix)]
    said = [element(part, value) for part, value in parts if value]
    return "".join([*said, element(_FULL, name)])


def name_of(parts: Mapping[str, str], key: MessageKey) -> str:
    """Return the name that elements in capitals make. Raises: MessageError if they disagree."""
    given, sur = parts.get(_GIVEN, "").split(), parts.get(_SUR, "").split()
    more = parts.get(_MIDDLE, "").split() + parts.get(_SUFFIX, "").split()
    full = parts.get(_FULL, "")
    if not full:
        return f"{' '.join(sur)},{' '.join(given + more)}" if sur or given or more else ""
    last, _, rest = full.partition(",")
    words = rest.split()
    agree = words[: len(given)] == given and (not sur or sur == last.split())
    if not agree or not set(more) <= set(words):
        sentence = "`nc:PersonFullName` and the parts of the name disagree"
        raise fault_of(".22.", "name-ambiguous", sentence, key=key, options=(_FULL,))
    return full
