"""A practice network with its console, for tests that drive a browser: in a thread of its own.

A browser is driven by calls that wait, a network by a loop; neither may stand in the other's way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import msgspec
from playwright.sync_api import Browser, StorageState

from comity.cli.practice import PracticeNetwork
from comity.cli.stage import NetworkStage, open_stage
from comity.domain.answer import Answer
from comity.domain.ids import ORI, Member, member_label
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.domain.vocabulary import Emergency, Instrument, Purpose
from comity.exchange.appeals import appeal_text
from comity.practice.agencies import agencies_of
from comity.roles.files import make_private_dir
from tests.fault.network import held_query, running_network
from tests.integration.engines.network import fresh_place

__all__ = ["CHECKING", "DeskNetwork", "desk_network"]

ICE = ORI("USPX011ER")
CHECKING = Member("me")
"""The state that checks claims: of every release to another state's agency."""
HOLD_SECONDS = 3 * 3_600
WAIT_SECONDS_MAX = 60
START_SECONDS_MAX = 180
ValueT = TypeVar("ValueT")


@dataclass
class DeskNetwork:
    """A running network as agencies and the state's staff see it, called by tests that wait."""

    network: PracticeNetwork
    stage: NetworkStage
    loop: asyncio.AbstractEventLoop
    over: asyncio.Event
    asked: int = 0
    case: str = ""
    signed_in: dict[tuple[str, str], StorageState] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the console is."""
        return f"http://localhost:{self.network.settings.console_port}"

    def run(self, work: Coroutine[Any, Any, ValueT]) -> ValueT:
        """Wait for what the network's loop does."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_SECONDS_MAX)

    def owing(self, number: str = "") -> str:
        """Let a request rest on a court's order: Illinois owes a notice about it; its number.

        It is about the licence `number` if that is given.
        """
        self.asked += 1
        query = held_query(self.network.world, f"PXDESK{self.asked}")
        claims = msgspec.structs.replace(query.claims, instrument=Instrument.COURT_ORDER)
        query = msgspec.structs.replace(query, origin=ICE, claims=claims)
        if number:
            query = msgspec.structs.replace(query, fields=(("OLN", number),))
        (heard,) = self.run(self.stage.ask(query))
        assert heard.answer is not None
        assert heard.answer.hold is not None
        return heard.answer.hold.entry.rpartition("/")[2]

    def held(self, number: str = "", **changes: object) -> tuple[Query, str]:
        """Let a federal agency ask Illinois something that is held; return it, and the number.

        It is a case of its own, about the licence `number` if that is given; `changes` are of what
        it claims.
        """
        self.asked += 1
        self.case = f"PX-{self.asked}"
        query = self._asking(**{"case_number": self.case, **changes})
        if number:
            query = msgspec.structs.replace(query, fields=(("OLN", number),))
        (heard,) = self.run(self.stage.ask(query))
        assert heard.answer is not None
        assert heard.answer.hold is not None
        return query, heard.answer.hold.entry.rpartition("/")[2]

    def answer_at_once(self) -> Answer:
        """Let the agency ask in the last one's case again; return what it is told at once."""
        self.asked += 1
        return self.answered(self._asking(case_number=self.case))

    def _asking(self, **changes: object) -> Query:
        query = held_query(self.network.world, f"PXDESK{self.asked}")
        claims = msgspec.structs.replace(query.claims, **changes)
        return msgspec.structs.replace(query, claims=claims)

    def answered(self, query: Query) -> Answer:
        """Ask one state; return what it answers."""
        (heard,) = self.run(self.stage.ask(query))
        assert heard.answer is not None
        return heard.answer

    def appeal(self, query: Query, entry: str) -> Answer:
        """Let the agency of a query appeal against its refusal."""
        self.asked += 1
        body = appeal_text(entry, "The docket was not read.")
        return self.answered(
            msgspec.structs.replace(
                query,
                key=MessageKey("AM"),
                control=f"PXDESK{self.asked}",
                fields=(("", body),),
            )
        )

    def released_as_urgent(self) -> str:
        """Let the agency ask in a declared emergency; return the release's entry."""
        self.asked += 1
        query = held_query(self.network.world, f"PXDESK{self.asked}")
        claims = msgspec.structs.replace(
            query.claims,
            purpose=Purpose.MISSING_OR_ENDANGERED,
            emergency=Emergency.DECLARED,
        )
        (heard,) = self.run(self.stage.ask(msgspec.structs.replace(query, claims=claims)))
        assert heard.answer is not None
        return heard.answer.proofs[0].entry

    def further(self, query: Query) -> Answer:
        """Wait for what the requester is told next."""
        heard = self.run(self.stage.further(query, seconds=30))
        assert heard.answer is not None
        return heard.answer

    def sign_in(self, browser: Browser, post: str, state: str = "il") -> StorageState:
        """Return the cookies of a state's employee who has signed in; who has not does so now."""
        if (post, state) not in self.signed_in:
            self.signed_in[post, state] = self.sign_in_anew(browser, post, state)
        return self.signed_in[post, state]

    def sign_in_anew(self, browser: Browser, post: str, state: str = "il") -> StorageState:
        """Sign in as a state's employee in a window of its own; return the browser's cookies."""
        context = browser.new_context()
        page = context.new_page()
        page.goto(self.url)
        page.get_by_role("link", name="Agree and sign in").click()
        named = page.get_by_role("button", name=post).filter(has_text=member_label(Member(state)))
        named.first.click()
        page.wait_for_url(re.compile(f"{re.escape(self.url)}/(state|console)/.*"))
        found = context.storage_state()
        context.close()
        return found


def _check_claims(place: Path) -> None:
    """Let Maine ask about every release to another state's agency."""
    control = next(each for each in agencies_of(CHECKING) if each.is_control)
    folder = make_private_dir(make_private_dir(place / "data") / "claims")
    said = f'per_million = 1_000_000\nasks_as = "{control.ori}"\n'
    (folder / f"{CHECKING}.toml").write_text(said, "utf-8")


@contextmanager
def desk_network(hold_seconds: int = HOLD_SECONDS) -> Iterator[DeskNetwork]:
    """Run a network with its console until leaving; what is held waits so long at most."""
    started: Future[DeskNetwork] = Future()

    async def live() -> None:
        over = asyncio.Event()
        with fresh_place() as place:
            _check_claims(place)
            async with (
                running_network(
                    place, handles_signals=False, hold_seconds_max=hold_seconds
                ) as network,
                open_stage(network.settings, network.world) as stage,
            ):
                loop = asyncio.get_running_loop()
                made = DeskNetwork(network=network, stage=stage, loop=loop, over=over)
                started.set_result(made)
                await over.wait()

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise

    thread = Thread(target=run)
    thread.start()
    try:
        network = started.result(START_SECONDS_MAX)
        try:
            yield network
        finally:
            network.loop.call_soon_threadsafe(network.over.set)
    finally:
        thread.join(WAIT_SECONDS_MAX)
