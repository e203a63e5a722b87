"""Requests of the operator member, as a practice host answers them."""

from __future__ import annotations

from comity.domain.query import NO_CLAIMS, Claims
from tests.support.gateway import PracticeHost, ask_of, asks

__all__ = ["federal_asks"]


async def federal_asks(host: PracticeHost, *numbers: int, claims: Claims = NO_CLAIMS) -> None:
    """Let Washington answer requests whose queries stand in the operator's ledger."""
    for number in numbers:
        asked = ask_of(number, query_entry=f"us/{number}", claims=claims)
        await host.answer.take(asks(asked))
    host.courier.take()
