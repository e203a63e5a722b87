"""One reviewer at work on legal instruments: registers, verifies, revokes, by signed commands.

INVARIANT (review-is-verified): what gives a command effect is the reviewer's signature, made by
`Reviewer.sign` alone; the gateway checks it, and that a second person verifies.
Source: docs/adr/0046-instruments.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

import msgspec

from comity.domain.ids import ORI
from comity.domain.instruments import (
    Appointment,
    InstrumentRevocation,
    InstrumentVerification,
    RegisteredInstrument,
    SignedInstrument,
    SignedInstrumentRevocation,
    SignedVerification,
    instrument_bytes,
    instrument_revocation_bytes,
    verification_bytes,
)
from comity.domain.passes import PassPerson
from comity.domain.vocabulary import DataClass, Instrument
from comity.exchange.leaves import ordered
from comity.link.command import Command, CommandDone
from comity.link.instruments import RegisterInstrument, RevokeInstrument, VerifyInstrument
from comity.ports import Bus
from comity.services.reviewing import Reviewer
from comity.services.sending import send_command

__all__ = ["InstrumentDraft", "InstrumentWork"]

_DAY_SECONDS: Final = 86_400


class InstrumentDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer read of an instrument, before it is signed; `days` is for how long it counts.

    The rest as in `RegisteredInstrument`, in any order.
    """

    kind: Instrument
    issuer: str
    appointment: Appointment
    number: str
    agency: ORI
    case_number: str = ""
    persons: frozenset[PassPerson]
    classes: tuple[DataClass, ...]
    issued_on: date
    days: int
    document: bytes
    document_bytes: int
    hold_entry: str = ""
    note: str = ""


class InstrumentWork:
    """Each of these raises GatewayRefusalError with the gateway's code, and GatewaySilentError."""

    def __init__(
        self, *, bus: Bus, host: str, reviewer: Reviewer, now: Callable[[], float]
    ) -> None:
        self._bus = bus
        self._host = host
        self._reviewer = reviewer
        self._now = now

    async def register(self, draft: InstrumentDraft) -> str:
        """Sign and record what was read; return the instrument's entry."""
        now = int(self._now())
        instrument = RegisteredInstrument(
            state=self._reviewer.state,
            kind=draft.kind,
            issuer=draft.issuer,
            appointment=draft.appointment,
            number=draft.number,
            agency=draft.agency,
            case_number=draft.case_number,
            persons=tuple(sorted(draft.persons)),
            classes=ordered(draft.classes),
            issued_on=draft.issued_on,
            until=now + draft.days * _DAY_SECONDS,
            document=draft.document,
            document_bytes=draft.document_bytes,
            hold_entry=draft.hold_entry,
            note=draft.note,
            reviewer=self._reviewer.name,
            at=now,
        )
        proof = self._reviewer.sign(instrument_bytes(instrument))
        signed = SignedInstrument(instrument=instrument, proof=proof)
        return await self._done(RegisterInstrument(signed=signed))

    async def verify(
        self, entry: str, *, document: bytes, called: str, answered: str, note: str = ""
    ) -> str:
        """Sign and record that an instrument is what it says; return that leaf's entry."""
        verification = InstrumentVerification(
            state=self._reviewer.state,
            instrument_entry=entry,
            document=document,
            called=called,
            answered=answered,
            note=note,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(verification_bytes(verification))
        signed = SignedVerification(verification=verification, proof=proof)
        return await self._done(VerifyInstrument(signed=signed))

    async def revoke(self, entry: str, note: str = "") -> str:
        """Sign and record that an instrument counts no more; return that leaf's entry."""
        revocation = InstrumentRevocation(
            state=self._reviewer.state,
            instrument_entry=entry,
            note=note,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(instrument_revocation_bytes(revocation))
        signed = SignedInstrumentRevocation(revocation=revocation, proof=proof)
        return await self._done(RevokeInstrument(signed=signed))

    async def _done(self, command: Command) -> str:
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, CommandDone)
        return result.entry
