"""The claim checks of one host's members, read from their ledgers: whole once, then what is new.

Guarantee: nothing is known but what leaves and the records behind them say; a ledger that was cut
is read anew.
Source: docs/adr/0052-claim-checks.md, "Nothing is kept beside the ledger".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from comity.domain.claim_check import ClaimStands
from comity.domain.ids import ORI, LeafIndex, Member, parse_entry_name
from comity.domain.keys import MessageKey
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, Purpose
from comity.exchange.leaves import HOUR_SECONDS
from comity.exchange.private import search_of
from comity.exchange.replies import replied_entry
from comity.ledger.tree import hash_leaf
from comity.ports import LedgerRows, Store
from comity.review.claim_checks import (
    ClaimShare,
    begun_check,
    can_be_checked,
    due_of,
    is_sampled,
)
from comity.services.private_records import RecordGoneError, Records
from comity.services.vault import Vault

__all__ = ["ANSWERS_MAX", "BEGIN_HOURS_MAX", "Check", "ClaimLedger", "ClaimSaid", "Drawn"]

ANSWERS_MAX: Final = 16
"""Answers that are kept of one check; a further one is delivered as any message is."""
BEGIN_HOURS_MAX: Final = 72
"""How many hours ago something may have been released whose check begins."""
_PAGE_LEAVES: Final = 4_096
_DISCLOSURE: Final = b'{"v":1,"k":"disclosure","m":"live"'
_ENDINGS: Final = (b'{"v":1,"k":"verdict","m":"live"', b'{"v":1,"k":"closure","m":"live"')
_CITES: Final = b'"re":"'
_MESSAGE: Final = b'"mk":"AM"'
_AM: Final = MessageKey("AM")


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A release that the share takes, whose check is to begin."""

    index: int
    header: LeafHeader
    leaf_hash: bytes


class Check(msgspec.Struct, kw_only=True):
    """One check as its leaves tell it. `asked` is the leaf that began it, in `hour`.

    `made` is the hour of the release; `answers` are leaves of messages, `in_time` says whether one
    came before `due`; `further` counts the leaves that cite `asked`.
    """

    member: Member
    index: int
    made: int
    asked: int
    hour: int
    due: int
    classes: tuple[DataClass, ...]
    answers: list[int] = msgspec.field(default_factory=list)
    in_time: bool = False
    is_closed: bool = False
    proved: bool | None = None
    further: int = 0

    def stands(self, now: int) -> ClaimStands:
        """Return where it stands at a time (Unix seconds)."""
        if self.proved is not None:
            return ClaimStands.PROVED if self.proved else ClaimStands.NOT_PROVED
        if self.in_time:
            return ClaimStands.ANSWERED
        return ClaimStands.UNANSWERED if now >= self.due else ClaimStands.OPEN


class ClaimSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind the disclosure of a check."""

    agency: ORI
    purpose: Purpose
    case_number: str
    operator: str
    accepted_at: int


class _Kept(msgspec.Struct, kw_only=True):
    """What is known of one member: checks by their disclosure, and by the leaf that began them."""

    size: int = 0
    checks: dict[int, Check] = msgspec.field(default_factory=dict)
    by_asked: dict[int, Check] = msgspec.field(default_factory=dict)
    drawn: dict[int, Drawn] = msgspec.field(default_factory=dict)


class ClaimLedger:
    """`_kept` is by member and grows with its ledger; `read_on` alone writes it."""

    def __init__(
        self, *, store: Store, rows: LedgerRows, vault: Vault, shares: Mapping[Member, ClaimShare]
    ) -> None:
        self._store = store
        self._rows = rows
        self._records = Records(store, vault, rows)
        self._shares = shares
        self._kept: dict[Member, _Kept] = {}

    async def read_on(self, member: Member, now: int) -> None:
        """Take up what a ledger says since the last look. Raises: StoreDownError."""
        size = (await self._store.ledger_sizes([member]))[member]
        kept = self._kept.setdefault(member, _Kept())
        if size < kept.size:
            kept = self._kept[member] = _Kept()
        while kept.size < size:
            last = min(size, kept.size + _PAGE_LEAVES)
            leaves = await self._rows.leaves(member, kept.size, last)
            for index, leaf in enumerate(leaves, kept.size):
                await self._take(member, kept, index, leaf)
            kept.size = last
        oldest = now // HOUR_SECONDS - BEGIN_HOURS_MAX
        kept.drawn = {at: one for at, one in kept.drawn.items() if one.header.hour >= oldest}

    def checks(self, member: Member) -> list[Check]:
        """Return a member's checks, the earliest begun first."""
        return list(self._kept[member].checks.values()) if member in self._kept else []

    def check(self, member: Member, index: int) -> Check | None:
        """Return the check of a disclosure, or None."""
        kept = self._kept.get(member)
        return None if kept is None else kept.checks.get(index)

    def drawn(self, member: Member, limit: int) -> list[Drawn]:
        """Return releases whose check is to begin, the earliest first."""
        kept = self._kept.get(member)
        return [] if kept is None else list(kept.drawn.values())[:limit]

    async def said(self, check: Check | Drawn, member: Member) -> ClaimSaid:
        """Return what stands behind a disclosure. Raises: RecordGoneError, StoreDownError."""
        _, record = await self._records.read(member, check.index)
        said = {name: value.decode("utf-8", "replace") for name, value in record.fields}
        try:
            return ClaimSaid(
                agency=ORI(said["agency"]),
                purpose=Purpose(said["purpose"]),
                case_number=said["case"],
                operator=said["operator"],
                accepted_at=int(said["accepted_at"]),
            )
        except (KeyError, ValueError):
            raise RecordGoneError("the record is not of an exchange") from None

    async def answer_texts(self, check: Check) -> tuple[str, ...]:
        """Return what the agency answered; of what cannot be read any more, that it cannot."""
        return tuple([await self._answer_text(check.member, index) for index in check.answers])

    async def _answer_text(self, member: Member, index: int) -> str:
        try:
            _, record = await self._records.read(member, index)
            found = replied_entry(_AM, dict(search_of(record.fields)).get("", ""))
        except (RecordGoneError, msgspec.MsgspecError, KeyError):
            found = None
        return found[1] if found is not None else "This answer cannot be read any more."

    async def _take(self, member: Member, kept: _Kept, index: int, leaf: bytes) -> None:
        if leaf.startswith(_DISCLOSURE):
            if _MESSAGE in leaf:
                if _CITES in leaf:
                    _answered(member, kept, index, parse_leaf(leaf))
            else:
                self._draw(member, kept, index, leaf)
        elif leaf.startswith(_ENDINGS):
            header = parse_leaf(leaf)
            cited = begun_check(header)
            if cited is None:
                _ended(member, kept, header)
            else:
                await self._begun(kept, index, header, cited)

    def _draw(self, member: Member, kept: _Kept, index: int, leaf: bytes) -> None:
        share = self._shares.get(member)
        # The hash first: it costs less than reading a leaf, and takes few of them.
        if share is None or not is_sampled(hash_leaf(leaf), share.per_million):
            return
        header = parse_leaf(leaf)
        if can_be_checked(header) and index not in kept.checks:
            kept.drawn[index] = Drawn(index=index, header=header, leaf_hash=hash_leaf(leaf))

    async def _begun(self, kept: _Kept, index: int, header: LeafHeader, cited: str) -> None:
        member, disclosure = parse_entry_name(cited)
        if member != header.member or disclosure >= index or disclosure in kept.checks:
            return
        (leaf,) = await self._rows.leaves(member, disclosure, disclosure + 1)
        # A leaf that was withdrawn tells nothing; a hold's reviewer asked about a hold.
        released = parse_leaf(leaf) if leaf else None
        if released is None or released.kind is not LeafKind.DISCLOSURE:
            return
        check = Check(
            member=member,
            index=disclosure,
            made=released.hour,
            asked=index,
            hour=header.hour,
            due=due_of(header.hour, member),
            classes=header.released or (),
        )
        kept.checks[disclosure] = kept.by_asked[index] = check
        kept.drawn.pop(disclosure, None)


def _answered(member: Member, kept: _Kept, index: int, header: LeafHeader) -> None:
    cited, disclosure = parse_entry_name(header.cites or "")
    check = kept.checks.get(LeafIndex(disclosure)) if cited == member else None
    if check is not None:
        check.answers.append(index)
        check.in_time |= header.hour * HOUR_SECONDS < check.due


def _ended(member: Member, kept: _Kept, header: LeafHeader) -> None:
    cited, asked = parse_entry_name(header.cites or "")
    check = kept.by_asked.get(asked) if cited == member else None
    if check is None:
        return
    check.further += 1
    match header.decision:
        case LeafDecision.APPROVE:
            check.proved = True
        case LeafDecision.REFUSE:
            check.proved = False
        case LeafDecision.EXPIRED:
            check.is_closed = True
        case _:
            pass
