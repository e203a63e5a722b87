"""A witness's process: it refuses to start behind what it has cosigned, then listens.

It knows no wire, no database of a member and no other role: only its folder and its port.
"""

from __future__ import annotations

from comity.front.witness import WitnessServer
from comity.services.witness_desk import WitnessDesk

__all__ = ["WitnessRole"]


class WitnessRole:
    """Runs one witness."""

    def __init__(self, *, desk: WitnessDesk, server: WitnessServer, host: str, port: int) -> None:
        self._desk = desk
        self._server = server
        self._host = host
        self._port = port

    async def start(self) -> int:
        """Check what it remembers, then listen; return the port. Raises: WitnessBehindError."""
        self._desk.check()
        return await self._server.listen(self._host, self._port)

    async def stop(self) -> None:
        """Answer what is under way, then end."""
        await self._server.close()
