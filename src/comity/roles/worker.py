"""The worker: runs clocks. It reads through the read-only role and changes nothing by itself.

A hold whose time is over is named to the gateway that owns it, which looks at its own clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import HostName, Member
from comity.link.command import CommandFailed, Expire, decode_result, encode_command
from comity.ports import Bus, Clock, HoldRow, Store
from comity.services.commands import command_subject
from comity.services.events import Events

__all__ = ["Worker"]

_NS: Final = 1_000_000_000
_COMMAND_SECONDS_MAX: Final = 10.0
_TICK_SECONDS: Final = 0.5


class Worker:
    """Runs the clocks of one host's members."""

    def __init__(
        self,
        *,
        host: HostName,
        members: Sequence[Member],
        store: Store,
        bus: Bus,
        clock: Clock,
        events: Events,
    ) -> None:
        self._host = host
        self._members = members
        self._store = store
        self._bus = bus
        self._clock = clock
        self._events = events

    async def run(self) -> None:
        """Look for holds that are over, until cancelled."""
        while True:
            try:
                await self.expire_due()
            except ComityError as error:
                self._events.failure("clock_round_failed", error)
            await asyncio.sleep(_TICK_SECONDS)

    async def expire_due(self) -> int:
        """Name every hold whose time is over to its gateway; return how many."""
        now = self._clock.now_ns() // _NS
        due = await self._store.open_holds(self._members, due_by=now)
        for hold in due:
            try:
                await self._expire(hold)
            except ComityError as error:
                # One hold without an answer must not keep the others from their end.
                self._events.failure("expiry_not_told", error, member=hold.member)
        return len(due)

    async def _expire(self, hold: HoldRow) -> None:
        command = Expire(state=hold.member, exchange_id=hold.exchange_id)
        answer = await self._bus.request(
            command_subject(self._host), encode_command(command), timeout_s=_COMMAND_SECONDS_MAX
        )
        result = decode_result(answer)
        if isinstance(result, CommandFailed):
            self._events.note("expiry_refused", code=result.code)
