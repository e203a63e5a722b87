"""Table layouts and transaction shapes that the experiment compares.

A layout says which tables and columns an ordinary exchange writes; a shape says with which
statements one batch reaches them. Every statement is derived from the layout, so all shapes write
the same bytes. Source: ADR 0003.
"""

# Names and types come from the layouts below, values are parameters.
# ruff: noqa: S608
import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from asyncpg import Connection

Columns = dict[str, str]  # name -> SQL type
HEAD = "ledger_head"
_DAY_NS = 86_400 * 10**9
_OLD = ["text[]", "bigint[]", "bigint[]", "bytea[]", "bytea[]", "bigint[]"]

_KEY: Columns = {"exchange_id": "bytea", "state": "text", "step": "smallint"}
_SEALED: Columns = {"key_month": "int", "nonce": "bytea", "body": "bytea"}
_LEAF: Columns = {"state": "text", "leaf_index": "bigint", "hash": "bytea", "bytes": "bytea"}
_INDEX: Columns = {"leaf_index": "bigint"}
_FRAME: Columns = {"query_id": "bytea", "state": "text", "line": "int", "frame_no": "bigint"}


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Tables of one schema, their primary keys, and where an idempotency key is looked up."""

    tables: dict[str, Columns]
    primary: dict[str, str]
    keys: dict[str, str]
    partition: dict[str, str] = {}  # table -> column whose ranges are its partitions
    foreign: bool = False
    storage: str = ""  # of every table but the heads
    head_fill: int = 10


_FULL = Layout(
    tables={
        "ledger_leaf": _LEAF,
        "ledger_private": {"state": "text", **_INDEX, **_SEALED},
        "ledger_key": {**_KEY, **_INDEX},
        "accepted": {**_FRAME, "body": "bytea"},
        "answer": {**_KEY, "outcome": "smallint", "body": "bytea", **_INDEX},
    },
    primary={
        "ledger_leaf": "state, leaf_index",
        "ledger_private": "state, leaf_index",
        "ledger_key": "exchange_id, state, step",
        "accepted": "query_id",
        "answer": "exchange_id, state, step",
    },
    keys={"ledger_key": "exchange_id"},
)
_FOLDED = Layout(
    tables={
        "ledger_leaf": _LEAF,
        "ledger_private": _FULL.tables["ledger_private"],
        "accepted": {**_FRAME, "body": "bytea", **_INDEX},
        "answer": _FULL.tables["answer"],
    },
    primary={name: key for name, key in _FULL.primary.items() if name != "ledger_key"},
    keys={"accepted": "query_id", "answer": "exchange_id"},
)
_WIDE = Layout(
    tables={
        "ledger_leaf": {**_LEAF, **_SEALED},
        "accepted": _FOLDED.tables["accepted"],
        "answer": _FULL.tables["answer"],
    },
    primary={k: v for k, v in _FOLDED.primary.items() if k != "ledger_private"},
    keys=_FOLDED.keys,
)
RESULT = {"query_id": "bytea", "state": "text", "step": "smallint", "body": "bytea"}
_PARTED = {
    "ledger_leaf": "leaf_index",
    "ledger_private": "leaf_index",
    "accepted": "query_id",
    "answer": "exchange_id",
}
LAYOUTS = {
    "plain": _FULL,
    "folded": _FOLDED,
    "wide": _WIDE,
    "linked": msgspec.structs.replace(_FOLDED, foreign=True),
    "parted": msgspec.structs.replace(_FOLDED, partition=_PARTED),
    "unfrozen": msgspec.structs.replace(
        _FOLDED,
        partition=_PARTED,
        storage=" WITH (autovacuum_vacuum_insert_threshold = -1)",
    ),
    "packed": msgspec.structs.replace(_FOLDED, head_fill=100),
    "carried": msgspec.structs.replace(_FOLDED, tables={**_FOLDED.tables, "result": RESULT}),
}
_FOREIGN = """
ALTER TABLE ledger_leaf ADD FOREIGN KEY (state) REFERENCES ledger_head;
ALTER TABLE ledger_private ADD FOREIGN KEY (state, leaf_index) REFERENCES ledger_leaf;
ALTER TABLE answer ADD FOREIGN KEY (state, leaf_index) REFERENCES ledger_leaf;
"""


def ddl(layout: Layout, members: Sequence[str]) -> str:
    """Every table of a layout, and one head row per ledger."""
    tables = []
    for table, columns in {**layout.tables, "result": RESULT}.items():
        typed = ", ".join(f"{name} {sql_type} NOT NULL" for name, sql_type in columns.items())
        tables.append(f"CREATE TABLE {table} ({typed}){_partitions(layout, table)};")
    rows = ", ".join(f"('{member}', 0, '', '', 0, 1)" for member in members)
    head = f"""CREATE TABLE {HEAD} (state text PRIMARY KEY, size bigint NOT NULL,
        root bytea NOT NULL, frontier bytea NOT NULL,
        policy_version bigint NOT NULL, epoch bigint NOT NULL)
        WITH (fillfactor = {layout.head_fill});
        ALTER TABLE {HEAD} ALTER frontier SET STORAGE PLAIN;
        INSERT INTO {HEAD} VALUES {rows};"""
    return "\n".join([*tables, head, function(layout)])


def _partitions(layout: Layout, table: str) -> str:
    """Ten partitions: of 65,536 indexes, or of a day by the time that an id begins with."""
    column = layout.partition.get(table)
    if column is None:
        return layout.storage
    if column == "leaf_index":
        bounds = [str(65_536 * i) for i in range(10)]
    else:
        midnight = time.time_ns() // _DAY_NS * _DAY_NS
        bounds = [f"'\\x{midnight + _DAY_NS * (i - 5):016x}'" for i in range(10)]
    made = [
        f"CREATE TABLE {table}_{i} PARTITION OF {table} FOR VALUES FROM ({low}) TO ({high})"
        f"{layout.storage}"
        for i, (low, high) in enumerate(itertools.pairwise(bounds))
    ]
    return f" PARTITION BY RANGE ({column}); " + "; ".join(made)


def indexes(layout: Layout) -> str:
    """Primary keys, made after the fill."""
    made = [f"ALTER TABLE {t} ADD PRIMARY KEY ({key});" for t, key in layout.primary.items()]
    made.append("ALTER TABLE result ADD PRIMARY KEY (query_id, state, step);")
    return "\n".join([*made, _FOREIGN if layout.foreign else ""])


class Batch(msgspec.Struct, kw_only=True):
    """What one transaction writes: rows per table, and the heads it moves."""

    rows: dict[str, list[tuple[Any, ...]]]
    heads: list[tuple[Any, ...]]  # state, old size, new size, root, frontier, policy version
    states: list[str]
    keys: list[bytes]


def _arrays(layout: Layout, table: str) -> list[str]:
    return [f"{sql_type}[]" for sql_type in layout.tables[table].values()]


def _unnest(types: Sequence[str], first: int = 1) -> str:
    return "unnest(" + ", ".join(f"${first + i}::{t}" for i, t in enumerate(types)) + ")"


def _cas(first: int = 1) -> str:
    return f"""UPDATE {HEAD} h SET size = n.size, root = n.root, frontier = n.frontier
        FROM {_unnest(_OLD, first)} AS n(state, old, size, root, frontier, policy)
        WHERE h.state = n.state AND h.size = n.old AND h.policy_version = n.policy
          AND h.epoch = 1 RETURNING h.state"""


def _found(layout: Layout, parameter: str) -> str:
    return " UNION ALL ".join(
        f"SELECT {column} FROM {table} WHERE {column} = ANY({parameter})"
        for table, column in layout.keys.items()
    )


_LOCK = f"""SELECT state, size, policy_version FROM {HEAD}
    WHERE state = ANY($1) ORDER BY state FOR UPDATE"""


_GATE = " WHERE n.state = ANY(ARRAY(SELECT state FROM cas))"


def writes(layout: Layout, *, gated: bool) -> str:
    """One statement: heads by compare-and-swap and every row; `gated` = only where that held."""
    parts, first = [f"WITH cas AS ({_cas()})"], 1 + len(_OLD)
    for table in layout.tables:
        types = _arrays(layout, table)
        names = ", ".join(layout.tables[table])
        where = _GATE if gated and table != "result" else ""
        source = f"{_unnest(types, first)} AS n({names})"
        parts.append(f"w_{table} AS (INSERT INTO {table} SELECT n.* FROM {source}{where})")
        first += len(types)
    return ", ".join(parts) + " SELECT array_agg(state) FROM cas"


def function(layout: Layout) -> str:
    """The same as a function: lock, look the keys up, write, compare-and-swap, or raise."""
    types = [*_OLD, *(t for table in layout.tables for t in _arrays(layout, table)), "bytea[]"]
    inserts, first = "", 1 + len(_OLD)
    for table in layout.tables:
        arrays = _arrays(layout, table)
        inserts += f"INSERT INTO {table} SELECT * FROM {_unnest(arrays, first)};\n"
        first += len(arrays)
    return f"""CREATE FUNCTION commit_batch({", ".join(types)}) RETURNS int LANGUAGE plpgsql AS $f$
    DECLARE moved int;
    BEGIN
      PERFORM 1 FROM {HEAD} WHERE state = ANY($1) ORDER BY state FOR UPDATE;
      IF EXISTS ({_found(layout, f"${len(types)}")}) THEN RETURN 0; END IF;
      {inserts}
      {_cas().replace("RETURNING h.state", "")};
      GET DIAGNOSTICS moved = ROW_COUNT;
      IF moved <> cardinality($1) THEN RAISE 'a head was not where it was left'; END IF;
      RETURN moved;
    END $f$;"""


def _flat(layout: Layout, batch: Batch) -> list[Sequence[Any]]:
    columns: list[Sequence[Any]] = list(zip(*batch.heads, strict=True))
    for table, names in layout.tables.items():
        rows = batch.rows[table]
        columns.extend(zip(*rows, strict=True) if rows else [()] * len(names))
    return columns


class Shape:
    """One way to commit a batch on one connection; statements are prepared once."""

    def __init__(self, layout: Layout, connection: Connection) -> None:
        """Bind a layout to a connection."""
        self.layout, self.connection = layout, connection

    async def prepare(self) -> None:
        """Prepare what every transaction of this shape needs."""
        prepare = self.connection.prepare
        self._lock = await prepare(_LOCK)
        self._known = await prepare(_found(self.layout, "$1"))
        self._swap = await prepare(_cas())

    async def commit(self, batch: Batch) -> None:
        """Make the batch durable, or raise."""
        async with self.connection.transaction():
            await self._begin(batch)
            await self._write(batch)
            await self._swap_heads(batch)

    async def _begin(self, batch: Batch) -> None:
        locked = await self._lock.fetch(batch.states)
        if [row[1] for row in locked] != [head[1] for head in batch.heads]:
            raise RuntimeError("a head was not where it was left")
        if await self._known.fetch(batch.keys):
            raise RuntimeError("a key was there already")

    async def _swap_heads(self, batch: Batch) -> None:
        moved = await self._swap.fetch(*zip(*batch.heads, strict=True))
        if len(moved) != len(batch.heads):
            raise RuntimeError("a head was not where it was left")

    async def _write(self, batch: Batch) -> None:
        raise NotImplementedError


class Copy(Shape):
    """(a) COPY per table."""

    async def _write(self, batch: Batch) -> None:
        for table, rows in batch.rows.items():
            if rows:
                await self.connection.copy_records_to_table(table, records=rows)


class Unnest(Shape):
    """(b) INSERT ... SELECT unnest per table."""

    async def prepare(self) -> None:
        """Prepare one insert per table."""
        await super().prepare()
        self._inserts = {
            table: await self.connection.prepare(
                f"INSERT INTO {table} SELECT * FROM {_unnest(_arrays(self.layout, table))}"
            )
            for table in self.layout.tables
        }

    async def _write(self, batch: Batch) -> None:
        for table, rows in batch.rows.items():
            if rows:
                await self._inserts[table].fetch(*zip(*rows, strict=True))


class Cte(Shape):
    """(c) Lock and key check, then ONE statement for all rows and heads."""

    async def prepare(self) -> None:
        """Prepare the writing statement."""
        await super().prepare()
        self._all = await self.connection.prepare(writes(self.layout, gated=False))

    async def _write(self, batch: Batch) -> None:
        moved = await self._all.fetchval(*_flat(self.layout, batch))
        if len(moved) != len(batch.heads):
            raise RuntimeError("a head was not where it was left")

    async def _swap_heads(self, batch: Batch) -> None:
        """The writing statement did it."""


class CteMap(Cte):
    """(c') As (c); the keys are looked up in memory, and the unique index is the backstop."""

    async def _begin(self, batch: Batch) -> None:
        locked = await self._lock.fetch(batch.states)
        if [row[1] for row in locked] != [head[1] for head in batch.heads]:
            raise RuntimeError("a head was not where it was left")


class Function(Shape):
    """(d) A PL/pgSQL function: one round trip, its own transaction."""

    async def prepare(self) -> None:
        """Prepare the call."""
        types = [*_OLD, *(t for name in self.layout.tables for t in _arrays(self.layout, name))]
        arguments = ", ".join(f"${i + 1}" for i in range(len(types) + 1))
        self._call = await self.connection.prepare(f"SELECT commit_batch({arguments})")

    async def commit(self, batch: Batch) -> None:
        """Call it."""
        if not await self._call.fetchval(*_flat(self.layout, batch), batch.keys):
            raise RuntimeError("a key was there already")


class Swap(Shape):
    """(f) One gated statement, its own transaction: rows go in only where the head moved."""

    async def prepare(self) -> None:
        """Prepare the one statement."""
        self._all = await self.connection.prepare(writes(self.layout, gated=True))

    async def commit(self, batch: Batch) -> None:
        """Run it; a head that did not move wrote nothing of its state."""
        moved = await self._all.fetchval(*_flat(self.layout, batch))
        if len(moved) != len(batch.heads):
            raise RuntimeError("a head was not where it was left")


class SwapRead(Swap):
    """(f') As (f), after a plain read of the keys: the swap proves that nothing came between."""

    async def prepare(self) -> None:
        """Prepare the read too."""
        await super().prepare()
        self._known = await self.connection.prepare(_found(self.layout, "$1"))

    async def commit(self, batch: Batch) -> None:
        """Read, then swap."""
        if await self._known.fetch(batch.keys):
            raise RuntimeError("a key was there already")
        await super().commit(batch)


class Nothing(Shape):
    """The harness alone: batches are made and 0.7 ms pass, but nothing is written."""

    async def prepare(self) -> None:
        """Nothing to prepare."""

    async def commit(self, batch: Batch) -> None:
        """Pass the time of a commit."""
        _flat(self.layout, batch)
        await asyncio.sleep(0.0007)


SHAPES: dict[str, type[Shape]] = {
    "copy": Copy,
    "unnest": Unnest,
    "cte": Cte,
    "ctemap": CteMap,
    "func": Function,
    "swap": Swap,
    "swapread": SwapRead,
    "nothing": Nothing,
}
