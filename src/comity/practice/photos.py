"""Practice photos: a drawn face of 48 x 60 points under the word PRACTICE, as a small PNG.

Guarantee: nobody's face, and plainly so. Each of the few hundred drawings is compressed once; a
person's photo is one of them with grey shades of its own, which costs a checksum.
Source: PNG (ISO/IEC 15948), sections 5 and 11: signature, IHDR, PLTE, IDAT, IEND.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache
from itertools import product
from math import hypot
from random import Random
from typing import Final

from comity.practice.chance import pick

__all__ = ["PHOTO_HEIGHT", "PHOTO_WIDTH", "photo_of"]

PHOTO_WIDTH: Final = 48
PHOTO_HEIGHT: Final = 60
_GROUND, _SKIN, _HAIR, _DARK = 0, 1, 2, 3
_BITS: Final = 2
_INK: Final = 16  # the darkest shade of a photo, for eyes, mouth and the word

# The letters of PRACTICE, 3 x 5 points each, a row in three bits.
_GLYPHS: Final = {
    "P": (7, 5, 7, 4, 4), "R": (7, 5, 7, 6, 5), "A": (7, 5, 7, 5, 5), "C": (7, 4, 4, 4, 7),
    "T": (7, 2, 2, 2, 2), "I": (7, 2, 2, 2, 7), "E": (7, 4, 6, 4, 7),
}  # fmt: skip
_FACES: Final = tuple(product((12, 13, 14, 15), (1, 2, 3), (6, 9, 12), (0, 1, 2), (False, True)))
_LONG_HAIR: Final = tuple(face for face in _FACES if face[2] > 6)
_SHORT_HAIR: Final = tuple(face for face in _FACES if face[2] < 12)
_BY_SEX: Final = {"F": _LONG_HAIR, "M": _SHORT_HAIR, "X": _FACES}

_Face = tuple[int, int, int, int, bool]


def photo_of(rng: Random, sex: str) -> bytes:
    """Return one PNG, 2 bits a point, in grey; under 1,500 bytes."""
    face = pick(rng, _BY_SEX[sex])
    shades = int(rng.random() * 60), int(rng.random() * 110), int(rng.random() * 120)
    greys = (250 - shades[0], 215 - shades[1], 30 + shades[2], _INK)
    palette = b"".join(bytes((grey, grey, grey)) for grey in greys)
    head, tail = _drawing(face)
    return head + _chunk(b"PLTE", palette) + tail


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


@cache
def _drawing(face: _Face) -> tuple[bytes, bytes]:
    """Return what stands before and after the palette of a photo with this face."""
    header = struct.pack(">IIBBBBB", PHOTO_WIDTH, PHOTO_HEIGHT, _BITS, 3, 0, 0, 0)
    rows = [[_point(face, x, y) for x in range(PHOTO_WIDTH)] for y in range(PHOTO_HEIGHT)]
    _write_word(rows)
    packed = b"".join(b"\x00" + _pack(row) for row in rows)
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    return head, _chunk(b"IDAT", zlib.compress(packed, 9)) + _chunk(b"IEND", b"")


def _pack(row: list[int]) -> bytes:
    groups = [row[at : at + 4] for at in range(0, len(row), 4)]
    return bytes(a << 6 | b << 4 | c << 2 | d for a, b, c, d in groups)


def _point(face: _Face, x: int, y: int) -> int:
    """Return the shade of one point: face before hair before shoulders before ground."""
    width, eye, hair, mouth, has_glasses = face
    across, down = x - PHOTO_WIDTH / 2 + 0.5, y - 26.0
    if (across / width) ** 2 + (down / 17) ** 2 <= 1:
        return _feature(across, down, eye, mouth, has_glasses=has_glasses, hair=hair)
    if (across / (width + 3)) ** 2 + ((down + 2) / 18) ** 2 <= 1 and down < hair:
        return _HAIR
    if down > 19 and (across / 23) ** 2 + ((down - 32) / 14) ** 2 <= 1:
        return _DARK
    return _GROUND


def _feature(
    across: float, down: float, eye: int, mouth: int, *, has_glasses: bool, hair: int
) -> int:
    side = abs(across)
    if down < -9 + (side / hair) * 2:
        return _HAIR
    if abs(side - 6) < eye and abs(down + 3) < 1.2:
        return _DARK
    if has_glasses and 3.2 < hypot(side - 6, down + 3) < 4.4:
        return _DARK
    if side < 1 and 1 < down < 4:
        return _HAIR
    if side < 5 and abs(down - 9 - (mouth - 1) * side * 0.25) < 0.8:
        return _DARK
    return _SKIN


def _write_word(rows: list[list[int]]) -> None:
    top, left = PHOTO_HEIGHT - 7, 8
    for row in rows[top - 1 : top + 6]:
        row[left - 1 : left + 33] = [_GROUND] * 34
    for place, letter in enumerate("PRACTICE"):
        for down, bits in enumerate(_GLYPHS[letter]):
            for across in range(3):
                if bits >> (2 - across) & 1:
                    rows[top + down][left + place * 4 + across] = _DARK
