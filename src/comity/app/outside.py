"""What a gateway reaches beyond itself."""

from __future__ import annotations

import msgspec

from comity.ledger.quorum import QuorumFile
from comity.ports import Bus, Source, Store, Witness

__all__ = ["Outside"]


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway reaches that was opened before it and is closed behind it."""

    store: Store
    bus: Bus
    source: Source
    quorum: QuorumFile
    witnesses: tuple[Witness, ...]
