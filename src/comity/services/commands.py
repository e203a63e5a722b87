"""Commands to the host that owns a member's ledger: from worker, console and command line.

A command by itself has no authority: a verdict and a reading are signed by an enrolled reviewer, an
expiry is believed only by this host's own clock. What fails is answered with its code.
"""

from __future__ import annotations

from typing import Final, assert_never

from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name, make_id, parse_entry_name
from comity.domain.leaf import LeafHeader
from comity.domain.verdict import SignedReading
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields
from comity.link.command import (
    AskStatus,
    Command,
    CommandDone,
    CommandFailed,
    CommandResult,
    Decide,
    Expire,
    HoldsShown,
    HoldView,
    PublishDirectory,
    PublishPolicy,
    ReadHolds,
    SignCheckpoint,
    decode_command,
    encode_result,
)
from comity.link.limits import TEXT_CHARS_MAX
from comity.ports import Clock, Entropy, Store
from comity.review.verdicts import check_reading
from comity.services.checkpoints import Checkpoints
from comity.services.entries import Entry
from comity.services.events import Events
from comity.services.member import World
from comity.services.sequencer import Refused, Sequencer, recorded_index
from comity.services.verdict import OpenHold, ReviewDesk

__all__ = ["HOLDS_SHOWN_MAX", "SHOWN_COUNTS", "Commands", "NotOnThisPathError", "command_subject"]

HOLDS_SHOWN_MAX: Final = 500
SHOWN_COUNTS: Final = (
    "envelope_refused",
    "frames_repeated",
    "answers_repeated",
    "queries_redriven",
    "message_refused",
    "batches_committed",
    "entries_committed",
)
"""Events of the host whose counts its status shows."""
_NS: Final = 1_000_000_000


class NotOnThisPathError(ComityError):
    """A publication needs its approvals, which this installation does not take yet."""

    code = "publication-not-open"


def command_subject(host: str) -> str:
    """Return the subject on which a host takes commands."""
    return f"cmd.{host}.member"


class Commands:
    """Carries out commands for the members of one host."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        desk: ReviewDesk,
        sequencer: Sequencer,
        checkpoints: Checkpoints,
        clock: Clock,
        entropy: Entropy,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._desk = desk
        self._sequencer = sequencer
        self._checkpoints = checkpoints
        self._clock = clock
        self._entropy = entropy
        self._events = events

    async def take(self, data: bytes) -> bytes:
        """Carry out one command and return its result's bytes; never raises for its contents."""
        try:
            return encode_result(await self._carry_out(decode_command(data)))
        except ComityError as error:
            self._events.failure("command_failed", error)
            return encode_result(CommandFailed(code=error.code, text=str(error)[:TEXT_CHARS_MAX]))

    async def _carry_out(self, command: Command) -> CommandResult:
        match command:
            case Decide():
                return CommandDone(entry=await self._desk.decide(command.signed))
            case Expire():
                return CommandDone(entry=await self._expire(command))
            case ReadHolds():
                return await self._read(command.signed)
            case SignCheckpoint():
                await self._checkpoints.sign_all()
                return CommandDone()
            case AskStatus():
                return await self._status(command.member)
            case PublishPolicy() | PublishDirectory():
                raise NotOnThisPathError("a change of what is published takes its approvals")
            case _:
                assert_never(command)

    async def _expire(self, command: Expire) -> str:
        # By the row alone: a hold that cannot be opened must not keep another from its end.
        for row in await self._store.open_holds([command.state]):
            if row.exchange_id == command.exchange_id:
                return await self._desk.expire(entry_name(row.member, row.leaf_index))
        return ""

    async def _status(self, member: Member) -> CommandResult:
        index, policy = self._world.policy(member)
        head, _ = (await self._store.heads([member]))[member]
        return CommandDone(
            facts=(
                ("member", member),
                ("owned", "yes" if self._sequencer.owns(member) else "no"),
                ("leaves", str(head.frontier.size)),
                ("policy", f"{entry_name(member, index)} version {policy.bundle.version}"),
                *((name, str(self._events.counts[name])) for name in SHOWN_COUNTS),
            )
        )

    async def _read(self, signed: SignedReading) -> CommandResult:
        """Show holds to an enrolled reviewer; showing whom one is about is an `access` leaf."""
        reading = signed.reading
        now = self._clock.now_ns() // _NS
        key = self._world.directory.reviewer(reading.state, reading.reviewer)
        check_reading(signed, key, now)
        if not reading.hold_entry:
            holds = await self._desk.holds(reading.state)
            return HoldsShown(
                holds=tuple(self._view(h, with_search=False) for h in holds[:HOLDS_SHOWN_MAX])
            )
        member, _ = parse_entry_name(reading.hold_entry)
        if member != reading.state:
            raise NotOnThisPathError("`hold_entry` is of another state")
        hold = await self._desk.hold(reading.hold_entry)
        access = await self._record_access(signed, now)
        return HoldsShown(holds=(self._view(hold, with_search=True),), access_entry=access)

    async def _record_access(self, signed: SignedReading, now: int) -> str:
        # INVARIANT (no-answer-before-receipt): what a page shows of a person is recorded first.
        reading = signed.reading
        leaf = WantedLeaf(
            step=0,
            header=LeafHeader(
                version=1,
                kind=LeafKind.ACCESS,
                mode=LeafMode.LIVE,
                hour=now // HOUR_SECONDS,
                member=reading.state,
                cites=reading.hold_entry,
            ),
            fields=note_fields(reviewer=reading.reviewer, key=signed.proof.key_id),
        )
        exchange_id = make_id(self._clock.now_ns(), self._entropy.token(8))
        entry = Entry(member=reading.state, exchange_id=exchange_id, leaves=(leaf,))
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        assert index is not None
        return entry_name(reading.state, index)

    def _view(self, hold: OpenHold, *, with_search: bool) -> HoldView:
        row, file = hold
        exchange, claims = file.exchange, file.exchange.claims
        agency = self._world.directory.agency(exchange.agency)
        return HoldView(
            entry=entry_name(row.member, row.leaf_index),
            exchange_id=exchange.exchange_id,
            agency=exchange.agency,
            agency_name=agency.name if agency is not None else "",
            key=exchange.key,
            purpose=claims.purpose.value,
            offence=claims.offence.value,
            instrument=claims.instrument.value,
            case_number=claims.case_number,
            operator=claims.operator,
            assurance=exchange.assurance.value,
            opened_at=file.opened_at,
            until=file.until,
            next_step=row.next_step,
            classes=file.classes,
            withheld=file.withheld,
            search=exchange.fields if with_search else (),
        )
