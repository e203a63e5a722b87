"""What takes rows away for good, on PostgreSQL itself: by whom it may be done, and what is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from comity.domain.ids import HostName, LeafIndex
from comity.ports import RedactionRow
from comity.roles.runtime import DatabaseRole
from tests.contract.test_store_keeping import Redacting
from tests.support.engines import Cluster, cluster
from tests.support.rows import WA, Work, commit
from tests.support.stores import PostgresCase, open_case

__all__ = ["cluster"]

EXPUNGED = ("accepted", "answer", "hold", "ledger_private", "result")
_VACUUMED = """
    SELECT relname FROM pg_stat_user_tables WHERE vacuum_count > 0 ORDER BY relname"""


@pytest.fixture
async def case(cluster: Cluster) -> AsyncIterator[PostgresCase]:
    """A store on PostgreSQL with three leaves of Washington, one of them withdrawn."""
    async with open_case("postgres", cluster) as opened:
        assert isinstance(opened, PostgresCase)
        epochs = await opened.store.claim(HostName("gw-1"), [WA])
        await commit(opened.store, [Work(member=WA, number=n) for n in range(2)], epochs)
        redaction = RedactionRow(member=WA, leaf_index=LeafIndex(1), named_by=LeafIndex(2))
        work = [Redacting(member=WA, number=9, cites="wa/1")]
        await commit(opened.store, work, epochs, redactions=(redaction,))
        yield opened


async def connect(case: PostgresCase, cluster: Cluster, role: DatabaseRole) -> Any:
    """A plain connection to the case's database in a role."""
    async with case.store.pool.lend() as session:
        row = await session.fetch_row("SELECT current_database() AS name")
    connection = await asyncpg.connect(cluster.url(row["name"], role), ssl=False)
    # What a role may do, not what its sessions begin with.
    await connection.execute("SET default_transaction_read_only = off")
    return connection


async def test_what_was_expunged_is_vacuumed_before_it_is_answered(
    case: PostgresCase, cluster: Cluster
) -> None:
    """The gateway's own role does it, in the tables that lost rows and in no other."""
    assert await case.store.expunge(WA, 0) == 1
    admin = await connect(case, cluster, DatabaseRole.ADMIN)
    try:
        names = [row["relname"] for row in await admin.fetch(_VACUUMED)]
        assert set(EXPUNGED) <= set(names)
        assert "ledger_leaf" not in names
        assert await case.store.erase(WA, 1)
        names = [row["relname"] for row in await admin.fetch(_VACUUMED)]
        assert "ledger_leaf" in names
    finally:
        await admin.close()


@pytest.mark.parametrize("role", [DatabaseRole.GATEWAY, DatabaseRole.READER])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_leaf SET bytes = '' WHERE leaf_index = 1",
        "DELETE FROM ledger_leaf",
        "DELETE FROM ledger_redaction",
        "UPDATE ledger_redaction SET leaf_index = 0",
        "DELETE FROM key_event",
        "UPDATE key_event SET leaf_index = 7",
    ],
)
async def test_no_role_of_the_gateway_takes_more_away(
    case: PostgresCase, cluster: Cluster, role: DatabaseRole, statement: str
) -> None:
    """Leaves, what withdraws them and what was ordered can be changed by nobody who serves."""
    connection = await connect(case, cluster, role)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_reader_may_not_erase(case: PostgresCase, cluster: Cluster) -> None:
    """The function is the gateway's alone."""
    reader = await connect(case, cluster, DatabaseRole.READER)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch("SELECT * FROM erase_leaf('wa', 1)")
    finally:
        await reader.close()
    assert (await case.store.leaves(WA, 1, 2))[0]
