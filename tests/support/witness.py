"""A practice ledger in two histories, and the witness that is shown them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from comity.adapters.memory.clock import ManualClock
from comity.adapters.memory.secrets import MemorySignedState
from comity.adapters.memory.witness import MemoryWitnessRecords
from comity.adapters.witness import HttpWitness
from comity.front.http.protocol import HttpTimes
from comity.front.witness import WitnessServer
from comity.ledger.note import checkpoint_text, sign_note
from comity.ledger.quorum import KnownLedger, KnownWitness, QuorumFile
from comity.ledger.witnessing import WitnessKey, encode_add_checkpoint
from comity.ports import SignedState, WitnessRecords
from comity.services.events import Events
from comity.services.witness_desk import WitnessDesk
from tests.support.ledger import (
    ORIGIN,
    NaiveTree,
    PracticeSigner,
    entries_of,
    ledger_signer,
    witness_signer,
)
from tests.support.line import MemoryLog

NOW = 1_795_500_000
LEDGER = ledger_signer()
WITNESS = witness_signer()
KEY = WitnessKey(key=WITNESS.key, signer=WITNESS)
FOLLOWS = QuorumFile(ledgers=(KnownLedger(key=LEDGER.key),))
ENTRIES = entries_of(40)
TREE = NaiveTree(ENTRIES)
FORK = NaiveTree([b"another", *ENTRIES[1:]])


def note_of(size: int, tree: NaiveTree = TREE, signer: PracticeSigner = LEDGER) -> bytes:
    """The signed checkpoint of a history at a size."""
    return sign_note(checkpoint_text(ORIGIN, size, tree.root(size)), signer.key, signer)


def request_of(old: int, size: int, tree: NaiveTree = TREE) -> bytes:
    """A request to cosign a history at a size, with its own proof."""
    proof = tree.proof(old, size) if 0 < old < size else []
    return encode_add_checkpoint(old, proof, note_of(size, tree))


class WitnessHost:
    """A witness on memory twins; what is given survives it, as a disk would."""

    def __init__(
        self,
        records: WitnessRecords | None = None,
        signed_state: SignedState | None = None,
        follows: QuorumFile = FOLLOWS,
    ) -> None:
        self.records = records if records is not None else MemoryWitnessRecords()
        self.signed_state = signed_state if signed_state is not None else MemorySignedState()
        self.clock = ManualClock(NOW * 1_000_000_000)
        self.log = MemoryLog()
        self.events = Events(self.log)
        self.desk = WitnessDesk(
            records=self.records,
            signed_state=self.signed_state,
            follows=follows,
            key=KEY,
            clock=self.clock,
            events=self.events,
        )


@asynccontextmanager
async def listening(
    host: WitnessHost, times: HttpTimes | None = None
) -> AsyncIterator[tuple[int, HttpWitness]]:
    """Serve a witness on loopback; yield its port and a client."""
    server = WitnessServer(desk=host.desk, events=host.events, times=times)
    port = await server.listen("127.0.0.1", 0)
    known = KnownWitness(name="W", key=WITNESS.key, url=f"http://127.0.0.1:{port}/")
    client = HttpWitness(known, seconds_max=5.0)
    try:
        yield port, client
    finally:
        await client.close()
        await server.close()
