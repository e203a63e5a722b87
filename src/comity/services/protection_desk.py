"""The desk of confidential addresses: carries out what people sign about them, and shows them.

Guarantee: a list names nobody. One protection, and whether a person is protected at all, is shown
only once that is recorded (invariant `no-answer-before-receipt`).
"""

from __future__ import annotations

from typing import Final, assert_never

from comity.domain.ids import Member
from comity.domain.protection import SignedProtectionReading
from comity.exchange.private import note_fields
from comity.link.command import CommandDone
from comity.link.protections import (
    PROTECTIONS_SHOWN_MAX,
    EndProtection,
    PlaceProtection,
    ProtectionSigned,
    ProtectionsShown,
    ProtectionView,
    ReadProtections,
)
from comity.ports import Clock
from comity.review.protections import (
    check_protection_reading,
    is_over,
    local_date,
    waiting_ends,
)
from comity.services.accesses import Accesses
from comity.services.member import World
from comity.services.protections import KnownProtection, Protections

__all__ = ["FOUND_SHOWN_MAX", "IS_OVER", "ProtectionDesk"]

FOUND_SHOWN_MAX: Final = 16
"""Protections that are shown of one person."""
IS_OVER: Final = "is_over"
"""The fact of an end: `yes`, or `no` while another person's word is missing."""
_NS: Final = 1_000_000_000


class ProtectionDesk:
    """Protections of this host's members, as commands and readings have them."""

    def __init__(
        self, *, world: World, protections: Protections, accesses: Accesses, clock: Clock
    ) -> None:
        self._world = world
        self._protections = protections
        self._accesses = accesses
        self._clock = clock

    async def take(self, command: ProtectionSigned) -> CommandDone | ProtectionsShown:
        """Carry out one command. Raises: what `Protections` does, or the sequencer."""
        match command:
            case PlaceProtection():
                placed = await self._protections.place(command.signed)
                return CommandDone(facts=(("protection", placed.hex()),))
            case EndProtection():
                over = await self._protections.end(command.signed)
                return CommandDone(facts=((IS_OVER, "yes" if over else "no"),))
            case ReadProtections():
                return await self._read(command.signed)
            case _:
                assert_never(command)

    async def _read(self, signed: SignedProtectionReading) -> ProtectionsShown:
        reading, now = signed.reading, self._clock.now_ns() // _NS
        key = self._world.directory.reviewer(reading.state, reading.reviewer)
        check_protection_reading(signed, key, now)
        fields = note_fields(
            reviewer=reading.reviewer, key=signed.proof.key_id, protection=reading.protection
        )
        is_unread = False
        if reading.person is not None:
            # That nobody is found tells something too: it is recorded first.
            access = await self._accesses.record(reading.state, fields, now)
            found, is_unread = await self._protections.about(reading.state, reading.person)
        elif reading.protection:
            own_id = bytes.fromhex(reading.protection)
            found = [await self._protections.one(reading.state, own_id)]
            access = await self._accesses.record(reading.state, fields, now)
        else:
            return await self._listed(reading.state, now)
        views = tuple(self._view(each, reading.state, now, is_whole=True) for each in found)
        standing = sum(not view.is_over for view in views)
        shown = views[-FOUND_SHOWN_MAX:]
        return ProtectionsShown(
            protections=shown, count=standing, access_entry=access, is_unread=is_unread
        )

    async def _listed(self, state: Member, now: int) -> ProtectionsShown:
        known = await self._protections.all(state)
        views = [self._view(each, state, now, is_whole=False) for each in known]
        # What cannot be read first, then what waits for a second person, then the newest.
        views.sort(key=lambda view: (view.is_over, view.placed_at > 0, not view.ended_by))
        standing = sum(not view.is_over for view in views)
        return ProtectionsShown(protections=tuple(views[:PROTECTIONS_SHOWN_MAX]), count=standing)

    def _view(
        self, known: KnownProtection, state: Member, now: int, *, is_whole: bool
    ) -> ProtectionView:
        own_id, file = known.protection_id.hex(), known.file
        if file is None:
            return ProtectionView(protection=own_id)
        ended_by = tuple(each.end.reviewer for each in waiting_ends(file, now))
        over = is_over(file, local_date(state, now))
        if file.placed is None:
            return ProtectionView(protection=own_id, is_over=over, ended_by=ended_by)
        said = file.placed.protection
        return ProtectionView(
            protection=own_id,
            placed_at=said.at,
            placed_by=said.reviewer,
            since=said.since,
            until=said.until,
            no_post=said.no_post,
            is_over=over,
            ended_by=ended_by,
            persons=said.persons if is_whole else (),
            contact=said.contact if is_whole else "",
            how=said.how if is_whole else "",
            authority=said.authority if is_whole else "",
            note=said.note if is_whole else "",
        )
