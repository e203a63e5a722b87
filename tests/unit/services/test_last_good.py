"""The last good checkpoint: the largest whose leaves are at hand and that nothing contradicts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from comity.adapters.memory.clock import ManualClock
from comity.adapters.memory.store import MemoryStore
from comity.adapters.memory.tables import HeadRow
from comity.domain.ids import HostName, LeafIndex, Member
from comity.ledger.export import export_tree
from comity.ledger.note import checkpoint_text, cosignature_line, sign_note
from comity.ledger.tree import EMPTY_FRONTIER, append, hash_leaf, hash_leaves, tree_root
from comity.services.last_good import (
    LastGood,
    NoGoodCheckpointError,
    PublicCopy,
    Seen,
    Signed,
    find_last_good,
    read_signed,
)
from tests.support.ledger import PracticeSigner, leaves_of, witness_signer

TX = Member("tx")
SIGNER = PracticeSigner("ledger.example/tx", bytes([31]) * 32)
WITNESS = witness_signer()
LEAVES = leaves_of(700)
FORK = [*LEAVES[:300], *leaves_of(1_500)[800:]]


def stored(count: int, leaves: list[bytes] = LEAVES) -> MemoryStore:
    """A store with the first leaves of a history."""
    store = MemoryStore(ManualClock(0))
    hashes = hash_leaves(leaves[:count])
    store.tables.leaves[TX] = list(zip(leaves[:count], hashes, strict=True))
    frontier = append(EMPTY_FRONTIER, hashes).frontier
    store.tables.heads[TX] = HeadRow(
        host=HostName("gw-1"), epoch=1, frontier=frontier, root=tree_root(hashes)
    )
    return store


def head(
    size: int, where: str = "the database", leaves: list[bytes] = LEAVES, *, cosigned: bool = False
) -> Signed:
    """A signed head of a history, cosigned by the witness or not."""
    root = tree_root(hash_leaves(leaves[:size])) if size else hash_leaf(b"")
    text = checkpoint_text(SIGNER.key.name, size, root)
    note = sign_note(text, SIGNER.key, SIGNER)
    line = cosignature_line(text, WITNESS.key, WITNESS, 1) if cosigned else b""
    return read_signed(note + line, SIGNER.key, where)


def shown(size: int, leaves: list[bytes] = LEAVES) -> Seen:
    """What the witness cosigned last."""
    return Seen(signed=head(size, "the witness", leaves, cosigned=True), witness=WITNESS.key)


def copy_of(size: int, leaves: list[bytes] = LEAVES, *, without: str = "") -> PublicCopy:
    """An export, one of whose documents may be missing."""
    tree = dict(export_tree(leaves[:size], head(size, leaves=leaves).note, SIGNER.key))

    def fetch(path: str) -> bytes:
        if path == without or path not in tree:
            raise FileNotFoundError(path)
        return tree[path]

    return PublicCopy(fetch, size)


async def find(
    store: MemoryStore,
    *found: Signed,
    seen: Sequence[Seen] = (),
    signed: tuple[int, bytes] | None = None,
    copy: PublicCopy | None = None,
    chosen: tuple[int, bytes] | None = None,
) -> LastGood:
    """Find it among these heads."""
    size = len(store.tables.leaves[TX])
    return await find_last_good(
        store, TX, size=size, found=found, seen=seen, signed=signed, copy=copy, chosen=chosen
    )


def signed_at(size: int, leaves: list[bytes] = LEAVES) -> tuple[int, bytes]:
    return size, head(size, leaves=leaves).head.root


async def test_the_largest_checkpoint_whose_leaves_are_there() -> None:
    """One beyond them is named as signed; the leaves past the good one are not kept."""
    last = await find(stored(500), head(100), head(400), head(600))
    assert (last.good.head.size, last.kept) == (400, 400)
    assert [one.head.size for one in last.beyond] == [600]
    assert last.refused == ("600 leaves, the database: its leaves are not at hand",)


async def test_an_old_backup_by_itself() -> None:
    """The signed state and the witness are beyond; the witness cosigned the good one before."""
    last = await find(
        stored(400), head(300, cosigned=True), head(350), seen=[shown(600)], signed=signed_at(600)
    )
    assert (last.good.head.size, last.unproved) == (300, ())
    assert [one.head.size for one in last.beyond] == [600, 350]
    assert any("350 leaves" in why and "not known to continue" in why for why in last.refused)


async def test_a_copy_brings_what_the_backup_lost() -> None:
    """Its leaves lead to what the witness shows, so that nothing need be believed."""
    theirs = head(650, "the copy")
    last = await find(stored(400), head(350), theirs, copy=copy_of(650), seen=[shown(600)])
    assert (last.good.head.size, last.kept, last.beyond) == (650, 400, ())


@pytest.mark.parametrize("size", [256, 300, 512])
async def test_a_copy_of_another_history_shares_a_beginning(size: int) -> None:
    """What the store has beyond what both share is not kept."""
    theirs = head(650, "the copy", FORK)
    store = stored(size)
    last = await find(store, head(size), theirs, copy=copy_of(650, FORK), seen=[shown(640, FORK)])
    assert last.good == theirs
    assert last.kept == min(size, 300)
    assert [one.head.size for one in last.beyond] == ([size] if size > 300 else [])


async def test_a_copy_that_is_not_whole_is_not_at_hand() -> None:
    """Up to what is missing it can be used, no further."""
    broken = copy_of(650, without="tile/entries/001")
    last = await find(stored(400), head(350), head(650, "the copy"), copy=broken)
    assert last.good.head.size == 350


async def test_a_fork_goes_back_to_what_the_witness_cosigned() -> None:
    """Heads of this host that the witness never cosigned are of the other history."""
    store = stored(600, FORK)
    heads = [head(280, cosigned=True), head(400, leaves=FORK), head(600, leaves=FORK)]
    last = await find(store, *heads, seen=[shown(500)], signed=None)
    assert last.good.head.size == 280
    assert [one.head.size for one in last.beyond] == [600, 500, 400]


async def test_what_this_host_signed_must_be_on_the_way() -> None:
    """A head below the checkpoint with another root speaks against it."""
    with pytest.raises(NoGoodCheckpointError, match="this host signed another history"):
        await find(stored(600), head(500), signed=signed_at(450, FORK))
    last = await find(stored(600), head(400), head(500), signed=signed_at(450, FORK))
    assert last.good.head.size == 400


async def test_people_may_choose_what_is_not_proved_but_not_what_is_contradicted() -> None:
    """A witness that shows more is told of; one that shows another past is not passed over."""
    store = stored(400)
    with pytest.raises(NoGoodCheckpointError):
        await find(store, head(350), seen=[shown(600)])
    last = await find(store, head(350), seen=[shown(600)], chosen=signed_at(350))
    assert (last.good.head.size, last.unproved) == (350, ("the witness",))
    with pytest.raises(NoGoodCheckpointError, match="another history of 320"):
        await find(store, head(350), seen=[shown(320, FORK)], chosen=signed_at(350))
    with pytest.raises(NoGoodCheckpointError, match="no such checkpoint"):
        await find(store, head(350), chosen=signed_at(349))


async def test_a_leaf_that_was_altered_ends_what_is_at_hand() -> None:
    """Its bytes have not the hash beside them; what stands before it can be kept."""
    store = stored(600)
    leaves = store.tables.leaves[TX]
    leaves[320] = (leaves[321][0], leaves[320][1])
    last = await find(store, head(300), head(500))
    assert last.good.head.size == 300
    with_copy = await find(store, head(500), copy=copy_of(500))
    assert (with_copy.good.head.size, with_copy.kept) == (500, 320)


async def test_a_withdrawn_leaf_counts_by_its_hash() -> None:
    """Its bytes are gone by right."""
    store = stored(400)
    leaves = store.tables.leaves[TX]
    leaves[7] = (b"", leaves[7][1])
    store.tables.redactions[TX, 7] = LeafIndex(9)
    last = await find(store, head(400))
    assert last.good.head.size == 400


async def test_an_empty_ledger_has_nothing_to_go_on_from() -> None:
    """It is begun anew, not succeeded."""
    with pytest.raises(NoGoodCheckpointError, match="an empty ledger"):
        await find(stored(3), read_signed(empty_note(), SIGNER.key, "the database"))


def empty_note() -> bytes:
    """A checkpoint of no leaves."""
    return sign_note(checkpoint_text(SIGNER.key.name, 0, tree_root([])), SIGNER.key, SIGNER)
