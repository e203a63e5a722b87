"""The gateway: its start, what it lets in, and its end; on twins, with a front of no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import msgspec
import pytest

from comity.adapters.memory.bus import MemoryBus
from comity.directory.part import sign_part
from comity.domain.ids import HostName, Member
from comity.domain.vocabulary import LeafKind
from comity.front.http import HttpServer
from comity.front.line import LineServer
from comity.ledger.receipt import parse_receipt
from comity.link.command import AskStatus, CommandDone, decode_result, encode_command
from comity.link.envelope import open_envelope, seal_envelope
from comity.link.limits import CLOCK_WINDOW_MS
from comity.link.parcel import Answered, Ask, Parcel
from comity.policy.block import blocked
from comity.roles import gateway as module
from comity.roles.gateway import UNHEARD_MARK, FoundingPapers, Gateway, GatewayParts, GatewayPorts
from comity.roles.hub import Hub
from comity.services.courier import gateway_subject
from comity.services.roster_changes import RosterChanges
from comity.services.sending import command_subject
from tests.support.certifications import warnings_on
from tests.support.directory import signer_of
from tests.support.gateway import (
    DENY_ALL,
    LINE,
    NOW,
    NS,
    OR,
    RELEASE,
    TX,
    UNDELIVERABLE,
    WA,
    Disk,
    PracticeHost,
    answer_to,
    ask_of,
    check_durable,
    frame,
    heard_of,
    note_entry,
    policy_of,
    practice_parts,
    turns,
)
from tests.support.link import SOUTH, WEST, HostKeys
from tests.support.previews import previews_of
from tests.unit.services.test_rulebook import REVIEWER, signed

SIGNED = {part.member: sign_part(part, signer_of(part.member)) for part in practice_parts()}
PAPERS = FoundingPapers(
    parts=(SIGNED[OR], SIGNED[WA]),
    policies=((OR, policy_of(OR, RELEASE)), (WA, policy_of(WA, RELEASE))),
)


class Front:
    """A front without sockets; the desk is called by the test."""

    def __init__(self) -> None:
        self.is_listening = False

    async def listen(self, desk: Gateway, host: str, port: int) -> int:
        assert (desk.oris_of("unheard-of"), host) == ((), "127.0.0.1")
        self.is_listening = True
        return port

    async def close(self) -> None:
        self.is_listening = False


class Network:
    """The west's gateway, a hub, and the south as the test plays it."""

    def __init__(self, disk: Disk, papers: FoundingPapers = PAPERS) -> None:
        self.disk = disk
        self.host = PracticeHost(disk, keeps_post=False)
        self.front = Front()
        self.http_front = Front()
        self.heard: list[Parcel] = []
        self.bus = MemoryBus(disk.wire)
        self.own_bus = MemoryBus(disk.wire)
        self.gateway = Gateway(self._parts(papers))

    def _parts(self, papers: FoundingPapers) -> GatewayParts:
        host = self.host
        host.courier.when_unheard(host.asking.unheard)
        return GatewayParts(
            host=WEST.name,
            seal_private=WEST.opener,
            world=host.world,
            store=host.store,
            bus=self.own_bus,
            clock=host.clock,
            sequencer=host.sequencer,
            courier=host.courier,
            checkpoints=host.checkpoints,
            succession=host.succession,
            founding=host.founding,
            health=host.health,
            deliveries=host.deliveries,
            asking=host.asking,
            origin=host.origin,
            previews=previews_of(host),
            answer=host.answer,
            board=host.board,
            archive=host.archive,
            keeping=host.keeping,
            reveals=host.reveals,
            rulebook=host.rulebook,
            review=host.review.commands,
            claims=host.review.claims,
            plantings=host.review.plantings,
            demands=host.review.demands,
            onward=host.review.onward,
            appeals=host.review.appeals,
            certifications=warnings_on(host),
            roster_changes=RosterChanges(
                store=host.store, rosters=host.rosters, clock=host.clock, events=host.events
            ),
            recheck=host.recheck,
            commands=host.commands,
            lines=cast("LineServer", self.front),
            http=cast("HttpServer", self.http_front),
            events=host.events,
            papers=papers,
            listen_on=("127.0.0.1", GatewayPorts(line=0, http=0)),
            checkpoint_s=3_600.0,
        )

    async def start(self) -> None:
        await Hub(bus=MemoryBus(self.disk.wire), events=self.host.events).start()
        await self.gateway.start()
        self.host.world.take_parts([heard_of(SIGNED[TX])])
        await self.bus.listen(gateway_subject(SOUTH.name), self._take)

    async def _take(self, data: bytes) -> None:
        opened = open_envelope(
            data,
            own_name=SOUTH.name,
            own_private=SOUTH.opener,
            book=self.host.world.directory,
        )
        for _, parcel in opened.parcels:
            if isinstance(parcel, Answered):
                check_durable(self.disk, parcel.answer)
            self.heard.append(parcel)

    async def settle(self) -> None:
        """Let everything under way arrive."""
        await turns(150)

    async def send(
        self, *parcels: Parcel, sender: HostKeys = SOUTH, sent_at_ms: int = NOW * 1_000
    ) -> None:
        """Send the west an envelope."""
        data = seal_envelope(
            parcels,
            sender=sender.name,
            recipient=WEST.public,
            signer=sender.signer,
            sent_at_ms=sent_at_ms,
        )
        await self.bus.publish(gateway_subject(WEST.name), data, unheard=lambda: None)
        await self.settle()

    async def stop(self) -> None:
        await self.gateway.stop()
        await self.own_bus.close()
        await self.bus.close()
        self.disk.wire.listeners.clear()


@asynccontextmanager
async def network(
    disk: Disk | None = None, papers: FoundingPapers = PAPERS
) -> AsyncIterator[Network]:
    """A gateway from its start to its stop."""
    made = Network(disk or Disk(), papers)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def test_a_start_publishes_what_new_members_bring() -> None:
    """Each its part and its policy, once: the next start publishes nothing."""
    async with network() as made:
        assert made.front.is_listening
        assert made.http_front.is_listening
        for member in (OR, WA):
            kinds = [leaf.kind for leaf in made.host.leaves(member)]
            assert kinds == [LeafKind.DIRECTORY, LeafKind.POLICY]
    async with network(made.disk) as again:
        assert again.host.size(WA) == 2
        assert again.host.world.policy(WA)[0] == 1


async def test_one_members_bad_paper_stops_no_other() -> None:
    """A part that does not verify, a policy that cannot decide: those two alone, loudly."""
    papers = FoundingPapers(
        parts=(msgspec.structs.replace(SIGNED[OR], signature=bytes(64)), SIGNED[WA]),
        policies=((OR, b"{}"), (WA, policy_of(WA, RELEASE))),
    )
    async with network(papers=papers) as made:
        assert made.host.world.directory.part(OR) is None
        assert made.host.world.policy(WA)[0] == 1
        assert made.host.events.counts["founding_refused"] == 2


async def test_a_damaged_policy_is_not_replaced_by_the_first_one() -> None:
    """A policy that cannot be read must not fall back to an older, perhaps looser one."""
    papers = FoundingPapers(parts=PAPERS.parts, policies=((WA, policy_of(WA, RELEASE)),))
    async with network(papers=papers) as made:
        await made.host.overtake(WA, policy_of(WA, DENY_ALL, version=2))
        place = (WA, made.host.world.policy(WA)[0])
    rows = made.disk.store.tables.policies
    rows[place] = msgspec.structs.replace(rows[place], body=b"{}")
    async with network(made.disk, papers) as again:
        assert again.host.world.directory.part(WA) is not None
        assert len(again.host.leaves(WA, LeafKind.POLICY)) == 2
        await again.send(Ask(exchange=ask_of()))
        assert not any(isinstance(parcel, Answered) for parcel in again.heard)


@pytest.mark.parametrize("damage", ["backup", "leaves"])
async def test_a_ledger_that_does_not_continue_is_left_alone(damage: str) -> None:
    """INVARIANT (one-ledger-one-writer): not written to; the other ledgers are taken up."""
    async with network() as made:
        await made.host.sequencer.commit([note_entry(made.disk, WA) for _ in range(3)])
    tables = made.disk.store.tables
    if damage == "leaves":
        tables.leaves[WA].pop()
    else:
        made.disk.signed_state.write(WA, 1_000, bytes(32))
    async with network(made.disk) as again:
        assert (again.host.sequencer.owns(OR), again.host.sequencer.owns(WA)) == (True, False)
        assert again.host.events.counts["ledger_refused"] == 1
        size = again.host.size(WA)
        await again.send(Ask(exchange=ask_of()))
        assert again.host.size(WA) == size


async def test_an_ask_is_answered_through_the_hub() -> None:
    """Opened, decided, recorded, sealed to the asker's host; the receipt is of this host."""
    async with network() as made:
        await made.send(Ask(exchange=ask_of()))
        (parcel,) = made.heard
        assert isinstance(parcel, Answered)
        assert parse_receipt(parcel.answer.proofs[0].receipt).host == WEST.name


async def test_a_frame_goes_out_and_its_answer_comes_back() -> None:
    """From line to line: the whole path of one query."""
    async with network() as made:
        assert made.gateway.oris_of(LINE)
        assert (await made.gateway.open_line(LINE))[0] == 0
        await made.gateway.resume(LINE)
        await made.gateway.take_frames([frame(1)])
        await made.settle()
        (parcel,) = made.heard
        assert isinstance(parcel, Ask)
        await made.send(Answered(origin=OR, answer=answer_to(parcel.exchange)))
        ((number, reply_to, said),) = made.host.lines.take()
        assert (reply_to, said.answer is not None) == (1, True)
        await made.gateway.acknowledged(LINE, number)


@pytest.mark.parametrize(
    ("sender", "sent_at_ms"),
    [
        (HostKeys(HostName("gateway-south"), 90), NOW * 1_000),
        (HostKeys(HostName("gateway-nobody"), 90), NOW * 1_000),
        (SOUTH, NOW * 1_000 - CLOCK_WINDOW_MS - 1),
        (SOUTH, NOW * 1_000 + CLOCK_WINDOW_MS + 1),
    ],
    ids=["key", "host", "old", "ahead"],
)
async def test_an_envelope_that_does_not_verify_is_not_looked_into(
    sender: HostKeys, sent_at_ms: int
) -> None:
    """INVARIANT (signed-query): another key, an unknown host, another time: nothing happens."""
    async with network() as made:
        size = made.host.size(WA)
        await made.send(Ask(exchange=ask_of()), sender=sender, sent_at_ms=sent_at_ms)
        assert (made.host.size(WA), made.heard) == (size, [])
        assert made.host.events.counts["envelope_refused"] == 1


async def test_a_member_cannot_ask_in_anothers_name() -> None:
    """A parcel of a member whose part does not name that host is left out, the others go on."""
    async with network() as made:
        forged = ask_of(1, origin=OR)
        await made.send(Ask(exchange=forged), Ask(exchange=ask_of(2)))
        assert len(made.heard) == 1
        assert made.host.events.counts["parcel_refused"] == 1


async def test_the_hubs_word_reaches_the_requester() -> None:
    """Nobody listens at the south: a status message; odd bytes from the wire are no fault."""
    async with network() as made:
        await made.gateway.open_line(LINE)
        listeners = made.disk.wire.listeners
        listeners[:] = [it for it in listeners if it.subject != gateway_subject(SOUTH.name)]
        await made.gateway.take_frames([frame(1)])
        await made.settle()
        assert [said.delivery.key for _, _, said in made.host.lines.take()] == ["SM"]
        for word in (UNHEARD_MARK, UNHEARD_MARK + b"\xff\xfe", b"", b"\x01junk"):
            await made.bus.publish(gateway_subject(WEST.name), word, unheard=lambda: None)
        await made.settle()
        assert made.disk.wire.failures == []


async def test_commands_are_answered() -> None:
    """On the host's own subject."""
    async with network() as made:
        command = encode_command(AskStatus(member=WA))
        data = await made.bus.request(command_subject(WEST.name), command, timeout_s=5)
        result = decode_result(data)
        assert isinstance(result, CommandDone)
        assert ("owned", "yes") in result.facts


async def test_work_at_intervals_outlives_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours is an event; the next tick comes, and re-drives."""
    monkeypatch.setattr(module, "_TICK_SECONDS", 0)
    async with network() as made:
        monkeypatch.setattr(made.host.origin, "redrive", _broken)
        await made.host.until("interval_failed", 3)
        monkeypatch.undo()
        await made.gateway.open_line(LINE)
        await made.gateway.take_frames([frame(1)])
        made.disk.clock.advance_ns(UNDELIVERABLE * NS)
        await made.host.until("queries_undeliverable")


async def test_what_nobody_confirms_lapses_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a command: the gateway looks at its clock, and leaves a duty to page someone."""
    monkeypatch.setattr(module, "_LAPSE_SECONDS", 0)
    async with network() as made:
        standing = made.host.world.policy(WA)[1].bundle
        block = blocked(standing, "TX/LOCAL", "Order 14", NOW + 60)
        await made.host.rulebook.publish(WA, signed(block, REVIEWER))
        await made.settle()
        assert made.host.events.counts["block_unconfirmed"] == 0
        made.disk.clock.advance_ns(60 * NS)
        await made.host.until("block_unconfirmed")
        assert made.host.world.policy(WA)[1].bundle.unconfirmed == ()
        assert len(made.disk.store.tables.duties) == 1


async def _broken() -> None:
    raise RuntimeError("practice")


async def test_a_lost_store_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had not flushed is asked for anew: a query that had ended here is open again."""
    monkeypatch.setattr(module, "_TICK_SECONDS", 0)
    async with network() as made:
        await made.gateway.open_line(LINE)
        await made.gateway.take_frames([frame(1)])
        await made.settle()
        (parcel,) = made.heard
        assert isinstance(parcel, Ask)
        await made.send(Answered(origin=OR, answer=answer_to(parcel.exchange)))
        assert len(made.host.open) == 0
        made.disk.store.tables.results.clear()
        made.disk.store.losses += 1
        await made.host.until("queries_taken_up")
        await made.settle()
        assert made.heard == [parcel, parcel]


async def test_a_stop_lets_the_batch_in_hand_commit() -> None:
    """What was handed in is durable, and the last heads are signed; then nobody listens."""
    made = Network(Disk())
    await made.start()
    handed = asyncio.create_task(made.host.sequencer.commit([note_entry(made.disk, WA)]))
    await turns()
    await made.stop()
    await handed
    state = made.disk.signed_state.read(WA)
    assert state is not None
    assert (state[0], made.front.is_listening) == (made.host.size(WA), False)


async def test_a_stop_without_the_store_still_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot sign; it says so, and every task of it is over."""
    monkeypatch.setattr(module, "_DRAIN_SECONDS_MAX", 0.01)
    made = Network(Disk())
    await made.start()
    made.disk.store.is_down = True
    await made.stop()
    assert made.host.events.counts["stop_incomplete"] == 1
    assert all(task.done() for task in made.gateway._tasks)


async def test_a_gateway_starts_without_new_members() -> None:
    """No papers, nothing published before: it listens, and serves nobody."""
    async with network(papers=FoundingPapers()) as made:
        assert made.host.world.members() == ()
        assert made.front.is_listening
        assert made.http_front.is_listening
        assert made.host.world.directory.part(Member("wa")) is None
