"""The second step of signing in: a passkey, or the invitation by which one is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from comity.console.cookies import pending_cookie, session_cookie
from comity.console.errors import (
    NotAPersonError,
    PasskeyRefusedError,
    PeopleError,
    SignInError,
    SignInLockedError,
)
from comity.console.pages.doors import DoorPages
from comity.console.passkey_step import FinishedSignIn, PasskeyStep
from comity.console.replies import Reply, go_to
from comity.console.routes import Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.domain.errors import ComityError
from comity.domain.passkeys import (
    InvitationError,
    PasskeyCountError,
    PasskeyFileError,
    PasskeyKnownError,
    PasskeysFullError,
    PasskeyUnknownError,
)
from comity.ports import PasskeysDownError

__all__ = ["PasskeyPages"]

_DOWN: Final = (PeopleError, PasskeyFileError, PasskeysDownError, SignInLockedError)
"""What ends the sign-in here: nothing on this page would mend it."""
_SAID: Final[Mapping[type[ComityError], str]] = {
    PasskeyRefusedError: "That was not accepted. It took over five minutes, or the passkey is not "
    "one that you registered here. Try again.",
    PasskeyCountError: "This passkey was not accepted: it is behind its own last use, as a copy "
    "would be. Call whoever runs this console, and do not use it until they looked.",
    PasskeyKnownError: "This passkey is registered already. Use it, or take another device.",
    PasskeyUnknownError: "This passkey was removed. Another person can invite you to make a new "
    "one.",
    PasskeysFullError: "You have as many passkeys as you may. One has to be removed first.",
    InvitationError: "No such invitation stands for you: it was used, replaced, or is older than "
    "a day.",
}
_REFUSED: Final[tuple[type[ComityError], ...]] = (SignInError, *_DOWN, *_SAID)


class PasskeyPages:
    """Pages between the provider's word and a session."""

    def __init__(
        self, *, console_url: str, step: PasskeyStep, views: Views, doors: DoorPages
    ) -> None:
        self._url = console_url
        self._step = step
        self._views = views
        self._doors = doors
        self._session = session_cookie(console_url)
        self._pending = pending_cookie(console_url)

    async def ask(self, visit: Visit) -> Reply:
        """Ask for the passkey of who is signing in, or for an invitation."""
        return self._shown(visit)

    async def use(self, visit: Visit) -> Reply:
        """Take what a browser says about a passkey, and open the session."""
        return await self._answered(visit, self._step.use)

    async def make(self, visit: Visit) -> Reply:
        """Take a passkey that was made by invitation, and open the session."""
        return await self._answered(visit, self._step.make)

    async def invitation(self, visit: Visit) -> Reply:
        """Take the code of an invitation."""
        try:
            self._step.take_invitation(
                visit.form.one("code"), visit.pending, visit.now, source=visit.source
            )
        except _REFUSED as error:
            return self._shown(visit, error)
        return go_to(url_of(Name.PASSKEY))

    async def skip(self, visit: Visit) -> Reply:
        """Go on by the provider's word alone, where that is enough."""
        try:
            done = self._step.go_without(visit.pending, visit.now, old_token=visit.token)
        except (SignInError, *_DOWN) as error:
            return self._shown(visit, error)
        return self._opened(done)

    async def _answered(self, visit: Visit, take: Callable[..., Any]) -> Reply:
        try:
            done = await take(
                visit.form.one("answer"), visit.pending, visit.now, source=visit.source,
                old_token=visit.token,
            )  # fmt: skip
        except _REFUSED as error:
            return self._shown(visit, error)
        return self._opened(done)

    def _opened(self, done: FinishedSignIn) -> Reply:
        cookies = (self._session.header(done.token), self._pending.header(""))
        return go_to(done.return_to, *cookies)

    def _shown(self, visit: Visit, error: ComityError | None = None) -> Reply:
        """Show the step with a new challenge, and what went wrong before."""
        if isinstance(error, (*_DOWN, NotAPersonError)):
            return self._doors.refused(visit, error)
        try:
            asked = self._step.look(visit.pending, visit.now)
        except (SignInError, *_DOWN) as gone:
            if visit.signed_in is not None:
                # Sent twice: the first one opened the session.
                return go_to(url_of(Name.HOME))
            return self._doors.refused(visit, error or gone)
        place = urlsplit(self._url)
        local = f"http://localhost:{place.port}" if place.scheme == "http" else ""
        return self._views.page(
            "passkey.html",
            visit,
            status=200 if error is None else 400,
            use=_json(asked.use),
            make=_json(asked.make),
            can_skip=asked.can_skip,
            is_possible=asked.is_possible,
            local=local,
            trouble=_SAID.get(type(error), "") if error is not None else "",
            code=error.code if error is not None else "",
            begin=url_of(Name.SIGN_IN),
        )


def _json(options: dict[str, Any] | None) -> str:
    return "" if options is None else msgspec.json.encode(options).decode()
