"""Answers in JSON: every part of `Answer` under its own name, proofs and photo bytes included.

Guarantee: what `render_answer` writes is read back as the same answer; any bytes give an answer or
`MessageError`.
Source: docs/reference/messages.md, "JSON"; docs/adr/0007-refused-held-partly-withheld.md.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import msgspec

from comity.domain.answer import Answer, Element, HoldNotice, Proof, ResponseKind, Withheld
from comity.domain.decision import Reason, RuleId
from comity.domain.errors import MalformedError
from comity.domain.ids import (
    ExchangeId,
    Member,
    format_id,
    parse_entry_name,
    parse_id,
    parse_member,
)
from comity.domain.keys import MessageKey, is_key_form
from comity.domain.vocabulary import DataClass, Outcome, RecordKind
from comity.formats.json.schema import decode, refuse
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = ["parse_answer", "render_answer"]

_Step = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
_Rule = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9-]{1,24}\Z")]
_Until = Annotated[dt.datetime, msgspec.Meta(tz=True)]
_YEAR_MIN: Final = 1970


class _Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    data_class: DataClass
    name: str
    value: str


class _Reason(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    rule: _Rule
    sentence: str
    statute: str = ""
    mark: str = ""


class _Withheld(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    data_class: DataClass
    outcome: Outcome
    reasons: tuple[_Reason, ...] = ()
    would_change: str = ""


class _Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    until: _Until
    contact: str
    entry: str


class _Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    entry: str
    leaf: bytes
    receipt: bytes


class _Answer(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    exchange_id: str
    state: str
    step: _Step
    key: str
    response: ResponseKind
    is_final: bool
    record_kind: RecordKind | None = None
    elements: tuple[_Element, ...] = ()
    withheld: tuple[_Withheld, ...] = ()
    hold: _Hold | None = None
    remark: str = ""
    policy_entry: str = ""
    proofs: tuple[_Proof, ...] = ()


_decoder: Final = msgspec.json.Decoder(_Answer)
_encoder: Final = msgspec.json.Encoder()


def render_answer(answer: Answer) -> bytes:
    """Return an answer as JSON: ids in hexadecimal, times in UTC, bytes in base64."""
    hold = answer.hold
    return _encoder.encode(
        _Answer(
            exchange_id=format_id(answer.exchange_id),
            state=answer.state,
            step=answer.step,
            key=answer.key,
            response=answer.response,
            is_final=answer.is_final,
            record_kind=answer.record_kind,
            elements=tuple([_Element(e.data_class, e.name, e.value) for e in answer.elements]),
            withheld=tuple([_withheld_said(part) for part in answer.withheld]),
            hold=_Hold(_time(hold.until), hold.contact, hold.entry) if hold else None,
            remark=answer.remark,
            policy_entry=answer.policy_entry,
            proofs=tuple([_Proof(p.entry, p.leaf, p.receipt) for p in answer.proofs]),
        )
    )


def parse_answer(data: bytes) -> Answer:
    """Return what an answer's document holds; at most 1 MiB. Raises: MessageError."""
    said = decode(_decoder, data, bytes_max=DELIVERY_BYTES_MAX)
    hold = said.hold
    if hold is not None and not _is_until(hold.until):
        raise refuse("hold.until")
    if not is_key_form(said.key):
        raise refuse("key", "message-key-malformed")
    return Answer(
        exchange_id=_exchange_id(said.exchange_id),
        state=_member(said.state),
        step=said.step,
        key=MessageKey(said.key),
        response=said.response,
        is_final=said.is_final,
        record_kind=said.record_kind,
        elements=tuple(
            [Element(data_class=e.data_class, name=e.name, value=e.value) for e in said.elements]
        ),
        withheld=tuple([_withheld_of(part) for part in said.withheld]),
        hold=HoldNotice(
            until=int(hold.until.timestamp()),
            contact=hold.contact,
            entry=_entry(hold.entry, "hold.entry"),
        )
        if hold
        else None,
        remark=said.remark,
        policy_entry=_entry(said.policy_entry, "policy_entry") if said.policy_entry else "",
        proofs=tuple(
            [
                Proof(entry=_entry(p.entry, "proofs.entry"), leaf=p.leaf, receipt=p.receipt)
                for p in said.proofs
            ]
        ),
    )


def _is_until(time: dt.datetime) -> bool:
    """Whether a time is whole seconds in UTC, and one that every format writes alike."""
    return not time.microsecond and not time.utcoffset() and time.year >= _YEAR_MIN


def _time(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _withheld_said(part: Withheld) -> _Withheld:
    reasons = tuple([_Reason(r.rule, r.sentence, r.statute, r.mark) for r in part.reasons])
    return _Withheld(part.data_class, part.outcome, reasons, part.would_change)


def _withheld_of(said: _Withheld) -> Withheld:
    return Withheld(
        data_class=said.data_class,
        outcome=said.outcome,
        reasons=tuple(
            [
                Reason(rule=RuleId(r.rule), sentence=r.sentence, statute=r.statute, mark=r.mark)
                for r in said.reasons
            ]
        ),
        would_change=said.would_change,
    )


def _exchange_id(text: str) -> ExchangeId:
    try:
        return ExchangeId(parse_id(text))
    except MalformedError:
        raise refuse("exchange_id") from None


def _member(text: str) -> Member:
    try:
        return parse_member(text)
    except MalformedError:
        raise refuse("state") from None


def _entry(text: str, place: str) -> str:
    try:
        parse_entry_name(text)
    except MalformedError:
        raise refuse(place) from None
    return text
