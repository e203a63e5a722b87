"""Protections of confidential addresses, ends and readings, as practice people sign them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.agency import ReviewerKey
from comity.domain.ids import Member
from comity.domain.passes import NamedBy, PassPerson
from comity.domain.protection import (
    Protection,
    ProtectionEnd,
    ProtectionReading,
    SignedProtection,
    SignedProtectionEnd,
    SignedProtectionReading,
    protection_bytes,
    protection_end_bytes,
    protection_reading_bytes,
)
from comity.domain.verdict import Ed25519Proof
from comity.review.protections import local_date
from tests.support.exchange import COUNSEL, COUNSEL_KEY, SUPERVISOR, SUPERVISOR_KEY
from tests.support.review import LICENSEE, NOW

__all__ = [
    "CONTACT",
    "HOW",
    "NAMED",
    "TODAY",
    "ended_by",
    "protection",
    "signed_protection",
    "signed_reading",
]

WA = Member("wa")
NAMED = PassPerson(by=NamedBy.NAME, value="DOE,JANE", born="19900102")
CONTACT = "the Practice Safe Address Program"
HOW = "Call 555-0177 and ask for the letter desk."
TODAY = local_date(WA, NOW)
_BY = {SUPERVISOR.name: (SUPERVISOR, SUPERVISOR_KEY), COUNSEL.name: (COUNSEL, COUNSEL_KEY)}


def protection(**changes: Any) -> Protection:
    """A protection of Washington's practice driver."""
    base = Protection(
        state=WA,
        persons=(LICENSEE, NAMED),
        contact=CONTACT,
        how=HOW,
        since=TODAY - timedelta(days=30),
        until=TODAY + timedelta(days=365),
        authority="Practice Safe Address Program",
        reviewer=SUPERVISOR.name,
        at=NOW,
    )
    return msgspec.structs.replace(base, **changes)


def signed_protection(made: Protection) -> SignedProtection:
    """The protection as the person whom it names signs it."""
    return SignedProtection(protection=made, proof=_proof(protection_bytes(made), made.reviewer))


def ended_by(who: str, protection_id: bytes, **changes: Any) -> SignedProtectionEnd:
    """One person's word that a protection of Washington ends."""
    base = ProtectionEnd(state=WA, protection=protection_id.hex(), reviewer=who, at=NOW)
    end = msgspec.structs.replace(base, **changes)
    return SignedProtectionEnd(end=end, proof=_proof(protection_end_bytes(end), who))


def signed_reading(**changes: Any) -> SignedProtectionReading:
    """A supervisor's wish to read Washington's register."""
    base = ProtectionReading(state=WA, reviewer=SUPERVISOR.name, at=NOW)
    reading = msgspec.structs.replace(base, **changes)
    proof = _proof(protection_reading_bytes(reading), SUPERVISOR.name)
    return SignedProtectionReading(reading=reading, proof=proof)


def _proof(message: bytes, name: str) -> Ed25519Proof:
    who: ReviewerKey
    key: Ed25519PrivateKey
    who, key = _BY.get(name, _BY[SUPERVISOR.name])
    return Ed25519Proof(key_id=who.key_id, signature=key.sign(message))
