"""What a PDF that Typst made prints: the text of its pages, by the tables of its own fonts."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_FONT = re.compile(rb"/(f\d+) (\d+) 0 R")
_PAGE = re.compile(rb"/Type/Page/Resources (\d+) 0 R.*?/Contents (\d+) 0 R", re.DOTALL)
_SPOKEN = re.compile(rb"/ActualText(?:\((?:\\.|[^\\)])*\)|<[0-9A-Fa-f]*>)", re.DOTALL)
_TOKEN = re.compile(rb"/(f\d+) [\d.]+ Tf|<([0-9A-Fa-f\s]*)>|(\()|(ET)\b")
_MAPPED = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]+)>")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_SIGNS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def printed(data: bytes) -> str:
    """The text of a PDF's pages in the order of its parts, white space as single blanks."""
    objects = {int(number): body for number, body in _OBJECT.findall(data)}
    parts: list[str] = []
    for body in objects.values():
        page = _PAGE.search(body)
        if page:
            # Each page has names of its own for the fonts of all.
            resources, content = (objects[int(number)] for number in page.groups())
            fonts = {name: _table(objects, int(at)) for name, at in _FONT.findall(resources)}
            # What a reader is told beside the glyphs is the same text a second time.
            parts.extend(_shown(_SPOKEN.sub(b"", _stream(content)), fonts))
    return " ".join("".join(parts).split())


def _table(objects: dict[int, bytes], number: int) -> dict[bytes, str]:
    """Which text a glyph of a font stands for."""
    (found,) = re.findall(rb"/ToUnicode (\d+) 0 R", objects[number])
    pairs = _MAPPED.findall(_stream(objects[int(found)]))
    return {
        bytes.fromhex(glyph.decode()): bytes.fromhex(text.decode()).decode("utf-16-be")
        for glyph, text in pairs
    }


def _stream(body: bytes) -> bytes:
    """The bytes of an object's stream; empty where it has none that is packed."""
    head, found, rest = body.partition(b"stream\n")
    if not found or b"/FlateDecode" not in head:
        return b""
    return zlib.decompressobj().decompress(rest)


def _shown(content: bytes, fonts: dict[bytes, dict[bytes, str]]) -> Iterator[str]:
    """The text that a page's operators show, a blank at the end of each piece."""
    font: dict[bytes, str] = {}
    at = 0
    while found := _TOKEN.search(content, at):
        at = found.end()
        name, digits, opens, ends = found.groups()
        if name:
            font = fonts[name]
        elif ends:
            yield " "
        else:
            if opens:
                close = _closes(content, at)
                glyphs = _ESCAPE.sub(_unescaped, content[at:close])
                at = close + 1
            else:
                glyphs = bytes.fromhex(digits.decode())
            yield from (font[glyphs[n : n + 2]] for n in range(0, len(glyphs), 2))


def _closes(content: bytes, at: int) -> int:
    """Where a literal ends: parentheses within it that match need no escape."""
    depth = 1
    while depth:
        sign = content[at : at + 1]
        depth += (sign == b"(") - (sign == b")")
        at += 2 if sign == b"\\" else 1
    return at - 1


def _unescaped(found: re.Match[bytes]) -> bytes:
    sign = found[1]
    return bytes([int(sign, 8) & 255]) if sign[:1].isdigit() else _SIGNS.get(sign, sign)
