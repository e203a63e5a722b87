"""Run a network from the command line until it is told to stop: a process that tests may kill."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from comity.domain.errors import ComityError
from comity.roles.process import ready_after_line
from comity.roles.supervisor import Supervisor
from tests.integration.engines.network import TALKATIVE, role, settings_for


async def main(place: Path) -> int:
    """Start engines and one role, say so, and wait."""
    try:
        async with Supervisor(settings_for(place)) as network:
            ready = ready_after_line("at your service")
            await network.start(role(network, "speaker", TALKATIVE, ready))
            print("running", flush=True)
            await network.stopped()
    except ComityError as error:
        print(error.code, error, flush=True)
        return 1
    print("stopped", flush=True)
    return 0


sys.exit(asyncio.run(main(Path(sys.argv[1]))))
