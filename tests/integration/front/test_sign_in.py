"""The practice provider as a browser and a hostile client meet it, and a whole sign-in by it."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest

from comity.adapters.memory.clock import SeededEntropy
from comity.console.people import parse_people
from comity.console.sessions import Sessions
from comity.console.signing_in import SigningIn
from comity.domain.ids import Member
from comity.practice.sign_in import FORM_BYTES_MAX, PracticeOnlyError, PracticeSignIn
from comity.practice.staff import staff_file, staff_of
from comity.services.events import Events
from tests.support.identity import (
    CLIENT,
    CONSOLE,
    NOW,
    REDIRECT,
    manual_clock,
    practice_provider,
    press,
    reply_of,
    sent,
    terms_of,
)
from tests.support.line import MemoryLog
from tests.support.passkeys import step_of

WA, NY = Member("wa"), Member("ny")
STAFF = (*staff_of(1, WA), *staff_of(1, NY))


async def test_practice_person_signs_in_to_a_console() -> None:
    """A reviewer of the practice network presses a button and is signed in for the own state."""
    clock = manual_clock()
    async with practice_provider(STAFF, clock) as (issuer, provider):
        people = parse_people(staff_file(issuer, STAFF))
        sessions = Sessions(SeededEntropy(b"sessions"))
        step, lock = step_of(sessions, lambda: people, console_url=CONSOLE)
        signing_in = SigningIn(
            console_url=CONSOLE,
            provider=provider,
            passkeys=step,
            people=lambda: people,
            lock=lock,
            entropy=SeededEntropy(b"sign-ins"),
            events=Events(MemoryLog()),
        )
        begun = await signing_in.begin("/holds", NOW, source="127.0.0.1")
        back = await press(begun.url, "practice-wa-supervisor")
        done = await signing_in.finish(urlsplit(back).query, begun.pending, NOW, source="127.0.0.1")
    found = sessions.find(done.token, people, NOW)
    assert found is not None
    assert found.person is not None
    assert (found.person.state, found.person.signs_as) == (WA, "supervisor")
    assert done.return_to == "/holds"


async def test_page_runs_nothing_and_names_everybody() -> None:
    """The page has a button for each person by name, role and state, and says practice data."""
    async with practice_provider(STAFF, manual_clock()) as (_, provider):
        url = await provider.begin(terms_of())
        async with aiohttp.ClientSession() as browser, browser.get(url) as reply:
            page, headers = await reply.text(), reply.headers
    for person in STAFF:
        assert f'value="{person.subject}"' in page
    buttons = re.findall(r"<button[^>]*>(.*?)</button>", page)
    name = STAFF[0].name.replace("'", "&#x27;")
    assert f"Sign in as {name}, reviewer, Washington" in buttons
    assert len(buttons) == len(STAFF)
    assert page.count("<h1>") == 1
    assert page.index("<h2>New York") < page.index("<h2>Washington")
    assert "Practice data" in page
    assert not re.search(r"<script|javascript:|\son\w+=|\sstyle=|https?://", page)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert f"form-action 'self' {CONSOLE};" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cache-Control"] == "no-store"


def test_it_is_not_made_where_data_are_real() -> None:
    """Where data are not practice data there is no provider without passwords."""
    with pytest.raises(PracticeOnlyError):
        PracticeSignIn(
            issuer="https://id.example.invalid",
            client_id=CLIENT,
            redirect_uri=REDIRECT,
            people=STAFF,
            clock=manual_clock(),
            entropy=SeededEntropy(b"x"),
            is_practice=False,
        )


CHANGES: tuple[dict[str, str], ...] = (
    {"redirect_uri": "https://other.invalid/sign-in/done"},
    {"redirect_uri": REDIRECT + "/"},
    {"redirect_uri": ""},
    {"client_id": "another"},
    {"response_type": "token"},
    {"scope": "profile"},
    {"code_challenge_method": "plain"},
    {"code_challenge": "short"},
    {"code_challenge": ""},
    {"state": ""},
    {"nonce": ""},
    {"nonce": "x" * 513},
)


async def test_request_of_another_client_is_shown_nothing() -> None:
    """Another address, client or flow, or a request without PKCE, gets a page and no way back."""
    async with practice_provider(STAFF, manual_clock()) as (issuer, provider):
        url = urlsplit(await provider.begin(terms_of()))
        good = {name: values[0] for name, values in parse_qs(url.query).items()}
        queries = [urlencode(good | changes) for changes in CHANGES]
        queries += [f"{url.query}&state=x", ""]
        async with aiohttp.ClientSession() as browser:
            for query in queries:
                status, back, page = await sent(browser, f"{issuer}/authorize?{query}")
                assert (status, back) == (400, ""), query
                assert "<button" not in page


async def test_button_works_once_and_for_its_people() -> None:
    """A page that was used, a subject that is not on it, or a form that is none gives no code."""
    async with practice_provider(STAFF, manual_clock()) as (issuer, provider):
        url = await provider.begin(terms_of())
        async with aiohttp.ClientSession() as browser:
            _, _, page = await sent(browser, url)
            found = re.search(r'name="request" value="([0-9a-f]+)"', page)
            assert found is not None
            used = {"request": found[1], "subject": STAFF[0].subject}
            assert (await sent(browser, f"{issuer}/authorize", used))[0] == 303
            for form in (
                used,
                {"request": found[1], "subject": "nobody"},
                {"subject": STAFF[0].subject},
                {"request": "x" * FORM_BYTES_MAX, "subject": STAFF[0].subject},
            ):
                status, back, _ = await sent(browser, f"{issuer}/authorize", form)
                assert (status, back) == (400, "")


CODE_CHANGES: tuple[tuple[dict[str, str], int, str], ...] = (
    ({"code_verifier": ""}, 400, "invalid_grant"),
    ({"code_verifier": terms_of("two").verifier}, 400, "invalid_grant"),
    ({"redirect_uri": CONSOLE}, 400, "invalid_grant"),
    ({"client_id": "another"}, 401, "invalid_client"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
)


async def test_code_is_for_its_client_and_verifier() -> None:
    """Without the verifier, as another client or by another grant, a code gives nothing."""
    terms = terms_of()
    async with (
        practice_provider(STAFF, manual_clock()) as (issuer, provider),
        aiohttp.ClientSession() as client,
    ):
        for changes, status, error in CODE_CHANGES:
            back = await press(await provider.begin(terms), STAFF[0].subject)
            form = {
                "grant_type": "authorization_code",
                "client_id": CLIENT,
                "redirect_uri": REDIRECT,
                "code": reply_of(back).code,
                "code_verifier": terms.verifier,
            }
            got = await sent(client, f"{issuer}/token", form | changes)
            assert (got[0], json.loads(got[2])) == (status, {"error": error})
            if error == "invalid_grant":
                # Whoever guessed has spent it.
                got = await sent(client, f"{issuer}/token", form)
                assert json.loads(got[2]) == {"error": "invalid_grant"}
