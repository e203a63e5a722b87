"""Answers, merged answers and faults in XML: every part under its own name, in our namespace.

Guarantee: what is written is read back as the same value, but for characters that XML cannot carry.
Photos stand in the body as NIEM has them; an answer points at them by their place.
Source: docs/adr/0012-niem-xml.md, 4; docs/adr/0007-refused-held-partly-withheld.md.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from comity.domain.answer import (
    Answer,
    Element,
    HoldNotice,
    Merged,
    Proof,
    ResponseKind,
    Withheld,
)
from comity.domain.decision import Reason, RuleId
from comity.domain.delivery import MessageFault
from comity.domain.errors import MalformedError
from comity.domain.ids import (
    ExchangeId,
    Member,
    QueryId,
    format_id,
    parse_entry_name,
    parse_member,
)
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass, Outcome, RecordKind
from comity.formats.niem.names import OURS, clark
from comity.formats.niem.schema import refuse
from comity.formats.niem.write import attribute, element, wrapped

__all__ = [
    "answer_of",
    "answer_said",
    "fault_of_element",
    "fault_said",
    "image_said",
    "merged_of",
    "merged_said",
]

_T = TypeVar("_T", bound=StrEnum)

_UNTIL: Final = "%Y-%m-%dT%H:%M:%SZ"
_YEAR_MIN: Final = 1970
_BASE64: Final = re.compile("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_STEP_MAX: Final = 65_535
_PHOTO: Final = DataClass.PHOTO
# How an image begins in base64, and what NIEM calls its format.
_FORMATS: Final = {"/9j/": "JPEG", "iVBORw0KGgo": "PNG", "AAAADGpQICA": "JP2"}


def image_said(photo: Element) -> str:
    """Return a photo as NIEM has it: its bytes, its name, its format and its size in kilobytes."""
    value = photo.value
    form = next((form for start, form in _FORMATS.items() if value.startswith(start)), "")
    size = -(-len(value) * 3 // 4 // 1024)
    inner = element("nc:BinaryBase64Object", value)
    inner += element("nc:BinaryDescriptionText", photo.name)
    inner += element("nc:BinaryFormatID", form) if form else ""
    inner += element("nc:BinarySizeValue", str(max(size, 1)))
    return wrapped("nc:PersonDigitalImage", inner)


def answer_said(answer: Answer, images: list[Element], *, declared: bool = True) -> str:
    """Return an answer; photos are appended to `images`, and pointed at by their place there.

    `declared` says that our namespace is declared on it.
    """
    parts = [
        element("c:ExchangeId", format_id(answer.exchange_id)),
        element("c:State", answer.state),
        element("c:Step", str(answer.step)),
        element("c:Key", answer.key),
        element("c:Response", answer.response),
        element("c:IsFinal", "true" if answer.is_final else "false"),
    ]
    if answer.record_kind is not None:
        parts.append(element("c:RecordKind", answer.record_kind))
    parts += [_element_said(each, images) for each in answer.elements]
    parts += [_withheld_said(each) for each in answer.withheld]
    if answer.hold is not None:
        parts.append(_hold_said(answer.hold))
    parts += _optional("c:Remark", answer.remark)
    parts += _optional("c:PolicyEntry", answer.policy_entry)
    parts += [_proof_said(each) for each in answer.proofs]
    return wrapped("c:Answer", "".join(parts), f" {OURS}" if declared else "")


def merged_said(merged: Merged, images: list[Element]) -> str:
    """Return the answers of many states; photos as in `answer_said`."""
    parts = [
        element("c:QueryId", format_id(merged.query_id)),
        element("c:Key", merged.key),
        element("c:Asked", " ".join(merged.asked)),
        *_optional("c:Silent", " ".join(merged.silent)),
        *(answer_said(answer, images, declared=False) for answer in merged.answers),
    ]
    return wrapped("c:Merged", "".join(parts), f" {OURS}")


def fault_said(fault: MessageFault) -> str:
    """Return a fault."""
    parts = [
        element("c:Number", fault.er),
        element("c:Code", fault.code),
        element("c:Text", fault.text),
        *(element("c:Option", option) for option in fault.options),
        *_optional("c:Original", fault.original),
    ]
    return wrapped("c:Fault", "".join(parts), f" {OURS}")


def answer_of(said: Any, images: Sequence[str]) -> Answer:
    """Return the answer that a validated element holds. Raises: MessageError.

    `images` are the body's, in base64, in their order.
    """
    parts = _parts(said)
    hold = parts.get("Hold")
    step = int(_one(parts, "Step"))
    if step > _STEP_MAX:
        raise refuse("`c:Step` is over 65535")
    kind = _one(parts, "RecordKind")
    return Answer(
        exchange_id=ExchangeId(bytes.fromhex(_one(parts, "ExchangeId"))),
        state=_member(_one(parts, "State")),
        step=step,
        key=MessageKey(_one(parts, "Key")),
        response=_word(ResponseKind, _one(parts, "Response")),
        is_final=_one(parts, "IsFinal") == "true",
        record_kind=_word(RecordKind, kind) if kind else None,
        elements=tuple([_element_of(each, images) for each in parts.get("Element", [])]),
        withheld=tuple([_withheld_of(each) for each in parts.get("Withheld", [])]),
        hold=_hold_of(hold[0]) if hold else None,
        remark=_one(parts, "Remark"),
        policy_entry=_entry(_one(parts, "PolicyEntry")) if "PolicyEntry" in parts else "",
        proofs=tuple([_proof_of(each) for each in parts.get("Proof", [])]),
    )


def merged_of(said: Any, images: Sequence[str]) -> Merged:
    """Return the answers of many states that a validated element holds. Raises: MessageError."""
    parts = _parts(said)
    merged = Merged(
        query_id=QueryId(bytes.fromhex(_one(parts, "QueryId"))),
        key=MessageKey(_one(parts, "Key")),
        asked=_members(_one(parts, "Asked")),
        answers=tuple([answer_of(each, images) for each in parts.get("Answer", [])]),
    )
    if _members(_one(parts, "Silent")) != merged.silent:
        raise refuse("`c:Silent` is not what was asked without what was answered")
    return merged


def fault_of_element(said: Any) -> MessageFault:
    """Return the fault that a validated element holds."""
    parts = _parts(said)
    return MessageFault(
        er=_one(parts, "Number"),
        text=_one(parts, "Text"),
        code=_one(parts, "Code"),
        options=tuple([each.text or "" for each in parts.get("Option", [])]),
        original=_one(parts, "Original"),
    )


def _optional(name: str, text: str) -> list[str]:
    return [element(name, text)] if text else []


def _element_said(each: Element, images: list[Element]) -> str:
    attributes = attribute("c:class", each.data_class) + attribute("c:name", each.name)
    if each.data_class is _PHOTO and each.value and _BASE64.fullmatch(each.value):
        images.append(each)
        return f"<c:Element{attributes}{attribute('c:image', str(len(images)))}/>"
    return element("c:Element", each.value, attributes)


def _withheld_said(each: Withheld) -> str:
    inner = "".join([_reason_said(reason) for reason in each.reasons])
    inner += "".join(_optional("c:WouldChange", each.would_change))
    attributes = attribute("c:class", each.data_class) + attribute("c:outcome", each.outcome)
    return f"<c:Withheld{attributes}>{inner}</c:Withheld>"


def _reason_said(reason: Reason) -> str:
    mark = attribute("c:mark", reason.mark) if reason.mark else ""
    inner = element("c:Sentence", reason.sentence)
    inner += "".join(_optional("c:Statute", reason.statute))
    return wrapped("c:Reason", inner, attribute("c:rule", reason.rule) + mark)


def _hold_said(hold: HoldNotice) -> str:
    until = dt.datetime.fromtimestamp(hold.until, dt.UTC).strftime(_UNTIL)
    inner = element("c:Until", until) + element("c:Contact", hold.contact)
    return wrapped("c:Hold", inner + element("c:Entry", hold.entry))


def _proof_said(proof: Proof) -> str:
    inner = element("c:Entry", proof.entry)
    inner += element("c:Leaf", base64.b64encode(proof.leaf).decode("ascii"))
    inner += element("c:Receipt", base64.b64encode(proof.receipt).decode("ascii"))
    return wrapped("c:Proof", inner)


def _parts(said: Any) -> dict[str, list[Any]]:
    """Return an element's children by their local names; the schema has checked all of them."""
    parts: dict[str, list[Any]] = {}
    for child in said:
        parts.setdefault(child.tag.rpartition("}")[2], []).append(child)
    return parts


def _one(parts: dict[str, list[Any]], name: str) -> str:
    found = parts.get(name)
    return (found[0].text or "") if found else ""


def _element_of(said: Any, images: Sequence[str]) -> Element:
    place = said.get(clark("c:image"))
    value = said.text or ""
    if place is not None:
        if value or int(place) > len(images):
            raise refuse("`c:image` names no image")
        value = images[int(place) - 1]
    return Element(
        data_class=_word(DataClass, said.get(clark("c:class"))),
        name=said.get(clark("c:name")),
        value=value,
    )


def _withheld_of(said: Any) -> Withheld:
    parts = _parts(said)
    return Withheld(
        data_class=_word(DataClass, said.get(clark("c:class"))),
        outcome=_word(Outcome, said.get(clark("c:outcome"))),
        reasons=tuple([_reason_of(each) for each in parts.get("Reason", [])]),
        would_change=_one(parts, "WouldChange"),
    )


def _reason_of(said: Any) -> Reason:
    parts = _parts(said)
    return Reason(
        rule=RuleId(said.get(clark("c:rule"))),
        sentence=_one(parts, "Sentence"),
        statute=_one(parts, "Statute"),
        mark=said.get(clark("c:mark")) or "",
    )


def _hold_of(said: Any) -> HoldNotice:
    parts = _parts(said)
    try:
        until = dt.datetime.strptime(_one(parts, "Until"), _UNTIL).replace(tzinfo=dt.UTC)
    except ValueError:
        raise refuse("`c:Until` is no time") from None
    if until.year < _YEAR_MIN:
        raise refuse("`c:Until` is no time")
    return HoldNotice(
        until=int(until.timestamp()),
        contact=_one(parts, "Contact"),
        entry=_entry(_one(parts, "Entry")),
    )


def _proof_of(said: Any) -> Proof:
    parts = _parts(said)
    try:
        leaf = base64.b64decode(_one(parts, "Leaf"), validate=True)
        receipt = base64.b64decode(_one(parts, "Receipt"), validate=True)
    except (binascii.Error, ValueError):
        raise refuse("`c:Proof` holds what is not base64") from None
    return Proof(entry=_entry(_one(parts, "Entry")), leaf=leaf, receipt=receipt)


def _word(kind: type[_T], text: str) -> _T:
    try:
        return kind(text)
    except ValueError:
        raise refuse("a value is not in its vocabulary") from None


def _entry(text: str) -> str:
    try:
        parse_entry_name(text)
    except MalformedError:
        raise refuse("an entry is not `<member>/<index>`") from None
    return text


def _member(text: str) -> Member:
    try:
        return parse_member(text)
    except MalformedError:
        raise refuse("a state is not a member") from None


def _members(text: str) -> tuple[Member, ...]:
    return tuple([_member(code) for code in text.split(" ")]) if text else ()
