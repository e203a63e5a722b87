"""The queue: what waits for a state's reviewers, by the clock that ends first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from comity.console.desk import Desk
from comity.console.hosted import directory_here
from comity.console.pages.assigned_words import (
    Taken,
    conflicted,
    passed_said,
    reviewer_rows,
    reviewers_here,
    standing,
)
from comity.console.pages.planted_words import caught_said
from comity.console.pages.roster_words import staffed_said
from comity.console.pages.triage_words import (
    choice_of,
    chosen_said,
    chosen_url,
    facet_fields,
    load_said,
    quotas_said,
)
from comity.console.pages.verdict_words import verdict_rows
from comity.console.people import Role
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import classes_said, counted, iso, left_said, listed, moment_said, tone_of
from comity.directory.directory import Directory
from comity.domain.agency import Agency, Family
from comity.domain.decision import RuleId
from comity.domain.ids import Member
from comity.domain.vocabulary import Purpose, term
from comity.exchange.facts import local_day
from comity.policy import Quota
from comity.policy.block import blocks_of
from comity.policy.errors import RuleFormError
from comity.review.calendars import CalendarRangeError
from comity.review.load import Load, load_of, pace_of
from comity.review.queue import QueueCounts, QueuePlace
from comity.services.review_queue import PAGE_HOLDS, AgencyOf, QueueItem, QueuePage
from comity.services.rules_in_force import NoRulesError
from comity.services.sealed_rows import LeavesMissingError
from comity.services.triage import Choice, Sorted, Sorting

__all__ = ["QueuePages", "finding_of"]

_PACE_AGE_SECONDS: Final = 60.0
"""How old the last decisions may be by which the pace of a desk is told."""
_AFTER: Final = re.compile(r"([01])-([0-9]{1,15})-([0-9]{1,18})", re.ASCII)


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What stands apart from the list on its first page, by who has it."""

    mine: Sequence[QueueItem] = ()
    passed: Sequence[QueueItem] = ()
    others: Sequence[QueueItem] = ()

    @property
    def entries(self) -> tuple[str, ...]:
        """What was passed on, by entry."""
        return tuple(item.entry for item in self.passed)

    @property
    def items(self) -> tuple[QueueItem, ...]:
        """All of it."""
        return (*self.mine, *self.passed, *self.others)


class QueuePages:
    """The list of what waits."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def queue(self, visit: Visit) -> Reply:
        """Show a page of the queue, or of what was chosen of it, and the person's own verdicts that
        have not left.
        """
        person, now = visit.person, visit.now
        after, choice = _place(visit.query.one("after")), choice_of(visit.query)
        directory = await directory_here(self._desk, person.state)
        leaving = self._desk.verdicts.waiting_entries(person.state)
        taken = await standing(self._desk, person.state, now)
        quotas, blocks = await self._rules(person.state)
        is_first = after is None
        parts = _Parts()
        if not choice:
            parts = await self._parts(visit, taken, leaving, directory.agency, is_first=is_first)
        # A case of which the first page shows some apart stands below with the others of it.
        apart = () if choice else {*taken, *parts.entries}
        asked = Sorting(choice=choice, leaving=leaving, apart=apart, blocks=blocks, after=after)
        found = await self._desk.triage.sort(
            person.state, asked, now, lambda ori: _family(directory.agency(ori))
        )
        page = await self._page(visit, directory.agency, asked, found)
        assigns = person.has_any(Role.SUPERVISOR)
        rows = _Rows(visit, choice, taken, reviewers_here(self._desk, person.state))
        first = sorted((*parts.items, *page.items), key=_order)
        supervised = assigns and is_first
        return self._views.page(
            "queue.html",
            visit,
            counts={Name.QUEUE: page.counts.all},
            finding=" ".join(filter(None, (
                chosen_said(choice, found.matching, page.counts.all),
                "" if choice else finding_of(
                    page.counts, first, person.state, now, is_first=is_first,
                    mine=_waiting(parts.mine), passed=_waiting(parts.passed),
                ),
                load_said(await self._load(person.state, found, now), person.state, now),
            ))),
            figures_shown=_figures(page.counts),
            facets=facet_fields(found, choice),
            is_chosen=bool(choice),
            is_whole=found.is_whole,
            full=await self._full(visit, quotas, found, directory) if assigns else [],
            mine=[rows.row(item) for item in parts.mine],
            passed=[rows.row(item) for item in parts.passed] if is_first else [],
            others=[rows.row(item) for item in parts.others],
            rows=[rows.row(item) for item in page.items],
            reviewers=await reviewer_rows(self._desk, visit) if supervised else [],
            tests=await self._tests(visit) if supervised else "",
            staffed=staffed_said(self._desk.rosters(person.state), person.state, now),
            verdicts=self._own_verdicts(visit),
            back=chosen_url(visit.path, choice),
            more=page.more and chosen_url(visit.path, choice, after=_said(page.more)),
            is_first=is_first,
        )  # fmt: skip

    async def _page(
        self, visit: Visit, agency_of: AgencyOf, asked: Sorting, found: Sorted
    ) -> QueuePage:
        """Return the list: of what was chosen all of it, else what does not stand `apart`."""
        queue, state = self._desk.queue, visit.person.state
        leaving = asked.leaving
        if not found.is_whole and not asked.choice:
            return await queue.page(
                state, asked.after, visit.now, agency_of, leaving=leaving, apart=asked.apart
            )
        counts = found.all
        if not found.is_whole:
            counts = await queue.counts(state, visit.now, leaving=leaving)
        items = tuple(queue.listed(found.cases, agency_of))
        return QueuePage(items=items, counts=counts, more=found.more)

    async def _rules(self, state: Member) -> tuple[Sequence[Quota], Collection[RuleId]]:
        """Return the quotas and the blocks in force; none where no rules can be read."""
        try:
            bundle = (await self._desk.books.rules(state)).bundle
        except (NoRulesError, RuleFormError):
            return (), ()
        return bundle.quotas, blocks_of(bundle)

    async def _load(self, state: Member, found: Sorted, now: int) -> Load | None:
        """Return how far the desk gets with what waits; None where too little is known."""
        roster = self._desk.rosters(state)
        if roster is None or not found.ends or not found.is_whole:
            return None
        try:
            past = await self._desk.past.read(state, age_s=_PACE_AGE_SECONDS)
            pace = pace_of(await self._desk.figures.decided(state, past), roster, now)
            return None if pace is None else load_of(found.ends, pace, roster, now)
        except (CalendarRangeError, LeavesMissingError) as error:
            self._desk.events.failure("pace_not_counted", error, member=state)
            return None

    async def _full(
        self, visit: Visit, quotas: Sequence[Quota], found: Sorted, directory: Directory
    ) -> list[str]:
        state = visit.person.state
        if not quotas:
            return []
        days = await self._desk.store.desk_day(state, local_day(state, visit.now))
        return quotas_said(quotas, found.waiting, days, directory)

    async def _tests(self, visit: Visit) -> str:
        return caught_said((await self._desk.past.read(visit.person.state)).tests)

    def _own_verdicts(self, visit: Visit) -> list[dict[str, Any]]:
        person = visit.person
        if not person.has_any(Role.REVIEWER):
            return []
        own = self._desk.verdicts.of(person.state, person.signs_as)
        return verdict_rows(own, person.state, visit.now)

    async def _parts(
        self,
        visit: Visit,
        taken: Mapping[str, Taken],
        leaving: Collection[str],
        agency_of: AgencyOf,
        *,
        is_first: bool,
    ) -> _Parts:
        """Return what was passed on; for the first page the person's own too, and what others
        have.
        """
        person, queue = visit.person, self._desk.queue
        passed: list[QueueItem] = []
        if person.has_any(Role.SUPERVISOR):
            without = {*leaving, *taken}
            passed = await queue.passed_on(person.state, agency_of, leaving=without)
        if not is_first:
            return _Parts(passed=passed)
        here = [each for entry, each in taken.items() if entry not in leaving]
        mine = [each.row for each in here if each.whose.reviewer == person.signs_as]
        others = [each.row for each in here if each.whose.reviewer != person.signs_as]
        return _Parts(
            mine=queue.cases_of(mine, agency_of),
            passed=passed,
            others=queue.cases_of(others[:PAGE_HOLDS], agency_of),
        )


def finding_of(
    counts: QueueCounts,
    items: Sequence[QueueItem],
    member: Member,
    now: int,
    *,
    is_first: bool,
    mine: int = 0,
    passed: int = 0,
) -> str:
    """Return in a sentence how much waits, and when the first of it ends.

    `counts` and `items` are without those on which a verdict is on its way; `now` in Unix seconds.
    `mine` of them are the person's own, `passed` were passed on.
    """
    waits = counts.all - counts.asked
    if not waits and not counts.asked:
        return "Nothing waits for a decision."
    if not waits:
        asked = counted(counts.asked, "request waits", "requests wait")
        return f"Nothing waits for you: {asked} for the agency's reply."
    said = f"{counted(waits, 'request waits', 'requests wait')} for a decision"
    parts = ((counts.soon, "within the hour"), (mine, "yours"), (passed, "passed on"))
    beside = [what if waits == 1 else f"{n:,} of them {what}" for n, what in parts if n]
    if beside:
        said = f"{said}, {listed(beside)}"
    if is_first and items and items[0].asked_at is None:
        return f"{said}. The first clock ends at {moment_said(items[0].until, member, now)}."
    return f"{said}."


def _family(agency: Agency | None) -> Family | None:
    return None if agency is None else agency.family


def _figures(counts: QueueCounts) -> list[dict[str, Any]]:
    rows = (
        ("Ends within the hour", counts.soon),
        ("Ends within a day", counts.today),
        ("Later", counts.later),
        ("Waits for the agency's reply", counts.asked),
    )
    return [{"label": label, "value": f"{value:,}", "tone": "plain"} for label, value in rows]


def _waiting(items: Iterable[QueueItem]) -> int:
    """Return how many requests of these wait for a decision, and for no reply."""
    return sum(item.requests for item in items if item.asked_at is None)


def _order(item: QueueItem) -> tuple[bool, int, int]:
    return item.asked_at is not None, item.until, item.number


class _Rows:
    """Makes the rows of one page, as whoever looks at it may see them."""

    def __init__(
        self, visit: Visit, choice: Choice, taken: Mapping[str, Taken], names: Mapping[str, str]
    ) -> None:
        self._visit = visit
        self._choice = choice
        self._taken = taken
        self._names = names
        self._reviews = visit.person.has_any(Role.REVIEWER)
        self._assigns = visit.person.has_any(Role.SUPERVISOR)

    def row(self, item: QueueItem) -> dict[str, Any]:
        """Return a row of the queue."""
        member, now = self._visit.person.state, self._visit.now
        left = item.until - now
        stated = item.purpose is not Purpose.NOT_STATED
        is_barred = self._visit.person.signs_as in conflicted(item.passed)
        name = Name.CASE if item.requests == 1 else Name.SAME_CASE
        # Of a case the other requests can be opened, without the one.
        opens = self._reviews and (not is_barred or item.requests > 1)
        return {
            "entry": item.entry.upper(),
            "requests": item.requests,
            "url": url_of(name, number=item.number) if opens else "",
            "agency": item.agency_name or item.agency or "cannot be opened: its key is gone",
            "classes": classes_said(item.classes),
            "purpose": term(item.purpose).label if stated else "not stated",
            "case": item.case_number or "none",
            "why": self._why(item, is_barred=is_barred),
            "until": iso(item.until),
            "until_said": moment_said(item.until, member, now),
            "left": left_said(left),
            "tone": tone_of(left, is_waiting=item.asked_at is not None),
            "is_asked": item.asked_at is not None,
            **self._whose(item, is_barred=is_barred),
        }

    def _why(self, item: QueueItem, *, is_barred: bool) -> str:
        is_replied = bool(item.replies) and item.asked_at is None
        return "; ".join(
            (
                ", ".join(item.rules),
                *["proposed"] * item.is_proposed,
                *["the agency replied"] * is_replied,
                *["passed on"] * (bool(item.passed) and not is_barred),
                *["you declared a conflict of interest"] * is_barred,
            )
        )

    def _act(self, name: Name, number: int) -> str:
        # What was chosen of the queue is still chosen afterwards.
        return chosen_url(url_of(name, number=number), self._choice)

    def _whose(self, item: QueueItem, *, is_barred: bool) -> dict[str, Any]:
        """Return who has it, and what the person can do about that."""
        found, number = self._taken.get(item.entry), item.number
        is_mine = found is not None and found.whose.reviewer == self._visit.person.signs_as
        can_take = self._reviews and found is None and not is_barred
        return {
            "whose": "" if found is None or is_mine else self._names[found.whose.reviewer],
            "take": self._act(Name.TAKE, number) if can_take else "",
            "put_back": self._act(Name.PUT_BACK, number) if is_mine else "",
            "assign": url_of(Name.ASSIGNING, number=number) if self._assigns else "",
            "passed": passed_said(
                item.passed if self._assigns else (),
                self._names,
                self._visit.person.state,
                self._visit.now,
            ),
        }


def _place(text: str) -> QueuePlace | None:
    """Return the place after which a page begins. Raises: ProblemError."""
    if not text:
        return None
    found = _AFTER.fullmatch(text)
    if found is None:
        raise ProblemError(Problem.MALFORMED, "`after` is no place in the queue")
    return QueuePlace(is_asked=found[1] == "1", until=int(found[2]), leaf_index=int(found[3]))


def _said(place: QueuePlace) -> str:
    return f"{place.is_asked:d}-{place.until}-{place.leaf_index}"
