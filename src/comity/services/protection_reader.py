"""What the register of confidential addresses says of a request: read anew each time.

    1. one row of each key is opened: a tag under a key that is gone would find nothing
    2. what the request names becomes tags under each of those keys, and finds rows
    3. the rows are opened; what cannot be is told as unread

INVARIANT (fail-closed): a key that is gone, a row that was altered and a request that names nobody
for certain are told as such, and never as an open address.
INVARIANT (public-bytes-hold-no-person): what is looked for leaves this as keyed hashes.
Source: docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.passes import PassPerson
from comity.domain.protection import AddressStands, ProtectionFile
from comity.exchange.person import name_of, named_by, names_person
from comity.exchange.private import search_of
from comity.ports import ProtectionRow, Store
from comity.review.protections import (
    OPEN_ADDRESS,
    AddressSaid,
    address_said,
    local_date,
)
from comity.services.private_records import RecordGoneError, Records
from comity.services.vault import CASE_TAG_BYTES, Vault

__all__ = ["EVERYBODY", "ProtectionReader", "ProtectionUnreadError", "protection_place"]

EVERYBODY: Final = bytes(CASE_TAG_BYTES)
"""The tag of a row that every request finds: nobody knows any more whom it is about."""

_Decoder: Final = msgspec.json.Decoder(ProtectionFile)


class ProtectionUnreadError(ComityError):
    """A protection cannot be opened any more, or is not what was kept."""

    code = "protection-unread"


def protection_place(member: Member, protection_id: bytes, tag: bytes) -> tuple[bytes, ...]:
    """Return where a row stands, as its seal is bound to it."""
    return b"protection", member.encode(), protection_id, tag


class ProtectionReader:
    """Reads the registers of one host's members, for gateway, console and command line."""

    def __init__(self, store: Store, vault: Vault, records: Records) -> None:
        self._store = store
        self._vault = vault
        self._records = records

    async def of_search(
        self, member: Member, search: Sequence[tuple[str, str]], now: int, *, licence: str = ""
    ) -> AddressSaid:
        """Return what the register says of what was asked; `licence` is a number beside it.

        Raises: StoreDownError.
        """
        names = named_by([*search, ("OLN", licence)])
        samples = await self._store.protection_samples(member)
        if not samples:
            return OPEN_ADDRESS
        files, is_unread = await self._found(samples, names)
        return address_said(
            files, local_date(member, now), is_unread=is_unread, is_named=names_person(names)
        )

    async def of_leaf(
        self, member: Member, index: int, now: int, *, licence: str = ""
    ) -> AddressSaid:
        """Return the same of the request whose outcome a leaf is; whoever calls recorded that.

        Raises: StoreDownError.
        """
        if not await self._store.protection_samples(member):
            return OPEN_ADDRESS
        try:
            search = search_of((await self._records.read(member, index))[1].fields)
        except (RecordGoneError, KeyError, msgspec.MsgspecError):
            return AddressSaid(stands=AddressStands.UNREAD)
        return await self.of_search(member, search, now, licence=licence)

    async def about(self, member: Member, person: PassPerson) -> tuple[list[bytes], bool]:
        """Return the ids of the protections that name a person or a vehicle, oldest first.

        And whether a key is gone, so that more may.
        """
        samples = await self._store.protection_samples(member)
        rows, is_unread = await self._rows(samples, {name_of(person)})
        is_unread = is_unread or any(row.tag == EVERYBODY for row in rows)
        return sorted({row.protection_id for row in rows if row.tag != EVERYBODY}), is_unread

    def opened(self, row: ProtectionRow) -> ProtectionFile:
        """Return what a row says. Raises: ProtectionUnreadError."""
        place = protection_place(row.member, row.protection_id, row.tag)
        try:
            return _Decoder.decode(self._vault.open(row.member, row.sealed, place))
        except (ComityError, msgspec.MsgspecError) as error:
            raise ProtectionUnreadError("a protection cannot be opened any more") from error

    async def _found(
        self, samples: Sequence[ProtectionRow], names: Iterable[bytes]
    ) -> tuple[list[ProtectionFile], bool]:
        rows, is_unread = await self._rows(samples, names)
        files: list[ProtectionFile] = []
        for row in rows:
            try:
                files.append(self.opened(row))
            except ProtectionUnreadError:
                is_unread = True
        return files, is_unread

    async def _rows(
        self, samples: Sequence[ProtectionRow], names: Iterable[bytes]
    ) -> tuple[list[ProtectionRow], bool]:
        """Return the rows that names find, and whether a key is gone."""
        is_unread, tags = False, [EVERYBODY]
        wanted = list(names)
        for sample in samples:
            try:
                # Step 1: a key that does not open must not be made anew for a tag.
                self.opened(sample)
            except ProtectionUnreadError:
                is_unread = True
                continue
            number = sample.sealed.key_number
            tags += [self._vault.person_tag(sample.member, number, name) for name in wanted]
        if not samples:
            return [], False
        return await self._store.protections_tagged(samples[0].member, tags), is_unread
