"""A leaf header of every kind, with all the fields that the kind must and may have."""

from __future__ import annotations

import msgspec

from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import DataClass, Instrument, LeafDecision, LeafKind, LeafMode

STATUS, IDENTITY, PHOTO = DataClass.STATUS, DataClass.IDENTITY, DataClass.PHOTO
ASKED: dict[str, object] = {
    "agency": "ORPX00001",
    "key": "DQ",
    "purpose": "criminal_investigation",
    "offence": "sealed",
    "instrument": Instrument.STATE_WARRANT,
}
OUTCOME: dict[str, object] = {**ASKED, "policy": 77, "peer": "or/9001"}
MUST: dict[LeafKind, dict[str, object]] = {
    LeafKind.QUERY: {**ASKED, "fan_out": 3},
    LeafKind.DISCLOSURE: {
        **OUTCOME,
        "released": (STATUS, IDENTITY),
        "withheld": (PHOTO,),
        "decision": LeafDecision.RELEASE,
        "result": "record",
    },
    LeafKind.DENIAL: {**OUTCOME, "withheld": (STATUS,), "decision": LeafDecision.DENY},
    LeafKind.HOLD: {**OUTCOME, "withheld": (STATUS,), "decision": LeafDecision.HOLD},
    LeafKind.VERDICT: {
        "released": (STATUS,),
        "withheld": (),
        "decision": LeafDecision.APPROVE,
        "cites": "wa/126",
    },
    LeafKind.CLOSURE: {"decision": LeafDecision.EXPIRED, "cites": "wa/126"},
    LeafKind.PASS: {"agency": "small:wa", "released": (STATUS,)},
    LeafKind.POLICY: {"digest": bytes(range(32))},
    LeafKind.DIRECTORY: {"digest": bytes(range(32))},
    LeafKind.INSTRUMENT: {"instrument": Instrument.COURT_ORDER},
    LeafKind.CERTIFICATION: {"agency": "ORPX00001"},
    LeafKind.NOTICE: {"cites": "wa/1"},
    LeafKind.ACCESS: {},
    LeafKind.REVEAL: {"cites": "wa/1"},
    LeafKind.CORRECTION: {"cites": "wa/1"},
    LeafKind.REDACTION: {"cites": "wa/1"},
    LeafKind.KEY: {"digest": bytes(range(32))},
    LeafKind.COUNTS: {"digest": bytes(range(32))},
}
CITES: dict[str, object] = {"cites": "wa/7"}
MAY: dict[LeafKind, dict[str, object]] = {
    LeafKind.QUERY: {"policy": 0},
    LeafKind.DISCLOSURE: CITES,
    LeafKind.DENIAL: CITES,
    LeafKind.HOLD: CITES,
    LeafKind.VERDICT: {"policy": 78},
    LeafKind.CLOSURE: {"withheld": (STATUS, IDENTITY)},
    LeafKind.PASS: {**CITES, "purpose": "court", "offence": "homicide"},
    LeafKind.POLICY: CITES,
    LeafKind.DIRECTORY: CITES,
    LeafKind.INSTRUMENT: {**CITES, "agency": "sealed"},
    LeafKind.CERTIFICATION: CITES,
    LeafKind.NOTICE: {},
    LeafKind.ACCESS: {**CITES, "released": (STATUS,)},
    LeafKind.REVEAL: {"agency": "ORPX00001", "purpose": "court", "offence": "none"},
    LeafKind.CORRECTION: {
        "agency": "ORPX00001",
        "purpose": "court",
        "offence": "none",
        "instrument": Instrument.CONSENT,
    },
    LeafKind.REDACTION: {},
    LeafKind.KEY: CITES,
    LeafKind.COUNTS: CITES,
}


def leaf(kind: LeafKind, **fields: object) -> LeafHeader:
    """A header of this kind with what every leaf has, and these fields."""
    return msgspec.structs.replace(
        LeafHeader(
            version=1,
            kind=kind,
            mode=LeafMode.LIVE,
            hour=498_750,
            member=Member("wa"),
            commitment=bytes(range(32)),
        ),
        **fields,
    )


def least(kind: LeafKind) -> LeafHeader:
    """A header of this kind with what it must have."""
    return leaf(kind, **MUST[kind])


def fullest(kind: LeafKind) -> LeafHeader:
    """A header of this kind with all that it may have."""
    return leaf(kind, **MUST[kind], **MAY[kind])
