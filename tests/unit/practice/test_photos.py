"""Practice photos."""

from __future__ import annotations

import struct
import zlib

from comity.practice.chance import stream
from comity.practice.photos import PHOTO_HEIGHT, PHOTO_WIDTH, photo_of

BYTES_MAX = 1_500


def chunks(png: bytes) -> dict[bytes, bytes]:
    """Read a PNG's chunks, checking each checksum."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    found, at = {}, 8
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        body = png[at + 4 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size) == (zlib.crc32(body),)
        found[body[:4]] = body[4:]
        at += 12 + size
    return found


def test_photo_is_a_small_grey_png() -> None:
    """A photo is a well-formed PNG of four greys, within its size."""
    for number in range(200):
        png = photo_of(stream(number, "photo"), "FMX"[number % 3])
        parts = chunks(png)
        assert list(parts) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
        assert struct.unpack(">II", parts[b"IHDR"][:8]) == (PHOTO_WIDTH, PHOTO_HEIGHT)
        assert len(zlib.decompress(parts[b"IDAT"])) == PHOTO_HEIGHT * (1 + PHOTO_WIDTH // 4)
        palette = parts[b"PLTE"]
        assert palette[0::3] == palette[1::3] == palette[2::3]
        assert len(png) <= BYTES_MAX


def test_photos_differ_and_repeat_by_seed() -> None:
    """Two streams draw two photos, the same stream the same one."""
    assert photo_of(stream(1, "a"), "F") == photo_of(stream(1, "a"), "F")
    photos = {photo_of(stream(seed, "a"), "F") for seed in range(50)}
    assert len(photos) > 45


def test_every_photo_says_practice() -> None:
    """The rows of the word are the same in every photo, whatever the face."""
    words = set()
    for seed in range(60):
        points = zlib.decompress(chunks(photo_of(stream(seed, "w"), "X"))[b"IDAT"])
        line = 1 + PHOTO_WIDTH // 4
        rows = [points[row * line : (row + 1) * line] for row in range(PHOTO_HEIGHT)]
        words.add(b"".join(row[3:11] for row in rows[PHOTO_HEIGHT - 7 : PHOTO_HEIGHT - 2]))
    assert len(words) == 1
