"""What the demo's story needs of a running network: agencies' lines, the review desk, the ledgers.

The story says what should happen; a stage makes it happen on real parts. Composed in `cli`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from comity.domain.answer import Answer
from comity.domain.delivery import Delivery, MessageFault
from comity.domain.ids import Member
from comity.domain.query import Query
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass

__all__ = ["Heard", "HoldSeen", "LedgerSeen", "Stage"]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery as the requester got it: its bytes, and what its format says.

    `number` is 0 for what is not kept: error and status messages.
    """

    number: int
    data: bytes
    delivery: Delivery
    answer: Answer | None = None
    fault: MessageFault | None = None


class HoldSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An open hold as its reviewer sees it in the list."""

    entry: str
    agency: str
    classes: tuple[DataClass, ...]
    until: int


class LedgerSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit of an exported ledger found."""

    size: int
    root: str
    findings: tuple[str, ...]


class Stage(Protocol):
    """A running practice network, from outside."""

    async def ask(self, query: Query, *, form: str = "json", count: int = 1) -> list[Heard]:
        """Send a query on its agency's own line; return the first `count` deliveries for it."""
        ...

    async def send(self, line: str, message: bytes, *, number: int | None = None) -> list[Heard]:
        """Send bytes on a line, under an earlier number to repeat them; return what answers."""
        ...

    def last_number(self, line: str) -> int:
        """Return the number of the last message sent on a line."""
        ...

    async def further(self, query: Query, *, seconds: float) -> Heard:
        """Wait for one more delivery about a query asked before."""
        ...

    async def holds(self, state: Member) -> Sequence[HoldSeen]:
        """Return a state's open holds, as its reviewer sees them."""
        ...

    async def decide(
        self, entry: str, kind: VerdictKind, approved: Sequence[DataClass] = (), note: str = ""
    ) -> str:
        """Give a signed verdict; return the entry of its leaf."""
        ...

    async def forge_envelope(self, query: Query, state: Member) -> int:
        """Send the hub an envelope under a key that nobody certified; return how many refused."""
        ...

    def verify(self, answer: Answer) -> int:
        """Verify every receipt of an answer; return how many. Raises: ComityError."""
        ...

    async def ledger_size(self, state: Member) -> int:
        """Return how many leaves a state's ledger has."""
        ...

    async def audit(self, state: Member) -> LedgerSeen:
        """Export a state's ledger to files and audit them."""
        ...
