"""How long decisions took and how they spread over reviewers: counts for a supervisor's page.

Guarantee: pure and in whole seconds; a quartile is the value of a real decision (nearest rank).
Source: docs/adr/0041-what-would-go-out.md, section The supervisor's figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from comity.domain.ids import LeafIndex
from comity.review.past import RELEASED, Became, PastDecision
from comity.review.planted import PlantedEnd
from comity.review.re_review import ReReviewTally, SecondLook

__all__ = [
    "FEW",
    "CameOut",
    "DecidedBy",
    "ReviewFigures",
    "ReviewerCaught",
    "ReviewerCount",
    "Spread",
    "again_of",
    "caught_of",
    "figures_of",
    "spread_of",
]

FEW: Final = 10
"""Below this many decisions, a figure says little and is marked so."""


class DecidedBy(msgspec.Struct, frozen=True, kw_only=True):
    """Who decided a hold, when (Unix seconds), what became of it, and how many seconds after it was
    taken in.
    """

    reviewer: str
    became: Became
    seconds: int
    at: int = 0


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A quarter, half and three quarters took so many seconds at most, of `count` decisions."""

    count: int
    lower: int
    median: int
    upper: int


class CameOut(msgspec.Struct, frozen=True, kw_only=True):
    """How one reviewer's verdicts on test cases came out."""

    reviewer: str
    end: PlantedEnd


class ReviewerCaught(msgspec.Struct, frozen=True, kw_only=True):
    """Of so many test cases that a reviewer decided, how many were caught."""

    reviewer: str
    caught: int
    decided: int


class ReviewerCount(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer's decisions that ended a hold."""

    reviewer: str
    released: int
    spread: Spread

    @property
    def is_few(self) -> bool:
        """Whether so few that the figures say little."""
        return self.spread.count < FEW

    @property
    def share(self) -> float:
        """The part that was released in whole or part, 0 to 1."""
        return self.released / self.spread.count


class ReviewFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All decisions together, then by reviewer, who decided most first.

    `spread` is None where none could be read; `unread` are those whose record cannot be opened.
    """

    spread: Spread | None
    reviewers: tuple[ReviewerCount, ...]
    unread: int = 0
    again: ReReviewTally | None = None
    """Second looks at decisions, where they were counted."""
    tests: tuple[ReviewerCaught, ...] = ()
    """Test cases by reviewer, in the order of names."""

    @property
    def shares(self) -> tuple[float, float] | None:
        """The least and the largest share released, of reviewers with more than a few decisions."""
        shares = [each.share for each in self.reviewers if not each.is_few]
        return (min(shares), max(shares)) if len(shares) > 1 else None


def figures_of(decided: Sequence[DecidedBy], unread: int = 0) -> ReviewFigures:
    """Return the figures of these decisions."""
    by_reviewer: dict[str, list[DecidedBy]] = {}
    for each in decided:
        by_reviewer.setdefault(each.reviewer, []).append(each)
    counts = [
        ReviewerCount(
            reviewer=reviewer,
            released=sum(each.became in RELEASED for each in own),
            spread=spread_of(each.seconds for each in own),
        )
        for reviewer, own in by_reviewer.items()
    ]
    return ReviewFigures(
        spread=spread_of(each.seconds for each in decided) if decided else None,
        reviewers=tuple(sorted(counts, key=lambda each: (-each.spread.count, each.reviewer))),
        unread=unread,
    )


def caught_of(tested: Iterable[CameOut]) -> tuple[ReviewerCaught, ...]:
    """Return how many test cases each reviewer caught, of how many."""
    ends: dict[str, list[PlantedEnd]] = {}
    for each in tested:
        ends.setdefault(each.reviewer, []).append(each.end)
    return tuple(
        ReviewerCaught(reviewer=name, caught=own.count(PlantedEnd.CAUGHT), decided=len(own))
        for name, own in sorted(ends.items())
    )


def again_of(
    decisions: Iterable[PastDecision], looks: Mapping[LeafIndex, SecondLook]
) -> ReReviewTally:
    """Return how the second looks at decisions that were chosen came out."""
    chosen = [each for each in decisions if each.is_chosen]
    pairs = [
        (set(each.approved), set(looks[each.index].approved))
        for each in chosen
        if each.index in looks
    ]
    turned = sum(bool(first) is not bool(second) for first, second in pairs)
    differing = sum(first != second for first, second in pairs)
    return ReReviewTally(
        chosen=len(chosen), looked=len(pairs), reversed=turned, in_part=differing - turned
    )


def spread_of(seconds: Iterable[int]) -> Spread:
    """Return median and quartiles of at least one number, by nearest rank."""
    ordered = sorted(seconds)
    assert ordered
    lower, median, upper = (ordered[_rank(len(ordered), quarter)] for quarter in (1, 2, 3))
    return Spread(count=len(ordered), lower=lower, median=median, upper=upper)


def _rank(count: int, quarter: int) -> int:
    """Return the place, from 0, up to which so many quarters of a count lie."""
    return -(-quarter * count // 4) - 1
