"""Bring a database to this release's schema: numbered SQL files, each applied once, in order.

Guarantee: all missing ones are applied in one transaction or none is; two hosts that start together
take turns; a file that was altered after it was applied is refused. A database that is ahead of
this release is left alone, because every migration runs with the code before it.
"""

from __future__ import annotations

import re
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

import msgspec

from comity.adapters.errors import MigrationError

__all__ = ["Migration", "migrate", "migrations"]

_NAME: Final = re.compile(r"([0-9]{4})_([a-z_]+)\.sql")
_ADVISORY_LOCK: Final = int.from_bytes(b"comity", "big")
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS migration (
    number     int         NOT NULL PRIMARY KEY,
    name       text        NOT NULL,
    digest     bytea       NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE migration IS
    'Which numbered SQL files made this schema. Kept for ever. Written by `comity migrate`.';
"""


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file."""
        return sha256(self.sql.encode()).digest()


def migrations() -> list[Migration]:
    """Return this release's migrations in order."""
    found = []
    for file in files("comity.adapters.postgres").joinpath("migrations").iterdir():
        named = _NAME.fullmatch(file.name)
        if named:
            sql = file.read_text("utf-8")
            found.append(Migration(number=int(named[1]), name=named[2], sql=sql))
    found.sort(key=lambda migration: migration.number)
    # A number that was never used is no harm; one that two files share would hide one of them.
    assert len({migration.number for migration in found}) == len(found)
    return found


async def migrate(connection: Any) -> list[str]:
    """Apply what is missing; return the names of what was applied. Raises: MigrationError."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
        await connection.execute(_TABLE)
        rows = await connection.fetch("SELECT number, digest FROM migration")
        applied: dict[int, bytes] = dict(rows)
        done = []
        for migration in migrations():
            if migration.number not in applied:
                await _apply(connection, migration)
                done.append(f"{migration.number:04d}_{migration.name}")
            elif applied[migration.number] != migration.digest:
                raise MigrationError(f"migration {migration.number:04d} was altered since")
        return done


async def _apply(connection: Any, migration: Migration) -> None:
    await connection.execute(migration.sql)
    await connection.execute(
        "INSERT INTO migration (number, name, digest) VALUES ($1, $2, $3)",
        migration.number,
        migration.name,
        migration.digest,
    )
