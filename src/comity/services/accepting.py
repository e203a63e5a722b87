"""Frames on their way to being recorded: their entries, and what a newer policy overtook.

Guarantee: a `query` leaf stands under the policy that says what it may show; one that another
policy overtook is made anew by that one, a few times at most, and else not recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from comity.exchange.origin import AcceptedQuery, query_leaf
from comity.ledger.plan import NO_POLICY, Stale
from comity.ports import LineFrame
from comity.services.entries import Entry, Frame
from comity.services.sequencer import BusyError, Refused, Sequencer, SequencerResult

__all__ = ["Taken", "record_taken"]

_NS: Final = 1_000_000_000
_ROUNDS_MAX: Final = 4
_NOT_YET: Final = Stale(policy=NO_POLICY)


class Taken(msgspec.Struct, kw_only=True):
    """A frame on its way to being recorded."""

    frame: LineFrame
    digest: bytes
    accepted: AcceptedQuery


async def record_taken(
    sequencer: Sequencer, taken: Sequence[Taken], now_ns: int
) -> list[SequencerResult]:
    """Return what became of each frame.

    What its own state let go under an older policy is not made anew: the line sends it again, and
    the state is asked again.
    """
    results: list[SequencerResult] = [_NOT_YET] * len(taken)
    places = list(range(len(taken)))
    for _ in range(_ROUNDS_MAX):
        if not places:
            break
        done = await _commit(sequencer, [_entry(taken[place], now_ns) for place in places])
        for place, result in zip(places, done, strict=True):
            results[place] = result
        places = [
            place
            for place in places
            if isinstance(results[place], Stale) and taken[place].accepted.home_policy is None
        ]
    return results


async def _commit(sequencer: Sequencer, entries: Sequence[Entry]) -> list[SequencerResult]:
    try:
        return await sequencer.commit(entries)
    except BusyError as error:
        return [Refused(error=error)] * len(entries)


def _entry(item: Taken, now_ns: int) -> Entry:
    accepted = item.accepted
    return Entry(
        member=accepted.member,
        exchange_id=accepted.query_id,
        leaves=(query_leaf(accepted, now_ns // _NS),),
        # What another policy let leave its state is not recorded.
        decided_under=None if accepted.waits_for_home else accepted.home_policy,
        accepted=accepted,
        frame=Frame(number=item.frame.number, digest=item.digest),
    )
