"""What every leaf of a host shows of itself, by the record in force at its index.

INVARIANT (public-bytes-hold-no-person): every leaf passes here before its commitment is placed; no
caller of the sequencer can forget it.
INVARIANT (fail-closed): where a member's published record cannot be read, nobody knows what it
delays, and a leaf that it might delay is not placed.
Source: docs/adr/0024-private-records.md, "Delayed detail".
"""

from __future__ import annotations

from collections.abc import Sequence

from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader
from comity.exchange.leaves import WantedLeaf
from comity.exchange.publication import as_published, is_public_detail
from comity.ledger.plan import NO_POLICY
from comity.policy import Publication
from comity.services.member import NoPolicyError, World
from comity.services.vault import month_of, month_start

__all__ = ["Detail", "Shown"]

Shown = tuple[LeafHeader, int]
"""A header as it is published, and for how many months its detail stands sealed; 0: not."""


class Detail:
    """Publishes leaves of one host's members; `seconds_max` is the longest that detail is sealed,
    where a record says longer.
    """

    def __init__(self, world: World, seconds_max: int) -> None:
        self._world = world
        self._seconds_max = seconds_max

    def shown(
        self, member: Member, leaves: Sequence[WantedLeaf], decided_under: int | None
    ) -> tuple[list[Shown], int | None]:
        """Return leaves as they are published, and under which policy: that of the decision.

        Where no policy decided, it is the one whose record was asked here, so that the leaf is
        placed only while that is in force.
        """
        publication: Publication | None = None
        if any(is_public_detail(leaf.header) for leaf in leaves):
            index, publication = self._record(member)
            decided_under = index if decided_under is None else decided_under
        directory = self._world.directory
        return [as_published(leaf.header, publication, directory) for leaf in leaves], decided_under

    def _record(self, member: Member) -> tuple[int | None, Publication | None]:
        try:
            index, policy = self._world.policy(member)
        except NoPolicyError:
            return (NO_POLICY if self._world.has_published(member) else None), None
        return index, policy.bundle.publication

    def opens_at(self, made_at: int, months: int) -> int:
        """Return when the detail of a leaf made now is opened (Unix seconds)."""
        return min(month_start(month_of(made_at) + months), made_at + self._seconds_max)
