"""Which messages reply to a reviewer's question: found by the hold that they name, and read back.

Guarantee: only a message of the same agency and the same operator as the query, to the state that
holds it, while its reviewer waits for it. Anything else is a message like any other.
Source: docs/adr/0042-asking-in-the-browser.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import ExchangeId, LeafIndex, Member, entry_name, parse_entry_name
from comity.domain.keys import MessageKey
from comity.domain.query import Exchange
from comity.exchange.judged import HoldFile
from comity.exchange.private import Fields, search_of
from comity.exchange.replies import REPLY_KEY, replied_entry
from comity.link.holds import Replied
from comity.ports import HoldRow, Store
from comity.review.queue import WaitsFor
from comity.services.entries import decode_hold, hold_place
from comity.services.events import Events
from comity.services.private_records import private_fields
from comity.services.vault import Vault

__all__ = ["REPLIES_MAX", "Replies", "read_replies", "replied_of"]

REPLIES_MAX: Final = 16
"""Replies that are kept beside one hold; a further one is delivered as any message is."""
_KEY: Final = "key"


class Replies:
    """Finds the holds that messages reply to, for one host's members."""

    def __init__(self, *, store: Store, vault: Vault, events: Events) -> None:
        self._store = store
        self._vault = vault
        self._events = events

    async def find(self, exchanges: Iterable[Exchange]) -> dict[ExchangeId, LeafIndex]:
        """Return the hold of each exchange that is a reply. Raises: StoreDownError."""
        found = {}
        for exchange in exchanges:
            leaf_index = _named(exchange)
            if leaf_index is None:
                continue
            row = await self._store.open_hold(exchange.state, leaf_index)
            if row is not None and self._is_awaited(row, exchange):
                found[exchange.exchange_id] = leaf_index
        return found

    def _is_awaited(self, row: HoldRow, reply: Exchange) -> bool:
        is_asked = row.waits_for is WaitsFor.REVIEW and row.asked_at is not None
        if not is_asked or len(row.replies) >= REPLIES_MAX:
            return False
        hold = self._file(row)
        if hold is None:
            return False
        asked = hold.exchange
        # Both were signed for by the member that lists the agency: nobody else can speak as it.
        return (asked.origin_member, asked.agency, asked.claims.operator) == (
            reply.origin_member,
            reply.agency,
            reply.claims.operator,
        )

    def _file(self, row: HoldRow) -> HoldFile | None:
        place = hold_place(row.exchange_id, row.member)
        try:
            return decode_hold(self._vault.open(row.member, row.sealed, place))
        except ComityError as error:
            # Such as a month key that is gone: it is delivered as any message is.
            self._events.failure("hold_not_opened", error, member=row.member)
            return None


async def read_replies(store: Store, vault: Vault, row: HoldRow) -> tuple[Replied, ...]:
    """Return what the agency replied about a hold, in order. Raises: StoreDownError."""
    return tuple([await _replied(store, vault, row.member, reply) for reply in row.replies])


async def _replied(store: Store, vault: Vault, member: Member, index: LeafIndex) -> Replied:
    gone = Replied(entry=entry_name(member, index))
    hashes = await store.leaf_hashes(member, index, index + 1)
    fields = hashes and await private_fields(store, vault, member, index, hashes[0])
    return (replied_of(gone.entry, fields) or gone) if fields else gone


def replied_of(entry: str, fields: Fields) -> Replied | None:
    """Return the reply that stands behind a leaf; None where what stands there is none."""
    said = dict(search_of(fields))
    found = replied_entry(MessageKey(said.get(_KEY, "")), said.get("", ""))
    if found is None:
        return None
    return Replied(entry=entry, at=int(dict(fields)["accepted_at"]), text=found[1])


def _named(exchange: Exchange) -> LeafIndex | None:
    """Return the leaf of the hold that a message to the state itself names, or None."""
    if exchange.original_key != REPLY_KEY or exchange.to:
        return None
    said = replied_entry(exchange.key, exchange.value("") or "")
    if said is None:
        return None
    state, leaf_index = parse_entry_name(said[0])
    return leaf_index if state == exchange.state else None
