"""The hub: routes by the outer header alone, and says when nobody listens."""

from __future__ import annotations

import pytest

from comity.adapters.memory.bus import MemoryBus, MemoryWire
from comity.link.envelope import seal_envelope
from comity.ports import Handler
from comity.roles.gateway import UNHEARD_MARK
from comity.roles.hub import Hub
from comity.services.courier import HUB_SUBJECT, gateway_subject
from comity.services.events import Events
from tests.support.gateway import turns
from tests.support.line import MemoryLog
from tests.support.link import NOW_MS, SOUTH, WEST, asks


class Network:
    """Hubs and the two gateways' subjects on one wire."""

    def __init__(self) -> None:
        self.wire = MemoryWire()
        self.events = Events(MemoryLog())
        self.west: list[bytes] = []
        self.south: list[bytes] = []
        self.bus = MemoryBus(self.wire)

    async def start(self, *, hubs: int = 1) -> None:
        for _ in range(hubs):
            await Hub(bus=MemoryBus(self.wire), events=self.events).start()
        await self.bus.listen(gateway_subject(WEST.name), self._keep(self.west))

    async def connect_south(self) -> None:
        await self.bus.listen(gateway_subject(SOUTH.name), self._keep(self.south))

    def _keep(self, kept: list[bytes]) -> Handler:
        async def keep(data: bytes) -> None:
            kept.append(data)

        return keep

    async def send(self, data: bytes) -> None:
        await self.bus.publish(HUB_SUBJECT, data, unheard=lambda: None)
        await turns(20)


def envelope() -> bytes:
    """An ask of the west to the south."""
    return seal_envelope(
        asks(1),
        sender=WEST.name,
        recipient=SOUTH.public,
        signer=WEST.signer,
        sent_at_ms=NOW_MS,
    )


@pytest.mark.parametrize("hubs", [1, 3])
async def test_an_envelope_arrives_once_and_as_it_was(hubs: int) -> None:
    """However many hubs share the work: one copy, byte for byte."""
    network = Network()
    await network.start(hubs=hubs)
    await network.connect_south()
    data = envelope()
    await network.send(data)
    assert (network.south, network.west) == ([data], [])


async def test_the_sender_is_told_that_nobody_listens() -> None:
    """By the recipient's name alone; the envelope is not kept."""
    network = Network()
    await network.start()
    await network.send(envelope())
    assert network.west == [UNHEARD_MARK + SOUTH.name.encode()]
    await network.connect_south()
    assert network.south == []


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x00west", b"\x01\xff", bytes(200)])
async def test_what_is_no_envelope_goes_nowhere(data: bytes) -> None:
    """Dropped, counted, and the next one is routed."""
    network = Network()
    await network.start()
    await network.connect_south()
    await network.send(data)
    assert (network.south, network.west, network.wire.failures) == ([], [], [])
    assert network.events.counts["envelope_not_routed"] == 1
    await network.send(envelope())
    assert len(network.south) == 1
