"""What a reviewer's grant and its revocation are: whether they count, and their leaves.

# INVARIANT (review-is-verified): `check_pass` comes before a pass is recorded, `check_standing`
before it is used again after a start; both with the key that the directory has enrolled.
Source: docs/adr/0034-passes-and-urgent-lane.md.
"""

from __future__ import annotations

from typing import Final

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import parse_entry_name
from comity.domain.leaf import SEALED, LeafHeader
from comity.domain.passes import (
    PASS_DAYS_MAX,
    CasePass,
    SignedPass,
    SignedRevocation,
    named_in,
    pass_bytes,
    revocation_bytes,
)
from comity.domain.query import Exchange
from comity.domain.vocabulary import LeafKind, LeafMode, Purpose
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields
from comity.review.scope import (
    NOTE_CHARACTERS_MAX,
    is_case_number,
    wrong_classes,
    wrong_persons,
)
from comity.review.signatures import CLOCK_SECONDS_MAX, check_proof, check_time

__all__ = [
    "PassError",
    "PassUnknownError",
    "check_pass",
    "check_revocation",
    "check_standing",
    "covers",
    "pass_leaf",
    "revocation_leaf",
]

_DAY_SECONDS: Final = 86_400
_UNSAID: Final = frozenset({Purpose.OTHER, Purpose.NOT_STATED})


class PassError(ComityError):
    """A case pass, or its revocation, does not have its form or names what it may not."""

    code = "pass-refused"


class PassUnknownError(ComityError):
    """No case pass stands under this entry: it ended, was revoked, or never was."""

    code = "pass-unknown"


def check_pass(signed: SignedPass, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled reviewer grants this, now. Raises: VerdictError, PassError."""
    case_pass = signed.case_pass
    check_standing(signed, key)
    check_time(case_pass.at, now)
    if case_pass.since < case_pass.at - CLOCK_SECONDS_MAX:
        raise PassError("`since` is before the pass was signed")
    if case_pass.until <= now:
        raise PassError("`until` is past")
    # Its row is kept so long from when it was signed, and no pass may outlive its row.
    if case_pass.until > case_pass.at + PASS_DAYS_MAX * _DAY_SECONDS:
        raise PassError(f"`until` is not within {PASS_DAYS_MAX} days of `at`")


def check_standing(signed: SignedPass, key: ReviewerKey | None) -> None:
    """Check a pass in itself, whatever the time. Raises: VerdictError, PassError."""
    case_pass = signed.case_pass
    check_proof(signed.proof, key, case_pass.reviewer, pass_bytes(case_pass))
    if not is_case_number(case_pass.case_number):
        raise PassError("`case_number` is not 1 to 20 of A-Z, 0-9 and hyphen")
    if wrong := wrong_persons(case_pass.persons) or wrong_classes(case_pass.classes):
        raise PassError(wrong)
    if case_pass.purpose in _UNSAID:
        raise PassError("`purpose` is not one that a requester states")
    if not 0 < case_pass.until - case_pass.since <= PASS_DAYS_MAX * _DAY_SECONDS:
        raise PassError(f"`until` is not within {PASS_DAYS_MAX} days of `since`")
    if case_pass.hold_entry and parse_entry_name(case_pass.hold_entry)[0] != case_pass.state:
        raise PassError("`hold_entry` is of another state")
    if len(case_pass.note) > NOTE_CHARACTERS_MAX:
        raise PassError("`note` is longer than 500 characters")


def check_revocation(signed: SignedRevocation, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled reviewer revokes a pass, now. Raises: VerdictError, PassError."""
    revocation = signed.revocation
    check_proof(signed.proof, key, revocation.reviewer, revocation_bytes(revocation))
    check_time(revocation.at, now)
    if parse_entry_name(revocation.pass_entry)[0] != revocation.state:
        raise PassError("`pass_entry` is of another state")
    if len(revocation.note) > NOTE_CHARACTERS_MAX:
        raise PassError("`note` is longer than 500 characters")


def covers(case_pass: CasePass, exchange: Exchange, now: int) -> bool:
    """Say whether a pass is for this request: its agency, case, purpose, time and every person."""
    claims = exchange.claims
    if (exchange.state, exchange.agency) != (case_pass.state, case_pass.agency):
        return False
    if claims.case_number != case_pass.case_number or not claims.operator or not exchange.is_live:
        return False
    if case_pass.purpose is not None and claims.purpose is not case_pass.purpose:
        return False
    if not case_pass.since <= now < case_pass.until:
        return False
    persons = named_in(exchange.fields)
    return bool(persons) and persons <= frozenset(case_pass.persons)


def pass_leaf(signed: SignedPass, now: int, *, is_veiled: bool) -> WantedLeaf:
    """Return the leaf of a grant. `is_veiled`: the public ledger must not say now whose it is."""
    case_pass = signed.case_pass
    purpose = case_pass.purpose.value if case_pass.purpose is not None else None
    return WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=LeafKind.PASS,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=case_pass.state,
            agency=SEALED if is_veiled else case_pass.agency,
            purpose=purpose,
            released=case_pass.classes,
            cites=case_pass.hold_entry or None,
        ),
        fields=note_fields(
            agency=case_pass.agency,
            purpose=purpose or "",
            granted=pass_bytes(case_pass).decode(),
            key=signed.proof.key_id,
            signature=signed.proof.signature.hex(),
        ),
    )


def revocation_leaf(signed: SignedRevocation, agency: str, now: int) -> WantedLeaf:
    """Return the leaf of a revocation: a pass of no class that cites the one it ends.

    `agency` is what the pass's own leaf shows, so that this one shows no more.
    """
    revocation = signed.revocation
    return WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=LeafKind.PASS,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=revocation.state,
            agency=agency,
            released=(),
            cites=revocation.pass_entry,
        ),
        fields=note_fields(
            revoked=revocation_bytes(revocation).decode(),
            key=signed.proof.key_id,
            signature=signed.proof.signature.hex(),
        ),
    )
