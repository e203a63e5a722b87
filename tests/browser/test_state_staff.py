"""What a state's staff watch, in a real browser over a real network: certifications, and federal
queries as they are decided.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from comity.app.database import open_ledger_reader
from comity.app.feeds import open_feeds
from comity.domain.ids import Member
from comity.review.federal_events import feed_signature
from comity.services.events import Events
from tests.fault.network import held_query
from tests.support.browser import Guard
from tests.support.desk_network import DeskNetwork
from tests.support.desk_pages import heading
from tests.support.line import MemoryLog
from tests.support.looks import Shoot

pytestmark = pytest.mark.timeout(300)
STATE: Final = "ny"
IL: Final = Member("il")


def test_supervisor_sees_who_lapses_when(
    page: Page, browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """From the navigation: the day in the first sentence, the lapsed behind one link."""
    kept: Any = desk.sign_in(browser, "supervisor", STATE)
    page.context.add_cookies(kept["cookies"])
    page.goto(f"{desk.url}/state/decisions")
    page.get_by_role("navigation").get_by_role("link", name="Oversight").first.click()
    page.get_by_role("navigation").get_by_role("link", name="Certifications").first.click()
    page.wait_for_url("**/state/certifications")
    assert "to New York" in heading(page)
    assert "have lapsed" in heading(page)
    shoot.fits(page, "certifications")
    page.get_by_role("link", name="Have lapsed").click()
    expect(page.get_by_role("row").filter(has_text="ago").first).to_be_visible()
    shoot.fits(page, "certifications-lapsed")


def asked_by(page: Page) -> int:
    """How many queries the open page's first sentence counts."""
    words = heading(page).removeprefix("The last ").split()
    return 1 if words[0] == "One" else int(words[0].replace(",", ""))


def test_federal_query_appears_in_an_open_page(
    browser: Browser, desk: DeskNetwork, shoot: Shoot
) -> None:
    """It renews itself, can be stopped and begun again, and takes no focus."""
    desk.held()
    context = browser.new_context(
        storage_state=desk.sign_in(browser, "supervisor"), reduced_motion="reduce"
    )
    page = context.new_page()
    guard = Guard(page)
    guard.watch()
    page.goto(f"{desk.url}/state/feed")
    before = asked_by(page)
    expect(page.get_by_role("status").filter(has_text="This page renews itself.")).to_be_visible()
    stop = page.get_by_role("button", name="Stop renewing")
    stop.focus()
    _, number = desk.held()
    row = page.get_by_role("row").filter(has_text=f"IL/{number}")
    expect(row).to_contain_text("Held")
    assert asked_by(page) == before + 1
    expect(stop).to_be_focused()
    shoot.fits(page, "feed")
    stop.press("Enter")
    expect(page.get_by_text("This page does not renew itself now.")).to_be_visible()
    _, unseen = desk.held()
    page.get_by_role("button", name="Renew again").press("Enter")
    expect(page.get_by_role("row").filter(has_text=f"IL/{unseen}")).to_be_visible()
    guard.close()


def test_federal_queries_without_scripts(browser: Browser, desk: DeskNetwork) -> None:
    """Loaded again, it has what is new; nothing on it speaks of renewing."""
    context = browser.new_context(
        java_script_enabled=False, storage_state=desk.sign_in(browser, "auditor")
    )
    page = context.new_page()
    page.goto(f"{desk.url}/state/feed")
    expect(page.get_by_text("This page renews itself.")).to_have_count(0)
    _, number = desk.held()
    page.reload()
    expect(page.get_by_role("row").filter(has_text=f"IL/{number}")).to_be_visible()
    context.close()


def test_federal_query_reaches_a_system_of_the_state(desk: DeskNetwork) -> None:
    """By its files alone: the line of the query arrives, signed, and only what is new."""
    folder = desk.network.settings.data_dir / "feeds"
    folder.mkdir(mode=0o700)
    secret = folder / "il.secret"
    secret.write_bytes(b"practice secret of 32 bytes or so\n")
    secret.chmod(0o600)
    number, request = desk.run(one_line(desk, folder))
    head, _, body = request.partition(b"\r\n\r\n")
    (line,) = body.splitlines()
    assert json.loads(line)["entry"] == f"il/{number}"
    assert json.loads(line)["became"] == "held"
    found = re.search(rb"(?i)comity-signature: (t=([0-9]+),v1=[0-9a-f]{64})\r\n", head + b"\r\n")
    assert found is not None
    signed = feed_signature(secret.read_bytes().strip(), int(found[2]), body)
    assert found[1].decode() == signed


async def one_line(desk: DeskNetwork, folder: Path) -> tuple[str, bytes]:
    """What a receiver is sent after a query was held, and the query's number."""
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: ([0-9]+)", head)
        assert length is not None
        arrived.put_nowait(head + await reader.readexactly(int(length[1])))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (folder / "il.toml").write_text(f'[webhook]\nurl = "http://127.0.0.1:{port}/feed"\n')
    settings, events = desk.network.settings, Events(MemoryLog())
    async with server, open_ledger_reader(settings, [IL]) as (store, rows):
        async with open_feeds(settings, store, rows, events) as feeds:
            webhook, digest = feeds
            assert (await webhook.round(), await digest.round()) == (0, 0)
            query = held_query(desk.network.world, "PXFEED1")
            (heard,) = await desk.stage.ask(query)
            assert heard.answer is not None
            assert heard.answer.hold is not None
            assert await webhook.round() == 1
            assert await webhook.round() == 0
        return heard.answer.hold.entry.rpartition("/")[2], await arrived.get()
