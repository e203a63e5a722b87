"""The register's rows that go with leaves: a demand that is registered, and what is done about it.

Guarantee: what names a person or a matter is encrypted here, bound to its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from comity.domain.demands import DemandFile
from comity.domain.ids import LeafIndex, Member
from comity.ledger.plan import PlacedLeaf
from comity.ports import DemandChange, DemandRow, Sealed
from comity.services.entry import ActedOn, Entry
from comity.services.review_rows import ReviewRows, Sealing
from comity.services.vault import Vault

__all__ = ["changed", "decode_demand", "demand_place", "encode_demand", "seal_demands"]

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(DemandFile)


def encode_demand(file: DemandFile) -> bytes:
    """Return what is kept of a demand."""
    return _encoder.encode(file)


def decode_demand(data: bytes) -> DemandFile:
    """Return a demand as it was kept."""
    return _decoder.decode(data)


def demand_place(demand_id: bytes, member: Member) -> tuple[bytes, ...]:
    """Return where a demand stands."""
    return (b"demand", demand_id, member.encode())


def changed(member: Member, acted: ActedOn, sealed: Sealed, leaves: Sequence[int]) -> DemandChange:
    """Return what an act makes of a row; `leaves` are the indexes of its own, in order."""
    act = acted.file.acts[-1].act
    return DemandChange(
        member=member,
        leaf_index=acted.row.leaf_index,
        acts=acted.row.acts,
        answer_by=acted.answer_by,
        handed_by=None if act.handed is None else LeafIndex(leaves[0]),
        ended_by=LeafIndex(leaves[-1]) if act.is_end else None,
        sealed=sealed,
    )


def seal_demands(
    vault: Vault, rows: ReviewRows, entry: Entry, leaves: Sequence[PlacedLeaf], sealing: Sealing
) -> None:
    """Add what an entry has for the register to the rows of its batch."""

    def seal(file: DemandFile, demand_id: bytes) -> Sealed:
        place = demand_place(demand_id, member)
        return vault.seal(member, sealing.month, next(sealing.nonces), encode_demand(file), place)

    member = entry.member
    if entry.demand is not None:
        new = entry.demand
        rows.demands.append(
            DemandRow(
                member=member,
                leaf_index=leaves[0].index,
                demand_id=entry.exchange_id,
                kind=new.file.registered.demand.kind,
                answer_by=new.answer_by,
                sealed=seal(new.file, entry.exchange_id),
            )
        )
    if entry.carried is not None:
        rows.demands.append(msgspec.structs.replace(entry.carried, leaf_index=leaves[0].index))
    if entry.acted_on is not None:
        acted = entry.acted_on
        sealed = seal(acted.file, acted.row.demand_id)
        indexes = [leaf.index for leaf in leaves]
        rows.demand_changes.append(changed(member, acted, sealed, indexes))
