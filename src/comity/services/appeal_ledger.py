"""The appeals of one host's members, read from their ledgers: the last months, then what is new.

Guarantee: nothing is known but what leaves and the records behind them say; a ledger that was cut
is read anew. Nothing of a record is read but by `said`.
Source: docs/adr/0057-appeals.md, "Nothing is kept beside the ledger".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from comity.domain.appeal import AppealDecision, AppealStands
from comity.domain.ids import ORI, LeafIndex, Member, parse_entry_name
from comity.domain.keys import MessageKey
from comity.domain.leaf import LeafError, LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafDecision, LeafKind, LeafMode, Purpose
from comity.exchange.appeals import appealed_entry
from comity.exchange.leaves import HOUR_SECONDS
from comity.exchange.private import Fields, search_of
from comity.ports import LedgerRows, Store
from comity.review.appeals import Refusal, RefusalSaid, due_of, held_by, is_refusal
from comity.review.calendars import Calendar
from comity.services.private_records import RecordGoneError, Records
from comity.services.vault import Vault

__all__ = ["LOOK_BACK_DAYS", "Appeal", "AppealLedger", "AppealSaid"]

LOOK_BACK_DAYS: Final = 120
"""Appeals that came before so many days are read no more."""
_DAY_HOURS: Final = 24
_PAGE_LEAVES: Final = 4_096
_MESSAGE: Final = b'"mk":"AM"'
_CITES: Final = b'"re":"'
_DISCLOSURE: Final = b'{"v":1,"k":"disclosure","m":"live"'
_ENDINGS: Final = (b'{"v":1,"k":"verdict","m":"live"', b'{"v":1,"k":"closure","m":"live"')
_AM: Final = MessageKey("AM")
_FOUND: Final = {
    LeafDecision.APPROVE: AppealDecision.GRANTED,
    LeafDecision.REFUSE: AppealDecision.UPHELD,
    LeafDecision.ESCALATE: AppealDecision.FOR_RULES,
}


class Appeal(msgspec.Struct, kw_only=True):
    """One appeal as its leaves tell it: `index` is the message, in `hour`, against `refusal`.

    `overdue` is the leaf that says that nobody decided it in time, `found` the one that says what
    was decided.
    """

    index: LeafIndex
    hour: int
    due: int
    refusal: Refusal
    overdue: LeafIndex | None = None
    found: LeafIndex | None = None
    found_hour: int = 0
    decision: AppealDecision | None = None

    def stands(self, now: int) -> AppealStands:
        """Return where it stands at a time (Unix seconds)."""
        if self.decision is not None:
            return AppealStands(self.decision.value)
        return AppealStands.OVERDUE if now >= self.due else AppealStands.OPEN


class AppealSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What an agency wrote, when (Unix seconds), and who of it."""

    text: str
    at: int
    operator: str


class _Kept(msgspec.Struct, kw_only=True):
    """What is known of one member: appeals by their refusal, and by their own leaf."""

    size: int = 0
    appeals: dict[int, Appeal] = msgspec.field(default_factory=dict)
    by_leaf: dict[int, Appeal] = msgspec.field(default_factory=dict)


class AppealLedger:
    """`_kept` is by member; `read_on` alone writes it."""

    def __init__(
        self,
        *,
        store: Store,
        rows: LedgerRows,
        vault: Vault,
        calendars: Callable[[Member], Calendar],
    ) -> None:
        self._store = store
        self._rows = rows
        self._records = Records(store, vault, rows)
        self._calendars = calendars
        self._kept: dict[Member, _Kept] = {}

    async def sizes(self, members: Sequence[Member]) -> dict[Member, int]:
        """Return how many leaves ledgers have, for `read_on` of each. Raises: StoreDownError."""
        return await self._store.ledger_sizes(members)

    async def read_on(self, member: Member, now: int, size: int | None = None) -> None:
        """Take up what a ledger of so many leaves says since the last look; where `size` is not
        given, it is asked for. Raises: StoreDownError.
        """
        kept = self._kept.get(member)
        # A size from before another look would be a ledger that has shrunk.
        if size is None or (kept is not None and size < kept.size):
            size = (await self.sizes([member]))[member]
        oldest = now // HOUR_SECONDS - LOOK_BACK_DAYS * _DAY_HOURS
        if kept is None or size < kept.size:
            first = await self._first_since(member, size, oldest)
            kept = self._kept[member] = _Kept(size=first)
        while kept.size < size:
            last = min(size, kept.size + _PAGE_LEAVES)
            leaves = await self._rows.leaves(member, kept.size, last)
            for index, leaf in enumerate(leaves, kept.size):
                await self._take(member, kept, LeafIndex(index), leaf)
            kept.size = last
        over = [each for each in kept.appeals.values() if each.hour < oldest]
        for each in over:
            del kept.appeals[each.refusal.index], kept.by_leaf[each.index]

    def appeals(self, member: Member) -> list[Appeal]:
        """Return a member's appeals, the earliest first."""
        return list(self._kept[member].appeals.values()) if member in self._kept else []

    def appeal(self, member: Member, refusal: LeafIndex) -> Appeal | None:
        """Return the appeal against a refusal, or None."""
        kept = self._kept.get(member)
        return None if kept is None else kept.appeals.get(refusal)

    async def refusal(self, member: Member, index: LeafIndex) -> Refusal | None:
        """Return what a leaf says that can be appealed; None where it is nothing of that.

        Raises: StoreDownError.
        """
        header = await self._header(member, index)
        if header is None or not is_refusal(header):
            return None
        cited = None if header.cites is None else await self._cited(member, header.cites)
        if header.kind is LeafKind.CLOSURE:
            # What no person of the state was to decide, nobody refused.
            if cited is None or not held_by(cited[1]):
                return None
            return _refusal(member, index, header, cited, hold=cited[0])
        own = (index, header)
        if cited is None or cited[1].kind is not LeafKind.VERDICT:
            return _refusal(member, index, header, own)
        hold = await self._cited(member, cited[1].cites or "")
        if hold is None or hold[1].kind is not LeafKind.HOLD:
            return None
        return _refusal(member, index, header, own, hold=hold[0], verdict=cited[0])

    async def said(self, refusal: Refusal) -> RefusalSaid:
        """Return what stands behind a refusal. Raises: RecordGoneError, StoreDownError."""
        _, record = await self._records.read(refusal.member, refusal.request)
        said = {name: value.decode("utf-8", "replace") for name, value in record.fields}
        try:
            return RefusalSaid(
                agency=ORI(said["agency"]),
                purpose=Purpose(said["purpose"]),
                case_number=said["case"],
                operator=said["operator"],
                search=search_of(record.fields),
                rules=tuple(msgspec.json.decode(said["rules"] or "[]", type=list[str])),
                accepted_at=int(said["accepted_at"]),
            )
        except (KeyError, ValueError, msgspec.MsgspecError):
            raise RecordGoneError("the record is not of an exchange") from None

    async def wrote(self, member: Member, index: LeafIndex) -> AppealSaid | None:
        """Return what an appeal says; None where it cannot be read any more."""
        try:
            _, record = await self._records.read(member, index)
            return _wrote(record.fields)
        except (RecordGoneError, KeyError, ValueError, msgspec.MsgspecError):
            return None

    async def _first_since(self, member: Member, size: int, hour: int) -> int:
        """Return the first leaf of an hour or later, by halving: hours only grow in a ledger."""
        first, last = 0, size
        while first < last:
            middle = (first + last) // 2
            header = await self._header(member, LeafIndex(middle))
            # One that was withdrawn tells no hour: rather too many are read than too few.
            if header is not None and header.hour < hour:
                first = middle + 1
            else:
                last = middle
        return first

    async def _take(self, member: Member, kept: _Kept, index: LeafIndex, leaf: bytes) -> None:
        if leaf.startswith(_DISCLOSURE):
            if _MESSAGE in leaf and _CITES in leaf:
                await self._filed(member, kept, index, parse_leaf(leaf))
        elif leaf.startswith(_ENDINGS):
            _ended(member, kept, index, parse_leaf(leaf))

    async def _filed(self, member: Member, kept: _Kept, index: LeafIndex, leaf: LeafHeader) -> None:
        owner, cited = parse_entry_name(leaf.cites or "")
        if owner != member or cited >= index or cited in kept.appeals:
            return
        refusal = await self.refusal(member, cited)
        if refusal is None:
            # Such as a reply to a reviewer, which cites a hold.
            return
        appeal = Appeal(
            index=index,
            hour=leaf.hour,
            due=due_of(leaf.hour, self._calendars(member)),
            refusal=refusal,
        )
        kept.appeals[cited] = kept.by_leaf[index] = appeal

    async def _cited(self, member: Member, cites: str) -> tuple[LeafIndex, LeafHeader] | None:
        owner, index = parse_entry_name(cites)
        header = await self._header(member, index) if owner == member else None
        return None if header is None or header.mode is not LeafMode.LIVE else (index, header)

    async def _header(self, member: Member, index: LeafIndex) -> LeafHeader | None:
        leaves = await self._rows.leaves(member, index, index + 1)
        try:
            return parse_leaf(leaves[0]) if leaves and leaves[0] else None
        except LeafError:
            return None


def _refusal(
    member: Member,
    index: LeafIndex,
    header: LeafHeader,
    request: tuple[LeafIndex, LeafHeader],
    *,
    hold: LeafIndex | None = None,
    verdict: LeafIndex | None = None,
) -> Refusal:
    asked = request[1]
    return Refusal(
        member=member,
        index=index,
        hour=header.hour,
        classes=header.withheld or asked.withheld or (),
        request=request[0],
        key=MessageKey(asked.key or ""),
        shown=asked.agency or "",
        hold=hold,
        verdict=verdict,
    )


def _ended(member: Member, kept: _Kept, index: LeafIndex, leaf: LeafHeader) -> None:
    owner, cited = parse_entry_name(leaf.cites or "")
    if owner != member:
        return
    if leaf.kind is LeafKind.CLOSURE:
        appeal = kept.by_leaf.get(cited)
        if appeal is not None and appeal.overdue is None:
            appeal.overdue = index
        return
    appeal = kept.appeals.get(cited)
    decision = _FOUND.get(leaf.decision) if leaf.decision is not None else None
    if appeal is not None and appeal.decision is None and decision is not None:
        appeal.found, appeal.found_hour, appeal.decision = index, leaf.hour, decision


def _wrote(fields: Fields) -> AppealSaid | None:
    found = appealed_entry(_AM, dict(search_of(fields)).get("", ""))
    if found is None:
        return None
    own = dict(fields)
    return AppealSaid(
        text=found[1], at=int(own["accepted_at"]), operator=own["operator"].decode("utf-8")
    )
