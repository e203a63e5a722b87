"""Certificates on paper: PDF/UA, one page, and no word of it is ever code."""

from __future__ import annotations

import msgspec
import pytest

from comity.adapters.errors import PaperError
from comity.adapters.typst import PAPER_BYTES_MAX, paper_png, set_paper
from comity.services.certificate_words import paper_of
from tests.unit.domain.test_certificate import BLOCK, KEPT, MADE, PROVED, signed

HOSTILE = [
    '#panic("no")',
    '"]; #sys.exit()',
    '#read("/etc/hostname")',
    '#import "@preview/x:0.1.0": *',
    "$x$ \\ *b* [c] <d> @e `f` // g = h - i",
    "</document>{{}}\\u0000",
]


def test_a_certificate_is_a_tagged_pdf() -> None:
    """It names its title and language, keeps to PDF/UA-1, and is the same bytes each time."""
    for made in (MADE, PROVED):
        data = set_paper(paper_of(signed(made), "order14.json"))
        assert data.startswith(b"%PDF-")
        assert b"pdfuaid:part>1<" in data
        assert b"/Lang(en-US)" in data
        assert data == set_paper(paper_of(signed(made), "order14.json"))


@pytest.mark.parametrize("words", HOSTILE)
def test_words_are_never_code(words: str) -> None:
    """An authority, a family's words, a sentence with signs of the template's language are text."""
    block = msgspec.structs.replace(BLOCK, authority=words, agencies=words)
    kept = msgspec.structs.replace(KEPT, sentence=words)
    for made in (
        msgspec.structs.replace(MADE, block=block),
        msgspec.structs.replace(PROVED, guarantees=(kept,)),
    ):
        paper = paper_of(signed(made), "a.json")
        assert set_paper(paper).startswith(b"%PDF-")
        assert paper_png(paper).startswith(b"\x89PNG")


def test_what_is_too_long_is_not_set() -> None:
    """A document beyond its limit is refused before it is set."""
    paper = paper_of(signed(), "a.json")
    with pytest.raises(PaperError):
        set_paper(msgspec.structs.replace(paper, check="x" * PAPER_BYTES_MAX))
    with pytest.raises(PaperError):
        set_paper(msgspec.structs.replace(paper, rows=(("a", "b", "c", "d"),) * 101))


def test_what_the_template_does_not_take_is_an_error() -> None:
    """A fault of setting is an error with a name, never a page with something else on it."""
    paper = paper_of(signed(), "a.json")
    with pytest.raises(PaperError):
        set_paper(msgspec.structs.replace(paper, facts=(("no value",),)))
