"""Certificates and letters as PDF/UA, set by Typst from templates of our own.

# INVARIANT (fail-closed): what is set comes as JSON in one input and is text there, never code; a
document that would not fit is refused before Typst sees it.

Guarantee: no network, no file but the template, no font but those of the wheel; the same document
gives the same bytes.
Source: docs/adr/0032-second-proof-and-certificates.md, "On paper";
docs/adr/0039-statutory-clocks.md, "Decision: letters"; typst 0.15.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Final, Literal

import msgspec
import typst

from comity.adapters.errors import PaperError
from comity.ports import Paper
from comity.review.letters import Letter

__all__ = ["PAPER_BYTES_MAX", "letter_png", "paper_png", "set_letter", "set_paper"]

PAPER_BYTES_MAX: Final = 65_536
"""JSON of one document at most."""
_ROWS_MAX: Final = 100
_STANDARD: Final = "ua-1"
_CERTIFICATE: Final = "certificate.typ"
_LETTER: Final = "letter.typ"
# Typst's own words name the character, which may be of a person's name.
_NO_GLYPH: Final = "could not be displayed with font"


def set_paper(paper: Paper) -> bytes:
    """Return a document as PDF/UA. Raises: PaperError."""
    return _certificate(paper, "pdf")


def paper_png(paper: Paper) -> bytes:
    """Return the document's page as PNG, for whoever looks at it. Raises: PaperError."""
    return _certificate(paper, "png")


def set_letter(letter: Letter) -> bytes:
    """Return a letter of one page as PDF/UA. Raises: PaperError."""
    return _compiled(_LETTER, letter, letter.at, "pdf")


def letter_png(letter: Letter) -> bytes:
    """Return a letter's page as PNG, for whoever looks at it. Raises: PaperError."""
    return _compiled(_LETTER, letter, letter.at, "png")


def _certificate(paper: Paper, form: Literal["pdf", "png"]) -> bytes:
    if len(paper.rows) > _ROWS_MAX:
        raise PaperError(f"a document is over {_ROWS_MAX} rows")
    return _compiled(_CERTIFICATE, paper, paper.at, form)


def _compiled(template: str, said: Paper | Letter, at: int, form: Literal["pdf", "png"]) -> bytes:
    document = msgspec.json.encode(said).decode()
    if len(document) > PAPER_BYTES_MAX:
        raise PaperError(f"a document is over {PAPER_BYTES_MAX} bytes")
    with as_file(files("comity.adapters").joinpath("typst_templates")) as folder:
        try:
            made = typst.compile(
                str(folder / template),
                root=str(folder),
                ignore_system_fonts=True,
                format=form,
                sys_inputs={"document": document},
                pdf_standards=[_STANDARD] if form == "pdf" else [],
                timestamp=datetime.fromtimestamp(at, UTC) if form == "pdf" else None,
            )
        except RuntimeError as error:
            if _NO_GLYPH in str(error):
                raise PaperError("the font has no sign for a character of the document") from None
            raise PaperError("typst does not set the document") from error
    if not isinstance(made, bytes):
        raise PaperError("a document is longer than one page")
    return made
