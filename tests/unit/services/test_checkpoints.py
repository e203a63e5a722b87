"""Checkpoints: what is signed is committed, is remembered first, and binds the next start."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import pytest

from comity.adapters.errors import SignedStateError
from comity.domain.errors import ComityError
from comity.domain.ids import ledger_origin
from comity.ledger.note import verifier_key, verify_checkpoint
from comity.ledger.tree import EMPTY_FRONTIER, EMPTY_ROOT
from comity.ports import CheckpointRow, SignedState, StoreDownError
from comity.services.checkpoints import LedgerDamagedError
from tests.support.gateway import (
    DOMAIN,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    ledger_signer,
    note_entry,
    policy_of,
    running,
    turns,
)

WIDE = 300
"""More leaves than one tile holds."""


class SlowState:
    """A signed state whose disk waits until it may end."""

    def __init__(self, kept: SignedState) -> None:
        self.is_begun, self.may_end = threading.Event(), threading.Event()
        self._kept = kept

    def read(self, ledger: str) -> tuple[int, bytes] | None:
        return self._kept.read(ledger)

    def write(self, ledger: str, size: int, root: bytes) -> None:
        self.is_begun.set()
        self.may_end.wait()
        self._kept.write(ledger, size, root)

    def retire(self, ledger: str) -> None:
        self._kept.retire(ledger)

    def is_retired(self, ledger: str) -> bool:
        return self._kept.is_retired(ledger)


async def grow(host: PracticeHost, count: int = 1) -> None:
    """Let Washington's ledger grow."""
    await host.sequencer.commit([note_entry(host.disk, WA) for _ in range(count)])


async def test_every_head_that_grew_is_signed() -> None:
    """Each ledger's own key, over the committed size and root; nothing new, nothing signed."""
    async with running(policy_of(WA, RELEASE)) as host:
        await grow(host, WIDE)
        assert await host.checkpoints.sign_all() == 2
        for member in (OR, WA):
            public = ledger_signer(member).public_key().public_bytes_raw()
            row = await host.store.checkpoint(member)
            assert row is not None
            signed = verify_checkpoint(
                row.note, verifier_key(ledger_origin(DOMAIN, member), public)
            )
            head, root = (await host.store.heads([member]))[member]
            assert (signed.size, signed.root) == (head.frontier.size, root)
        assert await host.checkpoints.sign_all() == 0
        await grow(host)
        assert await host.checkpoints.sign_all() == 1


async def test_a_ledger_not_owned_is_not_signed() -> None:
    """Another host writes it: this one says nothing of it."""
    async with running() as host:
        host.sequencer._drop([OR, WA])
        assert await host.checkpoints.sign_all() == 0
        assert host.disk.signed_state.read(WA) is None


async def test_the_state_is_kept_before_the_note_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A store that fails then has no note, but what was signed binds this host; it signs again."""
    async with running() as host:
        host.store.is_down = True
        with pytest.raises(StoreDownError):
            await host.checkpoints.sign_all()
        host.store.is_down = False
        size = host.size(WA)

        async def fails(_: CheckpointRow) -> None:
            raise StoreDownError("practice")

        with monkeypatch.context() as patch:
            patch.setattr(host.store, "save_checkpoint", fails)
            with pytest.raises(StoreDownError):
                await host.checkpoints.sign_all()
        assert host.disk.signed_state.read(WA) is not None
        assert await host.store.checkpoint(WA) is None
        assert await host.checkpoints.sign_all() == 2
        row = await host.store.checkpoint(WA)
        assert row is not None
        assert row.size == size


async def test_a_slow_disk_keeps_nobody_waiting_and_is_waited_for() -> None:
    """Queries go on while a state is written; who is cancelled meanwhile leaves no write behind."""
    async with running(policy_of(WA, RELEASE)) as host:
        slow = SlowState(host.disk.signed_state)
        host.checkpoints._signed_state = slow
        signing = asyncio.create_task(host.checkpoints.sign_all())
        while not slow.is_begun.is_set():
            await turns()
        await grow(host)
        signing.cancel()
        await turns(3)
        assert not signing.done()
        slow.may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await signing
        assert host.disk.signed_state.read(OR) is not None
        assert await host.checkpoints.sign_all() == 2


async def test_one_ledger_that_cannot_be_signed_stops_no_other() -> None:
    """The error is told once all the others have their checkpoints."""
    async with running() as host:
        host.disk.signed_state.write(OR, 10_000, bytes(32))
        with pytest.raises(SignedStateError):
            await host.checkpoints.sign_all()
        assert await host.store.checkpoint(WA) is not None
        assert await host.store.checkpoint(OR) is None


async def test_a_ledger_that_continues_is_taken_up() -> None:
    """Empty, never signed, signed at its head, and grown since: all continue."""
    async with running() as host:
        await host.checkpoints.check(WA)
        await host.checkpoints.sign_all()
        await host.checkpoints.check(WA)
        await grow(host, WIDE)
        await host.checkpoints.check(WA)
        head = host.store.tables.heads[OR]
        empty = msgspec.structs.replace(head, frontier=EMPTY_FRONTIER, root=EMPTY_ROOT)
        host.store.tables.heads[OR] = empty
        host.store.tables.leaves[OR] = []
        host.disk.signed_state._states.pop(OR)
        await host.checkpoints.check(OR)


async def test_an_old_backup_is_refused() -> None:
    """INVARIANT (one-ledger-one-writer): smaller than what was signed."""
    async with running() as host:
        before = host.store.tables.heads[WA]
        leaves = list(host.store.tables.leaves[WA])
        await grow(host, 5)
        await host.checkpoints.sign_all()
        host.store.tables.heads[WA] = before
        host.store.tables.leaves[WA] = leaves
        with pytest.raises(LedgerDamagedError):
            await host.checkpoints.check(WA)


async def test_another_history_is_refused() -> None:
    """Of the same size, or larger, but not the one that was signed."""
    async with running() as host:
        await grow(host, 5)
        size = host.size(WA)
        host.disk.signed_state.write(WA, size, b"\x07" * 32)
        with pytest.raises(LedgerDamagedError):
            await host.checkpoints.check(WA)
        await grow(host, 5)
        with pytest.raises(LedgerDamagedError):
            await host.checkpoints.check(WA)


@pytest.mark.parametrize("damage", ["altered", "missing", "node"])
async def test_leaves_that_do_not_make_the_head_are_refused(damage: str) -> None:
    """A leaf altered or gone, or a tile's root: an error with a name, whatever is found."""
    async with running() as host:
        await grow(host, WIDE)
        leaves = host.store.tables.leaves[WA]
        if damage == "altered":
            leaves[-1] = (leaves[-1][0], bytes(32))
        elif damage == "missing":
            leaves.pop()
        else:
            host.store.tables.nodes[WA, 1, 0] = bytes(32)
        with pytest.raises(ComityError):
            await host.checkpoints.check(WA)
