"""Confidential addresses: which protections stand, placing one, finding a person's, ending one.

Guarantee: a list names nobody; whom a protection names is shown only as the gateway showed it on a
signed reading, whose leaf the page names. One person places, two people end.
Source: docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import msgspec

from comity.console.desk import Desk
from comity.console.person_lines import person_said, persons_named
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted, day_said, moment_said, opened
from comity.domain.ids import member_label
from comity.domain.protection import (
    AUTHORITY_CHARACTERS_MAX,
    CONTACT_CHARACTERS_MAX,
    END_WAITS_DAYS,
    HOW_CHARACTERS_MAX,
)
from comity.link.errors import GatewayRefusalError
from comity.link.protections import ProtectionsShown, ProtectionView
from comity.review.deadline_words import day_words
from comity.review.protections import (
    ProtectionError,
    ProtectionUnknownError,
    local_date,
    protection_faults,
)
from comity.review.scope import NOTE_CHARACTERS_MAX
from comity.services.health import ClockSkewedError
from comity.services.protecting import ProtectionDraft
from comity.services.protections import ProtectionsFullError

__all__ = ["ProtectionPages"]

_Wrong = tuple[tuple[str, str], ...]
_GONE: Final = {
    ProtectionUnknownError.code: Problem.PROTECTION_GONE,
    ClockSkewedError.code: Problem.BUSY,
}
_SAID: Final = frozenset({ProtectionError.code, ProtectionsFullError.code})
"""Refusals whose words a person can act on."""
_UNREAD: Final = "cannot be read any more"


class _Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the form holds, as it was written."""

    persons: str = ""
    contact: str = ""
    how: str = ""
    may_post: str = ""
    since: str = ""
    until: str = ""
    authority: str = ""
    note: str = ""


class ProtectionPages:
    """The list, the form, and one protection."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    async def listed(self, visit: Visit) -> Reply:
        """List the protections; they name nobody."""
        shown = await self._desk.protecting(visit.session).read()
        return self._list(visit, shown, _finding(shown, visit))

    async def find(self, visit: Visit) -> Reply:
        """List the protections of one person; that they were looked for is recorded first."""
        persons = persons_named(visit.form.one("persons"))
        if len(persons) != 1:
            shown = await self._desk.protecting(visit.session).read()
            wrong = (("persons", "Name one person, as a query does: `OLN PX000204K7`."),)
            return self._list(visit, shown, _finding(shown, visit), wrong, status=422)
        (person,) = persons
        try:
            shown = await self._desk.protecting(visit.session).read(person=person)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        said = counted(shown.count, "protection stands", "protections stand")
        finding = f"{opened(said)} for this person." if shown.count else "This person has none."
        if shown.is_unread and not shown.count:
            finding = "Nobody can say whether this person is protected: a key is gone."
        return self._list(visit, shown, finding)

    async def new(self, visit: Visit) -> Reply:
        """Show an empty form."""
        today = local_date(visit.person.state, visit.now)
        return self._form(visit, _Given(since=today.isoformat()))

    async def place(self, visit: Visit) -> Reply:
        """Sign and place a protection: it is in force with the answer."""
        texts = {name: visit.form.one(name).strip() for name in _Given.__struct_fields__}
        given = _Given(**texts)
        work = self._desk.protecting(visit.session)
        draft, wrong = _draft(given)
        if draft is not None:
            today = local_date(visit.person.state, visit.now)
            wrong = tuple(
                (field, _SENTENCES[field])
                for field, _ in protection_faults(work.made(draft), today)
            )
        if draft is None or wrong:
            return self._form(visit, given, wrong, status=422)
        try:
            await work.place(draft)
        except GatewayRefusalError as error:
            if error.reason in _SAID:
                refused = (("refused", f"The gateway did not take it: {error}."),)
                return self._form(visit, given, refused, status=422)
            raise _gone(error) from None
        return go_to(url_of(Name.PROTECTIONS))

    async def one(self, visit: Visit) -> Reply:
        """Show one protection whole; that it was shown is recorded first, each time."""
        protection, state = visit.values["protection"], visit.person.state
        try:
            shown = await self._desk.protecting(visit.session).read(protection)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        (view,) = shown.protections
        return self._views.page(
            "protection.html",
            visit,
            name=_name(view),
            finding=_finding_of(view),
            facts_shown=_facts(view, visit) if view.placed_at else [],
            is_standing=not view.is_over,
            is_read=bool(view.placed_at),
            is_own=visit.person.signs_as in view.ended_by,
            asked_by=view.ended_by[0] if view.ended_by else "",
            waits_days=END_WAITS_DAYS,
            access_entry=shown.access_entry.upper(),
            state_name=member_label(state),
            end=url_of(Name.END_PROTECTION, protection=protection),
            back=url_of(Name.PROTECTIONS),
        )

    async def end(self, visit: Visit) -> Reply:
        """Sign that a protection ends: the second person's word ends it."""
        said = " ".join(visit.form.one("note").split())
        note = "".join(c for c in said if c.isprintable())[:NOTE_CHARACTERS_MAX]
        try:
            await self._desk.protecting(visit.session).end(visit.values["protection"], note)
        except GatewayRefusalError as error:
            raise _gone(error) from None
        return go_to(url_of(Name.PROTECTIONS))

    def _list(
        self,
        visit: Visit,
        shown: ProtectionsShown,
        finding: str,
        wrong: _Wrong = (),
        *,
        status: int = 200,
    ) -> Reply:
        return self._views.page(
            "protections.html",
            visit,
            status=status,
            finding=finding,
            rows=[_row(view, visit) for view in shown.protections],
            access_entry=shown.access_entry.upper(),
            new=url_of(Name.NEW_PROTECTION),
            look_up=url_of(Name.FIND_PROTECTION),
            whole=url_of(Name.PROTECTIONS) if shown.access_entry else "",
            wrong=wrong,
            faults=dict(wrong),
        )

    def _form(self, visit: Visit, given: _Given, wrong: _Wrong = (), *, status: int = 200) -> Reply:
        return self._views.page(
            "protection_new.html",
            visit,
            status=status,
            finding="Say whose address must not be found: it is confidential from then on.",
            given=given,
            action=url_of(Name.PLACE_PROTECTION),
            wrong=wrong,
            faults=dict(wrong),
            back=url_of(Name.PROTECTIONS),
        )


_SENTENCES: Final = {
    "persons": "Name the person by licence number and by name with birth date, one a line.",
    "contact": f"Say who reaches the person, in 3 to {CONTACT_CHARACTERS_MAX} characters.",
    "how": f"Say how, in a sentence of 3 to {HOW_CHARACTERS_MAX} characters.",
    "since": "Give the day on which it began, today at the latest.",
    "until": "Give a last day from today to ten years from now, or none.",
    "authority": f"Say by what right, in 3 to {AUTHORITY_CHARACTERS_MAX} characters.",
    "note": f"At most {NOTE_CHARACTERS_MAX} letters, digits and marks.",
}


def _draft(given: _Given) -> tuple[ProtectionDraft | None, _Wrong]:
    """Return what the form says, or None and what cannot be read of it."""
    since, until = _day(given.since), _day(given.until)
    unread = [("since", since is None), ("until", bool(given.until) and until is None)]
    wrong = tuple((field, _SENTENCES[field]) for field, is_unread in unread if is_unread)
    if since is None or wrong:
        return None, wrong
    return ProtectionDraft(
        persons=persons_named(given.persons),
        contact=" ".join(given.contact.split()),
        how=" ".join(given.how.split()),
        no_post=not given.may_post,
        since=since,
        until=until,
        authority=" ".join(given.authority.split()),
        note=" ".join(given.note.split()),
    ), ()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _finding(shown: ProtectionsShown, visit: Visit) -> str:
    label = member_label(visit.person.state)
    unread = sum(not view.placed_at and not view.is_over for view in shown.protections)
    if unread:
        count = counted(unread, "protection", "protections")
        return f"{opened(count)} of {label} cannot be read any more: no letter shows an address."
    if not shown.count:
        return f"No address of {label} is confidential."
    if shown.count == 1:
        return f"1 protection stands in {label}: no letter shows this person's address."
    return f"{shown.count:,} protections stand in {label}: no letter shows these addresses."


def _finding_of(view: ProtectionView) -> str:
    if view.is_over:
        return "This protection is over: letters go to the person's address again."
    if not view.placed_at:
        return "Nobody can read any more whom this protects: no letter shows an address."
    if view.ended_by:
        return "One person would end this protection: it stands until another says so too."
    posted = "nothing is posted" if view.no_post else "the contact may get post"
    return f"This person's address is confidential, and {posted}."


def _name(view: ProtectionView) -> str:
    """Return what a list calls a protection: the last digits of its id."""
    return view.protection[-8:].upper()


def _stands(view: ProtectionView) -> tuple[str, str]:
    if view.is_over:
        return "none", "Over"
    if not view.placed_at:
        return "refused", "Cannot be read"
    return ("held", "One person would end it") if view.ended_by else ("released", "Stands")


def _row(view: ProtectionView, visit: Visit) -> dict[str, Any]:
    mark, stands = _stands(view)
    return {
        "name": _name(view),
        "url": url_of(Name.PROTECTION, protection=view.protection),
        "placed": day_said(view.placed_at, visit.person.state) if view.placed_at else _UNREAD,
        "until": day_words(view.until) if view.until else "until it is ended",
        "post": "none" if view.no_post else "to the contact",
        "mark": mark,
        "stands": stands,
    }


def _facts(view: ProtectionView, visit: Visit) -> list[tuple[str, str]]:
    state = visit.person.state
    assert view.since is not None
    return [
        *(("Names", person_said(person)) for person in view.persons),
        ("Safe contact", view.contact),
        ("How to reach it", view.how),
        ("Post", "none" if view.no_post else "to the contact"),
        ("Since", day_words(view.since)),
        ("Last day", day_words(view.until) if view.until else "until it is ended"),
        ("Authority", view.authority),
        ("Placed", f"{moment_said(view.placed_at, state, visit.now)}, by {view.placed_by}"),
        *([("Note", view.note)] if view.note else []),
    ]


def _gone(error: GatewayRefusalError) -> Exception:
    """Return what a page says of a protection that is not there as it was shown."""
    problem = _GONE.get(error.reason)
    return error if problem is None else ProblemError(problem)
