"""Requests of one case: seen side by side, decided together.

Guarantee: a verdict is given only on what this session was shown as it stands, one signed verdict a
hold; what changed meanwhile is left out and named.
Source: docs/adr/0048-requests-of-one-case.md.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

from comity.console.desk import Desk
from comity.console.opened_cases import Look, OpenedCase
from comity.console.opening import open_cases
from comity.console.pages.assigned_words import reviewers_here
from comity.console.pages.call_words import calls_fact_together, calls_said
from comity.console.pages.same_case_words import (
    about_of,
    case_of,
    clauses_of,
    compared,
    consequence_together,
    finding_together,
)
from comity.console.pages.second_words import beyond_proposal, is_own_proposal
from comity.console.pages.verdict_form import (
    KINDS,
    NO_CLAUSE,
    Act,
    Given,
    act_of,
    approved_of,
    given_of,
    note_of,
    who_of,
    wrong_of,
)
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import NUMBER_DIGITS_MAX, Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import iso, left_said, moment_said, tone_of
from comity.domain.ids import entry_name, parse_entry_name
from comity.link.command import HoldView
from comity.review.verdicts import NOTE_CHARACTERS_MAX
from comity.services.outgoing import OutgoingFullError
from comity.services.review_queue import TOGETHER_MAX

__all__ = ["SameCasePages"]

_ACTS: Final = (Act.RELEASE, Act.ASK, Act.REFUSE)
"""Parts and passes differ from request to request: they are decided case by case."""
_BEYOND: Final = "Of one of them less was proposed than is held: decide on that one by itself."
_OF: Final = re.compile(rf"([0-9]{{1,{NUMBER_DIGITS_MAX}}})-([0-9]{{1,5}})", re.ASCII)


class SameCasePages:
    """The requests of a case, the page before a verdict on all, and what a person does with it."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def requests(self, visit: Visit) -> Reply:
        """Show the requests of a case side by side; that each was shown is recorded first."""
        shown, requests = await self._open(visit)
        if requests == 1:
            return go_to(url_of(Name.CASE, number=shown[0].hold.entry.rpartition("/")[2]))
        holds = [each.hold for each in shown]
        found, first = compared(holds), holds[0]
        number = visit.values["number"]
        return self._views.page(
            "same_case.html",
            visit,
            finding=finding_together(holds, requests, found),
            case=case_of(first),
            requests=requests,
            clock=_clock(first, visit.now),
            first_ends=moment_said(first.until, visit.person.state, visit.now),
            labels=found.labels,
            rows=[_row(*each, visit) for each in zip(shown, found.rows, strict=True)],
            has_odd=any(is_odd for row in found.rows for _, is_odd in row),
            alike=[("Asked by", f"{who_of(first)} ({first.agency})"), *found.alike],
            calls=self._calls(visit, holds),
            more=requests - len(holds),
            shown=len(holds),
            others=self._others(visit, shown),
            acts={act.name.lower(): _act_url(number, act) for act in _ACTS},
            queue=url_of(Name.QUEUE),
        )

    async def consider(self, visit: Visit) -> Reply:
        """Show what a verdict on all that are shown would do, with what it needs."""
        act = _act_of(visit)
        shown, _ = await self._open(visit)
        return self._consider(visit, [each.hold for each in shown], act, Given(classes=()))

    async def decide(self, visit: Visit) -> Reply:
        """Take one verdict on each request of the form; they leave together within the minute."""
        act = _act_of(visit)
        holds, left_out = await self._standing(visit)
        if not holds:
            raise ProblemError(Problem.CHANGED)
        given = given_of(visit)
        faults = [wrong_of(act, hold, given) for hold in holds]
        if any(beyond_proposal(hold, approved_of(act, hold, given)) for hold in holds):
            faults.append((("note", _BEYOND),))
        wrong = tuple(dict.fromkeys(fault for found in faults for fault in found))
        if wrong:
            return self._consider(visit, holds, act, given, wrong, status=422)
        me = visit.person.signs_as
        own = [hold for hold in holds if is_own_proposal(hold, approved_of(act, hold, given), me)]
        if len(own) == len(holds):
            raise ProblemError(Problem.SECOND_REVIEWER)
        left_out += [hold.entry for hold in own]
        holds = [hold for hold in holds if hold not in own]
        reviewing = self._desk.reviewing(visit.session)
        signed = [
            reviewing.verdict(
                hold, KINDS[act], approved_of(act, hold, given), note_of(act, hold, given)
            )
            for hold in holds
        ]
        try:
            kept = self._desk.verdicts.add_together(
                list(zip(holds, signed, strict=True)),
                self._desk.giving(visit.session),
                holds[0].case_number,
                left_out,
            )
        except OutgoingFullError:
            raise ProblemError(Problem.TOO_MANY_WAIT) from None
        if not kept:
            raise ProblemError(self._why_none(visit, holds))
        return go_to(url_of(Name.QUEUE))

    async def take_back(self, visit: Visit) -> Reply:
        """Take back what waits of verdicts that were given together."""
        person, (entry, step) = visit.person, _verdict_of(visit)
        if not self._desk.verdicts.take_back_together(person.state, person.signs_as, entry, step):
            raise ProblemError(Problem.HOLD_CLOSED)
        return go_to(url_of(Name.QUEUE))

    async def send_now(self, visit: Visit) -> Reply:
        """Send what waits of verdicts that were given together."""
        person, (entry, step) = visit.person, _verdict_of(visit)
        if not await self._desk.verdicts.send_together(person.state, person.signs_as, entry, step):
            raise ProblemError(Problem.HOLD_CLOSED)
        return go_to(url_of(Name.QUEUE))

    async def _open(self, visit: Visit) -> tuple[list[OpenedCase], int]:
        """Return the requests of a hold's case that nobody decides yet, shown, and how many wait.

        Raises: ProblemError if none does.
        """
        state = visit.person.state
        row = await self._desk.store.open_hold(state, int(visit.values["number"]))
        if row is None:
            raise ProblemError(Problem.HOLD_CLOSED)
        leaving = self._desk.verdicts.waiting_entries(state)
        same = await self._desk.queue.same_case(row, leaving=leaving)
        shown = await open_cases(self._desk, visit, same.holds)
        if not shown:
            raise ProblemError(Problem.HOLD_CLOSED)
        return shown, same.requests - len(same.holds) + len(shown)

    async def _standing(self, visit: Visit) -> tuple[list[HoldView], list[str]]:
        """Return the requests of a form as this session was shown them, and the entries of those
        that do not stand so any more. Raises: ProblemError for what no page sends.
        """
        state, wanted = visit.person.state, _wanted(visit)
        rows = await asyncio.gather(
            *(self._desk.store.open_hold(state, number) for number, _ in wanted)
        )
        holds: list[HoldView] = []
        left_out: list[str] = []
        for (number, step), row in zip(wanted, rows, strict=True):
            entry = entry_name(state, number)
            known = self._desk.opened.get(visit.form_token, entry, step, visit.now)
            if row is None or row.next_step != step or known is None:
                left_out.append(entry)
            elif holds and _case_key(known.hold) != _case_key(holds[0]):
                raise ProblemError(Problem.MALFORMED, "`of` names requests of several cases")
            else:
                holds.append(known.hold)
        return holds, left_out

    def _consider(
        self,
        visit: Visit,
        holds: Sequence[HoldView],
        act: Act,
        given: Given,
        wrong: tuple[tuple[str, str], ...] = (),
        *,
        status: int = 200,
    ) -> Reply:
        number = visit.values["number"]
        return self._views.page(
            "decide_same_case.html",
            visit,
            status=status,
            act=act.value,
            finding=consequence_together(act, holds),
            case=case_of(holds[0]),
            requests=len(holds),
            clock=_clock(holds[0], visit.now),
            action=_act_url(number, act),
            of=[f"{_number(hold)}-{hold.next_step}" for hold in holds],
            listed=[(hold.entry.upper(), ", ".join(about_of(hold))) for hold in holds],
            clauses=[
                (r.rule, f"{r.rule}: {r.sentence}", r.statute or None) for r in clauses_of(holds)
            ]
            + [(NO_CLAUSE, "None of these", "Say why in your own words")],
            given=given,
            wrong=wrong,
            faults=dict(wrong),
            note_max=NOTE_CHARACTERS_MAX,
            calls_fact=calls_fact_together(holds) if act is Act.RELEASE else None,
            back=url_of(Name.SAME_CASE, number=number),
        )

    def _calls(self, visit: Visit, holds: Sequence[HoldView]) -> list[dict[str, Any]]:
        """Return the calls back of each request that has any."""
        state = visit.person.state
        names = reviewers_here(self._desk, state)
        return [
            {
                "entry": hold.entry.upper(),
                "calls": calls_said(hold.calls, names, state, visit.now),
            }
            for hold in holds
            if hold.calls
        ]

    def _others(self, visit: Visit, shown: Sequence[OpenedCase]) -> list[str]:
        """Note that this person looks, and tell who else did within the last minutes."""
        person = visit.person
        look = Look(state=person.state, subject=person.subject, name=person.name, at=visit.now)
        said: dict[str, str] = {}
        for each in shown:
            other = self._desk.opened.looked(each.hold.entry, look)
            if other is not None and other.name not in said:
                when = moment_said(other.at, person.state, visit.now)
                said[other.name] = f"{other.name} opened {each.hold.entry.upper()} at {when}."
        return list(said.values())

    def _why_none(self, visit: Visit, holds: Sequence[HoldView]) -> Problem:
        me = (visit.person.state, visit.person.signs_as)
        found = (self._desk.verdicts.on(hold.entry) for hold in holds)
        is_own = all(each is None or each.by == me for each in found)
        return Problem.ANOTHER_GIVEN if is_own else Problem.OVERTAKEN


def _act_of(visit: Visit) -> Act:
    """Return what the path names, if all can be decided so. Raises: ProblemError."""
    act = act_of(visit)
    if act not in _ACTS:
        raise ProblemError(Problem.NO_SUCH_PAGE)
    return act


def _wanted(visit: Visit) -> list[tuple[int, int]]:
    """Return the numbers and steps that a form names. Raises: ProblemError."""
    found = [_OF.fullmatch(text) for text in visit.form.several("of")]
    wanted = [(int(each[1]), int(each[2])) for each in found if each is not None]
    numbers = {number for number, _ in wanted}
    if not 1 <= len(numbers) == len(found) <= TOGETHER_MAX:
        raise ProblemError(
            Problem.MALFORMED, f"`of` names 1 to {TOGETHER_MAX} requests, each once, by its step"
        )
    return wanted


def _case_key(hold: HoldView) -> tuple[str, str]:
    return hold.agency, hold.case_number


def _number(hold: HoldView) -> int:
    return parse_entry_name(hold.entry)[1]


def _verdict_of(visit: Visit) -> tuple[str, int]:
    entry = entry_name(visit.person.state, int(visit.values["number"]))
    return entry, int(visit.values["step"])


def _act_url(number: str, act: Act) -> str:
    return url_of(Name.CONSIDER_SAME_CASE, number=number, act=act.value)


def _clock(hold: HoldView, now: int) -> dict[str, Any]:
    left = hold.until - now
    return {"until": iso(hold.until), "left": left_said(left), "tone": tone_of(left)}


def _row(
    shown: OpenedCase, cells: tuple[tuple[tuple[str, ...], bool], ...], visit: Visit
) -> dict[str, Any]:
    hold = shown.hold
    return {
        "entry": hold.entry.upper(),
        "url": url_of(Name.CASE, number=_number(hold)),
        "cells": cells,
        "clock": _clock(hold, visit.now),
        "access_entry": shown.access_entry.upper(),
    }
