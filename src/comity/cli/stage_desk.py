"""What the demo's stage does at a state's console: signs in and releases part of a hold by forms.

Pages are asked for as a browser without scripts does: what a page does not offer is not done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from lxml import html

from comity.console.routes import Name, url_of
from comity.domain.errors import ComityError
from comity.domain.ids import member_label, parse_entry_name
from comity.domain.vocabulary import DataClass
from comity.practice.seen import (
    DeskSeen,
)
from comity.roles.settings import Settings

__all__ = ["DeskStage"]

_HERE: Final = "localhost"
_PAGE_SECONDS: Final = 15.0


class PageWrongError(ComityError):
    """A page of the console is not as somebody at the desk needs it."""

    code = "page-wrong"


class DeskStage:
    """The part of the stage that reviews in the console."""

    _settings: Settings

    async def release_at_desk(self, entry: str, approved: Collection[DataClass]) -> DeskSeen:
        """Sign in as a state's reviewer, see what would go out, release these parts and send them.

        Raises: PageWrongError.
        """
        state, number = parse_entry_name(entry)
        async with _Browser(f"http://{_HERE}:{self._settings.console_port}") as browser:
            await browser.open("/")
            await browser.follow("Agree and sign in")
            await browser.press(f", reviewer, {member_label(state)}")
            queue = browser.finding()
            await browser.open(url_of(Name.CASE, number=str(number)))
            await browser.press("Show what would go out")
            case = browser.finding()
            await browser.open(url_of(Name.CONSIDER, number=str(number), act="part"))
            parts = {each.value for each in approved}
            await browser.press("Release the chosen parts", only=parts)
            # Of a hold that ends within seconds, as here, it may have left by its clock already.
            if browser.offers(f"Send {entry.upper()} now"):
                await browser.press(f"Send {entry.upper()} now")
            return DeskSeen(queue=queue, case=case, pages=browser.pages)


class _Browser:
    """A browser's cookies and the page that it is at."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._at = url
        self._page: html.HtmlElement = html.fromstring("<p></p>")
        # The console is known by its address here, and cookies of addresses are unsafe elsewhere.
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=_PAGE_SECONDS),
        )
        self.pages = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def finding(self) -> str:
        """Return what the page says in a sentence."""
        headings = self._page.findall(".//h1")
        return " ".join(headings[0].text_content().split()) if headings else ""

    async def open(self, path: str) -> None:
        """Go to an address."""
        await self._ask("GET", urljoin(self._at, path))

    async def follow(self, words: str) -> None:
        """Follow the link that says this."""
        link = self._one("a", lambda said: said.startswith(words))
        await self.open(link.get("href", ""))

    def offers(self, words: str) -> bool:
        """Say whether the page has a button that says this."""
        return any(
            words in " ".join(each.text_content().split()) for each in self._page.iter("button")
        )

    async def press(self, words: str, *, only: Collection[str] = ()) -> None:
        """Press the button that says this; of the form's boxes, those of `only` are checked."""
        button = self._one("button", lambda said: words in said)
        form = next((each for each in button.iterancestors("form")), None)
        if not isinstance(form, html.FormElement):
            raise PageWrongError(f"the button `{words}` belongs to no form")
        for box in form.iter("input"):
            if isinstance(box, html.InputElement) and box.type == "checkbox":
                box.checked = box.get("value") in only
        given = form.form_values()
        if button.get("name"):
            given.append((button.get("name", ""), button.get("value", "")))
        url = urljoin(self._at, form.get("action", ""))
        await self._ask("POST", url, given)

    def _one(self, tag: str, says: Callable[[str], bool]) -> html.HtmlElement:
        for each in self._page.iter(tag):
            if says(" ".join(each.text_content().split())):
                return each
        raise PageWrongError(f"`{self.finding()}` has no such {tag}")

    async def _ask(self, method: str, url: str, given: list[tuple[str, str]] | None = None) -> None:
        place = urlsplit(self._at)
        headers = {"origin": f"{place.scheme}://{place.netloc}"} if given is not None else {}
        async with self._session.request(method, url, data=given, headers=headers) as reply:
            self._page = html.fromstring(await reply.text())
            self._at = str(reply.url)
            self.pages += 1
            if not reply.ok:
                raise PageWrongError(f"{reply.status}: {self.finding()}")
