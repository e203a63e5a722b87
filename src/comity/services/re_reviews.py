"""Second looks at decisions: a reviewer's signed word becomes a leaf, and nothing else changes.

INVARIANT (review-is-verified): the signature is checked, and that it is nobody's who gave a verdict
on that hold, before anything is recorded. INVARIANT (fail-closed): where it cannot be read who they
were, nobody is a second person.
Source: docs/adr/0050-re-review.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from comity.domain.ids import LeafIndex, Member, entry_name, parse_entry_name
from comity.domain.leaf import LeafError, LeafHeader, parse_leaf
from comity.domain.re_review import SignedReReview
from comity.domain.verdict import Verdict
from comity.domain.vocabulary import LeafKind
from comity.exchange.private import Fields
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
from comity.services.private_records import private_fields
from comity.services.sequencer import Refused, Sequencer, recorded_index
from comity.services.vault import Vault

__all__ = ["BETWEEN_LEAVES_MAX", "ReReviews", "verdict_of", "verdicts_on"]

BETWEEN_LEAVES_MAX: Final = 200_000
"""Leaves between a hold and its verdict that are looked through for other verdicts on it."""
_NS: Final = 1_000_000_000
_CHUNK: Final = 4_096
_decoder: Final = msgspec.json.Decoder(Verdict)


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
        self._store = store
        self._rows = rows
        self._vault = vault
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
        if index - hold_index > BETWEEN_LEAVES_MAX:
            raise ReReviewRefusedError("too much lies between the hold and its verdict to be read")
        async for each, _ in verdicts_on(self._rows, review.state, hold_index, index):
            verdict = verdict_of(await self._fields(review.state, each))
            if verdict is None:
                raise ReReviewRefusedError("it cannot be read who decided: nobody is a second one")
            other = directory.reviewer(review.state, verdict.reviewer)
            # One key under two names is one person.
            is_same_key = other is not None and other.verify_key == own.verify_key
            if verdict.reviewer == review.reviewer or is_same_key:
                raise ReReviewRefusedError("whoever gave a verdict on a hold is no second reviewer")

    async def _fields(self, member: Member, index: LeafIndex) -> Fields | None:
        (leaf_hash,) = await self._rows.leaf_hashes(member, index, index + 1)
        return await private_fields(self._store, self._vault, member, index, leaf_hash)


async def verdicts_on(
    rows: LedgerRows, member: Member, hold_index: LeafIndex, index: LeafIndex
) -> AsyncIterator[tuple[LeafIndex, LeafHeader]]:
    """Yield every verdict on a hold up to the one at `index`, with its leaf."""
    hold = entry_name(member, hold_index)
    mark = f'"re":"{hold}"'.encode()
    for first in range(hold_index + 1, index + 1, _CHUNK):
        leaves = await rows.leaves(member, first, min(index + 1, first + _CHUNK))
        for place, data in enumerate(leaves, start=first):
            if mark in data and (leaf := parse_leaf(data)).kind is LeafKind.VERDICT:
                yield LeafIndex(place), leaf


def verdict_of(fields: Fields | None) -> Verdict | None:
    """Return the verdict that was signed, behind the prefix of what is signed."""
    text = dict(fields or ()).get("verdict", b"")
    try:
        return _decoder.decode(text.partition(b"\n")[2])
    except msgspec.MsgspecError:
        return None
