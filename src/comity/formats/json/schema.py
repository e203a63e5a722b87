"""How JSON documents are decoded: closed schemas, bounded size, errors without values.

Guarantee: `decode` returns a value of the schema or raises `MessageError`; an unknown member, a
value of another type or a missing member is refused.
Source: docs/reference/messages.md, "JSON".
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

from comity.domain.keys import is_key_form
from comity.domain.vocabulary import Emergency, Instrument, Offence, Purpose
from comity.formats.faults import MessageError, fault_of, with_original

__all__ = ["decode", "echo", "refuse"]

_T = TypeVar("_T")
_PATH: Final = re.compile(r" - at `(\$(?:\.\w+|\[(?:\.\.\.|[0-9]+)\])*)`\Z", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_INDEX: Final = re.compile(r"\[[0-9]+\]")
_MEMBER: Final = re.compile(r"encode_name='(\w+)'")
_UNKNOWN: Final = "Object contains unknown field"
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
        fault = _schema_fault(str(error), data, decoder.type)
        raise with_original(fault, echo(data)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        sentence = "the message is not a json document"
        raise with_original(fault_of("0", "json-malformed", sentence), echo(data)) from None


@cache
def _names(schema: Any) -> frozenset[str]:
    """Return the names of all members that a schema has."""
    return frozenset(_MEMBER.findall(repr(msgspec.inspect.type_info(schema))))


def _place(words: str, schema: Any) -> str:
    """Return where a document departs from its schema, in names that the schema has.

    The library repeats the name of an unknown member, which may look like a place itself.
    """
    found = _PATH.search(words)
    place = found[1] if found else "$"
    if not _names(schema).issuperset(_NAME.findall(place)):
        return "$"
    return _INDEX.sub("[...]", place) if words.startswith(_UNKNOWN) else place


def _schema_fault(words: str, data: bytes, schema: Any) -> MessageError:
    """Say where a document departs from its schema; what stands there is not repeated."""
    place = _place(words, schema)
    kind = _VOCABULARIES.get(place.removeprefix("$.claims."))
    if words.startswith("Invalid enum value") and kind is not None:
        sentence = f"`{place}` holds a value that is not in its vocabulary"
        options = (f"{place.removeprefix('$.claims.')}: {' '.join(kind)}",)
        key = _key_of(data)
        return fault_of(".22.", "addition-value-unknown", sentence, key=key, options=options)
    if words.startswith(_UNKNOWN):
        return fault_of("0", "json-schema", f"`{place}` holds a member that is not in the schema")
    return fault_of("0", "json-schema", f"`{place}` is not as the schema has it")


def _key_of(data: bytes) -> str:
    """Return the message key of a document that is JSON, for the text of its error."""
    try:
        key = _keyed.decode(data).key
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # It departs from the schema before it departs from JSON.
        return "XX"
    return key if isinstance(key, str) and is_key_form(key) else "XX"


def refuse(place: str, code: str = "json-schema") -> MessageError:
    """Return the error for a value that has its type and not its form."""
    return fault_of("0", code, f"`{place}` is not as the schema has it")


def echo(data: bytes) -> str:
    """Return the start of a document as its error shows it: one line, printable."""
    text = data[:_ECHO_BYTES].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text)
