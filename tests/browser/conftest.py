"""What every test of a page is given: one browser, a fresh guarded page, a place for pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.browser import HEIGHT, WIDTHS, Guard, launch
from tests.support.desk_network import DeskNetwork, desk_network
from tests.support.golden import Golden, Seen
from tests.support.looks import Shoot

EXPECT_MS_MAX = 20_000
"""How long a page may take to show what is expected: a machine with other work takes its time."""
COMPARED = pytest.StashKey[Golden]()
expect.set_options(timeout=EXPECT_MS_MAX)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, started once."""
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture(params=["light"])
def scheme(request: pytest.FixtureRequest) -> str:
    """The colours a page is asked for; a test may ask for others."""
    return str(request.param)


@pytest.fixture
def page(browser: Browser, scheme: str) -> Iterator[Page]:
    """An empty page in a context of its own; at the end it must have done nothing wrong."""
    context = browser.new_context(
        viewport={"width": WIDTHS["desk"], "height": HEIGHT},
        locale="en-US",
        timezone_id="UTC",
        reduced_motion="reduce",
        color_scheme="dark" if scheme == "dark" else "light",
    )
    opened = context.new_page()
    guard = Guard(opened)
    guard.watch()
    yield opened
    guard.close()


@pytest.fixture(scope="session")
def shoot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shoot:
    """Keep pictures in COMITY_SHOTS_DIR, or beside pytest's other temporary files; how far they are
    from the golden ones stands in a table at the end of the run.
    """
    base = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workeroutput"):
        base = base.parent  # One of several processes: all pictures are in one place.
    folder = Path(os.environ.get("COMITY_SHOTS_DIR") or base / "shots")
    folder.mkdir(exist_ok=True)
    golden = request.config.stash[COMPARED] = Golden(folder)
    return Shoot(folder, golden)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what one of several processes compared to the one that sums up."""
    golden = session.config.stash.get(COMPARED, None)
    output = getattr(session.config, "workeroutput", None)
    if golden is not None and output is not None:
        output["compared"] = str(golden.folder), [astuple(each) for each in golden.seen]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what one of several processes compared."""
    if "compared" in getattr(node, "workeroutput", {}):
        folder, seen = node.workeroutput["compared"]
        golden = node.config.stash.setdefault(COMPARED, Golden(Path(folder)))
        golden.seen += [Seen(*each) for each in seen]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which pictures differ from the golden ones. No exit code follows from it."""
    golden = terminalreporter.config.stash.get(COMPARED, None)
    if golden is not None and golden.seen:
        terminalreporter.section("golden pictures")
        for line in golden.table():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def desk() -> Iterator[DeskNetwork]:
    """A practice network with its console, for every test of its pages."""
    with desk_network() as network:
        yield network
