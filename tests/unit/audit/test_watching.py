"""A watcher accepts a checkpoint only if it continues the last one, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from comity.audit.findings import EvidenceError, FindingCode
from comity.audit.growth import check_growth
from comity.audit.notes import read_vkey
from comity.audit.watching import Look, WatchState, look
from comity.ledger.note import encode_vkey
from comity.ledger.tile import tile_path
from tests.support.ledger import (
    ORIGIN,
    NaiveTree,
    exported,
    leaf_of,
    leaves_of,
    ledger_signer,
    signed_checkpoint,
    tile_documents,
)

KEY = read_vkey(encode_vkey(ledger_signer().key))
OTHER = read_vkey(encode_vkey(ledger_signer("log.example/oh").key))
LEAVES = leaves_of(700)
NOW, STALL = 1_795_000_000, 3_600

Documents = dict[str, bytes]


def seen(documents: Documents, before: WatchState | None = None, now: int = NOW) -> Look:
    return look(documents.__getitem__, KEY, before, now_s=now, stall_s=STALL)


def state(size: int = 300) -> WatchState:
    found = seen(exported(LEAVES[:size])).state
    assert found is not None
    return found


def code(found: Look) -> FindingCode | None:
    return None if found.alarm is None else found.alarm.code


def test_first_look_is_where_watching_begins() -> None:
    """The first good checkpoint is kept, with the time."""
    found = seen(exported(LEAVES[:300]))
    assert found.alarm is None
    assert found.state == WatchState(
        origin=ORIGIN, note=signed_checkpoint(LEAVES[:300]).decode(), since_s=NOW
    )


def test_growth_is_proved() -> None:
    """A larger checkpoint that continues the last one takes its place."""
    found = seen(exported(LEAVES), state(), NOW + 10)
    assert found.alarm is None
    assert found.head is not None
    assert found.head.size == 700
    assert found.state is not None
    assert found.state.since_s == NOW + 10


def test_same_checkpoint_is_no_alarm_until_it_stalls() -> None:
    """A ledger may rest for as long as it was said, and no second longer."""
    documents = exported(LEAVES[:300])
    assert code(seen(documents, state(), NOW + STALL)) is None
    late = seen(documents, state(), NOW + STALL + 1)
    assert code(late) is FindingCode.CHECKPOINT_STALLED
    assert late.state == state()


ALARMS: dict[str, tuple[Callable[[], Documents], FindingCode]] = {
    "shrunk": (lambda: exported(LEAVES[:200]), FindingCode.LEDGER_SHRUNK),
    "forked": (lambda: exported([leaf_of(9), *LEAVES[1:300]]), FindingCode.LEDGER_FORKED),
    "other past": (lambda: exported([leaf_of(9), *LEAVES[1:]]), FindingCode.LEDGER_INCONSISTENT),
    "tiles absent": (
        lambda: {"checkpoint": signed_checkpoint(LEAVES)},
        FindingCode.LEDGER_INCONSISTENT,
    ),
    "tile short": (
        lambda: {
            path: data[:-32] if "tile/0" in path else data
            for path, data in exported(LEAVES).items()
        },
        FindingCode.LEDGER_INCONSISTENT,
    ),
    "gone": (dict, FindingCode.CHECKPOINT_MISSING),
    "malformed": (lambda: {"checkpoint": b"nonsense"}, FindingCode.CHECKPOINT_MALFORMED),
    "unsigned": (
        lambda: {"checkpoint": signed_checkpoint(LEAVES).replace(b"\n700\n", b"\n701\n")},
        FindingCode.CHECKPOINT_UNVERIFIED,
    ),
}


@pytest.mark.parametrize("alarm", ALARMS)
def test_alarm_is_raised_and_the_state_kept(alarm: str) -> None:
    """Whatever does not continue the last good checkpoint is an alarm, with its own evidence."""
    documents, wanted = ALARMS[alarm]
    found = seen(documents(), state())
    assert code(found) is wanted
    assert found.state == state()
    assert found.note == documents().get("checkpoint", b"")


def test_state_of_another_key_is_refused() -> None:
    """A state that this key did not sign is nothing to go on from."""
    with pytest.raises(EvidenceError):
        look(dict[str, bytes]().__getitem__, OTHER, state(), now_s=NOW, stall_s=STALL)


def test_failing_fetch_is_no_alarm() -> None:
    """A server that fails says nothing of its ledger."""

    def fetch(_: str) -> bytes:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        look(fetch, KEY, state(), now_s=NOW, stall_s=STALL)


SIZES = (1, 2, 255, 256, 257, 300, 511, 512, 513, 699, 700)
TREE = NaiveTree(LEAVES)


@pytest.mark.parametrize("size", SIZES)
def test_growth_between_any_sizes(size: int) -> None:
    """The tiles of the larger tree prove every smaller one, and no other root."""
    tiles = {tile_path(tile): data for tile, data in tile_documents(LEAVES[:size]).items()}
    new = size, TREE.root(size)
    for old in {0, *(other for other in SIZES if other <= size)}:
        check_growth(tiles.__getitem__, (old, TREE.root(old)), new)
        with pytest.raises(EvidenceError):
            check_growth(tiles.__getitem__, (old, bytes(32)), new)
        if old:  # anything continues an empty tree
            with pytest.raises(EvidenceError):
                check_growth(tiles.__getitem__, (old, TREE.root(old)), (size, bytes(32)))


def test_growth_reads_few_tiles() -> None:
    """At most three tiles a level are read, however many lie between the sizes."""
    leaves = leaves_of(66_000)
    tiles = {tile_path(tile): data for tile, data in tile_documents(leaves).items()}
    read: list[str] = []

    def fetch(path: str) -> bytes:
        read.append(path)
        return tiles[path]

    tree = NaiveTree(leaves)
    check_growth(fetch, (12_345, tree.root(12_345)), (66_000, tree.root(66_000)))
    assert len(read) <= 9
