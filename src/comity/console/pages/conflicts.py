"""A reviewer steps back from a request: the page before it, and the signed declaration.

INVARIANT (review-is-verified): what keeps the reviewer from deciding is the gateway, once it has
recorded the declaration; this page signs it, and sends it at once.
Source: docs/adr/0053-assignment-and-conflict-of-interest.md.
"""

from __future__ import annotations

from typing import Final

from comity.console.desk import Desk
from comity.console.hosted import directory_here
from comity.console.pages.assigned_words import GROUNDS, conflicted, waiting_row
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import iso, left_said, tone_of
from comity.domain.ids import entry_name
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.ports import HoldRow, UnreachableError
from comity.review.conflicts import ConflictError, Ground
from comity.review.signatures import VerdictError
from comity.review.verdicts import HoldClosedError
from comity.services.outgoing import Stage

__all__ = ["ConflictPages"]

_PROBLEMS: Final = {
    HoldClosedError.code: Problem.HOLD_CLOSED,
    ConflictError.code: Problem.CONFLICT,
    VerdictError.code: Problem.CHANGED,
}


class ConflictPages:
    """The declaration of a conflict of interest."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def consider(self, visit: Visit) -> Reply:
        """Show what a declaration does, before it is made; the case is not opened for it."""
        return await self._consider(visit, await waiting_row(self._desk, visit))

    async def declare(self, visit: Visit) -> Reply:
        """Sign and send a declaration; sent twice, the first one stands."""
        person = visit.person
        row = await waiting_row(self._desk, visit)
        if person.signs_as in conflicted(self._desk.queue.passed_by(row)):
            return go_to(url_of(Name.QUEUE))
        if visit.form.one("step") != str(row.next_step):
            raise ProblemError(Problem.CHANGED)
        try:
            ground = Ground(visit.form.one("ground"))
        except ValueError:
            wrong = (("ground", "Choose why you must not decide."),)
            return await self._consider(visit, row, wrong, status=422)
        entry = entry_name(row.member, row.leaf_index)
        self._take_back_own(visit, entry)
        await self._send(visit, row, ground)
        found = self._desk.assignments.get(entry, visit.now)
        if found is not None and found.reviewer == person.signs_as:
            self._desk.assignments.drop(entry)
        self._desk.opened.forget_case(entry)
        return go_to(url_of(Name.QUEUE))

    def _take_back_own(self, visit: Visit, entry: str) -> None:
        """Take back one's own verdict that waits. Raises: ProblemError if another is on its way."""
        kept, person = self._desk.verdicts.on(entry), visit.person
        if kept is None:
            return
        step = kept.signed.verdict.step
        taken = self._desk.verdicts.take_back(person.state, person.signs_as, entry, step)
        if taken is None or taken.stage is not Stage.TAKEN_BACK:
            raise ProblemError(Problem.OVERTAKEN)

    async def _send(self, visit: Visit, row: HoldRow, ground: Ground) -> None:
        member = visit.person.state
        try:
            await self._desk.reviewing(visit.session).step_back(row, ground)
        except GatewayRefusalError as error:
            self._desk.events.failure("verdict_had_no_effect", error, member=member)
            problem = _PROBLEMS.get(error.reason)
            if problem is None:
                raise ProblemError(Problem.NOT_SHOWN, f"{error} (`{error.reason}`)") from None
            raise ProblemError(problem) from None
        except (GatewaySilentError, UnreachableError) as error:
            self._desk.events.failure("verdict_unknown", error, member=member)
            raise ProblemError(Problem.CONFLICT_SILENT) from None
        self._desk.events.note("verdict_given", member=member)

    async def _consider(
        self,
        visit: Visit,
        row: HoldRow,
        wrong: tuple[tuple[str, str], ...] = (),
        *,
        status: int = 200,
    ) -> Reply:
        directory = await directory_here(self._desk, visit.person.state)
        item = self._desk.queue.item(row, directory.agency)
        left = row.until - visit.now
        asked = item.agency_name or item.agency or "an agency that cannot be read"
        return self._views.page(
            "conflict.html",
            visit,
            status=status,
            entry=item.entry.upper(),
            number=item.number,
            step=row.next_step,
            finding=f"Step back from the request of {asked}? You cannot decide it any more, and it "
            "waits for another reviewer.",
            grounds=[(ground.value, said, None) for ground, said in GROUNDS.items()],
            wrong=wrong,
            faults=dict(wrong),
            until=iso(row.until),
            left=left_said(left),
            tone=tone_of(left),
        )
