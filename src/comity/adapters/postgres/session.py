"""Connections to PostgreSQL, and what its failures mean to the services.

Guarantee: whatever goes wrong with the server or the way to it is a StoreDownError, whatever is
wrong with a row is a RowRefusedError, and neither text holds a value. A connection whose state is
in doubt is thrown away; the pool makes another when one is asked for, also after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from comity.adapters.errors import RowRefusedError
from comity.domain.errors import ComityError
from comity.ports import StoreDownError

__all__ = ["ACQUIRE_SECONDS_MAX", "CONNECTIONS_MAX", "STATEMENT_SECONDS_MAX", "Pool", "Session"]

CONNECTIONS_MAX: Final = 4
"""Connections of one process to the store."""

ACQUIRE_SECONDS_MAX: Final = 10.0
"""How long a task waits for one of the connections."""

CONNECT_SECONDS_MAX: Final = 5.0
"""How long a new connection may take, and the end of one."""

STATEMENT_SECONDS_MAX: Final = 30.0
"""How long a statement may run, and a transaction wait for its next one."""


VACUUM_SECONDS_MAX: Final = 3_600.0
"""How long the vacuum of one table may take."""

_SETTINGS: Final = {
    "application_name": "comity",
    # INVARIANT (no-answer-before-receipt): a commit is acknowledged only once it is on disk.
    "synchronous_commit": "on",
    "timezone": "UTC",
    "jit": "off",
    "statement_timeout": f"{STATEMENT_SECONDS_MAX:.0f}s",
    # A host that froze must not keep a head locked from the one that takes its ledgers over.
    "idle_in_transaction_session_timeout": f"{STATEMENT_SECONDS_MAX:.0f}s",
}

# By SQLSTATE class: connection, resources, operator, system, conflicts with another transaction.
_DOWN_CLASSES: Final = frozenset({"08", "40", "53", "55", "57", "58", "XX"})
_ROW_CLASSES: Final = frozenset({"22", "23"})


class Session:
    """One connection for one task at a time, its errors named for the services."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, statement: str, *values: object) -> list[Any]:
        """Return the rows of a statement. Raises: StoreDownError, RowRefusedError."""
        try:
            rows: list[Any] = await self._connection.fetch(statement, *values)
        except _FAILURES as error:
            raise self._failed(error) from None
        return rows

    async def fetch_row(self, statement: str, *values: object) -> Any:
        """Return the first row of a statement, or None. Raises: as `fetch`."""
        rows = await self.fetch(statement, *values)
        return rows[0] if rows else None

    async def execute(self, statement: str) -> str:
        """Run a statement without parameters; return its tag. Raises: as `fetch`."""
        try:
            return str(await self._connection.execute(statement))
        except _FAILURES as error:
            raise self._failed(error) from None

    async def copy(self, table: str, columns: Sequence[str], rows: Sequence[object]) -> None:
        """Add rows by COPY. Raises: as `fetch`."""
        try:
            await self._connection.copy_records_to_table(table, columns=columns, records=rows)
        except _FAILURES as error:
            raise self._failed(error) from None

    async def vacuum(self, table: str) -> None:
        """Clear a table's dead rows away, for as long as that takes. Raises: as `fetch`."""
        try:
            await self._connection.execute("SET statement_timeout = 0", timeout=None)
            await self._connection.execute(f"VACUUM {table}", timeout=VACUUM_SECONDS_MAX)
            await self._connection.execute("RESET statement_timeout")
        except _FAILURES as error:
            self.abandon()
            raise self._failed(error) from None

    async def commit(self) -> str:
        """Commit; return the statement's tag, or the SQLSTATE of a warning that came with it.

        Raises: as `fetch`.
        """
        said: list[str] = []

        def heard(_: object, message: Any) -> None:
            said.append(str(message.sqlstate))

        self._connection.add_log_listener(heard)
        try:
            tag = await self.execute("COMMIT")
        finally:
            with contextlib.suppress(asyncpg.InterfaceError):
                self._connection.remove_log_listener(heard)
        return said[0] if said else tag

    def _failed(self, error: BaseException) -> ComityError:
        """Return what a failure means; a connection that it leaves in doubt is not used again."""
        meaning = meaning_of(error)
        if isinstance(meaning, StoreDownError):
            self.abandon()
        return meaning

    def abandon(self) -> None:
        """Throw the connection away: nobody knows what state it is in."""
        self._connection.terminate()

    async def roll_back(self) -> None:
        """Undo the transaction, if need be by throwing the connection away."""
        try:
            await self.execute("ROLLBACK")
        except ComityError:
            self.abandon()
        except BaseException:
            self.abandon()
            raise


def meaning_of(error: BaseException) -> ComityError:
    """Return what a failure of the driver or the server means. Its own text may hold values."""
    if isinstance(error, asyncpg.DataError):
        return RowRefusedError("a value does not have the type of its column")
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate)
        if state[:2] in _ROW_CLASSES:
            broken = getattr(error, "constraint_name", None) or state
            return RowRefusedError(f"a row breaks `{broken}`")
        if state[:2] not in _DOWN_CLASSES:
            return ComityError(f"the store refused a statement with `{state}`")
        return StoreDownError(f"the store failed with `{state}`")
    return StoreDownError("the store cannot be reached")


_FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What a connection says whose server ended it between two statements.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


class Pool:
    """At most four connections, made when asked for, replaced when broken.

    Not the driver's own pool: that costs a task and a hundred microseconds each time it lends.
    `_idle` holds the connections that nobody uses, `_lent` those in use. `losses` counts how often
    a connection was found to have ended, or was given up: a server that crashes ends all of them.
    """

    def __init__(self, url: str, connections_max: int, settings: Mapping[str, str]) -> None:
        self._url = url
        self._settings = settings
        self._slots = asyncio.Semaphore(connections_max)
        self._idle: list[Any] = []
        self._lent: set[Any] = set()
        self._is_closed = False
        self.losses = 0

    @classmethod
    async def open(
        cls, url: str, connections_max: int = CONNECTIONS_MAX, *, states: Sequence[str] = ()
    ) -> Pool:
        """Return a pool; the server need not be there yet.

        `states` makes its sessions a reader's: they write nothing, and the row-level security of
        the reader's role shows them these states' rows alone.
        """
        reader = {"comity.states": ",".join(states), "default_transaction_read_only": "on"}
        return cls(url, connections_max, {**_SETTINGS, **(reader if states else {})})

    async def close(self) -> None:
        """Close every connection; one in use, or that does not answer, by force."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            try:
                await connection.close(timeout=CONNECT_SECONDS_MAX)
            except _FAILURES:
                connection.terminate()
        for connection in self._lent:
            connection.terminate()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Session]:
        """Lend a connection. Raises: StoreDownError if there is none to be had."""
        await self._take_slot()
        try:
            connection = await self._connection()
            self._lent.add(connection)
            try:
                yield Session(connection)
            finally:
                self._lent.discard(connection)
                self._give_back(connection)
        finally:
            self._slots.release()

    async def _take_slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS_MAX):
                await self._slots.acquire()
        except TimeoutError:
            raise StoreDownError("every connection to the store is busy") from None

    async def _connection(self) -> Any:
        if self._is_closed:
            raise StoreDownError("the store was closed")
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self.losses += 1
        try:
            return await asyncpg.connect(
                self._url,
                timeout=CONNECT_SECONDS_MAX,
                command_timeout=STATEMENT_SECONDS_MAX + CONNECT_SECONDS_MAX,
                max_cached_statement_lifetime=0,
                server_settings=self._settings,
            )
        except _FAILURES as error:
            raise meaning_of(error) from None

    def _give_back(self, connection: Any) -> None:
        """Keep a connection for the next one, unless somebody left a transaction open on it."""
        if connection.is_closed():
            self.losses += 1
            return
        if self._is_closed or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(connection)
