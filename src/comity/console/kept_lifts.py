"""Orders to lift a litigation hold that one person has signed, until a second one signs.

INVARIANT (fail-closed): with the console it is gone, and the hold stays.
Source: docs/adr/0044-legal-desk.md, "Decision: litigation holds".
"""

from __future__ import annotations

from comity.console.kept_first import KeptFirst
from comity.domain.keeping import SignedOrder

__all__ = ["KeptLifts"]


class KeptLifts(KeptFirst[SignedOrder]):
    """Keeps one order for each hold."""

    def __init__(self) -> None:
        super().__init__(_about, lambda signed: signed.order.at)


def _about(signed: SignedOrder) -> str:
    assert signed.order.entry is not None
    return signed.order.entry
