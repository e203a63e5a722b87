#!/usr/bin/env python3
"""How long it takes to read and to write one message, in microseconds of this process's CPU.

Prints `{"bench", "figures": [{"name", "value", "unit", "target", "holds", "spread"}]}`: the median
of the rounds, and their quartiles as spread. Exit code 0 if every figure holds its target, else 1.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from bench.report import Figure, at_most, print_figures
from comity.domain.answer import Answer, Element, Proof, ResponseKind
from comity.domain.delivery import Delivery, Stamp
from comity.domain.ids import ORI, ExchangeId, Member
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.domain.vocabulary import DataClass, RecordKind
from comity.formats import aamva as aamva_format
from comity.formats import json as json_format
from comity.formats import niem as niem_format
from comity.formats import text as text_format
from comity.formats.delivered import Delivered
from comity.formats.niem.schema import read_query
from comity.formats.rules import MESSAGE_BYTES_MAX

ROUNDS = 15
CALLS = 2_000
TARGET_US = 10.0
# Where a target is not `TARGET_US`: a card is read once a scan, by one person; `read` is the XML
# library's part: names held against the schema's, parsed, validated.
TARGETS_US = {
    "aamva_parse_card_us": 250.0,
    "aamva_parse_card_without_separators_us": 400.0,
    "niem_read_query_us": 100.0,
    "niem_read_largest_us": 100.0,
    "niem_parse_query_us": 200.0,
    "niem_parse_largest_us": 200.0,
    "niem_render_query_us": 100.0,
    "niem_parse_delivered_us": 300.0,
    "niem_render_delivered_us": 100.0,
}

QUERY = b"DQ.ORWSP0000.WA.*LTN2000157.TXT\nNAM/DOE,JANE ANN.DOB/19800229.SEX/F.IMQ/Y"
CLAIMS = b".ZPU/CRI.ZCA/26-0117.ZOF/CEX.ZIN/A3W.ZIR/USDC-OR-26-MC-88.ZOP/OP4471"
ELEMENTS = tuple(
    Element(data_class=data_class, name=name, value=value)
    for data_class, name, value in (
        (DataClass.STATUS, "LICENCE_STATUS", "valid"),
        (DataClass.STATUS, "LICENCE_CLASS", "C"),
        (DataClass.STATUS, "EXPIRATION_DATE", "2029-02-28"),
        (DataClass.STATUS, "RESTRICTIONS", "B"),
        (DataClass.IDENTITY, "NAME", "Doe,Jane Ann"),
        (DataClass.IDENTITY, "BIRTH_DATE", "1980-02-29"),
        (DataClass.IDENTITY, "SEX", "F"),
        (DataClass.IDENTITY, "HEIGHT", "507"),
        (DataClass.IDENTITY, "EYES", "BRO"),
        (DataClass.IDENTITY, "LICENCE_NUMBER", "DOE*J*20A123"),
        (DataClass.ADDRESS, "STREET", "100 Example Ave"),
        (DataClass.ADDRESS, "CITY", "Olympia"),
        (DataClass.ADDRESS, "POSTAL_CODE", "98501"),
    )
)
ANSWER = Answer(
    exchange_id=ExchangeId(bytes(range(16))),
    state=Member("wa"),
    step=0,
    key=MessageKey("DR"),
    response=ResponseKind.HIT,
    is_final=True,
    record_kind=RecordKind.LICENCE,
    elements=ELEMENTS,
    policy_entry="wa/77",
    proofs=(Proof(entry="wa/123", leaf=b"x" * 300, receipt=b"r" * 700),),
)
CARD = (
    b"@\n\x1e\rANSI 636015100102DL00410250ZT02910013DLDAQ90210077\nDCSSAMPLE\nDDEN\nDACJANE\n"
    b"DDFN\nDADANN\nDDGN\nDCAC\nDCBNONE\nDCDNONE\nDBD06062022\nDBB02291980\nDBA02282030\nDBC2\n"
    b"DAU068 in\nDAYBRO\nDAG2300 EXAMPLE STREET\nDAIAUSTIN\nDAJTX\nDAK787010000  \n"
    b"DCF24242447474747861\nDCGUSA\nDCK123456789\nDDAF\nDDB06062018\nDDK1\rZTZTATAN\nZTB\r"
)
CARD_RUN_TOGETHER = CARD.translate(None, b"\n\x1e\r")
STAMP = Stamp(time="10:35", date="11/24/2026", count=885)


def largest() -> bytes:
    """The longest message that may be sent in XML: mail whose free text fills it."""

    def mail(length: int) -> bytes:
        words = "BE ON THE LOOKOUT FOR A BLUE SEDAN. " * (length // 36 + 1)
        query = Query(
            key=MessageKey("AM"),
            origin=ORI("ORWSP0000"),
            destinations=("WA",),
            control="LTN2000157",
            fields=(("", words[: length - 1] + "."),),
        )
        return niem_format.render_query(query)

    data = mail(MESSAGE_BYTES_MAX - len(mail(1)) + 1)
    assert len(data) == MESSAGE_BYTES_MAX
    return data


def cases() -> dict[str, Callable[[], object]]:
    """What is measured: each format, each direction, with and without claims."""
    query = text_format.parse_query(QUERY + CLAIMS)
    query_json = json_format.render_query(query)
    answer_text = text_format.render_answer_text(ANSWER)
    delivery = Delivery(
        key=MessageKey("DR"),
        origin=ORI("WALIC0000"),
        received=STAMP,
        sent=STAMP,
        destination=ORI("ORWSP0000"),
        control="LTN2000157",
        text=answer_text,
    )
    delivery_text = text_format.render_delivery(delivery)
    delivery_json = json_format.render_delivery(delivery)
    answer_json = json_format.render_answer(ANSWER)
    query_niem = niem_format.render_query(query)
    largest_niem = largest()
    delivered = Delivered(delivery=delivery, answer=ANSWER)
    delivered_niem = niem_format.render_delivered(delivered)
    return {
        "text_parse_query_us": lambda: text_format.parse_query(QUERY),
        "text_parse_query_with_claims_us": lambda: text_format.parse_query(QUERY + CLAIMS),
        "text_render_query_us": lambda: text_format.render_query(query),
        "text_parse_delivery_us": lambda: text_format.parse_delivery(delivery_text),
        "text_render_delivery_us": lambda: text_format.render_delivery(delivery),
        "text_render_answer_us": lambda: text_format.render_answer_text(ANSWER),
        "text_parse_answer_us": lambda: text_format.parse_answer_text(answer_text),
        "json_parse_query_us": lambda: json_format.parse_query(query_json),
        "json_render_query_us": lambda: json_format.render_query(query),
        "json_parse_delivery_us": lambda: json_format.parse_delivery(delivery_json),
        "json_render_delivery_us": lambda: json_format.render_delivery(delivery),
        "json_render_answer_us": lambda: json_format.render_answer(ANSWER),
        "json_parse_answer_us": lambda: json_format.parse_answer(answer_json),
        "aamva_parse_card_us": lambda: aamva_format.parse_card(CARD),
        "aamva_parse_card_without_separators_us": lambda: aamva_format.parse_card(
            CARD_RUN_TOGETHER
        ),
        "niem_read_query_us": lambda: read_query(query_niem),
        "niem_read_largest_us": lambda: read_query(largest_niem),
        "niem_parse_largest_us": lambda: niem_format.parse_query(largest_niem),
        "niem_parse_query_us": lambda: niem_format.parse_query(query_niem),
        "niem_render_query_us": lambda: niem_format.render_query(query),
        "niem_parse_delivered_us": lambda: niem_format.parse_delivered(delivered_niem),
        "niem_render_delivered_us": lambda: niem_format.render_delivered(delivered),
    }


def round_us(call: Callable[[], object]) -> float:
    """CPU microseconds per call in one round."""
    start = time.process_time_ns()
    for _ in range(CALLS):
        call()
    return (time.process_time_ns() - start) / CALLS / 1_000


def figures() -> list[Figure]:
    """Measure every case, rounds interleaved so that a busy moment strikes all alike."""
    measured = cases()
    rounds: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, call in measured.items():
            rounds[name].append(round_us(call))
    return [
        at_most(name, statistics.median(taken), "us", TARGETS_US.get(name, TARGET_US), taken)
        for name, taken in rounds.items()
    ]


def main() -> int:
    """Measure and print."""
    found = figures()
    print_figures("formats", found)
    return 0 if all(figure.holds for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
