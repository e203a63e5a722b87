"""Demands for Washington's own data, and acts on them, as practice people sign them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.agency import ReviewerKey
from comity.domain.demands import (
    DemandAct,
    DemandActKind,
    Demanded,
    HandedOver,
    RegisteredDemand,
    SignedDemand,
    SignedDemandAct,
    demand_act_bytes,
    demand_bytes,
)
from comity.domain.ids import Member, member_zone
from comity.domain.verdict import Ed25519Proof
from comity.domain.vocabulary import DataClass, Instrument
from tests.support.exchange import COUNSEL, COUNSEL_KEY, NOW, SUPERVISOR, SUPERVISOR_KEY

__all__ = [
    "ANSWER_BY",
    "SERVED_ON",
    "WA",
    "act",
    "demand",
    "handed_over",
    "moved",
    "signed_act",
    "signed_demand",
    "signed_handing",
    "subpoena",
]

WA = Member("wa")
SERVED_ON = datetime.fromtimestamp(NOW, ZoneInfo(member_zone(WA))).date()
ANSWER_BY = SERVED_ON + timedelta(days=21)
PAPER = b"practice subpoena"
BUNDLE = b"practice bundle"


def demand(**changes: Any) -> RegisteredDemand:
    """A civil subpoena for who read what, and for what stands behind leaves."""
    base = RegisteredDemand(
        state=WA,
        kind=Instrument.COURT_SUBPOENA,
        issuer="Practice Superior Court",
        number="26-2-00114-1",
        served_on=SERVED_ON,
        answer_by=ANSWER_BY,
        about=(Demanded.PRIVATE_RECORDS, Demanded.ACCESS_RECORDS),
        first_month="2026-03",
        last_month="2026-05",
        document=sha256(PAPER).digest(),
        document_bytes=len(PAPER),
        matter="Doe v. Practice City, ask for the clerk",
        reviewer=COUNSEL.name,
        at=NOW,
    )
    return msgspec.structs.replace(base, **changes)


def signed_demand(
    made: RegisteredDemand, who: ReviewerKey = COUNSEL, key: Ed25519PrivateKey = COUNSEL_KEY
) -> SignedDemand:
    """The demand as a person signs it."""
    return SignedDemand(demand=made, proof=_proof(demand_bytes(made), who, key))


def subpoena(**changes: Any) -> SignedDemand:
    """The same, signed by counsel."""
    return signed_demand(demand(**changes))


def handed_over(**changes: Any) -> HandedOver:
    """What was handed over: two classes of records, to the court."""
    base = HandedOver(
        what="The records behind WA/12 to WA/14, with names removed",
        to="Practice Superior Court",
        classes=(DataClass.STATUS, DataClass.ADDRESS),
        bundle=sha256(BUNDLE).digest(),
        bundle_bytes=len(BUNDLE),
    )
    return msgspec.structs.replace(base, **changes)


def act(entry: str, kind: DemandActKind, **changes: Any) -> DemandAct:
    """An act of counsel on a demand."""
    base = DemandAct(state=WA, demand_entry=entry, act=kind, reviewer=COUNSEL.name, at=NOW)
    return msgspec.structs.replace(base, **changes)


def signed_act(
    made: DemandAct, who: ReviewerKey = COUNSEL, key: Ed25519PrivateKey = COUNSEL_KEY
) -> SignedDemandAct:
    """The act as one person signs it."""
    return SignedDemandAct(act=made, proof=_proof(demand_act_bytes(made), who, key))


def signed_handing(
    entry: str,
    handed: HandedOver | None = None,
    who: ReviewerKey = SUPERVISOR,
    key: Ed25519PrivateKey = SUPERVISOR_KEY,
    **changes: Any,
) -> SignedDemandAct:
    """What was handed over, as counsel and a second person sign it."""
    made = act(entry, DemandActKind.HANDED_OVER, handed=handed or handed_over(), **changes)
    return msgspec.structs.replace(
        signed_act(made), second=who.name, second_proof=_proof(demand_act_bytes(made), who, key)
    )


def moved(entry: str, answer_by: date | None = None, gag_until: date | None = None) -> DemandAct:
    """An act by which days are moved."""
    return act(entry, DemandActKind.MOVED, answer_by=answer_by, gag_until=gag_until)


def _proof(message: bytes, who: ReviewerKey, key: Ed25519PrivateKey) -> Ed25519Proof:
    return Ed25519Proof(key_id=who.key_id, signature=key.sign(message))
