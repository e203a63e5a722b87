"""What the store keeps of the review desk: holds, passes, instruments, urgent releases.

Guarantee: as of all ports; `Store` has the methods of `ReviewStore` beside its own. A use of a pass
or an instrument that does not stand, and a look at what nobody has to look at, make the whole batch
fail.
Source: docs/adr/0034-passes-and-urgent-lane.md; docs/adr/0036-console.md, 0046-instruments.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from comity.domain.ids import ExchangeId, LeafIndex, Member
from comity.ports.sealed import Sealed
from comity.review.queue import QueueCounts, QueuePlace, WaitsFor
from comity.review.urgent import ReviewState

__all__ = [
    "HoldChange",
    "HoldReply",
    "HoldRow",
    "InstrumentChange",
    "InstrumentRow",
    "PassChange",
    "PassRow",
    "ReviewChange",
    "ReviewStore",
    "UrgentRow",
]


class HoldRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A hold: its leaf, until when it waits (Unix seconds), the next step of its exchange.

    It waits for a reviewer unless `waits_for` says otherwise; `asked_at` is when a reviewer last
    asked the requester something that has no reply yet; holds of one case have the same `case_tag`,
    none if they state no case number. `replies` are the leaves of what the agency replied, in
    order; `proposal` is the approval that was proposed last; `passed_at` is when it was last passed
    on, `passed` who did, who declared a conflict of interest, and who called the agency back;
    `paged_at` is when somebody was paged, because the desk is hardly staffed before its end.
    """

    exchange_id: ExchangeId
    member: Member
    leaf_index: LeafIndex
    opened_at: int
    until: int
    next_step: int
    waits_for: WaitsFor = WaitsFor.REVIEW
    asked_at: int | None = None
    case_tag: bytes | None = None
    replies: tuple[LeafIndex, ...] = ()
    proposal: Sealed | None = None
    passed_at: int | None = None
    passed: Sealed | None = None
    paged_at: int | None = None
    sealed: Sealed


class QueuedCase(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Holds of one case that wait alike: the first of them in the queue, and how many they are."""

    first: HoldRow
    requests: int


class HoldChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a verdict or an expiry does to a hold: the next step, and whether it is closed.

    `asked_at` is when a question was asked by it, `proposal` the approval that it proposes,
    `passed_at` when it passed the hold on and `passed` what is kept of that and of calls back; None
    leaves what the hold has.
    """

    exchange_id: ExchangeId
    member: Member
    leaf_index: LeafIndex
    next_step: int
    closed: bool
    asked_at: int | None = None
    proposal: Sealed | None = None
    passed_at: int | None = None
    passed: Sealed | None = None


class HoldReply(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An agency's reply to a reviewer: the hold's leaf, and that of the message.

    The hold waits for its state again. One that was closed meanwhile stays as it is.
    """

    member: Member
    leaf_index: LeafIndex
    reply: LeafIndex


class PassRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A case pass: its leaf, until when it holds (Unix seconds), how often it was used, and the
    leaf that revoked it.
    """

    member: Member
    leaf_index: LeafIndex
    pass_id: bytes
    until: int
    uses: int = 0
    revoked_by: LeafIndex | None = None
    sealed: Sealed


class PassChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One use of a pass, or its revocation by a leaf; either only while it is not revoked."""

    member: Member
    leaf_index: LeafIndex
    revoked_by: LeafIndex | None = None


class InstrumentRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An instrument: its leaf, until when it counts (Unix seconds), how often it was used, and the
    leaves that verified and that revoked it.
    """

    member: Member
    leaf_index: LeafIndex
    instrument_id: bytes
    until: int
    uses: int = 0
    verified_by: LeafIndex | None = None
    revoked_by: LeafIndex | None = None
    sealed: Sealed


class InstrumentChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One use of an instrument, its verification or its revocation by a leaf.

    A use counts only while it is verified and not revoked; it is verified once, with `sealed` as
    what is kept of it from then on, and revoked once.
    """

    member: Member
    leaf_index: LeafIndex
    verified_by: LeafIndex | None = None
    sealed: Sealed | None = None
    revoked_by: LeafIndex | None = None


class UrgentRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An urgent release: its disclosure, when a look is due (Unix seconds), and where that stands.

    `next_step` is that of the look's own leaves, `changed_at` when `stands` came to be.
    """

    member: Member
    leaf_index: LeafIndex
    exchange_id: bytes
    due: int
    next_step: int = 0
    stands: ReviewState = ReviewState.OPEN
    changed_at: int
    sealed: Sealed


class ReviewChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a look, or the clock, makes of an urgent release whose next step is `step`."""

    member: Member
    leaf_index: LeafIndex
    step: int
    stands: ReviewState
    changed_at: int


class ReviewStore(Protocol):
    """The queue, case passes, instruments and urgent releases, as the services need them."""

    async def case_passes(self, members: Collection[Member], now: int) -> list[PassRow]:
        """Return passes that are not revoked and not over, in the order of member and leaf."""
        ...

    async def case_pass(self, member: Member, leaf_index: int) -> PassRow | None:
        """Return one pass by its leaf, whether it still holds or not."""
        ...

    async def instruments(self, members: Collection[Member], now: int) -> list[InstrumentRow]:
        """Return instruments that are not revoked and not over, in the order of member and leaf."""
        ...

    async def instrument(self, member: Member, leaf_index: int) -> InstrumentRow | None:
        """Return one instrument by its leaf, whether it still counts or not."""
        ...

    async def urgent_releases(
        self, members: Collection[Member], stands: Sequence[ReviewState], since: int = 0
    ) -> list[UrgentRow]:
        """Return urgent releases that stand so since then or later, by due time, member, leaf."""
        ...

    async def late_releases(
        self, members: Collection[Member], due_by: int, limit: int
    ) -> list[UrgentRow]:
        """Return urgent releases that are open and due by then, by due time, member, leaf."""
        ...

    async def review_page(
        self,
        member: Member,
        after: QueuePlace | None,
        limit: int,
        *,
        without: Collection[int] = (),
    ) -> list[QueuedCase]:
        """Return what waits for a review, a case once, in the order of the queue, after a place.

        A case stands where its first hold does; nothing is counted of the leaves `without`.
        """
        ...

    async def review_case(
        self, hold: HoldRow, limit: int, *, without: Collection[int] = ()
    ) -> tuple[list[HoldRow], int]:
        """Return open holds of a hold's case that wait as it does, in order, and how many they are.

        A hold that states no case number is a case alone.
        """
        ...

    async def review_holds(self, member: Member, numbers: Collection[int]) -> list[HoldRow]:
        """Return those of these leaves that wait for a review, in the order of the queue."""
        ...

    async def review_passed(
        self, member: Member, limit: int, *, without: Collection[int] = ()
    ) -> list[HoldRow]:
        """Return what was passed on and waits for a review, the nearest deadline first."""
        ...

    async def review_counts(self, member: Member, now: int) -> QueueCounts:
        """Return how many open holds wait for a review, by what is left of their time."""
        ...

    async def urgent_release(self, member: Member, leaf_index: int) -> UrgentRow | None:
        """Return one urgent release by its disclosure's leaf."""
        ...
