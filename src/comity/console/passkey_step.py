"""The step behind the provider's word: the passkey that this person registered, or an invitation.

Guarantee: where passkeys are required no session opens without one; a challenge is answered once,
within five minutes, in the browser that it was given to; a passkey is made by an invitation alone,
which somebody else gave; its count is on the disk before the session opens.
    1. `admit` opens a session where no passkey is asked for, else holds the sign-in.
    2. `look` draws a challenge, in the place of the one before it.
    3. `use` or `make` takes the challenge out, whatever comes of it, and checks the answer.
    4. The people in force give that person a place still, and the session is opened.
Source: docs/adr/0059-passkeys-at-the-sign-in.md.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from typing import Any, Final

import msgspec

from comity.console.errors import NotAPersonError, PasskeyRefusedError, SignInError
from comity.console.passkey_checks import (
    CHALLENGE_BYTES,
    CHALLENGE_SECONDS_MAX,
    Ceremony,
    asked_options,
    check_new,
    check_use,
    handle_of,
    made_options,
    rp_id_of,
)
from comity.console.people import People
from comity.console.sessions import Sessions
from comity.console.sign_in_lock import SignInLock
from comity.console.under_way import Pending, UnderWay
from comity.domain.errors import ComityError
from comity.domain.passkeys import (
    InvitationError,
    Passkey,
    PasskeyBook,
    PasskeyCountError,
    PasskeyKnownError,
    PasskeyPolicy,
    PasskeysFullError,
    PasskeyUnknownError,
    code_hash,
    with_passkey,
    with_use,
)
from comity.ports import Claims, Entropy, Passkeys
from comity.services.events import Events

__all__ = ["FinishedSignIn", "PasskeyAsked", "PasskeyStep"]

_REFUSALS: Final = (
    PasskeyRefusedError,
    PasskeyCountError,
    PasskeyKnownError,
    PasskeyUnknownError,
    PasskeysFullError,
    InvitationError,
    NotAPersonError,
)


class FinishedSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """The session's token, and the path that the browser asked to return to.

    Where a passkey is asked for first there is no token, but the cookie of what is `pending`.
    """

    token: str
    return_to: str
    pending: str = ""


class PasskeyAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What the page of this step shows. Options are what the browser is handed; None where there
    is nothing to use, or nobody is invited.
    """

    use: dict[str, Any] | None
    make: dict[str, Any] | None
    can_skip: bool
    is_possible: bool


class _Held(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in behind the provider's word. `invited` is the hash of the code that was given."""

    claims: Claims
    return_to: str
    challenge: bytes = b""
    asked_at: int = 0
    invited: str = ""


class PasskeyStep:
    """The second step of all sign-ins of a console, and what opens its sessions."""

    def __init__(
        self,
        *,
        console_url: str,
        policy: PasskeyPolicy,
        book: Passkeys,
        sessions: Sessions,
        people: Callable[[], People],
        lock: SignInLock,
        entropy: Entropy,
        events: Events,
    ) -> None:
        """`people` returns those in force, or raises PeopleError."""
        self._origin = console_url
        self._rp_id = rp_id_of(console_url)
        self._policy = policy
        self._book = book
        self._sessions = sessions
        self._people = people
        self._lock = lock
        self._entropy = entropy
        self._events = events
        self._held: UnderWay[_Held] = UnderWay(entropy)

    def admit(
        self,
        claims: Claims,
        people: People,
        return_to: str,
        now_s: int,
        *,
        source: str,
        old_token: str = "",
    ) -> FinishedSignIn:
        """Open a session for who the provider saw, or hold the sign-in for a passkey.

        Raises: PasskeyFileError, PasskeysDownError; then nothing is open.
        """
        # INVARIANT (fail-closed): what cannot be read asks for a passkey that nobody can show.
        book = self._book.read()
        if not self._is_asked(claims, book, now_s):
            return self._open(claims, people, return_to, now_s, source, old_token=old_token)
        # What the browser had before is over now, and not only once this step is done.
        self._sessions.end(old_token)
        held = _Held(claims=claims, return_to=return_to)
        return FinishedSignIn(
            token="", return_to=return_to, pending=self._held.begin(held, source, now_s)
        )

    def look(self, pending: str, now_s: int) -> PasskeyAsked:
        """Draw a challenge, and return what the page shows. Raises: SignInError, PasskeyFileError,
        PasskeysDownError.
        """
        held = self._found(pending, now_s).value
        claims, book = held.claims, self._book.read()
        challenge = self._entropy.token(CHALLENGE_BYTES)
        asked = msgspec.structs.replace(held, challenge=challenge, asked_at=now_s)
        self._held.change(pending, asked)
        known = book.of(claims.issuer, claims.subject)
        terms = self._ceremony(asked)
        is_invited = bool(held.invited) and self._stands(book, asked, held.invited, now_s)
        return PasskeyAsked(
            use=asked_options(terms, known) if known and self._rp_id else None,
            make=made_options(terms, self._name(claims), known)
            if is_invited and self._rp_id
            else None,
            can_skip=self._policy is PasskeyPolicy.OFFERED,
            is_possible=bool(self._rp_id),
        )

    async def use(
        self, answer: str, pending: str, now_s: int, *, source: str, old_token: str = ""
    ) -> FinishedSignIn:
        """Open a session by a passkey. Raises: SignInError, PeopleError, PasskeyFileError,
        PasskeysDownError, and what refuses a passkey; then nothing is open.
        """

        async def step(held: _Held) -> Passkey:
            claims = held.claims
            known = self._book.read().of(claims.issuer, claims.subject)
            used = check_use(answer, self._ceremony(held), known)
            await self._change(lambda book: with_use(book, used.passkey, used.count, now_s))
            return used.passkey

        return await self._finish(step, pending, now_s, source=source, old_token=old_token)

    async def make(
        self, answer: str, pending: str, now_s: int, *, source: str, old_token: str = ""
    ) -> FinishedSignIn:
        """Register a passkey by the invitation that was given, and open a session by it.

        Raises: as `use`.
        """

        async def step(held: _Held) -> Passkey:
            new = check_new(answer, self._ceremony(held))
            made = Passkey(
                issuer=held.claims.issuer,
                subject=held.claims.subject,
                id=new.id,
                key=new.key,
                count=new.count,
                invited_by="",
                made_at=now_s,
                used_at=now_s,
            )
            await self._change(lambda book: with_passkey(book, made, held.invited, now_s))
            self._events.note("passkeys_made")
            return made

        return await self._finish(step, pending, now_s, source=source, old_token=old_token)

    def take_invitation(self, code: str, pending: str, now_s: int, *, source: str) -> None:
        """Take the code of an invitation; `look` offers to make a passkey then. Raises:
        SignInError, InvitationError, PasskeyFileError, PasskeysDownError.
        """
        self._lock.check(source, now_s)
        held = self._found(pending, now_s).value
        given = code_hash(code)
        if not self._stands(self._book.read(), held, given, now_s):
            error = InvitationError("this person has no such invitation, or its time is over")
            self._lock.refuse(error, source, now_s)
            raise error
        self._held.change(pending, msgspec.structs.replace(held, invited=given))

    def go_without(self, pending: str, now_s: int, *, old_token: str = "") -> FinishedSignIn:
        """Open a session by the provider's word alone, where passkeys are offered only.

        Raises: SignInError, PeopleError.
        """
        found = self._found(pending, now_s)
        if self._policy is not PasskeyPolicy.OFFERED:
            raise PasskeyRefusedError("a passkey is required here")
        people = self._people()
        self._check_place(found.value.claims, people)
        self._held.take(pending, now_s)
        return self._open(
            found.value.claims, people, found.value.return_to, now_s, found.source,
            old_token=old_token,
        )  # fmt: skip

    async def _finish(
        self,
        step: Callable[[_Held], Any],
        pending: str,
        now_s: int,
        *,
        source: str,
        old_token: str,
    ) -> FinishedSignIn:
        """Take the challenge out, carry out a step with it, and open the session."""
        self._lock.check(source, now_s)
        found = self._found(pending, now_s)
        held = found.value
        # Before anything is checked: whatever comes of it, this challenge was answered.
        self._held.change(pending, msgspec.structs.replace(held, challenge=b""))
        try:
            if not held.challenge or not 0 <= now_s - held.asked_at < CHALLENGE_SECONDS_MAX:
                raise PasskeyRefusedError("no challenge of this browser waits for an answer")
            passkey: Passkey = await step(held)
            people = self._people()
            self._check_place(held.claims, people)
        except _REFUSALS as error:
            self._refuse(error, source, now_s)
            raise
        self._held.take(pending, now_s)
        return self._open(
            held.claims, people, held.return_to, now_s, source, old_token=old_token,
            passkey=passkey.id,
        )  # fmt: skip

    def _refuse(self, error: ComityError, source: str, now_s: int) -> None:
        self._lock.refuse(error, source, now_s)
        if isinstance(error, PasskeyCountError):
            self._events.alarm("passkey_count_behind")

    def _open(
        self,
        claims: Claims,
        people: People,
        return_to: str,
        now_s: int,
        source: str,
        *,
        old_token: str,
        passkey: bytes = b"",
    ) -> FinishedSignIn:
        self._lock.forget(source)
        token = self._sessions.open(claims, people, now_s, old_token=old_token, passkey=passkey)
        self._events.note("signed_in")
        if passkey:
            self._events.note("signed_in_by_passkey")
        return FinishedSignIn(token=token, return_to=return_to)

    def _is_asked(self, claims: Claims, book: PasskeyBook, now_s: int) -> bool:
        if self._policy is PasskeyPolicy.REQUIRED:
            return True
        who = claims.issuer, claims.subject
        return bool(book.of(*who)) or book.invited(*who, now_s) is not None

    def _found(self, pending: str, now_s: int) -> Pending[_Held]:
        found = self._held.find(pending, now_s)
        if found is None:
            self._events.note("sign_ins_unknown")
            raise SignInError("no sign-in of this browser waits for a passkey")
        return found

    def _check_place(self, claims: Claims, people: People) -> None:
        if not people.find(claims.issuer, claims.subject):
            raise NotAPersonError("the people file gives this person no place any more")

    def _name(self, claims: Claims) -> str:
        places = self._people().find(claims.issuer, claims.subject)
        return places[0].name if places else claims.name

    def _ceremony(self, held: _Held) -> Ceremony:
        claims = held.claims
        return Ceremony(
            challenge=held.challenge,
            origin=self._origin,
            rp_id=self._rp_id,
            handle=handle_of(claims.issuer, claims.subject),
        )

    @staticmethod
    def _stands(book: PasskeyBook, held: _Held, given: str, now_s: int) -> bool:
        found = book.invited(held.claims.issuer, held.claims.subject, now_s)
        return found is not None and hmac.compare_digest(found.code_hash, given)

    async def _change(self, step: Callable[[PasskeyBook], PasskeyBook]) -> None:
        # It waits for the disk, and for whoever else changes the book.
        await asyncio.to_thread(self._book.change, step)
