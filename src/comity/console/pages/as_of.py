"""The rules as of a day: which version decided, clause by clause, with its proof; on paper too.

Guarantee: page and paper are made of one value; who signed is named to those who answer for rules,
and counted for all others, on both.
Source: docs/adr/0044-legal-desk.md, "Decision: rules as of a day".
"""

from __future__ import annotations

import asyncio
import datetime as dt

from comity.console.days import day_bounds, parse_day, today_of
from comity.console.desk import Desk
from comity.console.hosted import directory_here
from comity.console.pages.history import NAMES_SIGNERS
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.domain.errors import ComityError
from comity.domain.ids import member_label
from comity.policy.layer import layered_rules
from comity.policy.rule import Rule
from comity.ports import Binder
from comity.services.binder_words import BinderFacts, binder_of
from comity.services.rule_history import read_signers
from comity.services.rules_as_of import AsOf, DayTooOldError, NoRulesThenError, rules_as_of

__all__ = ["AsOfPages"]

_HOUR = 3_600


class AsOfPages:
    """Rules as they were; one binder is made at a time."""

    def __init__(self, desk: Desk, views: Views, *, is_practice: bool) -> None:
        self._desk = desk
        self._views = views
        self._is_practice = is_practice
        self._one_at_a_time = asyncio.Lock()

    async def page(self, visit: Visit) -> Reply:
        """Show the rules of the day asked for; of today where none is."""
        text = visit.query.one("day").strip()
        today = today_of(visit)
        day = parse_day(text) if text else today
        if day is None or day > today:
            return self._unknown(visit, text, "Write a day that is not to come, as 2026-03-14.")
        try:
            binder = await self._binder(visit, day)
        except NoRulesThenError:
            said = f"{member_label(visit.person.state)} had no rules in force here by then."
            return self._unknown(visit, text, said)
        except DayTooOldError as error:
            return self._unknown(visit, text, f"That is too long ago for this page: {error}.")
        return self._views.page(
            "as_of.html",
            visit,
            binder=binder,
            finding=binder.headline,
            day=day.isoformat(),
            paper=url_of(Name.AS_OF_PAPER, day=day.isoformat()),
            fault="",
            history=url_of(Name.HISTORY),
        )

    async def paper(self, visit: Visit) -> Reply:
        """Give the same as PDF."""
        day = parse_day(visit.values["day"])
        if day is None or day > today_of(visit):
            raise ProblemError(Problem.NO_SUCH_PAGE)
        try:
            binder = await self._binder(visit, day)
        except (NoRulesThenError, DayTooOldError) as error:
            raise ProblemError(Problem.NO_SUCH_PAGE, str(error)) from None
        async with self._one_at_a_time:
            body = await asyncio.to_thread(self._desk.bind, binder)
        name = f"{visit.person.state}-rules-{day.isoformat()}.pdf"
        return Reply(media="application/pdf", body=body, attachment=name)

    async def _binder(self, visit: Visit, day: dt.date) -> Binder:
        state, desk = visit.person.state, self._desk
        await directory_here(desk, state)
        begins, ends = day_bounds(day, state)
        is_today = visit.now < ends
        async with self._one_at_a_time:
            found = await rules_as_of(
                desk.store, desk.ledger, state, begins=begins, before=min(ends, visit.now + 1)
            )
        signers = await read_signers(desk.records, state, (found.leaf_index,))
        return binder_of(
            found,
            BinderFacts(
                day=day,
                # Of today by the hour: within it, what has not changed is the same paper.
                at=visit.now // _HOUR * _HOUR if is_today else ends - 1,
                is_today=is_today,
                rules=self._rules(found),
                signers=signers.get(found.leaf_index),
                shows_names=visit.person.has_any(*NAMES_SIGNERS),
                practice=self._is_practice,
            ),
        )

    def _rules(self, found: AsOf) -> tuple[Rule, ...] | None:
        """Return what decided; None where the national rules adopted then are not kept here."""
        try:
            return layered_rules(found.bundle, self._desk.books.national_of(found.bundle))
        except ComityError as error:
            self._desk.events.failure("national_rules_not_kept", error, member=found.member)
            return None

    def _unknown(self, visit: Visit, text: str, fault: str) -> Reply:
        label = member_label(visit.person.state)
        return self._views.page(
            "as_of.html",
            visit,
            status=422,
            binder=None,
            finding=f"Which day's rules of {label} are asked for?",
            day=text,
            paper="",
            fault=fault,
            history=url_of(Name.HISTORY),
        )
