"""What one delivery on a line says, whichever format it came in.

Guarantee: every delivery gives an `Arrived`; what is no answer of a gateway is a letter, and its
text is kept as it is.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.answer import (
    FREE_TEXT,
    Answer,
    Element,
    HoldNotice,
    Proof,
    ResponseKind,
    Withheld,
)
from comity.domain.decision import OVERDUE_RULE
from comity.domain.delivery import Delivery, MessageFault
from comity.domain.ids import Member
from comity.domain.vocabulary import RecordKind
from comity.formats import niem as niem_form
from comity.formats import text as text_form
from comity.formats.delivered import Delivered
from comity.formats.json.delivered import parse_delivered
from comity.formats.text import AnswerText, AnswerTextError
from comity.formats.wording import outcome_words

__all__ = ["Arrived", "Letter", "Said", "read_arrived"]

# How the directory's and the archive's own refusals begin.
_DECLINED: Final = ("REFUSED - ", "ARCHIVE NOT SEARCHED")

# What a merged text says of a state in its summary alone.
_WORDS: Final = {ResponseKind.NO_HIT: "NOT ON FILE", ResponseKind.DELIVERED: "MESSAGE DELIVERED"}


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one state said.

    `words` is the outcome as the network reads it; `elements` hold labels where it came as text.
    """

    state: Member
    response: ResponseKind
    words: str
    is_final: bool
    record_kind: RecordKind | None = None
    elements: tuple[Element, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    hold: HoldNotice | None = None
    remark: str = ""
    policy_entry: str = ""
    entries: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    has_photo: bool = False

    @property
    def is_overdue(self) -> bool:
        """Whether an agency let the time for its answer pass: nobody refused anything."""
        rules = (reason.rule for part in self.withheld for reason in part.reasons)
        return self.response is ResponseKind.REFUSED and OVERDUE_RULE in rules

    @property
    def is_declined(self) -> bool:
        """Whether the directory or the archive answered that it did not do what was asked."""
        return any(
            element.name == FREE_TEXT and element.value.startswith(_DECLINED)
            for element in self.elements
        )


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was delivered: its header, as far as people need it, and its text."""

    key: str
    origin: str
    destination: str
    control: str | None
    at: str
    text: str


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery: the message itself, and the answers or the fault that it brings.

    `asked` are the states of one merged message, those without an answer included; empty otherwise.
    """

    letter: Letter
    said: tuple[Said, ...] = ()
    asked: tuple[Member, ...] = ()
    fault: MessageFault | None = None


def read_arrived(data: bytes, *, is_reply: bool = True) -> Arrived:
    """Return what a delivery brings. Raises: MessageError.

    What is no reply came unasked: it is a letter, whatever its text looks like.
    """
    if data[:1] not in {b"{", b"<"}:
        return _of_text(text_form.parse_delivery(data), is_reply=is_reply)
    read = parse_delivered if data[:1] == b"{" else niem_form.parse_delivered
    return _of_delivered(read(data))


def _of_delivered(delivered: Delivered) -> Arrived:
    answer, merged = delivered.answer, delivered.merged
    letter = _letter(delivered.delivery)
    if merged is not None:
        said = tuple(map(_of_answer, merged.answers))
        return Arrived(letter=letter, said=said, asked=merged.asked)
    said = (_of_answer(answer),) if answer is not None else ()
    return Arrived(letter=letter, said=said, fault=delivered.fault)


def _of_text(delivery: Delivery, *, is_reply: bool) -> Arrived:
    letter = _letter(delivery)
    if not is_reply:
        return Arrived(letter=letter)
    if delivery.key == "ER":
        return Arrived(letter=letter, fault=text_form.parse_error(delivery.text))
    try:
        answer = text_form.parse_answer_text(delivery.text)
    except AnswerTextError:
        return _of_merged_text(letter)
    return Arrived(letter=letter, said=(_of_answer_text(answer),))


def _of_merged_text(letter: Letter) -> Arrived:
    try:
        merged = text_form.parse_merged_text(letter.text)
    except AnswerTextError:
        return Arrived(letter=letter)
    told = {answer.state: _of_answer_text(answer) for answer in merged.answers}
    said = tuple(
        told.get(state) or Said(state=state, response=response, words=words, is_final=True)
        for state, response in merged.responses
        if (words := _WORDS.get(response, "")) or state in told
    )
    return Arrived(letter=letter, said=said, asked=tuple(state for state, _ in merged.responses))


def _letter(delivery: Delivery) -> Letter:
    return Letter(
        key=delivery.key,
        origin=delivery.origin,
        destination=delivery.destination,
        control=delivery.control,
        at=f"{delivery.sent.date} {delivery.sent.time}",
        text=delivery.text,
    )


def _of_answer(answer: Answer) -> Said:
    return Said(
        state=answer.state,
        response=answer.response,
        words=outcome_words(answer).text,
        is_final=answer.is_final,
        record_kind=answer.record_kind,
        elements=answer.elements,
        withheld=answer.withheld,
        hold=answer.hold,
        remark=answer.remark,
        policy_entry=answer.policy_entry,
        entries=tuple(proof.entry for proof in answer.proofs),
        proofs=answer.proofs,
    )


def _of_answer_text(answer: AnswerText) -> Said:
    return Said(
        state=answer.state,
        response=answer.response,
        words=answer.words,
        is_final=answer.is_final,
        record_kind=answer.record_kind,
        elements=answer.elements,
        withheld=answer.withheld,
        hold=answer.hold,
        remark=answer.remark,
        policy_entry=answer.policy_entry,
        entries=answer.entries,
        has_photo=answer.has_photo,
    )
