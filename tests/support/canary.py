"""Canaries: texts that stand for a person's data, and every form in which one could come to light.

Guarantee: a needle is a substring of each text that holds the canary in that form, wherever in it
the canary stands; so a search that finds nothing has looked for all of them.
"""

from __future__ import annotations

import mmap
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from zlib import decompressobj, error

__all__ = ["Needles", "find_in", "find_in_file", "needles_of"]

Needles = Mapping[bytes, str]
"""What is looked for, and which canary in which form that is."""

_PART_BYTES = 3
_CHAR_BITS = 6
_GZIP_WINDOW = 47


def needles_of(*canaries: str) -> dict[bytes, str]:
    """Return every form of these canaries: as written, in both cases; each of these in base64 at
    its three alignments, in hexadecimal of both cases, in UTF-16 of both orders.
    """
    needles: dict[bytes, str] = {}
    for canary in canaries:
        for written in dict.fromkeys((canary, canary.upper(), canary.lower())):
            for form, needle in _forms(written):
                needles[needle] = f"{canary} ({form})"
    return needles


def _forms(written: str) -> Iterator[tuple[str, bytes]]:
    data = written.encode()
    yield "as written", data
    yield "hex", data.hex().encode()
    yield "HEX", data.hex().upper().encode()
    yield "utf-16-le", written.encode("utf-16-le")
    yield "utf-16-be", written.encode("utf-16-be")
    for before in range(_PART_BYTES):
        yield f"base64 at {before}", _base64(data, before)


def _base64(data: bytes, before: int) -> bytes:
    """Return the characters that depend on the data alone, with so many bytes before it."""
    encoded = b64encode(bytes(before) + data)
    first = -(-before * 8 // _CHAR_BITS)
    last = (before + len(data)) * 8 // _CHAR_BITS
    return encoded[first:last]


def find_in(data: bytes | mmap.mmap, needles: Needles) -> set[str]:
    """Return which needles stand in some bytes."""
    return {said for needle, said in needles.items() if data.find(needle) >= 0}


def find_in_file(path: Path, needles: Needles) -> set[str]:
    """Return which needles stand in a file, also in what it holds compressed by gzip or zlib."""
    if not path.stat().st_size:
        return set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = find_in(data, needles)
        if data[:2] in {b"\x1f\x8b", b"\x78\x9c", b"\x78\x01"}:
            found |= find_in(_inflated(data[:]), needles)
        return found


def _inflated(data: bytes) -> bytes:
    try:
        return decompressobj(_GZIP_WINDOW).decompress(data)
    except error:
        return b""
