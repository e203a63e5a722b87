"""The wire joined: who of this installation connects to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from comity.adapters.nats import NatsBus
from comity.app.events import make_events
from comity.ports import Bus
from comity.roles.runtime import bus_access
from comity.roles.settings import Settings
from comity.services.events import Events

__all__ = ["COMMAND_USER", "HUB_USER", "open_bus"]

HUB_USER: Final = "hub"
COMMAND_USER: Final = "command"


@asynccontextmanager
async def open_bus(
    settings: Settings, user: str, events: Events | None = None
) -> AsyncIterator[Bus]:
    """Connect to the wire as a user. Raises: UnreachableError, NotRunningError."""
    bus = await NatsBus.connect(bus_access(settings, user).options, events or make_events(user))
    try:
        yield bus
    finally:
        await bus.close()
