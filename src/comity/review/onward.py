"""Questions to whom a release was passed on: who may ask, what is asked, and what leaves say.

Guarantee: whether a question stands open follows from public leaves and the clock alone.
# INVARIANT (review-is-verified): `check_question` comes first, with the enrolled key.
Source: docs/adr/0056-onward-transfers.md.
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Final

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import (
    ORI,
    entry_name,
    make_id,
    member_label,
    parse_entry_name,
    wire_of_member,
)
from comity.domain.keys import Handling, MessageKey, key_row
from comity.domain.leaf import LeafHeader
from comity.domain.onward import SignedOnwardQuestion, Transfer, onward_question_bytes
from comity.domain.vocabulary import LeafDecision, LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.onward import NOBODY, ONWARD_WORDS
from comity.exchange.private import note_fields
from comity.review.signatures import check_proof, check_time

__all__ = [
    "OnwardAskedError",
    "OnwardQuestionError",
    "OnwardUnknownError",
    "asked_onward",
    "asking_lines",
    "begun_question",
    "check_question",
    "is_release",
    "onward_question",
    "question_id",
    "question_number",
    "transfer_words",
]

_NS: Final = 1_000_000_000
_PREFIX: Final = b"comity/onward-question-leaf/v1\n"
_ABOUT_CHARS_MAX: Final = 120
_HOURS: Final = 24
_DAY_BITS: Final = 16


class OnwardQuestionError(ComityError):
    """A question to whom a release was passed on cannot be asked: it is of another state, or nobody
    speaks for the state, or nobody can read any more to whom the release went.
    """

    code = "onward-question-refused"


class OnwardAskedError(ComityError):
    """The agency was asked already: it has time to answer, or did so today."""

    code = "onward-asked"


class OnwardUnknownError(ComityError):
    """No release of a record, and nothing that was told of one, stands under this entry."""

    code = "onward-unknown"


def is_release(header: LeafHeader) -> bool:
    """Say whether a leaf is a live release of records: what can be passed on."""
    return (
        header.kind is LeafKind.DISCLOSURE
        and header.mode is LeafMode.LIVE
        and header.result == "record"
        and bool(header.released)
        and key_row(MessageKey(header.key or "")).handling is Handling.RECORDS
    )


def begun_question(header: LeafHeader) -> str | None:
    """Return what a leaf cites that may begin a question, as far as it tells by itself, or None.

    A claim check names what was released. A reviewer's question about a hold has the same form;
    what it cites is no disclosure.
    """
    is_ask = header.kind is LeafKind.VERDICT and header.decision is LeafDecision.ASK
    return header.cites if is_ask and header.mode is LeafMode.LIVE and not header.released else None


def check_question(signed: SignedOnwardQuestion, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled person asks now. Raises: VerdictError, OnwardQuestionError."""
    question = signed.question
    check_proof(signed.proof, key, question.asker, onward_question_bytes(question))
    check_time(question.at, now)
    if parse_entry_name(question.entry)[0] != question.state:
        raise OnwardQuestionError("`entry` is of another state")


def question_id(entry: str, made: int, hour: int) -> bytes:
    """Return the id of the leaves of a question of `hour` about a release of the hour `made`.

    Of one day there is one, so that a question is asked once whatever is lost in between.
    """
    day = hour // _HOURS - made // _HOURS
    digest = sha256(_PREFIX + f"{entry}/{day}".encode()).digest()
    return make_id(made * HOUR_SECONDS * _NS, digest[:8])


def question_number(index: int, made: int, hour: int) -> int:
    """Return the place of the same question on the line of such messages, from one on."""
    day = hour // _HOURS - made // _HOURS
    return (index << _DAY_BITS) + day + 1


def asked_onward(signed: SignedOnwardQuestion, agency: ORI, asks_as: ORI, now: int) -> WantedLeaf:
    """Return the leaf that says that an agency was asked; it names no class, as a claim check does.

    `agency` is whom the release went to, `asks_as` in whose name it is asked.
    """
    question = signed.question
    header = LeafHeader(
        version=1,
        kind=LeafKind.VERDICT,
        mode=LeafMode.LIVE,
        hour=now // HOUR_SECONDS,
        member=question.state,
        released=(),
        withheld=(),
        decision=LeafDecision.ASK,
        cites=question.entry,
    )
    fields = note_fields(
        question=onward_question_bytes(question).decode(),
        agency=agency,
        asked_by=asks_as,
        key=signed.proof.key_id,
        signature=signed.proof.signature.hex(),
    )
    return WantedLeaf(step=0, header=header, fields=fields)


def asking_lines(entry: str) -> str:
    """Return how to tell to whom a release was passed on: the lines of such a message."""
    return (
        f"{ONWARD_WORDS} {entry.upper()}\n"
        f"TO (the agency's identifier or name, or {NOBODY})\n"
        "FOR (the purpose's code, such as CRI)\n"
        "ON (the day, such as 2026-11-24)\n"
        "WHAT (the parts, such as IDENTITY ADDRESS; left out: all)"
    )


def onward_question(entry: str, released: tuple[str, date], by: date) -> str:
    """Return what an agency is asked: `released` is the message key and the day of the release,
    `by` the last day to answer.

    Nobody in the record is named, because a message is read by a whole desk.
    """
    member, _ = parse_entry_name(entry)
    key, day = released
    return (
        f"ONWARD TRANSFER OF {entry.upper()}\n"
        f"{member_label(member)} released data to your agency on {day:%Y-%m-%d} ({key}). "
        "A person of the state asks to whom your agency passed it on.\n"
        f"Answer by the end of {by:%Y-%m-%d} by a message to {wire_of_member(member)}, one for "
        f"each to whom it went:\n{asking_lines(entry)}\n"
        "That nobody answered is published."
    )


def transfer_words(name: str, transfer: Transfer, entry: str) -> str:
    """Return to whom what was passed on: what a page to a person says of it."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in name)[:_ABOUT_CHARS_MAX]
    who = transfer.to if shown == transfer.to else f"{shown} ({transfer.to})"
    return f"{who}, {entry_name(*parse_entry_name(entry))}"
