"""The hub joined."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from comity.app.events import make_events
from comity.app.wire import HUB_USER, open_bus
from comity.roles.hub import Hub
from comity.roles.settings import Settings

__all__ = ["open_hub"]


@asynccontextmanager
async def open_hub(settings: Settings) -> AsyncIterator[Hub]:
    """Run a hub."""
    events = make_events("hub")
    async with open_bus(settings, HUB_USER, events) as bus:
        hub = Hub(bus=bus, events=events)
        await hub.start()
        events.note("hub_ready", user=HUB_USER)
        yield hub
