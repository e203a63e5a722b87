"""Commands to the host that owns a member's ledger: from worker, console and command line.

A command by itself has no authority: a verdict and a reading are signed by an enrolled reviewer, a
part of the directory by its member, an expiry is believed only by this host's own clock. What fails
is answered with its code.
"""

from __future__ import annotations

from typing import Final, assert_never

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name, parse_entry_name
from comity.domain.verdict import SignedHistoryReading, SignedOpeningReading, SignedReading
from comity.exchange.private import note_fields
from comity.link.command import (
    AskKeys,
    AskOnward,
    AskStatus,
    CarryOut,
    Certified,
    Certify,
    Command,
    CommandDone,
    CommandFailed,
    CommandResult,
    Decide,
    DecideAppeal,
    EndDuty,
    Expire,
    ExpireReview,
    FindClaim,
    FoldTraffic,
    GiveNotice,
    GiveReReview,
    GrantPass,
    HoldsShown,
    HoldView,
    KeepCosignatures,
    KeepSegment,
    OpenRecord,
    PlantCase,
    Proposed,
    PublishDirectory,
    PublishPolicy,
    ReadDesk,
    ReadHistory,
    ReadHolds,
    ReleaseLeaves,
    ReviewRelease,
    RevokePass,
    ShadowPolicy,
    SignCheckpoint,
    Succeed,
    ThawPolicy,
    decode_command,
    encode_result,
)
from comity.link.demands import ActOnDemand, RegisterDemand
from comity.link.instruments import RegisterInstrument, RevokeInstrument, VerifyInstrument
from comity.link.limits import TEXT_CHARS_MAX
from comity.link.protections import EndProtection, PlaceProtection, ReadProtections
from comity.link.showing import ShowRecord
from comity.policy import english_of_publication
from comity.ports import Clock, Entropy, LedgerRows, Store
from comity.review.verdicts import check_history_reading, check_opening_reading, check_reading
from comity.services.accesses import Accesses
from comity.services.certifying import Certifier
from comity.services.checkpoints import Checkpoints
from comity.services.events import Events
from comity.services.freezing import Freezes
from comity.services.given_notices import GivenNotices
from comity.services.keeping_desk import KeepingDesk
from comity.services.member import World
from comity.services.publishing import PartPublisher
from comity.services.review_commands import ReviewCommands
from comity.services.rollup import RollUp
from comity.services.rulebook import Rulebook
from comity.services.segments import Segments
from comity.services.sequencer import Sequencer
from comity.services.showing import Showing
from comity.services.succession import Succession
from comity.services.verdict import OpenHold, ReviewDesk
from comity.services.witnessed import Cosignatures

__all__ = [
    "FOLD_FACTS",
    "HOLDS_SHOWN_MAX",
    "SHOWN_COUNTS",
    "Commands",
    "LeafMissingError",
    "NotOnThisPathError",
]

HOLDS_SHOWN_MAX: Final = 500
SHOWN_COUNTS: Final = (
    "envelope_refused",
    "frames_repeated",
    "answers_repeated",
    "queries_redriven",
    "message_refused",
    "batches_committed",
    "entries_committed",
    "policy_decisions_rechecked",
    "policy_referee_disagrees",
)
"""Events of the host whose counts its status shows."""
FOLD_FACTS: Final = ("folded", "size", "lost", "taken")
"""What a step of folding says of a ledger."""
_NS: Final = 1_000_000_000
_OVERDUE_SECONDS: Final = 60


class NotOnThisPathError(ComityError):
    """A command names something of another state than its own."""

    code = "publication-not-open"


class LeafMissingError(ComityError):
    """The ledger has no such leaf."""

    code = "leaf-missing"


class Commands:
    """Carries out commands for the members of one host."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        rows: LedgerRows | None = None,
        desk: ReviewDesk,
        sequencer: Sequencer,
        checkpoints: Checkpoints,
        cosignatures: Cosignatures,
        segments: Segments,
        publisher: PartPublisher,
        rulebook: Rulebook,
        freezes: Freezes,
        certifier: Certifier,
        succession: Succession,
        keeping_desk: KeepingDesk,
        rollup: RollUp,
        review: ReviewCommands,
        clock: Clock,
        entropy: Entropy,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._rows = rows or store
        self._desk = desk
        self._sequencer = sequencer
        self._checkpoints = checkpoints
        self._cosignatures = cosignatures
        self._segments = segments
        self._publisher = publisher
        self._rulebook = rulebook
        self._freezes = freezes
        self._certifier = certifier
        self._succession = succession
        self._keeping_desk = keeping_desk
        self._rollup = rollup
        self._review = review
        self._clock = clock
        self._accesses = Accesses(sequencer, clock, entropy)
        self._given = GivenNotices(
            world=world,
            rows=self._rows,
            sequencer=sequencer,
            addresses=review.addresses,
            clock=clock,
        )
        self._showing = Showing(world=world, desk=desk, accesses=self._accesses, clock=clock)
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
                return await self._decide(command)
            case Expire():
                return CommandDone(entry=await self._expire(command))
            case ReadHolds():
                return await self._read(command.signed)
            case ShowRecord():
                return await self._showing.show(command.signed)
            case GrantPass() | RevokePass() | ReviewRelease() | ReadDesk() | ExpireReview():
                return await self._review.take(command)
            case GiveReReview() | FindClaim() | PlantCase() | AskOnward() | DecideAppeal():
                return await self._review.take(command)
            case RegisterInstrument() | VerifyInstrument() | RevokeInstrument():
                return await self._review.take(command)
            case PlaceProtection() | EndProtection() | ReadProtections():
                return await self._review.take(command)
            case RegisterDemand() | ActOnDemand():
                return await self._review.take(command)
            case ReadHistory() | OpenRecord() | GiveNotice():
                return CommandDone(entry=await self._recorded(command))
            case SignCheckpoint():
                await self._checkpoints.sign_all()
                return CommandDone()
            case KeepCosignatures():
                await self._cosignatures.keep(command.member, command.size, command.lines)
                return CommandDone()
            case KeepSegment():
                await self._segments.keep(command.member, command.segment, command.root)
                return CommandDone()
            case ReleaseLeaves():
                await self._segments.release(command.member, command.segment, command.root)
                return CommandDone()
            case AskStatus():
                return await self._status(command.member)
            case Succeed():
                return await self._succeed(command)
            case PublishDirectory():
                entry = await self._publisher.publish(command.member, command.part)
                return CommandDone(entry=entry)
            case CarryOut():
                return await self._order(command)
            case AskKeys():
                return await self._keeping_desk.show(command.member)
            case PublishPolicy():
                return await self._publish(command)
            case FoldTraffic():
                folded = await self._rollup.fold(command.member)
                return CommandDone(
                    facts=tuple((name, str(getattr(folded, name))) for name in FOLD_FACTS)
                )
            case ShadowPolicy():
                return await self._announce(command)
            case EndDuty():
                await self._store.end_duty(command.member, command.duty_id)
                return CommandDone()
            case Certify():
                return Certified(
                    certificate=await self._certifier.certify(command.state, command.family)
                )
            case ThawPolicy():
                row = await self._freezes.thaw(command.state, command.thaw)
                entry = entry_name(command.state, row.leaf_index)
                return CommandDone(entry=entry, facts=(("since", str(row.since)),))
            case _:
                assert_never(command)

    async def _recorded(self, command: ReadHistory | OpenRecord | GiveNotice) -> str:
        """Record what a reviewer is about to read, or has done; return the leaf's entry."""
        match command:
            case ReadHistory():
                return await self._read_history(command.signed)
            case OpenRecord():
                return await self._open_record(command.signed)
            case GiveNotice():
                return await self._given.give(command.signed)
            case _:
                assert_never(command)

    async def _decide(self, command: Decide) -> CommandResult:
        done = await self._desk.decide(command.signed)
        facts = [("response", done.response.value), ("released", ",".join(done.released))]
        if done.planted is not None:
            facts.append(("planted", done.planted.value))
        return CommandDone(entry=done.entry, facts=tuple(facts))

    async def _succeed(self, command: Succeed) -> CommandResult:
        done = await self._succession.succeed(
            command.member, command.order, command.checkpoint, command.beyond
        )
        return CommandDone(
            entry=done.entry,
            facts=(
                ("vkey", done.vkey),
                ("kept", str(done.kept)),
                ("copied", str(done.copied)),
                *((f"aside_{kind}", str(count)) for kind, count in done.aside),
                *(("again", entry) for entry in done.again),
            ),
        )

    async def _expire(self, command: Expire) -> str:
        # By the row alone: a hold that cannot be opened must not keep another from its end.
        for row in await self._store.open_holds([command.state]):
            if row.exchange_id == command.exchange_id:
                return await self._desk.expire(entry_name(row.member, row.leaf_index))
        return ""

    async def _order(self, command: CarryOut) -> CommandDone:
        own = [command.signed.order.state]
        # What stands for long goes on under the newest key, whichever is destroyed now.
        await self._review.tend(own, held=own)
        done = await self._keeping_desk.carry_out(command.signed)
        # What names a person went with its key: no pass and no instrument outlives it.
        await self._review.reload(own)
        return done

    async def _publish(self, command: PublishPolicy) -> CommandDone:
        published = await self._rulebook.publish(command.state, command.bundle)
        return CommandDone(
            entry=published.entry,
            facts=(
                ("version", str(published.version)),
                ("in_force_ns", str(published.in_force_ns)),
            ),
        )

    async def _announce(self, command: ShadowPolicy) -> CommandDone:
        """Announce rules, and tell since when they stand; nothing of that where none do."""
        entry = await self._rulebook.announce(command.state, command.bundle)
        since = self._world.shadow_since(command.state)
        facts = () if since is None else (("since", str(since)),)
        return CommandDone(entry=entry, facts=facts)

    async def _status(self, member: Member) -> CommandResult:
        index, policy = self._world.policy(member)
        head, _ = (await self._store.heads([member]))[member]
        now = self._clock.now_ns() // _NS
        sealed = await self._store.unopened_detail(member, now)
        overdue = await self._store.unopened_detail(member, now - _OVERDUE_SECONDS)
        return CommandDone(
            facts=(
                ("member", member),
                ("owned", "yes" if self._sequencer.owns(member) else "no"),
                ("leaves", str(head.frontier.size)),
                ("policy", f"{entry_name(member, index)} version {policy.bundle.version}"),
                ("publication", english_of_publication(policy.bundle.publication)),
                ("detail_sealed", str(sum(month.sealed for month in sealed))),
                ("detail_overdue", str(sum(month.due for month in overdue))),
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
            return HoldsShown(holds=tuple(self._view(h) for h in holds[:HOLDS_SHOWN_MAX]))
        member, _ = parse_entry_name(reading.hold_entry)
        if member != reading.state:
            raise NotOnThisPathError("`hold_entry` is of another state")
        hold = await self._desk.hold(reading.hold_entry)
        self._desk.beside.check_no_conflict(hold[0], reading.reviewer, signed.proof.key_id)
        fields = note_fields(reviewer=reading.reviewer, key=signed.proof.key_id)
        access = await self._accesses.record(reading.state, fields, now, cites=reading.hold_entry)
        return HoldsShown(holds=(await self._whole_view(hold),), access_entry=access)

    async def _read_history(self, signed: SignedHistoryReading) -> str:
        """Record that a member's traffic is about to be read; the reader then opens it itself."""
        reading = signed.reading
        now = self._clock.now_ns() // _NS
        key = self._world.directory.reviewer(reading.state, reading.reviewer)
        check_history_reading(signed, key, now)
        fields = note_fields(
            reviewer=reading.reviewer,
            key=signed.proof.key_id,
            history=f"{reading.since}-{reading.until}",
            keys=",".join(reading.keys),
        )
        return await self._accesses.record(reading.state, fields, now)

    async def _open_record(self, signed: SignedOpeningReading) -> str:
        """Record that fields behind a leaf are about to be opened; the reader then opens them."""
        reading = signed.reading
        now = self._clock.now_ns() // _NS
        key = self._world.directory.reviewer(reading.state, reading.reviewer)
        check_opening_reading(signed, key, now)
        member, index = parse_entry_name(reading.entry)
        if not await self._rows.leaf_hashes(member, index, index + 1):
            raise LeafMissingError("the ledger has no such leaf")
        fields = note_fields(
            reviewer=reading.reviewer,
            key=signed.proof.key_id,
            opened=",".join(reading.fields),
        )
        return await self._accesses.record(reading.state, fields, now, cites=reading.entry)

    async def _whole_view(self, hold: OpenHold) -> HoldView:
        by_two, verdict = self._desk.second(hold)
        proposed = verdict and Proposed(
            reviewer=verdict.reviewer,
            at=verdict.at,
            approved=verdict.approved,
            note=verdict.note,
        )
        row, file = hold
        now = self._clock.now_ns() // _NS
        said = await self._review.addresses.of_search(row.member, file.exchange.fields, now)
        return msgspec.structs.replace(
            self._view(hold),
            search=file.exchange.fields,
            instruments=tuple(await self._review.instrument_desk.claimed_by(file.exchange)),
            by_two=by_two,
            proposed=proposed,
            replies=await self._desk.replies(hold),
            calls=self._desk.beside.calls(row),
            address=said.stands,
            granted=await self._review.granted_for(file.exchange),
        )

    def _view(self, hold: OpenHold) -> HoldView:
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
            instrument_ref=claims.instrument_ref,
        )
