"""Records that are free text alone: what such a text says, and whether it may go.

# INVARIANT (withheld-never-rendered): a text cannot be cut by class. It goes whole, where every
class that the query asks for and the class `opaque` are released, or not at all; then the strictest
decision among them holds for all that would have gone. Source: docs/adr/0016-sources.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from comity.domain.answer import ResponseKind
from comity.domain.decision import ClassDecision
from comity.domain.vocabulary import DataClass, Outcome
from comity.formats.wording import recognise_response

__all__ = ["REPLY_CHARACTERS_MAX", "read_reply", "settle_text", "shown_beside"]

REPLY_CHARACTERS_MAX: Final = 240
"""Only a text of at most three lines of a terminal is looked through for the network's phrases: in
a longer one `NOT ON FILE` speaks of a part of the record, such as its insurance."""

_SEVERITY: Final = {Outcome.RELEASE: 0, Outcome.HOLD: 1, Outcome.DENY: 2}


def read_reply(text: str) -> ResponseKind | None:
    """Return what a short text says instead of a record: `no_hit`, `unavailable`; None: a record.

    Of a longer text nothing is recognised: it is a record.
    """
    return recognise_response(text) if len(text) <= REPLY_CHARACTERS_MAX else None


def shown_beside(
    asked: Sequence[DataClass], decided: Collection[DataClass], *, reviewed: bool
) -> tuple[tuple[DataClass, ...], tuple[DataClass, ...]]:
    """Return what a text shows beyond the classes decided: as not reviewed, and as reviewed.

    It shows every class asked for, and what nobody asked for: the class `opaque`. A text carries
    no image. # INVARIANT (review-is-verified): `opaque` counts as reviewed where the verdict names
    it or approves every class asked for, which is the record whole; nothing else does.
    """
    parts = [c for c in asked if c is not DataClass.PHOTO]
    is_whole = reviewed and all(c in decided for c in parts)
    rest = tuple(c for c in parts if c not in decided and c is not DataClass.OPAQUE)
    if DataClass.OPAQUE in decided:
        return rest, ()
    opaque = (DataClass.OPAQUE,)
    return (rest, opaque) if is_whole else ((*rest, *opaque), ())


def settle_text(
    decisions: Sequence[ClassDecision], beside: Sequence[ClassDecision]
) -> tuple[tuple[ClassDecision, ...], tuple[DataClass, ...]]:
    """Return the decisions about a record that is text, and the classes that its text shows.

    `decisions` are of the classes to answer for, `beside` of the others that the text shows. No
    class is shown where the text does not go; then `opaque` is among the decisions, because it may
    be what a reviewer must approve. Where nothing would go anyway, the decisions stay as they are:
    they must not tell a record from none.
    """
    parts = [d for d in decisions if d.data_class is not DataClass.PHOTO]
    if all(d.outcome is not Outcome.RELEASE for d in parts):
        return tuple(decisions), ()
    whole = (*parts, *beside)
    assert any(d.data_class is DataClass.OPAQUE for d in whole)
    strictest = max(whole, key=lambda d: _SEVERITY[d.outcome])
    if strictest.outcome is Outcome.RELEASE:
        return tuple(decisions), tuple(d.data_class for d in whole)
    opaque = (d for d in beside if d.data_class is DataClass.OPAQUE)
    return tuple(_bound(d, strictest) for d in (*decisions, *opaque)), ()


def _bound(decision: ClassDecision, strictest: ClassDecision) -> ClassDecision:
    if decision.outcome is not Outcome.RELEASE:
        return decision
    return msgspec.structs.replace(
        decision,
        outcome=strictest.outcome,
        reasons=strictest.reasons,
        would_change=strictest.would_change,
    )
