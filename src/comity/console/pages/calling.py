"""A call back is recorded: the page with the agency's number, and the signed record.

INVARIANT (review-is-verified): which number counts is the gateway's to say; this page shows the one
that the directory has, signs what was heard there, and sends it at once.
Source: docs/adr/0061-call-backs.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.console.desk import Desk
from comity.console.hosted import directory_here
from comity.console.pages.assigned_words import conflicted, waiting_row
from comity.console.pages.call_words import OUTCOMES
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import iso, left_said, tone_of
from comity.domain.call_back import (
    CALLS_MAX,
    SAID_CHARACTERS_MAX,
    CallBack,
    CallOutcome,
    call_note,
    is_said,
)
from comity.domain.ids import ORI, entry_name
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.ports import HoldRow, UnreachableError
from comity.review.call_backs import CallBackNumberError, CallBacksFullError
from comity.review.conflicts import ConflictError
from comity.review.signatures import VerdictError
from comity.review.verdicts import HoldClosedError
from comity.services.review_queue import QueueItem

__all__ = ["CallPages"]

_PROBLEMS: Final = {
    HoldClosedError.code: Problem.HOLD_CLOSED,
    ConflictError.code: Problem.CONFLICT,
    VerdictError.code: Problem.CHANGED,
    CallBackNumberError.code: Problem.CALL_NUMBER,
    CallBacksFullError.code: Problem.CALLS_FULL,
}


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the form holds; `number` is the one that its page showed."""

    step: str = ""
    number: str = ""
    outcome: str = ""
    said: str = ""


class CallPages:
    """The record of a call."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def consider(self, visit: Visit) -> Reply:
        """Show whom to call and where; the case is not opened for it."""
        row = await waiting_row(self._desk, visit)
        self._check_no_conflict(visit, row)
        return await self._page(visit, row, _Given())

    async def record(self, visit: Visit) -> Reply:
        """Sign and send the record of a call; sent twice, the first one stands."""
        row = await waiting_row(self._desk, visit)
        self._check_no_conflict(visit, row)
        form = visit.form
        given = _Given(
            step=form.one("step"),
            number=form.one("number"),
            outcome=form.one("outcome"),
            said=" ".join(form.one("said").split()),
        )
        if self._is_recorded(visit, row, given):
            return self._to_case(visit)
        if given.step != str(row.next_step):
            raise ProblemError(Problem.CHANGED)
        _, phone = await self._whom(visit, row)
        if not phone or given.number != phone:
            raise ProblemError(Problem.CALL_NUMBER)
        if len(self._desk.queue.calls_on(row)) >= CALLS_MAX:
            raise ProblemError(Problem.CALLS_FULL)
        wrong = _wrong(given)
        if wrong:
            return await self._page(visit, row, given, wrong)
        self._take_back_own(visit, row)
        await self._send(visit, row, given)
        self._desk.opened.forget_case(entry_name(row.member, row.leaf_index))
        return self._to_case(visit)

    def _check_no_conflict(self, visit: Visit, row: HoldRow) -> None:
        if visit.person.signs_as in conflicted(self._desk.queue.passed_by(row)):
            raise ProblemError(Problem.CONFLICT)

    def _is_recorded(self, visit: Visit, row: HoldRow, given: _Given) -> bool:
        """Say whether this very call of this person stands already, at the step of the form."""

        def said(call: CallBack) -> tuple[str, ...]:
            return call.reviewer, str(call.step), call.number, call.outcome.value, call.said

        own = (visit.person.signs_as, given.step, given.number, given.outcome, given.said)
        return any(said(call) == own for call in self._desk.queue.calls_on(row))

    def _take_back_own(self, visit: Visit, row: HoldRow) -> None:
        """Take back one's own verdict that waits: it was given without knowing of this call.

        Another's is not waited for: it has no effect behind a call, and its author reads why.
        """
        entry, person = entry_name(row.member, row.leaf_index), visit.person
        kept = self._desk.verdicts.on(entry)
        if kept is not None:
            step = kept.signed.verdict.step
            self._desk.verdicts.take_back(person.state, person.signs_as, entry, step)

    async def _send(self, visit: Visit, row: HoldRow, given: _Given) -> None:
        member = visit.person.state
        note = call_note(given.number, CallOutcome(given.outcome), given.said)
        try:
            await self._desk.reviewing(visit.session).call_back(row, note)
        except GatewayRefusalError as error:
            after = await self._desk.store.open_hold(row.member, row.leaf_index)
            if after is not None and self._is_recorded(visit, after, given):
                # The same form, sent twice at the same moment.
                return
            self._desk.events.failure("verdict_had_no_effect", error, member=member)
            problem = _PROBLEMS.get(error.reason)
            if problem is None:
                raise ProblemError(Problem.NOT_SHOWN, f"{error} (`{error.reason}`)") from None
            raise ProblemError(problem) from None
        except (GatewaySilentError, UnreachableError) as error:
            self._desk.events.failure("verdict_unknown", error, member=member)
            raise ProblemError(Problem.CALL_SILENT) from None
        self._desk.events.note("verdict_given", member=member)

    async def _whom(self, visit: Visit, row: HoldRow) -> tuple[QueueItem, str]:
        """Return a hold as the list shows it, and the number of its agency; empty for none."""
        directory = await directory_here(self._desk, visit.person.state)
        item = self._desk.queue.item(row, directory.agency)
        agency = directory.agency(ORI(item.agency)) if item.agency else None
        return item, agency.phone if agency is not None else ""

    def _to_case(self, visit: Visit) -> Reply:
        return go_to(f"{url_of(Name.CASE, number=visit.values['number'])}#calls")

    async def _page(
        self, visit: Visit, row: HoldRow, given: _Given, wrong: tuple[tuple[str, str], ...] = ()
    ) -> Reply:
        item, phone = await self._whom(visit, row)
        left = row.until - visit.now
        who = item.agency_name or item.agency or "an agency that cannot be read"
        finding = f"Call {who} at {phone}, then write down what was said."
        if not phone:
            finding = f"{who} cannot be called back: the directory has no number of it."
        return self._views.page(
            "call_back.html",
            visit,
            status=422 if wrong else 200,
            entry=item.entry.upper(),
            number=item.number,
            step=row.next_step,
            finding=finding,
            phone=phone,
            said_max=SAID_CHARACTERS_MAX,
            outcomes=[(each.value, f"{said}.", None) for each, said in OUTCOMES.items()],
            given=given,
            wrong=wrong,
            faults=dict(wrong),
            until=iso(row.until),
            left=left_said(left),
            tone=tone_of(left),
        )


def _wrong(given: _Given) -> tuple[tuple[str, str], ...]:
    """Return what of a form is to be mended, by field."""
    wrong: list[tuple[str, str]] = []
    if not is_said(given.said):
        limit = f"in 1 to {SAID_CHARACTERS_MAX} letters, digits and marks"
        wrong.append(("said", f"Write what was said, or that nobody answered, {limit}."))
    if given.outcome not in set(CallOutcome):
        wrong.append(("outcome", "Choose what came of the call."))
    return tuple(wrong)
