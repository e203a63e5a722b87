"""The desk of legal instruments: carries out what reviewers sign about them, and shows them.

Guarantee: a list names nobody; one instrument is shown with whom it names only by the caller, who
recorded that first.
"""

from __future__ import annotations

from typing import assert_never

from comity.domain.ids import Member, entry_name
from comity.domain.instruments import InstrumentFile
from comity.domain.query import Exchange
from comity.domain.vocabulary import Instrument
from comity.link.command import CommandDone
from comity.link.instruments import (
    InstrumentSigned,
    InstrumentView,
    RegisterInstrument,
    RevokeInstrument,
    VerifyInstrument,
)
from comity.ports import InstrumentRow
from comity.services.instruments import Instruments
from comity.services.member import World

__all__ = ["InstrumentDesk"]


class InstrumentDesk:
    """Instruments of this host's members, as commands and readings have them."""

    def __init__(self, world: World, instruments: Instruments) -> None:
        self._world = world
        self._instruments = instruments

    async def take(self, command: InstrumentSigned) -> CommandDone:
        """Carry out one command. Raises: what `Instruments` does."""
        match command:
            case RegisterInstrument():
                return CommandDone(entry=await self._instruments.register(command.signed))
            case VerifyInstrument():
                return CommandDone(entry=await self._instruments.verify(command.signed))
            case RevokeInstrument():
                return CommandDone(entry=await self._instruments.revoke(command.signed))
            case _:
                assert_never(command)

    async def standing(self, member: Member) -> list[InstrumentView]:
        """Return a member's instruments that stand; they name nobody."""
        found = await self._instruments.standing(member)
        return [self._view(row, file, is_whole=False) for row, file in found]

    async def one(self, entry: str) -> InstrumentView:
        """Return one instrument whole, standing or not. Raises: InstrumentUnknownError."""
        return self._view(*await self._instruments.one(entry), is_whole=True)

    async def claimed_by(self, exchange: Exchange) -> list[InstrumentView]:
        """Return what stands under the number that a request names; they name nobody."""
        entries = [known.entry for known in self._instruments.claimed_by(exchange)]
        found = [await self._instruments.one(entry) for entry in entries]
        return [self._view(row, file, is_whole=False) for row, file in found]

    def _view(self, row: InstrumentRow, file: InstrumentFile, *, is_whole: bool) -> InstrumentView:
        instrument, member = file.registered.instrument, row.member
        agency = self._world.directory.agency(instrument.agency)
        verification = file.verified.verification if file.verified is not None else None
        # Who consents is whom it is about.
        names_court = is_whole or instrument.kind is not Instrument.CONSENT
        return InstrumentView(
            entry=entry_name(member, row.leaf_index),
            kind=instrument.kind,
            appointment=instrument.appointment,
            number=instrument.number,
            agency=instrument.agency,
            agency_name=agency.name if agency is not None else "",
            case_number=instrument.case_number,
            classes=instrument.classes,
            person_count=len(instrument.persons),
            issued_on=instrument.issued_on,
            registered_at=instrument.at,
            until=instrument.until,
            uses=row.uses,
            document=instrument.document,
            document_bytes=instrument.document_bytes,
            hold_entry=instrument.hold_entry,
            registered_by=instrument.reviewer,
            verified_by=verification.reviewer if verification is not None else "",
            verified_entry=_cited(member, row.verified_by),
            revoked_entry=_cited(member, row.revoked_by),
            issuer=instrument.issuer if names_court else "",
            persons=instrument.persons if is_whole else (),
            note=instrument.note if is_whole else "",
            called=verification.called if is_whole and verification is not None else "",
            answered=verification.answered if is_whole and verification is not None else "",
        )


def _cited(member: Member, index: int | None) -> str:
    return "" if index is None else entry_name(member, index)
