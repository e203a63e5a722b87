"""The rest of the world: clock, entropy, sources, signed state, bus, lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec

from comity.domain.answer import Element
from comity.domain.ids import ORI, ExchangeId, Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import RecordKind
from comity.ports.errors import SourceError

__all__ = [
    "OWN_LANE",
    "Bus",
    "Clock",
    "Entropy",
    "Handler",
    "LineFrame",
    "Lines",
    "Lookup",
    "Record",
    "SignedState",
    "Source",
]


class Clock(Protocol):
    """The time, as aware of nothing but itself."""

    def now_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        ...


class Entropy(Protocol):
    """Unpredictable bytes."""

    def token(self, size: int) -> bytes:
        """Return `size` bytes fit for keys and nonces."""
        ...


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """What a source is asked: the state, the key, and the fields of the query.

    `agency` is who asks, `to` the agencies that the message names as its destination: for what is
    answered by a person, the directory or the archive instead of records. `exchange_id` is what a
    source that does something does it for: the same exchange, asked again, does it once.
    """

    state: Member
    key: MessageKey
    fields: tuple[tuple[str, str], ...]
    agency: ORI = ORI("")
    to: tuple[ORI, ...] = ()
    exchange_id: ExchangeId = ExchangeId(b"")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record as its source holds it, every class included; only the answer face sees it.

    `matches` is how many records the search met; elements are of the first. `text` is all that a
    source has that answers in free text alone; then there are no elements (invariant
    `withheld-never-rendered`: it is released whole or not at all).
    """

    kind: RecordKind
    elements: tuple[Element, ...]
    matches: int = 1
    text: str = ""


OWN_LANE: Final = ""
"""The lane of the host's own store, which every answer waits for in any case."""


class Source(Protocol):
    """States' records."""

    def lane(self, lookup: Lookup) -> str:
        """Return what a look-up shares its fate with; one lane keeps back no other's look-ups."""
        ...

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | SourceError | None]:
        """Return one result per lookup: the record, None if there is none, or why it is unknown."""
        ...


class SignedState(Protocol):
    """The last signed size and root of each ledger, kept outside the store.

    A host names its ledgers by the end of their origin, a witness by the id of that.
    """

    def read(self, ledger: str) -> tuple[int, bytes] | None:
        """Return the last signed size and root."""
        ...

    def write(self, ledger: str, size: int, root: bytes) -> None:
        """Keep them durably before the checkpoint is shown to anyone; never of a retired ledger."""
        ...

    def retire(self, ledger: str) -> None:
        """Let nothing be signed for a ledger any more; durable when this returns."""
        ...

    def is_retired(self, ledger: str) -> bool:
        """Say whether a ledger was retired."""
        ...


Handler = Callable[[bytes], Awaitable[bytes | None]]


class Bus(Protocol):
    """The at-most-once wire between processes."""

    async def publish(self, subject: str, data: bytes, *, unheard: Callable[[], None]) -> None:
        """Send; `unheard` is called if nobody listens."""
        ...

    def post(self, subject: str, data: bytes) -> None:
        """Send without waiting, from outside a task; lost if the wire is down."""
        ...

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        """Send and wait for the answer. Raises: UnreachableError."""
        ...

    async def listen(self, subject: str, handler: Handler, *, group: str = "") -> None:
        """Call `handler` for each message; what it returns is the answer to a request."""
        ...


class LineFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message frame of an agency's line; a line numbers its frames from 1, rising."""

    line: str
    number: int
    data: bytes


class Lines(Protocol):
    """The live connections of agencies' lines, to write to. Nothing here is durable."""

    def accepted(self, line: str, number: int) -> None:
        """Tell a line that its frame is durable, or answered by an error message."""
        ...

    def refused(self, line: str, number: int, code: str) -> None:
        """Tell a line that its frame was not taken, and why; it may send it again."""
        ...

    def deliver(self, line: str, number: int, reply_to: int, data: bytes) -> bool:
        """Write a delivery; say if the line is connected. Number 0 needs no acknowledgement."""
        ...
