"""The register of confidential addresses in PostgreSQL.

Guarantee: the rows of a protection change together, by one statement.
Source: docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from comity.adapters.postgres.session import Pool
from comity.domain.ids import Member
from comity.ports import ProtectionRow, Sealed

__all__ = ["PostgresProtections"]

# A row that stays is written over and never deleted, so that no key is in both halves.
_KEEP: Final = """
    WITH gone AS (
        DELETE FROM protection WHERE state = $1 AND protection_id = $2 AND tag <> ALL($3::bytea[])
    )
    INSERT INTO protection (state, protection_id, tag, key_month, nonce, body)
    SELECT $1, $2, * FROM unnest($3::bytea[], $4::int[], $5::bytea[], $6::bytea[])
    ON CONFLICT (state, protection_id, tag) DO UPDATE
    SET key_month = excluded.key_month, nonce = excluded.nonce, body = excluded.body"""
_ALL: Final = "SELECT * FROM protection WHERE state = $1 ORDER BY protection_id, tag"
_ONE: Final = "SELECT * FROM protection WHERE state = $1 AND protection_id = $2 ORDER BY tag"
_TAGGED: Final = """
    SELECT * FROM protection WHERE state = $1 AND tag = ANY($2::bytea[])
    ORDER BY protection_id, tag"""
_COUNT: Final = "SELECT count(DISTINCT protection_id) FROM protection WHERE state = $1"
_SAMPLES: Final = """
    SELECT DISTINCT ON (key_month) * FROM protection WHERE state = $1
    ORDER BY key_month, protection_id, tag"""


class PostgresProtections:
    """`ProtectionStore`, over the store's connections."""

    _pool: Pool

    async def keep_protection(
        self, member: Member, protection_id: bytes, rows: Sequence[ProtectionRow]
    ) -> None:
        """Have these rows, and no others, stand for a protection; on the disk when this returns."""
        sealed = [row.sealed for row in rows]
        async with self._pool.lend() as session:
            await session.fetch(
                _KEEP,
                member,
                protection_id,
                [row.tag for row in rows],
                [each.key_number for each in sealed],
                [each.nonce for each in sealed],
                [each.body for each in sealed],
            )

    async def protections(self, member: Member) -> list[ProtectionRow]:
        """Return a member's rows, by protection and tag."""
        return await self._rows(_ALL, member)

    async def protection(self, member: Member, protection_id: bytes) -> list[ProtectionRow]:
        """Return the rows of one protection, by tag."""
        return await self._rows(_ONE, member, protection_id)

    async def protections_tagged(
        self, member: Member, tags: Sequence[bytes]
    ) -> list[ProtectionRow]:
        """Return a member's rows that have one of these tags, by protection and tag."""
        return await self._rows(_TAGGED, member, list(tags))

    async def protection_count(self, member: Member) -> int:
        """Return how many protections of a member are kept."""
        async with self._pool.lend() as session:
            return int((await session.fetch_row(_COUNT, member))["count"])

    async def protection_samples(self, member: Member) -> list[ProtectionRow]:
        """Return one row for each key that seals any of a member's, by the key's number."""
        return await self._rows(_SAMPLES, member)

    async def _rows(self, statement: str, *values: object) -> list[ProtectionRow]:
        async with self._pool.lend() as session:
            return [_row(row) for row in await session.fetch(statement, *values)]


def _row(row: Any) -> ProtectionRow:
    return ProtectionRow(
        member=Member(row["state"]),
        protection_id=bytes(row["protection_id"]),
        tag=bytes(row["tag"]),
        sealed=Sealed(
            key_number=row["key_month"], nonce=bytes(row["nonce"]), body=bytes(row["body"])
        ),
    )
