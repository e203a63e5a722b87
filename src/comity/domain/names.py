"""The form in which people's names are compared: A-Z, family name, comma, first given name.

Guarantee: a function of the text alone. A name with a letter that has no agreed Latin form is
refused rather than compared under a form that another name might share (invariant `fail-closed`).
Source: docs/explain/practice-world.md, "Names".
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from comity.domain.errors import MalformedError

__all__ = ["NAME_CHARS_MAX", "NameFormError", "latin", "name_key"]

NAME_CHARS_MAX: Final = 128
"""No name that is compared is longer than this."""

# Letters that do not come apart into a base letter and a mark.
_LATIN_FORMS: Final = str.maketrans(
    {
        "Æ": "AE", "æ": "AE", "Ð": "D", "ð": "D", "Đ": "D", "đ": "D", "Ħ": "H", "ħ": "H",
        "\u0131": "I", "Ĳ": "IJ", "ĳ": "IJ", "Ł": "L", "ł": "L", "Ŋ": "N", "ŋ": "N", "Ø": "O",
        "ø": "O", "Œ": "OE", "œ": "OE", "ß": "SS", "ẞ": "SS", "Þ": "TH", "þ": "TH", "Ŧ": "T",
        "ŧ": "T", "Ə": "A", "ə": "A",
        # Marks in the place of a hyphen or an apostrophe.
        "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2018": "'", "\u2019": "'", "\u02bc": "'",
        "\u02bb": "'", "`": "'", "\u00b4": "'",
    }
)  # fmt: skip
# What most names are: nothing of it is dropped, and the key is its first two words.
_PLAIN: Final = re.compile("([A-Z]+), ?([A-Z]+)(?: [A-Z ]*)?").fullmatch
_DROPPED: Final = str.maketrans("", "", " -'.")


class NameFormError(MalformedError):
    """A name has no family or no given name, or a letter without a Latin form."""

    code = "name-malformed"


def latin(text: str) -> str:
    """Return a name in upper-case ASCII, its spaces, hyphens, apostrophes and commas kept.

    Raises: NameFormError if a letter has no Latin form.
    """
    if text.isascii():
        return text.upper()
    apart = unicodedata.normalize("NFKD", text.translate(_LATIN_FORMS))
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    if not plain.isascii():
        raise NameFormError("`name` has a letter without a latin form")
    return plain.upper()


def name_key(text: str) -> str:
    """Return the key under which `LAST,FIRST MIDDLE SUFFIX` is compared: `LAST,FIRST`.

    Spaces, hyphens, apostrophes and full stops do not count, and of the given names only the first
    one does, because sources and requesters write the rest differently.

    Raises: NameFormError if either part is missing, too long or not letters.
    """
    if len(text) > NAME_CHARS_MAX:
        raise NameFormError(f"`name` is over {NAME_CHARS_MAX} characters")
    if (plain := _PLAIN(text)) is not None:
        return f"{plain[1]},{plain[2]}"
    last, comma, given = latin(text).partition(",")
    first = given.split(maxsplit=1)[0] if given.strip() else ""
    last, first = last.translate(_DROPPED), first.translate(_DROPPED)
    if not comma or not last.isalpha() or not first.isalpha():
        raise NameFormError("`name` is not a family name, a comma and a given name")
    return f"{last},{first}"
