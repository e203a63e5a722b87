"""Which messages wait for an agency's answer, found by who answers whom.

Each hold is read and opened once in its life, whatever made it: what was committed since the last
look is a range of the store's rows, in the order of their leaves. Whether one is still open is
asked of the store each time.

Guarantee: everything here can be rebuilt from durable rows. An answer costs the holds that are new
since the last one, not all that wait.
Source: docs/adr/0020-messages-and-outages.md, "An awaited answer is a hold of the agency".
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import ORI, Member
from comity.domain.keys import MessageKey, response_key
from comity.domain.query import Exchange
from comity.exchange.answering import HoldFile
from comity.exchange.messages import ANSWER_SECONDS_MAX
from comity.ports import HoldRow, Store
from comity.services.entries import decode_hold, hold_place
from comity.services.events import Events
from comity.services.vault import Vault

__all__ = ["Awaited"]

_NOT_LOOKED: Final = -1
_SWEEP_SECONDS: Final = 3_600

_Place = tuple[ORI, ORI, MessageKey]
"""Who answers, whom, and under which key."""


class _Waiting(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A message that waits: until when, its hold's leaf, and its control field."""

    until: int
    leaf_index: int
    control: str


class _Open(msgspec.Struct, kw_only=True):
    """The messages of one member that wait, as far as its holds were looked at."""

    looked_to: int = _NOT_LOOKED
    swept_at: int = 0
    places: dict[_Place, set[_Waiting]] = msgspec.field(default_factory=dict)


class Awaited:
    """Finds the message that an agency's answer is for, for one host's members."""

    def __init__(self, *, store: Store, vault: Vault, events: Events) -> None:
        self._store = store
        self._vault = vault
        self._events = events
        self._members: dict[Member, _Open] = {}

    async def find(self, reply: Exchange, now: int) -> tuple[HoldRow, HoldFile] | None:
        """Return the message that an answer is for: of those open, the one whose time ends first.

        A control field tells several apart, because the answering agency has to echo it.
        Raises: StoreDownError.
        """
        known = self._members.setdefault(reply.state, _Open())
        await self._look(reply.state, known, now)
        for waiting in self._candidates(known, reply):
            row = await self._store.open_hold(reply.state, waiting.leaf_index)
            hold = None if row is None else self._file(row)
            if row is not None and hold is not None:
                return row, hold
            for to in reply.to:
                known.places.get((reply.agency, to, reply.key), set()).discard(waiting)
        return None

    def _candidates(self, known: _Open, reply: Exchange) -> list[_Waiting]:
        found = {w for to in reply.to for w in known.places.get((reply.agency, to, reply.key), ())}
        return sorted(w for w in found if reply.control in (None, w.control))

    async def _look(self, member: Member, known: _Open, now: int) -> None:
        """Take in the holds that were made since the last look, and let go what is long over."""
        rows = await self._store.open_holds_after(member, known.looked_to)
        for row in rows:
            hold = self._file(row)
            if hold is not None:
                _enter(known, row, hold)
        if rows:
            known.looked_to = max(known.looked_to, rows[-1].leaf_index)
        if now >= known.swept_at + _SWEEP_SECONDS:
            known.swept_at = now
            _sweep(known, now - ANSWER_SECONDS_MAX)

    def _file(self, row: HoldRow) -> HoldFile | None:
        place = hold_place(row.exchange_id, row.member)
        try:
            return decode_hold(self._vault.open(row.member, row.sealed, place))
        except ComityError as error:
            # Such as a month key that is gone: the others must still be answered.
            self._events.failure("hold_not_opened", error, member=row.member)
            return None


def _sweep(known: _Open, over: int) -> None:
    """Forget what was to be answered before a time: its hold has ended, and nobody looked."""
    for place, waiting in list(known.places.items()):
        waiting -= {w for w in waiting if w.until < over}
        if not waiting:
            del known.places[place]


def _enter(known: _Open, row: HoldRow, hold: HoldFile) -> None:
    asked = hold.exchange
    waiting = _Waiting(until=row.until, leaf_index=row.leaf_index, control=asked.control or "")
    for ori in hold.awaits:
        place = (ori, asked.agency, response_key(asked.key))
        known.places.setdefault(place, set()).add(waiting)
