"""Planted test cases: what a state wants of them, who may order one, and how each ended.

Guarantee: how many were caught follows from public leaves alone; what ended by its clock, and what
was only passed on, is neither caught nor missed.
# INVARIANT (review-is-verified): `check_planting_order` comes first, with the enrolled key.
Source: docs/adr/0054-planted-test-cases.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError, MalformedError
from comity.domain.ids import LeafIndex, Member, make_id, member_zone
from comity.domain.leaf import LeafHeader
from comity.domain.planted import (
    Flaw,
    PlantingOrder,
    SignedPlantingOrder,
    planting_order_bytes,
)
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import LeafDecision, LeafKind, LeafMode
from comity.review.signatures import check_proof, check_time
from comity.review.tables import read_table

__all__ = [
    "PLANTED_PER_WEEK_MAX",
    "PlantedEnd",
    "PlantedTally",
    "PlantedVerdict",
    "Planting",
    "PlantingFileError",
    "PlantingFullError",
    "PlantingImpossibleError",
    "check_planting_order",
    "end_by",
    "ends_planted",
    "order_id",
    "parse_planting",
    "planted_verdict",
    "right_of",
    "tally_of_planted",
    "week_bounds",
    "wrong_with",
]

PLANTED_PER_WEEK_MAX: Final = 50
"""Test cases of a week, planted by the clock and ordered."""
_NS: Final = 1_000_000_000
_ID_BYTES: Final = 8
_ENDS: Final = {
    LeafDecision.APPROVE: "missed",
    LeafDecision.REFUSE: "caught",
    LeafDecision.ASK: "caught",
}


class PlantingFileError(MalformedError):
    """A state's file of planted cases does not have its form."""

    code = "planting-file-malformed"


class PlantingImpossibleError(ComityError):
    """The rules in force hold no test case that could be made: nothing was planted."""

    code = "planting-impossible"


class PlantingFullError(ComityError):
    """The week has as many test cases as a week may have."""

    code = "planting-full"


class _PlantingFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    per_week: Annotated[int, msgspec.Meta(ge=0, le=PLANTED_PER_WEEK_MAX)]
    flaws: tuple[Flaw, ...] = ()


class Planting(msgspec.Struct, frozen=True, kw_only=True):
    """How many test cases a state wants in a week, and with which flaws."""

    per_week: int = 0
    flaws: tuple[Flaw, ...] = tuple(Flaw)


def parse_planting(data: bytes) -> Planting:
    """Return what a state's TOML file of planted cases says. Raises: PlantingFileError."""
    said = read_table(data, _PlantingFile, "a file of planted cases", PlantingFileError)
    if len(set(said.flaws)) != len(said.flaws):
        raise PlantingFileError("`flaws` names one twice")
    return Planting(per_week=said.per_week, flaws=said.flaws or tuple(Flaw))


def check_planting_order(signed: SignedPlantingOrder, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled reviewer of the state orders one, now. Raises: VerdictError."""
    check_proof(signed.proof, key, signed.order.reviewer, planting_order_bytes(signed.order))
    check_time(signed.order.at, now)


def order_id(order: PlantingOrder) -> bytes:
    """Return the query id of what an order plants: of its signed bytes, and of its second.

    The nanoseconds are drawn from the bytes too: an id on a whole second would be told apart.
    """
    digest = sha256(planting_order_bytes(order)).digest()
    within = int.from_bytes(digest[_ID_BYTES : 2 * _ID_BYTES], "big") % _NS
    return make_id(order.at * _NS + within, digest[:_ID_BYTES])


def week_bounds(member: Member, now: int) -> tuple[int, int]:
    """Return the first second of a state's week, Monday by its own clock, and of the next one."""
    zone = ZoneInfo(member_zone(member))
    day = datetime.fromtimestamp(now, zone).date()
    monday = day - timedelta(days=day.weekday())
    first, last = (
        datetime.combine(each, datetime.min.time(), zone)
        for each in (monday, monday + timedelta(days=7))
    )
    return int(first.timestamp()), int(last.timestamp())


class PlantedEnd(StrEnum):
    """How a planted case ended."""

    CAUGHT = "caught"
    MISSED = "missed"
    NOT_LOOKED_AT = "not_looked_at"


class PlantedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict on a planted hold, or its end by the clock; `end` is None where it went on."""

    index: LeafIndex
    hold_index: LeafIndex
    end: PlantedEnd | None


class PlantedTally(msgspec.Struct, frozen=True, kw_only=True):
    """How many test cases were caught and missed, and how many nobody decided in time."""

    caught: int = 0
    missed: int = 0
    not_looked_at: int = 0

    @property
    def decided(self) -> int:
        """Those that somebody decided."""
        return self.caught + self.missed


def ends_planted(kind: VerdictKind) -> bool:
    """Say whether a verdict ends a planted case: what is passed on goes to the next person."""
    return kind is not VerdictKind.ESCALATE


def end_by(kind: VerdictKind) -> PlantedEnd | None:
    """Return how a planted case came out for whoever signed this verdict on it."""
    found = _ENDS.get(LeafDecision(kind.value))
    return None if found is None else PlantedEnd(found)


def planted_verdict(
    index: LeafIndex, leaf: LeafHeader, hold: tuple[LeafIndex, LeafHeader] | None
) -> PlantedVerdict | None:
    """Return what a leaf says of a planted hold, which it cites; None for anything else."""
    if hold is None or leaf.mode is not LeafMode.PLANTED or leaf.decision is None:
        return None
    if hold[1].kind is not LeafKind.HOLD or hold[1].mode is not LeafMode.PLANTED:
        return None
    end: PlantedEnd | None = None
    if leaf.kind is LeafKind.CLOSURE:
        end = PlantedEnd.NOT_LOOKED_AT
    elif leaf.kind is not LeafKind.VERDICT:
        return None
    elif leaf.decision in _ENDS:
        end = PlantedEnd(_ENDS[leaf.decision])
    return PlantedVerdict(index=index, hold_index=hold[0], end=end)


def tally_of_planted(verdicts: Iterable[PlantedVerdict]) -> PlantedTally:
    """Return how the planted cases among these ended."""
    ends = [each.end for each in verdicts]
    return PlantedTally(
        caught=ends.count(PlantedEnd.CAUGHT),
        missed=ends.count(PlantedEnd.MISSED),
        not_looked_at=ends.count(PlantedEnd.NOT_LOOKED_AT),
    )


_WRONG: Final = {
    Flaw.CIVIL_AS_CRIMINAL: "it was called a criminal investigation, of a civil matter",
    Flaw.NO_JUDGE: "it claimed an administrative immigration warrant, which no judge has signed",
    Flaw.NOT_ITS_BUSINESS: "its purpose was licensing, and such an agency issues no licences",
    Flaw.NO_CASE: "what stood as its case number names no case",
}
_RIGHT: Final = {
    Flaw.CIVIL_AS_CRIMINAL: "refusing it, or asking which crime is investigated",
    Flaw.NO_JUDGE: "refusing it, or asking for a paper that a judge has signed",
    Flaw.NOT_ITS_BUSINESS: "refusing it, or asking what the agency needs it for",
    Flaw.NO_CASE: "asking for the case, or refusing it",
}


def wrong_with(flaw: Flaw) -> str:
    """Return what was wrong with a case, as a part of a sentence."""
    return _WRONG[flaw]


def right_of(flaw: Flaw) -> str:
    """Return what would have been right, as a part of a sentence."""
    return _RIGHT[flaw]
