"""A supervisor's figures in words: how long decisions took, and how reviewers differ.

Guarantee: a figure of fewer than ten decisions says that it is of few.
"""

from __future__ import annotations

from typing import Any

from comity.console.words import counted, share_said, span_said
from comity.review.past_figures import FEW, ReviewerCaught, ReviewerCount, ReviewFigures

__all__ = ["figures_words"]


def figures_words(figures: ReviewFigures, appeals: str = "") -> dict[str, Any]:
    """Return the figures as the page has them: sentences, and a row for each reviewer.

    `appeals` is what became of appeals, in a sentence.
    """
    return {
        "sentences": [
            each
            for each in (
                _times(figures),
                _spread(figures),
                _again(figures),
                appeals,
                _unread(figures),
            )
            if each
        ],
        "rows": _rows(figures),
    }


def _rows(figures: ReviewFigures) -> list[dict[str, Any]]:
    """Return a row for each reviewer; who decided test cases alone comes last."""
    tests = {each.reviewer: each for each in figures.tests}
    rows = [_row(each, tests.pop(each.reviewer, None)) for each in figures.reviewers]
    return [*rows, *(_untimed(each) for each in tests.values())]


def _times(figures: ReviewFigures) -> str:
    spread = figures.spread
    if spread is None:
        return "No decision of a person is among them whose record can be opened."
    few = f" They are few: below {FEW}, such figures say little." if spread.count < FEW else ""
    decided = counted(spread.count, "decision")
    return (
        f"From the request to the verdict, half of the last {decided} took "
        f"{span_said(spread.median)} at most, a quarter {span_said(spread.lower)}, "
        f"three quarters {span_said(spread.upper)}.{few}"
    )


def _spread(figures: ReviewFigures) -> str:
    if figures.shares is None:
        return ""
    least, largest = (f"{100 * share:.1f}%" for share in figures.shares)
    several = sum(not each.is_few for each in figures.reviewers)
    return (
        f"Among {several} reviewers with {FEW} decisions or more, the share released goes from "
        f"{least} to {largest}."
    )


def _again(figures: ReviewFigures) -> str:
    tally = figures.again
    if tally is None or not tally.chosen:
        return ""
    chosen = counted(tally.chosen, "decision was", "decisions were")
    if not tally.looked:
        return f"{chosen} chosen for a second look, and none has had it yet."
    few = f" They are few: below {FEW}, such figures say little." if tally.looked < FEW else ""
    return (
        f"{chosen} chosen for a second look, {tally.looked:,} had it: another reviewer would have "
        f"reversed {share_said(tally.reversed, tally.looked)} and released other parts in "
        f"{tally.in_part:,}.{few}"
    )


def _unread(figures: ReviewFigures) -> str:
    if not figures.unread:
        return ""
    records = counted(figures.unread, "further decision")
    return f"Of {records} the record cannot be opened any more; they are not among these figures."


def _row(each: ReviewerCount, tests: ReviewerCaught | None) -> dict[str, Any]:
    spread = each.spread
    return {
        "reviewer": each.reviewer,
        "decided": f"{spread.count:,}",
        "released": f"{each.released:,}",
        "share": share_said(each.released, spread.count).partition("(")[2].rstrip(")"),
        "bar": round(100 * each.share),
        "median": span_said(spread.median),
        "middle": f"{span_said(spread.lower)} to {span_said(spread.upper)}",
        "tests": _tests(tests),
        "note": "few" if each.is_few else "",
    }


def _untimed(tests: ReviewerCaught) -> dict[str, Any]:
    """Return the row of a reviewer of whom no other decision can be read."""
    nothing = {"decided": "0", "released": "0", "share": "none", "bar": 0}
    timed = {"median": "not known", "middle": "not known"}
    return {"reviewer": tests.reviewer, **nothing, **timed, "tests": _tests(tests), "note": "few"}


def _tests(tests: ReviewerCaught | None) -> str:
    return "none" if tests is None else f"{tests.caught:,} of {tests.decided:,}"
