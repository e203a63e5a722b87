"""The worker: runs clocks, asks witnesses, seals segments, pages and sends feeds. It reads the
database through the read-only role and changes nothing there by itself.

A hold whose time is over is named to the gateway that owns it, which looks at its own clock;
cosignatures and sealed segments are handed to it, and it verifies them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import HostName, Member, entry_name
from comity.ledger.note import VerifierKey
from comity.ledger.quorum import QuorumFile
from comity.link.command import (
    Command,
    CommandDone,
    CommandFailed,
    CommandResult,
    EndDuty,
    Expire,
    ExpireReview,
    FoldTraffic,
    KeepCosignatures,
    KeepSegment,
    ReleaseLeaves,
    decode_result,
    encode_command,
)
from comity.ports import (
    Bus,
    Clock,
    HoldRow,
    LeafTable,
    LedgerRows,
    Pager,
    PublicStore,
    Store,
    Witness,
)
from comity.services.cosigning import Cosigning
from comity.services.events import Events
from comity.services.paging import Paging
from comity.services.sealing import Sealing
from comity.services.sending import command_subject

__all__ = ["DutyNotEndedError", "Feed", "SealingParts", "SegmentNotTakenError", "Worker"]

_NS: Final = 1_000_000_000
_COMMAND_SECONDS_MAX: Final = 10.0
_TICK_SECONDS: Final = 0.5
_WITNESS_TICK_SECONDS: Final = 1.0
_SEALING_TICK_SECONDS: Final = 5.0
_FEED_TICK_SECONDS: Final = 2.0
_FOLD_TICK_SECONDS: Final = 60.0
_FOLD_PAUSE_SECONDS: Final = 2.0
_LATE_RELEASES_MAX: Final = 100
"""Urgent releases that are told as overdue in one round; the next takes the rest."""


class SegmentNotTakenError(ComityError):
    """The gateway did not take a segment as sealed, or did not let its rows leave."""

    code = "segment-not-taken"


class DutyNotEndedError(ComityError):
    """The gateway did not let go of a duty that was carried out; it is carried out again."""

    code = "duty-not-ended"


class Feed(Protocol):
    """What tells of federal queries, in rounds."""

    async def round(self) -> int:
        """Tell of what is new, or due; return of how much. Raises: ComityError."""
        ...


class SealingParts(msgspec.Struct, frozen=True, kw_only=True):
    """What sealing stands on beside the worker's own parts."""

    rows: LedgerRows
    public: PublicStore
    table: LeafTable
    keys: Mapping[Member, VerifierKey]
    rows_kept: int | None = None


class Worker:
    """Runs the clocks of one host's members, gets their checkpoints cosigned, and seals."""

    def __init__(
        self,
        *,
        host: HostName,
        members: Sequence[Member],
        store: Store,
        bus: Bus,
        clock: Clock,
        events: Events,
        quorum: QuorumFile,
        witnesses: Sequence[Witness],
        sealing: SealingParts,
        pager: Pager,
        feeds: Sequence[Feed] = (),
    ) -> None:
        self._host = host
        self._members = members
        self._store = store
        self._bus = bus
        self._clock = clock
        self._events = events
        self.feeds = feeds
        self.cosigning = Cosigning(
            store=store,
            rows=sealing.rows,
            members=members,
            witnesses=witnesses,
            quorum=quorum,
            keep=self._keep,
            clock=clock,
            events=events,
        )

        self.paging = Paging(
            store=store,
            members=members,
            pager=pager,
            end=self._end_duty,
            clock=clock,
            events=events,
        )

        self.sealing = Sealing(
            store=store,
            rows=sealing.rows,
            public=sealing.public,
            table=sealing.table,
            keys=sealing.keys,
            keep=self._keep_segment,
            release=self._release_leaves,
            rows_kept=sealing.rows_kept,
            events=events,
        )

    async def run(self) -> None:
        """Look for holds that are over, checkpoints, full segments and pages, until cancelled."""
        # Apart: a witness, a disk or a pager that is slow must not keep a hold from its end.
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_clocks())
            group.create_task(self._run_witnessing())
            group.create_task(self._run_sealing())
            group.create_task(self._run_folding())
            group.create_task(self._run_paging())
            for feed in self.feeds:
                group.create_task(self._run_feed(feed))

    async def _run_clocks(self) -> None:
        while True:
            try:
                await self.expire_due()
            except ComityError as error:
                self._events.failure("clock_round_failed", error)
            await asyncio.sleep(_TICK_SECONDS)

    async def _run_witnessing(self) -> None:
        while True:
            try:
                self._events.note("cosignatures_handed_on", await self.cosigning.ask())
            except ComityError as error:
                self._events.failure("witness_round_failed", error)
            await asyncio.sleep(_WITNESS_TICK_SECONDS)

    async def _run_sealing(self) -> None:
        while True:
            done = 0
            try:
                done = await self.sealing.round()
            except ComityError as error:
                self._events.failure("sealing_round_failed", error)
            # What is behind is caught up with at once.
            await asyncio.sleep(0 if done else _SEALING_TICK_SECONDS)

    async def _run_folding(self) -> None:
        while True:
            # Nothing waits for it: what is behind is caught up with slowly, and after the others.
            is_behind = False
            try:
                is_behind = await self.fold_behind()
            except ComityError as error:
                self._events.failure("folding_round_failed", error)
            await asyncio.sleep(_FOLD_PAUSE_SECONDS if is_behind else _FOLD_TICK_SECONDS)

    async def fold_behind(self) -> bool:
        """Have each ledger that is behind folded by one step; say whether any still is."""
        heads = await self._store.heads(self._members)
        folded = {row.member: row.folded for row in await self._store.folds(self._members)}
        is_behind = False
        for member, (head, _) in heads.items():
            if folded.get(member, 0) < head.frontier.size:
                is_behind = await self._fold(member) or is_behind
        return is_behind

    async def _fold(self, member: Member) -> bool:
        result = await self._command(FoldTraffic(member=member))
        if isinstance(result, CommandFailed):
            self._events.note("folding_refused", code=result.code, member=member)
            return False
        assert isinstance(result, CommandDone)
        facts = dict(result.facts)
        return int(facts["folded"]) < int(facts["size"])

    async def _run_paging(self) -> None:
        while True:
            try:
                await self.paging.round()
            except ComityError as error:
                self._events.failure("paging_round_failed", error)
            await asyncio.sleep(_TICK_SECONDS)

    async def _run_feed(self, feed: Feed) -> None:
        while True:
            try:
                await feed.round()
            except Exception as error:  # noqa: BLE001 - no feed may keep a hold from its end
                self._events.failure("feed_round_failed", error)
            await asyncio.sleep(_FEED_TICK_SECONDS)

    async def expire_due(self) -> int:
        """Name every hold and look whose time is over to its gateway; return how many."""
        now = self._clock.now_ns() // _NS
        due = await self._store.open_holds(self._members, due_by=now)
        for hold in due:
            try:
                await self._expire(hold)
            except ComityError as error:
                # One hold without an answer must not keep the others from their end.
                self._events.failure("expiry_not_told", error, member=hold.member)
        # Behind them: a requester waits for a hold, nobody for a look.
        return len(due) + await self._expire_reviews(now)

    async def _expire_reviews(self, now: int) -> int:
        """Name every urgent release that nobody looked at in time; return how many."""
        late = await self._store.late_releases(self._members, now, _LATE_RELEASES_MAX)
        for row in late:
            entry = entry_name(row.member, row.leaf_index)
            try:
                result = await self._command(ExpireReview(state=row.member, entry=entry))
            except ComityError as error:
                self._events.failure("expiry_not_told", error, member=row.member)
                continue
            if isinstance(result, CommandFailed):
                self._events.note("expiry_refused", code=result.code)
        return len(late)

    async def _expire(self, hold: HoldRow) -> None:
        result = await self._command(Expire(state=hold.member, exchange_id=hold.exchange_id))
        if isinstance(result, CommandFailed):
            self._events.note("expiry_refused", code=result.code)

    async def _keep(self, member: Member, size: int, lines: tuple[bytes, ...]) -> None:
        result = await self._command(KeepCosignatures(member=member, size=size, lines=lines))
        if isinstance(result, CommandFailed):
            self._events.note("cosignatures_refused", code=result.code)

    async def _keep_segment(self, member: Member, segment: int, root: bytes) -> None:
        result = await self._command(KeepSegment(member=member, segment=segment, root=root))
        _demand_done(result)

    async def _release_leaves(self, member: Member, segment: int, root: bytes) -> None:
        result = await self._command(ReleaseLeaves(member=member, segment=segment, root=root))
        _demand_done(result)

    async def _end_duty(self, member: Member, duty_id: int) -> None:
        result = await self._command(EndDuty(member=member, duty_id=duty_id))
        if isinstance(result, CommandFailed):
            raise DutyNotEndedError(f"{result.text} ({result.code})")

    async def _command(self, command: Command) -> CommandResult:
        answer = await self._bus.request(
            command_subject(self._host), encode_command(command), timeout_s=_COMMAND_SECONDS_MAX
        )
        return decode_result(answer)


def _demand_done(result: CommandResult) -> None:
    if isinstance(result, CommandFailed):
        raise SegmentNotTakenError(f"{result.text} ({result.code})")
