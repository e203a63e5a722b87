"""Letters on paper: PDF/UA, one page, the same bytes, and no word of it is ever code."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
import pytest

from comity.adapters.errors import PaperError
from comity.adapters.typst import PAPER_BYTES_MAX, letter_png, set_letter
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass, Instrument, Purpose
from comity.review.letters import (
    ADDRESS_LINES_MAX,
    Letter,
    LetterSection,
    PostalAddress,
    SafeContact,
    letter_of,
)
from comity.review.letters.words import Language
from tests.support.letters import FACTS, OFFICE, SAFE
from tests.support.pdf import printed
from tests.unit.adapters.test_typst import HOSTILE

MORE_HOSTILE = [
    *HOSTILE,
    "= A heading",
    "- a list",
    "`raw` \"quotes\" 'too'",
    "\\#x ~ --- #strong[b] ((",
]


def letter(**altered: Any) -> Letter:
    """A letter of altered facts."""
    return letter_of(msgspec.structs.replace(FACTS, **altered))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("to", [FACTS.to, SAFE], ids=["post", "safe"])
def test_a_letter_is_a_tagged_pdf_of_one_page(language: Language, to: Any) -> None:
    """It keeps to PDF/UA-1, names its language, and is the same bytes each time."""
    made = letter(language=language, to=to)
    data = set_letter(made)
    assert b"pdfuaid:part>1<" in data
    assert f"/Lang({language}-US)".encode() in data
    assert b"/Type/Pages/Count 1/" in data
    assert data == set_letter(made)
    text = printed(data)
    assert made.headline in text
    for sentence in (*made.recipient, made.practice, made.warning, made.day, made.footer):
        assert sentence in text
    for section in made.sections:
        assert f"{section.title} {' '.join(section.sentences)}" in text
        assert all(item in text for _, items in section.lists for item in items)


def plain(text: str) -> str:
    """A text without what a line break takes from it, and with the signs that print sets."""
    return "".join(text.split())


@pytest.mark.parametrize("words", MORE_HOSTILE)
def test_words_are_printed_as_they_stand(words: str) -> None:
    """Names and addresses with signs of the template's language are text, sign for sign."""
    office = msgspec.structs.replace(OFFICE, lines=(words,), complain=words, call=words)
    made = letter(
        resident=f"R {words}",
        agency=words,
        to=PostalAddress(lines=(f"L {words}",)),
        office=office,
        cite=words,
    )
    text = plain(printed(set_letter(made)))
    for line in made.recipient:
        assert plain(line) in text
    for section in made.sections:
        for sentence in section.sentences:
            assert plain(sentence) in text
    assert letter_png(made).startswith(b"\x89PNG")


def test_real_practice_is_marked_and_other_letters_are_not() -> None:
    """The mark stands on practice letters alone."""
    mark = "Practice data: nothing here is real"
    assert mark in printed(set_letter(letter()))
    assert mark not in printed(set_letter(letter(practice=False)))


@pytest.mark.parametrize("resident", ["Łukasz Ñandú-O'Brien", "Đỗ Thị Ánh", "Ἑλένη Иванова"])
def test_names_of_many_alphabets_are_printed(resident: str) -> None:
    """Latin, Vietnamese, Greek and Cyrillic letters."""
    assert resident in printed(set_letter(letter(resident=resident)))


def test_a_sign_that_the_font_lacks_is_an_error() -> None:
    """A name is printed whole or not at all: an error says why, without the name."""
    with pytest.raises(PaperError, match="no sign for a character"):
        set_letter(letter(resident="王小明"))


def test_what_does_not_fit_one_page_is_an_error() -> None:
    """A letter of two pages is none; so is one that is too long to try."""
    made = letter()
    many = tuple(LetterSection(title="More", sentences=("It goes on. " * 40,)) for _ in range(12))
    with pytest.raises(PaperError):
        set_letter(msgspec.structs.replace(made, sections=many))
    with pytest.raises(PaperError):
        set_letter(msgspec.structs.replace(made, footer="x" * PAPER_BYTES_MAX))


def test_the_longest_letter_fits_its_page() -> None:
    """Every text at its limit, in words of usual length, stands on one page in both languages."""
    line, name, long = (("Practice " * 27)[:chars].strip() for chars in (60, 120, 240))
    office = msgspec.structs.replace(
        OFFICE, lines=(line,) * ADDRESS_LINES_MAX, call=name, phone=line, hours=line, complain=long
    )
    for language, to in product(
        Language,
        (PostalAddress(lines=(line,) * ADDRESS_LINES_MAX), SafeContact(name=name, how=long)),
    ):
        made = letter(
            language=language,
            resident=name,
            agency=name,
            to=to,
            office=office,
            cite=name,
            purpose=Purpose.MISSING_OR_ENDANGERED,
            instrument=Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT,
            key=MessageKey("KQ"),
            released=tuple(DataClass)[:6],
            withheld=tuple(DataClass)[6:],
        )
        assert b"/Type/Pages/Count 1/" in set_letter(made)
