"""A leaf as the exchange wants it: a header, and the private record to commit to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from comity.domain.keys import listed_key
from comity.domain.leaf import LeafHeader
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind
from comity.exchange.private import Fields

__all__ = ["HOUR_SECONDS", "WantedLeaf", "ordered", "outcome_header"]

HOUR_SECONDS: Final = 3600
_CLASS_PLACE: Final = {value: place for place, value in enumerate(DataClass)}


class WantedLeaf(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One leaf to be placed; `cites_previous` cites the wanted leaf before it.

    `noted` is kept beside the fields of an answer's leaf (`noted`), None for any other.
    """

    step: int
    header: LeafHeader
    fields: Fields
    cites_previous: bool = False
    noted: str | None = None


def ordered(classes: Sequence[DataClass]) -> tuple[DataClass, ...]:
    """Return classes in the vocabulary's order, which is the order in every leaf."""
    return tuple(sorted(set(classes), key=_CLASS_PLACE.__getitem__))


def outcome_header(
    exchange: Exchange,
    *,
    kind: LeafKind,
    decision: LeafDecision,
    policy: int,
    hour: int,
    withheld: Sequence[DataClass],
    released: Sequence[DataClass] | None = None,
    result: str | None = None,
    cites: str | None = None,
) -> LeafHeader:
    """Return the header of an answering state's outcome leaf."""
    claims = exchange.claims
    return LeafHeader(
        version=1,
        kind=kind,
        mode=exchange.mode,
        hour=hour,
        member=exchange.state,
        agency=exchange.agency,
        key=listed_key(exchange.key),
        purpose=claims.purpose.value,
        offence=claims.offence.value,
        instrument=claims.instrument,
        released=ordered(released) if released is not None else None,
        withheld=ordered(withheld),
        decision=decision,
        result=result,
        policy=policy,
        peer=exchange.query_entry,
        cites=cites,
    )
