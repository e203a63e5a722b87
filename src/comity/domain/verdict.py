"""A reviewer's signed answer to a hold.

# INVARIANT (review-is-verified): what is signed is `signed_bytes`, nothing else; it names the
exchange, the hold's leaf and the classes, so that a verdict cannot be used for another hold, nor
for this one once it has ended.
Source: docs/adr/0006-verdicts.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import ExchangeId, Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass

__all__ = [
    "Ed25519Proof",
    "HistoryReading",
    "OpeningReading",
    "Reading",
    "SignedHistoryReading",
    "SignedOpeningReading",
    "SignedReading",
    "SignedVerdict",
    "Verdict",
    "VerdictKind",
    "VerdictProof",
    "history_reading_bytes",
    "opening_reading_bytes",
    "reading_bytes",
    "signed_bytes",
]

_PREFIX: Final = b"comity/verdict/v1\n"
_READING_PREFIX: Final = b"comity/reading/v1\n"
_HISTORY_PREFIX: Final = b"comity/history-reading/v1\n"
_OPENING_PREFIX: Final = b"comity/opening-reading/v1\n"


class VerdictKind(StrEnum):
    """What a reviewer can answer."""

    APPROVE = "approve"
    REFUSE = "refuse"
    ASK = "ask"
    ESCALATE = "escalate"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer decides about one hold.

    `hold_entry` is the citation of the `hold` leaf, `step` the next step of its exchange: a verdict
    takes effect once, however often it is sent. `approved` are classes of that hold, empty
    unless `kind` is approve. `note` (0..500 characters) goes to the requester; `reviewer` is the
    enrolled key's name; `at` Unix seconds.
    """

    state: Member
    exchange_id: ExchangeId
    hold_entry: str
    step: int
    kind: VerdictKind
    approved: tuple[DataClass, ...] = ()
    note: str = ""
    reviewer: str
    at: int


class Ed25519Proof(msgspec.Struct, frozen=True, kw_only=True, tag="ed25519"):
    """An enrolled key's signature: 8 hexadecimal digits of key id, 64 bytes."""

    key_id: str
    signature: bytes


VerdictProof = Ed25519Proof
"""How a reviewer proves a verdict: a tagged union, so that further kinds of proof can join."""


class SignedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and its proof."""

    verdict: Verdict
    proof: VerdictProof


def signed_bytes(verdict: Verdict) -> bytes:
    """Return what a reviewer signs: a prefix and the verdict as compact JSON."""
    return _PREFIX + msgspec.json.encode(verdict)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's wish to read a state's open holds, or one of them where `hold_entry` is named.

    A hold names whom a query was about, so that reading one is signed for and recorded too.
    """

    state: Member
    hold_entry: str = ""
    reviewer: str
    at: int


class SignedReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading and its proof."""

    reading: Reading
    proof: VerdictProof


def reading_bytes(reading: Reading) -> bytes:
    """Return what a reviewer signs to read: a prefix and the reading as compact JSON."""
    return _READING_PREFIX + msgspec.json.encode(reading)


class HistoryReading(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolled person's wish to read what a member's agencies sent and were delivered.

    From `since` up to `until`, exclusive, in Unix seconds; of these message keys, or of all where
    none is named. It shows whom queries were about, so that it is signed for and recorded first.
    """

    state: Member
    since: int
    until: int
    keys: tuple[MessageKey, ...] = ()
    reviewer: str
    at: int


class SignedHistoryReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of a member's history and its proof."""

    reading: HistoryReading
    proof: VerdictProof


def history_reading_bytes(reading: HistoryReading) -> bytes:
    """Return what is signed to read a history: a prefix and the reading as compact JSON."""
    return _HISTORY_PREFIX + msgspec.json.encode(reading)


class OpeningReading(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolled person's wish to open fields of the private record behind one leaf.

    What is opened can be shown to anyone and be checked; so it is signed for and recorded first.
    """

    state: Member
    entry: str
    fields: tuple[str, ...]
    reviewer: str
    at: int


class SignedOpeningReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of one leaf's private record and its proof."""

    reading: OpeningReading
    proof: VerdictProof


def opening_reading_bytes(reading: OpeningReading) -> bytes:
    """Return what is signed to open fields: a prefix and the reading as compact JSON."""
    return _OPENING_PREFIX + msgspec.json.encode(reading)
