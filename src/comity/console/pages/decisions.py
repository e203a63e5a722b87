"""Past decisions: what became of what was held, from the state's own public ledger."""

from __future__ import annotations

import re
from typing import Any, Final

from comity.console.desk import Desk
from comity.console.pages.appeal_words import appeals_said
from comity.console.pages.decision_words import decision_words, looked_said
from comity.console.pages.figure_words import figures_words
from comity.console.pages.planted_words import caught_said
from comity.console.people import Role
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, roles_of, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import share_said
from comity.domain.ids import LeafIndex, Member, entry_name, parse_entry_name
from comity.link.errors import GatewayRefusalError
from comity.review.past import PastTally, tally_of
from comity.review.planted import (
    PLANTED_PER_WEEK_MAX,
    PlantingFullError,
    PlantingImpossibleError,
)
from comity.review.signatures import VerdictError
from comity.services.health import ClockSkewedError

__all__ = ["DecisionPages", "finding_of"]

ROWS_MAX: Final = 50
"""Decisions of one page."""
_SEES_REVIEWERS: Final = (Role.SUPERVISOR, Role.AUDITOR)
_BEFORE: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_AT: Final = re.compile(r"[1-9][0-9]{0,10}", re.ASCII)
_FAULTS: Final = {
    PlantingImpossibleError.code: "The rules in force hold no request that could be a test case, "
    "so none was planted.",
    PlantingFullError.code: f"This week has its {PLANTED_PER_WEEK_MAX} test cases already.",
    VerdictError.code: "This page is older than five minutes. Nothing was planted: press again.",
    ClockSkewedError.code: "The gateway's clock is not to be relied on now. Nothing was planted.",
}


class DecisionPages:
    """What was decided, newest first."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def decisions(self, visit: Visit) -> Reply:
        """Show a page of past decisions, and how many of what was held was released."""
        return await self._page(visit)

    async def plant(self, visit: Visit) -> Reply:
        """Order one test case for the state's queue; a form sent twice is one case."""
        at = visit.form.one("at")
        if _AT.fullmatch(at) is None:
            raise ProblemError(Problem.MALFORMED, "`at` is no time")
        try:
            entry = await self._desk.planting(visit.session).plant(int(at))
        except GatewayRefusalError as error:
            fault = _FAULTS.get(error.reason)
            if fault is None:
                raise
            return await self._page(visit, fault=fault, status=409)
        number = parse_entry_name(entry)[1]
        return go_to(f"{url_of(Name.DECISIONS)}?planted={number}#test-cases")

    async def _page(self, visit: Visit, *, fault: str = "", status: int = 200) -> Reply:
        state = visit.person.state
        before = _before(visit.query.one("before"))
        past = await self._desk.past.read(state)
        directory = await self._desk.books.directory()
        left = [each for each in past.decisions if before is None or each.index < before]
        rows, further = left[:ROWS_MAX], left[ROWS_MAX:]
        tally = tally_of(past.decisions)
        # Names of reviewers are for those who answer for them, and for nobody else.
        is_theirs = visit.person.has_any(*_SEES_REVIEWERS) and before is None
        figures = await self._desk.figures.read(state, past) if is_theirs else None
        appeals = appeals_said(await self._desk.appeals.tally(state)) if is_theirs else ""
        return self._views.page(
            "decisions.html",
            visit,
            status=status,
            finding=finding_of(tally),
            figures_shown=_figures(tally),
            tests=caught_said(past.tests),
            planted=_planted_said(visit.query.one("planted"), state),
            fault=fault,
            plant=url_of(Name.PLANT) if visit.person.has_any(*roles_of(Name.PLANT)) else "",
            at=visit.now,
            looked=looked_said(past),
            times=figures and figures_words(figures, appeals),
            rows=[decision_words(each, state, directory, visit.now) for each in rows],
            more=f"{url_of(Name.DECISIONS)}?before={rows[-1].index}" if further else "",
            is_first=before is None,
        )


def finding_of(tally: PastTally) -> str:
    """Return in a sentence how much of what was held was released."""
    if not tally.ended:
        return "No request that was held has ended yet."
    if tally.ended == 1:
        done = "was" if tally.released else "was not"
        return f"The one request that was held and has ended {done} released in whole or part."
    share = share_said(tally.released, tally.ended).partition("(")[2].rstrip(")")
    were = "was" if tally.released == 1 else "were"
    return (
        f"Of the last {tally.ended:,} requests that were held and have ended, "
        f"{tally.released:,} {were} released in whole or part ({share})."
    )


def _figures(tally: PastTally) -> list[dict[str, Any]]:
    rows = (
        ("Released in whole or part", tally.released, "released"),
        ("Refused", tally.refused, "refused"),
        ("Not decided in time", tally.expired, "plain"),
        (
            "Nothing to release",
            tally.ended - tally.released - tally.refused - tally.expired,
            "none",
        ),
    )
    return [{"label": label, "value": f"{value:,}", "tone": tone} for label, value, tone in rows]


def _planted_said(text: str, state: Member) -> str:
    """Return which test case was just planted. Raises: ProblemError."""
    if not text:
        return ""
    if _BEFORE.fullmatch(text) is None:
        raise ProblemError(Problem.MALFORMED, "`planted` is no place in the ledger")
    entry = entry_name(state, LeafIndex(int(text))).upper()
    return f"{entry} waits in the queue as a test case. Another reviewer decides it."


def _before(text: str) -> int | None:
    """Return the leaf before which a page begins. Raises: ProblemError."""
    if not text:
        return None
    if _BEFORE.fullmatch(text) is None:
        raise ProblemError(Problem.MALFORMED, "`before` is no place in the ledger")
    return int(text)
