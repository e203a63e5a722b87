"""What is personal is encrypted before it reaches the store, bound to the place where it stands.

A row's associated data names its table and key, so that a row copied elsewhere does not open.
Nonces are random: an index is used again after a roll-back, and a stored counter repeats after a
restore.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.exchange.private import Fields
from comity.ports import Entropy, Keyring, Sealed

__all__ = [
    "CASE_TAG_BYTES",
    "COMMITMENT_KEY_BYTES",
    "Vault",
    "decode_noted",
    "decode_private",
    "encode_private",
    "month_of",
    "month_start",
]

COMMITMENT_KEY_BYTES: Final = 32
CASE_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_CASE_TAG: Final = b"comity/case-tag/v1"
_PERSON_TAG: Final = b"comity/person-tag/v1"

_encoder: Final = msgspec.msgpack.Encoder()


class _Private(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A private record as it is sealed; one of before notes were kept, or of no answer, has two
    parts.
    """

    key: bytes
    fields: tuple[tuple[str, bytes], ...]
    noted: str | None = None


_decoder: Final[msgspec.msgpack.Decoder[_Private]] = msgspec.msgpack.Decoder(_Private)


def month_of(now: int) -> int:
    """Return the months since 1970-01 of a time in Unix seconds."""
    return _month_of_hour(now // 3600)


def month_start(month: int) -> int:
    """Return when a month since 1970-01 begins, in Unix seconds."""
    return int(datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp())


@lru_cache(maxsize=16)
def _month_of_hour(hour: int) -> int:
    at = datetime.fromtimestamp(hour * 3600, UTC)
    return (at.year - 1970) * 12 + at.month - 1


def encode_private(key: bytes, fields: Fields, noted: str | None = None) -> bytes:
    """Return a private record's bytes: the commitment's key, the fields, and what is noted."""
    return _encoder.encode((key, fields) if noted is None else (key, fields, noted))


def decode_private(data: bytes) -> tuple[bytes, Fields]:
    """Return the key and the fields of what `encode_private` wrote."""
    record = _decoder.decode(data)
    return record.key, record.fields


def decode_noted(data: bytes) -> tuple[Fields, str | None]:
    """Return the fields of what `encode_private` wrote, and what is noted beside them, if any."""
    record = _decoder.decode(data)
    return record.fields, record.noted


class Vault:
    """Seals and opens rows of one host's members."""

    def __init__(self, keyring: Keyring, entropy: Entropy) -> None:
        self._keyring = keyring
        self._entropy = entropy

    def nonces(self, count: int) -> Iterator[bytes]:
        """Give up to so many fresh nonces; one draw for a batch."""
        drawn = self._entropy.token(_NONCE_BYTES * count)
        return (drawn[at : at + _NONCE_BYTES] for at in range(0, len(drawn), _NONCE_BYTES))

    def commitment_keys(self, count: int) -> list[bytes]:
        """Return fresh keys of commitments; one draw for a batch."""
        size = COMMITMENT_KEY_BYTES
        drawn = self._entropy.token(size * count)
        return [drawn[at : at + size] for at in range(0, len(drawn), size)]

    def seal(
        self, member: Member, month: int, nonce: bytes, data: bytes, place: Sequence[bytes]
    ) -> Sealed:
        """Return data under the member's month key, bound to `place` (table, then key parts)."""
        number = self._keyring.number(member, month)
        body = self._keyring.seal(member, number, nonce, data, b"\x00".join(place))
        return Sealed(key_number=number, nonce=nonce, body=body)

    def case_tag(self, member: Member, number: int, agency: str, case_number: str) -> bytes:
        """Return by what holds of an agency's case are found, under the month key of a number.

        Whoever has no month key can neither make one nor try case numbers.
        """
        said = b"".join(f"{part}\0".encode() for part in (agency, case_number))
        return self._tag(member, number, _CASE_TAG, said)

    def person_tag(self, member: Member, number: int, name: bytes) -> bytes:
        """Return by what a protection of a person is found, under the month key of a number.

        A key that does not exist would be made: whoever looks up opens a row under it first.
        """
        return self._tag(member, number, _PERSON_TAG, name)

    def _tag(self, member: Member, number: int, what: bytes, said: bytes) -> bytes:
        # No row's nonce (they are drawn), and one text only: it is safe to use it again for that.
        key = self._keyring.seal(member, number, bytes(_NONCE_BYTES), b"", _CASE_TAG)
        return blake2b(what + b"\0" + said, digest_size=CASE_TAG_BYTES, key=key).digest()

    def number(self, member: Member, month: int) -> int:
        """Return the number of the key that seals in a month now."""
        return self._keyring.number(member, month)

    def open(self, member: Member, sealed: Sealed, place: Sequence[bytes]) -> bytes:
        """Return the data of a sealed row. Raises: LostKeyError, or ComityError if altered."""
        return self._keyring.open(member, sealed, b"\x00".join(place))
