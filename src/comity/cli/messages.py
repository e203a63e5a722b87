"""One message as one JSON document, and back: what `parse` prints and `render` reads.

    format      the format that was read: text or json
    direction   input (a message that asks) or output (a message as delivered)
    ...         the message's own members, as docs/reference/messages.md names them in JSON
    meaning     what a delivered text says: an answer, a fault, a status, a notice; read only

Guarantee: bytes of a document are a message that is read back as the same document; any bytes give
a document or `MessageError`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final

import msgspec

from comity.domain.delivery import Delivery
from comity.formats import json as json_form
from comity.formats import text as text_form
from comity.formats.faults import MessageError, fault_of
from comity.formats.json.delivered import Delivered, parse_delivered, render_delivered
from comity.formats.rules import CLOCK_DATE, CLOCK_TIME, DELIVERY_BYTES_MAX
from comity.formats.wording import recognise_response

__all__ = ["Document", "Form", "bytes_of", "document_of"]

Document = dict[str, Any]

_OURS: Final = ("format", "direction", "meaning")
_CLOCK_LINE: Final = re.compile(rb"[^\n]*\r?\n\s*" + f"{CLOCK_TIME} {CLOCK_DATE}".encode())


class Form(StrEnum):
    """The formats of messages."""

    TEXT = "text"
    JSON = "json"


def document_of(data: bytes, form: Form | None = None) -> Document:
    """Return what a message holds; without a form, the first byte and the header tell.

    Raises: MessageError.
    """
    first = data.lstrip()[:1]
    if form is None and first == b"<":
        raise fault_of(".03.", "format-not-read", "xml is not read by this command")
    if form is Form.JSON or (form is None and first == b"{"):
        return _of_json(data)
    return _of_text(data)


def bytes_of(document: Document, form: Form) -> bytes:
    """Return the message that a document describes, in a format. Raises: MessageError."""
    said = {name: value for name, value in document.items() if name not in _OURS}
    is_text = form is Form.TEXT
    if "destinations" in said:
        query = json_form.parse_query(_encode(said))
        return text_form.render_query(query) if is_text else json_form.render_query(query)
    if "received" in said:
        return _delivered_bytes(said, form)
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
    header = {n: value for n, value in said.items() if n not in {"answer", "fault"}}
    delivery = json_form.parse_delivery(_encode(header))
    if form is Form.TEXT:
        return text_form.render_delivery(delivery)
    answer = json_form.parse_answer(_encode(said["answer"])) if "answer" in said else None
    fault = json_form.parse_fault(_encode({"error": said["fault"]})) if "fault" in said else None
    return render_delivered(Delivered(delivery=delivery, answer=answer, fault=fault))


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value)


def _decode(data: bytes) -> Document:
    return msgspec.json.decode(data, type=dict[str, Any])
