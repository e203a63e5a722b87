"""A legal instrument as a state's reviewers read it: what is signed to register, verify, revoke it.

# INVARIANT (review-is-verified): what is signed is `instrument_bytes` and its two fellows, nothing
else; each names the document by its hash, and the second is another person's.
Source: docs/adr/0046-instruments.md.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import ORI, Member
from comity.domain.passes import PassPerson
from comity.domain.verdict import VerdictProof
from comity.domain.vocabulary import DataClass, Instrument

__all__ = [
    "ANSWERED_CHARACTERS_MAX",
    "APPOINTMENTS",
    "APPOINTMENT_WORDS",
    "DOCUMENT_BYTES_MAX",
    "INSTRUMENT_DAYS_MAX",
    "ISSUER_CHARACTERS_MAX",
    "OPENING",
    "REGISTRABLE",
    "Appointment",
    "InstrumentFile",
    "InstrumentRevocation",
    "InstrumentVerification",
    "RegisteredInstrument",
    "SignedInstrument",
    "SignedInstrumentRevocation",
    "SignedVerification",
    "instrument_bytes",
    "instrument_revocation_bytes",
    "verification_bytes",
]

INSTRUMENT_DAYS_MAX: Final = 90
ISSUER_CHARACTERS_MAX: Final = 120
ANSWERED_CHARACTERS_MAX: Final = 200
DOCUMENT_BYTES_MAX: Final = 100_000_000
_PREFIX: Final = b"comity/instrument/v1\n"
_VERIFICATION_PREFIX: Final = b"comity/instrument-verification/v1\n"
_REVOCATION_PREFIX: Final = b"comity/instrument-revocation/v1\n"


class Appointment(StrEnum):
    """By what right whoever signed an instrument did so."""

    ARTICLE_III = "article_iii"
    MAGISTRATE = "magistrate"
    STATE_JUDGE = "state_judge"
    CLERK = "clerk"
    OFFICER = "officer"
    PERSON = "person"


APPOINTMENT_WORDS: Final = {
    Appointment.ARTICLE_III: "a judge appointed under Article III",
    Appointment.MAGISTRATE: "a magistrate judge",
    Appointment.STATE_JUDGE: "a judge of a state",
    Appointment.CLERK: "the clerk of a court",
    Appointment.OFFICER: "an officer, not a judge",
    Appointment.PERSON: "the person whom it is about",
}
"""Who that is, in words."""

_OF_A_COURT: Final = frozenset(
    {Appointment.ARTICLE_III, Appointment.MAGISTRATE, Appointment.STATE_JUDGE}
)

APPOINTMENTS: Final = {
    Instrument.ARTICLE_III_WARRANT: frozenset({Appointment.ARTICLE_III}),
    Instrument.STATE_WARRANT: frozenset({Appointment.STATE_JUDGE}),
    Instrument.COURT_ORDER: _OF_A_COURT,
    Instrument.COURT_SUBPOENA: _OF_A_COURT | {Appointment.CLERK},
    Instrument.ADMINISTRATIVE_SUBPOENA: frozenset({Appointment.OFFICER}),
    Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT: frozenset({Appointment.OFFICER}),
    Instrument.EMERGENCY_DECLARATION: frozenset({Appointment.OFFICER}),
    Instrument.CONSENT: frozenset({Appointment.PERSON}),
}
"""Who can have signed each kind of instrument; a kind that is not here cannot be registered."""

REGISTRABLE: Final = frozenset(APPOINTMENTS)
OPENING: Final = REGISTRABLE - {Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT}
"""What can cover a request once it is verified."""


class RegisteredInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer read, and for what it counts.

    `issuer` (3..120 characters) is the court or office, or who consents; `number` is what requests
    name. It is for requests of `agency`, of `case_number` where it is not empty, that name nobody
    but `persons` (1..32, in order), of `classes`, up to `until` (Unix seconds as `at` is,
    exclusive), at most 90 days. `document` is the paper's SHA-256, `document_bytes` its length.
    `hold_entry` cites the hold that it came with, empty where there is none. `note` (0..500
    characters) is kept, not sent.
    """

    state: Member
    kind: Instrument
    issuer: str
    appointment: Appointment
    number: str
    agency: ORI
    case_number: str
    persons: tuple[PassPerson, ...]
    classes: tuple[DataClass, ...]
    issued_on: date
    until: int
    document: bytes
    document_bytes: int
    hold_entry: str = ""
    note: str = ""
    reviewer: str
    at: int


class SignedInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """A registration and its proof."""

    instrument: RegisteredInstrument
    proof: VerdictProof


class InstrumentVerification(msgspec.Struct, frozen=True, kw_only=True):
    """A second reviewer's word that the instrument is what it says.

    `document` is the SHA-256 of the paper that this reviewer holds; `called` (1..64 characters) is
    where the issuer was asked, `answered` (1..200) what was said there.
    """

    state: Member
    instrument_entry: str
    document: bytes
    called: str
    answered: str
    note: str = ""
    reviewer: str
    at: int


class SignedVerification(msgspec.Struct, frozen=True, kw_only=True):
    """A verification and its proof."""

    verification: InstrumentVerification
    proof: VerdictProof


class InstrumentRevocation(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's word that an instrument counts no more; any reviewer of the state may say it."""

    state: Member
    instrument_entry: str
    note: str = ""
    reviewer: str
    at: int


class SignedInstrumentRevocation(msgspec.Struct, frozen=True, kw_only=True):
    """A revocation and its proof."""

    revocation: InstrumentRevocation
    proof: VerdictProof


class InstrumentFile(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument as its state keeps it: registered, and verified or not yet."""

    registered: SignedInstrument
    verified: SignedVerification | None = None


def instrument_bytes(instrument: RegisteredInstrument) -> bytes:
    """Return what a reviewer signs to register: a prefix and the instrument as compact JSON."""
    return _PREFIX + msgspec.json.encode(instrument)


def verification_bytes(verification: InstrumentVerification) -> bytes:
    """Return what a second reviewer signs: a prefix and the verification as compact JSON."""
    return _VERIFICATION_PREFIX + msgspec.json.encode(verification)


def instrument_revocation_bytes(revocation: InstrumentRevocation) -> bytes:
    """Return what a reviewer signs to revoke: a prefix and the revocation as compact JSON."""
    return _REVOCATION_PREFIX + msgspec.json.encode(revocation)
