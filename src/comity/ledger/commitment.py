"""Commitments: 32 public bytes that bind a private record field by field, and their openings.

Guarantee: whoever holds `K` can open any subset of the fields; who sees an opening learns nothing
of the others, because each is hidden under 16 bytes of salt of its own.

    salt_i = SHAKE-256("comity1" || K)[16 i : 16 i + 16]
    d_i    = SHA-256(salt_i || name_i || 0x00 || value_i)
    c      = SHA-256("comity1\\n" || d_0 || ... || d_n-1)

Source: docs/adr/0004-receipt-format.md, section Commitments and openings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from hashlib import sha256, shake_256
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from comity.ledger.errors import CommitmentError, OpeningError, OpeningMismatchError
from comity.ledger.tree import HASH_BYTES

__all__ = [
    "FIELDS_MAX",
    "KEY_BYTES",
    "OPENING_BYTES_MAX",
    "Field",
    "OpenedField",
    "Opening",
    "commit",
    "encode_opening",
    "open_commitment",
    "parse_opening",
    "verify_opening",
]

KEY_BYTES: Final = 32
FIELDS_MAX: Final = 64
OPENING_BYTES_MAX: Final = 262_144

_SALT_BYTES: Final = 16
_NAME_PATTERN: Final = r"^[a-z][a-z0-9_.]{0,63}\Z"
_NAME_FORM: Final = re.compile(_NAME_PATTERN)
_NAMES_CACHED_MAX: Final = 1_024
_SALT_PLACES: Final = [slice(at, at + 16) for at in range(0, 16 * FIELDS_MAX, 16)]
_SALT_PREFIX: Final = b"comity1"
_PREFIX: Final = b"comity1\n"

Field = tuple[str, bytes]
"""A field's name and its value's bytes; the record's schema version fixes names and order."""

_Salt = Annotated[bytes, Meta(min_length=_SALT_BYTES, max_length=_SALT_BYTES)]
_Digest = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]


class OpenedField(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field shown: its name, its salt and its value."""

    name: Annotated[str, Meta(pattern=_NAME_PATTERN)]
    salt: _Salt
    value: bytes


class Opening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some fields shown and the digests of the others, all in the order of the schema."""

    v: Literal[1] = 1
    fields: Annotated[tuple[OpenedField | _Digest, ...], Meta(max_length=FIELDS_MAX)]

    def values(self) -> dict[str, bytes]:
        """Return the values shown, by name."""
        return {f.name: f.value for f in self.fields if isinstance(f, OpenedField)}


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Opening)


def commit(key: bytes, fields: Sequence[Field]) -> bytes:
    """Return the commitment to a record's fields under its own random key of 32 bytes.

    The key is used for one record only: a second one under the same key would share its salts.
    Raises: CommitmentError if there are more than 64 fields, or a name is not 1 to 64 of a-z, 0-9,
            underscore and full stop.
    """
    salts = _salts(key, len(fields))
    # `_digest` of each field, without a call for it: most of what a leaf costs is here.
    digests = [
        sha256(salts[place] + _name(name) + value).digest()
        for place, (name, value) in zip(_SALT_PLACES, fields, strict=False)
    ]
    return sha256(_PREFIX + b"".join(digests)).digest()


def open_commitment(key: bytes, fields: Sequence[Field], names: Collection[str]) -> Opening:
    """Return an opening that shows the fields in `names` and hides the others.

    Raises: CommitmentError if a name to show is not a field, or two fields have one name.
    """
    present = [name for name, _ in fields]
    if len(set(present)) != len(present) or not set(names) <= set(present):
        raise CommitmentError("`names` are not all names of one field each")
    salts = _salts(key, len(fields))
    parts: list[OpenedField | bytes] = []
    for position, (name, value) in enumerate(fields):
        salt = salts[position * _SALT_BYTES : (position + 1) * _SALT_BYTES]
        if name in names:
            parts.append(OpenedField(name=name, salt=salt, value=value))
        else:
            parts.append(_digest(salt, name, value))
    return Opening(fields=tuple(parts))


def verify_opening(opening: Opening, commitment: bytes) -> None:
    """Check that the fields shown are those committed to. Raises: OpeningMismatchError."""
    shown = [f.name for f in opening.fields if isinstance(f, OpenedField)]
    if len(set(shown)) != len(shown):
        raise OpeningMismatchError("`fields` shows one name twice")
    digests = (
        _digest(f.salt, f.name, f.value) if isinstance(f, OpenedField) else f
        for f in opening.fields
    )
    if sha256(_PREFIX + b"".join(digests)).digest() != commitment:
        raise OpeningMismatchError("`opening` leads to another commitment")


def encode_opening(opening: Opening) -> bytes:
    """Return an opening as canonical compact JSON, bytes in base64."""
    return _ENCODER.encode(opening)


def parse_opening(data: bytes) -> Opening:
    """Return the opening that `encode_opening` wrote, in that form only. Raises: OpeningError."""
    if len(data) > OPENING_BYTES_MAX:
        raise OpeningError("`opening` is longer than 262,144 bytes")
    try:
        opening = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise OpeningError("`opening` does not have the form of its version") from None
    if _ENCODER.encode(opening) != data:
        raise OpeningError("`opening` is not canonical")
    return opening


def _salts(key: bytes, count: int) -> bytes:
    assert len(key) == KEY_BYTES
    if count > FIELDS_MAX:
        raise CommitmentError("`fields` are more than 64")
    return shake_256(_SALT_PREFIX + key).digest(_SALT_BYTES * count)


@lru_cache(_NAMES_CACHED_MAX)
def _name(name: str) -> bytes:
    """Return a name's bytes and the NUL that ends it: one within would let it run on into a value.

    Raises: CommitmentError.
    """
    if not _NAME_FORM.fullmatch(name):
        raise CommitmentError("`name` is not 1 to 64 of a-z, 0-9, underscore and full stop")
    return name.encode() + b"\x00"


def _digest(salt: bytes, name: str, value: bytes) -> bytes:
    return sha256(salt + _name(name) + value).digest()
