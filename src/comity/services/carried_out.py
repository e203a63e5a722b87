"""What a verdict did, as whoever gave it is told."""

from __future__ import annotations

import msgspec

from comity.domain.answer import ResponseKind
from comity.domain.planted import Flaw
from comity.domain.verdict import SignedVerdict
from comity.domain.vocabulary import DataClass
from comity.exchange.answering import Answered, HoldFile

__all__ = ["CarriedOut", "carried_out"]


class CarriedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict did: its leaf's entry, and what the requester was told.

    What an approval released is what the rules in force let go, which may be less than it approves.
    `planted` is what was wrong with a test case that it ended.
    """

    entry: str
    response: ResponseKind
    released: tuple[DataClass, ...] = ()
    planted: Flaw | None = None


def carried_out(
    entry: str, signed: SignedVerdict, answered: Answered, hold: HoldFile, *, is_ended: bool
) -> CarriedOut:
    """Return what is told of a verdict that was recorded, and whether that ended the hold."""
    answer, planted = answered.answer, hold.exchange.test_case
    went = {element.data_class for element in answer.elements}
    if answer.response is ResponseKind.DELIVERED:
        went.update(signed.verdict.approved)
    return CarriedOut(
        entry=entry,
        response=answer.response,
        released=tuple(part for part in DataClass if part in went),
        # Whoever passes one on, or proposes a release, must not learn what the next one decides.
        planted=planted.flaw if planted is not None and is_ended else None,
    )
