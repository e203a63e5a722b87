"""A real browser for tests: how Chromium is started, what no page may do, and the axe engine.

Guarantee: a page that logs an error, throws, asks for what is not there, or reaches beyond where it
was opened fails its test, whatever else the test looks at.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, Playwright, Request, Response

from scripts.run_tests import CHROMIUM_PROGRAMS

WIDTHS = {"desk": 1280, "phone": 390, "narrow": 320}
HEIGHT = 900
_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--disable-lcd-text",
)
# Best practices of its makers beside the rules of the standard.
_AXE_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def chromium_path() -> str | None:
    """Where the system's own browser is, or None; COMITY_BROWSER names another program."""
    given = os.environ.get("COMITY_BROWSER")
    return next(filter(None, map(shutil.which, (given,) if given else CHROMIUM_PROGRAMS)), None)


def launch(playwright: Playwright) -> Browser:
    """Start the system's Chromium, headless, without any traffic of its own."""
    path = chromium_path()
    assert path is not None, "Chromium is missing: `apt-get install chromium-headless-shell`"
    # Chromium's own sandbox refuses to run as root.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=path, args=[*_FLAGS, *sandbox])


def axe_source() -> str:
    """The axe engine's script, from its pinned package."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@dataclass
class Guard:
    """Everything that a page did and should not have."""

    page: Page
    home: str = ""
    faults: list[str] = field(default_factory=list)
    saved: set[str] = field(default_factory=set)
    shown: int = 0
    """How many documents the page has shown, the one that stands among them."""
    asked_by: dict[Request, int] = field(default_factory=dict)
    """Which of them stood when something was asked for."""
    called_off: list[Request] = field(default_factory=list)

    def watch(self) -> None:
        """Listen to the page from now on."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"threw: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("requestfailed", self._failed)
        self.page.on("framenavigated", self._shows)
        self.page.on("download", lambda download: self.saved.add(download.url))

    def expect_none(self) -> None:
        """Fail with all that was seen; what became a file to keep has not failed."""
        kept = {f"failed: {url}" for url in self.saved}
        # What a page was still loading ends when it is left: it has not failed.
        left = [r for r in self.called_off if self.asked_by[r] < self.shown]
        failed = [f"failed: {r.url}" for r in self.called_off if r not in left]
        faults = [fault for fault in [*self.faults, *failed] if fault not in kept]
        assert not faults, "\n".join(faults)

    def close(self) -> None:
        """Close the page's window, whatever it still loads; fail with all that was seen before."""
        called_off = len(self.called_off)
        self.page.context.close()
        # What closing the window called off.
        del self.called_off[called_off:]
        self.expect_none()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked_by[request] = self.shown
        if request.is_navigation_request() and not self.home:
            self.home = place_of(request.url)
        elif place_of(request.url) not in {self.home, "data:"}:
            self.faults.append(f"reached beyond its place: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"failed: {request.url}")
        # A stream goes on until its page is left, or ends it.
        elif request.resource_type != "eventsource":
            self.called_off.append(request)

    def _shows(self, frame: Frame) -> None:
        self.shown += frame == self.page.main_frame

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"status {response.status}: {response.url}")


def place_of(url: str) -> str:
    """An address's origin; a file is a place of its own."""
    parts = urlsplit(url)
    if parts.scheme == "data":
        return "data:"
    return url.partition("#")[0] if parts.scheme == "file" else f"{parts.scheme}://{parts.netloc}"


def axe_violations(page: Page) -> list[str]:
    """What axe finds on a page as it stands, one line for each element."""
    page.evaluate(axe_source())
    found: dict[str, Any] = page.evaluate(
        "(tags) => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", list(_AXE_TAGS)
    )
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:120]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def overflow(page: Page) -> int:
    """How many pixels of a page lie beyond its window's right edge."""
    seen: int = page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return seen
