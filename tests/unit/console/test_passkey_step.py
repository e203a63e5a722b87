"""The step behind the provider's word: who is asked for a passkey, and what opens a session."""

from __future__ import annotations

from typing import Any

import pytest

from comity.adapters.memory.clock import SeededEntropy
from comity.adapters.memory.passkeys import MemoryPasskeys
from comity.console.errors import (
    NotAPersonError,
    PasskeyRefusedError,
    PeopleError,
    SignInError,
    SignInLockedError,
)
from comity.console.passkey_checks import CHALLENGE_SECONDS_MAX
from comity.console.passkey_step import FinishedSignIn
from comity.console.people import People
from comity.console.sessions import Sessions, SignedIn
from comity.console.tries import FAILED_TRIES_MAX
from comity.console.under_way import PENDING_SECONDS_MAX
from comity.domain.errors import ComityError
from comity.domain.passkeys import (
    INVITATION_SECONDS_MAX,
    InvitationError,
    PasskeyBook,
    PasskeyCountError,
    PasskeyFileError,
    PasskeyPolicy,
    PasskeysFullError,
    with_invitation,
    without_passkey,
)
from comity.ports import Claims
from comity.services.events import Events
from tests.support.identity import NOW, person
from tests.support.line import MemoryLog
from tests.support.passkeys import CODE, SoftPasskey, b64, invitation, step_of

ISSUER = "https://id.example.invalid"
ADDRESS = "https://console.example"
HERE = "192.0.2.1"
REQUIRED, OFFERED = PasskeyPolicy.REQUIRED, PasskeyPolicy.OFFERED


class Desk:
    """A console's second step, and the browser and the device of whoever signs in."""

    def __init__(self, policy: PasskeyPolicy = REQUIRED, address: str = ADDRESS) -> None:
        self.people: People | None = People(ISSUER, [person("ana"), person("zoe", signs_as="zoe")])
        self.book = MemoryPasskeys()
        self.sessions = Sessions(SeededEntropy(b"sessions"), self.book.read)
        self.log = MemoryLog()
        self.events = Events(self.log)
        self.step, _ = step_of(
            self.sessions, self._in_force, self.events,
            console_url=address, policy=policy, book=self.book,
        )  # fmt: skip
        self.soft = SoftPasskey(address)

    def _in_force(self) -> People:
        if self.people is None:
            raise PeopleError("the people file cannot be read")
        return self.people

    def admit(self, subject: str = "ana", now: int = NOW, source: str = HERE) -> FinishedSignIn:
        """The provider says who it is."""
        claims = Claims(issuer=ISSUER, subject=subject, name="", authenticated_at=now)
        return self.step.admit(claims, self._in_force(), "/holds", now, source=source)

    def invite(self, subject: str = "ana", until: int = NOW + INVITATION_SECONDS_MAX) -> None:
        """Somebody else lets a person make one."""
        made = invitation(ISSUER, subject, until, invited_by="boss")
        self.book.change(lambda book: with_invitation(book, made, NOW))

    def options(self, pending: str, kind: str, now: int = NOW) -> dict[str, Any]:
        """What the page hands the browser."""
        found = getattr(self.step.look(pending, now), kind)
        assert isinstance(found, dict)
        return found

    async def made(self, subject: str = "ana", soft: SoftPasskey | None = None) -> FinishedSignIn:
        """Make a passkey by an invitation, and sign in by it."""
        self.invite(subject)
        pending = self.admit(subject).pending
        self.step.take_invitation(CODE, pending, NOW, source=HERE)
        answer = (soft or self.soft).make(self.options(pending, "make"))
        return await self.step.make(answer, pending, NOW, source=HERE)

    async def use(self, pending: str, answer: str, now: int = NOW) -> FinishedSignIn:
        return await self.step.use(answer, pending, now, source=HERE)

    def signed_in(self, token: str) -> SignedIn | None:
        assert self.people is not None
        return self.sessions.find(token, self.people, NOW)


async def test_passkey_is_made_by_invitation_and_opens_the_next_session() -> None:
    """The code of somebody else, then the device; the next time the device alone."""
    desk = Desk()
    assert desk.step.look(desk.admit().pending, NOW).use is None
    done = await desk.made()
    assert (done.return_to, done.pending) == ("/holds", "")
    assert desk.signed_in(done.token)
    (kept,) = desk.book.read().passkeys
    assert (kept.subject, kept.invited_by, kept.count) == ("ana", "boss", 0)
    assert desk.book.read().invitations == ()
    pending = desk.admit().pending
    found = await desk.use(pending, desk.soft.use(desk.options(pending, "use")))
    opened = desk.signed_in(found.token)
    assert opened is not None
    assert opened.session.passkey == desk.soft.id
    assert desk.book.read().passkeys[0].count == 1
    assert desk.events.counts["signed_in_by_passkey"] == 2


async def test_required_opens_nothing_without_one() -> None:
    """The provider's word alone holds the sign-in; going on without is refused."""
    desk = Desk()
    done = desk.admit()
    assert (done.token, len(desk.sessions)) == ("", 0)
    assert not desk.step.look(done.pending, NOW).can_skip
    with pytest.raises(PasskeyRefusedError):
        desk.step.go_without(done.pending, NOW)
    answer = desk.soft.make({"challenge": _challenge(desk)})
    with pytest.raises(InvitationError):
        await desk.step.make(answer, done.pending, NOW, source=HERE)
    assert len(desk.sessions) == 0


def _challenge(desk: Desk) -> str:
    """The challenge that the last sign-in under way was given, which no page would show."""
    *_, held = desk.step._held._pending.values()
    return b64(held.value.challenge)


async def test_offered_asks_who_has_one_or_is_invited() -> None:
    """Anybody else is let in at once; who is asked can go on without it."""
    desk = Desk(OFFERED)
    assert desk.signed_in(desk.admit().token)
    desk.invite()
    pending = desk.admit().pending
    assert desk.step.look(pending, NOW).can_skip
    skipped = desk.step.go_without(pending, NOW)
    opened = desk.signed_in(skipped.token)
    assert opened is not None
    assert opened.session.passkey == b""
    with pytest.raises(SignInError):
        desk.step.go_without(pending, NOW)
    await desk.made()
    assert desk.admit().pending
    assert desk.admit("zoe").token


async def test_challenge_is_answered_once() -> None:
    """The same answer a second time, also in the same browser and after a failed one: refused."""
    desk = Desk()
    await desk.made()
    pending = desk.admit().pending
    answer = desk.soft.use(desk.options(pending, "use"))
    with pytest.raises(PasskeyRefusedError):
        await desk.use(pending, "{}")
    with pytest.raises(PasskeyRefusedError, match="no challenge"):
        await desk.use(pending, answer)
    desk.options(pending, "use")
    with pytest.raises(PasskeyRefusedError, match="`challenge`"):
        await desk.use(pending, answer)
    good = desk.soft.use(desk.options(pending, "use"))
    assert (await desk.use(pending, good)).token
    with pytest.raises(SignInError, match="no sign-in"):
        await desk.use(pending, good)


async def test_answer_belongs_to_the_browser_that_was_asked() -> None:
    """Without its cookie, or with another's, it opens nothing and locks nobody out."""
    desk = Desk()
    await desk.made()
    mine, other = desk.admit().pending, desk.admit().pending
    answer = desk.soft.use(desk.options(mine, "use"))
    desk.options(other, "use")
    with pytest.raises(PasskeyRefusedError, match="`challenge`"):
        await desk.use(other, answer)
    for pending in ("", "x", "\ud800"):
        with pytest.raises(SignInError, match="no sign-in"):
            await desk.use(pending, answer)
    assert (await desk.use(mine, answer)).token


async def test_challenge_has_five_minutes_and_the_step_ten() -> None:
    """A second before it is good, then not any more; nor by a clock that was set back."""
    desk = Desk()
    await desk.made()
    for pause, is_good in (
        (CHALLENGE_SECONDS_MAX - 1, True), (CHALLENGE_SECONDS_MAX, False), (-1, False),
    ):  # fmt: skip
        pending = desk.admit(now=NOW - 2).pending
        answer = desk.soft.use(desk.options(pending, "use", NOW))
        if is_good:
            assert (await desk.use(pending, answer, NOW + pause)).token
        else:
            with pytest.raises(PasskeyRefusedError, match="no challenge"):
                await desk.use(pending, answer, NOW + pause)
    pending = desk.admit().pending
    assert desk.step.look(pending, NOW + PENDING_SECONDS_MAX - 1).use
    with pytest.raises(SignInError, match="no sign-in"):
        desk.step.look(pending, NOW + PENDING_SECONDS_MAX)


@pytest.mark.parametrize("count", [0, 1])
async def test_copy_that_is_behind_is_refused(count: int) -> None:
    """A count that is not beyond the last one opens nothing and alarms; the device goes on."""
    desk = Desk()
    await desk.made()
    pending = desk.admit().pending
    assert (await desk.use(pending, desk.soft.use(desk.options(pending, "use")))).token
    pending = desk.admit().pending
    copied = desk.soft.use(desk.options(pending, "use"), count=count)
    with pytest.raises(PasskeyCountError):
        await desk.use(pending, copied)
    assert desk.events.counts["passkey_count_behind"] == 1
    assert desk.book.read().passkeys[0].count == 1
    assert (await desk.use(pending, desk.soft.use(desk.options(pending, "use")))).token


async def test_device_that_does_not_count_is_taken() -> None:
    """It says 0 always."""
    desk = Desk()
    await desk.made()
    for _ in range(2):
        pending = desk.admit().pending
        assert (await desk.use(pending, desk.soft.use(desk.options(pending, "use"), count=0))).token


async def test_passkey_of_another_person_opens_nothing() -> None:
    """Zoe's device does not let in who the provider says is Ana."""
    desk = Desk()
    zoes = SoftPasskey(ADDRESS)
    await desk.made()
    await desk.made("zoe", zoes)
    pending = desk.admit("ana").pending
    with pytest.raises(PasskeyRefusedError, match="none of this person's"):
        await desk.use(pending, zoes.use(desk.options(pending, "use")))


@pytest.mark.parametrize("code", ["", "ABCD", CODE.replace("A", "B"), CODE + "A"])
def test_other_codes_are_refused_and_counted(code: str) -> None:
    """A code that is guessed is a failed try, and five lock the source."""
    desk = Desk()
    desk.invite()
    pending = desk.admit().pending
    for _ in range(FAILED_TRIES_MAX):
        with pytest.raises(InvitationError):
            desk.step.take_invitation(code, pending, NOW, source=HERE)
    with pytest.raises(SignInLockedError):
        desk.step.take_invitation(CODE, pending, NOW, source=HERE)
    desk.step.take_invitation(CODE, pending, NOW, source="192.0.2.2")


@pytest.mark.parametrize("code", [CODE, CODE.lower(), CODE.replace("-", ""), f" {CODE}\n"])
def test_code_is_read_however_it_is_spaced(code: str) -> None:
    """As a person reads it out."""
    desk = Desk()
    desk.invite()
    pending = desk.admit().pending
    desk.step.take_invitation(code, pending, NOW, source=HERE)
    assert desk.step.look(pending, NOW).make


async def test_invitation_is_of_one_person_once_and_for_a_day() -> None:
    """Not Zoe's; not after a day; not a second time; not once it was replaced."""
    desk = Desk()
    desk.invite("zoe")
    with pytest.raises(InvitationError):
        desk.step.take_invitation(CODE, desk.admit("ana").pending, NOW, source=HERE)
    desk.invite("ana", until=NOW + 5)
    pending = desk.admit().pending
    desk.step.take_invitation(CODE, pending, NOW + 4, source=HERE)
    answer = desk.soft.make(desk.options(pending, "make", NOW + 4))
    with pytest.raises(InvitationError):
        await desk.step.make(answer, pending, NOW + 5, source=HERE)
    assert desk.step.look(pending, NOW + 5).make is None
    assert desk.book.read().passkeys == ()
    await desk.made()
    pending = desk.admit().pending
    with pytest.raises(InvitationError):
        desk.step.take_invitation(CODE, pending, NOW, source=HERE)


async def test_stolen_sign_in_makes_no_passkey() -> None:
    """Who has the provider's word alone, and skips the code, registers nothing."""
    desk = Desk(OFFERED)
    desk.invite()
    pending = desk.admit().pending
    desk.step.look(pending, NOW)
    thief = SoftPasskey(ADDRESS)
    with pytest.raises(InvitationError):
        await desk.step.make(
            thief.make({"challenge": _challenge(desk)}), pending, NOW, source=HERE
        )  # fmt: skip
    assert desk.book.read().passkeys == ()


async def test_same_device_is_registered_once() -> None:
    """Also for another person."""
    desk = Desk()
    await desk.made()
    with pytest.raises(ComityError, match="registered already"):
        await desk.made("zoe")


async def test_place_that_was_taken_away_is_not_opened() -> None:
    """Between the provider and the passkey: nobody is let in, and what cannot be read lets none."""
    desk = Desk()
    await desk.made()
    pending = desk.admit().pending
    answer = desk.soft.use(desk.options(pending, "use"))
    desk.people = People(ISSUER, [])
    with pytest.raises(NotAPersonError):
        await desk.use(pending, answer)
    answer = desk.soft.use(desk.options(pending, "use"))
    desk.people = None
    with pytest.raises(PeopleError):
        await desk.use(pending, answer)
    assert desk.events.counts["sign_in_refused"] == 1


@pytest.mark.parametrize("policy", PasskeyPolicy)
async def test_book_that_cannot_be_read_lets_nobody_in(policy: PasskeyPolicy) -> None:
    """Nor does a session by passkey go on; it goes on once the book is mended."""
    desk = Desk(policy)
    token = (await desk.made()).token
    good = desk.book._data
    desk.book.spoil(b"{}\n")
    with pytest.raises(PasskeyFileError):
        desk.admit()
    with pytest.raises(PasskeyFileError):
        desk.signed_in(token)
    desk.book.spoil(good)
    assert desk.signed_in(token)


async def test_passkey_that_is_removed_ends_its_sessions() -> None:
    """At the next look, whoever removed it and from where."""
    desk = Desk()
    token = (await desk.made()).token
    (gone,) = desk.book.read().passkeys
    desk.book.change(lambda book: without_passkey(book, gone))
    assert desk.sessions.still(token, desk._in_force(), NOW) is None
    assert desk.signed_in(token) is None
    assert len(desk.sessions) == 0
    pending = desk.admit().pending
    desk.step.look(pending, NOW)
    answer = desk.soft.use({"challenge": _challenge(desk)})
    with pytest.raises(PasskeyRefusedError):
        await desk.use(pending, answer)


def test_old_session_of_the_browser_ends_with_the_first_step() -> None:
    """Who begins to sign in anew is not who was signed in."""
    desk = Desk(OFFERED)
    token = desk.admit().token
    desk.invite()
    claims = Claims(issuer=ISSUER, subject="ana", name="", authenticated_at=NOW)
    desk.step.admit(claims, desk._in_force(), "/", NOW, source=HERE, old_token=token)
    assert desk.signed_in(token) is None


def test_address_without_a_name_has_no_passkeys() -> None:
    """Nothing is offered that a browser would refuse."""
    desk = Desk(OFFERED, "http://127.0.0.1:8080")
    desk.invite()
    asked = desk.step.look(desk.admit().pending, NOW)
    assert (asked.is_possible, asked.use, asked.make, asked.can_skip) == (False, None, None, True)


async def test_sixth_passkey_has_no_room() -> None:
    """Five are made; the sixth is refused already as an invitation."""
    desk = Desk()
    for _ in range(5):
        await desk.made(soft=SoftPasskey(ADDRESS))
    with pytest.raises(PasskeysFullError):
        desk.invite()
    assert len(desk.book.read().of(ISSUER, "ana")) == 5


async def test_log_names_nobody() -> None:
    """Neither subject, name, source, code, cookie nor key stands in it."""
    desk = Desk()
    done = await desk.made()
    pending = desk.admit().pending
    with pytest.raises(PasskeyRefusedError):
        await desk.use(pending, "{}")
    with pytest.raises(InvitationError):
        desk.step.take_invitation("wrong", pending, NOW, source=HERE)
    written = repr(desk.log.written)
    assert "sign_in_refused" in written
    for secret in ("ana", "boss", HERE, CODE, done.token, pending, desk.soft.id.hex()):
        assert secret not in written
    assert PasskeyBook() != desk.book.read()
