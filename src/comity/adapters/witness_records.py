"""What a witness keeps, in one SQLite file.

Guarantee: a head that `swap` took is on the disk when it returns (`synchronous=FULL` over a
write-ahead log, which is flushed at each commit), and no other process can have the file open.
Source: docs/adr/0021-witnesses.md; https://www.sqlite.org/pragma.html#pragma_synchronous.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

from comity.adapters.errors import WitnessRecordsError
from comity.ledger.witnessing import Evidence, EvidenceKind, WitnessedHead
from comity.ports import EvidenceRow

__all__ = ["SqliteWitnessRecords"]

_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE head (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL
) STRICT;
CREATE TABLE evidence (
    id TEXT PRIMARY KEY, kept_at INTEGER NOT NULL, origin TEXT NOT NULL, kind TEXT NOT NULL,
    size INTEGER NOT NULL, root BLOB NOT NULL, seen BLOB NOT NULL, shown BLOB NOT NULL
) STRICT;
CREATE INDEX evidence_origin ON evidence (origin);
PRAGMA user_version = 1;
"""
_HEAD: Final = "SELECT origin, size, root, note FROM head WHERE origin = ?"
_HEADS: Final = "SELECT origin, size, root, note FROM head ORDER BY origin"
_FIRST: Final = """
INSERT INTO head (origin, size, root, note) VALUES (?, ?, ?, ?) ON CONFLICT (origin) DO NOTHING"""
_SWAP: Final = """
UPDATE head SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ?"""
_KEEP: Final = """
INSERT INTO evidence (id, kept_at, origin, kind, size, root, seen, shown)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
WHERE (SELECT count(*) FROM evidence WHERE origin = ?3) < ?9
ON CONFLICT (id) DO NOTHING"""
_EVIDENCE: Final = "SELECT id, kept_at, origin, kind, size, root, seen, shown FROM evidence"


class SqliteWitnessRecords:
    """Heads and evidence in a file that is ours alone. `_lock` holds a thread's turn."""

    def __init__(self, file: Path) -> None:
        """Open the file, or make it. Raises: WitnessRecordsError."""
        self._lock = Lock()
        self._file = file
        try:
            file.touch(mode=0o600)
            self._connection = sqlite3.connect(
                file, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise WitnessRecordsError(_cause(file, error)) from error

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def head(self, origin: str) -> WitnessedHead | None:
        """Return what was cosigned last of an origin."""
        rows = self._run(_HEAD, origin)[0]
        return _head(rows[0]) if rows else None

    def heads(self) -> Sequence[WitnessedHead]:
        """Return what was cosigned last of every origin, by origin."""
        return [_head(row) for row in self._run(_HEADS)[0]]

    def swap(self, before: WitnessedHead | None, after: WitnessedHead) -> bool:
        """Keep a head in the place of the one given; say whether that one still stood there."""
        if before is None:
            return self._run(_FIRST, after.origin, after.size, after.root, after.note)[1] == 1
        new = (after.size, after.root, after.note)
        return self._run(_SWAP, *new, after.origin, before.size, before.root)[1] == 1

    def keep(self, row: EvidenceRow, count_max: int) -> bool:
        """Keep evidence, once, unless its origin has `count_max` already; say whether it is new."""
        said = row.evidence
        values = (row.evidence_id, row.kept_at, said.origin, said.kind.value, said.size, said.root)
        return self._run(_KEEP, *values, said.seen, said.shown, count_max)[1] == 1

    def evidence(self) -> Sequence[EvidenceRow]:
        """Return all evidence, oldest first."""
        return [_evidence(row) for row in self._run(f"{_EVIDENCE} ORDER BY kept_at, id")[0]]

    def find_evidence(self, evidence_id: str) -> EvidenceRow | None:
        """Return one piece of evidence."""
        rows = self._run(f"{_EVIDENCE} WHERE id = ?", evidence_id)[0]
        return _evidence(rows[0]) if rows else None

    def _prepare(self) -> None:
        run = self._connection.execute
        # From the first write on nobody else gets in, and no copy is made of a file in use.
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run("BEGIN EXCLUSIVE")
        (version,) = run("PRAGMA user_version").fetchone()
        run("COMMIT")
        if version == 0:
            self._connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        elif version != _VERSION:
            raise WitnessRecordsError(f"`{self._file}` was made by another version")

    def _run(self, statement: str, *values: Any) -> tuple[list[tuple[Any, ...]], int]:
        """Return the rows of a statement, and how many it changed."""
        with self._lock:
            try:
                cursor = self._connection.execute(statement, values)
                return cursor.fetchall(), cursor.rowcount
            except sqlite3.Error as error:
                raise WitnessRecordsError(_cause(self._file, error)) from error


def _head(row: tuple[Any, ...]) -> WitnessedHead:
    origin, size, root, note = row
    return WitnessedHead(origin=origin, size=size, root=root, note=note)


def _evidence(row: tuple[Any, ...]) -> EvidenceRow:
    evidence_id, kept_at, origin, kind, size, root, seen, shown = row
    evidence = Evidence(
        origin=origin, kind=EvidenceKind(kind), size=size, root=root, seen=seen, shown=shown
    )
    return EvidenceRow(evidence_id=evidence_id, kept_at=kept_at, evidence=evidence)


def _cause(file: Path, error: Exception) -> str:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return f"`{file}` is in use by another witness: stop it first"
    return f"`{file}` cannot be used: {str(error).lower()}"
