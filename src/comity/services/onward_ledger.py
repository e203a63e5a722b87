"""What one host's ledgers tell of onward transfers in the last 30 days, read on as they grow.

Guarantee: nothing is known but what public leaves say; a ledger that was cut is read anew. Whether
all of the time was read is told: where it was not, nobody is said to be silent.
Source: docs/adr/0056-onward-transfers.md, "Nothing is kept beside the ledger".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from comity.domain.ids import LeafIndex, Member, parse_entry_name
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.onward import OnwardStands
from comity.domain.vocabulary import LeafDecision
from comity.exchange.leaves import HOUR_SECONDS
from comity.ports import LedgerRows, Store
from comity.review.claim_checks import due_of
from comity.review.onward import begun_question, is_release
from comity.services.ledger_hours import first_leaf_from

__all__ = ["READ_LEAVES_MAX", "WINDOW_DAYS", "OnwardLedger", "Question", "Told"]

WINDOW_DAYS: Final = 30
"""How far back transfers and questions are told."""
READ_LEAVES_MAX: Final = 262_144
"""Leaves of a ledger that one look reads; the next one goes on."""
_DAY_SECONDS: Final = 86_400
_PAGE_LEAVES: Final = 4_096
_CITES: Final = b'"re":"'
_TOLD: Final = b'{"v":1,"k":"certification","m":"live"'
_ASKED: Final = b'{"v":1,"k":"verdict","m":"live"'
_ENDED: Final = b'{"v":1,"k":"closure","m":"live"'


class Told(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The leaf at `index`, by which an agency told something of the release at `release`."""

    index: int
    release: int
    hour: int


class Question(msgspec.Struct, kw_only=True):
    """A question about the release at `release`, asked by the leaf `asked` in `hour`.

    `made` is the hour of that release.
    """

    member: Member
    release: int
    made: int
    asked: int
    hour: int
    due: int
    answers: int = 0
    is_closed: bool = False

    def stands(self, now: int) -> OnwardStands:
        """Return where it stands at a time (Unix seconds)."""
        if self.answers:
            return OnwardStands.ANSWERED
        return OnwardStands.UNANSWERED if now >= self.due else OnwardStands.OPEN


class _Kept(msgspec.Struct, kw_only=True):
    """What is known of one member: of the leaves [first, size)."""

    first: int
    size: int
    told: list[Told] = msgspec.field(default_factory=list)
    questions: dict[int, Question] = msgspec.field(default_factory=dict)


class OnwardLedger:
    """`_kept` is by member; `read_on` alone writes it. `back_max` bounds how many leaves back from
    its end a ledger is begun at; None: as far as the time goes.
    """

    def __init__(self, *, store: Store, rows: LedgerRows, back_max: int | None = None) -> None:
        self._store = store
        self._rows = rows
        self._back_max = back_max
        self._kept: dict[Member, _Kept] = {}
        self._one_at_a_time = asyncio.Lock()

    async def sizes(self, members: Sequence[Member]) -> dict[Member, int]:
        """Return how many leaves ledgers have, for `read_on` of each. Raises: StoreDownError."""
        return await self._store.ledger_sizes(members)

    async def read_on(self, member: Member, now: int, size: int | None = None) -> bool:
        """Take up what a ledger of so many leaves says since the last look; say whether that is all
        of it. Where `size` is not given, it is asked for.

        Raises: StoreDownError.
        """
        # Two looks at once would take the same leaves twice.
        async with self._one_at_a_time:
            kept = self._kept.get(member)
            # A size from before another look would be a ledger that has shrunk.
            if size is None or (kept is not None and size < kept.size):
                size = (await self.sizes([member]))[member]
            return await self._read_on(member, now, size)

    async def _read_on(self, member: Member, now: int, size: int) -> bool:
        oldest = now - WINDOW_DAYS * _DAY_SECONDS
        kept = self._kept.get(member)
        if kept is None or size < kept.size:
            first = await first_leaf_from(self._rows, member, size, oldest)
            if self._back_max is not None:
                first = max(first, size - self._back_max)
            kept = self._kept[member] = _Kept(first=first, size=first)
        last = min(size, kept.size + READ_LEAVES_MAX)
        while kept.size < last:
            end = min(last, kept.size + _PAGE_LEAVES)
            leaves = await self._rows.leaves(member, kept.size, end)
            for index, leaf in enumerate(leaves, kept.size):
                await self._take(member, kept, index, leaf)
            kept.size = end
        hour = oldest // HOUR_SECONDS
        kept.told = [each for each in kept.told if each.hour >= hour]
        kept.questions = {at: each for at, each in kept.questions.items() if each.hour >= hour}
        return kept.size == size

    def told(self, member: Member) -> list[Told]:
        """Return what agencies told, in the order of the ledger."""
        return self._kept[member].told if member in self._kept else []

    def questions(self, member: Member) -> list[Question]:
        """Return what agencies were asked, in the order of the ledger."""
        return list(self._kept[member].questions.values()) if member in self._kept else []

    def looked(self, member: Member) -> tuple[int, int]:
        """Return from which leaf up to which, exclusive, was looked."""
        kept = self._kept.get(member)
        return (0, 0) if kept is None else (kept.first, kept.size)

    async def release(self, member: Member, index: int) -> LeafHeader | None:
        """Return a release's header; None for any other leaf, or one that was withdrawn.

        Raises: StoreDownError.
        """
        if index >= (await self.sizes([member]))[member]:
            return None
        (leaf,) = await self._rows.leaves(member, index, index + 1)
        header = parse_leaf(leaf) if leaf else None
        return header if header is not None and is_release(header) else None

    async def _take(self, member: Member, kept: _Kept, index: int, leaf: bytes) -> None:
        if leaf.startswith(_TOLD):
            if _CITES in leaf:
                _tell(member, kept, index, parse_leaf(leaf))
        elif leaf.startswith(_ASKED):
            header = parse_leaf(leaf)
            cited = begun_question(header)
            if cited is not None:
                await self._ask(kept, index, header, cited)
        elif leaf.startswith(_ENDED):
            _end(member, kept, parse_leaf(leaf))

    async def _ask(self, kept: _Kept, index: int, header: LeafHeader, cited: str) -> None:
        member, at = parse_entry_name(cited)
        released = await self.release(member, at) if member == header.member else None
        if released is None or at >= index:
            return
        kept.questions[index] = Question(
            member=member,
            release=at,
            made=released.hour,
            asked=index,
            hour=header.hour,
            due=due_of(header.hour, member),
        )


def _tell(member: Member, kept: _Kept, index: int, header: LeafHeader) -> None:
    cited, release = parse_entry_name(header.cites or "")
    if cited != member:
        return
    kept.told.append(Told(index=index, release=LeafIndex(release), hour=header.hour))
    for question in kept.questions.values():
        question.answers += question.release == release


def _end(member: Member, kept: _Kept, header: LeafHeader) -> None:
    cited, asked = parse_entry_name(header.cites or "")
    question = kept.questions.get(asked) if cited == member else None
    if question is not None and header.decision is LeafDecision.EXPIRED:
        question.is_closed = True
