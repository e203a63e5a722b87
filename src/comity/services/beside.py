"""What reviewers left beside an open hold, as the gateway reads it before it takes a verdict.

Proposals, passings on, declarations of a conflict of interest and calls back: signed verdicts that
left the hold open, encrypted in the transaction of their leaf.
INVARIANT (fail-closed): what cannot be read lets nobody decide, and is no proposal.
"""

from __future__ import annotations

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.call_back import CallBack
from comity.domain.errors import ComityError
from comity.domain.ids import entry_name
from comity.domain.verdict import SignedVerdict
from comity.exchange.answering import HoldFile
from comity.ports import HoldRow
from comity.review.call_backs import calls_of, step_without_calls
from comity.review.conflicts import ConflictError, check_no_conflict, check_not_ordered
from comity.review.second import is_proposal
from comity.services.entries import (
    decode_passed,
    decode_proposal,
    passed_place,
    proposal_place,
)
from comity.services.events import Events
from comity.services.member import World
from comity.services.vault import Vault

__all__ = ["Beside"]


class Beside:
    """Reads what is kept beside the holds of this host's members."""

    def __init__(self, *, world: World, vault: Vault, events: Events) -> None:
        self._world = world
        self._vault = vault
        self._events = events

    def kept(self, row: HoldRow) -> tuple[SignedVerdict, ...]:
        """Return the verdicts kept beside a hold. Raises: ConflictError, or what the vault does."""
        if row.passed is None:
            return ()
        place = passed_place(row.exchange_id, row.member)
        try:
            return decode_passed(self._vault.open(row.member, row.passed, place))
        except msgspec.MsgspecError:
            raise ConflictError("what was declared of a conflict here cannot be read") from None

    def calls(self, row: HoldRow) -> tuple[CallBack, ...]:
        """Return the calls back that are recorded on a hold. Raises: as `kept` does."""
        return calls_of(self.kept(row))

    def check_no_conflict(self, row: HoldRow, reviewer: str, key_id: str) -> None:
        """Check that a reviewer has declared no conflict of interest on a hold.

        Raises: ConflictError, or what the vault does.
        """
        check_no_conflict(self.kept(row), reviewer, key_id)

    def check_not_ordered(self, hold: HoldFile, key: ReviewerKey | None) -> None:
        """Check that a test case was not ordered by whoever decides it. Raises: ConflictError."""
        planted = hold.exchange.test_case
        if planted is not None and key is not None:
            orderer = self._world.directory.reviewer(hold.exchange.state, planted.ordered_by)
            check_not_ordered(planted, key, orderer)

    def proposal(self, row: HoldRow, hold: HoldFile) -> SignedVerdict | None:
        """Return what one reviewer proposed, if it holds still; what cannot be read does not."""
        if row.proposal is None:
            return None
        place = proposal_place(row.exchange_id, row.member)
        try:
            signed = decode_proposal(self._vault.open(row.member, row.proposal, place))
            step = step_without_calls(row.next_step, self.calls(row))
        except (ComityError, msgspec.MsgspecError) as error:
            self._events.failure("hold_not_opened", error, member=row.member)
            return None
        entry = entry_name(row.member, row.leaf_index)
        return signed if is_proposal(signed, self.key_of(signed), hold, entry, step=step) else None

    def key_of(self, signed: SignedVerdict) -> ReviewerKey | None:
        """Return the key that is enrolled now under the name of a verdict's author."""
        verdict = signed.verdict
        return self._world.directory.reviewer(verdict.state, verdict.reviewer)
