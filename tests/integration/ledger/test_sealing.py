"""Segments become files, whole or again; what is sealed may leave the database and is read on."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import pytest

from comity.adapters.errors import RowRefusedError
from comity.adapters.memory.bus import MemoryBus
from comity.adapters.memory.duties import MemoryPager
from comity.adapters.memory.public import MemoryLeafTable, MemoryPublicStore
from comity.domain.ids import LeafIndex, Member
from comity.ledger.export import export_tree
from comity.ledger.proof import verify_consistency, verify_inclusion
from comity.ledger.quorum import QuorumFile
from comity.ledger.segment import SegmentTree, filled_tiles
from comity.ledger.tile import SEGMENT_LEAVES, TileId, tile_path
from comity.ledger.tree import hash_leaf, tree_root
from comity.ports import (
    CheckpointRow,
    DocumentRow,
    PublicClashError,
    PublicStoreError,
    SegmentRow,
    StoreDownError,
)
from comity.roles.worker import SegmentNotTakenError, Worker
from comity.services.events import Events
from comity.services.export import export_ledger
from comity.services.proofs import consistency_proof, inclusion_path, tree_root_at
from comity.services.sealed_rows import LeavesMissingError, SealedRows
from comity.services.sealing import REST_ROUNDS, SEALING_TURN, Sealing
from comity.services.segment_files import FileDamagedError, SegmentClashError, SegmentFiles
from comity.services.segments import RowsKeptError, SegmentRefusedError, Segments
from comity.services.sending import command_subject
from tests.support.gateway import running
from tests.support.ledger import leaf_of, leaves_of
from tests.support.line import MemoryLog
from tests.support.link import WEST
from tests.support.public import KEY, TX, PublishedLedger, sealing_parts

COUNT = SEGMENT_LEAVES + 300
LONG = 2 * SEGMENT_LEAVES + 9


@cache
def leaves(count: int = COUNT) -> list[bytes]:
    """The leaves of every ledger here."""
    return leaves_of(count)


@cache
def grown(count: int) -> PublishedLedger:
    """A ledger of so many leaves, made once and copied for each test."""
    return PublishedLedger(leaves(count))


Spoil = Callable[[dict[str, bytes], str], None]


class SealedLedger:
    """A ledger of one full segment and a bit, with what seals it and what takes it as sealed."""

    def __init__(self, ledger: PublishedLedger, rows_kept: int | None = None) -> None:
        self.ledger, self.store = ledger, ledger.store
        self.public = MemoryPublicStore()
        self.log = MemoryLog()
        self.events = Events(self.log)
        self.handed: list[tuple[Member, int, bytes]] = []
        self.lose_answer = False
        self.rows = SealedRows(
            store=self.store,
            public=self.public,
            names=lambda _: ("tx.2", "tx"),
            events=self.events,
            now=time.monotonic,
        )
        self.segments = Segments(
            store=self.store, clock=ledger.clock, events=self.events, rows_kept=rows_kept
        )
        self.sealing = self.worker(rows_kept)

    def worker(self, rows_kept: int | None = None) -> Sealing:
        """A worker that was just started."""
        return Sealing(
            store=self.store,
            rows=self.rows,
            public=self.public,
            table=MemoryLeafTable(),
            keys={TX: KEY},
            keep=self._keep,
            release=self._release,
            rows_kept=rows_kept,
            events=self.events,
        )

    async def _keep(self, member: Member, segment: int, root: bytes) -> None:
        self.handed.append((member, segment, root))
        await self.segments.keep(member, segment, root)
        if self.lose_answer:
            raise StoreDownError("the answer was lost")

    async def _release(self, member: Member, segment: int, root: bytes) -> None:
        await self.segments.release(member, segment, root)

    def files(self, segment: int = 0) -> SegmentFiles:
        """The files of a segment."""
        return SegmentFiles(
            member=TX,
            key=KEY,
            segment=segment,
            rows=self.rows,
            public=self.public,
            table=MemoryLeafTable(),
        )


def copied(count: int = COUNT) -> PublishedLedger:
    """A ledger of so many leaves, of one's own."""
    ledger = PublishedLedger()
    ledger.store.tables.leaves[TX] = list(grown(count).store.tables.leaves[TX])
    ledger.store.tables.nodes.update(grown(count).store.tables.nodes)
    return ledger


_SIGNED: dict[int, CheckpointRow] = {}
_SEALED: dict[int, tuple[dict[str, bytes], SegmentRow]] = {}


async def made(rows_kept: int | None = None, count: int = COUNT) -> SealedLedger:
    """A ledger that is ready to be sealed."""
    ledger = copied(count)
    ledger.document(7, b'{"policy":1}')
    ledger.document(COUNT - 1, b"{}")
    if count not in _SIGNED:
        await ledger.sign()
        _SIGNED[count] = ledger.store.tables.checkpoints[TX, count]
    await ledger.store.save_checkpoint(_SIGNED[count])
    return SealedLedger(ledger, rows_kept)


async def sealed(rows_kept: int | None = None, count: int = COUNT) -> SealedLedger:
    """A ledger whose first segment is sealed: the first time by its worker, then by a copy."""
    host = await made(rows_kept, count)
    if count not in _SEALED:
        assert await host.sealing.round() == 1
        (row,) = await host.store.segments(TX)
        _SEALED[count] = dict(host.public.files), row
    files, row = _SEALED[count]
    host.public.files.update(files)
    await host.store.save_segment(row)
    return host


async def test_full_segment_becomes_the_files_of_its_export() -> None:
    """Every bundle and tile of it is there as an export has it, and nothing of the rest."""
    host = await sealed()
    note = (await host.store.checkpoint(TX)).published  # type: ignore[union-attr]
    documents = dict(export_tree(leaves(), note, KEY))
    full = {path: data for path, data in documents.items() if ".p/" not in path}
    expected = {
        f"tx/{path}": data
        for path, data in full.items()
        if path.startswith(("tile/entries/", "tile/0/", "tile/1/")) and not path.endswith("256")
    }
    got = dict(host.public.files)
    assert got.pop("tx/sealed/0") == note
    assert got.pop("tx/document/007") == b'{"policy":1}'
    assert MemoryLeafTable().read(got.pop("tx/parquet/0.parquet")).rows == SEGMENT_LEAVES
    assert got == expected
    assert len(got) == 513
    (row,) = await host.store.segments(TX)
    assert (row.segment, row.root) == (0, host.store.tables.nodes[TX, 2, 0])
    assert await host.sealing.round() == 0


async def test_segment_waits_for_a_checkpoint_that_covers_it() -> None:
    """What is committed and not yet signed is not sealed."""
    ledger = copied()
    await ledger.sign(SEGMENT_LEAVES - 1)
    host = SealedLedger(ledger)
    assert (await host.sealing.round(), host.public.files) == (0, {})
    await ledger.sign(SEGMENT_LEAVES)
    assert await host.sealing.round() == 1


CRASHES: dict[str, str] = {
    "the first bundle": "tx/tile/entries/000",
    "a bundle between": "tx/tile/entries/117",
    "the last bundle": "tx/tile/entries/255",
    "the first tile": "tx/tile/0/000",
    "the last tile": "tx/tile/0/255",
    "the tile above": "tx/tile/1/000",
    "a document": "tx/document/007",
    "the table": "tx/parquet/0.parquet",
    "the checkpoint": "tx/sealed/0",
}


@pytest.mark.parametrize("is_persisted", [False, True])
@pytest.mark.parametrize("path", CRASHES.values(), ids=CRASHES.keys())
async def test_crash_at_each_file_is_made_good(path: str, is_persisted: bool) -> None:
    """A worker that ends at any file, written or not, seals nothing; the next writes the same."""
    whole = (await sealed()).public.files
    host = await made()

    def crash(at: str) -> None:
        if at == path:
            raise PublicStoreError("the disk is gone")

    if is_persisted:
        host.public.after = crash
    else:
        host.public.before = crash
    assert await host.sealing.round() == 0
    assert (path in host.public.files) == is_persisted
    assert (await host.store.segments(TX), host.handed) == ([], [])
    assert host.events.counts["segment_not_sealed"] == 1
    host.public.before = host.public.after = lambda _: None
    # Another checkpoint meanwhile changes nothing of what was written.
    host.ledger.grow([leaf_of(number) for number in range(COUNT, COUNT + 5)])
    before = dict(host.public.files)
    await host.ledger.sign()
    assert await host.worker().round() == 1
    assert before.items() <= host.public.files.items()
    host.public.files["tx/sealed/0"] = whole["tx/sealed/0"]
    assert host.public.files == whole
    assert len(await host.store.segments(TX)) == 1


async def test_answer_of_the_gateway_that_is_lost_is_asked_for_again() -> None:
    """The row was written, the worker does not know: nothing is done twice."""
    host = await made()
    host.lose_answer = True
    assert await host.sealing.round() == 0
    (row,) = await host.store.segments(TX)
    assert await host.worker().round() == 0
    host.lose_answer = False
    await host.segments.keep(TX, 0, row.root)
    assert await host.store.segments(TX) == [row]


def _flip(files: dict[str, bytes], path: str) -> None:
    data = files[path]
    files[path] = data[:40] + bytes([data[40] ^ 1]) + data[41:] if len(data) > 40 else b"other"


def _cut(files: dict[str, bytes], path: str) -> None:
    files[path] = files[path][:-1]


def _lose(files: dict[str, bytes], path: str) -> None:
    del files[path]


@pytest.mark.parametrize(
    ("path", "spoil"),
    [
        ("tx/tile/entries/000", _cut),
        ("tx/tile/entries/117", _flip),
        ("tx/tile/entries/255", _lose),
        ("tx/tile/0/000", _lose),
        ("tx/tile/0/117", _flip),
        ("tx/tile/1/000", _flip),
        ("tx/document/007", _cut),
        ("tx/parquet/0.parquet", _cut),
        ("tx/sealed/0", _flip),
    ],
)
async def test_file_that_comes_back_otherwise_is_not_sealed(path: str, spoil: Spoil) -> None:
    """A file that the disk altered or lost is seen before the segment is handed on."""
    host = await made()
    host.public.after = lambda at: spoil(host.public.files, at) if at == path else None
    assert await host.sealing.round() == 0
    assert (host.handed, await host.store.segments(TX)) == ([], [])


async def test_other_bytes_at_a_path_stop_the_sealing() -> None:
    """A store that holds another ledger's file is not written over."""
    host = await made()
    host.public.files["tx/tile/0/003"] = b"another ledger's"
    assert await host.sealing.round() == 0
    assert host.public.files["tx/tile/0/003"] == b"another ledger's"
    assert host.log.written[-1][1]["code"] == PublicClashError.code


async def test_leaves_that_do_not_make_the_node_are_not_written() -> None:
    """Damage in the database ends the sealing before its first file."""
    host = await made()
    data, leaf_hash = host.store.tables.leaves[TX][900]
    host.store.tables.leaves[TX][900] = (data.replace(b"probe", b"live!"), leaf_hash)
    with pytest.raises(SegmentClashError):
        await host.files().load()
    assert await host.sealing.round() == 0
    assert host.public.files == {}


async def test_one_process_seals_at_a_time() -> None:
    """While one has the turn, another does nothing."""
    host = await made()
    async with host.store.turn(SEALING_TURN) as is_ours:
        assert is_ours
        assert await host.sealing.round() == 0
    assert await host.sealing.round() == 1


async def test_gateway_believes_its_own_node_alone() -> None:
    """A root that is not the ledger's, a segment out of order or not signed gets no row."""
    host = await made()
    root = host.store.tables.nodes[TX, 2, 0]
    for segment, claimed in ((0, bytes(32)), (1, root), (0, root[::-1])):
        with pytest.raises(SegmentRefusedError):
            await host.segments.keep(TX, segment, claimed)
    assert host.events.counts["segment_root_differs"] == 3
    checkpoints = dict(host.store.tables.checkpoints)
    host.store.tables.checkpoints.clear()
    with pytest.raises(SegmentRefusedError):
        await host.segments.keep(TX, 0, root)
    host.store.tables.checkpoints.update(checkpoints)
    await host.segments.keep(TX, 0, root)
    assert len(await host.store.segments(TX)) == 1


async def test_withdrawn_leaf_is_in_no_file() -> None:
    """Withdrawn before: its bundle and document are not written. After: they are taken away."""
    early = await made()
    early.ledger.withdraw(7)
    await early.ledger.sign()
    assert await early.sealing.round() == 1
    late = await sealed()
    late.ledger.withdraw(7)
    await late.ledger.sign()
    secret = leaves()[7]
    assert secret in late.public.files["tx/tile/entries/000"]
    assert await late.sealing.round() == 1
    assert await late.sealing.round() == 0
    for host in (early, late):
        assert "tx/tile/entries/000" not in host.public.files
        assert "tx/document/007" not in host.public.files
        assert not any(secret in data for data in host.public.files.values())
        assert secret.decode() not in host.public.files["tx/parquet/0.parquet"].decode()
        assert await host.files().read_back() == host.store.tables.nodes[TX, 2, 0]
        assert (await host.rows.leaves(TX, 6, 9)) == [leaves()[6], b"", leaves()[8]]


@pytest.mark.parametrize("is_persisted", [False, True])
@pytest.mark.parametrize("path", ["tx/parquet/0.parquet", "tx/document/007", "tx/tile/entries/000"])
async def test_crash_in_withdrawing_is_made_good(path: str, is_persisted: bool) -> None:
    """Whatever is left of a withdrawn leaf after a crash goes in the next round."""
    host = await sealed()
    host.ledger.withdraw(7)
    await host.ledger.sign()

    def crash(at: str) -> None:
        if at == path:
            raise PublicStoreError("the disk is gone")

    if is_persisted:
        host.public.after = crash
    else:
        host.public.before = crash
    assert await host.sealing.round() == 0
    host.public.before = host.public.after = lambda _: None
    await host.worker().round()
    assert not any(leaves()[7] in data for data in host.public.files.values())
    assert await host.files().read_back() == host.store.tables.nodes[TX, 2, 0]


async def test_rows_stay_unless_a_setting_lets_them_go() -> None:
    """Neither worker nor gateway gives up a row by itself."""
    host = await sealed()
    await host.sealing.round()
    assert await host.store.has_leaves(TX, 0)
    with pytest.raises(RowsKeptError):
        await host.segments.release(TX, 0, host.store.tables.nodes[TX, 2, 0])
    kept = await sealed(rows_kept=1)
    assert await kept.sealing.round() == 0
    assert await kept.store.has_leaves(TX, 0)


async def released() -> SealedLedger:
    """A ledger whose first segment is in the public store alone."""
    host = await sealed(rows_kept=1, count=LONG)
    root = host.store.tables.nodes[TX, 2, 1]
    await host.segments.keep(TX, 1, root)
    assert await host.sealing.round() == 1
    assert await host.sealing.round() == 0
    assert [await host.store.has_leaves(TX, segment) for segment in (0, 1, 2)] == [
        False,
        True,
        True,
    ]
    return host


async def test_everything_works_when_rows_have_left() -> None:
    """Leaves, proofs, roots and the export are what they were."""
    host = await released()
    size, entries = LONG, leaves(LONG)
    hashes = host.ledger.hashes
    for first, last in (
        (0, 3),
        (255, 257),
        (SEGMENT_LEAVES - 2, SEGMENT_LEAVES + 2),
        (size - 3, size),
    ):
        assert await host.rows.leaves(TX, first, last) == entries[first:last]
        assert await host.rows.leaf_hashes(TX, first, last) == hashes[first:last]
    root = tree_root(hashes)
    assert await tree_root_at(host.rows, TX, size) == root
    assert await tree_root_at(host.rows, TX, 1_000) == tree_root(hashes[:1_000])
    for index in (0, 70, SEGMENT_LEAVES - 1, SEGMENT_LEAVES, size - 1):
        path = await inclusion_path(host.rows, TX, index, size)
        verify_inclusion(hash_leaf(entries[index]), index, size, path, root)
    proof = await consistency_proof(host.rows, TX, 1_000, size)
    verify_consistency(1_000, tree_root(hashes[:1_000]), size, root, proof)
    written: dict[str, bytes] = {}
    await export_ledger(host.store, TX, KEY, written.__setitem__, rows=host.rows)
    note = (await host.store.checkpoint(TX)).published  # type: ignore[union-attr]
    documents = {"document/007": b'{"policy":1}', f"document/x065/{COUNT - 1 - 65_000}": b"{}"}
    assert written == dict(export_tree(entries, note, KEY)) | documents


async def test_reader_finds_rows_that_left_since_it_looked() -> None:
    """A reader that knew the segment as open looks again where rows are missing."""
    host = await made(count=LONG)
    assert await host.rows.leaves(TX, 0, 2) == leaves()[:2]
    other = await released()
    host.public.files.update(other.public.files)
    for row in await other.store.segments(TX):
        await host.store.save_segment(row)
    assert await host.store.release_leaves(TX, 0) == SEGMENT_LEAVES
    assert await host.rows.leaves(TX, 0, 2) == leaves()[:2]


@pytest.mark.parametrize("spoil", [_flip, _cut, _lose])
async def test_damaged_file_is_never_believed(spoil: Spoil) -> None:
    """With its rows here, they stand in; without, the read fails and no row leaves."""
    for path, spoiled in (
        ("tx/tile/0/000", ("tx/tile/0/000", "tx/tile/entries/000")),
        ("tx/tile/entries/000", ("tx/tile/entries/000",)),
    ):
        here = await sealed(rows_kept=1)
        spoil(here.public.files, path)
        assert await here.rows.leaves(TX, 0, 2) == leaves()[:2]
        gone = await released()
        for each in spoiled:
            spoil(gone.public.files, each)
        with pytest.raises(LeavesMissingError):
            await gone.rows.leaves(TX, 0, 2)
        with pytest.raises(FileDamagedError):
            await gone.files().read_back()


async def test_rows_stay_while_a_file_is_damaged() -> None:
    """Only in a run that read all files back does a row go; mended, the next run lets it."""
    host = await sealed(rows_kept=1, count=LONG)
    await host.segments.keep(TX, 1, host.store.tables.nodes[TX, 2, 1])
    good = host.public.files["tx/tile/entries/100"]
    _flip(host.public.files, "tx/tile/entries/100")
    assert await host.sealing.round() == 0
    assert await host.store.has_leaves(TX, 0)
    host.public.files["tx/tile/entries/100"] = good
    # A ledger that failed is left alone for a minute.
    assert {await host.sealing.round() for _ in range(REST_ROUNDS)} == {0}
    assert await host.store.has_leaves(TX, 0)
    assert await host.sealing.round() == 1
    assert not await host.store.has_leaves(TX, 0)


async def test_segment_with_a_withdrawn_leaf_keeps_its_rows() -> None:
    """Its neighbours' bytes are in no public bundle: worker, gateway and store keep them."""
    host = await sealed(rows_kept=1, count=LONG)
    await host.segments.keep(TX, 1, host.store.tables.nodes[TX, 2, 1])
    host.ledger.withdraw(7)
    await host.ledger.sign()
    while await host.sealing.round():
        pass
    assert len(await host.store.segments(TX)) == 2
    assert await host.store.has_leaves(TX, 0)
    with pytest.raises(RowRefusedError):
        await host.segments.release(TX, 0, host.store.tables.nodes[TX, 2, 0])


async def test_neighbours_of_a_leaf_that_is_withdrawn_come_back_first() -> None:
    """When rows have left, those of its bundle are written again, and outlive the public bundle."""
    host = await released()
    assert await host.rows.bring_back(TX, 7) == 256
    assert await host.rows.bring_back(TX, 7) == 0
    assert await host.rows.bring_back(TX, LONG - 1) == 0
    host.ledger.withdraw(7)
    await host.ledger.sign()
    assert await host.sealing.round() == 1
    assert "tx/tile/entries/000" not in host.public.files
    expected = [*leaves()[:7], b"", *leaves()[8:256]]
    reader = SealedLedger(host.ledger)
    reader.public.files.update(host.public.files)
    assert await reader.rows.leaves(TX, 0, 256) == expected
    assert await host.files().read_back() == host.store.tables.nodes[TX, 2, 0]


async def test_worker_hands_segments_to_the_gateway_by_command() -> None:
    """Over the wire: the gateway keeps the row; what it refuses is an event and no row."""
    async with running() as host:
        ledger = copied(LONG)
        host.store.tables.leaves.update(ledger.store.tables.leaves)
        host.store.tables.nodes.update(ledger.store.tables.nodes)
        await ledger.sign()
        await host.store.save_checkpoint(ledger.store.tables.checkpoints[TX, LONG])
        bus = MemoryBus(host.disk.wire)
        await bus.listen(command_subject(WEST.name), host.commands.take)
        log = MemoryLog()
        worker = Worker(
            host=WEST.name,
            members=[TX],
            store=host.store,
            bus=MemoryBus(host.disk.wire),
            clock=host.clock,
            events=Events(log),
            quorum=QuorumFile(),
            witnesses=(),
            sealing=sealing_parts(host.store, keys={TX: KEY}, rows_kept=1),
            pager=MemoryPager(),
        )
        assert [await worker.sealing.round() for _ in range(2)] == [1, 1]
        assert [row.segment for row in await host.store.segments(TX)] == [0, 1]
        # This gateway has no setting that lets rows go, whatever its worker was told.
        assert await worker.sealing.round() == 0
        assert await host.store.has_leaves(TX, 0)
        event, fields = log.written[-1]
        assert (event, fields["code"]) == ("segment_not_sealed", SegmentNotTakenError.code)
        assert RowsKeptError.code in fields["text"]
        await bus.close()


def test_tiles_that_a_segment_fills() -> None:
    """Every 256th segment fills a tile of level 2, every 65,536th one of level 3 too."""
    assert [list(filled_tiles(segment)) for segment in (0, 254, 256)] == [[], [], []]
    assert list(filled_tiles(255)) == [TileId(level=2, index=0)]
    assert list(filled_tiles(767)) == [TileId(level=2, index=2)]
    assert list(filled_tiles(65_535)) == [TileId(level=2, index=255), TileId(level=3, index=0)]


class LastOf256:
    """The rows of a ledger of which only the 256th segment is at hand, with all nodes."""

    def __init__(self) -> None:
        entries = leaves()[:SEGMENT_LEAVES]
        hashes = [hash_leaf(entry) for entry in entries]
        self.tree = SegmentTree(255, hashes)
        self._entries, self._hashes = entries, hashes
        self.roots = [bytes([n]) * 32 for n in range(255)] + [self.tree.root]
        self._first = 255 * SEGMENT_LEAVES

    async def leaves(self, _: Member, first: int, last: int) -> list[bytes]:
        return self._entries[first - self._first : last - self._first]

    async def leaf_hashes(self, _: Member, first: int, last: int) -> list[bytes]:
        return self._hashes[first - self._first : last - self._first]

    async def nodes(self, _: Member, level: int, first: int, last: int) -> list[bytes]:
        assert level == 2
        return self.roots[first:last]

    async def documents(self, *_: object) -> list[DocumentRow]:
        return []

    async def withdrawn(self, *_: object) -> list[LeafIndex]:
        return []


async def test_tile_of_level_two_is_written_with_its_last_segment() -> None:
    """It holds the roots of all 256 segments, and is read back with the rest."""
    rows, public = LastOf256(), MemoryPublicStore()
    files = SegmentFiles(
        member=TX, key=KEY, segment=255, rows=rows, public=public, table=MemoryLeafTable()
    )
    await files.write(b"no checkpoint")
    assert public.files[f"tx/{tile_path(TileId(level=2, index=0))}"] == b"".join(rows.roots)
    with pytest.raises(FileDamagedError, match="sealed/255"):
        await files.read_back()
    _flip(public.files, "tx/tile/2/000")
    with pytest.raises(FileDamagedError, match="tile/2/000"):
        await files.read_back()
