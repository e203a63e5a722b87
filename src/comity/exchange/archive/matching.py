"""Whether a message is one that a search looks for.

Guarantee: a name is found whatever its order, case and punctuation; a text exactly, whatever its
case and line breaks. Both are looked for in the whole message: header, control field and body.
Source: docs/reference/messages.md, "Archive".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from comity.exchange.archive.items import ArchiveItem
from comity.exchange.archive.search import ArchiveSearch

__all__ = ["matcher_of"]

_WORD: Final = re.compile(r"[A-Z0-9*]+")
_WORD_ALONE: Final = "(?<![A-Z0-9])(?:{})(?![A-Z0-9])"
# What may stand within a name's word or be left out of it: O'BRIEN, SMITH-JONES, ST. JOHN.
_WITHIN: Final = str.maketrans("", "", "'`.-\u2019\u2010\u2011")

# They repeat what stands elsewhere: found where they are named, not where all keys are.
_OWN_ANSWERS: Final = frozenset({"NLR", "NFR"})

Matcher = Callable[[ArchiveItem], bool]


def matcher_of(search: ArchiveSearch) -> Matcher:
    """Return the test of a search, access apart: made once, asked for every message."""
    keys = None if search.keys is None else frozenset(search.keys)
    is_sought = _name_test(search.name) if search.name else _text_test(search)

    def matches(item: ArchiveItem) -> bool:
        return (
            (item.key not in _OWN_ANSWERS if keys is None else item.key in keys)
            and (not search.source or _is_place(search.source, (item.source,)))
            and (not search.destination or _reaches(search.destination, item))
            and is_sought(_whole(item))
        )

    return matches


def _is_place(wanted: str, places: tuple[str, ...]) -> bool:
    """Say whether an agency, or with two characters a code, is among these."""
    return any(place.startswith(wanted) for place in places)


def _reaches(wanted: str, item: ArchiveItem) -> bool:
    return _is_place(wanted, item.destinations) or wanted in item.reached


def _whole(item: ArchiveItem) -> str:
    """Return a message as it is searched: upper case, plain letters."""
    header = " ".join((item.source, *item.destinations, item.control or ""))
    return _folded(f"{header}\n{item.text}")


def _folded(text: str) -> str:
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return text.upper()


def _text_test(search: ArchiveSearch) -> Callable[[str], bool]:
    sought = _part_test(search.sought)
    if search.also:
        also = _part_test(search.also)
        return lambda whole: sought(whole) and also(whole)
    if search.either:
        either = _part_test(search.either)
        return lambda whole: sought(whole) or either(whole)
    return sought


def _part_test(text: str) -> Callable[[str], bool]:
    """Return whether a text stands in a message; a line break there is a blank like any other."""
    words = _folded(text).split()
    if len(words) == 1:
        return lambda whole: words[0] in whole
    pattern = re.compile(r"\s+".join(map(re.escape, words)))
    longest = max(words, key=len)
    return lambda whole: longest in whole and pattern.search(whole) is not None


def _name_test(name: str) -> Callable[[str], bool]:
    """Return whether all words of a name stand in a text, in any order.

    Punctuation within a word may be there, be left out, or be a blank, on either side.
    """
    folded = _folded(name)
    ways = dict.fromkeys(
        tuple(sorted(set(_WORD.findall(way)))) for way in (folded, folded.translate(_WITHIN))
    )
    tests = [[_word_test(word) for word in words] for words in ways if words]

    def is_sought(whole: str) -> bool:
        joined = whole.translate(_WITHIN)
        return any(all(test(whole) or test(joined) for test in words) for words in tests)

    return is_sought


def _word_test(word: str) -> Callable[[str], bool]:
    if "*" not in word:
        pattern = re.compile(_WORD_ALONE.format(word))
    else:
        pattern = re.compile(_WORD_ALONE.format("[A-Z0-9]*".join(word.split("*"))))
    # The longest part without a star is looked for first: nearly every message is without it.
    part = max(word.split("*"), key=len)
    return lambda text: part in text and pattern.search(text) is not None
