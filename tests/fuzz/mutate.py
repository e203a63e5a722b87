"""Makes inputs out of examples: the same input for the same seed, target and number, anywhere.

    input = a seed, then 1 to 9 moves; a move works on bytes, on parts (lines, fields, elements,
            frames: `shape`) or on values (JSON, MessagePack: `trees`)

Guarantee: `Mutator.make` is a function of the generator it is given; what it returns is never
longer than `bytes_max`.
Source: CONTRIBUTING.md, "Tests".
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.fuzz.shape import Shape, joined, parts_of
from tests.fuzz.trees import moved_tree

MOVES_MAX = 9
REPEATS_MAX = 4_096
_NUMBER = re.compile(rb"[0-9]+")
_RUN = re.compile(rb"[A-Za-z0-9_-]{2,}")

CONTROLS = [bytes([code]) for code in (*range(0x20), 0x7F)]
BROKEN_UTF8 = [
    b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80",
    b"\xf0\x9f\x98", b"\xef\xbf\xbf",
]  # fmt: skip
LETTERS = [
    text.encode()
    for text in (
        "ß", "İ", "\u0131", "\u017f", "Ǆ", "é", "e\u0301", "\u2028", "\u0085", "\ufeff",
        "😀", "٣", "²",
    )
]  # fmt: skip
NUMBERS = [
    b"0", b"1", b"-1", b"-0", b"00", b"01", b"9", b"32", b"255", b"256", b"65535", b"65536",
    b"99999", b"100000", b"2147483648", b"4294967296", b"9007199254740993",
    b"9223372036854775808", b"18446744073709551616", b"1e400", b"1.5", b"0x10", b"1_000", b"nan",
    b"9" * 400, b"9" * 5_000,
]  # fmt: skip
MARKS = [
    b".TXT", b"TXT", b".TXT\n", b"\r\n", b"\n\n", b"\r", b"\t", b" ", b"  ", b".", b"..", b"/",
    b"*", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<?x?>", b"<!DOCTYPE a>", b"&lt;", b"&#0;",
    b"&#x10FFFF;", b"&a;", b"&", b"<", b">", b"<x>", b"</x>", b"<x/>", b'<!ENTITY a "b">',
    b'"', b"'", b"\\", b"\\u0000", b"\\ud800", b"{", b"}", b"[", b"]", b",", b":", b"null",
    b"true", b"{}", b"[]", b"=", b"#", b"`", b"$", b"%", b"%00", b"%0d%0a", b";", b"\x00",
    b" at `$.PX001PD`",
    b"ORIGINAL MESSAGE", b"NOT ON FILE", b"REM/", b"ZPU/", b"Z", b"MX", b"CN", b"NL",
]  # fmt: skip
EVERYWHERE = [*CONTROLS, *BROKEN_UTF8, *LETTERS, *NUMBERS, *MARKS]
CODECS = ("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "utf-7", "latin-1", "cp037")

Move = Callable[["Mutator", random.Random, bytes], bytes]


@dataclass(frozen=True, kw_only=True)
class Mutator:
    """What inputs of one target are made of."""

    seeds: Sequence[bytes]
    shape: Shape
    bytes_max: int
    words: Sequence[bytes] = ()
    moves: Sequence[Move] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", [*self.words, *EVERYWHERE])
        own = {
            Shape.JSON: [_move_tree] * 6 + [_move_parts] * 2,
            Shape.MSGPACK: [_move_tree] * 8,
            Shape.RAW: [],
        }.get(self.shape, [_move_parts] * 7)
        object.__setattr__(self, "moves", [*_ON_BYTES, *own])

    def make(self, chance: random.Random) -> bytes:
        """Return one input: mostly one or two moves away from a seed, now and then many."""
        data = chance.choice(self.seeds)
        count = min(1 + int(chance.expovariate(0.9)), MOVES_MAX)
        for _ in range(count):
            data = chance.choice(self.moves)(self, chance, data)
        return data[: self.bytes_max]

    def word(self, chance: random.Random) -> bytes:
        """Return a word of the format, of every format, or of another seed."""
        if chance.random() < 0.3:
            found = _RUN.findall(chance.choice(self.seeds)[:4_096])
            if found:
                return bytes(chance.choice(found))
        return chance.choice(self.words)


def place(chance: random.Random, data: bytes) -> int:
    """Return a place between two bytes; an end every tenth time."""
    if chance.random() < 0.1:
        return chance.choice((0, len(data)))
    return chance.randint(0, len(data))


def span(chance: random.Random, data: bytes) -> tuple[int, int]:
    """Return a stretch of a text, mostly a short one."""
    start = place(chance, data)
    most = chance.choice((1, 2, 4, 16, 64, max(1, len(data))))
    return start, min(len(data), start + chance.randint(1, most))


def _flip(_: Mutator, chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _set(_: Mutator, chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _insert(self: Mutator, chance: random.Random, data: bytes) -> bytes:
    at = place(chance, data)
    return data[:at] + self.word(chance) + data[at:]


def _replace(self: Mutator, chance: random.Random, data: bytes) -> bytes:
    found = list(_RUN.finditer(data[:65_536]))
    if not found:
        return _insert(self, chance, data)
    run = chance.choice(found)
    return data[: run.start()] + self.word(chance) + data[run.end() :]


def _delete(_: Mutator, chance: random.Random, data: bytes) -> bytes:
    start, end = span(chance, data)
    return data[:start] + data[end:]


def _duplicate(_: Mutator, chance: random.Random, data: bytes) -> bytes:
    start, end = span(chance, data)
    at = end if chance.random() < 0.5 else place(chance, data)
    return data[:at] + data[start:end] + data[at:]


def _repeat(self: Mutator, chance: random.Random, data: bytes) -> bytes:
    """Repeat a stretch, or a word, until it is long: mostly short of the limit."""
    start, end = span(chance, data)
    text = data[start:end] if chance.random() < 0.5 else self.word(chance)
    most = REPEATS_MAX if chance.random() < 0.1 else 64
    count = min(chance.randint(2, most), self.bytes_max // max(1, len(text)) + 1)
    return data[:start] + text * count + data[start:]


def _number(self: Mutator, chance: random.Random, data: bytes) -> bytes:
    found = list(_NUMBER.finditer(data[:65_536]))
    if not found:
        return _insert(self, chance, data)
    run = chance.choice(found)
    return data[: run.start()] + chance.choice(NUMBERS) + data[run.end() :]


def _splice(self: Mutator, chance: random.Random, data: bytes) -> bytes:
    other = chance.choice(self.seeds)
    return data[: place(chance, data)] + other[place(chance, other) :]


def _truncate(_: Mutator, chance: random.Random, data: bytes) -> bytes:
    return data[: place(chance, data)]


def _case(_: Mutator, chance: random.Random, data: bytes) -> bytes:
    start, end = span(chance, data)
    return data[:start] + data[start:end].swapcase() + data[end:]


def _encode(_: Mutator, chance: random.Random, data: bytes) -> bytes:
    if chance.random() < 0.7:
        return data
    codec = chance.choice(CODECS)
    return data.decode("latin-1").encode(codec, "replace")


_ON_BYTES: list[Move] = [
    _flip, _set, _insert, _insert, _replace, _replace, _delete, _delete, _duplicate, _repeat,
    _number, _splice, _truncate, _case, _encode,
]  # fmt: skip


def _move_parts(self: Mutator, chance: random.Random, data: bytes) -> bytes:
    """Delete, repeat, move, exchange or nest parts as the format has them."""
    parts = parts_of(self.shape, data)
    if len(parts) < 2:
        return data
    first, second = chance.randrange(len(parts)), chance.randrange(len(parts))
    match chance.randrange(7):
        case 0:
            del parts[first]
        case 1:
            parts.insert(second, parts[first])
        case 2:
            parts.insert(second, parts.pop(first))
        case 3:
            parts[first], parts[second] = parts[second], parts[first]
        case 4:
            theirs = parts_of(self.shape, chance.choice(self.seeds))
            parts[first] = chance.choice(theirs) if theirs else b""
        case 5:
            most = REPEATS_MAX if chance.random() < 0.05 else 40
            parts[first] *= min(chance.randint(2, most), self.bytes_max // len(parts[first]) + 1)
        case _:
            parts[first] = _insert(self, chance, parts[first])
    return joined(self.shape, parts, keeps_length=chance.random() < 0.8)


def _move_tree(self: Mutator, chance: random.Random, data: bytes) -> bytes:
    return moved_tree(self.shape, chance, data, self.word)
