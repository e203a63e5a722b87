"""A host's sequencer on PostgreSQL, behind a connection that can be cut; and what it must leave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from comity.adapters.postgres.store import PostgresStore
from comity.audit.evidence import check_receipt
from comity.audit.notes import TrustedKey, read_vkey
from comity.domain.ids import Member
from comity.ledger.note import encode_vkey
from comity.ledger.tree import hash_leaf, hash_leaves, tree_root
from comity.ports import SignedState, Store, Witness
from comity.services.entries import Entry
from comity.services.sequencer import Committed, CommittedLeaf
from tests.support.gateway import HOST_KEY, WA, Disk, PracticeHost, note_entry

__all__ = ["HOST", "check_ledger", "entries_for", "host_on", "leaf_of", "size_of"]

HOST: TrustedKey = read_vkey(encode_vkey(HOST_KEY))


@asynccontextmanager
async def host_on(
    store: PostgresStore,
    *,
    signed_state: SignedState | None = None,
    witnesses: Sequence[Witness] = (),
    beside: PracticeHost | None = None,
) -> AsyncIterator[PracticeHost]:
    """A host that owns Oregon and Washington in a database, from its start to its crash.

    `beside` is another host of the same members: it gives this one its clock and keys.
    """
    disk = Disk()
    if beside is not None:
        disk.clock, disk.entropy = beside.disk.clock, beside.disk.entropy
        disk.keyring = beside.disk.keyring
    # All of a host but its store is on twins; nothing below asks for the tables of the twin.
    disk.store = cast(Any, store)
    if signed_state is not None:
        disk.signed_state = cast(Any, signed_state)
    disk.witnesses = tuple(witnesses)
    host = PracticeHost(disk)
    await host.start()
    try:
        yield host
    finally:
        await host.crash()


def entries_for(host: PracticeHost, *members: Member) -> list[Entry]:
    """Return the smallest entries, one for each of these ledgers."""
    return [note_entry(host.disk, member) for member in members]


def leaf_of(result: object) -> CommittedLeaf:
    """Return the one leaf of a result, which must be a commit."""
    assert isinstance(result, Committed), result
    (leaf,) = result.leaves
    return leaf


async def size_of(store: Store, member: Member = WA) -> int:
    """Return a ledger's committed size."""
    return (await store.heads([member]))[member][0].frontier.size


async def check_ledger(
    store: Store, leaves: Sequence[CommittedLeaf], member: Member = WA
) -> list[bytes]:
    """Check that each receipt's leaf stands in the ledger, once, under a root of its past.

    Return the ledger's leaves. A receipt over a root that the ledger never had is a fork.
    """
    size = await size_of(store, member)
    stored = await store.leaves(member, 0, size)
    hashes = hash_leaves(stored)
    assert (await store.heads([member]))[member][1] == tree_root(hashes)
    assert len({leaf.index for leaf in leaves}) == len(leaves)
    for leaf in leaves:
        assert stored[leaf.index] == leaf.data
        proved = check_receipt(leaf.receipt, leaf.data, HOST)
        assert proved.index == leaf.index
        assert proved.root == tree_root(hashes[: proved.size])
        assert hashes[leaf.index] == hash_leaf(leaf.data)
    assert len(set(stored)) == len(stored)
    return stored
