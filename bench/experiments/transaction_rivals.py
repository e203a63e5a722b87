"""What two writers of one ledger see of each other: `python transaction_rivals.py [FOLDER]`.

Prints the facts that ADR 0003 relies on: which statements see a rival's commit for which they
waited, and what a compare-and-swap without a lock writes. Nothing here is timed.
"""

# The statements are put together from constants.
# ruff: noqa: S608
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from transaction_cluster import Cluster, cluster

_TABLES = """
    DROP SCHEMA IF EXISTS rivals CASCADE;
    CREATE SCHEMA rivals; SET search_path = rivals;
    CREATE TABLE head (state text PRIMARY KEY, size bigint);
    CREATE TABLE key (id int PRIMARY KEY, state text);
    INSERT INTO head VALUES ('oh', 5), ('tx', 5);"""
_LOCK = "SELECT size FROM head WHERE state = 'oh' FOR UPDATE"
_LOCK_AND_READ = f"""WITH locked AS MATERIALIZED ({_LOCK})
    SELECT (SELECT size FROM locked), (SELECT count(*) FROM key WHERE id = 1)"""
_SWAP = """WITH moved AS (
        UPDATE head h SET size = n.size
        FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS n(state, old, size)
        WHERE h.state = n.state AND h.size = n.old RETURNING h.state),
    w AS (INSERT INTO key SELECT * FROM unnest($4::int[], $1::text[]) AS n(id, state)
        WHERE n.state = ANY(ARRAY(SELECT state FROM moved)))
    SELECT array_agg(state) FROM moved"""
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
_RIVAL = "INSERT INTO key VALUES (1, 'oh'); UPDATE head SET size = 6 WHERE state = 'oh'"


async def _connect(server: Cluster) -> asyncpg.Connection:
    for _ in range(100):
        try:
            return await asyncpg.connect(
                host=str(server.data),
                user="postgres",
                database="postgres",
                server_settings={"search_path": "rivals"},
            )
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.1)
    raise SystemExit("the server does not answer")


async def beside(
    server: Cluster, ours: Callable[[asyncpg.Connection], Awaitable[Any]], end: str = "COMMIT"
) -> tuple[Any, list[int], list[int]]:
    """Run ours while a rival holds the head of `oh`; the rival ends once ours waits for it."""
    rival, own = await _connect(server), await _connect(server)
    await rival.execute(_TABLES)
    await rival.execute(f"BEGIN; {_RIVAL}")
    waiting = asyncio.ensure_future(ours(own))
    for _ in range(100):  # one that finds nothing to wait for ends at once
        if waiting.done() or await rival.fetchval(_WAITING):
            break
        await asyncio.sleep(0.01)
    await rival.execute(end)
    said = await waiting
    keys = [row[0] for row in await own.fetch("SELECT id FROM key ORDER BY id")]
    sizes = [row[0] for row in await own.fetch("SELECT size FROM head ORDER BY state")]
    await rival.close()
    await own.close()
    return said, keys, sizes


async def _two_statements(own: asyncpg.Connection) -> tuple[int, int]:
    async with own.transaction():
        size = await own.fetchval(_LOCK)
        return size, await own.fetchval("SELECT count(*) FROM key WHERE id = 1")


def _swap(*old: int) -> Callable[[asyncpg.Connection], Awaitable[Any]]:
    new = [size + 1 for size in old]
    return lambda own: own.fetchval(_SWAP, ["oh", "tx"], list(old), new, [10, 11])


async def main(server: Cluster) -> None:
    """Print what was said, the keys there are (1 is the rival's), and the sizes of oh and tx."""
    one = await beside(server, lambda own: own.fetchrow(_LOCK_AND_READ))
    print("lock and read in one statement: size, keys seen ", tuple(one[0]))
    two = await beside(server, _two_statements)
    print("lock, then read: size, keys seen                ", two[0])
    print("swap, the rival commits first                   ", await beside(server, _swap(5, 5)))
    rolled_back = await beside(server, _swap(5, 5), "ROLLBACK")
    print("swap, the rival rolls back                      ", rolled_back)
    print("swap sent ahead, expecting the size in flight   ", await beside(server, _swap(6, 5)))


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "/var/lib/comity-practice-exp")
    with cluster(folder) as running:
        uvloop.run(main(running))
