"""The register of confidential addresses of this host's members: placed, ended, kept readable.

    place    check what one person signed, keep it: it is in force when this returns
    end      check what a person signed, keep it; the second person's word ends the protection
    tend     seal anew under the newest key what is under an older one; delete what was long over

INVARIANT (restriction-never-waits): placing waits for no clock in doubt, no ledger and no second
person; ending is a loosening, and waits for two.
INVARIANT (review-is-verified): each paper is checked here under a key that is enrolled.
Source: docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from datetime import timedelta
from itertools import groupby
from typing import Final

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.passes import PassPerson
from comity.domain.protection import (
    ENDS_NEEDED,
    ProtectionFile,
    SignedProtection,
    SignedProtectionEnd,
    protection_id,
)
from comity.exchange.person import name_of
from comity.ports import Clock, ProtectionRow, Store
from comity.review.protections import (
    ProtectionUnknownError,
    check_protection,
    check_protection_end,
    is_over,
    is_same_protection,
    local_date,
    over_since,
    waiting_ends,
)
from comity.services.events import Events
from comity.services.health import ClockSkewedError, Health
from comity.services.member import World
from comity.services.protection_reader import (
    EVERYBODY,
    ProtectionReader,
    ProtectionUnreadError,
    protection_place,
)
from comity.services.sequencer import NotOwnedError, Sequencer
from comity.services.vault import Vault, month_of

__all__ = [
    "OVER_DAYS_KEPT",
    "PROTECTIONS_MAX",
    "KnownProtection",
    "Protections",
    "ProtectionsFullError",
]

PROTECTIONS_MAX: Final = 20_000
"""Protections of one member that stand or are kept; a further one is refused."""
OVER_DAYS_KEPT: Final = 366
"""How many days one that is over is kept."""
_NS: Final = 1_000_000_000
_ENCODER: Final = msgspec.json.Encoder()


class ProtectionsFullError(ComityError):
    """More protections are kept than may be: nothing was placed."""

    code = "protections-full"


class KnownProtection(msgspec.Struct, frozen=True, kw_only=True):
    """A protection by its id; `file` is None where it cannot be opened any more."""

    protection_id: bytes
    file: ProtectionFile | None


class Protections:
    """Keeps the registers. `_one_at_a_time` orders whatever writes: a row is read, then written."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        vault: Vault,
        reader: ProtectionReader,
        sequencer: Sequencer,
        health: Health,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._vault = vault
        self.reader = reader
        self._sequencer = sequencer
        self._health = health
        self._clock = clock
        self._events = events
        self._one_at_a_time = asyncio.Lock()

    async def place(self, signed: SignedProtection) -> bytes:
        """Keep a protection, in force from here on; return its id.

        The same word again, while it stands, is the one that stands. Raises: VerdictError,
        ProtectionError, ProtectionsFullError, NotOwnedError, StoreDownError.
        """
        protection = signed.protection
        state, now = protection.state, self._now()
        check_protection(signed, self._key_of(state, protection.reviewer), now)
        if state not in self._world.members():
            raise NotOwnedError("this host does not serve the state")
        async with self._one_at_a_time:
            today = local_date(state, now)
            for each in (await self.about(state, protection.persons[0]))[0]:
                if each.file is None or each.file.placed is None or is_over(each.file, today):
                    continue
                if is_same_protection(each.file.placed.protection, protection):
                    return each.protection_id
            if await self._store.protection_count(state) >= PROTECTIONS_MAX:
                raise ProtectionsFullError(f"{PROTECTIONS_MAX} protections are kept for this state")
            own_id = protection_id(protection)
            await self._keep(state, own_id, ProtectionFile(placed=signed))
        self._events.note("protections_placed", member=state)
        return own_id

    async def end(self, signed: SignedProtectionEnd) -> bool:
        """Keep one person's word that a protection ends; say whether it is over by now.

        The same person's again changes nothing. Raises: VerdictError, ProtectionError,
        ProtectionUnknownError, ClockSkewedError, NotOwnedError, StoreDownError.
        """
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")
        end = signed.end
        state, now = end.state, self._now()
        key = self._key_of(state, end.reviewer)
        check_protection_end(signed, key, now)
        if not self._sequencer.owns(state):
            raise NotOwnedError("this host does not own the state's ledger")
        own_id = _id_of(end.protection)
        async with self._one_at_a_time:
            known = await self.one(state, own_id)
            # One that cannot be opened is about everybody until two people have ended it.
            file = known.file or ProtectionFile(placed=None)
            if is_over(file, local_date(state, now)):
                return True
            waiting = waiting_ends(file, now)
            # Two people: neither one name nor one key twice.
            is_new = not any(
                each.end.reviewer == end.reviewer or each.proof.key_id == signed.proof.key_id
                for each in waiting
            )
            if is_new:
                file = msgspec.structs.replace(file, ends=(*waiting, signed))
                await self._keep(state, own_id, file)
        is_ended = len(file.ends) >= ENDS_NEEDED
        if is_new and is_ended:
            self._events.note("protections_ended", member=state)
        return is_ended

    async def all(self, member: Member) -> list[KnownProtection]:
        """Return a member's protections, oldest first. Raises: StoreDownError."""
        rows = await self._store.protections(member)
        groups = groupby(rows, key=lambda row: row.protection_id)
        return [self._known(own_id, list(group)) for own_id, group in groups]

    async def one(self, member: Member, own_id: bytes) -> KnownProtection:
        """Return one protection. Raises: ProtectionUnknownError, StoreDownError."""
        rows = await self._store.protection(member, own_id)
        if not rows:
            raise ProtectionUnknownError("no protection is kept under this id")
        return self._known(own_id, rows)

    async def about(self, member: Member, person: PassPerson) -> tuple[list[KnownProtection], bool]:
        """Return the protections that name a person or a vehicle, and whether more may."""
        ids, is_unread = await self.reader.about(member, person)
        return [await self.one(member, each) for each in ids], is_unread

    async def tend(self, members: Iterable[Member], held: Collection[Member]) -> None:
        """Keep what stands under the newest key; delete what was over long ago.

        `held` are members of whom nothing is deleted, because they hold records for a court.
        """
        for member in members:
            if not self._sequencer.owns(member):
                continue
            try:
                async with self._one_at_a_time:
                    await self._tend(member, is_held=member in held)
            except ComityError as error:
                self._events.failure("protections_not_tended", error, member=member)

    async def _tend(self, member: Member, *, is_held: bool) -> None:
        now = self._now()
        newest = self._vault.number(member, month_of(now))
        last = local_date(member, now) - timedelta(days=OVER_DAYS_KEPT)
        rows = await self._store.protections(member)
        for own_id, group in groupby(rows, key=lambda row: row.protection_id):
            # Thousands are opened: whoever asks for a record meanwhile does not wait for it.
            await asyncio.sleep(0)
            kept = list(group)
            known = self._known(own_id, kept)
            if known.file is None:
                # Nothing can be done but by two people: until then it is told as unread.
                self._events.alarm("protection_unread", member=member)
                continue
            since = over_since(known.file)
            if since is not None and since < last and not is_held:
                await self._store.keep_protection(member, own_id, ())
            elif any(row.sealed.key_number != newest for row in kept):
                await self._keep(member, own_id, known.file)

    def _known(self, own_id: bytes, rows: list[ProtectionRow]) -> KnownProtection:
        for row in rows:
            try:
                return KnownProtection(protection_id=own_id, file=self.reader.opened(row))
            except ProtectionUnreadError:
                continue
        return KnownProtection(protection_id=own_id, file=None)

    async def _keep(self, member: Member, own_id: bytes, file: ProtectionFile) -> None:
        """Have a protection stand as a file says, under the newest key."""
        month = month_of(self._now())
        number = self._vault.number(member, month)
        tags = [EVERYBODY]
        if file.placed is not None:
            persons = file.placed.protection.persons
            names = sorted({name_of(person) for person in persons})
            tags = [self._vault.person_tag(member, number, name) for name in names]
        body = _ENCODER.encode(file)
        nonces = self._vault.nonces(len(tags))
        rows = []
        for tag, nonce in zip(tags, nonces, strict=True):
            place = protection_place(member, own_id, tag)
            sealed = self._vault.seal(member, month, nonce, body, place)
            # Else its tag would be of another key than its seal, and never be found.
            assert sealed.key_number == number
            rows.append(ProtectionRow(member=member, protection_id=own_id, tag=tag, sealed=sealed))
        await self._store.keep_protection(member, own_id, rows)

    def _key_of(self, state: Member, reviewer: str) -> ReviewerKey | None:
        return self._world.directory.reviewer(state, reviewer)

    def _now(self) -> int:
        return self._clock.now_ns() // _NS


def _id_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ProtectionUnknownError("no protection is kept under this id") from None
