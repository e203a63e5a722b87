"""What one person signed of handing something over for a demand, until a second one signs.

INVARIANT (fail-closed): with the console it is gone, and nothing was recorded as handed over.
Source: docs/adr/0058-demands-for-own-data.md, "Decision: two people".
"""

from __future__ import annotations

from comity.console.kept_first import KeptFirst
from comity.domain.demands import SignedDemandAct

__all__ = ["KeptHandOvers"]


class KeptHandOvers(KeptFirst[SignedDemandAct]):
    """Keeps one act for each demand."""

    def __init__(self) -> None:
        super().__init__(lambda signed: signed.act.demand_entry, lambda signed: signed.act.at)
