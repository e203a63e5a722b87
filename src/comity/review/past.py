"""What became of holds, told from the public leaves of a ledger alone; and counts of it.

Guarantee: what is counted as released has a disclosure that cites its verdict; what a person
approved and the rules in force refused is not. Whatever cannot be told so is left out.
Source: docs/adr/0041-what-would-go-out.md, section Past decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import LeafIndex, entry_name
from comity.domain.keys import Handling, MessageKey, key_row
from comity.domain.leaf import SEALED, LeafHeader
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode

__all__ = ["ENDINGS", "RELEASED", "Became", "PastDecision", "PastTally", "past_of", "tally_of"]


class Became(StrEnum):
    """What became of a held request, by one leaf."""

    RELEASED = "released"
    PART = "part"
    NO_RECORD = "no_record"
    NOTHING = "nothing"
    """Approved, and the record had nothing of it, or several matched."""
    REFUSED = "refused"
    BY_RULES = "by_rules"
    """Approved, and the rules in force refused it."""
    EXPIRED = "expired"
    ASKED = "asked"
    PASSED_ON = "passed_on"


ENDINGS: Final = frozenset(Became) - {Became.ASKED, Became.PASSED_ON}
"""After these the hold is over."""
RELEASED: Final = frozenset({Became.RELEASED, Became.PART})
_OTHERS: Final = {
    LeafDecision.REFUSE: Became.REFUSED,
    LeafDecision.ASK: Became.ASKED,
    LeafDecision.ESCALATE: Became.PASSED_ON,
    LeafDecision.EXPIRED: Became.EXPIRED,
}


class PastDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict, or the end of a hold's time, as its leaf and those beside it tell.

    `agency` is an ORI, empty where the public ledger does not show it. `hour` and `held_hour` count
    hours since 1970-01-01T00Z; `held` are the classes that were held.
    """

    index: LeafIndex
    hold_index: LeafIndex
    became: Became
    held: tuple[DataClass, ...]
    released: tuple[DataClass, ...]
    agency: str
    hour: int
    held_hour: int
    approved: tuple[DataClass, ...] = ()
    is_chosen: bool = False
    """Whether it is looked at again by a second reviewer (docs/adr/0050-re-review.md)."""


class PastTally(msgspec.Struct, frozen=True, kw_only=True):
    """How many holds ended, and how many of them in a release of all or part, or by their clock."""

    ended: int
    released: int
    refused: int
    expired: int


def past_of(
    index: LeafIndex,
    leaf: LeafHeader,
    hold: tuple[LeafIndex, LeafHeader] | None,
    after: Sequence[LeafHeader],
) -> PastDecision | None:
    """Return what a `verdict` or `closure` leaf at `index` says of a hold; None for anything else.

    `hold` is the leaf that it cites, `after` are the leaves that follow it in the ledger.
    """
    if hold is None or leaf.mode is not LeafMode.LIVE or leaf.decision is None:
        return None
    hold_index, held = hold
    if held.kind is not LeafKind.HOLD or leaf.kind not in (LeafKind.VERDICT, LeafKind.CLOSURE):
        return None
    if leaf.kind is LeafKind.CLOSURE and _awaited_an_agency(held):
        return None
    classes = held.withheld or ()
    released: tuple[DataClass, ...] = ()
    if leaf.decision is LeafDecision.APPROVE:
        became, released = _approved(index, leaf, classes, after)
    else:
        found = _OTHERS.get(leaf.decision)
        if found is None:
            return None
        became = found
    return PastDecision(
        index=index,
        hold_index=hold_index,
        became=became,
        held=classes,
        released=released,
        agency="" if held.agency is None or not _is_shown(held.agency) else held.agency,
        hour=leaf.hour,
        held_hour=held.hour,
        approved=leaf.released or (),
    )


def _approved(
    index: LeafIndex, leaf: LeafHeader, held: tuple[DataClass, ...], after: Sequence[LeafHeader]
) -> tuple[Became, tuple[DataClass, ...]]:
    verdict = entry_name(leaf.member, index)
    # Not a second look at it, which says what another person would have let go.
    own = [each for each in after if each.cites == verdict and each.kind is not LeafKind.VERDICT]
    went = {part for each in own for part in each.released or ()}
    released = tuple(part for part in DataClass if part in went)
    if released:
        return (Became.RELEASED if set(held) <= went else Became.PART), released
    if any(each.kind is LeafKind.DISCLOSURE for each in own):
        none = any(each.result == "none" for each in own)
        return (Became.NO_RECORD if none else Became.NOTHING), ()
    return Became.BY_RULES, ()


def _awaited_an_agency(held: LeafHeader) -> bool:
    """Say whether a hold may have waited for an agency's answer, not for a person's look.

    A message to an agency that nobody reviewed in time looks the same in public: it is not counted.
    """
    return held.key is not None and key_row(MessageKey(held.key)).handling is Handling.AGENCY


def _is_shown(agency: str) -> bool:
    return agency != SEALED and ":" not in agency


def tally_of(decisions: Iterable[PastDecision]) -> PastTally:
    """Return how the holds among these decisions ended."""
    ended = [each.became for each in decisions if each.became in ENDINGS]
    released = sum(each in RELEASED for each in ended)
    refused = sum(each in (Became.REFUSED, Became.BY_RULES) for each in ended)
    expired = sum(each is Became.EXPIRED for each in ended)
    return PastTally(ended=len(ended), released=released, refused=refused, expired=expired)
