"""The contract of `Witness`: the twin in memory and a real one over sockets answer alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from comity.adapters.memory.clock import ManualClock
from comity.adapters.memory.witness import MemoryWitness
from comity.ledger.cosignature import read_cosignatures, take_cosignatures
from comity.ledger.note import parse_note
from comity.ports import UnreachableError, Witness
from tests.support.ledger import ORIGIN, PracticeSigner
from tests.support.witness import (
    FORK,
    KEY,
    LEDGER,
    NOW,
    WITNESS,
    WitnessHost,
    listening,
    note_of,
    request_of,
)

STRANGER = PracticeSigner(ORIGIN, b"\x0a" * 32)


@pytest.fixture(params=["memory", "http"])
async def witness(request: pytest.FixtureRequest) -> AsyncIterator[Witness]:
    """A witness of each kind that has seen nothing."""
    if request.param == "memory":
        clock = ManualClock(NOW * 1_000_000_000)
        yield MemoryWitness(KEY, {ORIGIN: [LEDGER.key]}, clock)
        return
    async with listening(WitnessHost()) as (_, client):
        yield client


async def test_honest_growth_is_cosigned(witness: Witness) -> None:
    """Each head that continues the last is cosigned, and is then the last checkpoint."""
    assert await witness.last_checkpoint(ORIGIN) is None
    old = 0
    for size in (0, 1, 3, 8, 8, 39):
        reply = await witness.add_checkpoint(request_of(old, size))
        assert reply.status == 200
        (one,) = take_cosignatures(parse_note(note_of(size))[0], reply.body, [witness.key])
        assert one.time_s == NOW
        assert await witness.last_checkpoint(ORIGIN) == note_of(size) + one.line
        old = size


async def test_forks_are_refused_and_change_nothing(witness: Witness) -> None:
    """The same size and a larger one of another history: 422, and the honest one goes on."""
    assert (await witness.add_checkpoint(request_of(0, 8))).status == 200
    for size in (8, 20):
        assert (await witness.add_checkpoint(request_of(8, size, FORK))).status == 422
    last = await witness.last_checkpoint(ORIGIN)
    assert last is not None
    assert parse_note(last)[0] == parse_note(note_of(8))[0]
    assert len(read_cosignatures(last, [WITNESS.key])) == 1
    assert (await witness.add_checkpoint(request_of(8, 20))).status == 200


async def test_other_size_is_named(witness: Witness) -> None:
    """An old size that is not the last cosigned one gets 409 and that one, also where none is."""
    reply = await witness.add_checkpoint(request_of(3, 8))
    assert (reply.status, reply.body) == (409, b"0\n")
    await witness.add_checkpoint(request_of(0, 8))
    for old, size in ((0, 20), (3, 8), (0, 0), (9, 20)):
        reply = await witness.add_checkpoint(request_of(old, size))
        assert (reply.status, reply.body) == (409, b"8\n")


async def test_refusals_have_their_status(witness: Witness) -> None:
    """Malformed, above itself, unknown, or signed by a stranger."""
    unknown = PracticeSigner("other.example/xx", b"\x0b" * 32)
    requests = {
        b"": 400,
        b"old 9\n\n" + note_of(8): 400,
        b"old 0\n\n" + note_of(8, signer=unknown): 403,
        b"old 0\n\n" + note_of(8, signer=STRANGER): 403,
        b"old 0\n\n" + note_of(8).replace(ORIGIN.encode(), b"other.example/xx"): 404,
    }
    for request, status in requests.items():
        assert (await witness.add_checkpoint(request)).status == status
    assert await witness.last_checkpoint(ORIGIN) is None
    assert await witness.last_checkpoint("other.example/xx") is None


async def test_witness_that_is_gone_is_unreachable() -> None:
    """Nobody listens: one error, whatever was asked."""
    async with listening(WitnessHost()) as (_, client):
        assert (await client.add_checkpoint(request_of(0, 3))).status == 200
        gone = client
    with pytest.raises(UnreachableError):
        await gone.add_checkpoint(request_of(0, 3))
    with pytest.raises(UnreachableError):
        await gone.last_checkpoint(ORIGIN)
    await gone.close()
    twin = MemoryWitness(KEY, {}, ManualClock(0))
    twin.is_silent = True
    with pytest.raises(UnreachableError):
        await twin.add_checkpoint(b"")
    with pytest.raises(UnreachableError):
        await twin.last_checkpoint(ORIGIN)
