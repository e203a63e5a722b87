"""The SQL of the batch transaction, built from the list of tables that a batch adds to.

Rows go in as one array per column: a statement costs the same for one row as for four thousand,
and all tables and heads take one round trip. Source: docs/adr/0003-batch-transaction.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

__all__ = [
    "ACCEPTED",
    "ANSWER",
    "CHANGE_HOLDS",
    "CLAIM",
    "HEAD_WRITE",
    "HOLD",
    "KEY",
    "LEAF",
    "LOCK_HEADS",
    "NODE",
    "PRIVATE",
    "READ_HEADS",
    "READ_KEYS",
    "RESULT",
    "SAVE_FLUSHED",
    "SAVE_RESULTS",
    "WRITE_BATCH",
    "WRITTEN",
    "Table",
    "insert",
]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table's columns in the order of its rows' arrays; `casts` where an array's type differs."""

    name: str
    columns: tuple[tuple[str, str], ...]
    casts: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(name for name, _ in self.columns)


_SEALED: Final = (("key_month", "int"), ("nonce", "bytea"), ("body", "bytea"))

LEAF: Final = Table(
    name="ledger_leaf",
    columns=(("state", "text"), ("leaf_index", "bigint"), ("hash", "bytea"), ("bytes", "bytea")),
)
KEY: Final = Table(
    name="ledger_key",
    columns=(
        ("exchange_id", "bytea"), ("state", "text"), ("step", "smallint"), ("leaf_index", "bigint"),
    ),
)  # fmt: skip
NODE: Final = Table(
    name="ledger_node",
    columns=(("state", "text"), ("level", "smallint"), ("node_index", "bigint"), ("hash", "bytea")),
)
PRIVATE: Final = Table(
    name="ledger_private", columns=(("state", "text"), ("leaf_index", "bigint"), *_SEALED)
)
ACCEPTED: Final = Table(
    name="accepted",
    columns=(
        ("query_id", "bytea"), ("state", "text"), ("line", "text"), ("frame_no", "bigint"),
        ("frame_digest", "bytea"), ("accepted_at", "bigint"), ("exchange_count", "smallint"),
        ("leaf_index", "bigint"), *_SEALED,
    ),
)  # fmt: skip
ANSWER: Final = Table(
    name="answer",
    columns=(
        ("exchange_id", "bytea"), ("state", "text"), ("step", "smallint"),
        ("leaf_indexes", "text"), *_SEALED,
    ),
    # An array of arrays would have to be rectangular.
    casts=(("leaf_indexes", "::bigint[]"),),
)  # fmt: skip
HOLD: Final = Table(
    name="hold",
    columns=(
        ("state", "text"), ("leaf_index", "bigint"), ("exchange_id", "bytea"),
        ("opened_at", "bigint"), ("until", "bigint"), ("next_step", "smallint"),
        ("waits_for", "text"), ("asked_at", "bigint"), ("case_tag", "bytea"),
        ("paged_at", "bigint"), *_SEALED,
    ),
)  # fmt: skip
RESULT: Final = Table(
    name="result",
    columns=(
        ("exchange_id", "bytea"), ("step", "smallint"), ("query_id", "bytea"), ("state", "text"),
        ("line", "text"), ("number", "bigint"), ("is_final", "boolean"), *_SEALED,
    ),
)  # fmt: skip
HEAD_WRITE: Final = Table(
    name="ledger_head",
    columns=(
        ("state", "text"), ("size_old", "bigint"), ("epoch", "bigint"), ("size", "bigint"),
        ("root", "bytea"), ("frontier", "bytea"), ("policy", "bigint"),
    ),
)  # fmt: skip

WRITTEN: Final = (LEAF, PRIVATE, KEY, NODE, ACCEPTED, ANSWER)
"""The tables that `WRITE_BATCH` adds to, in the order of its arrays, after those of the heads."""


def _arrays(table: Table, first: int) -> str:
    places = (f"${first + at}::{kind}[]" for at, (_, kind) in enumerate(table.columns))
    return f"unnest({', '.join(places)}) AS n({', '.join(table.names)})"


def insert(table: Table, first: int = 1) -> str:
    """Return the statement that adds rows given as one array per column from `$first` on."""
    casts = dict(table.casts)
    values = (f"n.{name}{casts.get(name, '')}" for name in table.names)
    into = f"{table.name} ({', '.join(table.names)})"
    # Names and types come from the tables above, values are parameters.
    select = f"SELECT {', '.join(values)} FROM {_arrays(table, first)}"  # noqa: S608
    return f"INSERT INTO {into} {select}"


# INVARIANT (one-ledger-one-writer): a head moves only from the size and epoch that the plan was
# made on; the caller rolls back if one did not.
_MOVE_HEADS: Final = """moved AS (
    UPDATE ledger_head h
    SET size = n.size, root = n.root, frontier = n.frontier, policy = n.policy
    FROM $HEADS
    WHERE h.state = n.state AND h.size = n.size_old AND h.epoch = n.epoch
    RETURNING h.state)"""


def _write_batch(tables: Sequence[Table]) -> str:
    heads = _arrays(HEAD_WRITE, 1)
    parts, first = [_MOVE_HEADS.replace("$HEADS", heads)], 1 + len(HEAD_WRITE.columns)
    for table in tables:
        parts.append(f"w_{table.name} AS ({insert(table, first)})")
        first += len(table.columns)
    return f"WITH {', '.join(parts)} TABLE moved"


WRITE_BATCH: Final = _write_batch(WRITTEN)

READ_HEADS: Final = """
    SELECT state, frontier, policy, root FROM ledger_head
    WHERE state = ANY($1::text[]) ORDER BY state"""
LOCK_HEADS: Final = f"{READ_HEADS} FOR UPDATE"

# Another statement than the lock: it must see what was committed while the lock was waited for.
READ_KEYS: Final = """
    SELECT exchange_id, state, step, leaf_index FROM ledger_key
    WHERE exchange_id = ANY($1::bytea[])"""

CHANGE_HOLDS: Final = """
    UPDATE hold h SET next_step = n.next_step, is_open = NOT n.closed,
        asked_at = coalesce(n.asked_at, h.asked_at),
        proposal_month = coalesce(n.month, h.proposal_month),
        proposal_nonce = coalesce(n.nonce, h.proposal_nonce),
        proposal_body = coalesce(n.body, h.proposal_body),
        passed_at = coalesce(n.passed_at, h.passed_at),
        passed_month = coalesce(n.passed_month, h.passed_month),
        passed_nonce = coalesce(n.passed_nonce, h.passed_nonce),
        passed_body = coalesce(n.passed_body, h.passed_body)
    FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::smallint[], $5::boolean[], $6::bigint[],
        $7::int[], $8::bytea[], $9::bytea[], $10::bigint[], $11::int[], $12::bytea[], $13::bytea[])
        AS n(exchange_id, state, leaf_index, next_step, closed, asked_at, month, nonce, body,
            passed_at, passed_month, passed_nonce, passed_body)
    WHERE h.state = n.state AND h.leaf_index = n.leaf_index
        AND h.exchange_id = n.exchange_id AND h.is_open
    RETURNING h.leaf_index"""

CLAIM: Final = """
    INSERT INTO ledger_head AS h (state, size, root, frontier, policy, epoch, host)
    SELECT state, 0, $2, $3, -1, 1, $4 FROM unnest($1::text[]) AS n(state) ORDER BY state
    ON CONFLICT (state) DO UPDATE SET epoch = h.epoch + 1, host = excluded.host
    RETURNING state, epoch"""

_NEW_ALONE: Final = "ON CONFLICT (exchange_id, step) DO NOTHING RETURNING exchange_id, step"
SAVE_FLUSHED: Final = f"{insert(RESULT)} {_NEW_ALONE}"

# The setting is in force at this statement's own commit and no longer: no flush is waited for.
SAVE_RESULTS: Final = f"""
    WITH unflushed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    {insert(RESULT)}, unflushed
    {_NEW_ALONE}"""
