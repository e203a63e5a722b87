"""Second looks at decisions: a reviewer's signed word becomes a leaf, and nothing else changes.

INVARIANT (review-is-verified): the signature is checked, and that it is nobody's who gave a verdict
on that hold, before anything is recorded. INVARIANT (fail-closed): where it cannot be read who they
were, nobody is a second person.
Source: docs/adr/0050-re-review.md.
"""

from __future__ import annotations

from typing import Final

from comity.domain.ids import LeafIndex, Member, entry_name, parse_entry_name
from comity.domain.leaf import LeafError, LeafHeader, parse_leaf
from comity.domain.re_review import SignedReReview
from comity.domain.vocabulary import LeafKind
from comity.ledger.plan import Existing
from comity.ports import Clock, LedgerRows, Store
from comity.review.re_review import (
    ReReviewDoneError,
    ReReviewRefusedError,
    check_re_review,
    is_chosen,
    is_decision,
    re_review_id,
    re_review_leaf,
)
from comity.services.entries import Entry
from comity.services.member import World
from comity.services.second_person import VerdictsOn, VerdictsUnreadError, had_part
from comity.services.sequencer import Refused, Sequencer, recorded_index
from comity.services.vault import Vault

__all__ = ["ReReviews"]

_NS: Final = 1_000_000_000


class ReReviews:
    """Records second looks."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        rows: LedgerRows,
        vault: Vault,
        sequencer: Sequencer,
        clock: Clock,
    ) -> None:
        self._world = world
        self._rows = rows
        self._given = VerdictsOn(store=store, rows=rows, vault=vault)
        self._sequencer = sequencer
        self._clock = clock

    async def give(self, signed: SignedReReview) -> str:
        """Return the entry of the look's leaf.

        Raises: VerdictError, ReReviewRefusedError, ReReviewDoneError, or what the sequencer did.
        """
        review = signed.review
        now = self._clock.now_ns() // _NS
        key = self._world.directory.reviewer(review.state, review.reviewer)
        check_re_review(signed, key, now)
        member, index = parse_entry_name(review.verdict_entry)
        data, verdict = await self._leaf(member, index)
        if not is_decision(verdict) or verdict.cites is None or not is_chosen(data):
            raise ReReviewRefusedError("`verdict_entry` is no decision that was chosen")
        owner, hold_index = parse_entry_name(verdict.cites)
        assert owner == member
        _, hold = await self._leaf(member, hold_index)
        if hold.kind is not LeafKind.HOLD:
            raise ReReviewRefusedError("`verdict_entry` is no decision on a hold")
        leaf = re_review_leaf(signed, hold.withheld or (), now)
        await self._check_second(signed, hold_index, index)
        entry = Entry(
            member=member, exchange_id=re_review_id(review.verdict_entry, verdict), leaves=(leaf,)
        )
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        if isinstance(result, Existing):
            raise ReReviewDoneError("this decision was looked at again already")
        recorded = recorded_index(result)
        assert recorded is not None, "a look depends on no policy"
        return entry_name(member, recorded)

    async def _leaf(self, member: Member, index: LeafIndex) -> tuple[bytes, LeafHeader]:
        found = await self._rows.leaves(member, index, index + 1)
        try:
            return found[0], parse_leaf(found[0])
        except (IndexError, LeafError):
            raise ReReviewRefusedError("a leaf of this decision cannot be read") from None

    async def _check_second(
        self, signed: SignedReReview, hold_index: LeafIndex, index: LeafIndex
    ) -> None:
        """Check that whoever signed gave no verdict on the hold. Raises: ReReviewRefusedError."""
        review, directory = signed.review, self._world.directory
        own = directory.reviewer(review.state, review.reviewer)
        assert own is not None
        try:
            given = await self._given.on(review.state, hold_index, index)
        except VerdictsUnreadError as error:
            raise ReReviewRefusedError(str(error)) from None
        if had_part(given, own, directory, review.state):
            raise ReReviewRefusedError("whoever gave a verdict on a hold is no second reviewer")
