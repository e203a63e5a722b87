"""One sample answer per outcome, as the decision record on answers shows them."""

from __future__ import annotations

from comity.domain.answer import Answer, Element, HoldNotice, Proof, ResponseKind, Withheld
from comity.domain.decision import Reason, RuleId
from comity.domain.ids import ExchangeId, Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass, Outcome, RecordKind

EXCHANGE = ExchangeId(bytes(range(16)))
WA = Member("wa")
DR = MessageKey("DR")
SILENT = [Member("nv")]
HOLD_UNTIL = 1_795_626_000  # 2026-11-25 17:00:00 UTC

STATUS = Element(data_class=DataClass.STATUS, name="LICENCE_STATUS", value="valid")
NAME = Element(data_class=DataClass.IDENTITY, name="NAME", value="Doe,Jane Ann")
BORN = Element(data_class=DataClass.IDENTITY, name="BIRTH_DATE", value="1980-02-29")
STREET = Element(data_class=DataClass.ADDRESS, name="STREET", value="100 Example Ave")
PHOTO = Element(data_class=DataClass.PHOTO, name="PORTRAIT", value="/9j/4AAQSkZJRg==")
ASKED = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)

IMMIGRATION = Reason(
    rule=RuleId("WA-S01"),
    sentence=(
        "Records are not released for civil immigration enforcement without"
        " a warrant signed by a judge"
    ),
    statute="RCW 43.17.425",
)
ADDRESSES = Reason(
    rule=RuleId("WA-S01"),
    sentence="Addresses are not released for civil immigration enforcement",
    statute="RCW 43.17.425",
)
ELSEWHERE = Reason(
    rule=RuleId("CA-S01"),
    sentence="Records are not released for civil immigration enforcement",
)
UNSAID = Reason(
    rule=RuleId("WA-H02"), sentence="A state employee decides queries without a stated purpose"
)


def proof(entry: str) -> Proof:
    """A citation with bytes that stand for its leaf and receipt."""
    return Proof(entry=entry, leaf=b'{"v":1}', receipt=b"receipt")


def withheld(
    classes: tuple[DataClass, ...], outcome: Outcome, reason: Reason, change: str = ""
) -> tuple[Withheld, ...]:
    """The same reason for each class."""
    return tuple(
        Withheld(data_class=c, outcome=outcome, reasons=(reason,), would_change=change)
        for c in classes
    )


def notice(entry: str) -> HoldNotice:
    """A hold until the afternoon of the next day."""
    return HoldNotice(until=HOLD_UNTIL, contact="WA duty desk 360-555-0100", entry=entry)


SAMPLES: dict[str, Answer] = {
    "hit": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=0,
        key=DR,
        response=ResponseKind.HIT,
        is_final=True,
        record_kind=RecordKind.LICENCE,
        elements=(STATUS, NAME, BORN),
        policy_entry="wa/77",
        proofs=(proof("wa/123"),),
    ),
    "hit-part-refused": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=0,
        key=DR,
        response=ResponseKind.HIT,
        is_final=True,
        record_kind=RecordKind.LICENCE,
        elements=(NAME, PHOTO),
        withheld=withheld(
            (DataClass.ADDRESS,), Outcome.DENY, ADDRESSES, "a warrant signed by a judge"
        ),
        policy_entry="wa/77",
        proofs=(proof("wa/123"),),
    ),
    "no-record": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=0,
        key=DR,
        response=ResponseKind.NO_HIT,
        is_final=True,
        policy_entry="wa/77",
        proofs=(proof("wa/124"),),
    ),
    "refused": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=0,
        key=DR,
        response=ResponseKind.REFUSED,
        is_final=True,
        withheld=withheld(ASKED, Outcome.DENY, IMMIGRATION, "state a warrant signed by a judge"),
        policy_entry="wa/77",
        proofs=(proof("wa/125"),),
    ),
    "held": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=0,
        key=DR,
        response=ResponseKind.HELD,
        is_final=False,
        withheld=withheld(ASKED, Outcome.HOLD, UNSAID, "state a purpose"),
        hold=notice("wa/126"),
        policy_entry="wa/77",
        proofs=(proof("wa/126"),),
    ),
    "hit-part-held": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=0,
        key=DR,
        response=ResponseKind.HIT,
        is_final=False,
        record_kind=RecordKind.LICENCE,
        elements=(STATUS,),
        withheld=withheld((DataClass.ADDRESS,), Outcome.HOLD, UNSAID),
        hold=notice("wa/128"),
        policy_entry="wa/77",
        proofs=(proof("wa/127"), proof("wa/128")),
    ),
    "reviewed": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=3,
        key=DR,
        response=ResponseKind.HIT,
        is_final=True,
        record_kind=RecordKind.LICENCE,
        elements=(STREET,),
        remark="approved for case 26-0117",
        policy_entry="wa/78",
        proofs=(proof("wa/131"),),
    ),
    "refused-after-review": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=3,
        key=DR,
        response=ResponseKind.REFUSED,
        is_final=True,
        withheld=withheld((DataClass.ADDRESS,), Outcome.DENY, UNSAID),
        remark="the case number does not match the agency",
        policy_entry="wa/78",
        proofs=(proof("wa/131"),),
    ),
    "expired": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=2,
        key=DR,
        response=ResponseKind.REFUSED,
        is_final=True,
        withheld=withheld((DataClass.ADDRESS,), Outcome.HOLD, UNSAID),
        remark="ask again or call WA duty desk 360-555-0100",
        policy_entry="wa/78",
        proofs=(proof("wa/132"),),
    ),
    "unavailable": Answer(
        exchange_id=EXCHANGE,
        state=WA,
        step=0,
        key=DR,
        response=ResponseKind.UNAVAILABLE,
        is_final=False,
        remark="the state's gateway does not answer; the query is kept and sent again",
        proofs=(proof("or/9001"),),
    ),
    "refused-elsewhere": Answer(
        exchange_id=EXCHANGE,
        state=Member("ca"),
        step=0,
        key=DR,
        response=ResponseKind.REFUSED,
        is_final=True,
        withheld=withheld(ASKED, Outcome.DENY, ELSEWHERE),
        policy_entry="ca/40",
        proofs=(proof("ca/88"),),
    ),
}
