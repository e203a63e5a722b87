"""A parcel has one encoding, is of a closed set of kinds, and holds values in range."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.answer import Answer, Element, HoldNotice, Proof, ResponseKind, Withheld
from comity.domain.ids import ORI, ExchangeId, Member, QueryId
from comity.domain.keys import MessageKey
from comity.domain.query import Claims, Exchange
from comity.domain.vocabulary import DataClass, Outcome
from comity.link.errors import ParcelMalformedError, ParcelTooLargeError
from comity.link.limits import (
    ANSWER_ELEMENTS_MAX,
    ANSWER_PROOFS_MAX,
    ANSWER_WITHHELD_MAX,
    EXCHANGE_FIELDS_MAX,
    FIELD_CHARS_MAX,
    PARCEL_BYTES_MAX,
    RECEIVED_ANSWERS_MAX,
    TEXT_CHARS_MAX,
)
from comity.link.parcel import (
    Answered,
    Ask,
    EnvelopeKind,
    Parcel,
    Received,
    RefusalCode,
    Refused,
    addressee,
    decode_parcel,
    encode_parcel,
    kind_of,
    speaker,
)
from tests.support.link import OH, TX, WA, make_answer, make_exchange, one_of_each

ID = ExchangeId(bytes(16))


@pytest.mark.parametrize("parcel", one_of_each(), ids=lambda parcel: type(parcel).__name__)
def test_every_kind_comes_back_as_it_was(parcel: Parcel) -> None:
    """Decoding what was encoded gives the same value."""
    assert decode_parcel(encode_parcel(parcel)) == parcel


def test_kinds_are_told_by_face() -> None:
    """Asks and what follows them go to the answer face; answers and refusals to the origin."""
    kinds = [kind_of(parcel) for parcel in one_of_each()]
    assert kinds == [
        EnvelopeKind.ASK, EnvelopeKind.ANSWER, EnvelopeKind.ASK, EnvelopeKind.ANSWER,
    ]  # fmt: skip


def test_every_kind_names_who_speaks_to_whom() -> None:
    """Each parcel says in whose name it speaks and for whom it is."""
    assert [(speaker(parcel), addressee(parcel)) for parcel in one_of_each()] == [(WA, TX)] * 4


@pytest.mark.parametrize("code", list(RefusalCode))
def test_only_absence_is_said_in_no_members_name(code: RefusalCode) -> None:
    """A host that does not serve a member can say just that; all else the member says."""
    refusal = Refused(origin=TX, state=WA, exchange_id=ID, code=code)
    absent = {RefusalCode.NOT_HOSTED_HERE, RefusalCode.UNKNOWN_MEMBER}
    assert speaker(refusal) == (None if code in absent else WA)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x02" + encode_parcel(one_of_each()[0])[1:],
        encode_parcel(one_of_each()[0]) + b"\x00",
        encode_parcel(one_of_each()[0])[:-1],
        b"\x01" + msgspec.msgpack.encode(["reply", 1]),
        b"\x01" + msgspec.msgpack.encode(["refusal", "tx", "wa", bytes(16)]),
        b"\x01" + msgspec.msgpack.encode(["refusal", "tx", "wa", bytes(16), "busy", 0]),
        b"\x01" + msgspec.msgpack.encode(["refusal", "tx", "wa", bytes(16), "lazy"]),
        b"\x01" + b"\x91" * 5_000,
    ],
    ids=[
        "empty", "version alone", "version 2", "trailing", "cut", "unknown kind", "field missing",
        "field too many", "unknown code", "deep",
    ],
)  # fmt: skip
def test_other_bytes_are_refused(data: bytes) -> None:
    """What is not exactly one parcel of a known kind is refused."""
    with pytest.raises(ParcelMalformedError):
        decode_parcel(data)


def test_an_unknown_field_inside_is_refused() -> None:
    """An exchange with a field that version 1 does not have is refused, not read without it."""
    fields = msgspec.to_builtins(make_exchange(), builtin_types=(bytes,)) | {"urgent": True}
    with pytest.raises(ParcelMalformedError):
        decode_parcel(b"\x01" + msgspec.msgpack.encode(["ask", fields]))


def test_another_order_or_a_spelled_out_default_is_refused() -> None:
    """The same values in any other bytes are not the parcel that was signed."""
    fields = msgspec.to_builtins(make_exchange(), builtin_types=(bytes,))
    same = b"\x01" + msgspec.msgpack.encode(["ask", fields])
    assert decode_parcel(same) == Ask(exchange=make_exchange())
    reordered = dict(reversed(fields.items()))
    spelled = fields | {"claims": fields["claims"] | {"offence": "not_stated"}}
    for other in (reordered, spelled):
        with pytest.raises(ParcelMalformedError):
            decode_parcel(b"\x01" + msgspec.msgpack.encode(["ask", other]))


def exchange(**changes: object) -> Exchange:
    return msgspec.structs.replace(make_exchange(), **changes)


def answer(**changes: object) -> Answer:
    return msgspec.structs.replace(make_answer(), **changes)


WRONG_EXCHANGES: dict[str, Exchange] = {
    "a short exchange id": exchange(exchange_id=ExchangeId(bytes(15))),
    "a long query id": exchange(query_id=QueryId(bytes(17))),
    "an unknown state": exchange(state=Member("zz")),
    "an unknown origin": exchange(origin_member=Member("zz"), query_entry="zz/1"),
    "a leaf of another ledger": exchange(query_entry=f"{OH}/1"),
    "a leaf that is none": exchange(query_entry="wa/01"),
    "a time before 1970": exchange(accepted_at=-1),
    "a malformed agency": exchange(agency=ORI("WA01709")),
    "an unknown key": exchange(key=MessageKey("ZZ9")),
    "the key that stands for others": exchange(original_key=MessageKey("other")),
    "too many fields": exchange(fields=(("A", "B"),) * (EXCHANGE_FIELDS_MAX + 1)),
    "a long prefix": exchange(fields=(("A" * 17, "B"),)),
    "a long value": exchange(fields=(("A", "B" * (FIELD_CHARS_MAX + 1)),)),
    "a malformed case number": exchange(claims=Claims(case_number="a b")),
    "a long instrument": exchange(claims=Claims(instrument_ref="A" * 33)),
    "a malformed operator": exchange(claims=Claims(operator="OP\n")),
    "half a character": exchange(fields=(("NAM", "\ud800"),)),
}


def proof(entry: str) -> Proof:
    return Proof(entry=entry, leaf=b"", receipt=b"")


def withheld(outcome: Outcome, would_change: str = "") -> Withheld:
    return Withheld(data_class=DataClass.PHOTO, outcome=outcome, would_change=would_change)


STATUS = Element(data_class=DataClass.STATUS, name="DAA", value="VALID")
PHOTO = Element(data_class=DataClass.PHOTO, name="IMG", value="AAAA")
NOTICE = HoldNotice(until=1, contact="555-0100", entry="tx/8")

WRONG_ANSWERS: dict[str, Answer] = {
    "a short id": answer(exchange_id=ExchangeId(b"")),
    "answer of an unknown state": answer(state=Member("zz")),
    "a step before the first": answer(step=-1),
    "answer of an unknown key": answer(key=MessageKey("ZZ9")),
    "a long remark": answer(remark="A" * (TEXT_CHARS_MAX + 1)),
    "a policy that is no leaf": answer(policy_entry="tx"),
    "a proof of no leaf": answer(proofs=(proof("tx-7"),)),
    "too many proofs": answer(proofs=(proof("tx/7"),) * (ANSWER_PROOFS_MAX + 1)),
    "held without a notice": answer(response=ResponseKind.HELD, elements=(), hold=None),
    "a hold of no leaf": answer(hold=msgspec.structs.replace(NOTICE, entry="")),
    "a hold without end": answer(hold=msgspec.structs.replace(NOTICE, until=-1)),
    "an element of a withheld class": answer(elements=(STATUS, PHOTO)),
    "elements of no hit": answer(response=ResponseKind.NO_HIT),
    "a class withheld by release": answer(withheld=(withheld(Outcome.RELEASE),)),
    "a long sentence": answer(withheld=(withheld(Outcome.DENY, "A" * (TEXT_CHARS_MAX + 1)),)),
    "too many elements": answer(elements=(STATUS,) * (ANSWER_ELEMENTS_MAX + 1)),
    "too many withheld": answer(withheld=(withheld(Outcome.DENY),) * (ANSWER_WITHHELD_MAX + 1)),
}

WRONG: dict[str, Parcel] = {
    **{name: Ask(exchange=value) for name, value in WRONG_EXCHANGES.items()},
    **{name: Answered(origin=WA, answer=value) for name, value in WRONG_ANSWERS.items()},
    "answer to nobody": Answered(origin=Member("zz"), answer=make_answer()),
    "received from nobody": Received(origin=Member("zz"), state=TX, answers=((ID, 0),)),
    "received by nobody": Received(origin=WA, state=Member("zz"), answers=((ID, 0),)),
    "received nothing": Received(origin=WA, state=TX, answers=()),
    "received a step before the first": Received(origin=WA, state=TX, answers=((ID, -1),)),
    "received too much": Received(
        origin=WA, state=TX, answers=((ID, 0),) * (RECEIVED_ANSWERS_MAX + 1)
    ),
    "refused to nobody": Refused(
        origin=Member("zz"), state=TX, exchange_id=ID, code=RefusalCode.STALE
    ),
    "refused with a short id": Refused(
        origin=WA, state=TX, exchange_id=ExchangeId(b""), code=RefusalCode.STALE
    ),
}


@pytest.mark.parametrize("parcel", WRONG.values(), ids=WRONG.keys())
def test_values_outside_their_range_do_not_leave(parcel: Parcel) -> None:
    """A parcel that the other side would refuse is refused where it is made."""
    with pytest.raises(ParcelMalformedError):
        encode_parcel(parcel)


SPEAKABLE = {name: parcel for name, parcel in WRONG.items() if name != "half a character"}


@pytest.mark.parametrize("parcel", SPEAKABLE.values(), ids=SPEAKABLE.keys())
def test_values_outside_their_range_do_not_enter(parcel: Parcel) -> None:
    """The same parcel from a peer that does not check is refused where it arrives."""
    with pytest.raises(ParcelMalformedError):
        decode_parcel(b"\x01" + msgspec.msgpack.encode(parcel))


def test_a_partly_held_hit_travels_with_its_notice() -> None:
    """Released now and held for later is one answer, with elements and a notice."""
    parcel = Answered(origin=WA, answer=make_answer())
    assert parcel.answer.response is ResponseKind.HIT
    assert decode_parcel(encode_parcel(parcel)) == parcel


def test_a_parcel_beyond_its_limit_is_refused_on_both_sides() -> None:
    """Too many bytes leave neither the sender nor are they decoded by the receiver."""
    fields = (("TXT", "A" * FIELD_CHARS_MAX),) * 33
    with pytest.raises(ParcelTooLargeError):
        encode_parcel(Ask(exchange=exchange(fields=fields)))
    with pytest.raises(ParcelTooLargeError):
        decode_parcel(bytes(PARCEL_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("index", "holds"), [(2**63 - 1, True), (2**63, False), (10**19 - 1, False)]
)
def test_a_cited_leaf_is_one_that_a_ledger_can_have(index: int, holds: bool) -> None:
    """What passes here is looked up: an index beyond the ledger's numbers is refused first."""
    answer = msgspec.structs.replace(make_answer(), policy_entry=f"tx/{index}")
    exchange = msgspec.structs.replace(make_exchange(), query_entry=f"wa/{index}")
    for parcel in (Answered(origin=WA, answer=answer), Ask(exchange=exchange)):
        if holds:
            assert decode_parcel(encode_parcel(parcel)) == parcel
        else:
            with pytest.raises(ParcelMalformedError):
                encode_parcel(parcel)
