"""What is personal is encrypted before it reaches the store, bound to the place where it stands.

A row's associated data names its table and key, so that a row copied elsewhere does not open.
Nonces are random: an index is used again after a roll-back, and a stored counter repeats after a
restore.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.exchange.private import Fields
from comity.ports import Entropy, Keyring, Sealed

__all__ = [
    "COMMITMENT_KEY_BYTES",
    "Vault",
    "decode_private",
    "encode_private",
    "month_of",
]

COMMITMENT_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12

_Private = tuple[bytes, tuple[tuple[str, bytes], ...]]
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[_Private]] = msgspec.msgpack.Decoder(_Private)


def month_of(now: int) -> int:
    """Return the months since 1970-01 of a time in Unix seconds."""
    return _month_of_hour(now // 3600)


@lru_cache(maxsize=16)
def _month_of_hour(hour: int) -> int:
    at = datetime.fromtimestamp(hour * 3600, UTC)
    return (at.year - 1970) * 12 + at.month - 1


def encode_private(key: bytes, fields: Fields) -> bytes:
    """Return a private record's bytes: the commitment's key and the fields."""
    return _encoder.encode((key, fields))


def decode_private(data: bytes) -> tuple[bytes, Fields]:
    """Return what `encode_private` wrote."""
    return _decoder.decode(data)


class Vault:
    """Seals and opens rows of one host's members."""

    def __init__(self, keyring: Keyring, entropy: Entropy) -> None:
        self._keyring = keyring
        self._entropy = entropy

    def nonces(self, count: int) -> list[bytes]:
        """Return fresh nonces; one draw for a batch."""
        drawn = self._entropy.token(_NONCE_BYTES * count)
        return [drawn[at : at + _NONCE_BYTES] for at in range(0, len(drawn), _NONCE_BYTES)]

    def commitment_keys(self, count: int) -> list[bytes]:
        """Return fresh keys of commitments; one draw for a batch."""
        size = COMMITMENT_KEY_BYTES
        drawn = self._entropy.token(size * count)
        return [drawn[at : at + size] for at in range(0, len(drawn), size)]

    def seal(
        self, member: Member, month: int, nonce: bytes, data: bytes, place: Sequence[bytes]
    ) -> Sealed:
        """Return data under the member's month key, bound to `place` (table, then key parts)."""
        body = self._keyring.seal(member, month, nonce, data, b"\x00".join(place))
        return Sealed(month=month, nonce=nonce, body=body)

    def open(self, member: Member, sealed: Sealed, place: Sequence[bytes]) -> bytes:
        """Return the data of a sealed row. Raises: LostKeyError, or ComityError if altered."""
        return self._keyring.open(member, sealed, b"\x00".join(place))
