"""The formats that agencies speak on a line: a message is answered in its own.

Text, JSON and NIEM XML are told apart by the first byte. What is delivered has the network's output
header: when the network got what it delivers, when it delivers, and the requester's own control
field.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, assert_never

import msgspec

from comity.directory.errors import DestinationError, KeyNotAnsweredError, SenderError
from comity.domain.agency import Agency, Form
from comity.domain.answer import Answer, Merged, Withheld
from comity.domain.decision import Reason
from comity.domain.delivery import Delivery, MessageFault, Stamp
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, wire_of_member
from comity.domain.keys import MessageKey, response_key
from comity.domain.query import Exchange, Query
from comity.exchange.origin import AcceptedQuery
from comity.formats import json as json_form
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.delivered import Delivered
from comity.formats.faults import MessageError, fault_of
from comity.formats.json.delivered import parse_delivered, render_delivered
from comity.formats.rules import DELIVERY_BYTES_MAX
from comity.formats.status import StatusKind
from comity.policy.check import CITE_CHARACTERS_MAX, SENTENCE_CHARACTERS_MAX

__all__ = [
    "MessageRefusedError",
    "Stamps",
    "form_of",
    "parse_message",
    "read_delivery",
    "render_answer",
    "render_error",
    "render_mail",
    "render_merged",
    "render_queued",
    "render_status",
    "shortened",
    "stamp_time",
]

_FORMS: Final = {b"{": Form.JSON, b"<": Form.NIEM}
_SPOKEN: Final = {Form.TEXT: text_form, Form.JSON: json_form, Form.NIEM: niem_form}
QUEUED_TEXT: Final = "MESSAGE RECEIVED AND PLACED IN THE QUEUE - THE ANSWER FOLLOWS"
TOO_LONG_REMARK: Final = "THE RECORD IS TOO LONG FOR A LINE - ASK THE STATE"
RULES_TOO_LONG_REMARK: Final = "THE RULES ARE TOO LONG FOR A LINE - ASK THE STATE"
_UNKNOWN_ORI: Final = ORI("XX0000000")
_COUNT_MODULUS: Final = 100_000
_GENERIC: Final = {"DR": "OLN0000", "DNR": "OLN0000", "KR": "OLN0000", "RR": "LIC0000"}
_CAVEAT: Final = "FOR LAW ENFORCEMENT DISSEMINATION ONLY"
_CAVEAT_KEYS: Final = frozenset({"AML", "HSL"})
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
        self, fault: MessageFault, *, form: Form, destination: ORI, control: str | None
    ) -> None:
        super().__init__(fault.text.lower())
        self.fault = fault
        self.form = form
        self.destination = destination
        self.control = control

    @classmethod
    def of_route(cls, error: ComityError, form: Form, query: Query) -> MessageRefusedError:
        """Return the refusal of a message whose sender or destination the directory refused."""
        fault = _route_fault(error)
        original = text_form.render_query(query, additions=False).decode("ascii", "replace")
        return cls(
            msgspec.structs.replace(fault, code=error.code, original=original),
            form=form,
            destination=query.origin,
            control=query.control,
        )


def form_of(data: bytes) -> Form:
    """Return the format that a message is in, by its first byte that is not white space."""
    return _FORMS.get(data.lstrip()[:1], Form.TEXT)


def parse_message(data: bytes, oris: Collection[str]) -> tuple[Form, Query]:
    """Return a message's format and its query. Raises: MessageRefusedError.

    `oris` are those that may be spoken for on the line: an error message goes to the sender that a
    malformed message names, where it is one of them, else to the line's first.
    """
    form = form_of(data)
    spoken = _SPOKEN[form]
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
    return _rendered(error.form, Delivered(delivery=delivery, fault=error.fault))


def render_status(
    accepted: AcceptedQuery, exchange: Exchange, kind: StatusKind, stamps: Stamps, network: ORI
) -> bytes:
    """Return the status message that tells what became of a query to one state."""
    received, sent = _stamps(stamps)
    status = text_form.Status(
        kind=kind, key=exchange.original_key, destination=wire_of_member(exchange.state)
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


def render_queued(accepted: AcceptedQuery, stamps: Stamps, network: ORI) -> bytes:
    """Return the acknowledgement of a search: it is in the queue, and its answer follows."""
    received, sent = _stamps(stamps)
    delivery = Delivery(
        key=response_key(accepted.query.key),
        origin=network,
        received=received,
        sent=sent,
        destination=accepted.query.origin,
        control=accepted.query.control,
        text=QUEUED_TEXT,
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
    return render_answer(accepted, _shorter(answer), stamps)


def _shorter(answer: Answer) -> Answer:
    """Return an answer without the part of it that is left out next, and which says so."""
    cut = shortened(answer, TOO_LONG_REMARK if answer.elements else RULES_TOO_LONG_REMARK)
    if cut != answer:
        return cut
    if answer.withheld:
        return msgspec.structs.replace(answer, withheld=())
    assert answer.proofs
    return msgspec.structs.replace(answer, proofs=())


def shortened(answer: Answer, remark: str) -> Answer:
    """Return an answer without its record, each withheld class with one rule and no more words.

    Another member's gateway wrote it: how many rules it names, nobody here has limited.
    """
    return msgspec.structs.replace(
        answer,
        elements=(),
        withheld=tuple(
            Withheld(
                data_class=part.data_class,
                outcome=part.outcome,
                reasons=tuple(map(_shortened_reason, part.reasons[:1])),
            )
            for part in answer.withheld
        ),
        remark=remark,
    )


def _shortened_reason(reason: Reason) -> Reason:
    return msgspec.structs.replace(
        reason,
        sentence=reason.sentence[:SENTENCE_CHARACTERS_MAX],
        statute=reason.statute[:CITE_CHARACTERS_MAX],
    )


def render_merged(accepted: AcceptedQuery, merged: Merged, stamps: Stamps, network: ORI) -> bytes:
    """Return the answers of many states as one message of the network's own."""
    received, sent = _stamps(stamps)
    delivery = Delivery(
        key=merged.key,
        origin=network,
        received=received,
        sent=sent,
        destination=accepted.query.origin,
        control=accepted.query.control,
        text=text_form.render_merged_text(merged.answers, merged.silent),
    )
    return _rendered(accepted.form, Delivered(delivery=delivery, merged=merged))


def render_mail(exchange: Exchange, agency: Agency, stamps: Stamps) -> bytes:
    """Return a message as it is delivered to an agency that it names, in that agency's format."""
    received, sent = _stamps(stamps)
    body = exchange.value("") or ""
    if exchange.key in _CAVEAT_KEYS:
        body = f"{_CAVEAT}\n{body}"
    delivery = Delivery(
        key=exchange.original_key,
        origin=exchange.agency,
        received=received,
        sent=sent,
        destination=agency.ori,
        control=exchange.control,
        text=body,
    )
    return _rendered(agency.form, Delivered(delivery=delivery))


def _rendered(form: Form, delivered: Delivered) -> bytes:
    match form:
        case Form.TEXT:
            return text_form.render_delivery(delivered.delivery)
        case Form.JSON:
            return render_delivered(delivered)
        case Form.NIEM:
            return niem_form.render_delivered(delivered)
        case _:
            assert_never(form)


def read_delivery(data: bytes) -> Delivery:
    """Return the message that a kept delivery is, in whatever format it was rendered.

    Raises: MessageError.
    """
    match form_of(data):
        case Form.TEXT:
            return text_form.parse_delivery(data)
        case Form.JSON:
            return parse_delivered(data).delivery
        case Form.NIEM:
            return niem_form.parse_delivered(data).delivery


def stamp_time(stamp: Stamp) -> int:
    """Return a header's clock line in Unix seconds, exact to the minute: what `_minute` wrote."""
    return _minute_time(stamp.time, stamp.date)


@lru_cache(maxsize=16)
def _minute_time(time: str, date: str) -> int:
    at = datetime.strptime(f"{time} {date}", "%H:%M %m/%d/%Y").replace(tzinfo=UTC)
    return int(at.timestamp())


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
