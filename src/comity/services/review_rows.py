"""The review desk's rows that go with leaves: passes, instruments, urgent releases, their ends.

Guarantee: what names a person is encrypted here, bound to its place; whoever opens it verifies what
was signed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from comity.domain.ids import Member
from comity.domain.instruments import InstrumentFile
from comity.domain.passes import SignedPass
from comity.exchange.judged import UrgentFile
from comity.ledger.plan import PlacedLeaf
from comity.ports import (
    DemandChange,
    DemandRow,
    InstrumentChange,
    InstrumentRow,
    PassChange,
    PassRow,
    ReviewChange,
    Sealed,
    UrgentRow,
)
from comity.services.entry import Entry, InstrumentEnd
from comity.services.vault import Vault

__all__ = [
    "ReviewRows",
    "Sealing",
    "decode_instrument",
    "decode_pass",
    "decode_urgent",
    "instrument_place",
    "pass_place",
    "seal_reviews",
    "urgent_place",
]

_encoder: Final = msgspec.msgpack.Encoder()
_pass_decoder: Final = msgspec.msgpack.Decoder(SignedPass)
_instrument_decoder: Final = msgspec.msgpack.Decoder(InstrumentFile)
_urgent_decoder: Final = msgspec.msgpack.Decoder(UrgentFile)


class ReviewRows(msgspec.Struct, kw_only=True):
    """Rows of one batch for the review desk, encrypted."""

    case_passes: list[PassRow] = msgspec.field(default_factory=list)
    pass_changes: list[PassChange] = msgspec.field(default_factory=list)
    instruments: list[InstrumentRow] = msgspec.field(default_factory=list)
    instrument_changes: list[InstrumentChange] = msgspec.field(default_factory=list)
    urgent: list[UrgentRow] = msgspec.field(default_factory=list)
    review_changes: list[ReviewChange] = msgspec.field(default_factory=list)
    demands: list[DemandRow] = msgspec.field(default_factory=list)
    demand_changes: list[DemandChange] = msgspec.field(default_factory=list)


class Sealing(NamedTuple):
    """The month whose key seals, and fresh nonces."""

    month: int
    nonces: Iterator[bytes]


def decode_pass(data: bytes) -> SignedPass:
    """Return a pass as it was kept; whoever uses it verifies it again."""
    return _pass_decoder.decode(data)


def decode_instrument(data: bytes) -> InstrumentFile:
    """Return an instrument as it was kept; whoever uses it verifies it again."""
    return _instrument_decoder.decode(data)


def decode_urgent(data: bytes) -> UrgentFile:
    """Return an urgent release's file as it was kept."""
    return _urgent_decoder.decode(data)


def pass_place(pass_id: bytes, member: Member) -> tuple[bytes, ...]:
    """Return where a pass stands."""
    return (b"pass", pass_id, member.encode())


def instrument_place(instrument_id: bytes, member: Member) -> tuple[bytes, ...]:
    """Return where an instrument stands."""
    return (b"instrument", instrument_id, member.encode())


def urgent_place(exchange_id: bytes, member: Member) -> tuple[bytes, ...]:
    """Return where an urgent release stands."""
    return (b"urgent", exchange_id, member.encode())


def seal_reviews(
    vault: Vault, rows: ReviewRows, entry: Entry, leaves: Sequence[PlacedLeaf], sealing: Sealing
) -> None:
    """Add what an entry has for the review desk to the rows of its batch."""

    def seal(form: msgspec.Struct, place: tuple[bytes, ...]) -> Sealed:
        body = _encoder.encode(form)
        return vault.seal(entry.member, sealing.month, next(sealing.nonces), body, place)

    member, own_id, first = entry.member, entry.exchange_id, leaves[0].index
    if entry.grants is not None:
        rows.case_passes.append(
            PassRow(
                member=member,
                leaf_index=first,
                pass_id=own_id,
                until=entry.grants.case_pass.until,
                sealed=seal(entry.grants, pass_place(own_id, member)),
            )
        )
    if entry.registers is not None:
        rows.instruments.append(
            InstrumentRow(
                member=member,
                leaf_index=first,
                instrument_id=own_id,
                until=entry.registers.registered.instrument.until,
                sealed=seal(entry.registers, instrument_place(own_id, member)),
            )
        )
    if entry.urgent is not None:
        (leaf,) = [leaf for leaf in leaves if leaf.step == entry.urgent.step]
        rows.urgent.append(
            UrgentRow(
                member=member,
                leaf_index=leaf.index,
                exchange_id=own_id,
                due=entry.urgent.due,
                changed_at=entry.urgent.released_at,
                sealed=seal(entry.urgent, urgent_place(own_id, member)),
            )
        )
    if entry.pass_end is not None:
        rows.pass_changes.append(
            PassChange(
                member=member,
                leaf_index=entry.pass_end.leaf_index,
                revoked_by=first if entry.pass_end.revoked else None,
            )
        )
    if entry.instrument_end is not None:
        end = entry.instrument_end
        sealed = None
        if end.verified is not None:
            sealed = seal(end.verified, instrument_place(end.instrument_id, member))
        rows.instrument_changes.append(_instrument_change(entry, end, leaves[0], sealed))
    if entry.review_end is not None:
        rows.review_changes.append(
            ReviewChange(
                member=member,
                leaf_index=entry.review_end.leaf_index,
                step=entry.review_end.step,
                stands=entry.review_end.stands,
                changed_at=entry.review_end.at,
            )
        )


def _instrument_change(
    entry: Entry, end: InstrumentEnd, leaf: PlacedLeaf, sealed: Sealed | None
) -> InstrumentChange:
    return InstrumentChange(
        member=entry.member,
        leaf_index=end.leaf_index,
        verified_by=leaf.index if sealed is not None else None,
        sealed=sealed,
        revoked_by=leaf.index if end.revoked else None,
    )
