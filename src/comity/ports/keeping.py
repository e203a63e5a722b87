"""What the services need to keep and to destroy: key events, withdrawn leaves, month keys.

Guarantee: as of all ports; `Store` has the methods of `KeepingStore` beside its own. What a method
here takes away is gone from the rows; what write-ahead log and backups still hold of it, the guide
says (docs/howto/keep-and-destroy-records.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from comity.domain.ids import LeafIndex, Member
from comity.ports.sealed import Sealed

__all__ = [
    "EVERY_MONTH",
    "KEY_GENERATION",
    "HeldMonth",
    "KeepingStore",
    "KeyEventRow",
    "KeySafe",
    "Keyring",
    "month_of_key",
]

KEY_GENERATION: Final = 65_536
"""A key's number is its generation times this, and the months since 1970-01."""

EVERY_MONTH: Final = -1
HeldMonth = tuple[Member, int]
"""A member's month of which nothing may go, or `EVERY_MONTH`."""


def month_of_key(number: int) -> int:
    """Return the months since 1970-01 of a key's number."""
    return number % KEY_GENERATION


class KeyEventRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A key event as committed with its leaf, and whether what it says was carried out here."""

    member: Member
    leaf_index: LeafIndex
    body: bytes
    is_done: bool


class KeepingStore(Protocol):
    """What the one system of record has of keeping and destroying."""

    async def key_events(self, member: Member) -> list[KeyEventRow]:
        """Return the key events of a member, in the order of their leaves."""
        ...

    async def save_done(self, member: Member, leaf_index: int) -> None:
        """Remember that what a key event says was carried out; on the disk when this returns."""
        ...

    async def erase(self, member: Member, leaf_index: int) -> bool:
        """Erase the bytes of a leaf that is withdrawn; say whether there was one.

        Only where a committed `redaction` leaf names it; its hash stays.
        """
        ...

    async def expunge(self, member: Member, leaf_index: int) -> int:
        """Delete a leaf's private record and what its exchange left beside it; return the rows.

        A hold that is open is no part of it. The tables' dead rows are cleared away.
        """
        ...

    async def open_exchange(self, member: Member, leaf_index: int) -> bool:
        """Say whether a leaf's exchange is open: a hold that waits, a query without its end."""
        ...

    async def expire(self, now: int, held: Sequence[HeldMonth]) -> int:
        """Delete what nobody may ask for any more (`now` in Unix seconds); return how many rows.

        Rows of held months stay.
        """
        ...


class Keyring(Protocol):
    """Month keys of members; never in the store's backup. A month's key may have generations."""

    def number(self, member: Member, month: int) -> int:
        """Return the number of the key that seals in a month now."""
        ...

    def seal(
        self, member: Member, number: int, nonce: bytes, data: bytes, bound_to: bytes
    ) -> bytes:
        """Encrypt under a key, made if it does not exist yet."""
        ...

    def open(self, member: Member, sealed: Sealed, bound_to: bytes) -> bytes:
        """Decrypt. Raises: LostKeyError if the key is gone, ComityError if altered."""
        ...

    def rotate(self, member: Member, month: int, generation: int) -> None:
        """Let a month have a key of this generation, which seals from now on; old ones open."""
        ...

    def destroy(self, member: Member, month: int) -> bool:
        """Destroy every key of a month; return whether there was one."""
        ...

    def keys(self, member: Member) -> list[int]:
        """Return the numbers of the keys that a member has, by month, then by generation."""
        ...

    def is_lost(self, member: Member, month: int) -> bool:
        """Say whether no key of a month can be had any more. Raises: if that cannot be known."""
        ...


class KeySafe(Protocol):
    """What month keys stand under where they lie: without it their files are worth nothing."""

    def wrap(self, member: Member, month: int, key: bytes, bound_to: bytes) -> bytes:
        """Return what may lie on the disk in place of a key."""
        ...

    def unwrap(self, member: Member, month: int, wrapped: bytes, bound_to: bytes) -> bytes:
        """Return the key again.

        Raises: LostKeyError if what it stood under is gone; ComityError for anything else.
        """
        ...

    def destroy(self, member: Member, month: int) -> bool:
        """Destroy what the keys of a month stand under; return whether there was anything."""
        ...

    def months(self, member: Member) -> list[int]:
        """Return the months for which the safe holds something, in order."""
        ...
