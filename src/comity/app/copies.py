"""A practice network's database and an earlier copy of it, exchanged: how an old backup comes back.

Guarantee: nothing but the supervised database of a practice network is touched, nothing in it is
changed, and what was exchanged can be exchanged back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

from comity.roles.runtime import DatabaseRole, database_url
from comity.roles.settings import Settings

__all__ = ["PracticeCopy"]

_MAINTENANCE: Final = "/postgres"
_SUFFIX: Final = "_copy"
_ASIDE: Final = "_aside"
_LOOK_SECONDS: Final = 0.05
_CLOSE_SECONDS_MAX: Final = 10.0
_SESSIONS: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1"
_END: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"


class PracticeCopy:
    """An earlier state of a practice network's database, beside it on the same server."""

    def __init__(self, settings: Settings) -> None:
        # Real ledgers are never put back to what they were, not even to show what then happens.
        assert settings.is_practice
        assert settings.database_url is None
        address = urlsplit(database_url(settings, DatabaseRole.ADMIN))
        self._url = address._replace(path=_MAINTENANCE).geturl()
        self._name = address.path.removeprefix("/")
        self._copy = f"{self._name}{_SUFFIX}"

    async def make(self) -> None:
        """Copy the database as it stands; whoever uses it connects again afterwards."""
        async with self._alone() as run:
            await run(f'CREATE DATABASE "{self._copy}" TEMPLATE "{self._name}"')

    async def exchange(self, meanwhile: Callable[[], None]) -> None:
        """Put the copy in the database's place, and the database in the copy's.

        `meanwhile` is called when nobody is connected: to end whoever must not meet the other one.
        """
        aside = f"{self._name}{_ASIDE}"
        async with self._alone() as run:
            meanwhile()
            await run(f'ALTER DATABASE "{self._name}" RENAME TO "{aside}"')
            await run(f'ALTER DATABASE "{self._copy}" RENAME TO "{self._name}"')
            await run(f'ALTER DATABASE "{aside}" RENAME TO "{self._copy}"')
            await run(f'ALTER DATABASE "{self._copy}" ALLOW_CONNECTIONS true')

    async def drop(self) -> None:
        """Remove the copy."""
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{self._copy}"')
        finally:
            await connection.close()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Callable[[str], Any]]:
        """Keep everybody out of the database; yield how a statement is run beside it."""
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
            try:
                async with asyncio.timeout(_CLOSE_SECONDS_MAX):
                    while await connection.fetchval(_SESSIONS, self._name):
                        await connection.fetch(_END, self._name)
                        await asyncio.sleep(_LOOK_SECONDS)
                yield connection.execute
            finally:
                await connection.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')
        finally:
            await connection.close()
