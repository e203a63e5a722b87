"""A demand for what a state itself keeps: what is signed to register it, and each act on it.

# INVARIANT (review-is-verified): what is signed is `demand_bytes` and `demand_act_bytes`, nothing
else; the first names the paper by its hash, the second the demand by its entry.
Source: docs/adr/0058-demands-for-own-data.md.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.errors import MalformedError
from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof
from comity.domain.vocabulary import DataClass, Instrument

__all__ = [
    "ACT_WORDS",
    "DEMANDED_WORDS",
    "DEMAND_ACT_BYTES_MAX",
    "ENDS",
    "REGISTRABLE_DEMANDS",
    "DemandAct",
    "DemandActFormError",
    "DemandActKind",
    "DemandFile",
    "Demanded",
    "HandedOver",
    "RegisteredDemand",
    "SignedDemand",
    "SignedDemandAct",
    "demand_act_bytes",
    "demand_bytes",
    "encode_signed_act",
    "parse_signed_act",
]

DEMAND_ACT_BYTES_MAX: Final = 8_192
"""A signed act as a file."""
_PREFIX: Final = b"comity/demand/v1\n"
_ACT_PREFIX: Final = b"comity/demand-act/v1\n"
_SIGNATURE_BYTES: Final = 64


class DemandActFormError(MalformedError):
    """A file holds no signed act on a demand."""

    code = "demand-act-malformed"


class Demanded(StrEnum):
    """What of the state's own data is demanded."""

    LEDGER_RECORDS = "ledger_records"
    PRIVATE_RECORDS = "private_records"
    ACCESS_RECORDS = "access_records"
    REVIEWER_IDENTITIES = "reviewer_identities"
    KEYS = "keys"
    CONFIGURATION = "configuration"
    OTHER = "other"


DEMANDED_WORDS: Final = {
    Demanded.LEDGER_RECORDS: "ledger records",
    Demanded.PRIVATE_RECORDS: "private records behind leaves",
    Demanded.ACCESS_RECORDS: "who read what",
    Demanded.REVIEWER_IDENTITIES: "who the reviewers are",
    Demanded.KEYS: "keys",
    Demanded.CONFIGURATION: "configuration",
    Demanded.OTHER: "something else",
}
"""What that is, in words."""

REGISTRABLE_DEMANDS: Final = tuple(
    kind for kind in Instrument if kind not in {Instrument.NONE, Instrument.NOT_STATED}
)
"""What a demand can come as; a letter is `other`."""


class DemandActKind(StrEnum):
    """What is done about a demand."""

    OBJECTED = "objected"
    NARROWED = "narrowed"
    MOVED = "moved"
    """The day to answer, or the last one of a gag, is another."""
    HANDED_OVER = "handed_over"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    QUASHED = "quashed"


ACT_WORDS: Final = {
    DemandActKind.OBJECTED: "objected to",
    DemandActKind.NARROWED: "narrowed",
    DemandActKind.MOVED: "moved to another day",
    DemandActKind.HANDED_OVER: "something was handed over",
    DemandActKind.ANSWERED: "answered, and nothing more is handed over",
    DemandActKind.WITHDRAWN: "withdrawn by who demanded it",
    DemandActKind.QUASHED: "quashed by a court",
}
"""What became of a demand by each act, in words."""

ENDS: Final = frozenset({DemandActKind.ANSWERED, DemandActKind.WITHDRAWN, DemandActKind.QUASHED})
"""What ends a demand by itself; what is handed over last ends it too."""


class RegisteredDemand(msgspec.Struct, frozen=True, kw_only=True):
    """What counsel read of a paper that demands the state's own data.

    `issuer` (3..120 characters) is the court or office; `number` (0..64) is its own, as it stands
    there. `answer_by` is the last local day to answer; `days` is 0 where the paper names that day,
    else how many days after `served_on` it gives (1..366), business days where it says so.
    `first_month` and `last_month` (`2024-10`, both or neither) bound the leaves it is about.
    `document` is the paper's SHA-256, `document_bytes` its length. `gag_until` is the last local
    day on which a court forbids telling. `matter` has 1..200 characters, `note` 0..500; `at` is
    Unix seconds.
    """

    state: Member
    kind: Instrument
    issuer: str
    number: str
    served_on: date
    answer_by: date
    days: int = 0
    is_business: bool = False
    about: tuple[Demanded, ...]
    first_month: str = ""
    last_month: str = ""
    document: bytes
    document_bytes: int
    gag_until: date | None = None
    matter: str
    note: str = ""
    reviewer: str
    at: int


class SignedDemand(msgspec.Struct, frozen=True, kw_only=True):
    """A registration and its proof."""

    demand: RegisteredDemand
    proof: VerdictProof


class HandedOver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was handed over, and to whom (1..200 and 3..120 characters).

    `classes` are those of records of persons that are in it, in order; `bundle` is the SHA-256 of
    what was handed over, `bundle_bytes` its length. With `is_last` the demand is answered.
    """

    what: str
    to: str
    classes: tuple[DataClass, ...] = ()
    bundle: bytes
    bundle_bytes: int
    is_last: bool = False


class DemandAct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One act on a demand, by its entry.

    `answer_by` and `gag_until` are the new days of one that is moved, `handed` what was handed
    over; each None otherwise. `note` has 0..500 characters, `at` is Unix seconds.
    """

    state: Member
    demand_entry: str
    act: DemandActKind
    answer_by: date | None = None
    gag_until: date | None = None
    handed: HandedOver | None = None
    note: str = ""
    reviewer: str
    at: int

    @property
    def is_end(self) -> bool:
        """Whether the demand ends by it."""
        return self.act in ENDS or (self.handed is not None and self.handed.is_last)


class SignedDemandAct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An act and its proof; of what is handed over also a second person's name and proof."""

    act: DemandAct
    proof: VerdictProof
    second: str = ""
    second_proof: VerdictProof | None = None


class DemandFile(msgspec.Struct, frozen=True, kw_only=True):
    """A demand as its state keeps it: as it was registered, and every act since, in order."""

    registered: SignedDemand
    acts: tuple[SignedDemandAct, ...] = ()

    @property
    def answer_by(self) -> date:
        """The last local day to answer, as it stands."""
        moved = [each.act.answer_by for each in self.acts if each.act.answer_by is not None]
        return moved[-1] if moved else self.registered.demand.answer_by

    @property
    def gag_until(self) -> date | None:
        """The last local day of a gag, as it stands, or None."""
        moved = [each.act.gag_until for each in self.acts if each.act.gag_until is not None]
        return moved[-1] if moved else self.registered.demand.gag_until


_act_decoder: Final = msgspec.json.Decoder(SignedDemandAct)


def demand_bytes(demand: RegisteredDemand) -> bytes:
    """Return what is signed to register: a prefix and the demand as compact JSON."""
    return _PREFIX + msgspec.json.encode(demand)


def demand_act_bytes(act: DemandAct) -> bytes:
    """Return what is signed of an act: a prefix and the act as compact JSON."""
    return _ACT_PREFIX + msgspec.json.encode(act)


def encode_signed_act(signed: SignedDemandAct) -> bytes:
    """Return a signed act as a file, one line."""
    return msgspec.json.encode(signed) + b"\n"


def parse_signed_act(data: bytes) -> SignedDemandAct:
    """Return the signed act of a file.

    Raises: DemandActFormError for anything that `encode_signed_act` would not have written.
    """
    if len(data) > DEMAND_ACT_BYTES_MAX:
        raise DemandActFormError(f"`act` is over {DEMAND_ACT_BYTES_MAX} bytes")
    try:
        signed = _act_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise DemandActFormError("`act` is no signed act on a demand") from None
    proofs = [each for each in (signed.proof, signed.second_proof) if each is not None]
    if encode_signed_act(signed) != data or any(
        len(each.signature) != _SIGNATURE_BYTES for each in proofs
    ):
        raise DemandActFormError("`act` is not in its only form")
    return signed
