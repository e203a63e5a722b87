"""What the HTTP front gives requests to: the gateway, as one line sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from comity.ports import LineFrame, ResultRow
from comity.services.deliveries import KeptDelivery, KeptPage, Standing
from comity.services.previews import Previewed

__all__ = ["HttpDesk"]


class HttpDesk(Protocol):
    """Takes messages and says what is kept for a line."""

    def oris_of(self, line: str) -> tuple[str, ...]:
        """Return the agencies that may be spoken for on a line; none: it is not listed."""
        ...

    async def open_pulled(self, line: str) -> int:
        """Take up a line that asks for its deliveries; return up to which it has acknowledged."""
        ...

    async def take_frames(self, frames: Sequence[LineFrame]) -> None:
        """Accept or refuse messages."""
        ...

    async def preview(self, line: str, data: bytes) -> Previewed:
        """Return what a message would get, once that it was asked is recorded."""
        ...

    async def standing(self, line: str, frame_no: int) -> Standing | None:
        """Return where a message stands, or None."""
        ...

    async def kept_after(self, line: str, number: int, limit: int) -> KeptPage:
        """Return what was sent to a line beyond a number."""
        ...

    def opened(self, rows: Sequence[ResultRow]) -> tuple[KeptDelivery, ...]:
        """Return what rows hold."""
        ...

    async def acknowledged(self, line: str, number: int) -> None:
        """Take a line's acknowledgement."""
        ...
