"""Certificates as PDF/UA, set by Typst from a template of our own.

# INVARIANT (fail-closed): what is set comes as JSON in one input and is text there, never code; a
document that would not fit is refused before Typst sees it.

Guarantee: no network, no file but the template, no font but those of the wheel; the same document
gives the same bytes.
Source: docs/adr/0032-second-proof-and-certificates.md, "On paper"; typst 0.15.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Final, Literal

import msgspec
import typst

from comity.adapters.errors import PaperError
from comity.ports import Paper

__all__ = ["PAPER_BYTES_MAX", "paper_png", "set_paper"]

PAPER_BYTES_MAX: Final = 65_536
"""JSON of one document at most."""
_ROWS_MAX: Final = 100
_STANDARD: Final = "ua-1"
_TEMPLATE: Final = "certificate.typ"


def set_paper(paper: Paper) -> bytes:
    """Return a document as PDF/UA. Raises: PaperError."""
    return _compiled(paper, "pdf")


def paper_png(paper: Paper) -> bytes:
    """Return the document's page as PNG, for whoever looks at it. Raises: PaperError."""
    return _compiled(paper, "png")


def _compiled(paper: Paper, form: Literal["pdf", "png"]) -> bytes:
    document = msgspec.json.encode(paper).decode()
    if len(document) > PAPER_BYTES_MAX or len(paper.rows) > _ROWS_MAX:
        raise PaperError(f"a document is over {PAPER_BYTES_MAX} bytes or {_ROWS_MAX} rows")
    with as_file(files("comity.adapters").joinpath("typst_templates")) as folder:
        try:
            made = typst.compile(
                str(folder / _TEMPLATE),
                root=str(folder),
                ignore_system_fonts=True,
                format=form,
                sys_inputs={"document": document},
                pdf_standards=[_STANDARD] if form == "pdf" else [],
                timestamp=datetime.fromtimestamp(paper.at, UTC) if form == "pdf" else None,
            )
        except RuntimeError as error:
            raise PaperError("typst does not set the document") from error
    if not isinstance(made, bytes):
        raise PaperError("a document is longer than one page")
    return made
