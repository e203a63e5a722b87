"""A certificate on a screen, and as files: a text, its JSON, a page on paper.

Guarantee: all say the same words (`services.certificate_words`). What can be checked is the JSON,
which is also written beside a page on paper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from comity.app.paper import set_paper
from comity.cli.errors import UsageError
from comity.cli.files import write_whole
from comity.cli.terminal import facts_console, print_wrapped
from comity.domain.certificate import SignedCertificate, encode_certificate
from comity.services.certificate_words import certificate_rows, certificate_text, paper_of

__all__ = ["check_ending", "print_certificate", "write_certificate"]

_ENDINGS: Final = (".txt", ".json", ".pdf")


def check_ending(path: Path) -> None:
    """Check that a file's ending says how a certificate is to be written. Raises: UsageError."""
    if path.suffix.lower() not in _ENDINGS:
        raise UsageError(f"`{path.name}` does not end in {', '.join(_ENDINGS)}")


def write_certificate(path: Path, signed: SignedCertificate) -> tuple[Path, ...]:
    """Write a certificate as its file's ending says; return the files.

    Raises: UsageError, PaperError, OSError.
    """
    check_ending(path)
    data = encode_certificate(signed)
    match path.suffix.lower():
        case ".json":
            write_whole(path, data)
        case ".pdf":
            beside = path.with_suffix(".json")
            write_whole(path, set_paper(paper_of(signed, beside.name)))
            write_whole(beside, data)
            return path, beside
        case _:
            write_whole(path, certificate_text(signed))
    return (path,)


def print_certificate(signed: SignedCertificate) -> None:
    """Print a certificate's lines within the screen's width."""
    console = facts_console()
    for start, text in certificate_rows(signed):
        print_wrapped(console, text, start, " " * len(start))
