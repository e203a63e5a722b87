"""Instruments, verifications and revocations as practice reviewers sign them."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.agency import ReviewerKey
from comity.domain.ids import ORI, Member
from comity.domain.instruments import (
    Appointment,
    InstrumentRevocation,
    InstrumentVerification,
    RegisteredInstrument,
    SignedInstrument,
    SignedInstrumentRevocation,
    SignedVerification,
    instrument_bytes,
    instrument_revocation_bytes,
    verification_bytes,
)
from comity.domain.verdict import Ed25519Proof
from comity.domain.vocabulary import Instrument
from tests.support.exchange import ENROLLED, PRIVATE_KEY, SUPERVISOR, SUPERVISOR_KEY
from tests.support.review import CASE, DAY, DQ, LICENSEE, NOW

__all__ = [
    "CLAIMED",
    "DOCUMENT",
    "NUMBER",
    "instrument",
    "revoked",
    "signed_instrument",
    "signed_verification",
    "verification",
]

NUMBER = "26-MJ-118"
DOCUMENT = sha256(b"practice warrant").digest()
CLAIMED = msgspec.structs.replace(
    CASE, instrument=Instrument.ARTICLE_III_WARRANT, instrument_ref=NUMBER
)
WA = Member("wa")


def instrument(**changes: Any) -> RegisteredInstrument:
    """A federal judge's warrant about one licence, for a Texas agency's case."""
    base = RegisteredInstrument(
        state=WA,
        kind=Instrument.ARTICLE_III_WARRANT,
        issuer="Practice District Court, Western District",
        appointment=Appointment.ARTICLE_III,
        number=NUMBER,
        agency=ORI("TXPX00001"),
        case_number="HS-26-88",
        persons=(LICENSEE,),
        classes=DQ,
        issued_on=datetime.fromtimestamp(NOW - 2 * DAY, UTC).date(),
        until=NOW + 30 * DAY,
        document=DOCUMENT,
        document_bytes=48_211,
        reviewer=ENROLLED.name,
        at=NOW,
    )
    return msgspec.structs.replace(base, **changes)


def verification(entry: str, **changes: Any) -> InstrumentVerification:
    """A second person's word about it."""
    base = InstrumentVerification(
        state=WA,
        instrument_entry=entry,
        document=DOCUMENT,
        called="555-0190, from the court's own page",
        answered="the clerk read number and date back",
        reviewer=SUPERVISOR.name,
        at=NOW,
    )
    return msgspec.structs.replace(base, **changes)


def signed_instrument(
    made: RegisteredInstrument, who: ReviewerKey = ENROLLED, key: Ed25519PrivateKey = PRIVATE_KEY
) -> SignedInstrument:
    """The instrument as a reviewer signs it."""
    return SignedInstrument(instrument=made, proof=_proof(instrument_bytes(made), who, key))


def signed_verification(
    made: InstrumentVerification,
    who: ReviewerKey = SUPERVISOR,
    key: Ed25519PrivateKey = SUPERVISOR_KEY,
) -> SignedVerification:
    """The verification as a second reviewer signs it."""
    return SignedVerification(verification=made, proof=_proof(verification_bytes(made), who, key))


def revoked(entry: str, **changes: Any) -> SignedInstrumentRevocation:
    """The end of an instrument of Washington, signed."""
    made = msgspec.structs.replace(
        InstrumentRevocation(state=WA, instrument_entry=entry, reviewer=ENROLLED.name, at=NOW),
        **changes,
    )
    proof = _proof(instrument_revocation_bytes(made), ENROLLED, PRIVATE_KEY)
    return SignedInstrumentRevocation(revocation=made, proof=proof)


def _proof(message: bytes, who: ReviewerKey, key: Ed25519PrivateKey) -> Ed25519Proof:
    return Ed25519Proof(key_id=who.key_id, signature=key.sign(message))
