"""Looks afterwards and case passes: what went at once, and what lets later requests go at once.

Guarantee: whom a release or a pass is about is shown only as the gateway showed it on a signed
reading, whose leaf the page names; a look and an end of a pass are signed by whoever is signed in.
Source: docs/adr/0034-passes-and-urgent-lane.md, docs/adr/0041-what-would-go-out.md.
"""

from __future__ import annotations

from typing import Any, Final

from comity.console.desk import Desk
from comity.console.pages.after_words import pass_facts, pass_row, release_facts, release_row
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted
from comity.domain.after_review import CALL_CHARACTERS_MAX
from comity.domain.after_review import Desk as DeskName
from comity.domain.ids import entry_name
from comity.link.errors import GatewayRefusalError
from comity.link.review import DeskShown, ReleaseView
from comity.review.passes import PassUnknownError
from comity.review.urgent import AfterReviewError, ReviewDoneError
from comity.review.verdicts import NOTE_CHARACTERS_MAX
from comity.services.health import ClockSkewedError

__all__ = ["AfterPages"]

_GONE: Final = {
    ReviewDoneError.code: Problem.RELEASE_DONE,
    PassUnknownError.code: Problem.PASS_ENDED,
    AfterReviewError.code: Problem.CHANGED,
    ClockSkewedError.code: Problem.BUSY,
}
_FOUND: Final = {"yes": True, "no": False}

_Wrong = tuple[tuple[str, str], ...]


class AfterPages:
    """Urgent releases that are owed a look, and passes that stand."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def releases(self, visit: Visit) -> Reply:
        """List the urgent releases that nobody has looked at, the nearest deadline first."""
        shown = await self._desk.looking(visit.session).read(DeskName.URGENT)
        late = sum(view.is_overdue or view.due <= visit.now for view in shown.releases)
        finding = "Every urgent release was looked at."
        if shown.releases:
            count = counted(len(shown.releases), "urgent release waits", "urgent releases wait")
            finding = f"{count} for a look{f', {late:,} of them overdue' if late else ''}."
        return self._views.page(
            "urgent.html",
            visit,
            finding=finding,
            rows=[release_row(view, visit.person.state, visit.now) for view in shown.releases],
        )

    async def release(self, visit: Visit) -> Reply:
        """Show one urgent release with whom it was about; that it was shown is recorded first."""
        return self._release(visit, await self._shown(visit, DeskName.URGENT))

    async def look(self, visit: Visit) -> Reply:
        """Take what a reviewer found after calling the agency back; it is recorded at once."""
        shown = await self._shown(visit, DeskName.URGENT)
        (view,) = shown.releases
        given = {name: visit.form.one(name).strip() for name in ("found", "answered", "note")}
        wrong = _wrong(view, given)
        if wrong:
            return self._release(visit, shown, given, wrong, status=422)
        try:
            await self._desk.looking(visit.session).look(
                view.entry,
                justified=_FOUND[given["found"]],
                called=view.phone,
                answered=" ".join(given["answered"].split()),
                note=" ".join(given["note"].split()),
            )
        except GatewayRefusalError as error:
            self._desk.opened.forget_desk(visit.form_token, view.entry)
            raise _gone(error) from None
        self._desk.opened.forget_desk(visit.form_token, view.entry)
        return go_to(url_of(Name.URGENT))

    async def passes(self, visit: Visit) -> Reply:
        """List the case passes that stand, with how often each was used."""
        shown = await self._desk.looking(visit.session).read(DeskName.PASSES)
        uses = sum(view.uses for view in shown.passes)
        finding = "No case pass stands."
        if shown.passes:
            count = counted(len(shown.passes), "case pass stands", "case passes stand")
            used = f"used {counted(uses, 'time')}" if uses else "not used"
            finding = f"{count}, {used} so far."
        return self._views.page(
            "passes.html",
            visit,
            finding=finding,
            rows=[pass_row(view, visit.person.state, visit.now) for view in shown.passes],
        )

    async def one_pass(self, visit: Visit) -> Reply:
        """Show one pass with the persons that it names; that it was shown is recorded first."""
        return self._pass(visit, await self._shown(visit, DeskName.PASSES))

    async def end_pass(self, visit: Visit) -> Reply:
        """End a pass, at once."""
        shown = await self._shown(visit, DeskName.PASSES)
        (view,) = shown.passes
        note = " ".join(visit.form.one("note").split())
        if len(note) > NOTE_CHARACTERS_MAX or not note.isprintable():
            wrong = (("note", f"At most {NOTE_CHARACTERS_MAX} letters, digits and marks."),)
            return self._pass(visit, shown, note, wrong, status=422)
        self._desk.opened.forget_desk(visit.form_token, view.entry)
        try:
            await self._desk.looking(visit.session).end_pass(view.entry, note)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        return go_to(url_of(Name.PASSES))

    async def _shown(self, visit: Visit, desk: DeskName) -> DeskShown:
        """Return an entry as this session was shown it, else have the gateway show it.

        Raises: ProblemError if there is no such entry of the person's state.
        """
        entry = entry_name(visit.person.state, int(visit.values["number"]))
        known = self._desk.opened.desk(visit.form_token, entry, visit.now)
        if known is not None and (known.releases if desk is DeskName.URGENT else known.passes):
            return known
        try:
            shown = await self._desk.looking(visit.session).read(desk, entry)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        self._desk.opened.put_desk(visit.form_token, entry, shown, visit.now)
        return shown

    def _release(
        self,
        visit: Visit,
        shown: DeskShown,
        given: dict[str, str] | None = None,
        wrong: _Wrong = (),
        *,
        status: int = 200,
    ) -> Reply:
        (view,) = shown.releases
        return self._views.page(
            "look.html",
            visit,
            status=status,
            **release_facts(view, visit.person.state, visit.now),
            access_entry=shown.access_entry.upper(),
            given=given or {"found": "", "answered": "", "note": ""},
            wrong=wrong,
            faults=dict(wrong),
            back=url_of(Name.URGENT),
        )

    def _pass(
        self,
        visit: Visit,
        shown: DeskShown,
        note: str = "",
        wrong: _Wrong = (),
        *,
        status: int = 200,
    ) -> Reply:
        (view,) = shown.passes
        return self._views.page(
            "pass.html",
            visit,
            status=status,
            **pass_facts(view, visit.person.state, visit.now),
            access_entry=shown.access_entry.upper(),
            note=note,
            wrong=wrong,
            faults=dict(wrong),
            back=url_of(Name.PASSES),
        )


def _wrong(view: ReleaseView, given: dict[str, Any]) -> _Wrong:
    """Return what has to be mended before a look is recorded."""
    found: list[tuple[str, str]] = []
    if given["found"] not in _FOUND:
        found.append(("found", "Say whether it was justified."))
    elif _FOUND[given["found"]] and not view.phone:
        found.append(("found", "Nobody can be called back: it can only be found not justified."))
    answered, note = (" ".join(given[name].split()) for name in ("answered", "note"))
    if not answered or len(answered) > CALL_CHARACTERS_MAX or not answered.isprintable():
        at_most = f"in 1 to {CALL_CHARACTERS_MAX} characters"
        found.append(("answered", f"Write what was said on the phone, {at_most}."))
    if len(note) > NOTE_CHARACTERS_MAX or not note.isprintable():
        found.append(("note", f"At most {NOTE_CHARACTERS_MAX} letters, digits and marks."))
    return tuple(found)


def _gone(error: GatewayRefusalError) -> Exception:
    """Return what a page says of an entry that is no more as it was shown."""
    problem = _GONE.get(error.reason)
    return error if problem is None else ProblemError(problem)
