"""The way in and out: sign in by the state's provider, choose a state, sign out; and assets."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from comity.console.assets import find_asset
from comity.console.cookies import pending_cookie, session_cookie
from comity.console.errors import (
    NotAPersonError,
    PeopleError,
    PlaceError,
    ReturnToError,
    SignInError,
    SignInLockedError,
)
from comity.console.opened_cases import OpenedCases
from comity.console.people import People, Person, Role
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.returning import parse_return_to
from comity.console.routes import Name, url_of
from comity.console.sessions import Sessions, SignedIn
from comity.console.signing_in import SigningIn
from comity.console.view import Views
from comity.console.visits import Visit
from comity.domain.passkeys import PasskeyFileError
from comity.ports import IdentityError, PasskeysDownError, ProviderDownError

__all__ = ["DoorPages"]

_IMMUTABLE = "public, max-age=31536000, immutable"
_HOUR = "public, max-age=3600"
_DOWN = (PeopleError, PasskeyFileError, PasskeysDownError)
"""While who may come in cannot be read, nobody does."""
_STATUS = {SignInLockedError: 429, NotAPersonError: 403, ProviderDownError: 503}
_SAID = {
    SignInLockedError: "Too many tries failed from this place. Wait a quarter of an hour.",
    NotAPersonError: "You are known to the sign-in service, and have no place in this console. "
    "Whoever keeps the people file of your state can give you one.",
    ProviderDownError: "The sign-in service does not answer. Try again in a minute.",
    PeopleError: "Nobody can be let in now: the people file cannot be read. "
    "Call whoever runs this console.",
    PasskeyFileError: "Nobody can be let in now: the file of passkeys cannot be read. "
    "Call whoever runs this console.",
    PasskeysDownError: "Passkeys cannot be read or written now. Try again in a minute.",
}
_UNSENT = (
    "You had been signed out before you sent that: it was not taken, and nothing went out. "
    "Sign in and do it again."
)
_NOT_FINISHED = "That sign-in was not finished: it took too long, or was refused. Begin again."


class DoorPages:
    """Pages that need nobody to be signed in, or only that somebody is."""

    def __init__(
        self,
        *,
        console_url: str,
        signing_in: SigningIn,
        sessions: Sessions,
        people: Callable[[], People],
        views: Views,
        opened: OpenedCases,
    ) -> None:
        self._signing_in = signing_in
        self._sessions = sessions
        self._people = people
        self._views = views
        self._opened = opened
        self._session = session_cookie(console_url)
        self._pending = pending_cookie(console_url)

    async def home(self, visit: Visit) -> Reply:
        """Go to the page that the person's role begins with."""
        if visit.signed_in is None:
            return go_to(url_of(Name.SIGN_IN))
        person = visit.signed_in.person
        return go_to(url_of(Name.PLACES) if person is None else first_page(person))

    async def health(self, visit: Visit) -> Reply:
        """Say that the console answers."""
        del visit
        return Reply(media="text/plain; charset=utf-8", body=b"ok\n")

    async def asset(self, visit: Visit) -> Reply:
        """Return an asset, or a state's own style sheet or seal."""
        file = visit.values["file"]
        asset = find_asset(file)
        if asset is not None:
            return Reply(media=asset.media_type, body=asset.content, cache=_IMMUTABLE)
        if (sheet := self._views.identity_sheet(file)) is not None:
            return Reply(media="text/css; charset=utf-8", body=sheet, cache=_HOUR)
        if (seal := self._views.seal(file)) is not None:
            return Reply(media="image/svg+xml", body=seal, cache=_HOUR)
        raise ProblemError(Problem.NO_SUCH_PAGE)

    async def sign_in(self, visit: Visit) -> Reply:
        """Show what a person agrees to by signing in, and where to begin."""
        if visit.signed_in is not None:
            return await self.home(visit)
        trouble = _UNSENT if visit.query.one("unsent") else ""
        return self._door(visit, visit.query.one("return_to", url_of(Name.HOME)), trouble=trouble)

    async def begin(self, visit: Visit) -> Reply:
        """Send a browser to the state's provider."""
        return_to = visit.query.one("return_to", url_of(Name.HOME))
        try:
            begun = await self._signing_in.begin(return_to, visit.now, source=visit.source)
        except (SignInError, IdentityError, ProviderDownError) as error:
            return self.refused(visit, error)
        return go_to(begun.url, self._pending.header(begun.pending))

    async def finish(self, visit: Visit) -> Reply:
        """Take a browser back from the provider."""
        try:
            done = await self._signing_in.finish(
                visit.query_text, visit.pending, visit.now, source=visit.source,
                old_token=visit.token,
            )  # fmt: skip
        except (SignInError, IdentityError, ProviderDownError, *_DOWN) as error:
            return self.refused(visit, error)
        if done.pending:
            # The same browser goes on to the next step, under a new name.
            return go_to(url_of(Name.PASSKEY), self._pending.header(done.pending))
        cookies = (self._session.header(done.token), self._pending.header(""))
        return go_to(done.return_to, *cookies)

    async def sign_out(self, visit: Visit) -> Reply:
        """End the session."""
        self._sessions.end(visit.token)
        self._opened.forget(visit.form_token)
        return go_to(url_of(Name.SIGN_IN), self._session.header(""))

    def still(self, token: str, now: int) -> SignedIn | None:
        """Return who holds a token, and note no look; nobody while people cannot be read."""
        try:
            return self._sessions.still(token, self._people(), now)
        except _DOWN:
            return None

    async def places(self, visit: Visit) -> Reply:
        """Let a person with places in several states choose one."""
        assert visit.signed_in is not None
        return self._views.page("places.html", visit, places=visit.signed_in.places)

    async def choose_place(self, visit: Visit) -> Reply:
        """Take the state in which the person acts."""
        try:
            found = self._sessions.choose(
                visit.token, visit.form.one("state"), self._people(), visit.now
            )
        except PlaceError:
            raise ProblemError(Problem.NOT_YOURS) from None
        if found is None or found.person is None:
            return go_to(url_of(Name.SIGN_IN))
        return go_to(first_page(found.person))

    def refused(self, visit: Visit, error: Exception) -> Reply:
        """Show the way in, and why it did not open."""
        said = next((text for kind, text in _SAID.items() if isinstance(error, kind)), None)
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
        return self._door(
            visit, url_of(Name.HOME), status=status, trouble=said or _NOT_FINISHED,
            code=getattr(error, "code", ""),
        )  # fmt: skip

    def _door(
        self, visit: Visit, return_to: str, *, status: int = 200, trouble: str = "", code: str = ""
    ) -> Reply:
        try:
            back = parse_return_to(return_to)
        except ReturnToError:
            back = url_of(Name.HOME)
        begin = f"{url_of(Name.BEGIN_SIGN_IN)}?return_to={quote(back, safe='/')}"
        return self._views.page(
            "sign_in.html", visit, status=status, begin=begin, trouble=trouble, code=code
        )


def first_page(person: Person) -> str:
    """Return where a person's work begins."""
    if person.has_any(Role.REQUESTER):
        return url_of(Name.ASK)
    sees_queue = person.has_any(Role.REVIEWER, Role.SUPERVISOR, Role.AUDITOR, Role.COUNSEL)
    return url_of(Name.QUEUE if sees_queue else Name.RULES)
