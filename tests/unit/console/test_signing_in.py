"""The steps of signing in: bound to a browser, once, in time, and to a path of the console."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest

from comity.adapters.memory.clock import ManualClock, SeededEntropy
from comity.adapters.memory.identity import MemoryIdentity
from comity.console.errors import (
    NotAPersonError,
    PeopleError,
    ReturnToError,
    SignInError,
    SignInLockedError,
)
from comity.console.passkey_step import FinishedSignIn
from comity.console.people import People
from comity.console.sessions import SESSION_SECONDS_MAX, Sessions
from comity.console.signing_in import QUERY_CHARS_MAX, BegunSignIn, SigningIn
from comity.console.tries import FAILED_TRIES_MAX, FAILED_TRIES_SECONDS_MAX
from comity.console.under_way import PENDING_OF_SOURCE_MAX, PENDING_SECONDS_MAX
from comity.ports import IdentityError, IdentityProvider, ProviderDownError, SignInTerms
from comity.services.events import Events
from tests.support.identity import CONSOLE, NOW, REDIRECT, manual_clock, person, seconds
from tests.support.line import MemoryLog
from tests.support.passkeys import step_of

ISSUER = "https://id.example.invalid"
HERE = "192.0.2.1"


class Desk:
    """A console's sign-ins with all that they stand on, and the browser's half of each step."""

    def __init__(self, provider: IdentityProvider | None = None) -> None:
        self.clock: ManualClock = manual_clock()
        names = {"ana": "Ana Velarzora", "zoe": "Zoe Farrowick"}
        self.twin = MemoryIdentity(ISSUER, names, self.clock, SeededEntropy(b"provider"))
        self.people: People | None = People(ISSUER, [person("ana")])
        self.log = MemoryLog()
        self.events = Events(self.log)
        self.sessions = Sessions(SeededEntropy(b"sessions"))
        step, lock = step_of(self.sessions, self._in_force, self.events, console_url=CONSOLE)
        self.signing_in = SigningIn(
            console_url=CONSOLE,
            provider=self.twin if provider is None else provider,
            passkeys=step,
            people=self._in_force,
            lock=lock,
            entropy=SeededEntropy(b"sign-ins"),
            events=self.events,
        )

    def _in_force(self) -> People:
        if self.people is None:
            raise PeopleError("the people file cannot be read")
        return self.people

    @property
    def now_s(self) -> int:
        return self.clock.now_ns() // 1_000_000_000

    async def begin(self, return_to: str = "/holds", source: str = HERE) -> BegunSignIn:
        return await self.signing_in.begin(return_to, self.now_s, source=source)

    def query(self, begun: BegunSignIn, subject: str = "ana", ago_s: int = 0) -> str:
        """What the browser brings back once somebody's button was pressed."""
        return urlsplit(self.twin.press(begun.url, subject, ago_s=ago_s)).query

    async def finish(
        self, query: str, pending: str, source: str = HERE, old_token: str = ""
    ) -> FinishedSignIn:
        return await self.signing_in.finish(
            query, pending, self.now_s, source=source, old_token=old_token
        )

    async def fail(self, source: str = HERE) -> None:
        """A sign-in of somebody who has no place."""
        begun = await self.begin(source=source)
        with pytest.raises(NotAPersonError):
            await self.finish(self.query(begun, "zoe"), begun.pending, source)


async def test_sign_in_opens_a_session() -> None:
    """Who holds a place gets a session, and goes back to where it was asked."""
    desk = Desk()
    begun = await desk.begin("/holds/wa-126?tab=2")
    done = await desk.finish(desk.query(begun), begun.pending)
    assert done.return_to == "/holds/wa-126?tab=2"
    assert desk.people is not None
    found = desk.sessions.find(done.token, desk.people, desk.now_s)
    assert found is not None
    assert found.person == person("ana")
    assert desk.events.counts["signed_in"] == 1
    assert desk.signing_in.redirect_uri == REDIRECT


async def test_log_names_nobody() -> None:
    """Neither a sign-in nor a refused one writes subject, name, place of origin, code or token."""
    desk = Desk()
    begun = await desk.begin()
    query = desk.query(begun)
    done = await desk.finish(query, begun.pending)
    for _ in range(FAILED_TRIES_MAX):
        await desk.fail()
    written = repr(desk.log.written)
    assert "sign_in_locked" in written
    for secret in ("ana", "zoe", "Velarzora", HERE, done.token, begun.pending, query):
        assert secret not in written


async def test_another_browser_cannot_end_it() -> None:
    """The way back without this browser's cookie, or with another's, opens nothing."""
    desk = Desk()
    begun, other = await desk.begin(), await desk.begin()
    query = desk.query(begun)
    for pending in ("", "x", "\ud800", other.pending):
        with pytest.raises(SignInError):
            await desk.finish(query, pending)
    assert len(desk.sessions) == 0


async def test_planted_sign_in_is_not_taken_over() -> None:
    """An attacker's own code, brought to a victim's browser, does not sign the victim in."""
    desk = Desk()
    attacker, victim = await desk.begin(), await desk.begin()
    with pytest.raises(SignInError, match="`state`"):
        await desk.finish(desk.query(attacker), victim.pending)


async def test_sign_in_ends_once() -> None:
    """The same way back a second time opens nothing, be the first one good or bad."""
    desk = Desk()
    begun = await desk.begin()
    query = desk.query(begun)
    await desk.finish(query, begun.pending)
    with pytest.raises(SignInError):
        await desk.finish(query, begun.pending)
    begun = await desk.begin()
    with pytest.raises(SignInError, match="`state`"):
        await desk.finish("state=x&code=y", begun.pending)
    with pytest.raises(SignInError, match="no sign-in"):
        await desk.finish(desk.query(begun), begun.pending)


async def test_sign_in_has_ten_minutes() -> None:
    """A second before ten minutes it can be ended, then not any more."""
    desk = Desk()
    for pause, is_good in ((PENDING_SECONDS_MAX - 1, True), (PENDING_SECONDS_MAX, False)):
        begun = await desk.begin()
        desk.clock.advance_ns(seconds(pause))
        query = desk.query(begun)
        if is_good:
            assert (await desk.finish(query, begun.pending)).token
        else:
            with pytest.raises(SignInError, match="too long"):
                await desk.finish(query, begun.pending)


async def test_old_session_of_the_browser_is_over() -> None:
    """A sign-in ends what the browser had, and gives a token that no browser had before."""
    desk = Desk()
    tokens: list[str] = []
    for old in ("", "planted"):
        begun = await desk.begin()
        done = await desk.finish(desk.query(begun), begun.pending, old_token=(tokens or [old])[-1])
        tokens.append(done.token)
    assert desk.people is not None
    assert desk.sessions.find(tokens[0], desk.people, desk.now_s) is None
    assert desk.sessions.find(tokens[1], desk.people, desk.now_s)


@pytest.mark.parametrize(
    "extra",
    [
        "state=x",
        "code=y",
        "iss=https%3A%2F%2Fother.invalid",
        "a=1&a=2",
        "&".join("abcdefghijklmnopq"),
        "x=%ff",
        "x" * QUERY_CHARS_MAX,
    ],
)
async def test_query_that_can_be_read_in_two_ways_is_refused(extra: str) -> None:
    """A parameter that is named twice, bytes that are no text, or too much opens nothing."""
    desk = Desk()
    begun = await desk.begin()
    with pytest.raises((SignInError, IdentityError)):
        await desk.finish(f"{desk.query(begun)}&{extra}", begun.pending)
    assert len(desk.sessions) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"code": ""},
        {"code": "x" * 2_049},
        {"code": "\u00fc"},
        {"error": "access_denied"},
        {"iss": "https://other.invalid"},
        {"state": ""},
    ],
)
async def test_reply_that_does_not_fit_opens_nothing(changes: dict[str, str]) -> None:
    """No code, a refusal by the provider, another issuer or no state: a failed try."""
    desk = Desk()
    begun = await desk.begin()
    parts = dict(part.split("=") for part in desk.query(begun).split("&"))
    parts["iss"] = ISSUER
    with pytest.raises((SignInError, IdentityError)):
        await desk.finish(urlencode(parts | changes), begun.pending)
    assert desk.events.counts["sign_in_refused"] == 1
    assert len(desk.sessions) == 0


async def test_who_has_no_place_is_not_let_in() -> None:
    """Who the provider knows and the people file does not gets nothing."""
    desk = Desk()
    await desk.fail()
    assert len(desk.sessions) == 0


async def test_people_file_that_cannot_be_read_lets_nobody_in() -> None:
    """While the people file is not usable nobody signs in, and it is nobody's failed try."""
    desk = Desk()
    desk.people = None
    for _ in range(FAILED_TRIES_MAX + 1):
        begun = await desk.begin()
        with pytest.raises(PeopleError):
            await desk.finish(desk.query(begun), begun.pending)
    assert len(desk.sessions) == 0


async def test_login_of_yesterday_does_not_count() -> None:
    """Each sign-in asks that the provider saw the person within 12 hours, or anew if it says so."""
    desk = Desk()
    begun = await desk.begin()
    with pytest.raises(IdentityError):
        await desk.finish(desk.query(begun, ago_s=SESSION_SECONDS_MAX + 61), begun.pending)
    begun = await desk.signing_in.begin("/", desk.now_s, source=HERE, max_age_s=0)
    with pytest.raises(IdentityError):
        await desk.finish(desk.query(begun, ago_s=61), begun.pending)


async def test_five_failed_tries_lock_the_source() -> None:
    """After the fifth its source waits 15 minutes at both steps; others do not wait."""
    desk = Desk()
    begun = await desk.begin()
    for _ in range(FAILED_TRIES_MAX):
        await desk.fail()
    assert desk.events.counts["sign_in_locked"] == 1
    query = desk.query(begun)
    with pytest.raises(SignInLockedError):
        await desk.begin()
    with pytest.raises(SignInLockedError):
        await desk.finish(query, begun.pending)
    other = await desk.begin(source="192.0.2.2")
    assert (await desk.finish(desk.query(other), other.pending, source="192.0.2.2")).token
    desk.clock.advance_ns(seconds(FAILED_TRIES_SECONDS_MAX - 1))
    with pytest.raises(SignInLockedError):
        await desk.begin()
    desk.clock.advance_ns(seconds(1))
    begun = await desk.begin()
    assert (await desk.finish(desk.query(begun), begun.pending)).token


async def test_page_of_somebody_else_locks_nobody_out() -> None:
    """Way backs that no sign-in of the browser waits for are refused and do not count."""
    desk = Desk()
    for _ in range(FAILED_TRIES_MAX + 1):
        with pytest.raises(SignInError):
            await desk.finish("code=x&state=y", "")
    assert desk.events.counts["sign_ins_unknown"] == FAILED_TRIES_MAX + 1
    assert (await desk.begin()).pending


async def test_success_forgets_failed_tries() -> None:
    """Who signs in after four failed tries of a source begins to count anew."""
    desk = Desk()
    for _ in range(2):
        for _ in range(FAILED_TRIES_MAX - 1):
            await desk.fail()
        begun = await desk.begin()
        assert (await desk.finish(desk.query(begun), begun.pending)).token


class DownProvider:
    """A provider that cannot be reached, from one step on."""

    issuer = ISSUER

    def __init__(self, *, begins: bool) -> None:
        self._begins = begins

    async def begin(self, terms: SignInTerms) -> str:
        if not self._begins:
            raise ProviderDownError("the identity provider did not answer")
        return f"{ISSUER}/authorize?state={terms.state}"

    async def finish(self, terms: SignInTerms, reply: object) -> None:
        raise ProviderDownError("the identity provider did not answer")


async def test_provider_that_is_down_is_nobodys_failed_try() -> None:
    """A provider that cannot be reached lets nobody in, and locks nobody out."""
    desk = Desk(DownProvider(begins=False))  # type: ignore[arg-type]
    with pytest.raises(ProviderDownError):
        await desk.begin()
    desk = Desk(DownProvider(begins=True))  # type: ignore[arg-type]
    for _ in range(FAILED_TRIES_MAX + 1):
        begun = await desk.begin()
        state = begun.url.partition("state=")[2]
        with pytest.raises(ProviderDownError):
            await desk.finish(f"code=x&state={state}", begun.pending)
    assert desk.events.counts["sign_in_provider_down"] == FAILED_TRIES_MAX + 1


async def test_sign_ins_under_way_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One source's oldest goes at its limit, everybody's oldest at theirs, and no others."""
    desk = Desk()
    other = await desk.begin(source="192.0.2.2")
    own = [await desk.begin() for _ in range(PENDING_OF_SOURCE_MAX + 1)]
    with pytest.raises(SignInError):
        await desk.finish(desk.query(own[0]), own[0].pending)
    for begun in (own[1], own[-1], other):
        assert (await desk.finish(desk.query(begun), begun.pending)).token
    monkeypatch.setattr("comity.console.under_way.PENDING_MAX", 3)
    many = [await desk.begin(source=f"192.0.2.{n}") for n in range(4)]
    with pytest.raises(SignInError):
        await desk.finish(desk.query(many[0]), many[0].pending)
    assert (await desk.finish(desk.query(many[1]), many[1].pending)).token


async def test_foreign_return_is_refused_at_the_beginning() -> None:
    """Where to go back to is checked before anything is drawn or kept."""
    desk = Desk()
    with pytest.raises(ReturnToError):
        await desk.begin("//other.invalid")
    assert desk.events.counts["sign_ins_begun"] == 0
    assert desk.now_s == NOW
