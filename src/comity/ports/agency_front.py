"""The gateway's front as an agency's own system reaches it: requests with a line's certificate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

__all__ = ["AgencyFront", "FrontReply", "FrontRequest"]


class FrontRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the front: a method and target of its table, with JSON as the body."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class FrontReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the front said; `media` is the type without its parameters."""

    status: int
    media: str
    body: bytes


class AgencyFront(Protocol):
    """Speaks to the front as the lines whose certificates are kept on this host."""

    def line_of(self, lines: Sequence[str]) -> str | None:
        """Return the first of these lines that can be spoken on from here, or None."""
        ...

    async def ask(self, line: str, request: FrontRequest) -> FrontReply:
        """Make one request as a line.

        Raises: UnreachableError if no whole reply came: it may have been taken all the same.
        """
        ...
