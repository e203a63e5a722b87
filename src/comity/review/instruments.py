"""What registering, verifying and revoking an instrument are: whether they count, their leaves.

# INVARIANT (review-is-verified): `check_registration` and `check_verification` come before anything
is recorded, `check_file` before an instrument is used again after a start; each with the keys that
the directory has enrolled. Two people stand behind every instrument that covers a request.
Source: docs/adr/0046-instruments.md.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import Member, parse_entry_name
from comity.domain.instruments import (
    ANSWERED_CHARACTERS_MAX,
    APPOINTMENTS,
    DOCUMENT_BYTES_MAX,
    INSTRUMENT_DAYS_MAX,
    ISSUER_CHARACTERS_MAX,
    OPENING,
    InstrumentFile,
    RegisteredInstrument,
    SignedInstrument,
    SignedInstrumentRevocation,
    SignedVerification,
    instrument_bytes,
    instrument_revocation_bytes,
    verification_bytes,
)
from comity.domain.leaf import SEALED, LeafHeader
from comity.domain.passes import named_in
from comity.domain.query import Exchange
from comity.domain.verdict import VerdictProof
from comity.domain.vocabulary import Instrument, LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields
from comity.review.scope import (
    NOTE_CHARACTERS_MAX,
    is_case_number,
    wrong_classes,
    wrong_persons,
)
from comity.review.signatures import check_proof, check_time

__all__ = [
    "InstrumentError",
    "InstrumentNeededError",
    "InstrumentUnknownError",
    "check_file",
    "check_instrument_revocation",
    "check_registration",
    "check_verification",
    "covers_request",
    "instrument_revocation_leaf",
    "registration_leaf",
    "verification_leaf",
]

_DAY_SECONDS: Final = 86_400
_DIGEST_BYTES: Final = 32
_NUMBER: Final = re.compile(r"[A-Z0-9-]{1,32}")
_ISSUER_CHARACTERS_MIN: Final = 3
_CALLED_CHARACTERS_MAX: Final = 64


class InstrumentError(ComityError):
    """An instrument, or a word about one, does not have its form or says what cannot be."""

    code = "instrument-refused"


class InstrumentUnknownError(ComityError):
    """No instrument stands under this entry: it ended, was revoked, or never was."""

    code = "instrument-unknown"


class InstrumentNeededError(ComityError):
    """What is approved rests on an instrument that no two people have verified."""

    code = "instrument-needed"


def check_registration(signed: SignedInstrument, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled reviewer registers this, now.

    Raises: VerdictError, InstrumentError.
    """
    instrument = signed.instrument
    _check_registered(signed, key)
    check_time(instrument.at, now)
    if instrument.until <= now:
        raise InstrumentError("`until` is past")


def check_verification(
    signed: SignedVerification,
    key: ReviewerKey | None,
    registered: SignedInstrument,
    first: ReviewerKey | None,
    now: int,
) -> None:
    """Check that another enrolled reviewer verifies this, now. Raises: as above.

    `first` is the key of whoever registered it, if it is enrolled still.
    """
    _check_registered(registered, first)
    _check_verified(signed, key, registered.instrument, first)
    check_time(signed.verification.at, now)
    if registered.instrument.until <= now:
        raise InstrumentError("the instrument's time is over")


def check_file(file: InstrumentFile, first: ReviewerKey | None, second: ReviewerKey | None) -> None:
    """Check an instrument in itself, whatever the time; `second` verified it, if anyone did.

    Raises: VerdictError, InstrumentError.
    """
    _check_registered(file.registered, first)
    if file.verified is not None:
        _check_verified(file.verified, second, file.registered.instrument, first)


def check_instrument_revocation(
    signed: SignedInstrumentRevocation, key: ReviewerKey | None, now: int
) -> None:
    """Check that an enrolled reviewer revokes one, now. Raises: VerdictError, InstrumentError."""
    revocation = signed.revocation
    check_proof(signed.proof, key, revocation.reviewer, instrument_revocation_bytes(revocation))
    check_time(revocation.at, now)
    if parse_entry_name(revocation.instrument_entry)[0] != revocation.state:
        raise InstrumentError("`instrument_entry` is of another state")
    _check_note(revocation.note)


def covers_request(instrument: RegisteredInstrument, exchange: Exchange, now: int) -> bool:
    """Say whether a verified instrument is for this request: who asks, by what, about whom, when.

    # INVARIANT (fail-closed): what no judge, lawyer or person gave covers nothing.
    """
    claims = exchange.claims
    if (exchange.state, exchange.agency) != (instrument.state, instrument.agency):
        return False
    if (claims.instrument, claims.instrument_ref) != (instrument.kind, instrument.number):
        return False
    if instrument.kind not in OPENING or not claims.operator or not exchange.is_live:
        return False
    if instrument.case_number and claims.case_number != instrument.case_number:
        return False
    if not instrument.at <= now < instrument.until:
        return False
    persons = named_in(exchange.fields)
    return bool(persons) and persons <= frozenset(instrument.persons)


def registration_leaf(signed: SignedInstrument, now: int, *, is_veiled: bool) -> WantedLeaf:
    """Return the leaf of a registration. `is_veiled`: the public ledger must not say now whose it
    is.
    """
    instrument = signed.instrument
    return _leaf(
        instrument.state,
        now,
        signed.proof,
        kind=instrument.kind,
        agency=SEALED if is_veiled else instrument.agency,
        cites=instrument.hold_entry or None,
        agency_kept=instrument.agency,
        registered=instrument_bytes(instrument),
    )


def verification_leaf(signed: SignedVerification, kind: Instrument, now: int) -> WantedLeaf:
    """Return the leaf of a verification: an instrument without an agency that cites the first."""
    verification = signed.verification
    return _leaf(
        verification.state,
        now,
        signed.proof,
        kind=kind,
        cites=verification.instrument_entry,
        verified=verification_bytes(verification),
    )


def instrument_revocation_leaf(signed: SignedInstrumentRevocation, now: int) -> WantedLeaf:
    """Return the leaf of a revocation: an instrument `none` that cites the one that it ends."""
    revocation = signed.revocation
    return _leaf(
        revocation.state,
        now,
        signed.proof,
        kind=Instrument.NONE,
        cites=revocation.instrument_entry,
        revoked=instrument_revocation_bytes(revocation),
    )


def _leaf(
    member: Member,
    now: int,
    proof: VerdictProof,
    *,
    kind: Instrument,
    cites: str | None,
    agency: str | None = None,
    agency_kept: str = "",
    **paper: bytes,
) -> WantedLeaf:
    said = {name: text.decode() for name, text in paper.items()}
    return WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=LeafKind.INSTRUMENT,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=member,
            agency=agency,
            instrument=kind,
            cites=cites,
        ),
        fields=note_fields(
            **({"agency": agency_kept} if agency_kept else {}),
            **said,
            key=proof.key_id,
            signature=proof.signature.hex(),
        ),
    )


def _check_registered(signed: SignedInstrument, key: ReviewerKey | None) -> None:
    instrument = signed.instrument
    check_proof(signed.proof, key, instrument.reviewer, instrument_bytes(instrument))
    if instrument.kind not in APPOINTMENTS:
        raise InstrumentError("`kind` is none that can be registered")
    if instrument.appointment not in APPOINTMENTS[instrument.kind]:
        raise InstrumentError("`appointment` is none by which such an instrument is signed")
    _check_text("issuer", instrument.issuer, _ISSUER_CHARACTERS_MIN, ISSUER_CHARACTERS_MAX)
    if not _NUMBER.fullmatch(instrument.number):
        raise InstrumentError("`number` is not 1 to 32 of A-Z, 0-9 and hyphen")
    if instrument.case_number and not is_case_number(instrument.case_number):
        raise InstrumentError("`case_number` is not 1 to 20 of A-Z, 0-9 and hyphen")
    if wrong := wrong_persons(instrument.persons) or wrong_classes(instrument.classes):
        raise InstrumentError(wrong)
    # Somewhere it is a day later than in UTC.
    last = (datetime.fromtimestamp(instrument.at, UTC) + timedelta(days=1)).date()
    if instrument.issued_on > last:
        raise InstrumentError("`issued_on` is later than the day on which it was read")
    # Its row is kept so long from when it was signed, and none may outlive its row.
    if not 0 < instrument.until - instrument.at <= INSTRUMENT_DAYS_MAX * _DAY_SECONDS:
        raise InstrumentError(f"`until` is not within {INSTRUMENT_DAYS_MAX} days of `at`")
    _check_digest(instrument.document)
    if not 1 <= instrument.document_bytes <= DOCUMENT_BYTES_MAX:
        raise InstrumentError("`document_bytes` is not 1 to 100,000,000")
    if instrument.hold_entry and parse_entry_name(instrument.hold_entry)[0] != instrument.state:
        raise InstrumentError("`hold_entry` is of another state")
    _check_note(instrument.note)


def _check_verified(
    signed: SignedVerification,
    key: ReviewerKey | None,
    first: RegisteredInstrument,
    first_key: ReviewerKey | None,
) -> None:
    verification = signed.verification
    check_proof(signed.proof, key, verification.reviewer, verification_bytes(verification))
    if verification.state != first.state:
        raise InstrumentError("`state` is another than the instrument's")
    if parse_entry_name(verification.instrument_entry)[0] != verification.state:
        raise InstrumentError("`instrument_entry` is of another state")
    is_same_key = (
        key is not None and first_key is not None and key.verify_key == first_key.verify_key
    )
    if verification.reviewer == first.reviewer or is_same_key:
        raise InstrumentError("whoever registered an instrument cannot verify it")
    _check_digest(verification.document)
    if verification.document != first.document:
        raise InstrumentError("`document` is another document than the one that was registered")
    _check_text("called", verification.called, 1, _CALLED_CHARACTERS_MAX)
    _check_text("answered", verification.answered, 1, ANSWERED_CHARACTERS_MAX)
    _check_note(verification.note)


def _check_digest(document: bytes) -> None:
    if len(document) != _DIGEST_BYTES:
        raise InstrumentError("`document` is not a SHA-256")


def _check_text(name: str, text: str, shortest: int, longest: int) -> None:
    if not shortest <= len(text) <= longest or not text.isprintable() or text != text.strip():
        raise InstrumentError(f"`{name}` is not {shortest} to {longest} printable characters")


def _check_note(note: str) -> None:
    if len(note) > NOTE_CHARACTERS_MAX:
        raise InstrumentError("`note` is longer than 500 characters")
