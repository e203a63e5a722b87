"""Certificates of blocks that a console keeps: the last of each, of the rules in force alone."""

from __future__ import annotations

import msgspec

from comity.console.kept_certificates import CERTIFICATES_MAX, KeptCertificates
from comity.domain.certificate import SignedCertificate
from comity.domain.decision import RuleId
from comity.domain.ids import Member
from tests.unit.domain.test_certificate import BLOCK, MADE, signed


def certificate(number: int, entry: str = MADE.entry) -> SignedCertificate:
    """The certificate of one of many blocks."""
    block = msgspec.structs.replace(BLOCK, rule=RuleId(f"BLOCK-{number}"))
    return signed(msgspec.structs.replace(MADE, block=block, entry=entry))


def test_the_last_of_each_block_is_kept() -> None:
    """In place of the one before, and not under rules of another entry, block or state."""
    kept = KeptCertificates()
    first, second = certificate(1), certificate(1, "oh/99")
    kept.put(first)
    name, state = RuleId("BLOCK-1"), MADE.state
    assert kept.get(state, name, MADE.entry) == first
    assert kept.get(state, RuleId("BLOCK-2"), MADE.entry) is None
    assert kept.get(Member("wa"), name, MADE.entry) is None
    kept.put(second)
    assert kept.get(state, name, MADE.entry) is None
    assert kept.get(state, name, "oh/99") == second


def test_the_one_kept_first_goes() -> None:
    """At the limit all are there; one beyond, the first is not; putting anew keeps from going."""
    kept = KeptCertificates()
    for number in range(1, CERTIFICATES_MAX + 1):
        kept.put(certificate(number))
    assert kept.get(MADE.state, RuleId("BLOCK-1"), MADE.entry) is not None
    kept.put(certificate(1))
    kept.put(certificate(CERTIFICATES_MAX + 1))
    assert kept.get(MADE.state, RuleId("BLOCK-1"), MADE.entry) is not None
    assert kept.get(MADE.state, RuleId("BLOCK-2"), MADE.entry) is None
    assert kept.get(MADE.state, RuleId("BLOCK-3"), MADE.entry) is not None
