"""Moves on values: members deleted, doubled, moved, nested, made of another type or too large.

Guarantee: what is no JSON or no MessagePack comes back as it was.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import msgspec

from tests.fuzz.shape import Shape

Word = Callable[[random.Random], bytes]
_VERSION_BYTES = 1
_DEPTH_MAX = 3_000
_EXTREMES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 1.5, 1e300, "", " ", [], {},
    [[]], [None], {"": ""}, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "A" * 200, "A" * 5_000,
    "a\nb", "\r\n", "\x00", "é", "\u2028", "😀", "\ud800", ".TXT", "]]>", b"", b"\x00" * 32,
]  # fmt: skip


def moved_tree(shape: Shape, chance: random.Random, data: bytes, word: Word) -> bytes:
    """Return a document with one of its values moved."""
    is_packed = shape is Shape.MSGPACK
    head = data[:_VERSION_BYTES] if is_packed else b""
    try:
        tree = msgspec.msgpack.decode(data[len(head) :]) if is_packed else json.loads(data)
        moved = _moved(tree, chance, word)
        if not is_packed and chance.random() < 0.05:
            return _deep(chance, data)
        return head + _encoded(moved, chance, is_packed=is_packed)
    except (
        msgspec.MsgspecError,
        ValueError,
        RecursionError,
        TypeError,
        OverflowError,
        MemoryError,
    ):
        return data


def _deep(chance: random.Random, data: bytes) -> bytes:
    """Put a document, or its end, below many brackets."""
    count = chance.randint(2, _DEPTH_MAX)
    opens, closes = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    whole = opens * count + b"1" + closes * (count if chance.random() < 0.5 else 0)
    at = data.rfind(b"}")
    extra = chance.choice((b',"more":', b',"key":', b',"reason":'))
    return data[:at] + extra + whole + data[at:]


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every container with every key of it."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict | list):
            continue
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            found.append((node, key))
            waiting.append(node[key])
    return found


def _moved(tree: Any, chance: random.Random, word: Word) -> Any:
    places = _places(tree)
    if not places:
        return chance.choice(_EXTREMES)
    node, key = chance.choice(places)
    other, there = chance.choice(places)
    match chance.randrange(8):
        case 0:
            del node[key]
        case 1:
            node[key] = chance.choice(_EXTREMES)
        case 2 | 3:
            node[key] = _worded(node[key], chance, word)
        case 4 if isinstance(node, list):
            count = 5_000 if chance.random() < 0.03 else chance.randint(1, 70)
            node[key:key] = [node[key]] * count
        case 4:
            node[word(chance).decode("utf-8", "replace")] = node[key]
        case 5:
            node[key] = json.loads(json.dumps(other[there], default=str))
        case 6:
            node[key], other[there] = other[there], node[key]
        case _:
            node[key] = [node[key]] if chance.random() < 0.5 else {"a": node[key]}
    return tree


def _worded(value: Any, chance: random.Random, word: Word) -> Any:
    """Change a text or a number by a little, so that it may still pass as one."""
    if isinstance(value, bytes):
        at = chance.randint(0, len(value))
        return value[:at] + word(chance) + value[at + chance.randrange(2) :]
    if isinstance(value, str):
        at = chance.randint(0, len(value))
        said = word(chance).decode("utf-8", "replace")
        return value[:at] + said + value[at + chance.randrange(3) :]
    if isinstance(value, int):
        return value + chance.choice((-1, 1, 2**16, 2**31, -(2**40)))
    return word(chance).decode("utf-8", "replace")


def _encoded(tree: Any, chance: random.Random, *, is_packed: bool) -> bytes:
    if is_packed:
        return msgspec.msgpack.encode(tree)
    if chance.random() < 0.5:
        return msgspec.json.encode(tree)
    text = json.dumps(tree, ensure_ascii=chance.random() < 0.5, indent=chance.choice((None, 1)))
    return text.encode("utf-8", "surrogatepass")
