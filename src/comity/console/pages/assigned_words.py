"""Who has which request, as the queue and the page of an assignment say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from comity.console.assignments import Assigned
from comity.console.days import day_bounds, today_of
from comity.console.desk import Desk
from comity.console.people import Role
from comity.console.problems import Problem, ProblemError
from comity.console.visits import Visit
from comity.console.words import listed, moment_said, plain
from comity.domain.ids import Member, parse_entry_name
from comity.ports import HoldRow
from comity.review.conflicts import Ground
from comity.review.queue import WaitsFor
from comity.services.review_queue import PassedOn

__all__ = [
    "GROUNDS",
    "Taken",
    "conflicted",
    "names_said",
    "passed_said",
    "reviewer_rows",
    "reviewers_here",
    "standing",
    "waiting_row",
]

GROUNDS: Final = {
    Ground.KNOWS_PERSON: "I know the person, or somebody close to the person",
    Ground.WORKS_WITH_AGENCY: "I work or worked with the agency that asks",
    Ground.OTHER: "Another reason why I must not decide",
}
_GROUNDS_SAID: Final = {
    Ground.KNOWS_PERSON: "knows the person",
    Ground.WORKS_WITH_AGENCY: "works or worked with the agency",
    Ground.OTHER: "has another reason",
}


def reviewers_here(desk: Desk, state: Member) -> dict[str, str]:
    """Return a state's reviewers who can sign, by enrolled name: what they are called."""
    found = {
        person.signs_as: person.name
        for person in desk.people().persons
        if person.state == state and person.has_any(Role.REVIEWER) and person.signs_as
    }
    return dict(sorted(found.items(), key=lambda each: each[1]))


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A request that somebody has, as it waits, and whose it is."""

    whose: Assigned
    row: HoldRow


async def standing(desk: Desk, state: Member, now: int) -> dict[str, Taken]:
    """Return by entry what reviewers of a state have and waits still, in the order of the queue;
    what has ended is let go of.

    Of whoever is a reviewer no more, it is nothing. Raises: StoreDownError.
    """
    kept = {parse_entry_name(each.entry)[1]: each for each in desk.assignments.of(state, now)}
    if not kept:
        return {}
    rows = await desk.store.review_holds(state, list(kept))
    for number in kept.keys() - {row.leaf_index for row in rows}:
        desk.assignments.drop(kept[number].entry)
    here = reviewers_here(desk, state)
    found = (Taken(whose=kept[row.leaf_index], row=row) for row in rows)
    return {each.whose.entry: each for each in found if each.whose.reviewer in here}


def conflicted(passed: Iterable[PassedOn]) -> frozenset[str]:
    """Return the enrolled names of those who declared a conflict of interest."""
    return frozenset(each.reviewer for each in passed if each.ground is not None)


def passed_said(
    passed: Iterable[PassedOn], names: Mapping[str, str], member: Member, now: int
) -> list[str]:
    """Return in a sentence each who passed a request on, the newest first."""
    said = []
    for each in reversed(tuple(passed)):
        name = names.get(each.reviewer, each.reviewer)
        at = moment_said(each.at, member, now)
        if each.ground is not None:
            said.append(f"{name} declared a conflict of interest at {at}: "
                        f"{_GROUNDS_SAID[each.ground]}.")  # fmt: skip
        elif each.note:
            said.append(f"{name} passed it on at {at}: {plain(each.note)}")
        else:
            said.append(f"{name} passed it on at {at}.")
    return said


async def reviewer_rows(desk: Desk, visit: Visit) -> list[dict[str, Any]]:
    """Return each reviewer of the state with what they have, were given and decided today."""
    state, day = visit.person.state, today_of(visit)
    begins, _ = day_bounds(day, state)
    decided = await desk.decided.since(state, begins // 3_600)
    given = desk.assignments.given_on(state, day.toordinal())
    have = [each.whose.reviewer for each in (await standing(desk, state, visit.now)).values()]
    return [
        {
            "reviewer": reviewer,
            "name": name,
            "has": have.count(reviewer),
            "given": given.get(reviewer, 0),
            "decided": decided.get(reviewer, 0),
        }
        for reviewer, name in reviewers_here(desk, state).items()
    ]


def names_said(reviewers: Iterable[str], names: Mapping[str, str]) -> str:
    """Return reviewers by what they are called, as prose has them."""
    return listed([names.get(each, each) for each in sorted(reviewers)])


async def waiting_row(desk: Desk, visit: Visit) -> HoldRow:
    """Return the hold of the path. Raises: ProblemError if none waits there for a review."""
    row = await desk.store.open_hold(visit.person.state, int(visit.values["number"]))
    if row is None or row.waits_for is not WaitsFor.REVIEW:
        raise ProblemError(Problem.HOLD_CLOSED)
    return row
