"""Message keys of the network: the closed table of what a message is, what answers it and what it
asks for.

Source: vocabularies/message_key.toml; docs/adr/0002-ids-vocabularies-leaves.md.
"""

from __future__ import annotations

from typing import Final, NewType

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.vocabulary import DataClass, RecordKind, read_table

__all__ = [
    "KEYS",
    "OTHER_KEY",
    "KeyRow",
    "MessageKey",
    "UnknownKeyError",
    "asked_classes",
    "is_known_key",
    "key_row",
    "parse_message_key",
    "response_key",
]

MessageKey = NewType("MessageKey", str)
OTHER_KEY: Final = MessageKey("other")


class UnknownKeyError(MalformedError):
    """A message key is not in the table."""

    code = "message-key-unknown"


class KeyRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the network knows of one message key.

    `classes` empty: the body is opaque, a data class of its own (invariant `opaque-is-a-class`).
    """

    label: str
    response: str = ""
    is_response: bool = False
    classes: tuple[DataClass, ...] = ()
    kinds: tuple[RecordKind, ...] = ()


KEYS: Final[dict[MessageKey, KeyRow]] = {
    MessageKey(key): msgspec.convert(row, KeyRow) for key, row in read_table("message_key").items()
}
_OPAQUE: Final = (DataClass.OPAQUE,)


def is_known_key(text: str) -> bool:
    """Say whether the table has this key; `other` itself is not a key that a message can carry."""
    return text in KEYS and text != OTHER_KEY


def parse_message_key(text: str) -> MessageKey:
    """Return a message key. Raises: UnknownKeyError if the table does not have it."""
    if not is_known_key(text):
        raise UnknownKeyError("`key` is not a message key of this network")
    return MessageKey(text)


def key_row(key: MessageKey) -> KeyRow:
    """Return what the table says of a key."""
    return KEYS[key]


def response_key(key: MessageKey) -> MessageKey:
    """Return the key that a message of this key is answered with; its own where there is none."""
    return MessageKey(KEYS[key].response or key)


def asked_classes(key: MessageKey, *, image: bool) -> tuple[DataClass, ...]:
    """Return the data classes that a query asks for; `photo` only when it asks for an image."""
    classes = KEYS[key].classes or _OPAQUE
    return classes if image else tuple(c for c in classes if c is not DataClass.PHOTO)
