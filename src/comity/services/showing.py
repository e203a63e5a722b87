"""Shows a reviewer what a release of a hold would let go, once that it was shown is recorded.

    1. the reading's signature is checked, against the hold as it stands
    2. rules and source are asked as an approval of everything held would ask them
    3. an `access` leaf is made durable, whose id is the reading's own: so it shows once
    4. what would go out is returned

A crash before 3 has shown nothing; one after it has shown nothing either, and the ledger says more
than happened, never less.
INVARIANT (no-answer-before-receipt): nothing of a record is returned before its leaf stands.
Source: docs/adr/0041-what-would-go-out.md.
"""

from __future__ import annotations

from typing import Final

from comity.domain.ids import parse_entry_name
from comity.domain.record_reading import SignedRecordReading, record_reading_bytes
from comity.exchange.private import note_fields
from comity.link.showing import RecordShown
from comity.ports import Clock
from comity.review.showing import WouldRelease, check_record_reading, shown_elements
from comity.review.signatures import VerdictError
from comity.services.accesses import Accesses
from comity.services.member import World
from comity.services.verdict import ReviewDesk

__all__ = ["Showing"]

_NS: Final = 1_000_000_000


class Showing:
    """Shows what would go out of this host's members' holds."""

    def __init__(self, *, world: World, desk: ReviewDesk, accesses: Accesses, clock: Clock) -> None:
        self._world = world
        self._desk = desk
        self._accesses = accesses
        self._clock = clock

    async def show(self, signed: SignedRecordReading) -> RecordShown:
        """Return what would go out.

        Raises: VerdictError, ConflictError, HoldClosedError, SourceError, ReadingRepeatedError,
        RulesChangedError, ClockSkewedError, or what the sequencer refused with.
        """
        reading = signed.reading
        if parse_entry_name(reading.hold_entry)[0] != reading.state:
            raise VerdictError("`hold_entry` is of another state")
        row, hold = await self._desk.hold(reading.hold_entry)
        now = self._clock.now_ns() // _NS
        key = self._world.directory.reviewer(reading.state, reading.reviewer)
        check_record_reading(signed, key, hold, now, step=row.next_step)
        self._desk.beside.check_no_conflict(row, reading.reviewer, signed.proof.key_id)
        would = await self._desk.would_release(hold, now)
        access = await self._record(signed, would, now) if would.tells else ""
        answer = would.answer
        if answer is None:
            return RecordShown(outcome=would.outcome)
        return RecordShown(
            outcome=would.outcome,
            record_kind=answer.record_kind,
            elements=shown_elements(answer),
            refused=answer.withheld,
            access_entry=access,
        )

    async def _record(self, signed: SignedRecordReading, would: WouldRelease, now: int) -> str:
        reading = signed.reading
        elements = would.answer.elements if would.answer is not None else ()
        fields = note_fields(
            reviewer=reading.reviewer,
            key=signed.proof.key_id,
            record=would.outcome.value,
            classes=",".join(sorted({element.data_class.value for element in elements})),
        )
        return await self._accesses.record_once(
            reading.hold_entry,
            fields,
            now,
            signed=(reading.at, record_reading_bytes(reading)),
            policy=would.policy,
        )
