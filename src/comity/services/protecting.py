"""One person at work on confidential addresses: places, ends, reads, by signed commands.

INVARIANT (review-is-verified): what gives a command effect is the person's signature, made by
`Reviewer.sign` alone; the gateway checks it, and that a second person ends.
Source: docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import msgspec

from comity.domain.passes import PassPerson
from comity.domain.protection import (
    Protection,
    ProtectionEnd,
    ProtectionReading,
    SignedProtection,
    SignedProtectionEnd,
    SignedProtectionReading,
    protection_bytes,
    protection_end_bytes,
    protection_reading_bytes,
)
from comity.link.command import CommandDone
from comity.link.protections import (
    EndProtection,
    PlaceProtection,
    ProtectionsShown,
    ReadProtections,
)
from comity.ports import Bus
from comity.services.protection_desk import IS_OVER
from comity.services.reviewing import Reviewer
from comity.services.sending import send_command

__all__ = ["ProtectionDraft", "ProtectionWork"]


class ProtectionDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of a confidential address, before it is signed; as `Protection`."""

    persons: frozenset[PassPerson]
    contact: str
    how: str
    no_post: bool = True
    since: date
    until: date | None = None
    authority: str
    note: str = ""


class ProtectionWork:
    """Each of these raises GatewayRefusalError with the gateway's code, and GatewaySilentError."""

    def __init__(
        self, *, bus: Bus, host: str, reviewer: Reviewer, now: Callable[[], float]
    ) -> None:
        self._bus = bus
        self._host = host
        self._reviewer = reviewer
        self._now = now

    def made(self, draft: ProtectionDraft) -> Protection:
        """Return what would be signed now."""
        return Protection(
            state=self._reviewer.state,
            persons=tuple(sorted(draft.persons)),
            contact=draft.contact,
            how=draft.how,
            no_post=draft.no_post,
            since=draft.since,
            until=draft.until,
            authority=draft.authority,
            note=draft.note,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )

    async def place(self, draft: ProtectionDraft) -> str:
        """Sign and place a protection; return its id, in hexadecimal digits."""
        protection = self.made(draft)
        proof = self._reviewer.sign(protection_bytes(protection))
        signed = SignedProtection(protection=protection, proof=proof)
        result = await send_command(self._bus, self._host, PlaceProtection(signed=signed))
        assert isinstance(result, CommandDone)
        return dict(result.facts)["protection"]

    async def end(self, protection: str, note: str = "") -> bool:
        """Sign that a protection ends; say whether it is over: a second person may be missing."""
        end = ProtectionEnd(
            state=self._reviewer.state,
            protection=protection,
            note=note,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(protection_end_bytes(end))
        signed = SignedProtectionEnd(end=end, proof=proof)
        result = await send_command(self._bus, self._host, EndProtection(signed=signed))
        assert isinstance(result, CommandDone)
        return dict(result.facts)[IS_OVER] == "yes"

    async def read(
        self, protection: str = "", *, person: PassPerson | None = None
    ) -> ProtectionsShown:
        """Return the list, or one protection, or those of a person: these are recorded first."""
        reading = ProtectionReading(
            state=self._reviewer.state,
            protection=protection,
            person=person,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(protection_reading_bytes(reading))
        signed = SignedProtectionReading(reading=reading, proof=proof)
        result = await send_command(self._bus, self._host, ReadProtections(signed=signed))
        assert isinstance(result, ProtectionsShown)
        return result
