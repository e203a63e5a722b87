"""What a state answers, as it crosses the link and as every format renders it.

An `Answer` holds released elements only (invariant `withheld-never-rendered`): a withheld class is
named with its rule, its values are not in here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.decision import Reason
from comity.domain.ids import ExchangeId, Member, QueryId
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass, Outcome, RecordKind

__all__ = [
    "FREE_TEXT",
    "Answer",
    "Element",
    "HoldNotice",
    "Merged",
    "Proof",
    "ResponseKind",
    "Withheld",
]

FREE_TEXT: Final = "TEXT"
"""The name of the one element, of class `opaque`, in which a free text travels, lines and all."""


class ResponseKind(StrEnum):
    """The first thing a requester must know of an answer, on every surface."""

    HIT = "hit"
    NO_HIT = "no_hit"
    REFUSED = "refused"
    HELD = "held"
    DELIVERED = "delivered"
    """A message reached the agencies that it names; its answer, if it asks for one, is awaited."""
    UNAVAILABLE = "unavailable"


class Element(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One element of a record: class, AAMVA D20 name, value as text (a photo as base64)."""

    data_class: DataClass
    name: str
    value: str


class Withheld(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A class that was asked for and is not in the answer, with the rules that decided so."""

    data_class: DataClass
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    would_change: str = ""


class HoldNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Until when a hold waits (Unix seconds), whom to call, and the hold's own citation."""

    until: int
    contact: str
    entry: str


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf's and its receipt's bytes: all it takes to check that the answer is in the ledger."""

    entry: str
    leaf: bytes
    receipt: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer of one state to one exchange; `step` is the ordinal of its first leaf within the
    exchange.

    `is_final` says that nothing more follows for any requested class. `remark` is a sentence for
    the requester: why a hold ended, what a reviewer asks, why no answer came.
    """

    exchange_id: ExchangeId
    state: Member
    step: int
    key: MessageKey
    response: ResponseKind
    is_final: bool
    record_kind: RecordKind | None = None
    elements: tuple[Element, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    hold: HoldNotice | None = None
    remark: str = ""
    policy_entry: str = ""
    proofs: tuple[Proof, ...] = ()


class Merged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answers of many states to one query, as one message: `asked` are all of them, `answers`
    at most one of each in the order of `asked`.

    A state that is asked and has no answer here is silent: its answer, if it comes, follows alone;
    so does what follows a hold. `key` is the response key.
    """

    query_id: QueryId
    key: MessageKey
    asked: tuple[Member, ...]
    answers: tuple[Answer, ...] = ()

    @property
    def silent(self) -> tuple[Member, ...]:
        """Return the states that have not answered, in order."""
        heard = {answer.state for answer in self.answers}
        return tuple(state for state in self.asked if state not in heard)
