"""Witnesses joined: one that runs here, and those that a host asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

from comity.adapters.signed_state import FileSignedState
from comity.adapters.system import SystemClock
from comity.adapters.witness import HttpWitness
from comity.adapters.witness_records import SqliteWitnessRecords
from comity.app.events import make_events
from comity.front.witness import WitnessServer
from comity.ledger.quorum import QuorumFile
from comity.ledger.witnessing import WitnessKey
from comity.ports import Witness
from comity.roles.settings import Settings
from comity.roles.witness import WitnessRole
from comity.roles.witness_files import QUORUM_NAME, WitnessFiles, read_quorum_file
from comity.services.witness_desk import WitnessDesk

__all__ = ["open_witness", "open_witnesses", "quorum_of", "witness_files"]


def witness_files(settings: Settings) -> WitnessFiles:
    """Return the files of the witness that this installation may run."""
    return WitnessFiles(settings.witness_dir or settings.data_dir / "witness")


def quorum_of(settings: Settings) -> QuorumFile:
    """Return this installation's quorum file; where there is none, nobody is known or asked.

    Raises: WitnessFilesError if one is named and missing, or is none.
    """
    if settings.quorum_file is not None:
        return read_quorum_file(settings.quorum_file)
    own = settings.data_dir / QUORUM_NAME
    return read_quorum_file(own) if own.is_file() else QuorumFile()


@asynccontextmanager
async def open_witnesses(file: QuorumFile) -> AsyncIterator[tuple[Witness, ...]]:
    """Return the witnesses of a file that can be asked; their connections end on leaving."""
    async with AsyncExitStack() as stack:
        asked = [HttpWitness(known) for known in file.witnesses if known.url]
        for witness in asked:
            stack.push_async_callback(witness.close)
        yield tuple(asked)


@asynccontextmanager
async def open_witness(settings: Settings) -> AsyncIterator[WitnessRole]:
    """Run this installation's witness.

    Raises: WitnessFilesError, WitnessRecordsError, WitnessBehindError.
    """
    events = make_events("witness")
    files = witness_files(settings)
    key = WitnessKey(key=files.verifier_key(), signer=files.key())
    follows = files.ledgers()
    with closing(SqliteWitnessRecords(files.database)) as records:
        desk = WitnessDesk(
            records=records,
            signed_state=FileSignedState(files.signed_state),
            follows=follows,
            key=key,
            clock=SystemClock(),
            events=events,
        )
        server = WitnessServer(desk=desk, events=events)
        role = WitnessRole(
            desk=desk, server=server, host=settings.witness_bind, port=settings.witness_port
        )
        port = await role.start()
        events.note("witness_ready", name=key.key.name, port=port, ledgers=len(follows.ledgers))
        try:
            yield role
        finally:
            await role.stop()
