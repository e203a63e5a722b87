"""`comity serve ROLE`: one process of an installation, until it is told to stop.

A role's own parts are loaded when it runs, and those of no other.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
import uvloop

from comity.roles.settings import Settings, load_settings

__all__ = ["Role", "app", "settle_memory"]

app = typer.Typer()

_YOUNG_OBJECTS: Final = 50_000
_YOUNG_ROUNDS: Final = 20
_MIDDLE_ROUNDS: Final = 100


class Role(StrEnum):
    """What a process can be."""

    GATEWAY = "gateway"
    HUB = "hub"
    WORKER = "worker"
    WITNESS = "witness"
    LEDGER = "ledger"
    CONSOLE = "console"


@app.command()
def serve(role: Annotated[Role, typer.Argument(help="Which process.")]) -> None:
    """Run one role of this installation until SIGTERM or SIGINT."""
    uvloop.run(_RUN[role](load_settings()))


async def _gateway(settings: Settings) -> None:
    from comity.app.gateway import open_gateway  # noqa: PLC0415 - its own parts

    async with open_gateway(settings):
        settle_memory()
        await _stopped()


async def _hub(settings: Settings) -> None:
    from comity.app.hub import open_hub  # noqa: PLC0415 - its own parts

    async with open_hub(settings):
        settle_memory()
        await _stopped()


async def _worker(settings: Settings) -> None:
    from comity.app.worker import open_worker  # noqa: PLC0415 - its own parts

    async with open_worker(settings) as worker:
        settle_memory()
        work = asyncio.create_task(worker.run())
        stop = asyncio.create_task(_stopped())
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if work.done():
            work.result()
        work.cancel()


async def _witness(settings: Settings) -> None:
    from comity.app.witness import open_witness  # noqa: PLC0415 - its own parts

    async with open_witness(settings):
        settle_memory()
        await _stopped()


async def _ledger(settings: Settings) -> None:
    from comity.app.ledger_server import open_ledger_server  # noqa: PLC0415 - its own parts

    async with open_ledger_server(settings):
        settle_memory()
        await _stopped()


async def _console(settings: Settings) -> None:
    from comity.app.console import open_console  # noqa: PLC0415 - its own parts

    async with open_console(settings):
        settle_memory()
        await _stopped()


def settle_memory() -> None:
    """Look for cycles seldom, and never again among what the start has built.

    Values are freed by their counts; a search through directory, policies and all that is open
    stops everything for as long as it takes, 50 to 300 ms as measured, and finds next to nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _YOUNG_ROUNDS, _MIDDLE_ROUNDS)


async def _stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


_RUN: Final[dict[Role, Callable[[Settings], Coroutine[Any, Any, None]]]] = {
    Role.GATEWAY: _gateway,
    Role.HUB: _hub,
    Role.WORKER: _worker,
    Role.WITNESS: _witness,
    Role.LEDGER: _ledger,
    Role.CONSOLE: _console,
}
