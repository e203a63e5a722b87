"""`comity serve ROLE`: one process of an installation, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
import uvloop

from comity import app as network
from comity.roles.settings import Settings, load_settings

__all__ = ["Role", "app"]

app = typer.Typer()


class Role(StrEnum):
    """What a process can be."""

    GATEWAY = "gateway"
    HUB = "hub"
    WORKER = "worker"


@app.command()
def serve(role: Annotated[Role, typer.Argument(help="Which process.")]) -> None:
    """Run one role of this installation until SIGTERM or SIGINT."""
    uvloop.run(_RUN[role](load_settings()))


async def _gateway(settings: Settings) -> None:
    async with network.open_gateway(settings):
        await _stopped()


async def _hub(settings: Settings) -> None:
    async with network.open_hub(settings):
        await _stopped()


async def _worker(settings: Settings) -> None:
    async with network.open_worker(settings) as worker:
        work = asyncio.create_task(worker.run())
        stop = asyncio.create_task(_stopped())
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if work.done():
            work.result()
        work.cancel()


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
}
