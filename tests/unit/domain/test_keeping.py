"""Key events and orders: one encoding each, the fields of each kind and no other, within limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from comity.audit.documents import read_key_event
from comity.audit.findings import EvidenceFormError
from comity.domain.ids import Member
from comity.domain.keeping import (
    TWO_PEOPLE,
    KeepingReason,
    KeyEvent,
    KeyEventError,
    KeyEventKind,
    Order,
    OrderAct,
    OrderError,
    OrderSignature,
    SignedOrder,
    check_order,
    encode_key_event,
    encode_signed_order,
    month_name,
    order_bytes,
    parse_key_event,
    parse_month,
    parse_signed_order,
)

Case = dict[str, Any]
FILE = Path(__file__).parents[3] / "vectors" / "ledger" / "documents.json"
CASES: list[Case] = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
OH = Member("oh")
ORDER = Order(
    state=OH,
    act=OrderAct.DESTROY,
    months=("2024-10",),
    reason=KeepingReason.RETENTION_SCHEDULE,
    matter="Records schedule 12-3",
    at=1_795_500_000,
)
SIGNED = SignedOrder(
    order=ORDER,
    signatures=(
        OrderSignature(name="reviewer", key_id="0011aabb", signature=bytes(64)),
        OrderSignature(name="supervisor", key_id="2233ccdd", signature=bytes(64)),
    ),
)


def of(kind: str) -> pytest.MarkDecorator:
    chosen = [pytest.param(case, id=case["id"]) for case in CASES if case["case"] == kind]
    assert chosen
    return pytest.mark.parametrize("case", chosen)


def test_every_event_has_a_vector() -> None:
    """Each kind of event stands among the documents that are taken."""
    read = {
        parse_key_event(case["document"].encode()).event
        for case in CASES
        if case["case"] == "key_event"
    }
    assert read == set(KeyEventKind)
    assert {case["case"] for case in CASES} == {"key_event", "refused_key_event"}


@of("key_event")
def test_key_event(case: Case) -> None:
    """The event is read by writer and checker, and written again as the same bytes."""
    data = case["document"].encode()
    assert encode_key_event(parse_key_event(data)) == data
    assert read_key_event(data, Member(case["member"]))["event"]


@of("key_event")
def test_key_event_with_one_bit_changed(case: Case) -> None:
    """With any bit changed writer and checker take the same bytes, each in its only form."""
    data = bytearray(case["document"].encode())
    member = Member(case["member"])
    for bit in range(len(data) * 8):
        data[bit // 8] ^= 1 << bit % 8
        altered = bytes(data)
        data[bit // 8] ^= 1 << bit % 8
        try:
            taken = parse_key_event(altered).member == member
        except KeyEventError:
            taken = False
        if taken:
            assert read_key_event(altered, member)
        else:
            with pytest.raises(EvidenceFormError):
                read_key_event(altered, member)


@of("refused_key_event")
def test_refused_key_event(case: Case) -> None:
    """Neither takes the bytes as an event of this member."""
    data = case["document"].encode()
    with pytest.raises(EvidenceFormError):
        read_key_event(data, Member(case["member"]))
    if case["what"] != "another member":
        with pytest.raises(KeyEventError):
            parse_key_event(data)


def test_an_event_that_would_not_be_read_is_not_written() -> None:
    """The writer refuses what the parser would: another event's fields, too much of them."""
    event = KeyEvent(
        version=1, member=OH, event=KeyEventKind.DESTROYED, reason=KeepingReason.COURT_ORDER
    )
    with pytest.raises(KeyEventError):
        encode_key_event(event)
    many = tuple(month_name(month) for month in range(241))
    with pytest.raises(KeyEventError):
        encode_key_event(msgspec.structs.replace(event, months=many))


def test_what_is_signed_is_the_order_in_its_only_form() -> None:
    """The signed bytes of version 1, as docs/adr/0024 states them."""
    assert order_bytes(ORDER) == (
        b"comity/order/v1\n"
        b'{"state":"oh","act":"destroy","months":["2024-10"],"reason":"retention_schedule",'
        b'"matter":"Records schedule 12-3","at":1795500000}'
    )


def test_an_order_file_is_read_back() -> None:
    """One line, and the same bytes again."""
    data = encode_signed_order(SIGNED)
    assert data.count(b"\n") == 1
    assert parse_signed_order(data) == SIGNED


@pytest.mark.parametrize(
    "change",
    [
        {"state": "xx"},
        {"months": None},
        {"months": ()},
        {"months": ("2024-11", "2024-10")},
        {"months": ("2024-1",)},
        {"entry": "oh/1"},
        {"keep_months": 1},
        {"matter": "x" * 201},
        {"matter": "two\nlines"},
        {"at": -1},
        {"act": OrderAct.EXPUNGE},
        {"act": OrderAct.EXPUNGE, "months": None, "entry": "wa/1"},
        {"act": OrderAct.SCHEDULE, "months": None, "keep_months": 1_201},
        {"act": OrderAct.ROTATE, "months": ("2024-10", "2024-11")},
        {"act": OrderAct.SUCCEED},
    ],
)
def test_an_order_has_the_fields_of_its_act(change: dict[str, Any]) -> None:
    """Anything else is refused, in the making and in the reading."""
    order = msgspec.structs.replace(ORDER, **change)
    with pytest.raises(OrderError):
        check_order(order)
    signed = msgspec.structs.replace(SIGNED, order=order)
    with pytest.raises(OrderError):
        encode_signed_order(signed)
    with pytest.raises(OrderError):
        parse_signed_order(msgspec.json.encode(signed) + b"\n")


@pytest.mark.parametrize(
    "signature",
    [
        {"name": ""},
        {"name": "x" * 65},
        {"name": "a\tb"},
        {"key_id": "0011AABB"},
        {"key_id": "0011aab"},
        {"signature": bytes(63)},
    ],
)
def test_a_signature_has_its_form(signature: dict[str, Any]) -> None:
    """What is no signature makes the file none."""
    first, second = SIGNED.signatures
    signed = msgspec.structs.replace(
        SIGNED, signatures=(first, msgspec.structs.replace(second, **signature))
    )
    with pytest.raises(OrderError):
        parse_signed_order(msgspec.json.encode(signed) + b"\n")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\xff",
        encode_signed_order(SIGNED)[:-1],
        encode_signed_order(SIGNED) + b"\n",
        encode_signed_order(SIGNED).replace(b'"act"', b' "act"'),
        encode_signed_order(SIGNED).ljust(4_097),
        msgspec.json.encode(msgspec.structs.replace(SIGNED, signatures=())) + b"\n",
        msgspec.json.encode(msgspec.structs.replace(SIGNED, signatures=SIGNED.signatures * 3))
        + b"\n",
    ],
)
def test_bytes_that_are_no_order_are_refused(data: bytes) -> None:
    """Another form, no signature or too many: refused."""
    with pytest.raises(OrderError):
        parse_signed_order(data)


def test_what_cannot_be_undone_takes_two_people() -> None:
    """Every act but a hold, a rotation and a statement that a key is lost."""
    assert set(OrderAct) - TWO_PEOPLE == {OrderAct.HOLD, OrderAct.ROTATE, OrderAct.DECLARE_LOST}


def test_months_are_read_as_they_are_written() -> None:
    """From 1970-01 on, and no other spelling."""
    assert (month_name(0), month_name(657), month_name(682)) == ("1970-01", "2024-10", "2026-11")
    assert all(parse_month(month_name(month)) == month for month in range(0, 2_400, 7))
    for text in ("2024-00", "2024-13", "24-10", "2024-10 ", "1969-12"):
        with pytest.raises(OrderError):
            parse_month(text)
