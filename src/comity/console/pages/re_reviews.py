"""Decisions that a second reviewer looks at again: what is owed, one opened, one judged.

Guarantee: whom a request was about is shown only once the gateway has recorded it; what the first
reviewer decided is not shown here; a look is signed by whoever is signed in, and changes nothing.
Source: docs/adr/0050-re-review.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.console.desk import Desk
from comity.console.opened_cases import OpenedAgain
from comity.console.pages.assigned_words import reviewers_here
from comity.console.pages.call_words import calls_said
from comity.console.pages.re_review_words import asked_facts, owed_row
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted
from comity.console.words import opened as opened_words
from comity.domain.ids import entry_name
from comity.domain.verdict import OpeningReading
from comity.domain.vocabulary import term
from comity.link.errors import GatewayRefusalError
from comity.review.past import PastDecision
from comity.review.re_review import (
    RE_REVIEW_NOTE_CHARS_MAX,
    ReReviewDoneError,
    ReReviewRefusedError,
)
from comity.services.openings import opened_fields, record_opening
from comity.services.past_decisions import Past
from comity.services.private_records import RecordGoneError
from comity.services.recorded_calls import recorded_calls

__all__ = ["OPENED", "ReReviewPages"]

ROWS_MAX: Final = 50
"""Decisions that the list shows."""
OPENED: Final = (
    "agency", "purpose", "offence", "operator", "assurance", "case", "instrument", "search",
    "rules", "accepted_at",
)  # fmt: skip
"""Fields of what was asked that are opened for a second look."""
_CODES: Final = {
    ReReviewDoneError.code: Problem.RE_REVIEW_DONE,
    ReReviewRefusedError.code: Problem.RE_REVIEW_REFUSED,
}
_DECISIONS: Final = ("release", "refuse")
_ANEW: Final = -1.0
"""An age at which nothing that was read before counts."""

_Wrong = tuple[tuple[str, str], ...]


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the form of a second look holds."""

    decision: str = ""
    classes: tuple[str, ...] = ()
    note: str = ""


class ReReviewPages:
    """What is owed a second look."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def listed(self, visit: Visit) -> Reply:
        """List the decisions of others that are chosen and not looked at again, newest first."""
        state = visit.person.state
        past = await self._desk.past.read(state)
        directory = await self._desk.books.directory()
        owed = [each for each in _owed(past)[:ROWS_MAX] if not await self._is_own(visit, each)]
        finding = "No decision waits for a second look by you."
        if owed:
            waits = counted(len(owed), "decision waits", "decisions wait")
            finding = f"{waits} for a second look by you."
        return self._views.page(
            "re_reviews.html",
            visit,
            finding=finding,
            rows=[owed_row(each, state, directory, visit.now) for each in owed],
        )

    async def one(self, visit: Visit) -> Reply:
        """Show what is public of one decision, and what was asked if this session opened it."""
        each = await self._find(visit)
        entry = entry_name(visit.person.state, each.index)
        return await self._page(
            visit, each, self._desk.opened.again(visit.form_token, entry, visit.now)
        )

    async def open_case(self, visit: Visit) -> Reply:
        """Have the gateway record that what was asked is shown; then show it."""
        each = await self._find(visit)
        state, signer = visit.person.state, self._desk.again_signer(visit.session)
        reading = OpeningReading(
            state=state,
            entry=entry_name(state, each.hold_index),
            fields=OPENED,
            reviewer=signer.name,
            at=visit.now,
        )
        try:
            access = await record_opening(self._desk.bus, self._desk.host, reading, signer.sign)
            opened = await opened_fields(self._desk.records, reading, access)
            calls = await recorded_calls(
                self._desk.ledger, self._desk.records, state, each.hold_index, each.index
            )
        except GatewayRefusalError as error:
            raise _gone(error) from None
        except RecordGoneError:
            raise ProblemError(Problem.RE_REVIEW_GONE) from None
        entry = entry_name(state, each.index)
        shown = OpenedAgain(opened=opened, calls=calls)
        self._desk.opened.put_again(visit.form_token, entry, shown, visit.now)
        return go_to(url_of(Name.RE_REVIEW, number=visit.values["number"]))

    async def look(self, visit: Visit) -> Reply:
        """Take what a second reviewer would have decided; it is recorded at once."""
        each = await self._find(visit)
        state = visit.person.state
        entry = entry_name(state, each.index)
        shown = self._desk.opened.again(visit.form_token, entry, visit.now)
        if shown is None:
            # Nobody judges what they have not read; a session that began anew reads it again.
            return go_to(url_of(Name.RE_REVIEW, number=visit.values["number"]))
        given = _Given(
            decision=visit.form.one("decision"),
            classes=visit.form.several("class"),
            note=" ".join(visit.form.one("note").split()),
        )
        wrong = _wrong(each, given)
        if wrong:
            return await self._page(visit, each, shown, given, wrong)
        approved = tuple(part for part in each.held if part in given.classes)
        try:
            await self._desk.looking(visit.session).look_again(entry, approved, given.note)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        finally:
            await self._desk.past.read(state, age_s=_ANEW)
        return go_to(url_of(Name.RE_REVIEWS))

    async def _find(self, visit: Visit) -> PastDecision:
        """Return a decision that is owed a look. Raises: ProblemError."""
        number = int(visit.values["number"])
        past = await self._desk.past.read(visit.person.state)
        found = next((each for each in _owed(past) if each.index == number), None)
        if found is None:
            raise ProblemError(Problem.RE_REVIEW_DONE)
        if await self._is_own(visit, found):
            raise ProblemError(Problem.RE_REVIEW_REFUSED)
        return found

    async def _is_own(self, visit: Visit, each: PastDecision) -> bool:
        """Whether the person decided it; where nobody knows who did, nobody looks again."""
        decider = await self._desk.figures.decider(visit.person.state, each.index)
        return decider in ("", visit.person.signs_as)

    async def _page(
        self,
        visit: Visit,
        each: PastDecision,
        shown: OpenedAgain | None,
        given: _Given | None = None,
        wrong: _Wrong = (),
    ) -> Reply:
        state = visit.person.state
        directory = await self._desk.books.directory()
        row = owed_row(each, state, directory, visit.now)
        given = given or _Given()
        return self._views.page(
            "re_review.html",
            visit,
            status=422 if wrong else 200,
            finding=f"{row['agency']} asked for {row['parts_said']}: what would you have decided?",
            row=row,
            facts_shown=shown and asked_facts(shown.opened, directory, state, visit.now),
            calls=calls_said(
                shown.calls.calls if shown else (),
                reviewers_here(self._desk, state),
                state,
                visit.now,
            ),
            has_all_calls=shown is None or shown.calls.is_whole,
            access_entry=shown.opened.access_entry.upper() if shown else "",
            open_it=url_of(Name.OPEN_RE_REVIEW, number=each.index),
            action=url_of(Name.GIVE_RE_REVIEW, number=each.index),
            classes=[
                (part.value, opened_words(term(part).label), part.value in given.classes)
                for part in each.held
            ],
            given=given,
            wrong=wrong,
            faults=dict(wrong),
            back=url_of(Name.RE_REVIEWS),
        )


def _owed(past: Past) -> list[PastDecision]:
    """Return the decisions that are chosen and not looked at again."""
    return [each for each in past.decisions if each.is_chosen and each.index not in past.looks]


def _wrong(each: PastDecision, given: _Given) -> _Wrong:
    """Return what of a form is to be mended, by field."""
    wrong: list[tuple[str, str]] = []
    decision, classes = given.decision, given.classes
    if decision not in _DECISIONS:
        wrong.append(("decision", "Say whether you would have released anything."))
    if not {*classes} <= {part.value for part in each.held} or len({*classes}) != len(classes):
        wrong.append(("class", "Choose among the parts that were held."))
    elif decision == "release" and not classes:
        wrong.append(("class", "Choose the parts that you would have released."))
    elif decision == "refuse" and classes:
        wrong.append(("class", "A refusal releases no part: choose none."))
    if len(given.note) > RE_REVIEW_NOTE_CHARS_MAX or not given.note.isprintable():
        limit = f"At most {RE_REVIEW_NOTE_CHARS_MAX} letters, digits and marks."
        wrong.append(("note", limit))
    return tuple(wrong)


def _gone(error: GatewayRefusalError) -> Exception:
    problem = _CODES.get(error.code)
    return ProblemError(problem) if problem is not None else error
