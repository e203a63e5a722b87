"""Targets for messages: queries, what is delivered, cards, and documents of the command line.

parse(x) is a value, or a refusal as `refusals` has it
parse(render(parse(x))) = parse(x)
a query is the same in text, JSON and NIEM; so are a delivery and what it brings
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from comity.cli.messages import Form, bytes_of, document_of
from comity.domain.answer import Answer, Merged
from comity.domain.delivery import Delivery, MessageFault
from comity.domain.ids import MEMBERS, ORI
from comity.domain.query import Query
from comity.formats import json as json_form
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.aamva import AskBy, Card, is_card, parse_card, query_of_card
from comity.formats.bodies import CHECKED_KEYS, check_body, hit_confirmation
from comity.formats.delivered import Delivered
from comity.formats.faults import ORIGINAL_CHARS, MessageError
from comity.formats.fields import FIXED_KEYS
from comity.formats.json.delivered import parse_delivered as parse_json_delivered
from comity.formats.json.delivered import render_delivered as render_json_delivered
from comity.formats.rules import (
    DELIVERY_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    check_query,
    is_control,
    is_ori,
)
from comity.formats.status import (
    Notice,
    Status,
    parse_announcement,
    parse_notice,
    parse_status,
    render_notice,
    render_status,
)
from comity.formats.text import AnswerText, AnswerTextError, parse_answer_text
from comity.formats.text.plain import plain_text
from comity.formats.wording import recognise_response
from comity.services.forms import (
    MessageRefusedError,
    Stamps,
    form_of,
    parse_message,
    read_delivery,
    render_error,
)
from tests.fuzz import seeds
from tests.fuzz.refusals import hold, refusal
from tests.fuzz.shape import Shape
from tests.fuzz.target import READ, Target, outcome_of, same, text_of

Parse = Callable[[bytes], Query]
Render = Callable[[Query], bytes]

_FORMS: list[tuple[str, Parse, Render]] = [
    ("text", text_form.parse_query, text_form.render_query),
    ("json", json_form.parse_query, json_form.render_query),
    ("niem", niem_form.parse_query, niem_form.render_query),
]
_SENDERS = {
    "text": text_form.read_sender,
    "json": json_form.read_sender,
    "niem": niem_form.read_sender,
}


def _same_everywhere(query: Query) -> None:
    check_query(query)
    for name, parse, render in _FORMS:
        data = render(query)
        if len(data) > MESSAGE_BYTES_MAX:
            continue  # What another format says in fewer bytes may be too long in this one.
        same(parse(data), query, f"the query is the same in {name}")
        same(_SENDERS[name](data), (query.origin, query.control), f"its sender is read in {name}")


def _check_query(name: str, parse: Parse, data: bytes) -> str:
    sender, control = _SENDERS[name](data)
    hold(sender is None or is_ori(sender), "a sender has the form of one")
    hold(control is None or is_control(control), "a control field has the form of one")
    return outcome_of(data, partial(parse, data), _same_everywhere, MessageError)


def _delivery_everywhere(delivery: Delivery) -> None:
    plain = msgspec.structs.replace(delivery, text=plain_text(delivery.text))
    in_text = text_form.render_delivery(delivery)
    if len(in_text) <= DELIVERY_BYTES_MAX:
        same(text_form.parse_delivery(in_text), plain, "the delivery is the same in text")
    _brought_everywhere(Delivered(delivery=plain))


def _brought_everywhere(delivered: Delivered) -> None:
    """Check both formats that bring values; text beyond what XML carries is left to its own."""
    in_json = render_json_delivered(delivered)
    if len(in_json) <= DELIVERY_BYTES_MAX:
        same(parse_json_delivered(in_json), delivered, "it is the same in json")
    in_niem = niem_form.render_delivered(delivered)
    if len(in_niem) <= DELIVERY_BYTES_MAX:
        back = niem_form.parse_delivered(in_niem)
        again = niem_form.render_delivered(back)
        same(niem_form.parse_delivered(again), back, "xml is read back as it was written")
        if in_json.isascii() and b"\\" not in in_json:
            same(back, delivered, "it is the same in niem")


def _check_text_delivery(data: bytes) -> str:
    parse = partial(text_form.parse_delivery, data)
    return outcome_of(data, parse, _delivery_everywhere, MessageError)


def _check_json_delivery(data: bytes) -> str:
    parse = partial(json_form.parse_delivery, data)
    alone = outcome_of(data, parse, _delivery_everywhere, MessageError)
    brought = outcome_of(
        data, partial(parse_json_delivered, data), _brought_everywhere, MessageError
    )
    return READ if READ in {alone, brought} else brought


def _check_niem_delivery(data: bytes) -> str:
    try:
        niem_form.is_delivered(data)
    except MessageError as error:
        refusal(error, data)
    parse = partial(niem_form.parse_delivered, data)
    return outcome_of(data, parse, _brought_everywhere, MessageError)


def _check_json_answer(data: bytes) -> str:
    return outcome_of(data, partial(json_form.parse_answer, data), _answer_equations, MessageError)


def _answer_equations(answer: Answer) -> None:
    rendered = json_form.render_answer(answer)
    if len(rendered) <= DELIVERY_BYTES_MAX:
        same(json_form.parse_answer(rendered), answer, "an answer is read back")
    text = text_form.render_answer_text(answer)
    for line in text.split("\n"):
        hold(0 < len(line) <= 80 and line.isascii() and line.isprintable(), "a line is 80 columns")
    if len(text) <= DELIVERY_BYTES_MAX:
        read = parse_answer_text(text)
        same(read.state, answer.state, "its state is read from text")
        same(read.response, answer.response, "its outcome is read from text")


def _check_json_merged(data: bytes) -> str:
    def equations(merged: Merged) -> None:
        rendered = json_form.render_merged(merged)
        if len(rendered) <= DELIVERY_BYTES_MAX:
            same(json_form.parse_merged(rendered), merged, "a merged answer is read back")

    return outcome_of(data, partial(json_form.parse_merged, data), equations, MessageError)


def _check_json_fault(data: bytes) -> str:
    def equations(fault: MessageFault) -> None:
        rendered = json_form.render_fault(fault)
        if len(rendered) <= DELIVERY_BYTES_MAX:
            same(json_form.parse_fault(rendered), fault, "a fault is read back")
        text_form.render_error_text(fault)

    return outcome_of(data, partial(json_form.parse_fault, data), equations, MessageError)


def _check_error_text(data: bytes) -> str:
    def equations(fault: MessageFault) -> None:
        text = text_form.render_error_text(fault)
        again = text_form.parse_error(text)
        same(text_form.render_error_text(again), text, "an error's text is read back")
        hold(len(again.original) <= ORIGINAL_CHARS, "an echo has at most 100 characters")

    parse = partial(text_form.parse_error, text_of(data))
    return outcome_of(data, parse, equations, MessageError)


def _check_answer_text(data: bytes) -> str:
    text = text_of(data)
    recognise_response(text)

    def equations(answer: AnswerText) -> None:
        hold(answer.state in MEMBERS, "its state is a member")

    return outcome_of(data, partial(parse_answer_text, text), equations, AnswerTextError)


def _check_status(data: bytes) -> str:
    text = text_of(data)

    def status(said: Status) -> None:
        same(parse_status(render_status(said)), said, "a status is read back")

    def announced(said: Status | Notice) -> None:
        rendered = render_status(said) if isinstance(said, Status) else render_notice(said)
        same(parse_announcement(rendered), said, "an announcement is read back")

    outcomes = {
        outcome_of(data, partial(parse_status, text), status, MessageError),
        outcome_of(data, partial(parse_notice, text), announced, MessageError),
        outcome_of(data, partial(parse_announcement, text), announced, MessageError),
        outcome_of(data, partial(hit_confirmation, text), _nothing, MessageError),
        *(
            outcome_of(data, partial(check_body, key, text), _nothing, MessageError)
            for key in sorted(CHECKED_KEYS)
        ),
    }
    return READ if READ in outcomes else min(outcomes)


def _nothing(_: object) -> None:
    """No equation but that it was read or refused."""


_ORIGIN = ORI("TXPX001PD")
_ASKED_KEYS = ("DQ", "KQ", "RQ", "AM")


def _check_card(data: bytes) -> str:
    is_card(data)

    def equations(card: Card) -> None:
        for by in AskBy:
            for key in _ASKED_KEYS:
                ask = partial(
                    query_of_card, card, origin=_ORIGIN, key=key, by=by, image=key in FIXED_KEYS
                )
                outcome_of(data, ask, _same_everywhere, MessageError)

    return outcome_of(data, partial(parse_card, data), equations, MessageError)


def _check_document(data: bytes) -> str:
    def equations(document: dict[str, object]) -> None:
        form = Form(str(document["format"]))
        try:
            written = bytes_of(document, form)
        except MessageError as error:
            # A message may be read in a shorter spelling than the one that we write.
            same(refusal(error, data), "message-too-long", "a document is written or too long")
            return
        same(document_of(written, form), document, "a document is read back")

    return outcome_of(data, partial(document_of, data), equations, MessageError)


_LINE_ORIS = (ORI("ORWSP0000"), ORI("AZNLETS20"))
_STAMPS = Stamps(received=99_999, sent=100_000, at=1_795_000_000)
_NETWORK = ORI("NL0000000")


def _check_line(data: bytes) -> str:
    """What a line sends is a query, or is answered by one error message that says it in its form.

    The error goes to an agency of the line, and echoes a control field that can be one, unchanged.
    """
    try:
        form, query = parse_message(data, _LINE_ORIS)
    except MessageRefusedError as error:
        written = render_error(error, _STAMPS, _NETWORK)
        delivery = read_delivery(written)
        same(form_of(written), error.form, "an error message is in the form of what it refuses")
        same(delivery.control, error.control, "its control field is the sender's")
        hold(delivery.destination in _LINE_ORIS, "it goes to an agency of the line")
        hold(error.control is None or is_control(error.control), "a control field is one")
        said = text_form.parse_error(delivery.text)
        same(said.er, error.fault.er, "its number is the fault's")
        same(len(said.options), len(error.fault.options), "its options are the fault's")
        return error.fault.code
    hold(form_of(data) is form, "the form is told by the first byte")
    check_query(query)
    return READ


_TEXT_WORDS = [
    b"DQ.", b"RQ.", b"KQ.", b"AM.", b"YQ.", b"TA.", b"NLQ.", b"ORWSP0000.", b"WA.", b"TX.", b"MX.",
    b"*LTN2000157.", b"*.", b".*A.TXT", b"TXT\n", b"OLN/", b"NAM/DOE,JANE", b"DOB/19800229",
    b"SEX/F", b"IMQ/Y", b"RSN/T", b"LIC/ABC1234", b"LIY/2027", b"LIT/PC", b"ZPU/C", b"ZCA/1",
    b"ZOF/", b"ZIN/", b"ZIR/", b"ZOP/", b"ZEM/1", b"VIN/", b"VMA/", b"VYR/", b"BEG/20261101",
    b"END/", b"REM/", b"RTY/SV", b".Z", b"/.", b"./",
]  # fmt: skip
_JSON_WORDS = [
    b'"key":', b'"origin":', b'"destinations":', b'"control":', b'"fields":', b'"body":',
    b'"claims":', b'"purpose":', b'"not_stated"', b'"delivery":', b'"answer":', b'"merged":',
    b'"fault":', b'"error":', b'"received":', b'"text":', b'"hold":', b'"until":', b'"proofs":',
]  # fmt: skip
_XML_WORDS = [
    b"n2:", b"nc:", b"c:", b"j:", b"nh2:", b"n2:key", b'xmlns:x="urn:x"', b"xsi:nil", b"<c:Claims>",
    b"</c:Claims>", b"<n2:Person>", b"</n2:Person>", b"<c:Answer>", b"<c:Merged>", b"<c:Fault>",
    b"&amp;", b"&#13;", b"&#x2028;", b"<?xml version='1.0'?>", b"\xef\xbb\xbf",
]  # fmt: skip
_CARD_WORDS = [
    b"@", b"ANSI ", b"AAMVA", b"DL", b"ID", b"EN", b"ZT", b"DAQ", b"DCS", b"DAC", b"DAD", b"DBB",
    b"DBA", b"DBC1", b"DCG", b"DDE", b"DDEN", b"DCT", b"DAA", b"NONE", b"UNAVL", b"\x1e", b"<LF>",
    b"\\n", b"\\x0a", b"^J", b"%0A", b"02280000", b"19800229", b"DL00410278",
]  # fmt: skip
_STATUS_WORDS = [
    b"MKE ",
    b" TO ",
    b"ALL",
    b"UNTIL",
    b"IN SERVICE",
    b".01.",
    b".02.",
    b".04.",
    b"\n",
]
_ANSWER_WORDS = [
    b"WITHHELD: ", b"HELD UNTIL: ", b"RECORD: ", b"REMARK: ", b"POLICY ", b"LEDGER ", b"\n  ",
    b"\n    ", b"\n   ", b"RULE WA-S01: ", b"STATUTE: ", b"TO CHANGE THIS: ", b" - DENIED",
    b"MORE FOLLOWS", b"CALL: ", b"HOLD: ", b"US: ", b"NL: ",
]  # fmt: skip

_QUERY_MAX = 20_000
_DELIVERY_MAX = 1_060_000

TARGETS = [
    Target(
        "text-query", partial(_check_query, "text", text_form.parse_query),
        seeds.text_queries, Shape.DOTTED, _QUERY_MAX, weight=14, words=_TEXT_WORDS,
    ),
    Target(
        "json-query", partial(_check_query, "json", json_form.parse_query),
        seeds.json_queries, Shape.JSON, _QUERY_MAX, weight=10, words=_JSON_WORDS,
    ),
    Target(
        "niem-query", partial(_check_query, "niem", niem_form.parse_query),
        seeds.niem_queries, Shape.XML, _QUERY_MAX, weight=12, words=_XML_WORDS,
    ),
    Target(
        "text-delivery", _check_text_delivery, seeds.text_deliveries, Shape.LINES, _DELIVERY_MAX,
        words=_ANSWER_WORDS,
    ),
    Target(
        "answer-text", _check_answer_text, seeds.answer_texts, Shape.LINES, _DELIVERY_MAX,
        words=_ANSWER_WORDS,
    ),
    Target(
        "error-text", _check_error_text, seeds.error_texts, Shape.LINES, _DELIVERY_MAX, weight=3,
    ),
    Target(
        "status", _check_status, seeds.status_texts, Shape.LINES, _QUERY_MAX, words=_STATUS_WORDS,
    ),
    Target(
        "json-delivery", _check_json_delivery, seeds.json_deliveries, Shape.JSON, _DELIVERY_MAX,
        words=_JSON_WORDS,
    ),
    Target(
        "json-answer", _check_json_answer, seeds.json_answers, Shape.JSON, _DELIVERY_MAX,
        words=_JSON_WORDS,
    ),
    Target(
        "json-merged", _check_json_merged, seeds.json_merged, Shape.JSON, _DELIVERY_MAX, weight=2,
        words=_JSON_WORDS,
    ),
    Target(
        "json-fault", _check_json_fault, seeds.json_faults, Shape.JSON, _QUERY_MAX, weight=2,
        words=_JSON_WORDS,
    ),
    Target(
        "niem-delivery", _check_niem_delivery, seeds.niem_deliveries, Shape.XML, _DELIVERY_MAX,
        weight=6, words=_XML_WORDS,
    ),
    Target("card", _check_card, seeds.cards, Shape.LINES, 5_000, weight=8, words=_CARD_WORDS),
    Target(
        "line",
        _check_line,
        seeds.documents,
        Shape.DOTTED,
        _QUERY_MAX,
        weight=6,
        words=[*_TEXT_WORDS, *_JSON_WORDS, *_XML_WORDS],
    ),
    Target(
        "document", _check_document, seeds.documents, Shape.DOTTED, _QUERY_MAX, weight=4,
        words=[*_TEXT_WORDS, *_JSON_WORDS, *_XML_WORDS],
    ),
]  # fmt: skip
