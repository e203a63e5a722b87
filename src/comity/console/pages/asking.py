"""Asking: one form, what it would likely get, and only then the question itself.

    1. the form says what is searched, of whom, why and in which case
    2. it becomes a draft, of which nothing changes any more; the gateway records that it was
       previewed, and says what it would get
    3. the draft is sent as it is, or left

Guarantee: no preview is shown that is not recorded; what is sent is the draft, whatever a form has.
Source: docs/adr/0042-asking-in-the-browser.md.
"""

from __future__ import annotations

from comity.console.desk import Desk
from comity.console.drafts import Draft
from comity.console.pages.asking_form import (
    CHOICES,
    DESTINATIONS_MAX,
    SEXES,
    Faults,
    Wanted,
    query_of,
    wanted_of,
)
from comity.console.pages.asking_words import asked_facts, preview_rows, preview_sentence
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import moment_said
from comity.domain.agency import Agency
from comity.ports import UnreachableError
from comity.services.requesting import FrontRefusedError, FrontUnclearError

__all__ = ["AskPages"]


class AskPages:
    """The form of a question, its preview, and its sending."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def ask(self, visit: Visit) -> Reply:
        """Show an empty form."""
        agency, _ = await self._place(visit)
        return self._form(visit, agency, Wanted())

    async def preview(self, visit: Visit) -> Reply:
        """Make a draft of a form, and have what it would get recorded and told."""
        agency, line = await self._place(visit)
        wanted = wanted_of(visit)
        desk = self._desk.asking
        query, wrong = query_of(wanted, visit.person, desk.drafts.draw_control())
        if query is None:
            return self._form(visit, agency, wanted, wrong, status=422)
        try:
            previewed = await desk.requesting.preview(line, query)
        except FrontRefusedError as error:
            said = (("to", f"The gateway does not take this: {error} (`{error.reason}`)."),)
            return self._form(visit, agency, wanted, said, status=422)
        except (FrontUnclearError, UnreachableError):
            raise ProblemError(Problem.NOT_PREVIEWED) from None
        draft = Draft(query=query, line=line, preview=previewed, at=visit.now)
        name = desk.drafts.put(visit.person, draft)
        return go_to(url_of(Name.QUESTION, question=name))

    async def draft(self, visit: Visit) -> Reply:
        """Show what a draft would likely get."""
        agency, _ = await self._place(visit)
        draft = self._draft(visit)
        states = draft.preview.states
        return self._views.page(
            "preview.html",
            visit,
            finding=preview_sentence(states),
            asked=asked_facts(draft.query, agency),
            states=[preview_rows(each) for each in states],
            entry=draft.preview.entry.upper(),
            at=moment_said(draft.at, visit.person.state, visit.now),
            send=url_of(Name.SEND, question=visit.values["question"]),
            anew=url_of(Name.ASK),
        )

    async def send(self, visit: Visit) -> Reply:
        """Send a draft as it stands; sent twice it is one question."""
        await self._place(visit)
        draft = self._draft(visit)
        try:
            await self._desk.asking.requesting.send(draft.line, draft.query)
        except FrontRefusedError as error:
            raise ProblemError(Problem.NOT_TAKEN, f"{error} (`{error.reason}`)") from None
        except (FrontUnclearError, UnreachableError):
            raise ProblemError(Problem.MAYBE_SENT) from None
        return go_to(url_of(Name.REQUEST, request=draft.query.control))

    async def _place(self, visit: Visit) -> tuple[Agency, str]:
        directory = await self._desk.books.directory()
        return self._desk.asking.place_of(visit.person, directory)

    def _draft(self, visit: Visit) -> Draft:
        """Return the draft that a path names. Raises: ProblemError if it is not this person's."""
        person = visit.person
        draft = self._desk.asking.drafts.get(person, visit.values["question"], visit.now)
        if draft is None:
            raise ProblemError(Problem.NO_DRAFT)
        # A place may have become another agency's since.
        said = (draft.query.origin, draft.query.claims.operator)
        if said != (person.asks_for, person.asks_as):
            raise ProblemError(Problem.NO_DRAFT)
        return draft

    def _form(
        self,
        visit: Visit,
        agency: Agency,
        wanted: Wanted,
        wrong: Faults = (),
        *,
        status: int = 200,
    ) -> Reply:
        return self._views.page(
            "ask.html",
            visit,
            status=status,
            agency=agency.name,
            operator=visit.person.asks_as,
            wanted=wanted,
            wrong=wrong,
            faults=dict(wrong),
            choices=CHOICES,
            sexes=SEXES,
            states_max=DESTINATIONS_MAX,
        )
