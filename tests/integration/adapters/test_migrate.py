"""Migrations on a real server: once, in order, whole, and refused where history was altered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from comity.adapters.errors import MigrationError
from comity.adapters.postgres import migrate as module
from comity.adapters.postgres.migrate import migrate, migrations
from comity.roles.runtime import DatabaseRole
from tests.support.engines import Cluster

NAMES = [f"{migration.number:04d}_{migration.name}" for migration in migrations()]


@asynccontextmanager
async def connected(
    cluster: Cluster, database: str, role: DatabaseRole = DatabaseRole.ADMIN
) -> AsyncIterator[Any]:
    """Connect for a block."""
    connection = await cluster.connect(database, role)
    try:
        yield connection
    finally:
        await connection.close()


async def test_all_are_applied_once(cluster: Cluster, empty_database: str) -> None:
    """The first run applies every file in order, the second none."""
    async with connected(cluster, empty_database) as connection:
        assert await migrate(connection) == NAMES
        assert await migrate(connection) == []
        rows = await connection.fetch("SELECT number, name FROM migration ORDER BY number")
    assert [f"{number:04d}_{name}" for number, name in rows] == NAMES


async def test_hosts_that_start_together_take_turns(cluster: Cluster, empty_database: str) -> None:
    """Of several runs at once one applies everything and the others find it done."""

    async def run() -> list[str]:
        async with connected(cluster, empty_database) as connection:
            return await migrate(connection)

    done = await asyncio.gather(*(run() for _ in range(4)))
    assert sorted(done, key=len) == [[], [], [], NAMES]


async def test_altered_history_is_refused(cluster: Cluster, database: str) -> None:
    """A file that differs from what was applied under its number stops the run."""
    async with connected(cluster, database) as connection:
        await connection.execute("UPDATE migration SET digest = '\\x00' WHERE number = 2")
        with pytest.raises(MigrationError, match="0002"):
            await migrate(connection)


async def test_failed_run_leaves_nothing(cluster: Cluster, empty_database: str) -> None:
    """If one file cannot be applied, none is."""
    async with connected(cluster, empty_database) as connection:
        await connection.execute("CREATE TABLE policy (stray int)")
        with pytest.raises(asyncpg.DuplicateTableError):
            await migrate(connection)
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
    assert [row["tablename"] for row in tables] == ["policy"]


async def test_database_of_a_later_release_is_left_alone(cluster: Cluster, database: str) -> None:
    """A number that this release does not know is no error: its code runs with that schema."""
    async with connected(cluster, database) as connection:
        await connection.execute("INSERT INTO migration VALUES (9999, 'later', '\\x00')")
        assert await migrate(connection) == []


async def test_traffic_of_before_says_what_it_does_not_hold(
    cluster: Cluster, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stood at defaults is empty since, and is counted under no rules that are known."""
    before = [each for each in migrations() if each.number < 20]
    row = (
        "USPX011ER,fe,none,signed,DQ,no,licence,court,none,none,single,none,weekend,within,inbound"
    )
    held = "USPX011ER,fe,none,signed,DQ,no,,court,none,none,,,weekend,,inbound"
    async with connected(cluster, empty_database) as connection:
        with monkeypatch.context() as earlier:
            earlier.setattr(module, "migrations", lambda: before)
            await migrate(connection)
        await connection.execute("INSERT INTO traffic VALUES ('wa', 682, $1, 7)", row)
        await migrate(connection)
        found = await connection.fetch("SELECT state, month, under, request, count FROM traffic")
    assert [tuple(each) for each in found] == [("wa", 682, -1, held, 7)]


async def test_every_table_says_what_it_is(cluster: Cluster, database: str) -> None:
    """Every table's comment says what it holds, how long it is kept and who writes it."""
    async with connected(cluster, database) as connection:
        rows = await connection.fetch(
            "SELECT relname, obj_description(oid, 'pg_class') AS text FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    assert rows
    silent = [
        row["relname"]
        for row in rows
        if not re.search(r"(?i)\bkept\b|one row per", row["text"] or "")
        or not re.search(r"(?i)written by|added to by", row["text"])
    ]
    assert silent == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_leaf SET bytes = ''",
        "DELETE FROM ledger_leaf",
        "UPDATE ledger_segment SET root = root",
        "DELETE FROM ledger_segment",
        "DELETE FROM ledger_node",
        "DELETE FROM ledger_head",
        "UPDATE ledger_key SET leaf_index = 0",
        "UPDATE answer SET body = ''",
        "UPDATE policy SET body = ''",
        "DELETE FROM directory",
        "DELETE FROM checkpoint",
        "UPDATE cosignature SET line = ''",
        "DELETE FROM cosignature",
        "DELETE FROM help_file",
        "UPDATE hold SET body = ''",
        "UPDATE traffic SET month = 0",
        "DELETE FROM traffic_fold",
        "TRUNCATE ledger_private",
        "DROP TABLE ledger_leaf",
        "ALTER TABLE ledger_leaf DISABLE ROW LEVEL SECURITY",
    ],
)
async def test_gateway_may_not_rewrite_history(
    cluster: Cluster, database: str, statement: str
) -> None:
    """The gateway's role cannot change or remove what is only ever added to."""
    async with connected(cluster, database, DatabaseRole.GATEWAY) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM source_driver",
        "SELECT * FROM source_vehicle",
        "SELECT * FROM ledger_head FOR UPDATE",
        "INSERT INTO checkpoint VALUES ('wa', 1, '')",
        "INSERT INTO cosignature VALUES ('wa', 1, 'w', '', '')",
        "DELETE FROM result",
        "SELECT ledger_leaves_leave('wa', 0)",
        "INSERT INTO ledger_segment VALUES ('wa', 0, '', 0)",
        "UPDATE line_position SET acknowledged = 0",
        "INSERT INTO traffic VALUES ('wa', 1, '', 1)",
        "UPDATE traffic_fold SET folded = 0",
    ],
)
async def test_reader_may_only_read(cluster: Cluster, database: str, statement: str) -> None:
    """The readers' role writes nothing, locks nothing, and never sees a source's records."""
    async with connected(cluster, database, DatabaseRole.READER) as connection:
        await connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_leaves_leave_by_the_tables_own_word_alone(cluster: Cluster, database: str) -> None:
    """A table of the same name in the session's own schema says nothing of what is sealed."""
    zeros = "decode(repeat('00', 32), 'hex')"
    unredacted = "CREATE TEMP TABLE ledger_redaction (state text, leaf_index bigint)"
    async with connected(cluster, database) as admin:
        await admin.execute(f"INSERT INTO ledger_leaf VALUES ('wa', 0, {zeros}, '')")
    async with connected(cluster, database, DatabaseRole.GATEWAY) as connection:
        await connection.execute("CREATE TEMP TABLE ledger_segment (state text, segment bigint)")
        await connection.execute("INSERT INTO pg_temp.ledger_segment VALUES ('wa', 0)")
        await connection.execute(unredacted)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.fetchval("SELECT ledger_leaves_leave('wa', 0)")
    async with connected(cluster, database) as admin:
        await admin.execute(f"INSERT INTO ledger_segment VALUES ('wa', 0, {zeros}, 0)")
        await admin.execute("INSERT INTO ledger_redaction VALUES ('wa', 0, 9)")
    async with connected(cluster, database, DatabaseRole.GATEWAY) as connection:
        await connection.execute(unredacted)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.fetchval("SELECT ledger_leaves_leave('wa', 0)")
    async with connected(cluster, database) as admin:
        await admin.execute("DELETE FROM ledger_redaction")
    async with connected(cluster, database, DatabaseRole.GATEWAY) as connection:
        assert await connection.fetchval("SELECT ledger_leaves_leave('wa', 0)") == 1


@pytest.mark.parametrize(
    ("states", "seen"),
    [("wa", ["wa"]), ("or,wa", ["or", "wa"]), ("ca", []), ("", []), (None, []), ("*", [])],
)
async def test_reader_sees_the_states_that_it_names(
    cluster: Cluster, database: str, states: str | None, seen: list[str]
) -> None:
    """A reader's session sees rows of the states that it was opened for, and none by default."""
    async with connected(cluster, database) as admin:
        await admin.execute("INSERT INTO checkpoint VALUES ('or', 1, ''), ('wa', 1, '')")
    async with connected(cluster, database, DatabaseRole.READER) as connection:
        if states is not None:
            await connection.execute("SELECT set_config('comity.states', $1, false)", states)
        rows = await connection.fetch("SELECT state FROM checkpoint ORDER BY state")
    assert [row["state"] for row in rows] == seen
