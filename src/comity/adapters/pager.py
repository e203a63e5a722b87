"""The pager: a command of the operator's own.

Guarantee: a command is run as it is given, word by word, by no shell, with the message on its
standard input; only its end with 0 within the time counts as delivered. It sees none of our
settings: its environment has `PATH`, `HOME` and `LANG` alone. What it prints is not kept.
Source: docs/adr/0030-announcing-rules.md, "Pages".
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from typing import Final

from comity.ports import PageError

__all__ = ["PAGE_SECONDS_MAX", "CommandPager"]

PAGE_SECONDS_MAX: Final = 20.0
_SEEN: Final = ("PATH", "HOME", "LANG")


class CommandPager:
    """Runs a command for each page."""

    def __init__(self, argv: Sequence[str], seconds_max: float = PAGE_SECONDS_MAX) -> None:
        self._argv = tuple(argv)
        self._seconds_max = seconds_max

    async def page(self, message: bytes) -> None:
        """Run the command with a message. Raises: PageError."""
        environment = {name: os.environ[name] for name in _SEEN if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise PageError("the page command cannot be run") from error
        try:
            async with asyncio.timeout(self._seconds_max):
                await process.communicate(message)
        except TimeoutError:
            raise PageError(f"the page command ran for more than {self._seconds_max} s") from None
        finally:
            await _gone(process)
        if process.returncode != 0:
            raise PageError(f"the page command ended with {process.returncode}")


async def _gone(process: Process) -> None:
    """End a command that still runs, with what it started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        await process.wait()
