"""How JSON documents are decoded: closed schemas, bounded size, errors without values.

Guarantee: `decode` returns a value of the schema or raises `MessageError`; an unknown member, a
value of another type or a missing member is refused.
Source: docs/reference/messages.md, "JSON".
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from comity.domain.keys import is_known_key
from comity.domain.vocabulary import Emergency, Instrument, Offence, Purpose
from comity.formats.faults import MessageError, fault_of, with_original

__all__ = ["decode", "echo", "refuse"]

_T = TypeVar("_T")
_PATH: Final = re.compile(r"at `(\$[^`]*)`")
_VOCABULARIES: Final[dict[str, type[StrEnum]]] = {
    "purpose": Purpose,
    "offence": Offence,
    "instrument": Instrument,
    "emergency": Emergency,
}
_ECHO_BYTES: Final = 400


class _Keyed(msgspec.Struct, frozen=True):
    key: object = None


_keyed: Final = msgspec.json.Decoder(_Keyed)


def decode(decoder: msgspec.json.Decoder[_T], data: bytes, *, bytes_max: int) -> _T:
    """Return what a document holds. Raises: MessageError, with the start of it in the fault."""
    if len(data) > bytes_max:
        raise fault_of("0", "message-too-long", f"the message is over {bytes_max} bytes")
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise with_original(_schema_fault(str(error), data), echo(data)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        sentence = "the message is not a json document"
        raise with_original(fault_of("0", "json-malformed", sentence), echo(data)) from None


def _schema_fault(words: str, data: bytes) -> MessageError:
    """Say where a document departs from its schema; what stands there is not repeated."""
    path = _PATH.search(words)
    place = path[1] if path else "$"
    kind = _VOCABULARIES.get(place.removeprefix("$.claims."))
    if words.startswith("Invalid enum value") and kind is not None:
        sentence = f"`{place}` holds a value that is not in its vocabulary"
        options = (f"{place.removeprefix('$.claims.')}: {' '.join(kind)}",)
        key = _key_of(data)
        return fault_of(".22.", "addition-value-unknown", sentence, key=key, options=options)
    if words.startswith("Object contains unknown field"):
        return fault_of("0", "json-schema", f"`{place}` holds a member that is not in the schema")
    return fault_of("0", "json-schema", f"`{place}` is not as the schema has it")


def _key_of(data: bytes) -> str:
    """Return the message key of a document that is JSON, for the text of its error."""
    try:
        key = _keyed.decode(data).key
    except msgspec.MsgspecError:
        return "XX"
    return key if isinstance(key, str) and is_known_key(key) else "XX"


def refuse(place: str, code: str = "json-schema") -> MessageError:
    """Return the error for a value that has its type and not its form."""
    return fault_of("0", code, f"`{place}` is not as the schema has it")


def echo(data: bytes) -> str:
    """Return the start of a document as its error shows it: one line, printable."""
    text = data[:_ECHO_BYTES].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text)
