"""Fields of one leaf's private record, opened for whom they concern: recorded first, then opened.

INVARIANT (no-answer-before-receipt): nothing is opened before the ledger has recorded that it will
be, by whom and which fields; a leaf without an opening is possible, never the reverse.
Source: docs/adr/0004-receipt-format.md, section Commitments and openings.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import parse_entry_name
from comity.domain.verdict import (
    Ed25519Proof,
    OpeningReading,
    SignedOpeningReading,
    opening_reading_bytes,
)
from comity.ledger.commitment import Opening, open_commitment
from comity.link.command import CommandDone, OpenRecord
from comity.ports import Bus
from comity.services.private_records import Records
from comity.services.sending import send_command

__all__ = ["FieldUnknownError", "Opened", "opened_fields", "record_opening"]


class FieldUnknownError(ComityError):
    """The record behind a leaf has no field of that name."""

    code = "field-unknown"


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded and opened."""

    access_entry: str
    leaf: bytes
    opening: Opening


async def record_opening(
    bus: Bus, host: str, reading: OpeningReading, sign: Callable[[bytes], Ed25519Proof]
) -> str:
    """Have the gateway record an opening; return the entry of its `access` leaf.

    Raises: GatewayRefusalError, GatewaySilentError, UnreachableError; what signing raises.
    """
    proof = sign(opening_reading_bytes(reading))
    signed = SignedOpeningReading(reading=reading, proof=proof)
    result = await send_command(bus, host, OpenRecord(signed=signed))
    assert isinstance(result, CommandDone)
    return result.entry


async def opened_fields(records: Records, reading: OpeningReading, access: str) -> Opened:
    """Open fields behind a leaf, which `access` has recorded.

    Raises: RecordGoneError, FieldUnknownError, StoreDownError.
    """
    member, index = parse_entry_name(reading.entry)
    leaf, record = await records.read(member, index)
    present = [name for name, _ in record.fields]
    missing = [name for name in reading.fields if name not in present]
    if missing:
        raise FieldUnknownError(
            f"the record behind {reading.entry} has no field `{missing[0]}`; it has "
            + ", ".join(present)
        )
    opening = open_commitment(record.key, record.fields, reading.fields)
    return Opened(access_entry=access, leaf=leaf, opening=opening)
