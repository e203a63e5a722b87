"""Commands about legal instruments, and how a desk shows them. See `link.command`."""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.instruments import (
    ANSWERED_CHARACTERS_MAX,
    ISSUER_CHARACTERS_MAX,
    Appointment,
    SignedInstrument,
    SignedInstrumentRevocation,
    SignedVerification,
)
from comity.domain.passes import PASS_PERSONS_MAX, PassPerson
from comity.domain.vocabulary import DataClass, Instrument
from comity.link.forms import is_entry, is_time
from comity.link.papers import NAME_CHARS_MAX, NOTE_CHARS_MAX, are_persons, is_by

__all__ = [
    "InstrumentSigned",
    "InstrumentView",
    "RegisterInstrument",
    "RevokeInstrument",
    "VerifyInstrument",
    "instrument_state",
    "is_instrument_shown",
    "is_instrument_signed",
]

_DIGEST_BYTES: Final = 32


class RegisterInstrument(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="register_instrument",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed word of an instrument that they read."""

    signed: SignedInstrument


class VerifyInstrument(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="verify_instrument",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A second reviewer's signed word that an instrument is what it says."""

    signed: SignedVerification


class RevokeInstrument(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="revoke_instrument",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed end of an instrument."""

    signed: SignedInstrumentRevocation


class InstrumentView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One instrument. What names a person is empty in a list: it is shown one at a time.

    `registered_by` and `verified_by` are reviewers; `verified_entry` and `revoked_entry` cite what
    was recorded, empty where nothing was.
    """

    entry: str
    kind: Instrument
    appointment: Appointment
    number: str
    agency: str
    agency_name: str
    case_number: str
    classes: tuple[DataClass, ...]
    person_count: int
    issued_on: date
    registered_at: int
    until: int
    uses: int
    document: bytes
    document_bytes: int
    hold_entry: str
    registered_by: str
    verified_by: str = ""
    verified_entry: str = ""
    revoked_entry: str = ""
    issuer: str = ""
    persons: tuple[PassPerson, ...] = ()
    note: str = ""
    called: str = ""
    answered: str = ""


InstrumentSigned = RegisterInstrument | VerifyInstrument | RevokeInstrument


def instrument_state(command: InstrumentSigned) -> Member:
    """Return the member whose reviewer signed."""
    match command:
        case RegisterInstrument():
            return command.signed.instrument.state
        case VerifyInstrument():
            return command.signed.verification.state
        case RevokeInstrument():
            return command.signed.revocation.state


def is_instrument_signed(command: InstrumentSigned) -> bool:
    """Say whether what was signed is in its ranges; whether it counts, the gateway finds out."""
    match command:
        case RegisterInstrument(signed=signed):
            said = signed.instrument
            holds = (
                len(said.agency) == 9
                and are_persons(said.persons)
                and len(set(said.classes)) == len(said.classes)
                and is_time(said.until)
                and len(said.issuer) <= ISSUER_CHARACTERS_MAX
                and len(said.number) <= NAME_CHARS_MAX
                and len(said.case_number) <= NAME_CHARS_MAX
                and len(said.document) == _DIGEST_BYTES
                and (not said.hold_entry or is_entry(said.hold_entry))
            )
            return holds and is_by(said.reviewer, said.at, said.note, signed.proof)
        case VerifyInstrument(signed=signed):
            verification = signed.verification
            holds = (
                is_entry(verification.instrument_entry)
                and len(verification.document) == _DIGEST_BYTES
                and len(verification.called) <= NAME_CHARS_MAX
                and len(verification.answered) <= ANSWERED_CHARACTERS_MAX
            )
            return holds and is_by(
                verification.reviewer, verification.at, verification.note, signed.proof
            )
        case RevokeInstrument(signed=signed):
            revocation = signed.revocation
            return is_entry(revocation.instrument_entry) and is_by(
                revocation.reviewer, revocation.at, revocation.note, signed.proof
            )


def is_instrument_shown(view: InstrumentView) -> bool:
    """Say whether a shown instrument is in its ranges."""
    cited = (view.hold_entry, view.verified_entry, view.revoked_entry)
    return (
        is_entry(view.entry)
        and all(not entry or is_entry(entry) for entry in cited)
        and is_time(view.registered_at)
        and is_time(view.until)
        and len(view.document) == _DIGEST_BYTES
        and len(view.persons) <= PASS_PERSONS_MAX
        and len(view.note) <= NOTE_CHARS_MAX
    )
