"""Pages of passkeys: the second step, one's own, and invitations to others."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from comity.console.people import People, Role
from comity.domain.passkeys import (
    PASSKEYS_OF_PERSON_MAX,
    Passkey,
    PasskeyBook,
    PasskeyPolicy,
)
from comity.ports import Claims
from tests.support.console import ADDRESS, ISSUER, Answered, PracticeConsole, console_on, person_of
from tests.support.gateway import HOLD_ALL, OR, RELEASE, WA, PracticeHost, policy_of, running
from tests.support.passkeys import SoftPasskey

RULES = policy_of(WA, RELEASE, HOLD_ALL)
REVIEWER, BOSS = person_of(Role.REVIEWER), person_of(Role.SUPERVISOR)
STEP = "/sign-in/passkey"


def held(console: PracticeConsole) -> str:
    """The pending cookie of a reviewer whom the provider vouched for."""
    claims = Claims(
        issuer=ISSUER, subject=REVIEWER.subject, name="", authenticated_at=console.now()
    )
    done = console.step.admit(claims, console.people, "/state/queue", console.now(), source="s")
    assert done.pending
    return f"comity-sign-in={done.pending}"


def handed(page: Answered) -> dict[str, Any]:
    """What the page hands the browser."""
    found = re.search(r'data-passkey-options="([^"]*)"', page.body)
    assert found is not None, page.body
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


async def code_of(console: PracticeConsole) -> str:
    """The code that the supervisor's page shows for the reviewer."""
    token = console.sign_in(BOSS)
    page = await console.post("/state/passkeys", {"person": REVIEWER.subject}, token)
    assert page.heading.startswith("Practice Reviewer can make a passkey with this code, once")
    found = re.search(r'class="code">([^<]*)<', page.body)
    assert found is not None
    return found[1]


def kept(subject: str, number: int = 0) -> Passkey:
    return Passkey(
        issuer=ISSUER, subject=subject, id=b"%d" % number, key=b"key", count=0,
        invited_by="gone", made_at=1, used_at=1,
    )  # fmt: skip


def required(host: PracticeHost) -> Any:
    return console_on(host, policy=PasskeyPolicy.REQUIRED)


async def test_step_from_invitation_to_session() -> None:
    """Code, device, queue; then the device alone; each POST leads on, and a second one home."""
    async with running(RULES) as host, required(host) as console:
        soft, cookie = SoftPasskey(ADDRESS), held(console)
        page = await console.get(STEP, cookie=cookie)
        assert page.heading == "You have no passkey here yet: an invitation lets you make one."
        assert "Go on without" not in page.body
        assert "data-passkey-unscripted" in page.body
        code = await code_of(console)
        wrong = await console.post(f"{STEP}/invitation", {"code": "wrong"}, cookie=cookie)
        assert (wrong.status, "Code: passkey-invitation" in wrong.body) == (400, True)
        taken = await console.post(f"{STEP}/invitation", {"code": code}, cookie=cookie)
        assert (taken.status, taken.headers["location"]) == (303, STEP)
        page = await console.get(STEP, cookie=cookie)
        assert page.heading == "Make your passkey on this device now."
        answer = soft.make(handed(page))
        done = await console.post(f"{STEP}/new", {"answer": answer}, cookie=cookie)
        assert (done.status, done.headers["location"]) == (303, "/state/queue")
        cookie = held(console)
        page = await console.get(STEP, cookie=cookie)
        assert page.heading == "Use your passkey to go on."
        refused = await console.post(STEP, {"answer": "{}"}, cookie=cookie)
        assert (refused.status, "Code: passkey-refused" in refused.body) == (400, True)
        good = {"answer": soft.use(handed(refused))}
        done = await console.post(STEP, good, cookie=cookie)
        assert done.headers["location"] == "/state/queue"
        again = await console.post(STEP, good, cookie=cookie)
        assert (again.status, "not finished" in again.body) == (400, True)
        skipped = await console.post(f"{STEP}/without", {}, cookie=held(console))
        assert (skipped.status, "Code: passkey-refused" in skipped.body) == (400, True)


async def test_step_needs_the_browser_that_began() -> None:
    """Without its cookie every route of the step leads to the way in; from elsewhere to nothing."""
    async with running(RULES) as host, required(host) as console:
        assert (await console.get(STEP)).status == 400
        for path in (STEP, f"{STEP}/new", f"{STEP}/invitation", f"{STEP}/without"):
            page = await console.post(path, {"answer": "{}", "code": "x"})
            assert (page.status, page.heading) == (400, "You are not signed in.")
            other = await console.post(path, {}, **{"sec-fetch-site": "cross-site"})
            assert other.status == 403


async def test_sent_twice_leads_home() -> None:
    """Where the first one opened the session, the second is no fault."""
    async with running(RULES) as host, console_on(host) as console:
        token = console.sign_in(REVIEWER)
        page = await console.post(f"{STEP}/without", {}, token)
        assert (page.status, page.headers["location"]) == (303, "/")


async def test_offered_goes_on_without() -> None:
    """By a button, which works without a script."""
    async with running(RULES) as host, console_on(host) as console:
        console.passkeys.change(lambda _: PasskeyBook(passkeys=(kept(REVIEWER.subject),)))
        cookie = held(console)
        assert "Go on without a passkey" in (await console.get(STEP, cookie=cookie)).body
        done = await console.post(f"{STEP}/without", {}, cookie=cookie)
        assert (done.status, done.headers["location"]) == (303, "/state/queue")


async def test_spoilt_book_is_told_at_the_door() -> None:
    """Nobody is let in, and the page says whom to call; who came in by a passkey waits."""
    async with running(RULES) as host, console_on(host) as console:
        console.passkeys.change(lambda _: PasskeyBook(passkeys=(kept(REVIEWER.subject),)))
        cookie = held(console)
        claims = Claims(issuer=ISSUER, subject=REVIEWER.subject, name="", authenticated_at=1)
        token = console.sessions.open(claims, console.people, console.now(), passkey=b"0")
        console.passkeys.spoil(b"{}")
        page = await console.get(STEP, cookie=cookie)
        assert "the file of passkeys cannot be read" in page.body
        assert (await console.get("/state/queue", token)).status == 303


async def test_own_passkeys_are_listed_and_removed() -> None:
    """Who made it possible, which one is in use; one of somebody else's is none."""
    async with running(RULES) as host, console_on(host) as console:
        token = console.sign_in(REVIEWER)
        assert (await console.get("/passkeys", token)).heading == "You have no passkey here."
        mine, other = kept(REVIEWER.subject, 1), kept(BOSS.subject, 2)
        console.passkeys.change(lambda _: PasskeyBook(passkeys=(mine, other)))
        page = await console.get("/passkeys", token)
        assert page.heading == "You have 1 passkey here."
        assert mine.label in page.body
        assert other.label not in page.body
        assert "somebody who holds no place any more" in page.body
        for label in (other.label, "", "x"):
            gone = await console.post("/passkeys/remove", {"passkey": label}, token)
            assert (gone.status, gone.heading) == (
                404, "You have no such passkey: it was removed already.",
            )  # fmt: skip
        assert len(console.passkeys.read().passkeys) == 2
        done = await console.post("/passkeys/remove", {"passkey": mine.label}, token)
        assert (done.status, done.headers["location"]) == (303, "/passkeys")
        assert console.passkeys.read().passkeys == (other,)
        assert (await console.get("/passkeys")).status == 303


async def test_nobody_invites_themselves_or_another_state() -> None:
    """Nor who holds no place; the page offers none of them."""
    async with running(RULES) as host, console_on(host) as console:
        token = console.sign_in(BOSS)
        page = await console.get("/state/passkeys", token)
        assert re.fullmatch(r"None of [0-9]+ other people here has a passkey\.", page.heading)
        away = person_of(Role.REVIEWER, OR)
        assert f'value="{BOSS.subject}"' not in page.body
        assert f'value="{away.subject}"' not in page.body
        for subject in (BOSS.subject, away.subject, "nobody", ""):
            refused = await console.post("/state/passkeys", {"person": subject}, token)
            assert (refused.status, "Code: passkey-not-invited" in refused.body) == (409, True)
        assert console.passkeys.read() == PasskeyBook()


async def test_invitation_is_one_and_shown_until_when() -> None:
    """A second takes the place of the first, whose code is worth nothing then."""
    async with running(RULES) as host, console_on(host) as console:
        first, second = await code_of(console), await code_of(console)
        assert first != second
        (made,) = console.passkeys.read().invitations
        assert made.invited_by == BOSS.subject
        cookie = held(console)
        late = await console.post(f"{STEP}/invitation", {"code": first}, cookie=cookie)
        assert late.status == 400
        page = await console.get("/state/passkeys", console.sign_in(BOSS))
        assert page.body.count("not invited") == page.body.count("<tr role=") - 2


async def test_who_has_five_is_not_offered_a_sixth() -> None:
    """The button is not there; who sends the form all the same is told."""
    async with running(RULES) as host, console_on(host) as console:
        full = tuple(kept(REVIEWER.subject, n) for n in range(PASSKEYS_OF_PERSON_MAX))
        console.passkeys.change(lambda _: PasskeyBook(passkeys=full))
        token = console.sign_in(BOSS)
        page = await console.get("/state/passkeys", token)
        assert f'value="{REVIEWER.subject}"' not in page.body
        sent = await console.post("/state/passkeys", {"person": REVIEWER.subject}, token)
        assert (sent.status, "Code: passkeys-at-limit" in sent.body) == (409, True)


async def test_everybody_has_one_or_nobody_is_there() -> None:
    """The sentence says so."""
    async with running(RULES) as host, console_on(host) as console:
        token = console.sign_in(BOSS)
        console.people = People(ISSUER, [BOSS])
        page = await console.get("/state/passkeys", token)
        assert page.heading == "Nobody else holds a place in this state's console."
        console.people = People(ISSUER, [BOSS, REVIEWER])
        console.passkeys.change(lambda _: PasskeyBook(passkeys=(kept(REVIEWER.subject),)))
        page = await console.get("/state/passkeys", token)
        assert page.heading == "Each of 1 other person here has a passkey."
        console.people = People(ISSUER, [BOSS, REVIEWER, person_of(Role.AUTHOR)])
        page = await console.get("/state/passkeys", token)
        assert page.heading == "1 of 2 other people here has no passkey."
