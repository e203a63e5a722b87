"""Notices that were given to residents: a reviewer's signed word becomes a `notice` leaf.

INVARIANT (review-is-verified): the signature is checked before anything is recorded.
INVARIANT (fail-closed): nothing was posted to whom nothing may be posted, nor where nobody can say.
Source: docs/adr/0039-statutory-clocks.md, "Decision: notices owed";
docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

from typing import Final

from comity.domain.given_notice import GivenHow, SignedGivenNotice
from comity.domain.ids import entry_name, parse_entry_name
from comity.domain.leaf import parse_leaf
from comity.ports import Clock, LedgerRows
from comity.review.given import NoticeRefusedError, check_given, given_id, given_leaf
from comity.review.protections import check_no_post
from comity.services.entries import Entry
from comity.services.member import World
from comity.services.protection_reader import ProtectionReader
from comity.services.sequencer import Refused, Sequencer, recorded_index

__all__ = ["GivenNotices"]

_NS: Final = 1_000_000_000


class GivenNotices:
    """Records that residents were told."""

    def __init__(
        self,
        *,
        world: World,
        rows: LedgerRows,
        sequencer: Sequencer,
        addresses: ProtectionReader,
        clock: Clock,
    ) -> None:
        self._world = world
        self._rows = rows
        self._sequencer = sequencer
        self._addresses = addresses
        self._clock = clock

    async def give(self, signed: SignedGivenNotice) -> str:
        """Return the entry of the notice's leaf; of one that was recorded before, the same.

        Raises: VerdictError, NoticeRefusedError, NoPostError, or what the sequencer refused with.
        """
        notice = signed.notice
        now = self._clock.now_ns() // _NS
        key = self._world.directory.reviewer(notice.state, notice.reviewer)
        check_given(signed, key, now)
        member, index = parse_entry_name(notice.entry)
        found = await self._rows.leaves(member, index, index + 1)
        if not found or not found[0]:
            raise NoticeRefusedError("`entry` is no leaf of the ledger")
        cited = parse_leaf(found[0])
        leaf = given_leaf(signed, cited, now)
        if notice.how is GivenHow.POST:
            check_no_post(await self._addresses.of_leaf(member, index, now))
        entry = Entry(member=member, exchange_id=given_id(notice, cited), leaves=(leaf,))
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        recorded = recorded_index(result)
        assert recorded is not None, "a notice depends on no policy"
        return entry_name(member, recorded)
