"""A published ledger in a memory store: leaves, nodes, and a signed checkpoint over them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from comity.adapters.memory.clock import ManualClock
from comity.adapters.memory.public import MemoryLeafTable, MemoryPublicStore
from comity.adapters.memory.store import MemoryStore
from comity.domain.ids import LeafIndex, Member
from comity.front.http.protocol import HttpTimes
from comity.front.ledger import LedgerServer
from comity.ledger.note import VerifierKey, checkpoint_text, sign_note
from comity.ledger.tile import TILE_WIDTH, tile_root
from comity.ledger.tree import hash_leaves, tree_root
from comity.ports import CheckpointRow, DocumentRow, PublicStore, Store
from comity.roles.worker import SealingParts
from comity.services.events import Events
from comity.services.public_ledgers import PublicLedgers
from tests.support.ledger import ORIGIN, leaf_of, leaves_of, ledger_signer
from tests.support.line import MemoryLog

TX = Member("tx")
KEY = ledger_signer().key
NOW_NS = 1_795_500_000 * 10**9


class PublishedLedger:
    """One ledger that grows; `sign` publishes what there is."""

    def __init__(self, entries: Sequence[bytes] = ()) -> None:
        self.clock = ManualClock(NOW_NS)
        self.store = MemoryStore(self.clock)
        self.grow(entries)

    @property
    def hashes(self) -> list[bytes]:
        """The leaf hashes."""
        return [leaf_hash for _, leaf_hash in self.store.tables.leaves.get(TX, [])]

    def grow(self, entries: Sequence[bytes]) -> None:
        """Add leaves, and the nodes of the tiles that fill."""
        leaves = self.store.tables.leaves.setdefault(TX, [])
        leaves += zip(entries, hash_leaves(entries), strict=True)
        hashes, level = self.hashes, 1
        while len(hashes) >= TILE_WIDTH:
            full = range(0, len(hashes) - TILE_WIDTH + 1, TILE_WIDTH)
            hashes = [tile_root(hashes[at : at + TILE_WIDTH]) for at in full]
            places = ((TX, level, index) for index in range(len(hashes)))
            self.store.tables.nodes.update(zip(places, hashes, strict=True))
            level += 1

    async def sign(self, size: int | None = None) -> bytes:
        """Publish a checkpoint of a size, or of all there is."""
        hashes = self.hashes[:size]
        text = checkpoint_text(ORIGIN, len(hashes), tree_root(hashes))
        note = sign_note(text, KEY, ledger_signer())
        row = CheckpointRow(member=TX, size=len(hashes), note=note)
        await self.store.save_checkpoint(row)
        return note

    def document(self, index: int, body: bytes) -> None:
        """Give a leaf its document."""
        row = DocumentRow(member=TX, leaf_index=LeafIndex(index), body=body)
        self.store.tables.documents[TX, index] = row

    def withdraw(self, index: int) -> None:
        """Withdraw a leaf, as its `redaction` leaf and the erasure of its bytes do."""
        leaves = self.store.tables.leaves[TX]
        self.store.tables.redactions[TX, index] = len(leaves)
        self.grow([leaf_of(len(leaves), redacts=index)])
        leaves[index] = (b"", leaves[index][1])


async def published(count: int) -> PublishedLedger:
    """A ledger of practice leaves with its checkpoint."""
    made = PublishedLedger(leaves_of(count))
    await made.sign()
    return made


def sealing_parts(
    store: Store,
    public: PublicStore | None = None,
    keys: Mapping[Member, VerifierKey] | None = None,
    rows_kept: int | None = None,
) -> SealingParts:
    """What a worker seals with, on memory twins; without keys it seals nothing."""
    return SealingParts(
        rows=store,
        public=public or MemoryPublicStore(),
        table=MemoryLeafTable(),
        keys=keys or {},
        rows_kept=rows_kept,
    )


class ServedLedger:
    """A published ledger behind a server, and the time by which it looks for news."""

    def __init__(self, ledger: PublishedLedger) -> None:
        self.ledger = ledger
        self.now = 0.0
        self.log = MemoryLog()
        self.events = Events(self.log)
        self.ledgers = PublicLedgers(
            store=ledger.store, rows=ledger.store, keys={TX: KEY}, now=lambda: self.now
        )


@asynccontextmanager
async def serving(served: ServedLedger, times: HttpTimes | None = None) -> AsyncIterator[str]:
    """Serve a ledger on loopback; yield its address."""
    server = LedgerServer(ledgers=served.ledgers, events=served.events, times=times)
    port = await server.listen("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.close()
