"""What a member announces of its own service: which message keys it does not answer now, and how.

A control terminal says it by a status message; it stands until the terminal takes it back, also
over a restart. Asks that fall under it are refused with a code of their own, so that the origin
queues them, or tells its agency to ask again later.
INVARIANT (fail-closed): an announcement only ever keeps questions out; it releases nothing.
Source: docs/adr/0020-messages-and-outages.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import Member, wire_of_member
from comity.domain.keys import Handling, MessageKey, key_row
from comity.domain.query import Exchange
from comity.domain.vocabulary import RecordKind
from comity.formats.faults import MessageError
from comity.formats.status import Notice, Status, StatusKind, parse_announcement
from comity.link.parcel import RefusalCode
from comity.ports import Clock, Lookup, OutageRow, Record, SourceError, Store
from comity.services.events import Events

__all__ = ["ALL_KEYS", "ServiceBoard"]

ALL_KEYS: Final = MessageKey("ALL")
"""How a status message names every key of its member."""

_NS: Final = 1_000_000_000
_CODES: Final = {
    StatusKind.NEVER_FORWARDED: RefusalCode.NEVER_ANSWERED,
    StatusKind.QUEUED: RefusalCode.OUT_OF_SERVICE_QUEUED,
    StatusKind.NOT_QUEUED: RefusalCode.OUT_OF_SERVICE,
}
_GATED: Final = frozenset({Handling.RECORDS, Handling.AGENCY})


class ServiceBoard:
    """The announcements of one host's members; answers their status messages, as a source does."""

    def __init__(self, *, store: Store, clock: Clock, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._kinds: dict[tuple[Member, MessageKey], StatusKind] = {}

    async def load(self, members: Sequence[Member]) -> None:
        """Read what stands, as at every start."""
        for row in await self._store.outages(members):
            self._kinds[row.member, row.key] = StatusKind(row.kind)

    def refusal(self, exchange: Exchange) -> RefusalCode | None:
        """Return why a member does not take an exchange now, or None.

        An agency's answer to a message that waits for it asks nothing of its member's systems.
        """
        row = key_row(exchange.key)
        if row.handling not in _GATED or row.is_response:
            return None
        kind = self._kinds.get((exchange.state, exchange.key)) or self._kinds.get(
            (exchange.state, ALL_KEYS)
        )
        return None if kind is None else _CODES[kind]

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | SourceError | None]:
        """Carry out status messages of this host's members; what each came to is its record."""
        return [await self._take(lookup) for lookup in lookups]

    async def _take(self, lookup: Lookup) -> Record | SourceError:
        body = dict(lookup.fields).get("", "")
        try:
            words = await self._announce(lookup.state, parse_announcement(body))
        except MessageError:
            words = "NOT TAKEN - THE TEXT IS NOT A STATUS MESSAGE"
        except ComityError as error:
            self._events.failure("outage_not_kept", error, member=lookup.state)
            return SourceError("the announcement could not be kept")
        return Record(kind=RecordKind.OTHER, elements=(), text=words)

    async def _announce(self, member: Member, said: Status | Notice) -> str:
        if isinstance(said, Notice):
            # "In service" takes back all that stands; the other notice is for people to read.
            if not said.until:
                await self._take_back(member, said.key or ALL_KEYS)
            return "IN SERVICE" if not said.until else "NOTED"
        if said.destination not in ("", wire_of_member(member)):
            return "NOT TAKEN - THE STATUS IS OF ANOTHER STATE"
        key = said.key or ALL_KEYS
        await self._store.save_outage(
            OutageRow(
                member=member,
                key=key,
                kind=said.kind.value,
                since=self._clock.now_ns() // _NS,
            )
        )
        self._kinds[member, key] = said.kind
        self._events.note("outage_announced", member=member, key=key, code=said.kind.value)
        return f"OUT OF SERVICE {said.kind.value} FOR {key}"

    async def _take_back(self, member: Member, key: MessageKey) -> None:
        is_all = key == ALL_KEYS
        await self._store.end_outages(member, None if is_all else key)
        for place in [p for p in self._kinds if p[0] == member and (is_all or p[1] == key)]:
            del self._kinds[place]
        self._events.note("outage_over", member=member, key=key)
