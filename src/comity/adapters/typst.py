"""Certificates, letters and binders as PDF/UA, set by Typst from templates of our own.

# INVARIANT (fail-closed): what is set comes as JSON in one input and is text there, never code; a
document that would not fit is refused before Typst sees it.

Guarantee: no network, no file but the template, no font but those of the wheel; the same document
gives the same bytes.
Source: docs/adr/0032-second-proof-and-certificates.md, "On paper";
docs/adr/0039-statutory-clocks.md, "Decision: letters"; docs/adr/0044-legal-desk.md; typst 0.15.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Final, Literal

import msgspec
import typst

from comity.adapters.errors import PaperError
from comity.ports import Binder, Paper
from comity.review.letters import Letter

__all__ = [
    "BINDER_BYTES_MAX",
    "CLAUSES_MAX",
    "PAPER_BYTES_MAX",
    "letter_png",
    "paper_png",
    "set_binder",
    "set_letter",
    "set_paper",
]

PAPER_BYTES_MAX: Final = 65_536
"""JSON of one document at most."""
BINDER_BYTES_MAX: Final = 1_048_576
"""JSON of a binder at most."""
CLAUSES_MAX: Final = 1_000
"""Clauses of a binder at most."""
_ROWS_MAX: Final = 100
_STANDARD: Final = "ua-1"
_CERTIFICATE: Final = "certificate.typ"
_LETTER: Final = "letter.typ"
_BINDER: Final = "binder.typ"
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


def set_binder(binder: Binder) -> bytes:
    """Return a state's rules as of a day as PDF/UA. Raises: PaperError."""
    if sum(len(group.clauses) for group in binder.groups) > CLAUSES_MAX:
        raise PaperError(f"a binder is over {CLAUSES_MAX:,} clauses")
    return _compiled(_BINDER, binder, binder.at, "pdf", bytes_max=BINDER_BYTES_MAX)


def letter_png(letter: Letter) -> bytes:
    """Return a letter's page as PNG, for whoever looks at it. Raises: PaperError."""
    return _compiled(_LETTER, letter, letter.at, "png")


def _certificate(paper: Paper, form: Literal["pdf", "png"]) -> bytes:
    if len(paper.rows) > _ROWS_MAX:
        raise PaperError(f"a document is over {_ROWS_MAX} rows")
    return _compiled(_CERTIFICATE, paper, paper.at, form)


def _compiled(
    template: str,
    said: Paper | Letter | Binder,
    at: int,
    form: Literal["pdf", "png"],
    *,
    bytes_max: int = PAPER_BYTES_MAX,
) -> bytes:
    document = msgspec.json.encode(said).decode()
    if len(document) > bytes_max:
        raise PaperError(f"a document is over {bytes_max} bytes")
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
