"""What the same request would get if it claimed no instrument: what a claim alone opens.

# INVARIANT (fail-closed): every place that lets something through on a policy's word asks here too;
an instrument that nobody of the state has verified opens nothing.
Source: docs/adr/0046-instruments.md, "a claim opens nothing".
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, Instrument
from comity.exchange.answering import judge
from comity.exchange.judged import Judged
from comity.policy import CompiledPolicy

__all__ = ["claims_instrument", "unclaimed"]

_NO_CLAIM: Final = frozenset({Instrument.NONE, Instrument.NOT_STATED})


def claims_instrument(exchange: Exchange) -> bool:
    """Say whether a request says that it rests on an instrument."""
    return exchange.claims.instrument not in _NO_CLAIM


def unclaimed(
    judged: Judged,
    policy: CompiledPolicy,
    *,
    classes: tuple[DataClass, ...] | None = None,
    reviewed: bool = False,
    is_text: bool = False,
) -> Judged:
    """Return what the policy decides of the same request without an instrument.

    The rest as `judge` was called, so that each decision has its fellow at the same place.
    """
    facts = msgspec.structs.replace(judged.facts, instrument=Instrument.NONE)
    return judge(
        judged.exchange,
        facts,
        policy,
        judged.policy,
        classes=classes,
        reviewed=reviewed,
        is_text=is_text,
    )
