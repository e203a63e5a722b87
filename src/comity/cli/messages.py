"""One message as one JSON document, and back: what `parse` prints and `render` reads.

    format      the format that was read: text, json or niem
    direction   input (a message that asks) or output (a message as delivered)
    ...         the message's own members, as docs/reference/messages.md names them in JSON
    meaning     what a delivered text says: an answer, a fault, a status, a notice; read only

Guarantee: bytes of a document are a message that is read back as the same document, or
`MessageError` where the message would be too long in that format; any bytes give a document or
`MessageError`. What one format says within its limit may be longer than that limit in another.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final

import msgspec

from comity.domain.delivery import Delivery
from comity.formats import json as json_form
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError, fault_of
from comity.formats.json.delivered import parse_delivered, render_delivered
from comity.formats.rules import CLOCK_DATE, CLOCK_TIME, DELIVERY_BYTES_MAX, MESSAGE_BYTES_MAX
from comity.formats.wording import recognise_response

__all__ = ["DOCUMENT_BYTES_MAX", "Document", "Form", "bytes_of", "document_of"]

Document = dict[str, Any]

DOCUMENT_BYTES_MAX: Final = 8 * DELIVERY_BYTES_MAX
"""How long a document that describes a message may be: indented, each character in six."""

_OURS: Final = ("format", "direction", "meaning")
# A message that asks ends its header with `TXT`; its own text may well begin with a clock.
_CLOCK_LINE: Final = re.compile(
    rb"(?![^\n]*\.TXT\r?\n)[^\n]*\r?\n\s*" + f"{CLOCK_TIME} {CLOCK_DATE}".encode()
)


class Form(StrEnum):
    """The formats of messages."""

    TEXT = "text"
    JSON = "json"
    NIEM = "niem"


_QUERIES: Final = {
    Form.TEXT: text_form.render_query,
    Form.JSON: json_form.render_query,
    Form.NIEM: niem_form.render_query,
}


def document_of(data: bytes, form: Form | None = None) -> Document:
    """Return what a message holds; without a form, the first byte and the header tell.

    Raises: MessageError.
    """
    first = data.lstrip()[:1]
    if form is Form.NIEM or (form is None and first == b"<"):
        return _of_niem(data)
    if form is Form.JSON or (form is None and first == b"{"):
        return _of_json(data)
    return _of_text(data)


def bytes_of(document: Document, form: Form) -> bytes:
    """Return the message that a document describes, in a format. Raises: MessageError."""
    said = {name: value for name, value in document.items() if name not in _OURS}
    if "destinations" in said:
        query = json_form.parse_query(_encode(said), bytes_max=DOCUMENT_BYTES_MAX)
        return _within(MESSAGE_BYTES_MAX, _QUERIES[form](query))
    return _within(DELIVERY_BYTES_MAX, _output_bytes(said, form))


def _within(bytes_max: int, data: bytes) -> bytes:
    if len(data) > bytes_max:
        sentence = f"in this format the message is over {bytes_max} bytes"
        raise fault_of("0", "message-too-long", sentence)
    return data


def _output_bytes(said: Document, form: Form) -> bytes:
    is_text = form is Form.TEXT
    if "received" in said:
        return _delivered_bytes(said, form)
    if form is Form.NIEM:
        raise fault_of("0", "json-schema", "in xml an answer and a fault have a header")
    if said.keys() == {"answer"}:
        answer = json_form.parse_answer(_encode(said["answer"]))
        if is_text:
            return text_form.render_answer_text(answer).encode()
        return json_form.render_answer(answer)
    if said.keys() == {"fault"}:
        fault = json_form.parse_fault(_encode({"error": said["fault"]}))
        if is_text:
            return text_form.render_error_text(fault).encode()
        return json_form.render_fault(fault)
    raise fault_of("0", "json-schema", "the document has neither `destinations` nor `received`")


def _of_text(data: bytes) -> Document:
    if _CLOCK_LINE.match(data.lstrip()):
        delivery = text_form.parse_delivery(data)
        return _output(Form.TEXT, _header(delivery), **_meaning_of(delivery))
    query = text_form.parse_query(data)
    return _input(Form.TEXT, json_form.render_query(query))


def _of_json(data: bytes) -> Document:
    members = _members_of(data)
    if "delivery" in members:
        delivered = parse_delivered(data)
        return _output(Form.JSON, _header(delivered.delivery), **_brought(delivered))
    if "received" in members:
        return _output(Form.JSON, _header(json_form.parse_delivery(data)))
    if "exchange_id" in members:
        answer = json_form.parse_answer(data)
        return _output(Form.JSON, {}, answer=_decode(json_form.render_answer(answer)))
    if "error" in members:
        fault = json_form.parse_fault(data)
        return _output(Form.JSON, {}, fault=_decode(json_form.render_fault(fault))["error"])
    return _input(Form.JSON, json_form.render_query(json_form.parse_query(data)))


def _of_niem(data: bytes) -> Document:
    if not niem_form.is_delivered(data):
        return _input(Form.NIEM, json_form.render_query(niem_form.parse_query(data)))
    delivered = niem_form.parse_delivered(data)
    brought = _brought(delivered) or _meaning_of(delivered.delivery)
    return _output(Form.NIEM, _header(delivered.delivery), **brought)


def _members_of(data: bytes) -> frozenset[str]:
    """Return the names of a document's members; none where it is no object within the limit."""
    if len(data) > DELIVERY_BYTES_MAX:
        return frozenset()
    try:
        return frozenset(msgspec.json.decode(data, type=dict[str, msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return frozenset()


def _input(form: Form, query: bytes) -> Document:
    return {"format": form.value, "direction": "input", **_decode(query)}


def _output(form: Form, header: Document, **more: Any) -> Document:
    return {"format": form.value, "direction": "output", **header, **more}


def _header(delivery: Delivery) -> Document:
    return _decode(json_form.render_delivery(delivery))


def _brought(delivered: Delivered) -> Document:
    if delivered.answer is not None:
        return {"answer": _decode(json_form.render_answer(delivered.answer))}
    if delivered.fault is not None:
        return {"fault": _decode(json_form.render_fault(delivered.fault))["error"]}
    if delivered.merged is not None:
        return {"merged": _decode(json_form.render_merged(delivered.merged))}
    return {}


def _meaning_of(delivery: Delivery) -> Document:
    """Return what a delivered text says, if it is one of the texts that are known."""
    found: Any = None
    match delivery.key:
        case "ER":
            found = _read("fault", text_form.parse_error, delivery.text)
        case "SM":
            found = _read("status", text_form.parse_status, delivery.text) or _read(
                "notice", text_form.parse_notice, delivery.text
            )
        case _:
            found = _read("answer", text_form.parse_answer_text, delivery.text)
            response = recognise_response(delivery.text)
            if found is None and response is not None:
                found = {"response": response.value}
    return {} if found is None else {"meaning": found}


def _read(name: str, parse: Any, text: str) -> Document | None:
    try:
        value = _decode(_encode(parse(text)))
    except MessageError:
        return None
    except text_form.AnswerTextError:
        return None
    return {name: {key: part for key, part in value.items() if part not in (None, "", [])}}


def _delivered_bytes(said: Document, form: Form) -> bytes:
    header = {n: value for n, value in said.items() if n not in {"answer", "fault", "merged"}}
    delivery = json_form.parse_delivery(_encode(header), bytes_max=DOCUMENT_BYTES_MAX)
    if form is Form.TEXT:
        return text_form.render_delivery(delivery)
    answer = json_form.parse_answer(_encode(said["answer"])) if "answer" in said else None
    fault = json_form.parse_fault(_encode({"error": said["fault"]})) if "fault" in said else None
    merged = json_form.parse_merged(_encode(said["merged"])) if "merged" in said else None
    delivered = Delivered(delivery=delivery, answer=answer, merged=merged, fault=fault)
    render = render_delivered if form is Form.JSON else niem_form.render_delivered
    return render(delivered)


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value)


def _decode(data: bytes) -> Document:
    return msgspec.json.decode(data, type=dict[str, Any])
