"""A succession on PostgreSQL and real files that breaks off at each step, and is done again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from comity.adapters.memory.store import CommitFault
from comity.adapters.signed_state import FileSignedState
from comity.adapters.succession_files import FileSuccessions
from comity.domain.errors import ComityError
from comity.domain.ids import entry_name, ledger_origin
from comity.ledger.note import verifier_key
from comity.ledger.tree import tree_root
from comity.ports import StoreDownError
from comity.roles.host_files import HostFiles
from comity.services.succession import Succeeded
from tests.support.engines import Cluster, cluster
from tests.support.gateway import DOMAIN, OR, WA, Disk, PracticeHost, ledger_signer, note_entry
from tests.support.stores import PostgresCase, postgres_case
from tests.unit.services.test_succession import order_for, signed_by

__all__ = ["cluster"]

CUT = 300


@pytest.fixture
async def case(cluster: Cluster) -> AsyncIterator[PostgresCase]:
    """A database of its own, behind a connection that can be cut."""
    async with postgres_case(cluster) as opened:
        yield opened


class Machine:
    """A host's disk: its database, its files. Each life is a gateway's, up to its crash."""

    def __init__(self, case: PostgresCase, folder: Path) -> None:
        self.case = case
        self.files = HostFiles(folder)
        self.folder = folder
        for member in (OR, WA):
            self.files.write_ledger_key(member, ledger_signer(member))
        # The practice disk is made of twins; here the real ones stand in their places.
        disk: Any = Disk()
        disk.store = case.store
        disk.signed_state = FileSignedState(folder / "signed-state")
        disk.successions = FileSuccessions(folder)
        self.disk: Disk = disk
        self.host = PracticeHost(disk)

    async def start(self) -> PracticeHost:
        """End this life and begin the next, as the gateway's start does."""
        await self.host.crash()
        self.host = host = PracticeHost(self.disk)
        for member, file in self.files.ledger_keys().items():
            origin = ledger_origin(DOMAIN, member, file.number)
            public = file.key.public_key().public_bytes_raw()
            host.ledger_keys.replace(member, (file.key, verifier_key(origin, public)))
        await host.world.load(host.store)
        await host.succession.take_up()
        await host.start()
        for member in (OR, WA):
            try:
                await host.checkpoints.check(member)
            except ComityError:
                host.sequencer.release(member)
        return host

    async def size(self) -> int:
        """Leaves of Washington's ledger."""
        return (await self.host.store.heads([WA]))[WA][0].frontier.size


async def begun(machine: Machine) -> tuple[bytes, bytes]:
    """A ledger with a checkpoint at the cut and some leaves beyond; its note and root."""
    host = await machine.start()
    await host.publish()
    count = CUT - await machine.size()
    await host.sequencer.commit([note_entry(machine.disk) for _ in range(count)])
    await host.checkpoints.sign_all()
    row = await host.store.checkpoint(WA)
    assert row is not None
    root = (await host.store.heads([WA]))[WA][1]
    await host.sequencer.commit([note_entry(machine.disk) for _ in range(5)])
    return row.note, root


async def succeed(host: PracticeHost, note: bytes, root: bytes) -> Succeeded:
    """Carry out the succession that both people ordered."""
    return await host.succession.succeed(WA, signed_by(order_for(CUT, root)), note, ())


async def is_whole(machine: Machine, root: bytes) -> None:
    """The successor stands, is owned, begins with the prefix, and grows."""
    host = machine.host
    assert host.sequencer.owns(WA)
    assert host.ledger_keys.origin(WA) == ledger_origin(DOMAIN, WA, 2)
    hashes = await host.store.leaf_hashes(WA, 0, CUT + 9)
    assert (len(hashes), tree_root(hashes[:CUT])) == (CUT + 1, root)
    await host.sequencer.commit([note_entry(machine.disk)])
    await host.checkpoints.sign_all()
    assert machine.disk.signed_state.read("wa.2") is not None
    beyond = (machine.folder / "retired" / "wa" / "beyond.jsonl").read_bytes().splitlines()
    assert sum(line.startswith(b'{"row":"leaf"') for line in beyond) == 5
    names = sorted(path.name for path in (machine.folder / "ledger-keys").iterdir())
    assert names == ["or.key", "wa.2.key"]


@pytest.mark.parametrize("step", ["stage", "aside", "take_up"])
async def test_a_crash_at_each_step(
    case: PostgresCase, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is staged the ledger goes on; then it is refused; then it has succeeded."""
    machine = Machine(case, tmp_path)
    note, root = await begun(machine)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileSuccessions, step, dies)
        with pytest.raises(KeyboardInterrupt):
            await succeed(machine.host, note, root)
    host = await machine.start()
    assert host.sequencer.owns(WA) is (step != "aside")
    if step != "take_up":
        assert await machine.size() == CUT + 5
        done = await succeed(host, note, root)
        assert done.entry == entry_name(WA, CUT)
        await machine.start()
    await is_whole(machine, root)
    await machine.host.crash()


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_connection_that_is_cut_in_the_commit(
    case: PostgresCase, tmp_path: Path, fault: CommitFault
) -> None:
    """Lost, it is ordered again in the same life; persisted, it is found to stand."""
    machine = Machine(case, tmp_path)
    note, root = await begun(machine)
    case.break_commit(fault)
    if fault is CommitFault.PERSISTED:
        await succeed(machine.host, note, root)
    else:
        with pytest.raises(StoreDownError):
            await succeed(machine.host, note, root)
        assert await machine.size() == CUT + 5
        await succeed(machine.host, note, root)
    await machine.start()
    await is_whole(machine, root)
    await machine.host.crash()
