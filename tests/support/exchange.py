"""One exchange from the practice world, decisions made by hand, records, holds and verdicts."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.agency import ReviewerKey
from comity.domain.answer import Element, Withheld
from comity.domain.decision import ClassDecision, Facts, Reason, RuleId
from comity.domain.ids import ORI, ExchangeId, Member, QueryId
from comity.domain.keeping import Order, OrderSignature, SignedOrder, order_bytes
from comity.domain.keys import MessageKey, asked_classes
from comity.domain.query import Claims, Exchange
from comity.domain.record_reading import (
    RecordReading,
    SignedRecordReading,
    record_reading_bytes,
)
from comity.domain.verdict import (
    Ed25519Proof,
    HistoryReading,
    OpeningReading,
    Reading,
    SignedHistoryReading,
    SignedOpeningReading,
    SignedReading,
    SignedVerdict,
    Verdict,
    VerdictKind,
    history_reading_bytes,
    opening_reading_bytes,
    reading_bytes,
    signed_bytes,
)
from comity.domain.vocabulary import (
    AgencyType,
    Assurance,
    BudgetState,
    Certification,
    DataClass,
    Direction,
    Emergency,
    FanOut,
    Instrument,
    Offence,
    Outcome,
    Purpose,
    RecordKind,
    TimeBand,
)
from comity.exchange.answering import Found, HoldFile, Judged, asked_kinds

NOW = 1_795_500_000
UNTIL = NOW + 86_400
CONTACT = "WA duty desk 360-555-0100"
HOLD_ENTRY = "wa/126"
POLICY = 77
KEY_ID = "0badcafe"
REVIEWER = "Practice Reviewer"
PRIVATE_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
ENROLLED = ReviewerKey(
    name=REVIEWER, key_id=KEY_ID, verify_key=PRIVATE_KEY.public_key().public_bytes_raw()
)
SUPERVISOR_KEY = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
SUPERVISOR = ReviewerKey(
    name="Practice Supervisor",
    key_id="0badf00d",
    verify_key=SUPERVISOR_KEY.public_key().public_bytes_raw(),
)
AUTHOR_KEY = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
AUTHOR = ReviewerKey(
    name="author", key_id="0badaa01", verify_key=AUTHOR_KEY.public_key().public_bytes_raw()
)
COUNSEL_KEY = Ed25519PrivateKey.from_private_bytes(b"\x0a" * 32)
COUNSEL = ReviewerKey(
    name="counsel", key_id="0badaa02", verify_key=COUNSEL_KEY.public_key().public_bytes_raw()
)
ADDRESS_ELEMENT = Element(data_class=DataClass.ADDRESS, name="STREET", value="100 Example Ave")
ELEMENTS = (
    Element(data_class=DataClass.STATUS, name="LICENCE_STATUS", value="valid"),
    Element(data_class=DataClass.IDENTITY, name="NAME", value="Doe,Jane Ann"),
    ADDRESS_ELEMENT,
    Element(data_class=DataClass.SSN, name="SSN", value="900-00-0001"),
)
LICENCE = Found(kind=RecordKind.LICENCE, elements=ELEMENTS)
FACTS = Facts(
    agency=ORI("ORPX00001"),
    agency_type=AgencyType.PD,
    certification=Certification.VALID,
    assurance=Assurance.NOT_STATED,
    key=MessageKey("DQ"),
    purpose=Purpose.NOT_STATED,
    offence=Offence.NOT_STATED,
    instrument=Instrument.NOT_STATED,
    fan_out=FanOut.SINGLE,
    emergency=Emergency.NONE,
    time_band=TimeBand.WEEKDAY_DAY,
    budget=BudgetState.WITHIN,
    direction=Direction.INBOUND,
)


def exchange_of(key: str = "DQ", *, probe: bool = False, wants_image: bool = False) -> Exchange:
    """A query of an Oregon agency to Washington."""
    return Exchange(
        exchange_id=ExchangeId(bytes(range(16))),
        query_id=QueryId(bytes(range(8)) + b"\xff" * 8),
        state=Member("wa"),
        origin_member=Member("or"),
        query_entry="or/9001",
        accepted_at=NOW - 2,
        agency=ORI("ORPX00001"),
        key=MessageKey(key),
        original_key=MessageKey(key),
        fields=(("OLN", "PX000204K7"),),
        claims=Claims(
            purpose=Purpose.CRIMINAL_INVESTIGATION,
            offence=Offence.WEAPONS,
            case_number="26-0117",
            operator="OP4471",
        ),
        assurance=Assurance.AGENCY_ASSERTED,
        fan_out=FanOut.SINGLE,
        wants_image=wants_image,
        probe=probe,
    )


def decision(
    data_class: DataClass, outcome: Outcome, kind: RecordKind = RecordKind.OTHER, rule: str = ""
) -> ClassDecision:
    """One cell with a rule of its own."""
    rule = rule or f"WA-{outcome.value[0].upper()}-{data_class.value.upper()}"[:24]
    return ClassDecision(
        data_class=data_class,
        outcome=outcome,
        reasons=(Reason(rule=RuleId(rule), sentence=f"{data_class.value} {outcome.value}"),),
        would_change="" if outcome is Outcome.RELEASE else f"change {data_class.value}",
        record_kind=kind,
    )


def judged_of(
    *rows: tuple[Outcome, ...], key: str = "DQ", exchange: Exchange | None = None
) -> Judged:
    """What a policy decided: the rows by kind, the last one repeated for all kinds that are left.

    Each row is in the order of the key's classes.
    """
    asked = exchange or exchange_of(key)
    classes = asked_classes(asked.key, image=asked.wants_image)
    kinds = asked_kinds(asked.key)
    full = [*rows, *([rows[-1]] * (len(kinds) - len(rows)))]
    return Judged(
        exchange=asked,
        facts=FACTS,
        policy=POLICY,
        kinds=kinds,
        rows=tuple(
            tuple(decision(c, o, kind) for c, o in zip(classes, row, strict=True))
            for kind, row in zip(kinds, full, strict=True)
        ),
    )


def verdict_of(
    kind: VerdictKind = VerdictKind.APPROVE,
    approved: tuple[DataClass, ...] = (DataClass.STATUS,),
    *,
    note: str = "practice",
    at: int = NOW,
    step: int = 1,
) -> Verdict:
    """A verdict on the practice exchange's hold."""
    return Verdict(
        state=Member("wa"),
        exchange_id=ExchangeId(bytes(range(16))),
        hold_entry=HOLD_ENTRY,
        step=step,
        kind=kind,
        approved=approved if kind is VerdictKind.APPROVE else (),
        note=note,
        reviewer=REVIEWER,
        at=at,
    )


def signed(verdict: Verdict) -> SignedVerdict:
    """The verdict as the enrolled reviewer signs it."""
    signature = PRIVATE_KEY.sign(signed_bytes(verdict))
    return SignedVerdict(verdict=verdict, proof=Ed25519Proof(key_id=KEY_ID, signature=signature))


def signed_order(order: Order, *persons: str) -> SignedOrder:
    """The order as these enrolled people sign it."""
    people = ((ENROLLED, PRIVATE_KEY), (SUPERVISOR, SUPERVISOR_KEY))
    keys = {person.name: (person.key_id, key) for person, key in people}
    message = order_bytes(order)
    signatures = tuple(
        OrderSignature(name=name, key_id=keys[name][0], signature=keys[name][1].sign(message))
        for name in persons
    )
    return SignedOrder(order=order, signatures=signatures)


def signed_reading(reading: Reading) -> SignedReading:
    """The reading as the enrolled reviewer signs it."""
    signature = PRIVATE_KEY.sign(reading_bytes(reading))
    return SignedReading(reading=reading, proof=Ed25519Proof(key_id=KEY_ID, signature=signature))


def signed_record_reading(reading: RecordReading) -> SignedRecordReading:
    """The reading of what would go out as the enrolled reviewer signs it."""
    signature = PRIVATE_KEY.sign(record_reading_bytes(reading))
    proof = Ed25519Proof(key_id=KEY_ID, signature=signature)
    return SignedRecordReading(reading=reading, proof=proof)


def signed_history_reading(reading: HistoryReading) -> SignedHistoryReading:
    """The reading of a history as the enrolled reviewer signs it."""
    signature = PRIVATE_KEY.sign(history_reading_bytes(reading))
    proof = Ed25519Proof(key_id=KEY_ID, signature=signature)
    return SignedHistoryReading(reading=reading, proof=proof)


def signed_opening_reading(reading: OpeningReading) -> SignedOpeningReading:
    """The opening of a record as the enrolled reviewer signs it."""
    signature = PRIVATE_KEY.sign(opening_reading_bytes(reading))
    proof = Ed25519Proof(key_id=KEY_ID, signature=signature)
    return SignedOpeningReading(reading=reading, proof=proof)


def hold_of(classes: tuple[DataClass, ...], exchange: Exchange | None = None) -> HoldFile:
    """An open hold of these classes."""
    return HoldFile(
        exchange=exchange or exchange_of(),
        classes=classes,
        withheld=tuple(
            Withheld(
                data_class=c,
                outcome=Outcome.HOLD,
                reasons=(Reason(rule=RuleId("WA-H02"), sentence="a person decides"),),
            )
            for c in classes
        ),
        opened_at=NOW - 60,
        until=UNTIL,
    )
