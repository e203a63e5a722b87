"""The vectors in vectors/exchange/ hold: outcomes, ids, verdicts and frames.

Another implementation can be tested with the same files; the cases say what is given and expected.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.agency import ReviewerKey
from comity.domain.answer import Element
from comity.domain.errors import ComityError
from comity.domain.ids import Member, QueryId
from comity.domain.verdict import (
    Ed25519Proof,
    Reading,
    SignedReading,
    SignedVerdict,
    Verdict,
    reading_bytes,
    signed_bytes,
)
from comity.domain.vocabulary import DataClass, Outcome, RecordKind
from comity.exchange.answering import Found, HoldFile, Judged, answer_exchange, needs_look_up
from comity.exchange.origin import exchange_id_of
from comity.formats.frames import (
    DELIVERY_FRAME_BYTES_MAX,
    MESSAGE_FRAME_BYTES_MAX,
    FrameKind,
    FrameReader,
)
from comity.review.verdicts import check_reading, check_verdict
from tests.support.exchange import (
    CONTACT,
    FACTS,
    NOW,
    POLICY,
    UNTIL,
    decision,
    exchange_of,
    hold_of,
)

Case = dict[str, Any]
FOLDER = Path(__file__).parents[3] / "vectors" / "exchange"
FILES: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.json")
}
CASES: list[Case] = [case for name in sorted(FILES) for case in FILES[name]["cases"]]
GIVEN: dict[str, Any] = FILES["verdicts"]["given"]
ENDS = {
    "gateway": (frozenset({FrameKind.MESSAGE, FrameKind.TAKEN}), MESSAGE_FRAME_BYTES_MAX),
    "line": (
        frozenset({FrameKind.HELLO, FrameKind.ACCEPTED, FrameKind.REFUSED, FrameKind.DELIVERY}),
        DELIVERY_FRAME_BYTES_MAX,
    ),
}


def of(*kinds: str) -> pytest.MarkDecorator:
    chosen = [pytest.param(case, id=case["id"]) for case in CASES if case["case"] in kinds]
    assert chosen
    return pytest.mark.parametrize("case", chosen)


def test_ids_are_given_once() -> None:
    """Each vector has an id of its own and is of a kind that a test below runs."""
    assert len({case["id"] for case in CASES}) == len(CASES) >= 50
    assert {case["case"] for case in CASES} == {
        *("outcome", "exchange_id", "verdict", "refused_verdict", "reading", "frames"),
    }


def judged(case: Case) -> Judged:
    kinds = tuple(RecordKind(kind) for kind in case["decisions"])
    return Judged(
        exchange=exchange_of(case["key"]),
        facts=FACTS,
        policy=POLICY,
        kinds=kinds,
        rows=tuple(
            tuple(
                decision(DataClass(c), Outcome(o), kind)
                for c, o in case["decisions"][kind.value].items()
            )
            for kind in kinds
        ),
    )


def record(case: Case) -> Found | None:
    found = case["record"]
    if found is None:
        return None
    elements = tuple(
        Element(data_class=DataClass(c), name=name, value=value)
        for c, name, value in found["elements"]
    )
    return Found(kind=RecordKind(found["kind"]), elements=elements, matches=found["matches"])


@of("outcome")
def test_outcome(case: Case) -> None:
    """The decisions and the record make the answer and the leaves stated."""
    expected = case["expected"]
    assert needs_look_up(judged(case)) is case["needs_look_up"]
    answered = answer_exchange(
        judged(case), record(case), now=NOW, hold_until=UNTIL, contact=CONTACT
    )
    answer = answered.answer
    assert (answer.response, answer.is_final) == (expected["response"], expected["is_final"])
    assert [element.name for element in answer.elements] == expected["elements"]
    assert [
        [part.data_class, part.outcome, [reason.rule for reason in part.reasons]]
        for part in answer.withheld
    ] == expected["withheld"]
    leaves = [(leaf, leaf.header) for leaf in answered.leaves]
    assert [
        {
            "kind": header.kind,
            "step": leaf.step,
            "decision": header.decision,
            "result": header.result,
            "released": None if header.released is None else list(header.released),
            "withheld": list(header.withheld or ()),
            "cites_previous": leaf.cites_previous,
        }
        for leaf, header in leaves
    ] == expected["leaves"]


@of("exchange_id")
def test_exchange_id(case: Case) -> None:
    """The query and the state name the exchange stated."""
    query_id = QueryId(bytes.fromhex(case["query_id"]))
    assert (
        exchange_id_of(query_id, Member(case["origin"]), Member(case["state"])).hex()
        == case["exchange_id"]
    )


def hold() -> HoldFile:
    return hold_of(tuple(DataClass(c) for c in GIVEN["classes"]))


def enrolled() -> ReviewerKey:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(GIVEN["seed"])).public_key()
    assert key.public_bytes_raw().hex() == GIVEN["public_key"]
    return ReviewerKey(
        name=GIVEN["reviewer"], key_id=GIVEN["key_id"], verify_key=key.public_bytes_raw()
    )


def proof(case: Case) -> Ed25519Proof:
    return Ed25519Proof(key_id=case["key_id"], signature=bytes.fromhex(case["signature"]))


def check(case: Case) -> None:
    verdict = msgspec.convert(case["verdict"], Verdict)
    assert signed_bytes(verdict).decode() == case["signed"]
    signed = SignedVerdict(verdict=verdict, proof=proof(case))
    check_verdict(signed, enrolled(), hold(), GIVEN["hold_entry"], case["now"], step=case["step"])


@of("verdict")
def test_verdict(case: Case) -> None:
    """The verdict is signed over the bytes stated and counts."""
    check(case)


@of("refused_verdict")
def test_refused_verdict(case: Case) -> None:
    """The verdict is refused with the code stated."""
    with pytest.raises(ComityError) as refused:
        check(case)
    assert refused.value.code == case["code"]


@of("reading")
def test_reading(case: Case) -> None:
    """The reading is signed over the bytes stated and counts."""
    reading = msgspec.convert(case["reading"], Reading)
    assert reading_bytes(reading).decode() == case["signed"]
    check_reading(SignedReading(reading=reading, proof=proof(case)), enrolled(), case["now"])


@of("frames")
def test_frames(case: Case) -> None:
    """The bytes are the frames stated, whole or byte by byte, and faulty where stated."""
    data = bytes.fromhex(case["bytes"])
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        kinds, bytes_max = ENDS[case["end"]]
        reader = FrameReader(kinds, bytes_max)
        events = [event for piece in pieces for event in reader.feed(piece)]
        assert [
            [event.kind.name, event.number, event.reply_to, event.payload.hex()] for event in events
        ] == case["frames"]
        assert (reader.fault is not None) is case["fault"]
