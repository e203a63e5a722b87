"""What was released and passed on: what its agency tells of it, and what a person asks about it.

# INVARIANT (review-is-verified): what is signed is `onward_question_bytes`, nothing else; it names
the disclosure that is asked about.
Source: docs/adr/0056-onward-transfers.md.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof
from comity.domain.vocabulary import DataClass, Purpose

__all__ = [
    "OnwardQuestion",
    "OnwardStands",
    "Receives",
    "SignedOnwardQuestion",
    "ToldOnward",
    "Transfer",
    "onward_question_bytes",
]

_PREFIX: Final = b"comity/onward-question/v1\n"


class OnwardStands(StrEnum):
    """Where a question to whom something was passed on stands."""

    OPEN = "open"
    """The agency was asked, and has time."""
    UNANSWERED = "unanswered"
    """Its time is over, and it said nothing."""
    ANSWERED = "answered"


class Receives(StrEnum):
    """What whoever has a transferred record now would get by the rules in force."""

    REFUSED = "refused"
    HELD = "held"
    RELEASED = "released"
    UNKNOWN = "unknown"
    """The directory does not list it, or the record of it cannot be read any more."""
    NOBODY = "nobody"
    """The agency says that it passed nothing on."""


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One onward transfer: to whom (an agency's identifier, or a name), why, on which day.

    `classes` are those that went; empty: all that was released.
    """

    to: str
    purpose: Purpose
    on: date
    classes: tuple[DataClass, ...] = ()


class ToldOnward(msgspec.Struct, frozen=True, kw_only=True):
    """What an agency tells about the release at `entry`; no transfer: it passed nothing on."""

    entry: str
    transfer: Transfer | None = None
    text: str = ""


class OnwardQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A person's wish that an agency be asked to whom it passed on the release at `entry`.

    `at` is Unix seconds.
    """

    state: Member
    entry: str
    asker: str
    at: int


class SignedOnwardQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A question and its proof."""

    question: OnwardQuestion
    proof: VerdictProof


def onward_question_bytes(question: OnwardQuestion) -> bytes:
    """Return what a person signs: a prefix and the question as compact JSON."""
    return _PREFIX + msgspec.json.encode(question)
