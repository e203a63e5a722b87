"""A person's own passkeys, and invitations that a supervisor or an operator gives to others.

Guarantee: nobody invites themselves, and nobody is invited who holds no place in the inviter's
state; a code is shown once and kept as its hash. A removed passkey ends its sessions at their next
look. Source: docs/adr/0059-passkeys-at-the-sign-in.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from comity.console.people import People, Person
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import counted, moment_said
from comity.domain.ids import OPERATOR_MEMBER
from comity.domain.passkeys import (
    CODE_BYTES,
    COMMAND_LINE,
    INVITATION_SECONDS_MAX,
    PASSKEYS_OF_PERSON_MAX,
    Invitation,
    Passkey,
    PasskeyBook,
    PasskeysFullError,
    PasskeyUnknownError,
    code_hash,
    invitation_code,
    with_invitation,
    without_passkey,
)
from comity.ports import Entropy, Passkeys
from comity.services.events import Events

__all__ = ["INVITED_SHOWN_MAX", "OwnPasskeyPages"]

INVITED_SHOWN_MAX: Final = 500
"""People on the page of invitations, those without a passkey first; the command line knows all."""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    made: str
    used: str
    invited_by: str
    is_this: bool


class _Whom(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    name: str
    roles: str
    passkeys: int
    stands: str
    is_full: bool


class OwnPasskeyPages:
    """Pages of who is signed in about passkeys."""

    def __init__(
        self,
        *,
        book: Passkeys,
        people: Callable[[], People],
        views: Views,
        entropy: Entropy,
        events: Events,
    ) -> None:
        """`people` returns those in force, or raises PeopleError."""
        self._book = book
        self._people = people
        self._views = views
        self._entropy = entropy
        self._events = events

    async def own(self, visit: Visit) -> Reply:
        """List the passkeys of who is signed in."""
        session = visit.session.session
        kept = self._book.read().of(session.issuer, session.subject)
        rows = [self._row(each, visit) for each in kept]
        return self._views.page(
            "own_passkeys.html",
            visit,
            rows=rows,
            most=PASSKEYS_OF_PERSON_MAX,
            remove=url_of(Name.REMOVE_PASSKEY),
        )

    async def remove(self, visit: Visit) -> Reply:
        """Remove one of one's own passkeys; sessions that it opened end."""
        session, label = visit.session.session, visit.form.one("passkey")
        kept = self._book.read().of(session.issuer, session.subject)
        gone = next((each for each in kept if each.label == label), None)
        if gone is None:
            raise ProblemError(Problem.NO_SUCH_PASSKEY)
        try:
            await asyncio.to_thread(self._book.change, lambda book: without_passkey(book, gone))
        except PasskeyUnknownError:
            raise ProblemError(Problem.NO_SUCH_PASSKEY) from None
        self._events.note("passkeys_removed")
        return go_to(url_of(Name.OWN_PASSKEYS))

    async def state(self, visit: Visit) -> Reply:
        """List who can be invited to make a passkey, those who have none first."""
        rows = self._whom(visit)
        return self._views.page(
            "state_passkeys.html",
            visit,
            finding=_finding(rows),
            rows=rows[:INVITED_SHOWN_MAX],
            left_out=max(0, len(rows) - INVITED_SHOWN_MAX),
            invite=url_of(Name.INVITE),
        )

    async def invite(self, visit: Visit) -> Reply:
        """Invite somebody, and show the code for the first and last time."""
        issuer = visit.session.session.issuer
        wanted = visit.form.one("person")
        whom = next((each for each in self._others(visit) if each.subject == wanted), None)
        if whom is None:
            raise ProblemError(Problem.NOT_INVITED)
        code = invitation_code(self._entropy.token(CODE_BYTES))
        until = visit.now + INVITATION_SECONDS_MAX
        made = Invitation(
            issuer=issuer,
            subject=whom.subject,
            code_hash=code_hash(code),
            invited_by=visit.session.session.subject,
            until=until,
        )
        try:
            await asyncio.to_thread(
                self._book.change, lambda book: with_invitation(book, made, visit.now)
            )
        except PasskeysFullError:
            raise ProblemError(Problem.PASSKEYS_FULL) from None
        self._events.note("passkeys_invited", member=visit.person.state)
        return self._views.page(
            "passkey_invited.html",
            visit,
            name=whom.name,
            code=code,
            until=moment_said(until, visit.person.state, visit.now),
            back=url_of(Name.STATE_PASSKEYS),
        )

    def _row(self, passkey: Passkey, visit: Visit) -> _Row:
        return _Row(
            label=passkey.label,
            made=self._moment(passkey.made_at, visit),
            used=self._moment(passkey.used_at, visit),
            invited_by=self._inviter(passkey),
            is_this=passkey.id == visit.session.session.passkey,
        )

    def _moment(self, at: int, visit: Visit) -> str:
        person = visit.session.person
        return moment_said(at, OPERATOR_MEMBER if person is None else person.state, visit.now)

    def _inviter(self, passkey: Passkey) -> str:
        if passkey.invited_by == COMMAND_LINE:
            return "whoever runs this console"
        places = self._people().find(passkey.issuer, passkey.invited_by)
        return places[0].name if places else "somebody who holds no place any more"

    def _others(self, visit: Visit) -> list[Person]:
        """Return who else holds a place in the inviter's state."""
        own = visit.session.session.subject
        persons = self._people().persons
        return [p for p in persons if p.state == visit.person.state and p.subject != own]

    def _whom(self, visit: Visit) -> list[_Whom]:
        book, issuer = self._book.read(), visit.session.session.issuer
        counts = _counted_by_subject(book, issuer)
        found = []
        for person in self._others(visit):
            count = counts.get(person.subject, 0)
            stands = book.invited(issuer, person.subject, visit.now)
            found.append(
                _Whom(
                    subject=person.subject,
                    name=person.name,
                    roles=", ".join(sorted(person.roles)),
                    passkeys=count,
                    stands=moment_said(stands.until, person.state, visit.now) if stands else "",
                    is_full=count >= PASSKEYS_OF_PERSON_MAX,
                )
            )
        return sorted(found, key=lambda each: (each.passkeys > 0, each.name, each.subject))


def _counted_by_subject(book: PasskeyBook, issuer: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in book.passkeys:
        if each.issuer == issuer:
            counts[each.subject] = counts.get(each.subject, 0) + 1
    return counts


def _finding(rows: list[_Whom]) -> str:
    if not rows:
        return "Nobody else holds a place in this state's console."
    without = sum(not each.passkeys for each in rows)
    others = counted(len(rows), "other person", "other people")
    if without == len(rows):
        return f"None of {others} here has a passkey."
    if not without:
        return f"Each of {others} here has a passkey."
    return f"{without} of {others} here {'has' if without == 1 else 'have'} no passkey."
