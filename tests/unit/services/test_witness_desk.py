"""The witness: what it cosigned is kept first, in two places, and an old copy is refused."""

from __future__ import annotations

import asyncio
import json

import pytest

from comity.adapters.memory.secrets import MemorySignedState
from comity.adapters.memory.witness import MemoryWitnessRecords
from comity.domain.errors import ComityError
from comity.ledger.witnessing import WitnessedHead, WitnessStatus, origin_id
from comity.ports import EvidenceRow
from comity.services import witness_desk as module
from comity.services.witness_desk import WitnessBehindError
from tests.support.ledger import ORIGIN
from tests.support.witness import FORK, NOW, TREE, WitnessHost, note_of, request_of

NAMED = origin_id(ORIGIN)


class DiskFullError(ComityError):
    """The disk of a practice witness is full."""

    code = "practice-disk-full"


class FailingRecords(MemoryWitnessRecords):
    """Records whose next write fails, before or after it was kept."""

    def __init__(self) -> None:
        super().__init__()
        self.fails: str = ""

    def swap(self, before: WitnessedHead | None, after: WitnessedHead) -> bool:
        fails, self.fails = self.fails, ""
        if fails == "before":
            raise DiskFullError("practice")
        swapped = super().swap(before, after)
        if fails == "after":
            raise DiskFullError("practice")
        return swapped


class CountingRecords(MemoryWitnessRecords):
    """Records that see whether two requests are ever between reading and keeping."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0

    def head(self, origin: str) -> WitnessedHead | None:
        self.inside += 1
        assert self.inside == 1
        return super().head(origin)

    def swap(self, before: WitnessedHead | None, after: WitnessedHead) -> bool:
        self.inside -= 1
        return super().swap(before, after)


async def test_cosigned_head_is_in_both_places() -> None:
    """The database and the signed state have size and root when the answer is there."""
    host = WitnessHost()
    step = await host.desk.take(request_of(0, 8))
    assert step.status is WitnessStatus.COSIGNED
    assert host.records.head(ORIGIN) == step.head
    assert host.signed_state.read(NAMED) == (8, TREE.root(8))
    assert await host.desk.last_checkpoint(NAMED) == note_of(8) + step.body
    assert await host.desk.last_checkpoint(origin_id("other")) is None


@pytest.mark.parametrize("fails", ["before", "after"])
async def test_write_that_fails_gives_no_cosignature(fails: str) -> None:
    """Failed, or failed but kept: no answer; asked again, the head is cosigned from where it is."""
    records = FailingRecords()
    host = WitnessHost(records)
    await host.desk.take(request_of(0, 3))
    records.fails = fails
    with pytest.raises(DiskFullError):
        await host.desk.take(request_of(3, 8))
    assert host.signed_state.read(NAMED) == (3, TREE.root(3))
    again = WitnessHost(records, host.signed_state)
    again.desk.check()
    step = await again.desk.take(request_of(3, 8))
    if fails == "after":
        assert (step.status, step.body) == (WitnessStatus.OTHER_SIZE, b"8\n")
        step = await again.desk.take(request_of(8, 8))
    assert step.status is WitnessStatus.COSIGNED
    assert host.signed_state.read(NAMED) == (8, TREE.root(8))


async def test_old_copy_of_the_database_is_refused() -> None:
    """Smaller, gone, or another root at the same size than what was cosigned: no start."""
    host = WitnessHost()
    await host.desk.take(request_of(0, 3))
    old = MemoryWitnessRecords()
    standing = host.records.head(ORIGIN)
    assert standing is not None
    old.swap(None, standing)
    await host.desk.take(request_of(3, 8))
    host.desk.check()
    forked = MemoryWitnessRecords()
    forked.swap(
        None, WitnessedHead(origin=ORIGIN, size=8, root=FORK.root(8), note=note_of(8, FORK))
    )
    for records in (old, MemoryWitnessRecords(), forked):
        with pytest.raises(WitnessBehindError):
            WitnessHost(records, host.signed_state).desk.check()


async def test_lost_signed_state_is_made_anew() -> None:
    """Where only the database is left it is believed, and the state written from it."""
    host = WitnessHost()
    await host.desk.take(request_of(0, 3))
    fresh = MemorySignedState()
    WitnessHost(host.records, fresh).desk.check()
    assert fresh.read(NAMED) == (3, TREE.root(3))


async def test_requests_take_turns() -> None:
    """Of two that continue the same head one is cosigned, the other told the new size."""
    records = MemoryWitnessRecords()
    host = WitnessHost(records)
    await host.desk.take(request_of(0, 3))
    steps = await asyncio.gather(*(host.desk.take(request_of(3, size)) for size in (8, 20, 39)))
    assert sorted(step.status for step in steps) == [200, 409, 409]
    counting = CountingRecords()
    host = WitnessHost(counting)
    await asyncio.gather(*(host.desk.take(request_of(0, 0)) for _ in range(5)))


async def test_asker_that_goes_away_leaves_nothing_half_done() -> None:
    """A request that was cancelled is carried out to its end; the next one sees its head."""
    host = WitnessHost()
    asked = asyncio.create_task(host.desk.take(request_of(0, 8)))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    step = await host.desk.take(request_of(0, 20))
    assert (step.status, step.body) == (WitnessStatus.OTHER_SIZE, b"8\n")
    assert host.signed_state.read(NAMED) == (8, TREE.root(8))


async def test_contradictions_are_kept_and_published() -> None:
    """A fork of the same size and a larger one, each once, with what was seen before."""
    host = WitnessHost()
    first = await host.desk.take(request_of(0, 8))
    for _ in range(2):
        for size in (8, 20):
            step = await host.desk.take(request_of(8, size, FORK))
            assert step.status is WitnessStatus.INCONSISTENT
    listed = json.loads(await host.desk.list_evidence())["evidence"]
    assert sorted((one["kind"], one["size"]) for one in listed) == [("fork", 8), ("unproved", 20)]
    for one in listed:
        data = await host.desk.find_evidence(one["id"])
        assert data is not None
        document = json.loads(data)
        assert document | one == document
        assert document["seen"].encode() == note_of(8) + first.body
        assert document["shown"].encode() == request_of(8, one["size"], FORK)
        assert document["kept_at"] == "2026-11-24T06:00:00Z"
    assert await host.desk.find_evidence("0" * 64) is None
    assert host.events.counts["evidence_kept"] == 2


async def test_evidence_that_finds_no_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit it is kept, beyond it an event says that it was not."""
    monkeypatch.setattr(module, "EVIDENCE_MAX", 1)
    host = WitnessHost()
    await host.desk.take(request_of(0, 8))
    await host.desk.take(request_of(8, 8, FORK))
    assert host.events.counts["evidence_not_kept"] == 0
    await host.desk.take(request_of(8, 20, FORK))
    await host.desk.take(request_of(8, 8, FORK))
    assert host.events.counts["evidence_not_kept"] == 1
    rows: list[EvidenceRow] = list(host.records.evidence())
    assert [row.kept_at for row in rows] == [NOW]
