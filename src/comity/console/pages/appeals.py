"""Appeals: which refusals agencies ask to look at again, one of them, and what a person decides.

Guarantee: what an agency wrote is shown only as the gateway showed it on a signed reading, whose
leaf the page names; a finding is signed by whoever is signed in, about what that page shows.
Source: docs/adr/0057-appeals.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.console.desk import Desk
from comity.console.pages.appeal_words import (
    appeal_facts,
    appeal_row,
    appeals_finding,
    appeals_said,
    choices_of,
)
from comity.console.pages.verdict_form import PASS_DAYS, days_of
from comity.console.people import Role
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import opened
from comity.domain.after_review import Desk as DeskName
from comity.domain.appeal import APPEAL_NOTE_CHARS_MAX, AppealDecision
from comity.domain.ids import entry_name
from comity.domain.passes import PASS_DAYS_MAX
from comity.domain.vocabulary import term
from comity.link.appeals import AppealView
from comity.link.errors import GatewayRefusalError
from comity.link.review import DeskShown
from comity.review.appeals import AppealByAnotherError, AppealDoneError, AppealFindingError
from comity.review.conflicts import ConflictError
from comity.services.appeals import AppealNotRecordedError
from comity.services.health import ClockSkewedError

__all__ = ["AppealPages"]

_CODES: Final = {
    AppealDoneError.code: Problem.APPEAL_DONE,
    AppealByAnotherError.code: Problem.APPEAL_BY_ANOTHER,
    AppealFindingError.code: Problem.CHANGED,
    ConflictError.code: Problem.CONFLICT,
    ClockSkewedError.code: Problem.BUSY,
    AppealNotRecordedError.code: Problem.BUSY,
}
_SEES_REVIEWERS: Final = (Role.SUPERVISOR,)

_Wrong = tuple[tuple[str, str], ...]


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the form holds."""

    decision: str = ""
    classes: tuple[str, ...] = ()
    days: str = str(PASS_DAYS)
    note: str = ""


class AppealPages:
    """The list of appeals that nobody decided, and one of them."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def appeals(self, visit: Visit) -> Reply:
        """List the appeals that wait, overdue first; and what became of the others."""
        waiting = (await self._desk.appealing(visit.session).read(DeskName.APPEALS)).appeals
        tally = await self._desk.appeals.tally(visit.person.state)
        return self._views.page(
            "appeals.html",
            visit,
            finding=appeals_finding(waiting, visit.now),
            rows=[appeal_row(view, visit.now) for view in waiting],
            counted=appeals_said(tally),
        )

    async def appeal(self, visit: Visit) -> Reply:
        """Show one appeal with what was written; that it was shown is recorded first."""
        return self._page(visit, await self._shown(visit))

    async def decide(self, visit: Visit) -> Reply:
        """Take what was decided; it is recorded and told to the agency at once."""
        shown = await self._shown(visit)
        (view,) = shown.appeals
        given = _Given(
            decision=visit.form.one("decision"),
            classes=visit.form.several("class"),
            days=visit.form.one("days").strip() or str(PASS_DAYS),
            note=" ".join(visit.form.one("note").split()),
        )
        if view.is_own:
            raise ProblemError(Problem.APPEAL_BY_ANOTHER)
        wrong = _wrong(view, given)
        if wrong:
            return self._page(visit, shown, given, wrong, status=422)
        decision = AppealDecision(given.decision)
        is_granted = decision is AppealDecision.GRANTED
        classes = tuple(p for p in view.classes if is_granted and p.value in given.classes)
        self._desk.opened.forget_desk(visit.form_token, view.entry)
        try:
            await self._desk.appealing(visit.session).decide_appeal(
                view, decision, classes, days=days_of(given.days), note=given.note
            )
        except GatewayRefusalError as error:
            raise _gone(error) from None
        return go_to(url_of(Name.APPEALS))

    async def _shown(self, visit: Visit) -> DeskShown:
        """Return an appeal as this session was shown it, else shown anew.

        Raises: ProblemError if there is no such appeal of the person's state.
        """
        entry = entry_name(visit.person.state, int(visit.values["number"]))
        known = self._desk.opened.desk(visit.form_token, entry, visit.now)
        if known is not None and known.appeals:
            return known
        try:
            shown = await self._desk.appealing(visit.session).read(DeskName.APPEALS, entry)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        self._desk.opened.put_desk(visit.form_token, entry, shown, visit.now)
        return shown

    def _page(
        self,
        visit: Visit,
        shown: DeskShown,
        given: _Given | None = None,
        wrong: _Wrong = (),
        *,
        status: int = 200,
    ) -> Reply:
        (view,) = shown.appeals
        given = given or _Given(classes=tuple(part.value for part in view.classes))
        names_reviewers = visit.person.has_any(*_SEES_REVIEWERS)
        return self._views.page(
            "appeal.html",
            visit,
            status=status,
            **appeal_facts(view, visit.person.state, visit.now, names_reviewers=names_reviewers),
            choices=choices_of(view),
            classes=[
                (part.value, opened(term(part).label), part.value in given.classes)
                for part in view.classes
            ],
            access_entry=shown.access_entry.upper(),
            given=given,
            wrong=wrong,
            faults=dict(wrong),
            days_max=PASS_DAYS_MAX,
            back=url_of(Name.APPEALS),
        )


def _wrong(view: AppealView, given: _Given) -> _Wrong:
    """Return what has to be mended before a finding is recorded."""
    found: list[tuple[str, str]] = []
    if given.decision not in {value for value, _, _ in choices_of(view)}:
        found.append(("decision", "Choose what you decide."))
    if given.decision == AppealDecision.GRANTED:
        if not set(given.classes) <= {part.value for part in view.classes}:
            found.append(("class", "One of the parts was not refused here."))
        elif not given.classes:
            found.append(("class", "Choose at least one part to grant, or uphold the refusal."))
        if not view.no_pass and not days_of(given.days):
            found.append(("days", f"Give a number of days from 1 to {PASS_DAYS_MAX}."))
    if len(given.note) > APPEAL_NOTE_CHARS_MAX or not given.note.isprintable():
        at_most = f"At most {APPEAL_NOTE_CHARS_MAX} letters, digits and marks."
        found.append(("note", at_most))
    return tuple(found)


def _gone(error: GatewayRefusalError) -> Exception:
    """Return what a page says of an appeal that is no more as it was shown."""
    problem = _CODES.get(error.reason)
    return error if problem is None else ProblemError(problem)
