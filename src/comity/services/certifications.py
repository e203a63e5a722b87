"""Warnings of certifications that lapse: a leaf, the duty to page someone, and a message to the
agency itself, once for each step.

    1. which warnings stand already is asked of the ledger, for many at once; nothing is written
    2. each of the others is recorded with its duty and its message, in one transaction
    3. where no message can go to the agency, leaf and duty are recorded alone, and the page says so

INVARIANT (fail-closed): nobody is warned while this host's clock is in doubt; the rules look at a
certification by themselves, so that a warning left out releases nothing.
Source: docs/adr/0045-certifications-that-lapse.md; docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from comity.directory.errors import DestinationError, SenderError
from comity.domain.agency import CertifiedUntil
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.plan import NO_POLICY, Existing
from comity.ports import Clock, DutyKind
from comity.review.calendars import Calendar
from comity.review.certifications import (
    UNTOLD,
    Step,
    Warned,
    lapse_words,
    warning_id,
    warning_leaf,
    warning_number,
    warning_text,
    warnings_due,
)
from comity.services.entry import Entry
from comity.services.events import Events
from comity.services.health import Health
from comity.services.member import World
from comity.services.own_messages import OwnMessage, OwnMessages
from comity.services.sequencer import Refused, Sequencer, recorded_index

__all__ = ["WARNINGS_AT_ONCE_MAX", "WARNINGS_A_ROUND_MAX", "WARNINGS_LINE", "Certifications"]

WARNINGS_AT_ONCE_MAX: Final = 256
"""Warnings of one member that are handed to the sequencer together."""
WARNINGS_A_ROUND_MAX: Final = 4_096
"""Warnings of one member in one round; the next takes the rest."""
WARNINGS_LINE: Final = "certifications"
"""The line of a member's own warnings (`OwnMessage`)."""
_NS: Final = 1_000_000_000

_Told = tuple[str, int, Step]


class Certifications:
    """Warns of the certifications of one host's members.

    `_told` has what stands in a ledger already, by member, as far as it is still due; the ledger
    itself knows it after a restart.
    """

    def __init__(
        self,
        *,
        world: World,
        sequencer: Sequencer,
        health: Health,
        calendars: Callable[[Member], Calendar],
        own: OwnMessages,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._sequencer = sequencer
        self._health = health
        self._calendars = calendars
        self._own = own
        self._clock = clock
        self._events = events
        self._told: dict[Member, set[_Told]] = {}

    async def warn(self) -> int:
        """Record every warning that is due and not recorded; return how many there were."""
        if not self._health.may_release:
            return 0
        count = 0
        for member in self._world.members():
            if not self._sequencer.owns(member):
                continue
            try:
                count += await self._warn(member)
            except ComityError as error:
                # One member's ledger must not keep another's warnings.
                self._events.failure("certification_warnings_failed", error, member=member)
        return count

    async def _warn(self, member: Member) -> int:
        part = self._world.directory.part(member)
        if part is None or not part.certifications:
            return 0
        now = self._clock.now_ns() // _NS
        asking = [row for row in part.certifications if self._may_ask(row)]
        due = warnings_due(asking, now, self._calendars(member))
        told = self._told.get(member, set()) & {_key(each) for each in due}
        self._told[member] = told
        new = [each for each in due if _key(each) not in told][:WARNINGS_A_ROUND_MAX]
        count = 0
        for first in range(0, len(new), WARNINGS_AT_ONCE_MAX):
            count += await self._record(member, new[first : first + WARNINGS_AT_ONCE_MAX], now)
        if count:
            self._events.note("certification_warnings", count, member=member)
        return count

    def _may_ask(self, row: CertifiedUntil) -> bool:
        agency = self._world.directory.agency(row.agency)
        return agency is not None and agency.active

    async def _record(self, member: Member, new: list[Warned], now: int) -> int:
        """Record warnings; return how many of them stood in no ledger before."""
        # Step 1.
        entries = [self._entry(member, each, now) for each in new]
        asked = [msgspec.structs.replace(each, decided_under=NO_POLICY) for each in entries]
        results = await self._sequencer.commit(asked)
        missing: list[tuple[Warned, Entry]] = []
        for each, entry, result in zip(new, entries, results, strict=True):
            if isinstance(result, Existing):
                self._told[member].add(_key(each))
            elif isinstance(result, Refused):
                self._events.failure("certification_warnings_failed", result.error, member=member)
            else:
                missing.append((each, entry))
        done = await asyncio.gather(*(self._warn_of(member, *each) for each in missing))
        self._told[member].update(
            _key(each) for (each, _), is_done in zip(missing, done, strict=True) if is_done
        )
        return sum(done)

    async def _warn_of(self, member: Member, warned: Warned, entry: Entry) -> bool:
        """Record one warning with its message, or alone; say whether it is recorded."""
        try:
            # Step 2.
            message = self._message(member, warned)
            if message is not None:
                return await self._own.send(message, entry)
        except (SenderError, DestinationError) as error:
            # Such as an agency whose state takes no messages: a person has to call it.
            self._events.failure("certification_agency_untold", error, member=member)
        # Step 3.
        alone = msgspec.structs.replace(entry, duty_about=f"{entry.duty_about}{UNTOLD}")
        (result,) = await self._sequencer.commit([alone])
        if isinstance(result, Refused):
            self._events.failure("certification_warnings_failed", result.error, member=member)
        return recorded_index(result) is not None

    def _message(self, member: Member, warned: Warned) -> OwnMessage | None:
        """Return what the agency is told, in the name of the state's control terminal."""
        speaker = self._own.speaker(member)
        if speaker is None:
            return None
        contact = self._world.directory.duty_contact(member) or ""
        return OwnMessage(
            member=member,
            line=WARNINGS_LINE,
            number=warning_number(member, warned),
            speaks_as=speaker,
            to=warned.certified.agency,
            text=warning_text(member, warned, self._calendars(member).zone, contact),
        )

    def _entry(self, member: Member, warned: Warned, now: int) -> Entry:
        agency = self._world.directory.agency(warned.certified.agency)
        assert agency is not None
        is_over = warned.step is Step.LAPSED
        kind = DutyKind.PAGE_CERTIFICATION_LAPSED if is_over else DutyKind.PAGE_CERTIFICATION_LAPSES
        return Entry(
            member=member,
            exchange_id=warning_id(member, warned),
            leaves=(warning_leaf(member, warned, now),),
            duty=kind,
            duty_about=lapse_words(agency.name, warned, self._calendars(member).zone),
        )


def _key(warned: Warned) -> _Told:
    return warned.certified.agency, warned.certified.until, warned.step
