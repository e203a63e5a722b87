"""Practice elements: each name's data class comes from elements.toml, and a record's elements are
encoded as a source keeps them.

Guarantee: an element whose name is not in the table cannot be made.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.answer import Element
from comity.practice.tables import element_rows

__all__ = ["decode_record", "element", "encode_record"]

_CLASS_OF: Final = {name: row.data_class for name, row in element_rows().items()}
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Element, ...])


def element(name: str, value: str) -> Element:
    """Return one element, under the data class that its name belongs to."""
    return Element(data_class=_CLASS_OF[name], name=name, value=value)


def encode_record(elements: list[Element]) -> bytes:
    """Return a record's elements as MessagePack: a list of (data class, name, value)."""
    return _encoder.encode(elements)


def decode_record(data: bytes) -> tuple[Element, ...]:
    """Return the elements that `encode_record` wrote. Raises: msgspec.DecodeError."""
    return _decoder.decode(data)
