"""Taking a held request, putting it back, and giving it to a reviewer.

INVARIANT (review-is-verified): what is done here is a note in this console's memory; no verdict is
taken or refused for it. A conflict of interest, which the gateway keeps to, is kept to here too.
Source: docs/adr/0053-assignment-and-conflict-of-interest.md.
"""

from __future__ import annotations

from comity.console.assignments import TooManyTakenError
from comity.console.days import today_of
from comity.console.desk import Desk
from comity.console.hosted import directory_here
from comity.console.pages.assigned_words import (
    conflicted,
    names_said,
    passed_said,
    reviewer_rows,
    reviewers_here,
    standing,
    waiting_row,
)
from comity.console.pages.triage_words import choice_of, chosen_url
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import classes_said, counted, iso, left_said, moment_said, tone_of
from comity.domain.ids import entry_name
from comity.ports import HoldRow

__all__ = ["AssigningPages"]


class AssigningPages:
    """What reviewers and supervisors note about who works on what."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def take(self, visit: Visit) -> Reply:
        """Note that a case is this reviewer's."""
        person, back = visit.person, _queue_of(visit)
        row = await waiting_row(self._desk, visit)
        if person.signs_as in conflicted(self._desk.queue.passed_by(row)):
            raise ProblemError(Problem.CONFLICT)
        kept = await standing(self._desk, person.state, visit.now)
        others = {entry for entry, each in kept.items() if each.whose.reviewer != person.signs_as}
        if entry_name(row.member, row.leaf_index) in others:
            raise ProblemError(Problem.TAKEN)
        entries = await self._case(visit, row, reviewer=person.signs_as)
        self._put(visit, [each for each in entries if each not in others], person.signs_as)
        if visit.form.one("back") == "case":
            return go_to(url_of(Name.CASE, number=visit.values["number"]))
        return go_to(back)

    async def put_back(self, visit: Visit) -> Reply:
        """Let a case be nobody's that was this reviewer's."""
        person, back = visit.person, _queue_of(visit)
        row = await waiting_row(self._desk, visit)
        for entry in await self._case(visit, row):
            found = self._desk.assignments.get(entry, visit.now)
            if found is not None and found.reviewer == person.signs_as:
                self._desk.assignments.drop(entry)
        return go_to(back)

    async def assigning(self, visit: Visit) -> Reply:
        """Show who can be given a case, and who must not."""
        return await self._assigning(visit, await waiting_row(self._desk, visit))

    async def assign(self, visit: Visit) -> Reply:
        """Note that a case is somebody's, or nobody's."""
        row = await waiting_row(self._desk, visit)
        wanted = visit.form.one("reviewer")
        if wanted == "nobody":
            for entry in await self._case(visit, row):
                self._desk.assignments.drop(entry)
            return go_to(url_of(Name.QUEUE))
        if not wanted:
            wrong = (("reviewer", "Choose who gets it."),)
            return await self._assigning(visit, row, wrong, status=422)
        is_free = wanted not in conflicted(self._desk.queue.passed_by(row))
        if wanted not in reviewers_here(self._desk, visit.person.state) or not is_free:
            raise ProblemError(Problem.NO_REVIEWER)
        await standing(self._desk, visit.person.state, visit.now)  # Lets go of what has ended.
        self._put(visit, await self._case(visit, row, reviewer=wanted), wanted)
        return go_to(url_of(Name.QUEUE))

    async def _assigning(
        self,
        visit: Visit,
        row: HoldRow,
        wrong: tuple[tuple[str, str], ...] = (),
        *,
        status: int = 200,
    ) -> Reply:
        state, now = visit.person.state, visit.now
        directory = await directory_here(self._desk, state)
        item = self._desk.queue.item(row, directory.agency)
        requests = len(await self._case(visit, row))
        names = reviewers_here(self._desk, state)
        barred = conflicted(item.passed)
        taken = (await standing(self._desk, state, now)).get(item.entry)
        whose = taken and taken.whose
        rows = await reviewer_rows(self._desk, visit)
        has = f"{names[whose.reviewer]} has it" if whose else "nobody has it"
        asked = item.agency_name or item.agency or "An agency that cannot be read"
        return self._views.page(
            "assign.html",
            visit,
            status=status,
            entry=item.entry.upper(),
            number=item.number,
            finding=f"{asked} waits with {counted(requests, 'request')} of one case: {has}."
            if requests > 1
            else f"{asked} waits with request {item.entry.upper()}: {has}.",
            asked=[
                ("Asked for", classes_said(item.classes) or "cannot be read"),
                ("Case", item.case_number or "not stated"),
                ("Held by", ", ".join(item.rules) or "cannot be read"),
                ("Waits until", moment_said(item.until, state, now)),
                *(
                    [("Given by", f"{whose.by}, at {moment_said(whose.at, state, now)}")]
                    if whose
                    else []
                ),
            ],
            passed=passed_said(item.passed, names, state, now),
            barred=names_said(barred, names),
            choices=[
                (
                    each["reviewer"],
                    each["name"],
                    f"has {each['has']}, took {each['given']} and decided {each['decided']} today",
                )
                for each in rows
                if each["reviewer"] not in barred
            ],
            chosen=whose.reviewer if whose else None,
            has_one=whose is not None,
            wrong=wrong,
            faults=dict(wrong),
            until=iso(item.until),
            left=left_said(item.until - now),
            tone=tone_of(item.until - now),
        )

    def _put(self, visit: Visit, entries: list[str], reviewer: str) -> None:
        person, day = visit.person, today_of(visit).toordinal()
        try:
            self._desk.assignments.put(
                person.state, entries, reviewer, by=person.name, now=visit.now, day=day
            )
        except TooManyTakenError:
            raise ProblemError(Problem.TOO_MANY_TAKEN) from None

    async def _case(self, visit: Visit, row: HoldRow, *, reviewer: str = "") -> list[str]:
        """Return the entries of a hold's case that wait as it does, itself among them; none on
        which the `reviewer` declared a conflict of interest.
        """
        state, queue = visit.person.state, self._desk.queue
        same = await queue.same_case(row, leaving=self._desk.verdicts.waiting_entries(state))
        numbers = {row.leaf_index, *(number for number, _ in same.holds)}
        return [
            entry_name(state, each.leaf_index)
            for each in await self._desk.store.review_holds(state, numbers)
            if reviewer not in conflicted(queue.passed_by(each))
        ]


def _queue_of(visit: Visit) -> str:
    """Return where the queue is as it was chosen from. Raises: ProblemError."""
    return chosen_url(url_of(Name.QUEUE), choice_of(visit.query))
