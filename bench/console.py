#!/usr/bin/env python3
"""The state's console with 10,000 open holds: how long its pages take, and its processor time.

A practice network is made anew; a federal agency asks Illinois until so many requests are held.
Half of the requests are in cases of 25. Then a reviewer, signed in by the practice provider, takes
as many as one may, and looks at pages one after another: the queue's first page, what is chosen of
it, and pages deep in it, cases, the page before a verdict, the requests of a case side by side (a
reading and a leaf for each), rules.
Prints `{"bench", "figures": [...]}`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import sys
import time
from html import unescape

import aiohttp
import uvloop

from bench.processes import cpu_us
from bench.report import Figure, at_least, at_most, percentile, print_figures, told
from comity.cli.network import connect_line
from comity.cli.practice import PracticeNetwork, practice_network
from comity.domain.ids import ORI, Member, wire_of_member
from comity.domain.keys import parse_message_key
from comity.domain.query import Claims, Query
from comity.domain.vocabulary import Offence, Purpose
from comity.formats import json as json_form
from comity.roles.settings import load_settings

HOLDS = 10_000
IN_THE_AIR = 256
ROUNDS = 200
CASES = 100
PAGE_MS_MAX = 150.0
ONE_CASE = 25
"""Requests of a case, in every second of which a bench has so many."""
TOGETHER = 30
PAGES = ("queue", "sorted", "deep", "case", "decide", "same_case", "rules")
DQ = parse_message_key("DQ")
HSI = ORI("USPX021HS")
STATE = Member("il")
_HIDDEN = re.compile(r'name="request" value="([^"]*)"')
_NEXT = re.compile(r'href="(/state/queue\?after=[^"]*)"')
_TAKE = re.compile(r'action="(/state/queue/\d+/take)"')
_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]*)"')
_SAME_CASE = re.compile(r'href="(/state/cases/\d+/same-case)"')
_CASE = re.compile(r'href="(/state/cases/\d+)"')


async def hold(network: PracticeNetwork, count: int) -> float:
    """Ask Illinois until so many requests are held; return how long it took, in seconds."""
    line = next(a.lines[0] for a in network.world.agencies(Member("us")) if a.ori == HSI)
    client = await connect_line(network.settings, line)
    oln = network.world.anchor(STATE).driver.oln
    turns = asyncio.Semaphore(IN_THE_AIR)
    begun = time.monotonic()

    async def hear() -> None:
        heard = 0
        async for _ in client.deliveries():
            turns.release()
            heard += 1
            if heard == count:
                return

    async def ask(number: int) -> None:
        await turns.acquire()
        claims = Claims(
            purpose=Purpose.CRIMINAL_INVESTIGATION,
            offence=Offence.FRAUD_IDENTITY,
            case_number=case_of(number),
            operator="H2210",
        )
        query = Query(
            key=DQ,
            origin=HSI,
            destinations=(wire_of_member(STATE),),
            control=f"PX{number}",
            fields=(("OLN", oln),),
            claims=claims,
        )
        await client.send(json_form.render_query(query))

    hearing = asyncio.create_task(hear())
    await asyncio.gather(*(ask(number) for number in range(count)))
    await hearing
    client.close()
    return time.monotonic() - begun


def case_of(number: int) -> str:
    """Return the case of a request: of half of them the same for some, else its own."""
    return f"HS-C{number // (2 * ONE_CASE)}" if number % 2 else f"HS-{number}"


async def sign_in(web: aiohttp.ClientSession, url: str) -> None:
    """Sign in as Illinois's reviewer, as a browser does."""
    async with web.get(f"{url}/sign-in/begin?return_to=/state/queue") as page:
        text, issuer = await page.text(), page.url.origin()
    found = _HIDDEN.search(text)
    assert found is not None
    form = {"request": unescape(found[1]), "subject": f"practice-{STATE}-reviewer"}
    async with web.post(issuer / "authorize", data=form) as queue:
        assert queue.url.path == "/state/queue", queue.url


async def timed(web: aiohttp.ClientSession, address: str) -> tuple[float, str]:
    """Return how long a page takes in milliseconds, and the page."""
    begun = time.perf_counter()
    async with web.get(address) as page:
        text = await page.text()
    assert page.status == 200, (address, page.status)
    return (time.perf_counter() - begun) * 1_000, text


async def take(web: aiohttp.ClientSession, url: str) -> None:
    """Take what the first page offers, until a reviewer has as many requests as one may."""
    _, text = await timed(web, f"{url}/state/queue")
    token = _FORM_TOKEN.search(text)
    assert token is not None
    for path in _TAKE.findall(text):
        form = {"form_token": unescape(token[1])}
        async with web.post(f"{url}{path}", data=form, headers={"Origin": url}) as page:
            if page.status == 409:
                return
            assert page.status == 200, (path, page.status)


async def look(web: aiohttp.ClientSession, url: str) -> dict[str, list[float]]:
    """Return how long pages of each kind took, in milliseconds."""
    took: dict[str, list[float]] = {name: [] for name in PAGES}

    async def add(name: str, address: str) -> str:
        ms, text = await timed(web, f"{url}{unescape(address)}")
        took[name].append(ms)
        return text

    first = await add("queue", "/state/queue")
    for _ in range(ROUNDS):
        first = await add("queue", "/state/queue")
        await add("sorted", "/state/queue?family=US%2FDHS&ends=later")
        await add("rules", "/state/rules")
    text = first
    for _ in range(ROUNDS - 1):
        following = _NEXT.search(text)
        if following is None:
            break
        text = await add("deep", following[1])
    cases: list[str] = []
    together: list[str] = []
    text = first
    while len(cases) < CASES or len(together) < TOGETHER:
        cases += _CASE.findall(text)
        together += _SAME_CASE.findall(text)
        following = _NEXT.search(text)
        assert following is not None
        text = await add("deep", following[1])
    for case in cases[:CASES]:
        await add("case", case)
        await add("decide", f"{case}/release")
    for same_case in together[:TOGETHER]:
        await add("same_case", same_case)
    return took


def figures_of(
    took: dict[str, list[float]], holds: int, seconds: float, spent_us: int
) -> list[Figure]:
    """Return the figures: each kind of page, all of them, and the console's own time."""
    every = sorted(ms for found in took.values() for ms in found)
    return [
        at_least("holds_open", holds, "count", HOLDS),
        told("holding_s", seconds, "s"),
        at_most("page_p95_ms", percentile(every, 0.95), "ms", PAGE_MS_MAX, every),
        *(
            at_most(f"{name}_p95_ms", percentile(sorted(found), 0.95), "ms", PAGE_MS_MAX, found)
            for name, found in took.items()
        ),
        told("page_p50_ms", percentile(every, 0.5), "ms"),
        told("cpu_ms_per_page", spent_us / 1_000 / len(every), "ms"),
    ]


async def measure(count: int) -> list[Figure]:
    """Bring a network up, hold, look, and take it down."""
    settings = load_settings()
    folder = settings.data_dir.with_name(f"{settings.data_dir.name}-bench")
    settings = load_settings(data_dir=folder, people_per_state=50)
    if folder.is_dir():
        shutil.rmtree(folder)
    async with practice_network(settings, doing=lambda *_: None) as network:
        seconds = await hold(network, count)
        sys.stderr.write(f"{count} requests asked in {seconds:.0f} s\n")
        url = f"http://localhost:{network.settings.console_port}"
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as web:
            await sign_in(web, url)
            _, text = await timed(web, f"{url}/state/queue")
            waits = re.search(r"([0-9,]+) requests wait for a decision", text)
            assert waits is not None
            (pid,) = [s.pid for s in network.supervisor.status() if s.name == "console"]
            assert pid is not None
            await take(web, url)
            before = cpu_us(pid)
            took = await look(web, url)
            spent = cpu_us(pid) - before
    shutil.rmtree(folder)
    return figures_of(took, int(waits[1].replace(",", "")), seconds, spent)


def main() -> int:
    """Measure and print; 0 if every figure holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="as `comity bench` asks for it")
    parser.add_argument("--holds", type=int, default=HOLDS)
    options = parser.parse_args()
    figures = uvloop.run(measure(options.holds))
    print_figures("console", figures)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
