"""The transaction that cuts a ledger: rows beyond the cut read out, deleted, and the head set back.

Guarantee: the head is locked from the first reading to the commit, so that what was read out is
what is deleted. The gateway's role may delete no leaf; the database does it, for a succession that
the same transaction adds. Source: docs/adr/0026-succession.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from comity.adapters.postgres.batch import PostgresTransaction, commit, lock_heads
from comity.adapters.postgres.demands import cut_demands, demand_of
from comity.adapters.postgres.review import cut_reviews
from comity.adapters.postgres.rows import accepted_of, answer_of, hold_of, private_of
from comity.adapters.postgres.session import Pool, Session
from comity.domain.ids import LeafIndex, Member
from comity.ledger.plan import LedgerHead
from comity.ledger.tree import encode_frontier
from comity.ports import (
    AnswerRow,
    AsideRow,
    BatchWrite,
    CheckpointRow,
    Cut,
    CutDone,
    DirectoryRow,
    DocumentRow,
    KeyRow,
    LeafRow,
    PolicyRow,
    SuccessionRow,
)

__all__ = ["PostgresCutting", "checkpoints_down", "open_cutting", "successions"]

_PAGE: Final = 4_096
_LAST: Final = "leaf_indexes[cardinality(leaf_indexes)]"
_BEYOND: Final = """
    SELECT * FROM {table} WHERE state = $1 AND {key} > $2 ORDER BY {key} LIMIT $3"""
_CHECKPOINTS: Final = """
    SELECT c.state, c.size, c.note, ARRAY(
        SELECT line FROM cosignature s WHERE s.state = c.state AND s.size = c.size
        ORDER BY name COLLATE "C", key_id
    ) AS lines
    FROM checkpoint c WHERE c.state = $1 AND {where} LIMIT $3"""
_BEYOND_CHECKPOINTS: Final = _CHECKPOINTS.format(where="c.size > $2 ORDER BY c.size")
_CHECKPOINTS_DOWN: Final = _CHECKPOINTS.format(where="c.size >= $2 ORDER BY c.size DESC")
_SUCCESSIONS: Final = """
    SELECT * FROM ledger_succession WHERE state = $1 ORDER BY leaf_index DESC, origin DESC"""
_ADD: Final = """
    INSERT INTO ledger_succession (state, retired, origin, leaf_index, kept)
    VALUES ($1, $2, $3, $4, $5)"""
_CUT: Final = "SELECT cut_ledger($1, $2, $3)"
# The epoch rises: whoever still takes the ledger for its own cannot write it.
_SET_BACK: Final = """
    UPDATE ledger_head h SET size = $2, root = $3, frontier = $4, epoch = h.epoch + 1,
        policy = coalesce((SELECT max(leaf_index) FROM policy p WHERE p.state = $1), -1)
    WHERE h.state = $1 RETURNING h.epoch, h.policy"""


def _leaf_of(row: Any) -> LeafRow:
    return LeafRow(
        member=Member(row["state"]),
        leaf_index=LeafIndex(row["leaf_index"]),
        leaf_hash=row["hash"],
        data=row["bytes"],
    )


def _key_of(row: Any) -> KeyRow:
    return KeyRow(
        exchange_id=row["exchange_id"],
        member=Member(row["state"]),
        step=row["step"],
        leaf_index=LeafIndex(row["leaf_index"]),
    )


def _policy_of(row: Any) -> PolicyRow:
    return PolicyRow(
        member=Member(row["state"]),
        leaf_index=LeafIndex(row["leaf_index"]),
        digest=row["digest"],
        body=row["body"],
    )


def _part_of(row: Any) -> DirectoryRow:
    return DirectoryRow(
        member=Member(row["state"]),
        leaf_index=LeafIndex(row["leaf_index"]),
        version=row["version"],
        body=row["body"],
        signature=row["signature"],
    )


def _document_of(row: Any) -> DocumentRow:
    return DocumentRow(
        member=Member(row["state"]), leaf_index=LeafIndex(row["leaf_index"]), body=row["body"]
    )


def _checkpoint_of(row: Any) -> CheckpointRow:
    return CheckpointRow(
        member=Member(row["state"]),
        size=row["size"],
        note=row["note"],
        cosignatures=tuple(row["lines"]),
    )


_TABLES: Final[tuple[tuple[str, str, Callable[[Any], AsideRow]], ...]] = (
    ("ledger_leaf", "leaf_index", _leaf_of),
    ("ledger_private", "leaf_index", private_of),
    ("ledger_key", "leaf_index", _key_of),
    ("accepted", "leaf_index", accepted_of),
    ("answer", _LAST, answer_of),
    ("hold", "leaf_index", hold_of),
    ("policy", "leaf_index", _policy_of),
    ("directory", "leaf_index", _part_of),
    ("ledger_document", "leaf_index", _document_of),
    ("demand", "leaf_index", demand_of),
)


def _place(row: AsideRow) -> int:
    """Return what a row is ordered by: of an answer its last leaf."""
    match row:
        case AnswerRow():
            return row.leaf_indexes[-1]
        case CheckpointRow():
            return row.size
        case _:
            return row.leaf_index


class PostgresCutting:
    """One open transaction on one ledger."""

    def __init__(self, session: Session, member: Member, head: LedgerHead, root: bytes) -> None:
        self._session = session
        self._member = member
        self._head = head
        self._root = root
        self._batch = PostgresTransaction(session, {member: head}, {})

    @property
    def head(self) -> LedgerHead:
        """The head as of the lock."""
        return self._head

    @property
    def root(self) -> bytes:
        """The root hash of the head as of the lock."""
        return self._root

    async def beyond(self, first: int) -> AsyncIterator[list[AsideRow]]:
        """Yield, in pages, what stands at `first` or beyond it, and larger checkpoints."""
        for table, key, row_of in _TABLES:
            statement = _BEYOND.format(table=table, key=key)
            async for page in self._pages(statement, first - 1, row_of):
                yield page
        async for page in self._pages(_BEYOND_CHECKPOINTS, first, _checkpoint_of):
            yield page

    async def _pages(
        self, statement: str, after: int, row_of: Callable[[Any], AsideRow]
    ) -> AsyncIterator[list[AsideRow]]:
        while True:
            found = await self._session.fetch(statement, self._member, after, _PAGE)
            if not found:
                return
            page = [row_of(row) for row in found]
            yield page
            after = _place(page[-1])

    async def cut(self, cut: Cut) -> CutDone:
        """Delete what `beyond` yields and set the head back. Raises: RowRefusedError."""
        row = cut.succession
        added = (row.member, row.retired, row.origin, row.leaf_index, row.kept)
        await self._session.fetch(_ADD, *added)
        await cut_reviews(self._session, row.member, row.kept)
        await cut_demands(self._session, row.member, row.kept)
        await self._session.fetch(_CUT, row.member, row.kept, list(cut.revealed))
        head = await self._session.fetch_row(
            _SET_BACK, row.member, row.kept, cut.root, encode_frontier(cut.frontier)
        )
        return CutDone(epoch=head["epoch"], policy=head["policy"])

    async def write(self, batch: BatchWrite) -> None:
        """Add to the cut ledger. Raises: HeadMovedError, RowRefusedError."""
        await self._batch.write(batch)


@asynccontextmanager
async def open_cutting(pool: Pool, member: Member) -> AsyncIterator[PostgresCutting]:
    """Open the transaction; leaving it commits, an error rolls back.

    Raises: StoreDownError, CommitUnknownError, HeadMovedError, RowRefusedError.
    """
    async with pool.lend() as session:
        await session.execute("BEGIN")
        try:
            # A ledger's whole tail may have to be read and deleted: as long as it takes.
            await session.execute("SET LOCAL statement_timeout = 0")
            head, root = (await lock_heads(session, [member]))[member]
            yield PostgresCutting(session, member, head, root)
        except BaseException:
            await session.roll_back()
            raise
        await commit(session)


async def successions(session: Session, member: Member) -> list[SuccessionRow]:
    """Return a member's successions, the latest first."""
    return [
        SuccessionRow(
            member=Member(row["state"]),
            retired=row["retired"],
            origin=row["origin"],
            leaf_index=LeafIndex(row["leaf_index"]),
            kept=row["kept"],
        )
        for row in await session.fetch(_SUCCESSIONS, member)
    ]


async def checkpoints_down(session: Session, member: Member, limit: int) -> list[CheckpointRow]:
    """Return a ledger's public checkpoints, the largest first."""
    rows = await session.fetch(_CHECKPOINTS_DOWN, member, 0, limit)
    return [_checkpoint_of(row) for row in rows]
