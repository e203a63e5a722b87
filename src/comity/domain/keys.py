"""Message keys of the network: the closed table of what a message is, who answers it, what it asks
for and where it may go.

A key that is not in the table is not refused for that alone: a member may list `other` in what it
answers, and then takes messages of unknown keys, whose body is opaque.
Source: vocabularies/message_key.toml; docs/adr/0002 and 0013.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NewType

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.vocabulary import DataClass, RecordKind, read_table

__all__ = [
    "KEYS",
    "OTHER_KEY",
    "Handling",
    "KeyRow",
    "MessageKey",
    "Priority",
    "Senders",
    "UnknownKeyError",
    "asked_classes",
    "delivered_key",
    "is_key_form",
    "is_known_key",
    "key_row",
    "listed_key",
    "parse_message_key",
    "response_key",
]

MessageKey = NewType("MessageKey", str)
OTHER_KEY: Final = MessageKey("other")
_KEY_FORM: Final = re.compile("[A-Z]{2,3}")


class UnknownKeyError(MalformedError):
    """A message key is not in the table."""

    code = "message-key-unknown"


class Handling(StrEnum):
    """Who answers a message of a key, once its receiving member's policy has decided."""

    RECORDS = "records"
    """The member's source of records."""

    AGENCY = "agency"
    """A person: the message is delivered to agencies' lines of the member."""

    DIRECTORY = "directory"
    """The sender's own member, from its part of the directory."""

    ARCHIVE = "archive"
    """The sender's own member, from its own traffic."""

    STATUS = "status"
    """The sender's own member: what it announces of its service."""

    NETWORK = "network"
    """Nobody: only the network itself sends it."""


class Priority(StrEnum):
    """What goes first where messages wait together."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Senders(StrEnum):
    """Which agencies may send a key at all; everything further is the receiving state's policy."""

    ANY = "any"
    CRIMINAL_JUSTICE = "criminal_justice"
    """Agencies whose directory type is law enforcement or criminal justice."""

    CONTROL = "control"
    """Control terminals: the agencies that speak for their member's system itself."""


class KeyRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the network knows of one message key.

    `classes` empty: the body is opaque, a data class of its own (invariant `opaque-is-a-class`).
    `delivered_as` is the key under which states get it (a region query is delivered as a plain
    one). `to_region` and `to_network` say whether it may be sent to a region, and to `NL`.
    """

    label: str
    response: str = ""
    is_response: bool = False
    classes: tuple[DataClass, ...] = ()
    kinds: tuple[RecordKind, ...] = ()
    handling: Handling = Handling.RECORDS
    delivered_as: str = ""
    to_region: bool = False
    to_network: bool = False
    priority: Priority = Priority.NORMAL
    senders: Senders = Senders.ANY


KEYS: Final[dict[MessageKey, KeyRow]] = {
    MessageKey(key): msgspec.convert(row, KeyRow) for key, row in read_table("message_key").items()
}
_OTHER_ROW: Final = KEYS[OTHER_KEY]
_OPAQUE: Final = (DataClass.OPAQUE,)


def is_key_form(text: str) -> bool:
    """Say whether a text has the form of a message key: two or three capitals."""
    return _KEY_FORM.fullmatch(text) is not None


def is_known_key(text: str) -> bool:
    """Say whether the table has this key; `other` itself is not a key that a message can carry."""
    return text in KEYS and text != OTHER_KEY


def parse_message_key(text: str) -> MessageKey:
    """Return a message key. Raises: UnknownKeyError if the table does not have it."""
    if not is_known_key(text):
        raise UnknownKeyError("`key` is not a message key of this network")
    return MessageKey(text)


def listed_key(key: MessageKey) -> MessageKey:
    """Return what a key is called in leaves, rules and the directory: `other` for an unknown."""
    return key if key in KEYS else OTHER_KEY


def key_row(key: MessageKey) -> KeyRow:
    """Return what the table says of a key; of an unknown one what it says of `other`."""
    return KEYS.get(key, _OTHER_ROW)


def delivered_key(key: MessageKey) -> MessageKey:
    """Return the key under which states get a message of this key; mostly its own."""
    return MessageKey(key_row(key).delivered_as or key)


def response_key(key: MessageKey) -> MessageKey:
    """Return the key that a message of this key is answered with; its own where there is none."""
    return MessageKey(key_row(key).response or key)


def asked_classes(key: MessageKey, *, image: bool) -> tuple[DataClass, ...]:
    """Return the data classes that a query asks for; `photo` only when it asks for an image."""
    classes = key_row(key).classes or _OPAQUE
    return classes if image else tuple(c for c in classes if c is not DataClass.PHOTO)
