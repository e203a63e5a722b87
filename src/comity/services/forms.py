"""The formats that agencies speak on a line: a message is answered in its own.

Text and JSON are told apart by the first byte. What is delivered has the network's output header:
when the network got what it delivers, when it delivers, and the requester's own control field.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from comity.directory.errors import DestinationError, KeyNotAnsweredError, SenderError
from comity.domain.answer import Answer
from comity.domain.delivery import Delivery, MessageFault, Stamp
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, Member, wire_of_member
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.exchange.origin import AcceptedQuery
from comity.formats import json as json_form
from comity.formats import text as text_form
from comity.formats.faults import MessageError, fault_of
from comity.formats.json.delivered import Delivered, render_delivered
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = [
    "JSON",
    "TEXT",
    "MessageRefusedError",
    "Stamps",
    "form_of",
    "parse_message",
    "render_answer",
    "render_error",
    "render_waiting",
]

TEXT: Final = "text"
JSON: Final = "json"
TOO_LONG_REMARK: Final = "THE RECORD IS TOO LONG FOR A LINE - ASK THE STATE"
_UNKNOWN_ORI: Final = ORI("XX0000000")
_COUNT_MODULUS: Final = 100_000
_GENERIC: Final = {"DR": "OLN0000", "DNR": "OLN0000", "KR": "OLN0000", "RR": "LIC0000"}
_ER: Final = MessageKey("ER")
_SM: Final = MessageKey("SM")


class Stamps(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of an output header, before they wrap, and when (Unix seconds)."""

    received: int
    sent: int
    at: int


class MessageRefusedError(ComityError):
    """A message is answered by an error message: its form, sender or route is wrong."""

    code = "message-refused"

    def __init__(
        self, fault: MessageFault, *, form: str, destination: ORI, control: str | None
    ) -> None:
        super().__init__(fault.text.lower())
        self.fault = fault
        self.form = form
        self.destination = destination
        self.control = control

    @classmethod
    def of_route(cls, error: ComityError, form: str, query: Query) -> MessageRefusedError:
        """Return the refusal of a message whose sender or destination the directory refused."""
        fault = _route_fault(error)
        original = text_form.render_query(query, additions=False).decode("ascii", "replace")
        return cls(
            msgspec.structs.replace(fault, code=error.code, original=original),
            form=form,
            destination=query.origin,
            control=query.control,
        )


def form_of(data: bytes) -> str:
    """Return the format that a message is in, by its first byte that is not white space."""
    return JSON if data.lstrip()[:1] == b"{" else TEXT


def parse_message(data: bytes, oris: Collection[str]) -> tuple[str, Query]:
    """Return a message's format and its query. Raises: MessageRefusedError.

    `oris` are those that may be spoken for on the line: an error message goes to the sender that a
    malformed message names, where it is one of them, else to the line's first.
    """
    form = form_of(data)
    spoken = json_form if form == JSON else text_form
    try:
        query = spoken.parse_query(data)
    except MessageError as error:
        sender, control = spoken.read_sender(data)
        if sender is None or sender not in oris:
            sender = ORI(next(iter(oris), _UNKNOWN_ORI))
        raise MessageRefusedError(
            error.fault, form=form, destination=sender, control=control
        ) from error
    return form, query


def render_error(error: MessageRefusedError, stamps: Stamps, network: ORI) -> bytes:
    """Return an error message in the format of what it refuses."""
    received, sent = _stamps(stamps)
    delivery = text_form.render_error(
        error.fault,
        network=network,
        destination=error.destination,
        control=error.control,
        received=received,
        sent=sent,
    )
    if error.form == JSON:
        return render_delivered(Delivered(delivery=delivery, fault=error.fault))
    return text_form.render_delivery(delivery)


def render_waiting(accepted: AcceptedQuery, member: Member, stamps: Stamps, network: ORI) -> bytes:
    """Return the status message that a query is kept and will be forwarded later."""
    received, sent = _stamps(stamps)
    status = text_form.Status(
        kind=text_form.StatusKind.QUEUED,
        key=accepted.query.key,
        destination=wire_of_member(member),
    )
    delivery = Delivery(
        key=_SM,
        origin=network,
        received=received,
        sent=sent,
        destination=accepted.query.origin,
        control=accepted.query.control,
        text=text_form.render_status(status),
    )
    return _rendered(accepted.form, Delivered(delivery=delivery))


def render_answer(accepted: AcceptedQuery, answer: Answer, stamps: Stamps) -> bytes:
    """Return an answer as its requester's format has it."""
    received, sent = _stamps(stamps)
    generic = _GENERIC.get(answer.key, "NLETREP")
    delivery = Delivery(
        key=answer.key,
        origin=ORI(f"{wire_of_member(answer.state)}{generic}"),
        received=received,
        sent=sent,
        destination=accepted.query.origin,
        control=accepted.query.control,
        text=text_form.render_answer_text(answer),
    )
    data = _rendered(accepted.form, Delivered(delivery=delivery, answer=answer))
    if len(data) <= DELIVERY_BYTES_MAX:
        return data
    # A line could never take it, and would be sent it for ever.
    assert answer.elements
    cut = msgspec.structs.replace(answer, elements=(), remark=TOO_LONG_REMARK)
    return render_answer(accepted, cut, stamps)


def _rendered(form: str, delivered: Delivered) -> bytes:
    if form == JSON:
        return render_delivered(delivered)
    return text_form.render_delivery(delivered.delivery)


@lru_cache(maxsize=16)
def _minute(number: int) -> tuple[str, str]:
    """Return a minute since 1970 as a header's time and date."""
    at = datetime.fromtimestamp(number * 60, UTC)
    return at.strftime("%H:%M"), at.strftime("%m/%d/%Y")


def _stamps(stamps: Stamps) -> tuple[Stamp, Stamp]:
    time, date = _minute(stamps.at // 60)
    return (
        Stamp(time=time, date=date, count=stamps.received % _COUNT_MODULUS),
        Stamp(time=time, date=date, count=stamps.sent % _COUNT_MODULUS),
    )


def _route_fault(error: ComityError) -> MessageFault:
    text = str(error)
    match error:
        case KeyNotAnsweredError():
            return fault_of(".02.", error.code, text).fault
        case DestinationError():
            return fault_of(".19.", error.code, text).fault
        case SenderError():
            return fault_of(".01.", error.code, text).fault
        case _:
            return fault_of("0", error.code, text).fault
