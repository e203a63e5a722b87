"""The register of demands as it is read: by the gateway, the legal desk and the command line.

Guarantee: a demand whose month's key is gone is shown as one that cannot be read, never left out.
Source: docs/adr/0058-demands-for-own-data.md.
"""

from __future__ import annotations

import msgspec

from comity.domain.demands import DemandFile
from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name
from comity.ports import DemandCount, DemandRow, Store
from comity.review.demands import DemandUnknownError
from comity.services.demand_rows import decode_demand, demand_place
from comity.services.private_records import RecordGoneError
from comity.services.vault import Vault

__all__ = ["DemandBook", "KnownDemand"]


class KnownDemand(msgspec.Struct, frozen=True, kw_only=True):
    """A demand of the register; `file` is None where nobody can read it any more."""

    row: DemandRow
    file: DemandFile | None

    @property
    def entry(self) -> str:
        """Its leaf, as it is cited."""
        return entry_name(self.row.member, self.row.leaf_index)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.row.ended_by is None

    def whole(self) -> DemandFile:
        """Return what is kept of it. Raises: RecordGoneError."""
        if self.file is None:
            raise RecordGoneError(
                f"the key of the month in which {self.entry} was kept is not in the keyring here: "
                "without it nobody can read this demand"
            )
        return self.file


class DemandBook:
    """Reads rows and opens them. Each of these raises StoreDownError."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def open(self, member: Member, limit: int) -> list[KnownDemand]:
        """Return demands that have not ended, the next answer first."""
        return [self._known(row) for row in await self._store.open_demands([member], limit)]

    async def ended(self, member: Member, limit: int) -> list[KnownDemand]:
        """Return demands that have ended, the newest first."""
        return [self._known(row) for row in await self._store.ended_demands(member, limit)]

    async def one(self, member: Member, index: int) -> KnownDemand:
        """Return one demand, open or not. Raises: DemandUnknownError."""
        row = await self._store.demand(member, index)
        if row is None:
            raise DemandUnknownError("no demand stands in the register under this entry")
        return self._known(row)

    async def counts(self, member: Member) -> list[DemandCount]:
        """Return how many came, by kind."""
        return await self._store.demand_counts(member)

    def _known(self, row: DemandRow) -> KnownDemand:
        try:
            place = demand_place(row.demand_id, row.member)
            file = decode_demand(self._vault.open(row.member, row.sealed, place))
        except (ComityError, msgspec.MsgspecError):
            return KnownDemand(row=row, file=None)
        return KnownDemand(row=row, file=file)
