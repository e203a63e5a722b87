"""Who is signed in: sessions in memory, known by the hash of their token.

Guarantee: a session ends 30 minutes after its last look, 12 hours after the provider saw the
person, at sign-out, when the people in force no longer give the person the chosen place, and when
the passkey that opened it is taken away. Its token is drawn at sign-in and never taken from a
browser, so that none can be planted.
Source: docs/adr/0037-signing-in.md; docs/adr/0059-passkeys-at-the-sign-in.md; CJIS Security Policy
5.9.5, AC-11, AC-12 and IA-2.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

import msgspec

from comity.console.errors import PlaceError
from comity.console.people import People, Person
from comity.console.tokens import draw_token, token_hash
from comity.domain.ids import Member
from comity.domain.passkeys import PasskeyBook
from comity.ports import Claims, Entropy

__all__ = [
    "SESSIONS_MAX",
    "SESSIONS_OF_PERSON_MAX",
    "SESSION_IDLE_SECONDS_MAX",
    "SESSION_SECONDS_MAX",
    "Session",
    "Sessions",
    "SignedIn",
]

SESSION_IDLE_SECONDS_MAX: Final = 1_800
"""After this long without a look a session is over."""
SESSION_SECONDS_MAX: Final = 43_200
"""A session is over so long after the provider saw the person."""
SESSIONS_OF_PERSON_MAX: Final = 5
"""Sessions of one person; the oldest goes."""
SESSIONS_MAX: Final = 4_096
"""Sessions of everybody; the oldest goes."""

_SET_BACK_SECONDS: Final = 60
"""How far a clock may be corrected backwards without ending everybody's session."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One browser of one person. Times are Unix seconds.

    `state` is the place that was chosen, None until then. `form_token` is what a form that changes
    something must repeat. `authenticated_at`: when the provider saw the person. `passkey` is the
    identifier of the one by which it was opened, empty where the provider's word was enough.
    """

    issuer: str
    subject: str
    state: Member | None
    form_token: str
    authenticated_at: int
    seen_at: int
    passkey: bytes = b""

    def is_over(self, now_s: int) -> bool:
        """Say whether its time has ended, also by a clock that was set back far behind its look."""
        idle_s, age_s = now_s - self.seen_at, now_s - self.authenticated_at
        is_awake = -_SET_BACK_SECONDS <= idle_s < SESSION_IDLE_SECONDS_MAX
        return not is_awake or age_s >= SESSION_SECONDS_MAX

    def has_form_token(self, text: str) -> bool:
        """Say whether a form came from a page of this session."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self.form_token.encode())


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A session and whom it is of, by the people in force.

    `person` is the chosen place; None while there are several and none is chosen.
    """

    session: Session
    places: tuple[Person, ...]
    person: Person | None


class Sessions:
    """All sessions of a console. `_open` is in the order in which they were opened."""

    def __init__(self, entropy: Entropy, passkeys: Callable[[], PasskeyBook] = PasskeyBook) -> None:
        """`passkeys` returns those in force, or raises PasskeyFileError or PasskeysDownError."""
        self._entropy = entropy
        self._passkeys = passkeys
        self._open: dict[bytes, Session] = {}

    def __len__(self) -> int:
        """Return how many are kept, those that are over included until somebody signs in."""
        return len(self._open)

    def open(
        self,
        claims: Claims,
        people: People,
        now_s: int,
        *,
        old_token: str = "",
        passkey: bytes = b"",
    ) -> str:
        """Open a session and return its token; what the same browser had before is over."""
        self.end(old_token)
        self._sweep(now_s, claims)
        places = people.find(claims.issuer, claims.subject)
        token = draw_token(self._entropy)
        self._open[token_hash(token)] = Session(
            issuer=claims.issuer,
            subject=claims.subject,
            state=_only_state(places),
            form_token=draw_token(self._entropy),
            # A provider whose clock is ahead makes no session longer.
            authenticated_at=min(claims.authenticated_at, now_s),
            seen_at=now_s,
            passkey=passkey,
        )
        return token

    def find(self, token: str, people: People, now_s: int) -> SignedIn | None:
        """Return who holds a token, and note the look; None ends what there was."""
        key = token_hash(token)
        session = self._open.get(key)
        if session is None:
            return None
        places = people.find(session.issuer, session.subject)
        state = _only_state(places) if session.state is None else session.state
        person = next((place for place in places if place.state == state), None)
        is_out = not places or (state is not None and person is None) or not self._holds(session)
        if session.is_over(now_s) or is_out:
            del self._open[key]
            return None
        seen = msgspec.structs.replace(session, state=state, seen_at=max(now_s, session.seen_at))
        self._open[key] = seen
        return SignedIn(session=seen, places=places, person=person)

    def still(self, token: str, people: People, now_s: int) -> SignedIn | None:
        """Return who holds a token as `find` does, and note no look: nothing lives on by it."""
        session = self._open.get(token_hash(token))
        if session is None or session.is_over(now_s) or not self._holds(session):
            return None
        places = people.find(session.issuer, session.subject)
        person = next((place for place in places if place.state == session.state), None)
        return SignedIn(session=session, places=places, person=person) if places else None

    def choose(self, token: str, state: str, people: People, now_s: int) -> SignedIn | None:
        """Choose the state in which the person acts. Raises: PlaceError; None as `find`."""
        found = self.find(token, people, now_s)
        if found is None:
            return None
        for place in found.places:
            if place.state == state:
                chosen = msgspec.structs.replace(found.session, state=place.state)
                self._open[token_hash(token)] = chosen
                return SignedIn(session=chosen, places=found.places, person=place)
        raise PlaceError("`state` is none in which this person holds a place")

    def end(self, token: str) -> bool:
        """End a session, if the token is of one; say whether it was."""
        return self._open.pop(token_hash(token), None) is not None

    def end_all_of(self, issuer: str, subject: str) -> int:
        """End every session of a person; return how many there were."""
        ended = self._keys_of(issuer, subject)
        for key in ended:
            del self._open[key]
        return len(ended)

    def _holds(self, session: Session) -> bool:
        """Say whether the passkey by which a session was opened is its person's still."""
        if not session.passkey:
            return True
        kept = self._passkeys().of(session.issuer, session.subject)
        return any(each.id == session.passkey for each in kept)

    def _keys_of(self, issuer: str, subject: str) -> list[bytes]:
        return [
            key
            for key, session in self._open.items()
            if (session.issuer, session.subject) == (issuer, subject)
        ]

    def _sweep(self, now_s: int, claims: Claims) -> None:
        """Drop what is over, and make room for one more of this person and of everybody."""
        self._open = {k: session for k, session in self._open.items() if not session.is_over(now_s)}
        own = self._keys_of(claims.issuer, claims.subject)
        going = own[: max(0, len(own) - SESSIONS_OF_PERSON_MAX + 1)]
        for key in going:
            del self._open[key]
        for key in list(self._open)[: max(0, len(self._open) - SESSIONS_MAX + 1)]:
            del self._open[key]


def _only_state(places: tuple[Person, ...]) -> Member | None:
    return places[0].state if len(places) == 1 else None
