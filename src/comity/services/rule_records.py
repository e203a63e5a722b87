"""What stands behind a `policy` leaf of who signed it: written by the rulebook, read back here."""

from __future__ import annotations

import json
from typing import Final

from comity.domain.decision import RuleId
from comity.domain.ids import Member
from comity.services.private_records import Records

__all__ = ["SIGNED_BY", "UNCONFIRMED_BY", "read_signed_by", "read_unconfirmed_by"]

SIGNED_BY: Final = "signed_by"
UNCONFIRMED_BY: Final = "unconfirmed_by"


async def read_signed_by(records: Records, member: Member, index: int) -> tuple[str, ...]:
    """Return who signed a version; nobody where the gateway made it.

    Raises: RecordGoneError, StoreDownError.
    """
    _, record = await records.read(member, index)
    said = dict(record.fields).get(SIGNED_BY, b"").decode()
    return tuple(said.split(",")) if said else ()


async def read_unconfirmed_by(
    records: Records, member: Member, index: int
) -> dict[RuleId, tuple[str, ...]]:
    """Return who put each clause into force that waits under the version of a leaf.

    Raises: RecordGoneError, StoreDownError.
    """
    _, record = await records.read(member, index)
    said = dict(record.fields).get(UNCONFIRMED_BY, b"")
    found: dict[str, list[str]] = json.loads(said) if said else {}
    return {RuleId(name): tuple(names) for name, names in found.items()}
