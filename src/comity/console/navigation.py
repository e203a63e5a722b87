"""What stands at the head of every page: groups of pages, and the pages of the group at hand.

Guarantee: nobody is offered a page that their roles do not open; every page of a state belongs to
one group, so that a person always sees where they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from comity.console.people import Person
from comity.console.routes import Name, roles_of, url_of

__all__ = ["GROUPS", "Group", "navigation"]


class Group(NamedTuple):
    """Pages that belong together; `further` are those that no navigation names."""

    label: str
    pages: tuple[tuple[Name, str], ...]
    further: frozenset[Name] = frozenset()

    @property
    def names(self) -> frozenset[Name]:
        """Every page of the group."""
        return self.further | {name for name, _ in self.pages}


GROUPS: Final = (
    Group(
        "Ask",
        ((Name.ASK, "Ask"), (Name.REQUESTS, "My requests")),
        frozenset({Name.QUESTION, Name.REQUEST}),
    ),
    Group(
        "Review",
        (
            (Name.QUEUE, "Queue"),
            (Name.URGENT, "Urgent"),
            (Name.PASSES, "Passes"),
            (Name.INSTRUMENTS, "Instruments"),
            (Name.DECISIONS, "Past decisions"),
            (Name.RE_REVIEWS, "Second looks"),
            (Name.APPEALS, "Appeals"),
        ),
        frozenset(
            {
                Name.CASE, Name.CONSIDER, Name.RELEASE, Name.PASS, Name.NEW_INSTRUMENT,
                Name.INSTRUMENT, Name.SAME_CASE, Name.CONSIDER_SAME_CASE, Name.ASSIGNING,
                Name.CONFLICT, Name.CALL_BACK, Name.RE_REVIEW, Name.APPEAL,
            }
        ),
    ),
    Group(
        "Oversight",
        (
            (Name.FEED, "Federal queries"),
            (Name.NOTICES, "Notices to residents"),
            (Name.CERTIFICATIONS, "Certifications"),
            (Name.CLAIMS, "Claim checks"),
            (Name.ONWARD, "Onward transfers"),
        ),
        frozenset({Name.NOTICE, Name.CLAIM, Name.FEED_STREAM, Name.ONWARD_TOLD}),
    ),
    Group(
        "Rules",
        (
            (Name.RULES, "In force"),
            (Name.DRAFTS, "Drafts"),
            (Name.ACCESS, "Who can get what"),
            (Name.CONTROLS, "Controls"),
            (Name.WAITING, "Waiting for a second person"),
            (Name.HISTORY, "History"),
        ),
        frozenset(
            {
                Name.BLOCK, Name.BLOCKED, Name.CERTIFICATE, Name.DRAFT, Name.AROUND, Name.CLAUSE,
                Name.GUARANTEES, Name.REPLAYED, Name.LEAKS, Name.SIGNING,
            }
        ),
    ),
    Group(
        "Legal",
        (
            (Name.LITIGATION, "Litigation holds"),
            (Name.DEMANDS, "Demands"),
            (Name.AS_OF, "Rules as of a day"),
            (Name.PUBLIC_RECORDS, "Public records"),
            (Name.PROTECTIONS, "Confidential addresses"),
        ),
        frozenset(
            {
                Name.LITIGATION_HOLD, Name.NEW_DEMAND, Name.DEMAND, Name.AS_OF_PAPER,
                Name.PROTECTION, Name.NEW_PROTECTION,
            }
        ),
    ),
    Group("People", ((Name.STATE_PASSKEYS, "Passkeys"),)),
)  # fmt: skip
"""In the order in which they stand."""


def navigation(
    person: Person | None, at: Name | None, counts: Mapping[Name, int]
) -> list[dict[str, Any]]:
    """Return the groups that a person may open, each with its pages; `at` is the page at hand.

    `counts` stand beside pages, and their sum beside the group.
    """
    if person is None:
        return []
    found: list[dict[str, Any]] = []
    for group in GROUPS:
        pages = [
            {
                "label": label,
                "url": url_of(name),
                "is_current": name is at,
                "count": counts.get(name),
            }
            for name, label in group.pages
            if person.has_any(*roles_of(name))
        ]
        if not pages:
            continue
        counted = [page["count"] for page in pages if page["count"] is not None]
        found.append(
            {
                "label": group.label,
                "url": pages[0]["url"],
                "is_current": at in group.names,
                "count": sum(counted) if counted else None,
                "pages": pages,
            }
        )
    return found
