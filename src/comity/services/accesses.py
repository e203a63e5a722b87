"""Readings that show a person, each recorded as an `access` leaf before anything is shown."""

from __future__ import annotations

from comity.domain.ids import Member, entry_name, make_id
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import Fields
from comity.ports import Clock, Entropy
from comity.services.entries import Entry
from comity.services.sequencer import Refused, Sequencer, recorded_index

__all__ = ["Accesses"]


class Accesses:
    """Records what was shown to whom."""

    def __init__(self, sequencer: Sequencer, clock: Clock, entropy: Entropy) -> None:
        self._sequencer = sequencer
        self._clock = clock
        self._entropy = entropy

    async def record(
        self, member: Member, fields: Fields, now: int, *, cites: str | None = None
    ) -> str:
        """Return the entry of the leaf, once it is durable. Raises: what the sequencer did."""
        # INVARIANT (no-answer-before-receipt): what shows a person is recorded first.
        leaf = WantedLeaf(
            step=0,
            header=LeafHeader(
                version=1,
                kind=LeafKind.ACCESS,
                mode=LeafMode.LIVE,
                hour=now // HOUR_SECONDS,
                member=member,
                cites=cites,
            ),
            fields=fields,
        )
        exchange_id = make_id(self._clock.now_ns(), self._entropy.token(8))
        entry = Entry(member=member, exchange_id=exchange_id, leaves=(leaf,))
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        assert index is not None
        return entry_name(member, index)
