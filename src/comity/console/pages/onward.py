"""Onward transfers: what agencies told of them, held against the rules in force, and asking.

The list is read by the role that only reads, and names nobody in a record; an agency's words are
opened one at a time on a signed reading, which the gateway records first.
Source: docs/adr/0056-onward-transfers.md.
"""

from __future__ import annotations

from typing import Final

from comity.console.desk import Desk
from comity.console.hosted import directory_here
from comity.console.pages.onward_words import asked_row, onward_finding, told_facts, told_row
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import ASKS_ONWARD, Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.domain.after_review import Desk as DeskName
from comity.domain.errors import ComityError
from comity.domain.ids import entry_name, member_label, parse_entry_name
from comity.domain.onward import OnwardStands
from comity.link.errors import GatewayRefusalError
from comity.link.onward import OnwardShown
from comity.link.review import DeskShown
from comity.policy import CompiledPolicy
from comity.review.onward import OnwardAskedError, OnwardQuestionError, OnwardUnknownError
from comity.services.onward_book import Rules

__all__ = ["OnwardPages"]

_ENTRY_CHARS_MAX: Final = 24
_CANNOT: Final = {
    OnwardUnknownError.code: "No release of a record stands under this entry.",
    OnwardQuestionError.code: "This cannot be asked: it cannot be read any more to whom the release"
    " went, or no control terminal speaks for the state.",
}


class OnwardPages:
    """The list of the last 30 days, one word of an agency, and the question to one."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def listed(self, visit: Visit) -> Reply:
        """List what was asked and told, what nobody answered first."""
        return await self._page(visit, visit.query.one("release")[:_ENTRY_CHARS_MAX])

    async def ask(self, visit: Visit) -> Reply:
        """Ask an agency about one release; asked twice it is one question."""
        written = visit.form.one("release").strip()[:_ENTRY_CHARS_MAX]
        entry = _entry_of(visit, written)
        if not entry:
            return await self._page(visit, written, f"Write the entry of a release of {_of(visit)}")
        try:
            await self._desk.asking_onward(visit.session).ask_onward(entry)
        except GatewayRefusalError as error:
            if error.reason in _CANNOT:
                return await self._page(visit, written, _CANNOT[error.reason])
            if error.reason != OnwardAskedError.code:
                raise
        return go_to(url_of(Name.ONWARD))

    async def told(self, visit: Visit) -> Reply:
        """Show one word of an agency whole; that it was shown is recorded first."""
        shown = await self._shown(visit)
        assert shown.onward is not None
        (view,) = shown.onward.told
        return self._views.page(
            "onward_told.html",
            visit,
            **told_facts(view, visit.person.state),
            access_entry=shown.access_entry.upper(),
            back=url_of(Name.ONWARD),
        )

    async def _shown(self, visit: Visit) -> DeskShown:
        """Return what this session was shown, else what is shown now. Raises: ProblemError."""
        entry = entry_name(visit.person.state, int(visit.values["number"]))
        known = self._desk.opened.desk(visit.form_token, entry, visit.now)
        if known is not None and known.onward is not None:
            return known
        looking = self._desk.asking_onward(visit.session)
        try:
            shown = await looking.read(DeskName.ONWARD, entry)
        except GatewayRefusalError as error:
            if error.reason == OnwardUnknownError.code:
                raise ProblemError(Problem.NO_ONWARD) from None
            raise
        self._desk.opened.put_desk(visit.form_token, entry, shown, visit.now)
        return shown

    async def _page(self, visit: Visit, written: str = "", wrong: str = "") -> Reply:
        state = visit.person.state
        shown, is_ruled = await self._read(visit)
        may_ask = visit.person.has_any(*ASKS_ONWARD)
        waiting = [each for each in shown.asked if each.stands is not OnwardStands.ANSWERED]
        return self._views.page(
            "onward.html",
            visit,
            status=422 if wrong else 200,
            finding=onward_finding(shown, state),
            is_ruled=is_ruled,
            looked=_looked(shown),
            asked=[asked_row(each, visit.now) for each in waiting],
            told=[told_row(each, state, is_link=may_ask) for each in shown.told],
            may_ask=may_ask,
            action=url_of(Name.ASK_ONWARD),
            written=written,
            wrong=(("release", wrong),) if wrong else (),
        )

    async def _read(self, visit: Visit) -> tuple[OnwardShown, bool]:
        """Return what is shown, and whether the rules in force could be asked."""
        state, books = visit.person.state, self._desk.books
        directory = await directory_here(self._desk, state)
        policy: CompiledPolicy | None = None
        try:
            policy = await books.compiled(state)
        except ComityError as error:
            self._desk.events.failure("console_not_now", error)
        rules = Rules(policy=policy, directory=directory, now=visit.now)
        return await self._desk.onward.read(state, rules), policy is not None


def _entry_of(visit: Visit, written: str) -> str:
    """Return the entry of the person's own state that was written, in any of its forms, or none."""
    state = visit.person.state
    try:
        text = written.lower() if "/" in written else entry_name(state, int(written))
        member, index = parse_entry_name(text)
    except (ComityError, ValueError):
        return ""
    return entry_name(member, index) if member == state else ""


def _of(visit: Visit) -> str:
    state = visit.person.state
    return f"{member_label(state)}, such as {state.upper()}/1234."


def _looked(shown: OnwardShown) -> str:
    """Return what of the last 30 days is not on the page, in a sentence, or nothing."""
    if not shown.is_whole:
        return "The ledger is still being read: load the page again in a moment."
    if shown.told_count > len(shown.told):
        return f"The newest {len(shown.told):,} of {shown.told_count:,} are shown."
    return ""
