"""The practice provider's page in a real browser: by keyboard, at each width, on to the console."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from comity.adapters.system import SystemClock, SystemEntropy
from comity.console.signing_in import CALLBACK_PATH
from comity.domain.ids import Member
from comity.front.http.plain import PlainServer
from comity.practice.sign_in import PracticeSignIn
from comity.practice.staff import staff_of
from comity.roles.machine import free_port
from comity.services.events import Events
from tests.support.identity import CLIENT
from tests.support.line import MemoryLog
from tests.support.looks import Shoot

STAFF = tuple(person for state in ("il", "ny", "wa") for person in staff_of(1, Member(state)))
CHALLENGE = "A" * 43


async def _signed_in(request: Request) -> Response:
    """Stands for the console: it shows that a code came back."""
    has_code = bool(request.query_params.get("code"))
    words = f"<h1>Back with a code: {has_code}</h1>"
    head = '<!doctype html><html lang="en"><title>console</title><link rel="icon" href="data:,">'
    return HTMLResponse(f"{head}<main>{words}</main></html>")


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """Where a browser is sent to sign in, of a provider and a console that are served."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()

    def run(work: object) -> object:
        return asyncio.run_coroutine_threadsafe(work, loop).result()  # type: ignore[arg-type]

    ports = free_port(), free_port()
    issuer, console = (f"http://127.0.0.1:{port}" for port in ports)
    provider = PracticeSignIn(
        issuer=issuer,
        client_id=CLIENT,
        redirect_uri=f"{console}{CALLBACK_PATH}",
        people=STAFF,
        clock=SystemClock(),
        entropy=SystemEntropy(),
        is_practice=True,
    )
    apps = provider.app, Starlette(routes=[Route(CALLBACK_PATH, _signed_in)])
    servers = [PlainServer(app, Events(MemoryLog())) for app in apps]
    for server, port in zip(servers, ports, strict=True):
        run(server.listen("127.0.0.1", port))
    yield (
        f"{issuer}/authorize?response_type=code&client_id={CLIENT}&scope=openid&state=s&nonce=n"
        f"&redirect_uri={console}{CALLBACK_PATH}"
        f"&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
    for server in servers:
        run(server.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_button_leads_to_the_console(browser: Browser, place: str) -> None:
    """A person's button, found by its words and pressed by key, brings the browser back."""
    # Without the guard, which lets no page lead to another place; this one's policy does.
    context = browser.new_context()
    page, told = context.new_page(), list[str]()
    page.on("console", lambda message: told.append(message.text))
    page.goto(place)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in for practice")
    expect(page.get_by_text("Practice data. Every person here is invented.")).to_be_visible()
    reviewer = next(each for each in STAFF if each.subject == "practice-wa-reviewer")
    button = page.get_by_role("button", name=f"Sign in as {reviewer.name}, reviewer, Washington")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Back with a code: True")
    context.close()
    assert told == []


@pytest.mark.parametrize("scheme", ["light", "dark"], indirect=True)
def test_page_fits_and_is_for_everybody(page: Page, place: str, scheme: str, shoot: Shoot) -> None:
    """At each width and in both colours nothing overflows, and axe finds nothing."""
    page.goto(place)
    shoot.fits(page, f"practice-sign-in-{scheme}")
