"""Claim checks: which releases are checked, until when an agency has time, and what leaves say.

Guarantee: who is checked and when the time is over follow from public leaves and the share alone.
# INVARIANT (review-is-verified): `check_finding` comes first, with the enrolled key.
Source: docs/adr/0052-claim-checks.md.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.claim_check import SignedClaimFinding, claim_finding_bytes
from comity.domain.errors import ComityError, MalformedError
from comity.domain.ids import (
    ORI,
    Member,
    entry_name,
    make_id,
    member_label,
    member_zone,
    parse_entry_name,
    parse_ori,
    wire_of_member,
)
from comity.domain.keys import Handling, MessageKey, key_row
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode, Purpose
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields
from comity.review.signatures import check_proof, check_time
from comity.review.tables import read_table

__all__ = [
    "ANSWER_DAYS",
    "CLAIM_NOTE_CHARACTERS_MAX",
    "ClaimDoneError",
    "ClaimFindingError",
    "ClaimShare",
    "ClaimsFileError",
    "asked_leaf",
    "begun_check",
    "can_be_checked",
    "check_finding",
    "check_id",
    "due_of",
    "finding_leaf",
    "is_sampled",
    "last_day",
    "parse_share",
    "question_text",
    "unanswered_leaf",
    "waiting_sentence",
]

ANSWER_DAYS: Final = 10
"""Calendar days that an agency has to answer."""
CLAIM_NOTE_CHARACTERS_MAX: Final = 500
_MILLION: Final = 1_000_000
_HASH_BYTES: Final = 8
_NS: Final = 1_000_000_000
_PREFIX: Final = b"comity/claim-check/v1\n"


class ClaimsFileError(MalformedError):
    """A state's file of claim checks does not have its form."""

    code = "claims-file-malformed"


class ClaimFindingError(ComityError):
    """A finding about a claim has a part that has not its form."""

    code = "claim-finding-refused"


class ClaimDoneError(ComityError):
    """No claim check stands under this entry: it was proved, or there was none."""

    code = "claim-check-done"


class _ShareFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    per_million: Annotated[int, msgspec.Meta(ge=0, le=_MILLION)]
    asks_as: str


class ClaimShare(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a million releases a state checks, and the agency in whose name it asks."""

    per_million: int
    asks_as: ORI


def parse_share(data: bytes) -> ClaimShare:
    """Return what a state's TOML file of claim checks says. Raises: ClaimsFileError."""
    said = read_table(data, _ShareFile, "a file of claim checks", ClaimsFileError)
    try:
        return ClaimShare(per_million=said.per_million, asks_as=parse_ori(said.asks_as))
    except ComityError:
        raise ClaimsFileError("`asks_as` is no ORI") from None


def is_sampled(leaf_hash: bytes, per_million: int) -> bool:
    """Say whether a share takes a leaf: by its hash alone, the same for whoever computes it."""
    drawn = int.from_bytes(leaf_hash[:_HASH_BYTES], "big")
    return drawn * _MILLION < per_million << (8 * _HASH_BYTES)


def can_be_checked(header: LeafHeader) -> bool:
    """Say whether a leaf is a release of records to an agency of another member."""
    return (
        header.kind is LeafKind.DISCLOSURE
        and header.mode is LeafMode.LIVE
        and header.result == "record"
        and bool(header.released)
        and header.peer is not None
        and parse_entry_name(header.peer)[0] != header.member
        and key_row(MessageKey(header.key or "")).handling is Handling.RECORDS
    )


def begun_check(header: LeafHeader) -> str | None:
    """Return what a leaf cites that may begin a check, as far as it tells by itself, or None.

    A reviewer's question about a hold names no class, nor does one to whom a release was passed on.
    """
    is_ask = header.kind is LeafKind.VERDICT and header.decision is LeafDecision.ASK
    return header.cites if is_ask and header.mode is LeafMode.LIVE and header.released else None


def last_day(hour: int, member: Member) -> date:
    """Return the last day to answer what was asked in an hour (since 1970), in the state's zone."""
    zone = ZoneInfo(member_zone(member))
    asked = datetime.fromtimestamp(hour * HOUR_SECONDS, UTC).astimezone(zone).date()
    return asked + timedelta(days=ANSWER_DAYS)


def due_of(hour: int, member: Member) -> int:
    """Return the first second (Unix) at which the time to answer is over."""
    # By the calendar and not by seconds: a day may have 23 or 25 hours.
    after = datetime.combine(last_day(hour, member) + timedelta(days=1), time())
    return int(after.replace(tzinfo=ZoneInfo(member_zone(member))).timestamp())


def check_id(member: Member, index: int, hour: int) -> bytes:
    """Return the id of a check's leaves: derived from its disclosure, so that it begins once."""
    digest = sha256(_PREFIX + entry_name(member, index).encode()).digest()
    return make_id(hour * HOUR_SECONDS * _NS, digest[:8])


def question_text(entry: str, key: str, day: date, claim: tuple[Purpose, str], by: date) -> str:
    """Return what an agency is asked: `day` is that of the release, `by` the last to answer.

    Nobody in the record is named, because a message is read by a whole desk.
    """
    member, _ = parse_entry_name(entry)
    purpose, case_number = claim
    case = f"case {case_number}" if case_number else "no case number"
    name = entry.upper()
    return (
        f"CLAIM CHECK {name}\n"
        f"{member_label(member)} released data to your agency on {day:%Y-%m-%d} ({key}), for the "
        f"purpose {purpose.value}, {case}. It was drawn by lot for a check.\n"
        "Name what proves the case: its report, docket or warrant, and who can confirm it.\n"
        f"Answer by the end of {by:%Y-%m-%d} by a message to {wire_of_member(member)} with this "
        f"first line:\nREPLY TO {name}\n"
        f"Say below it, or in a message of its own, to whom you passed this on, by the lines "
        f"PASSED ON {name}, TO (agency, name or NOBODY), FOR (purpose), ON (day), WHAT (parts).\n"
        "Without an answer a person of the state decides what your agency asks for this purpose."
    )


def waiting_sentence(entry: str, contact: str) -> str:
    """Return why a request waits for a person, and whom to call; printable ASCII."""
    call = f"Call the state: {contact}." if contact else "Call the state."
    return f"The claim behind release {entry.upper()} is not proved: a person decides. {call}"


def check_finding(signed: SignedClaimFinding, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled reviewer signed a finding now. Raises: VerdictError,
    ClaimFindingError.
    """
    finding = signed.finding
    check_proof(signed.proof, key, finding.reviewer, claim_finding_bytes(finding))
    check_time(finding.at, now)
    if parse_entry_name(finding.entry)[0] != finding.state:
        raise ClaimFindingError("`entry` is of another state")
    if len(finding.note) > CLAIM_NOTE_CHARACTERS_MAX:
        raise ClaimFindingError(f"`note` is longer than {CLAIM_NOTE_CHARACTERS_MAX} characters")


def asked_leaf(
    disclosure: LeafHeader, index: int, share: ClaimShare, leaf_hash: bytes, now: int
) -> WantedLeaf:
    """Return the leaf that says that a check of this disclosure began, and under which share."""
    entry = entry_name(disclosure.member, index)
    header = LeafHeader(
        version=1,
        kind=LeafKind.VERDICT,
        mode=LeafMode.LIVE,
        hour=now // HOUR_SECONDS,
        member=disclosure.member,
        released=disclosure.released,
        withheld=(),
        decision=LeafDecision.ASK,
        cites=entry,
    )
    fields = note_fields(
        check=entry,
        share=str(share.per_million),
        leaf=leaf_hash.hex(),
        asked_by=share.asks_as,
    )
    return WantedLeaf(step=0, header=header, fields=fields)


def unanswered_leaf(member: Member, asked: str, step: int, times: tuple[int, int]) -> WantedLeaf:
    """Return the leaf that says that no answer came; `times` are when it was due, and now."""
    due, now = times
    header = LeafHeader(
        version=1,
        kind=LeafKind.CLOSURE,
        mode=LeafMode.LIVE,
        hour=now // HOUR_SECONDS,
        member=member,
        decision=LeafDecision.EXPIRED,
        cites=asked,
    )
    return WantedLeaf(step=step, header=header, fields=note_fields(asked=asked, due=str(due)))


def finding_leaf(
    signed: SignedClaimFinding,
    asked: str,
    classes: tuple[DataClass, ...],
    *,
    step: int,
    now: int,
) -> WantedLeaf:
    """Return the leaf of a finding: a verdict that cites the `ask` of its check."""
    finding = signed.finding
    header = LeafHeader(
        version=1,
        kind=LeafKind.VERDICT,
        mode=LeafMode.LIVE,
        hour=now // HOUR_SECONDS,
        member=finding.state,
        released=classes if finding.proved else (),
        withheld=() if finding.proved else classes,
        decision=LeafDecision.APPROVE if finding.proved else LeafDecision.REFUSE,
        cites=asked,
    )
    fields = note_fields(
        finding=claim_finding_bytes(finding).decode(),
        key=signed.proof.key_id,
        signature=signed.proof.signature.hex(),
    )
    return WantedLeaf(step=step, header=header, fields=fields)
