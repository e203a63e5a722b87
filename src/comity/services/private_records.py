"""The private record behind a leaf, read back where something rests on what was recorded."""

from __future__ import annotations

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name
from comity.exchange.private import Fields
from comity.ports import LedgerRows, LostKeyError, Store
from comity.services.entries import private_place
from comity.services.vault import Vault, decode_private

__all__ = ["PrivateRecord", "RecordGoneError", "Records", "private_fields", "private_record"]


class RecordGoneError(ComityError):
    """The private record behind a leaf cannot be opened: its key is lost, or it was expunged."""

    code = "record-gone"


class PrivateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind a leaf: its fields, and the key of the commitment to them."""

    key: bytes
    fields: Fields


async def private_record(
    store: Store, vault: Vault, member: Member, index: int, leaf_hash: bytes
) -> PrivateRecord | None:
    """Return the record behind a leaf; None where it was expunged, or cannot be opened.

    Raises: StoreDownError.
    """
    row = await store.private_row(member, index)
    if row is None:
        return None
    try:
        place = private_place(member, index, leaf_hash)
        key, fields = decode_private(vault.open(member, row.sealed, place))
    except (ComityError, msgspec.MsgspecError):
        return None
    return PrivateRecord(key=key, fields=fields)


async def private_fields(
    store: Store, vault: Vault, member: Member, index: int, leaf_hash: bytes
) -> Fields | None:
    """Return the fields behind a leaf; None where they were expunged, or cannot be opened.

    Raises: StoreDownError.
    """
    record = await private_record(store, vault, member, index, leaf_hash)
    return None if record is None else record.fields


class Records:
    """Private records of ledgers' leaves, for whoever has recorded that they are read."""

    def __init__(self, store: Store, vault: Vault, rows: LedgerRows | None = None) -> None:
        self._store = store
        self._vault = vault
        self._rows = rows or store

    async def read(self, member: Member, index: int) -> tuple[bytes, PrivateRecord]:
        """Return a leaf's bytes and what stands behind it.

        Raises: RecordGoneError, saying which it is; StoreDownError.
        """
        name = entry_name(member, index)
        row = await self._store.private_row(member, index)
        if row is None:
            raise RecordGoneError(f"the record behind {name} was expunged, or the leaf is none")
        (leaf,) = await self._rows.leaves(member, index, index + 1)
        (leaf_hash,) = await self._rows.leaf_hashes(member, index, index + 1)
        try:
            data = self._vault.open(member, row.sealed, private_place(member, index, leaf_hash))
            key, fields = decode_private(data)
        except LostKeyError:
            raise RecordGoneError(
                f"the key of the month in which {name} was recorded is not in the keyring here: "
                "without it nobody can open its record"
            ) from None
        except (ComityError, msgspec.MsgspecError):
            raise RecordGoneError(f"the record behind {name} was altered") from None
        return leaf, PrivateRecord(key=key, fields=fields)
