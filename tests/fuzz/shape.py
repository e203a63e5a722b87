"""How a format's text comes apart into what a person would call its parts, and together again.

Guarantee: `joined(shape, parts_of(shape, data)) == data` for data that has no part to put right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto

_LENGTH_BYTES = 4


class Shape(Enum):
    """What the parts of a format are."""

    DOTTED = auto()  # elements between periods, lines
    LINES = auto()
    CELLS = auto()  # lines and cells between commas
    XML = auto()  # elements whole, tags, text
    JSON = auto()
    MSGPACK = auto()
    FRAMES = auto()  # a length of four bytes before each
    RAW = auto()


_PARTS = {
    Shape.DOTTED: re.compile(rb"[^.\n]*[.\n]|[^.\n]+"),
    Shape.LINES: re.compile(rb"[^\n]*\n|[^\n]+"),
    Shape.CELLS: re.compile(rb"[^,\n]*[,\n]|[^,\n]+"),
    Shape.XML: re.compile(rb"<([\w:]+)\b[^<>]*>[^<]*</\1>|<[^<>]*>|[^<]+|<"),
    Shape.JSON: re.compile(rb'"(?:[^"\\]|\\.)*"|[^"]+|"'),
}


def parts_of(shape: Shape, data: bytes) -> list[bytes]:
    """Return the parts of a text, in their order; a text of no shape is one part."""
    if shape is Shape.FRAMES:
        return _frames_of(data)
    form = _PARTS.get(shape)
    return [data] if form is None else [found[0] for found in form.finditer(data)]


def joined(shape: Shape, parts: Sequence[bytes], *, keeps_length: bool = True) -> bytes:
    """Return parts as one text; of frames, with the length that each has, if `keeps_length`."""
    if shape is Shape.FRAMES and keeps_length:
        return b"".join(map(_with_length, parts))
    return b"".join(parts)


def _frames_of(data: bytes) -> list[bytes]:
    parts: list[bytes] = []
    at = 0
    while at + _LENGTH_BYTES < len(data):
        length = int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
        end = at + _LENGTH_BYTES + max(1, min(length, len(data)))
        parts.append(data[at:end])
        at = end
    return [*parts, data[at:]] if at < len(data) else parts


def _with_length(part: bytes) -> bytes:
    if len(part) <= _LENGTH_BYTES:
        return part
    return (len(part) - _LENGTH_BYTES).to_bytes(_LENGTH_BYTES, "big") + part[_LENGTH_BYTES:]
