"""An old backup, for practice: the network's database is put back to a copy, and forth again.

Whoever lets this happen to a real ledger finds it refused; the story shows that refusal.
"""

from __future__ import annotations

import json
from typing import Final

from comity.app.copies import PracticeCopy
from comity.domain.ids import Member
from comity.roles.settings import Settings
from comity.roles.supervisor import Supervisor

__all__ = ["Backup"]

_GATEWAY: Final = "gateway"


class Backup:
    """A copy of a running practice network's database, and the gateway that meets it."""

    def __init__(self, settings: Settings, supervisor: Supervisor) -> None:
        self._copy = PracticeCopy(settings)
        self._supervisor = supervisor
        self._log = supervisor.placement.log / f"{_GATEWAY}.log"

    async def keep(self) -> None:
        """Copy the database as it stands."""
        await self._copy.make()

    async def restore(self) -> dict[Member, str]:
        """Start the gateway on the copy; return which ledgers it refused, and what it said."""
        begin = self._log.stat().st_size
        await self._exchange()
        lines = self._log.read_bytes()[begin:].splitlines()
        found = [json.loads(line) for line in lines if b'"ledger_refused"' in line]
        return {Member(event["member"]): str(event["text"]) for event in found}

    async def end(self) -> None:
        """Start the gateway on the newer database again, and remove the copy."""
        await self._exchange()
        await self._copy.drop()

    async def _exchange(self) -> None:
        """Exchange the two while the gateway is dead: it must never meet the other one running."""
        starts: list[int] = []
        await self._copy.exchange(lambda: starts.append(self._supervisor.kill(_GATEWAY)))
        await self._supervisor.ready(_GATEWAY, after=starts[0])
