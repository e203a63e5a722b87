"""A ledger on PostgreSQL is sealed into a folder, loses its rows, and is whole to everyone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from comity.adapters.leaf_table import ParquetLeafTable
from comity.adapters.memory.secrets import MemorySignedState
from comity.adapters.postgres.store import PostgresStore
from comity.adapters.public_store import FolderPublicStore
from comity.adapters.system import SystemClock
from comity.cli.main import app
from comity.front.ledger import LedgerServer
from comity.ledger.note import checkpoint_text, encode_vkey, sign_note
from comity.ledger.tile import SEGMENT_LEAVES
from comity.ledger.tree import EMPTY_FRONTIER, append, encode_frontier, tree_root
from comity.ports import CheckpointRow
from comity.roles.runtime import DatabaseRole
from comity.services.checkpoints import Checkpoints
from comity.services.events import Events
from comity.services.ledger_keys import LedgerKeys
from comity.services.proofs import ProofMaker
from comity.services.public_ledgers import PublicLedgers
from comity.services.rebuilding import Rebuilding, RebuildReport
from comity.services.sealed_rows import SealedRows
from comity.services.sealing import Sealing
from comity.services.segments import Segments
from comity.services.sequencer import Sequencer
from tests.support.engines import Cluster
from tests.support.ledger import ORIGIN, host_signer, leaves_of, ledger_signer
from tests.support.line import MemoryLog
from tests.support.public import KEY, TX, PublishedLedger

pytestmark = pytest.mark.timeout(540)
SIZE = 2 * SEGMENT_LEAVES + 300


@cache
def ledger() -> PublishedLedger:
    """Its leaves and nodes, made once."""
    return PublishedLedger(leaves_of(SIZE))


async def fill(connection: Any) -> None:
    """Write the ledger's rows as the sequencer would have."""
    tables = ledger().store.tables
    leaves = [(TX, at, h, data) for at, (data, h) in enumerate(tables.leaves[TX])]
    nodes = [(m, level, at, h) for (m, level, at), h in tables.nodes.items()]
    columns = ["state", "leaf_index", "hash", "bytes"]
    await connection.copy_records_to_table("ledger_leaf", records=leaves, columns=columns)
    columns = ["state", "level", "node_index", "hash"]
    await connection.copy_records_to_table("ledger_node", records=nodes, columns=columns)
    frontier = append(EMPTY_FRONTIER, ledger().hashes).frontier
    await connection.execute(
        "INSERT INTO ledger_head VALUES ($1, $2, $3, $4, -1, 1, 'west')",
        TX, SIZE, tree_root(ledger().hashes), encode_frontier(frontier),
    )  # fmt: skip


class Host:
    """A gateway's and a reader's store on one database, and a folder of public files."""

    def __init__(self, gateway: PostgresStore, reader: PostgresStore, folder: Path) -> None:
        self.gateway, self.reader = gateway, reader
        self.log = MemoryLog()
        self.events = Events(self.log)
        self.public = FolderPublicStore(folder)
        self.table = ParquetLeafTable()
        self.segments = Segments(
            store=gateway, clock=SystemClock(), events=self.events, rows_kept=1
        )
        self.sealing = Sealing(
            store=reader,
            rows=self.rows(reader),
            public=self.public,
            table=self.table,
            keys={TX: KEY},
            keep=self.segments.keep,
            release=self._release,
            rows_kept=1,
            events=self.events,
        )

    def rows(self, store: PostgresStore) -> SealedRows:
        """A reader across both places."""
        return SealedRows(
            store=store,
            public=self.public,
            names=lambda _: ("tx",),
            events=self.events,
            now=time.monotonic,
        )

    async def _release(self, member: Any, segment: int, root: bytes) -> None:
        await self.segments.release(member, segment, root)

    async def rebuild(self, *, mends: bool) -> RebuildReport:
        """Look through the public files."""
        return await Rebuilding(
            store=self.reader,
            rows=self.rows(self.reader),
            public=self.public,
            table=self.table,
            key=KEY,
            mends=mends,
        ).run(TX)


@asynccontextmanager
async def sealed_host(cluster: Cluster, database: str, folder: Path) -> AsyncIterator[Host]:
    """A host whose ledger was sealed by its worker, and whose oldest rows have left."""
    connection = await cluster.connect(database)
    await fill(connection)
    gateway = await PostgresStore.open(cluster.url(database))
    reader = await PostgresStore.open(cluster.url(database, DatabaseRole.READER), members=[TX])
    try:
        text = checkpoint_text(ORIGIN, SIZE, tree_root(ledger().hashes))
        note = sign_note(text, KEY, ledger_signer())
        await gateway.save_checkpoint(CheckpointRow(member=TX, size=SIZE, note=note))
        host = Host(gateway, reader, folder / "public")
        assert [await host.sealing.round() for _ in range(4)] == [1, 1, 1, 0], host.log.written
        count = "SELECT count(*) FROM ledger_leaf"
        assert await connection.fetchval(count) == SIZE - SEGMENT_LEAVES
        yield host
    finally:
        await reader.close()
        await gateway.close()
        await connection.close()


async def test_ledger_is_whole_when_its_rows_have_left(
    cluster: Cluster, database: str, tmp_path: Path
) -> None:
    """Restart check, server and rebuild find the ledger that there was."""
    async with sealed_host(cluster, database, tmp_path) as host:
        # The check of a gateway's start, in a process that has read nothing yet.
        keys = LedgerKeys({TX: (ledger_signer(), KEY)})
        signer = host_signer()
        rows = host.rows(host.gateway)
        proofs = ProofMaker(
            store=host.gateway, rows=rows, signer=signer, host=signer.key, keys=keys
        )
        state = MemorySignedState()
        state.write("tx", 1_000, tree_root(ledger().hashes[:1_000]))
        await Checkpoints(
            store=host.gateway,
            sequencer=cast("Sequencer", None),
            signed_state=state,
            proofs=proofs,
            keys=keys,
            events=host.events,
        ).check(TX)
        ((leaf, _),) = await proofs.receipts(TX, [7])
        assert leaf == leaves_of(8)[7]
        # The server, by our own checker.
        ledgers = PublicLedgers(
            store=host.reader, rows=host.rows(host.reader), keys={"tx": KEY}, now=time.monotonic
        )
        server = LedgerServer(ledgers=ledgers, events=host.events)
        port = await server.listen("127.0.0.1", 0)
        arguments = ["ledger", "audit", f"http://127.0.0.1:{port}/tx", "--vkey", encode_vkey(KEY)]
        result = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--json"])
        await server.close()
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["leaves_read"] == SIZE
        assert host.events.counts["public_file_damaged"] == 0
        # What is lost or altered of a segment whose rows are here comes back as it was.
        folder = tmp_path / "public/tx"
        spoiled = ["tile/entries/300", "tile/0/257", "tile/1/001", "parquet/1.parquet", "sealed/1"]
        before = {path: (folder / path).read_bytes() for path in spoiled}
        for path in spoiled[:2]:
            (folder / path).write_bytes(before[path][:-1] + b"?")
        for path in spoiled[2:]:
            (folder / path).unlink()
        report = await host.rebuild(mends=True)
        assert sorted(finding.path for finding in report.findings) == sorted(
            f"tx/{path}" for path in spoiled
        )
        assert (report.is_whole, report.segments, report.from_files) == (True, 2, 1)
        assert {path: (folder / path).read_bytes() for path in spoiled} == before
