"""The gateway: both faces of the members that one host serves, around one sequencer.

    start:  load what is published, take up successors, own the ledgers whose heads continue what
            was signed, publish what a new member's founding holds, take up open queries, listen
    stop:   stop listening, let the batch in hand commit, sign the last heads

Start after a crash is the same start: nothing is known but what is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from comity.directory.part import SignedPart
from comity.domain.errors import ComityError
from comity.domain.ids import HostName, Member
from comity.front.http import HttpServer
from comity.front.line import LineServer
from comity.link.envelope import check_fresh, open_envelope
from comity.link.parcel import EnvelopeKind
from comity.ports import Bus, Clock, LineFrame, ResultRow, Store
from comity.services.answer import AnswerFace
from comity.services.appeals import Appeals
from comity.services.archive import ArchiveDesk
from comity.services.asking import Asking
from comity.services.certifications import Certifications
from comity.services.checkpoints import Checkpoints
from comity.services.claim_checks import ClaimChecks
from comity.services.commands import Commands
from comity.services.courier import Courier, gateway_subject
from comity.services.deliveries import Deliveries, KeptDelivery, KeptPage, Standing
from comity.services.demands import Demands
from comity.services.events import Events
from comity.services.founding import Founding
from comity.services.health import Health
from comity.services.keeping import Keeping
from comity.services.member import World
from comity.services.onward import Onward
from comity.services.origin import OriginFace
from comity.services.planting import ROUND_SECONDS, Plantings
from comity.services.previews import Previewed, Previews
from comity.services.recheck import Recheck
from comity.services.reveals import Reveals
from comity.services.review_commands import ReviewCommands
from comity.services.roster_changes import RosterChanges
from comity.services.rulebook import Rulebook
from comity.services.sending import command_subject
from comity.services.sequencer import Sequencer
from comity.services.service_board import ServiceBoard
from comity.services.succession import Succession

__all__ = ["UNHEARD_MARK", "FoundingPapers", "Gateway", "GatewayParts", "GatewayPorts"]

UNHEARD_MARK: Final = b"\x00"
"""First byte of the hub's word that nobody listens where an envelope was to go."""

_NS_PER_MS: Final = 1_000_000
_NS: Final = 1_000_000_000
_Paper = TypeVar("_Paper")
_TICK_SECONDS: Final = 1.0
_UPKEEP_SECONDS: Final = 3600.0
_LAPSE_SECONDS: Final = 1.0
_WARN_SECONDS: Final = 60.0
_DETAIL_SECONDS: Final = 2.0
_CLAIMS_SECONDS: Final = 5.0
_ROSTERS_SECONDS: Final = 10.0
_ONWARD_SECONDS: Final = 5.0
_APPEALS_SECONDS: Final = 30.0
_HEALTH_SECONDS: Final = 5.0
_RECOVER_SECONDS: Final = 14 * 86_400
_DRAIN_SECONDS_MAX: Final = 5.0


class FoundingPapers(msgspec.Struct, frozen=True, kw_only=True):
    """What new members of this host publish first: signed parts and policy bundles."""

    parts: tuple[SignedPart, ...] = ()
    policies: tuple[tuple[Member, bytes], ...] = ()


class GatewayPorts(NamedTuple):
    """Where agencies reach a gateway: the TCP line, and HTTPS."""

    line: int
    http: int


class GatewayParts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a gateway is made of, joined by the composition root."""

    host: HostName
    seal_private: X25519PrivateKey
    world: World
    store: Store
    bus: Bus
    clock: Clock
    sequencer: Sequencer
    courier: Courier
    checkpoints: Checkpoints
    succession: Succession
    founding: Founding
    health: Health
    deliveries: Deliveries
    asking: Asking
    origin: OriginFace
    previews: Previews
    answer: AnswerFace
    board: ServiceBoard
    archive: ArchiveDesk
    keeping: Keeping
    reveals: Reveals
    rulebook: Rulebook
    review: ReviewCommands
    claims: ClaimChecks
    plantings: Plantings
    onward: Onward
    appeals: Appeals
    certifications: Certifications
    roster_changes: RosterChanges
    demands: Demands
    recheck: Recheck
    commands: Commands
    lines: LineServer
    http: HttpServer
    events: Events
    papers: FoundingPapers
    listen_on: tuple[str, GatewayPorts]
    checkpoint_s: float


class Gateway:
    """Runs one host's gateway; is the desk of its lines, at both fronts."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts
        self._tasks: list[asyncio.Task[None]] = []
        self._losses = -1

    # The desk of the lines.

    def oris_of(self, line: str) -> tuple[str, ...]:
        """Return the agencies that may be spoken for on a line."""
        return self._parts.world.directory.agencies_for_line(line)

    async def open_line(self, line: str) -> tuple[int, int]:
        """Take up a line; return its last accepted frame and its last delivery."""
        return await self._parts.deliveries.open_line(line)

    async def resume(self, line: str) -> None:
        """Write out what the line has not acknowledged."""
        await self._parts.deliveries.resume(line)

    async def take_frames(self, frames: Sequence[LineFrame]) -> None:
        """Accept or refuse messages."""
        await self._parts.origin.take_frames(frames)

    async def preview(self, line: str, data: bytes) -> Previewed:
        """Return what a message would get, once that it was asked is recorded."""
        return await self._parts.previews.preview(line, data)

    async def acknowledged(self, line: str, number: int) -> None:
        """Take a line's acknowledgement."""
        await self._parts.deliveries.acknowledged(line, number)

    async def open_pulled(self, line: str) -> int:
        """Take up a line that asks for its deliveries; return up to which it has acknowledged."""
        return await self._parts.deliveries.open_pulled(line)

    async def standing(self, line: str, frame_no: int) -> Standing | None:
        """Return where a message stands, or None."""
        return await self._parts.deliveries.standing(line, frame_no)

    async def kept_after(self, line: str, number: int, limit: int) -> KeptPage:
        """Return what was sent to a line beyond a number."""
        return await self._parts.deliveries.kept_after(line, number, limit)

    def opened(self, rows: Sequence[ResultRow]) -> tuple[KeptDelivery, ...]:
        """Return what rows hold."""
        return self._parts.deliveries.opened(rows)

    # Life.

    async def start(self) -> GatewayPorts:
        """Bring the gateway up; return the ports that agencies connect to."""
        parts = self._parts
        await parts.world.load(parts.store)
        await parts.succession.take_up()
        await self._own(sorted(self._members()))
        await parts.board.load(sorted(self._members()))
        self._run(parts.sequencer.run())
        self._run(parts.courier.run())
        self._run(parts.recheck.run())
        await self._publish_founding()
        await parts.health.check()
        await parts.keeping.take_up([m for m in sorted(self._members()) if parts.sequencer.owns(m)])
        await parts.review.reload(sorted(self._members()))
        await self._take_up()
        await parts.bus.listen(gateway_subject(parts.host), self._envelope)
        await parts.bus.listen(command_subject(parts.host), self._command)
        host, wanted = parts.listen_on
        line_port = await parts.lines.listen(self, host, wanted.line)
        http_port = await parts.http.listen(self, host, wanted.http)
        self._run(self._every(_TICK_SECONDS, self._tick))
        self._run(self._every(_HEALTH_SECONDS, parts.health.check))
        self._run(self._every(parts.checkpoint_s, self._sign))
        self._run(self._every(_UPKEEP_SECONDS, self._upkeep))
        self._run(self._every(_DETAIL_SECONDS, self._open_detail))
        self._run(self._every(_LAPSE_SECONDS, self._lapse))
        self._run(self._every(_WARN_SECONDS, self._warn))
        self._run(self._every(_WARN_SECONDS, self._warn_of_demands))
        self._run(self._every(_CLAIMS_SECONDS, self._check_claims))
        self._run(self._every(_ROSTERS_SECONDS, self._page_of_rosters))
        self._run(self._every(ROUND_SECONDS, self._plant))
        self._run(self._every(_ONWARD_SECONDS, self._close_onward))
        self._run(self._every(_APPEALS_SECONDS, self._check_appeals))
        return GatewayPorts(line=line_port, http=http_port)

    async def stop(self) -> None:
        """Stop taking in, then end in order."""
        parts = self._parts
        await parts.lines.close()
        await parts.http.close()
        await parts.answer.stop()
        try:
            async with asyncio.timeout(_DRAIN_SECONDS_MAX):
                await parts.sequencer.drained()
                await self._tick()
                await parts.checkpoints.sign_all()
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest must end too
            parts.events.failure("stop_incomplete", error)
        await parts.archive.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        parts.recheck.stop()

    def _members(self) -> set[Member]:
        parts = self._parts
        return {*parts.world.members(), *(part.member for part in parts.papers.parts)}

    async def _own(self, members: Sequence[Member]) -> None:
        """Own the ledgers that continue what was signed; leave the others alone, loudly."""
        parts = self._parts
        epochs = await parts.store.claim(parts.host, members)
        for member, epoch in epochs.items():
            try:
                await parts.checkpoints.check(member)
            except Exception as error:  # noqa: BLE001 - the others are taken up
                # INVARIANT (one-ledger-one-writer): an old backup or damage is never written to.
                parts.events.failure("ledger_refused", error, member=member)
            else:
                parts.sequencer.own({member: epoch})

    async def _publish_founding(self) -> None:
        parts = self._parts
        world = parts.world
        new_parts = [
            signed
            for signed in parts.papers.parts
            if world.directory.part(signed.member) is None and parts.sequencer.owns(signed.member)
        ]
        await self._publish(parts.founding.publish_parts, new_parts)
        new_policies = [
            body
            for member, body in parts.papers.policies
            if parts.sequencer.owns(member) and not world.has_published(member)
        ]
        await self._publish(parts.founding.publish_first_policies, new_policies)

    async def _publish(
        self, publish: Callable[[list[_Paper]], Awaitable[object]], papers: list[_Paper]
    ) -> None:
        """Publish papers together; where one is refused, each alone, and that one not."""
        if not papers:
            return
        try:
            await publish(papers)
        except ComityError as error:
            if len(papers) == 1:
                self._parts.events.failure("founding_refused", error)
                return
            for paper in papers:
                await self._publish(publish, [paper])

    async def _envelope(self, data: bytes) -> None:
        parts = self._parts
        if data[:1] == UNHEARD_MARK:
            parts.asking.host_unheard(HostName(data[1:].decode("ascii", "replace")))
            return
        try:
            opened = open_envelope(
                data,
                own_name=parts.host,
                own_private=parts.seal_private,
                book=parts.world.directory,
            )
            check_fresh(opened.route, parts.clock.now_ns() // _NS_PER_MS)
        except ComityError as error:
            # INVARIANT (signed-query): what does not verify is not looked into any further.
            parts.events.failure("envelope_refused", error)
            return
        for fault in opened.faults:
            parts.events.note("parcel_refused", code=fault.code)
        match opened.route.kind:
            case EnvelopeKind.ASK:
                await parts.answer.take(opened)
            case EnvelopeKind.ANSWER:
                await parts.origin.take_answers(opened)

    async def _command(self, data: bytes) -> bytes:
        return await self._parts.commands.take(data)

    async def _take_up(self) -> None:
        """Go on with whatever is open: at the start, and after the store was lost.

        What it had not flushed when it crashed is gone: answers of queries that had ended here.
        """
        parts = self._parts
        losses = parts.store.losses
        if losses == self._losses:
            return
        taken_up = await parts.origin.recover(parts.clock.now_ns() // _NS - _RECOVER_SECONDS)
        parts.events.note("queries_taken_up", taken_up, members=len(parts.world.members()))
        self._losses = losses

    async def _tick(self) -> None:
        await self._take_up()
        await self._parts.origin.redrive()
        await self._parts.deliveries.resume_stopped()
        await self._parts.deliveries.save_acknowledged()

    async def _sign(self) -> None:
        await self._parts.checkpoints.sign_all()

    async def _upkeep(self) -> None:
        """Keep the members' schedules, then let go what nobody may ask for and nothing holds."""
        parts = self._parts
        members = sorted(self._members())
        held = await parts.keeping.held(members)
        await parts.review.tend(members, held={member for member, _ in held})
        await parts.keeping.keep_schedule([m for m in members if parts.sequencer.owns(m)])
        # A pass ends with the key that it is kept under.
        await parts.review.reload(members)
        held = await parts.keeping.held(members)
        now = parts.clock.now_ns() // _NS
        parts.events.note("rows_expired", await parts.store.expire(now, held))

    async def _open_detail(self) -> None:
        await self._parts.reveals.open_due()

    async def _lapse(self) -> None:
        await self._parts.rulebook.lapse()

    async def _warn(self) -> None:
        await self._parts.certifications.warn()

    async def _warn_of_demands(self) -> None:
        await self._parts.demands.warn()

    async def _check_claims(self) -> None:
        await self._parts.claims.round(sorted(self._members()))

    async def _page_of_rosters(self) -> None:
        await self._parts.roster_changes.round(sorted(self._members()))

    async def _plant(self) -> None:
        await self._parts.plantings.round(sorted(self._members()))

    async def _close_onward(self) -> None:
        await self._parts.onward.round(sorted(self._members()))

    async def _check_appeals(self) -> None:
        await self._parts.appeals.round(sorted(self._members()))

    def _run(self, work: Awaitable[None]) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do work at intervals; a failure is an event and the next interval comes all the same."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - or this work would end for ever, unseen
                self._parts.events.failure("interval_failed", error)
