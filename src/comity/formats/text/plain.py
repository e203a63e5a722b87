"""Text as legacy terminals take it: ASCII, no control characters, 80 columns.

Guarantee: what leaves `plain_line` is printable ASCII on one line; what leaves `plain_text` is
printable ASCII and line feeds, with none at either end. Both are idempotent.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = [
    "COLUMNS_MAX",
    "CONTROLS",
    "CONTROLS_KEEPING_LINES",
    "is_plain",
    "plain_line",
    "plain_text",
    "wrap_item",
]

COLUMNS_MAX: Final = 80

CONTROLS: Final = bytes([*range(0x20), 0x7F])
"""The characters that may stand anywhere in a message and mean nothing there."""

CONTROLS_KEEPING_LINES: Final = CONTROLS.replace(b"\n", b"").replace(b"\t", b"")
# A character that does not print, a second space, a space at the start or the end of a line.
_NOT_PLAIN: Final = re.compile(r"[^ -~\n]|  |\n | (?:\n|\Z)")
_ASCII_ORDER: Final = 128
# Letters that Unicode does not take apart, and punctuation with a plain twin.
_PLAIN: Final = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Ø": "O", "ø": "o",
        "Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Ł": "L", "ł": "l", "Þ": "TH", "þ": "th",
        "\u0131": "i", "\u02bb": "'", "\u02bc": "'", "\u2018": "'", "\u2019": "'", "\u201c": '"',
        "\u201d": '"', "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-",
        "\u2014": "-", "\u2212": "-", "\u2026": "...", "\u00a7": "SEC.",
    }
)  # fmt: skip
_TO_SPACE: Final = dict.fromkeys((*range(32), 127), " ")
_TO_NOTHING: Final = {code: None for code in (*range(0x20), 0x7F) if code != ord("\n")}


def _ascii(text: str) -> str:
    """Return text with every letter beyond ASCII as its plain letter, or `?` where it has none."""
    parts = unicodedata.normalize("NFKD", text.translate(_PLAIN)).translate(_PLAIN)
    return "".join(
        c if ord(c) < _ASCII_ORDER else "?" for c in parts if not unicodedata.combining(c)
    )


def is_plain(text: str) -> bool:
    """Say whether each line of a text is as `plain_line` leaves it."""
    return _NOT_PLAIN.search(text) is None and text[:1] != " "


def plain_line(text: str) -> str:
    """Return text on one line: printable ASCII, single spaces, none at the ends."""
    if not text.isascii():
        text = _ascii(text)
    if not text.isprintable():
        text = text.translate(_TO_SPACE)
    if "  " in text or text[:1] == " " or text[-1:] == " ":
        text = " ".join(text.split())
    return text


def plain_text(text: str) -> str:
    """Return free text of any number of lines: printable ASCII, line feeds between lines only."""
    if not text.isascii():
        text = _ascii(text)
    if not text.isprintable():
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
        text = text.translate(_TO_NOTHING).strip("\n")
    return text


def wrap_item(line: str) -> str:
    """Return one item, indented as it is, on lines of at most 80 columns.

    A line goes on with four spaces where a space was, with three where a word was cut.
    """
    lines: list[str] = []
    indent, start = "", 0
    words_from = len(line) - len(line.lstrip(" ")) + 1
    while len(line) - start > COLUMNS_MAX - len(indent):
        end = start + COLUMNS_MAX - len(indent)
        cut = line.rfind(" ", max(start, words_from), end + 1)
        if cut > 0:
            lines.append(indent + line[start:cut])
            indent, start = "    ", cut + 1
        else:
            lines.append(indent + line[start:end])
            indent, start = "   ", end
    lines.append(indent + line[start:])
    return "\n".join(lines)
