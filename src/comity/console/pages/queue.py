"""The queue: what waits for a state's reviewers, by the clock that ends first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from comity.console.desk import Desk
from comity.console.hosted import directory_here
from comity.console.pages.roster_words import staffed_said
from comity.console.pages.verdict_words import verdict_rows
from comity.console.people import Role
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import classes_said, counted, iso, left_said, moment_said, tone_of
from comity.domain.ids import Member
from comity.domain.vocabulary import Purpose, term
from comity.review.queue import QueueCounts, QueuePlace
from comity.services.review_queue import QueueItem

__all__ = ["QueuePages", "finding_of"]

_AFTER: Final = re.compile(r"([01])-([0-9]{1,15})-([0-9]{1,18})", re.ASCII)


class QueuePages:
    """The list of what waits."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def queue(self, visit: Visit) -> Reply:
        """Show a page of the queue, and the person's own verdicts that have not left."""
        person = visit.person
        after = _place(visit.query.one("after"))
        directory = await directory_here(self._desk, person.state)
        on_their_way = self._desk.verdicts.waiting_entries(person.state)
        page = await self._desk.queue.page(
            person.state, after, visit.now, directory.agency, leaving=on_their_way
        )
        reviews = person.has_any(Role.REVIEWER)
        own = self._desk.verdicts.of(person.state, person.signs_as) if reviews else []
        return self._views.page(
            "queue.html",
            visit,
            counts={Name.QUEUE: page.counts.all},
            finding=finding_of(
                page.counts, page.items, person.state, visit.now, is_first=after is None
            ),
            figures_shown=_figures(page.counts),
            staffed=staffed_said(self._desk.rosters(person.state), person.state, visit.now),
            rows=[_row(item, person.state, visit.now, reviews=reviews) for item in page.items],
            verdicts=verdict_rows(own, person.state, visit.now),
            more=page.more and f"{visit.path}?after={_said(page.more)}",
            is_first=after is None,
        )


def finding_of(
    counts: QueueCounts,
    items: Sequence[QueueItem],
    member: Member,
    now: int,
    *,
    is_first: bool,
) -> str:
    """Return in a sentence how much waits, and when the first of it ends.

    `counts` and `items` are without those on which a verdict is on its way; `now` in Unix seconds.
    """
    waits = counts.all - counts.asked
    if not waits and not counts.asked:
        return "Nothing waits for a decision."
    if not waits:
        asked = counted(counts.asked, "request waits", "requests wait")
        return f"Nothing waits for you: {asked} for the agency's reply."
    said = f"{counted(waits, 'request waits', 'requests wait')} for a decision"
    if counts.soon:
        said = f"{said}, {counts.soon:,} of them within the hour"
    if is_first and items and items[0].asked_at is None:
        return f"{said}. The first clock ends at {moment_said(items[0].until, member, now)}."
    return f"{said}."


def _figures(counts: QueueCounts) -> list[dict[str, Any]]:
    rows = (
        ("Ends within the hour", counts.soon),
        ("Ends within a day", counts.today),
        ("Later", counts.later),
        ("Waits for the agency's reply", counts.asked),
    )
    return [{"label": label, "value": f"{value:,}", "tone": "plain"} for label, value in rows]


def _row(item: QueueItem, member: Member, now: int, *, reviews: bool) -> dict[str, Any]:
    left = item.until - now
    stated = item.purpose is not Purpose.NOT_STATED
    is_replied = bool(item.replies) and item.asked_at is None
    name = Name.CASE if item.requests == 1 else Name.SAME_CASE
    why = "; ".join(
        (
            ", ".join(item.rules),
            *["proposed"] * item.is_proposed,
            *["the agency replied"] * is_replied,
        )
    )
    return {
        "entry": item.entry.upper(),
        "requests": item.requests,
        "url": url_of(name, number=item.number) if reviews else "",
        "agency": item.agency_name or item.agency or "cannot be opened: its key is gone",
        "classes": classes_said(item.classes),
        "purpose": term(item.purpose).label if stated else "not stated",
        "case": item.case_number or "none",
        "why": why,
        "until": iso(item.until),
        "until_said": moment_said(item.until, member, now),
        "left": left_said(left),
        "tone": tone_of(left, is_waiting=item.asked_at is not None),
        "is_asked": item.asked_at is not None,
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
