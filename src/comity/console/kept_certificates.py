"""The certificates of blocks that a console has had made, for whoever opens or downloads them.

Guarantee: one is given only while the rules that it is of are in force; a look makes none, because
its probes are leaves. Source: docs/adr/0040-rules-in-the-browser.md.
"""

from __future__ import annotations

from typing import Final

from comity.domain.certificate import SignedCertificate
from comity.domain.decision import RuleId
from comity.domain.ids import Member

__all__ = ["CERTIFICATES_MAX", "KeptCertificates"]

CERTIFICATES_MAX: Final = 256
"""Certificates kept for all states together; the one kept first goes."""


class KeptCertificates:
    """Keeps the last certificate of each block. `_kept` is in the order of keeping."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Member, RuleId], SignedCertificate] = {}

    def put(self, signed: SignedCertificate) -> None:
        """Keep a block's certificate in place of the one before."""
        made = signed.certificate
        assert made.block is not None
        key = (made.state, made.block.rule)
        self._kept.pop(key, None)
        self._kept[key] = signed
        while len(self._kept) > CERTIFICATES_MAX:
            del self._kept[next(iter(self._kept))]

    def get(self, state: Member, rule: RuleId, entry: str) -> SignedCertificate | None:
        """Return a block's certificate, if it is of the rules that `entry` put into force."""
        found = self._kept.get((state, rule))
        return found if found is not None and found.certificate.entry == entry else None
