"""One message for the answers of many states: what is kept for it and what follows alone.

Until the message goes out, first answers are held in memory only: a crash loses none, because the
states are asked again and repeat them. With the message, one empty result per answered state is
kept, so that a restart knows whom not to ask.
Source: docs/adr/0013-routes.md, "Merging".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from comity.domain.answer import Answer, Merged
from comity.domain.ids import ORI, ExchangeId, Member, QueryId
from comity.domain.keys import response_key
from comity.exchange.origin import AcceptedQuery
from comity.formats.rules import DELIVERY_BYTES_MAX
from comity.services.deliveries import Outgoing
from comity.services.forms import Stamps, render_answer, render_merged, shortened
from comity.services.open_queries import OpenExchange, OpenQueryState

__all__ = [
    "AT_HAND_BYTES_MAX",
    "FOLLOWS_REMARK",
    "AtHand",
    "answer_outgoing",
    "apart_outgoing",
    "merged_outgoing",
    "size_of",
]

AT_HAND_BYTES_MAX: Final = 268_435_456
"""Bytes of first answers that wait for merged messages on a host; beyond it a message goes early.
"""


FOLLOWS_REMARK: Final = "THE ANSWER IS TOO LONG FOR THIS MESSAGE - IT FOLLOWS ALONE"


class AtHand:
    """How much is in memory for merged messages; `bytes` in all."""

    def __init__(self, limit: int = AT_HAND_BYTES_MAX) -> None:
        self.bytes = 0
        self._limit = limit
        self._of_query: dict[QueryId, int] = {}

    def add(self, query_id: QueryId, answer: Answer) -> bool:
        """Count an answer; say whether there is room for more."""
        size = size_of(answer)
        self._of_query[query_id] = self._of_query.get(query_id, 0) + size
        self.bytes += size
        return self.bytes <= self._limit

    def release(self, query_id: QueryId) -> None:
        """Count a query's answers no more."""
        self.bytes -= self._of_query.pop(query_id, 0)


def answer_outgoing(state: OpenQueryState, answer: Answer, *, alone: bool = True) -> Outgoing:
    """Return what is kept of one answer; not `alone`: its words stand in a merged message."""
    accepted = state.accepted

    def render(stamps: Stamps) -> bytes:
        return render_answer(accepted, answer, stamps)

    return Outgoing(
        exchange_id=answer.exchange_id,
        step=answer.step,
        query_id=accepted.query_id,
        member=accepted.member,
        line=accepted.line,
        frame_no=state.frame_no,
        is_final=answer.is_final,
        render=render if alone else None,
    )


def merged_outgoing(
    state: OpenQueryState, network: ORI
) -> tuple[list[Outgoing], list[tuple[OpenExchange, Answer]]]:
    """Return the merged message with the results it stands for, then records that follow alone.

    Whatever cannot be rendered is seen here, before anything is kept.
    """
    accepted = state.accepted
    first = state.unmerged or {}
    merged, aside = _fitted(accepted, _merged(accepted, first), network)

    def render(stamps: Stamps) -> bytes:
        return render_merged(accepted, merged, stamps, network)

    message = _message(state, render)
    silent = [
        answer_outgoing(state, answer, alone=False)
        for member, answer in first.items()
        if member not in aside
    ]
    alone = [(state.exchanges[member], first[member]) for member in first if member in aside]
    return [message, *silent], alone


def apart_outgoing(state: OpenQueryState) -> list[Outgoing]:
    """Return the answers alone, and that there is no message for them all: it cannot be made."""
    first = (state.unmerged or {}).values()
    return [_message(state, None), *(answer_outgoing(state, answer) for answer in first)]


def _message(state: OpenQueryState, render: Callable[[Stamps], bytes] | None) -> Outgoing:
    accepted = state.accepted
    return Outgoing(
        exchange_id=ExchangeId(accepted.query_id),
        step=0,
        query_id=accepted.query_id,
        member=accepted.member,
        line=accepted.line,
        frame_no=state.frame_no,
        is_final=True,
        render=render,
    )


def _merged(accepted: AcceptedQuery, first: dict[Member, Answer]) -> Merged:
    asked = tuple(item.state for item in accepted.asked)
    return Merged(
        query_id=accepted.query_id,
        key=response_key(accepted.route.key),
        asked=asked,
        answers=tuple(first[member] for member in asked if member in first),
    )


def _fitted(
    accepted: AcceptedQuery, merged: Merged, network: ORI
) -> tuple[Merged, frozenset[Member]]:
    """Return a message that a line can take, and the states whose records do not fit into it.

    The longest go first: they still stand in the summary, and say that they follow. So do refusals
    that name more rules than a line can take.
    """
    aside: set[Member] = set()
    trial = Stamps(received=0, sent=0, at=accepted.accepted_at)
    while not _is_fit(accepted, merged, trial, network):
        longest = max(merged.answers, key=size_of)
        bare = msgspec.structs.replace(shortened(longest, FOLLOWS_REMARK), proofs=())
        if longest.state in aside:
            bare = msgspec.structs.replace(bare, withheld=())
        aside.add(longest.state)
        answers = tuple(bare if a is longest else a for a in merged.answers)
        merged = msgspec.structs.replace(merged, answers=answers)
    return merged, frozenset(aside)


def _is_fit(accepted: AcceptedQuery, merged: Merged, trial: Stamps, network: ORI) -> bool:
    # What is too long before it is rendered is not rendered to find that out: 64 MiB, 64 times.
    if sum(map(size_of, merged.answers)) > DELIVERY_BYTES_MAX:
        return False
    return len(render_merged(accepted, merged, trial, network)) <= DELIVERY_BYTES_MAX


def size_of(answer: Answer) -> int:
    """Return how long an answer is at least, in whatever format."""
    record = sum(len(element.name) + len(element.value) for element in answer.elements)
    words = sum(
        len(part.would_change) + sum(len(r.sentence) + len(r.statute) for r in part.reasons)
        for part in answer.withheld
    )
    proofs = sum(len(proof.leaf) + len(proof.receipt) for proof in answer.proofs)
    return record + words + proofs
