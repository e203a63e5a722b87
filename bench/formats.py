#!/usr/bin/env python3
"""How long it takes to read and to write one message, in microseconds of this process's CPU.

Prints `{"bench", "figures": [{"name", "value", "unit", "target", "holds", "spread"}]}`: the median
of the rounds, and their quartiles as spread. Exit code 0 if every figure holds its target, else 1.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

from comity.domain.answer import Answer, Element, Proof, ResponseKind
from comity.domain.delivery import Delivery, Stamp
from comity.domain.ids import ORI, ExchangeId, Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass, RecordKind
from comity.formats import json as json_format
from comity.formats import text as text_format

ROUNDS = 15
CALLS = 2_000
TARGET_US = 10.0

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
STAMP = Stamp(time="10:35", date="11/24/2026", count=885)


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
    }


def round_us(call: Callable[[], object]) -> float:
    """CPU microseconds per call in one round."""
    start = time.process_time_ns()
    for _ in range(CALLS):
        call()
    return (time.process_time_ns() - start) / CALLS / 1_000


def figures() -> list[dict[str, object]]:
    """Measure every case, rounds interleaved so that a busy moment strikes all alike."""
    measured = cases()
    rounds: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, call in measured.items():
            rounds[name].append(round_us(call))
    found: list[dict[str, object]] = []
    for name, values in rounds.items():
        low, median, high = statistics.quantiles(values, n=4)
        found.append(
            {
                "name": name,
                "value": round(median, 2),
                "unit": "us",
                "target": TARGET_US,
                "holds": median <= TARGET_US,
                "spread": [round(low, 2), round(high, 2)],
            }
        )
    return found


def main() -> int:
    """Measure and print."""
    found = figures()
    print(json.dumps({"bench": "formats", "figures": found}, indent=1))
    return 0 if all(figure["holds"] for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
