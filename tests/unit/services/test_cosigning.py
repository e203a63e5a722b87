"""Checkpoints get cosigned: witnesses asked, lines verified and kept, old backups seen by them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from comity.adapters.memory.bus import MemoryBus
from comity.adapters.memory.duties import MemoryPager
from comity.adapters.memory.secrets import MemorySignedState
from comity.adapters.memory.witness import MemoryWitness
from comity.domain.errors import ComityError
from comity.domain.ids import Member, ledger_origin
from comity.ledger.cosignature import read_cosignatures
from comity.ledger.errors import SignatureError
from comity.ledger.note import (
    KeyKind,
    VerifierKey,
    checkpoint_text,
    cosignature_line,
    parse_checkpoint,
    parse_note,
    sign_note,
    verifier_key,
)
from comity.ledger.quorum import Group, KnownWitness, QuorumFile
from comity.ledger.witnessing import WitnessedHead, WitnessKey
from comity.ports import UnreachableError, Witness, WitnessReply
from comity.roles.worker import Worker
from comity.services.checkpoints import LedgerDamagedError
from comity.services.events import Events
from comity.services.export import NoCheckpointError
from comity.services.proofs import consistency_proof
from comity.services.sending import command_subject
from tests.support.gateway import (
    DOMAIN,
    NS,
    OR,
    WA,
    Disk,
    PracticeHost,
    ledger_signer,
    note_entry,
    running,
    turns,
)
from tests.support.ledger import NaiveTree, PracticeSigner
from tests.support.line import MemoryLog
from tests.support.link import WEST
from tests.support.public import sealing_parts

SIGNERS = [
    PracticeSigner(f"w{n}.example/west", bytes([40 + n]) * 32, KeyKind.COSIGNATURE)
    for n in range(2)
]
QUORUM = QuorumFile(
    witnesses=tuple(
        KnownWitness(name=f"w{n}", key=s.key, url="http://w") for n, s in enumerate(SIGNERS)
    ),
    groups=(Group(name="both", count=2, members=("w0", "w1")),),
    quorum="both",
)


def ledger_key(member: Member) -> VerifierKey:
    public = ledger_signer(member).public_key().public_bytes_raw()
    return verifier_key(ledger_origin(DOMAIN, member), public)


def witnesses_of(disk: Disk) -> list[MemoryWitness]:
    """Two witnesses that follow both ledgers of the host."""
    follows = {key.name: [key] for key in (ledger_key(OR), ledger_key(WA))}
    return [MemoryWitness(WitnessKey(key=s.key, signer=s), follows, disk.clock) for s in SIGNERS]


@asynccontextmanager
async def cosigned(
    witnesses: Sequence[Witness] | None = None,
) -> AsyncIterator[tuple[PracticeHost, Worker, list[MemoryWitness]]]:
    """A host whose worker asks two witnesses, or those given."""
    disk = Disk()
    disk.quorum = QUORUM
    own = witnesses_of(disk)
    async with running(disk=disk) as host:
        await host.publish()
        bus = MemoryBus(disk.wire)
        await bus.listen(command_subject(WEST.name), host.commands.take)
        worker = Worker(
            host=WEST.name,
            members=[OR, WA],
            store=host.store,
            bus=MemoryBus(disk.wire),
            clock=disk.clock,
            events=Events(MemoryLog()),
            quorum=QUORUM,
            witnesses=own if witnesses is None else witnesses,
            sealing=sealing_parts(host.store),
            pager=MemoryPager(),
        )
        yield host, worker, own
        await bus.close()


async def grow(host: PracticeHost, count: int = 1) -> None:
    await host.sequencer.commit([note_entry(host.disk, WA) for _ in range(count)])
    await host.checkpoints.sign_all()


async def names_of(host: PracticeHost, member: Member = WA) -> list[str]:
    """The witnesses that cosigned a ledger's newest checkpoint."""
    row = await host.store.checkpoint(member)
    assert row is not None
    found = read_cosignatures(row.published, QUORUM.witness_keys)
    assert len(found) == len(row.cosignatures)
    return [one.key.name for one in found]


def counts(worker: Worker, *names: str) -> list[int]:
    return [worker.cosigning._events.counts[name] for name in names]


async def test_each_new_checkpoint_is_cosigned_by_all() -> None:
    """Asked once for each growth, through sizes beyond one tile; nothing new, nobody asked."""
    async with cosigned() as (host, worker, witnesses):
        for count in (1, 2, 300, 7):
            await grow(host, count)
            assert await worker.cosigning.ask() == (4 if count == 1 else 2)
            assert await names_of(host) == ["w0.example/west", "w1.example/west"]
            asked = witnesses[0].requests
            assert await worker.cosigning.ask() == 0
            assert witnesses[0].requests == asked
        assert counts(worker, "checkpoint_unwitnessed", "witness_gave_nothing") == [0, 0]


async def test_worker_that_starts_anew_is_told_the_size() -> None:
    """It knows no witness's size: a 409 names it, and the second request is cosigned."""
    async with cosigned() as (host, worker, witnesses):
        await grow(host, 3)
        await worker.cosigning.ask()
        await grow(host, 9)
        worker.cosigning._sizes.clear()
        before = witnesses[0].requests
        assert await worker.cosigning.ask() == 2
        assert witnesses[0].requests - before == 2


async def test_silent_witness_holds_nothing_up_and_is_asked_again() -> None:
    """The other's line is kept at once; the checkpoint says that it is not enough; later it is."""
    async with cosigned() as (host, worker, witnesses):
        await grow(host)
        witnesses[0].is_silent = True
        assert await worker.cosigning.ask() == 2
        assert await names_of(host) == ["w1.example/west"]
        assert counts(worker, "checkpoint_unwitnessed", "witness_gave_nothing") == [2, 2]
        witnesses[0].is_silent = False
        host.clock.advance_ns(10 * NS - 1)
        assert await worker.cosigning.ask() == 0
        host.clock.advance_ns(1)
        asked = witnesses[1].requests
        assert await worker.cosigning.ask() == 2
        assert await names_of(host) == ["w0.example/west", "w1.example/west"]
        assert witnesses[1].requests == asked
        assert counts(worker, "checkpoint_unwitnessed") == [2]


async def test_gateway_that_is_away_gets_the_lines_later() -> None:
    """Nobody takes the command: nothing is kept, and the same is asked and handed on again."""
    async with cosigned() as (host, worker, _):
        await grow(host)
        keep = worker.cosigning._keep

        async def away(*_: object) -> None:
            raise UnreachableError("practice")

        worker.cosigning._keep = away
        await worker.cosigning.ask()
        assert counts(worker, "cosignatures_not_handed_on") == [2]
        assert await names_of(host) == []
        worker.cosigning._keep = keep
        host.clock.advance_ns(10 * NS)
        await worker.cosigning.ask()
        assert len(await names_of(host)) == 2


class AnsweringWitness:
    """A witness that answers whatever it is told to."""

    def __init__(self, status: int, body: bytes) -> None:
        self.key = SIGNERS[0].key
        self._reply = WitnessReply(status=status, body=body)

    async def add_checkpoint(self, _: bytes) -> WitnessReply:
        return self._reply

    async def last_checkpoint(self, _: str) -> bytes | None:
        return self._reply.body


FOREIGN = cosignature_line(b"another text\n", SIGNERS[0].key, SIGNERS[0], 1)
STRANGER = cosignature_line(b"another text\n", SIGNERS[1].key, SIGNERS[1], 1)


@pytest.mark.parametrize(
    ("status", "body", "event"),
    [
        (200, b"", "witness_gave_nothing"),
        (200, b"no line\n", "witness_gave_nothing"),
        (200, FOREIGN, "witness_gave_nothing"),
        (200, STRANGER, "witness_gave_nothing"),
        (200, b"\xff" * 999, "witness_gave_nothing"),
        (409, b"many\n", "witness_gave_nothing"),
        (409, b"1\n", "witness_gave_nothing"),
        (409, b"999\n", "ledger_behind_witness"),
        (422, b"no\n", "ledger_contradicted"),
        (500, b"", "witness_gave_nothing"),
        (301, b"", "witness_gave_nothing"),
    ],
)
async def test_whatever_a_witness_answers_is_an_event(status: int, body: bytes, event: str) -> None:
    """No answer of a witness stops the others or is kept unverified."""
    witness = AnsweringWitness(status, body)
    async with cosigned([witness]) as (host, worker, _):
        await grow(host)
        assert await worker.cosigning.ask() == 0
        assert counts(worker, event) == [2]
        assert await names_of(host) == []


async def test_gateway_keeps_what_it_can_verify_only() -> None:
    """A line over another text, of no witness it knows, or of no checkpoint here is not kept."""
    async with cosigned() as (host, _, _):
        await grow(host)
        row = await host.store.checkpoint(WA)
        assert row is not None
        keep = host.cosignatures.keep
        text, _ = parse_note(row.note)
        good = cosignature_line(text, SIGNERS[0].key, SIGNERS[0], 5)
        unknown = PracticeSigner("w9.example", b"\x63" * 32, KeyKind.COSIGNATURE)
        strange = cosignature_line(text, unknown.key, unknown, 5)
        with pytest.raises(SignatureError):
            await keep(WA, row.size, [good, FOREIGN])
        with pytest.raises(NoCheckpointError):
            await keep(WA, row.size + 1, [good])
        with pytest.raises(ComityError):
            await keep(WA, row.size, [b"no line\n"])
        assert await keep(WA, row.size, [strange]) == 0
        assert await names_of(host) == []
        assert await keep(WA, row.size, [strange, good]) == 1
        assert await names_of(host) == ["w0.example/west"]


async def test_consistency_proofs_come_from_tile_rows() -> None:
    """Between any two sizes around one tile the proof is that of the definition."""
    async with cosigned() as (host, _, _):
        await grow(host, 520)
        size = host.size(WA)
        tree = NaiveTree([data for data, _ in host.store.tables.leaves[WA]])
        for new in (1, 2, 255, 256, 257, 511, 512, 513, size):
            for old in {0, 1, 2, 3, 128, 255, 256, 257, 300, 511, 512, new - 1, new}:
                if old <= new:
                    wanted = tree.proof(old, new) if 0 < old < new else []
                    assert list(await consistency_proof(host.store, WA, old, new)) == wanted


async def test_old_backup_is_seen_by_witnesses_alone() -> None:
    """INVARIANT (one-ledger-one-writer): without its signed state, smaller than was cosigned."""
    async with cosigned() as (host, worker, witnesses):
        host.disk.witnesses = tuple(witnesses)
        await grow(host)
        before, leaves = host.store.tables.heads[WA], list(host.store.tables.leaves[WA])
        await grow(host, 5)
        await worker.cosigning.ask()
        again = PracticeHost(host.disk)
        await again.checkpoints.check(WA)
        host.store.tables.heads[WA] = before
        host.store.tables.leaves[WA] = leaves
        host.disk.signed_state = MemorySignedState()
        with pytest.raises(LedgerDamagedError):
            await PracticeHost(host.disk).checkpoints.check(WA)
        await PracticeHost(host.disk).checkpoints.check(OR)
        for witness in witnesses:
            witness.is_silent = True
        await PracticeHost(host.disk).checkpoints.check(WA)


async def test_other_history_of_the_same_size_is_refused() -> None:
    """A witness saw another root under the ledger's own key: that ledger is not taken up."""
    async with cosigned() as (host, _, witnesses):
        host.disk.witnesses = (witnesses[1],)
        await grow(host)
        size = host.size(WA)
        origin = ledger_origin(DOMAIN, WA)

        def show(root: bytes, key: PracticeSigner | None = None) -> None:
            signer = key or ledger_signer(WA)
            note = sign_note(checkpoint_text(origin, size, root), ledger_key(WA), signer)
            witnesses[1].heads[origin] = WitnessedHead(
                origin=origin, size=size, root=root, note=note
            )

        show(bytes(32), PracticeSigner(origin, b"\x21" * 32))
        check = PracticeHost(host.disk)
        await check.checkpoints.check(WA)
        assert check.events.counts["witnessed_head_refused"] == 1
        show(bytes(32))
        with pytest.raises(LedgerDamagedError):
            await PracticeHost(host.disk).checkpoints.check(WA)


async def test_witness_that_is_silent_is_asked_once_at_a_start() -> None:
    """Fifty-five ledgers do not each wait for it."""
    async with cosigned() as (host, _, witnesses):
        host.disk.witnesses = tuple(witnesses)
        witnesses[0].is_silent = True
        start = PracticeHost(host.disk)
        for _ in range(3):
            await start.checkpoints.check(WA)
        assert (witnesses[0].requests, witnesses[1].requests) == (1, 3)
        assert start.events.counts["witness_silent"] == 1


async def test_export_has_the_cosignatures() -> None:
    """What is published is the signed note with the lines behind it."""
    async with cosigned() as (host, worker, _):
        await grow(host)
        row = await host.store.checkpoint(WA)
        assert row is not None
        assert row.published == row.note
        await worker.cosigning.ask()
        row = await host.store.checkpoint(WA)
        assert row is not None
        assert row.published == row.note + b"".join(row.cosignatures)
        assert parse_checkpoint(parse_note(row.published)[0]).size == row.size


async def test_worker_runs_clocks_beside_witnesses() -> None:
    """Both go on until they are cancelled; a look at the store that fails is an event."""
    async with cosigned() as (host, worker, _):
        await grow(host)
        host.store.is_down = True
        work = asyncio.create_task(worker.run())
        await turns(20)
        assert counts(worker, "witness_round_failed") == [1]
        assert counts(worker, "clock_round_failed") == [1]
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert work.cancelled()
