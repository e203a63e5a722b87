"""Appeals: what can be appealed and until when, what a finding must hold, and what leaves say.

Guarantee: a finding releases nothing. Whether an appeal is in time, and when it is overdue, follows
from public leaves and the state's calendar alone.
# INVARIANT (review-is-verified): `check_finding` comes first, with the enrolled key.
# INVARIANT (state-decides): what the rules refused no person grants (`check_fits`).
Source: docs/adr/0057-appeals.md.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.appeal import (
    APPEAL_NOTE_CHARS_MAX,
    AppealDecision,
    AppealFinding,
    SignedAppealFinding,
    appeal_finding_bytes,
)
from comity.domain.decision import REVIEW_RULE
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, LeafIndex, Member, entry_name, make_id, parse_entry_name
from comity.domain.keys import Handling, MessageKey, key_row
from comity.domain.leaf import SEALED, LeafHeader
from comity.domain.passes import SignedPass, named_in
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode, Purpose
from comity.exchange.appeals import APPEAL_DAYS
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf, ordered
from comity.exchange.private import note_fields
from comity.policy.check import NO_RULE, RESERVED_IDS
from comity.review.calendars import Calendar, add_business_days
from comity.review.deadlines import end_of_day, local_date
from comity.review.scope import is_case_number
from comity.review.signatures import check_proof, check_time

__all__ = [
    "DECIDE_DAYS",
    "AppealByAnotherError",
    "AppealDoneError",
    "AppealFindingError",
    "NoAppeal",
    "Refusal",
    "RefusalSaid",
    "check_finding",
    "check_fits",
    "check_grant",
    "due_of",
    "finding_id",
    "finding_leaf",
    "held_by",
    "is_late",
    "is_refusal",
    "last_day_of",
    "overdue_id",
    "overdue_leaf",
    "refused_remark",
    "shows_no_more",
    "why_no_pass",
]

DECIDE_DAYS: Final = 10
"""Business days of the state in which an appeal is decided."""
_NS: Final = 1_000_000_000
_FOUND: Final = b"comity/appeal-found/v1\n"
_OVERDUE: Final = b"comity/appeal-overdue/v1\n"
_NO_RULES: Final = (RESERVED_IDS | {REVIEW_RULE}) - {NO_RULE}
_DECISIONS: Final = {
    AppealDecision.GRANTED: LeafDecision.APPROVE,
    AppealDecision.UPHELD: LeafDecision.REFUSE,
    AppealDecision.FOR_RULES: LeafDecision.ESCALATE,
}


class AppealFindingError(ComityError):
    """A finding about an appeal has a part that has not its form, or does not fit the refusal."""

    code = "appeal-finding-refused"


class AppealDoneError(ComityError):
    """No appeal waits under this entry: it was decided, or there was none."""

    code = "appeal-done"


class AppealByAnotherError(ComityError):
    """Whoever had a part in a refusal does not decide the appeal against it."""

    code = "appeal-needs-another"


class NoAppeal(StrEnum):
    """Why a message that says it is an appeal is delivered as any message is."""

    UNKNOWN = "appeal-unknown"
    """Its agency has no such refusal: one code, so that nobody learns of another's."""
    LATE = "appeal-too-late"
    REPEATED = "appeal-repeated"
    SHOWS = "appeal-shows-detail"
    """Its public leaf would show what the one of the refusal keeps sealed."""


_WHY: Final = {
    NoAppeal.UNKNOWN: "YOUR AGENCY HAS NO SUCH REFUSAL HERE",
    NoAppeal.LATE: f"{APPEAL_DAYS} DAYS HAVE PASSED - ASK AGAIN",
    NoAppeal.REPEATED: "IT WAS APPEALED ALREADY",
    NoAppeal.SHOWS: "STATE THE PURPOSE OF THE REQUEST WITH IT",
}


class RefusalSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind a refusal in its private record; `rules` are those that decided."""

    agency: ORI
    purpose: Purpose
    case_number: str
    operator: str
    search: tuple[tuple[str, str], ...]
    rules: tuple[str, ...]
    accepted_at: int


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal as its leaves tell it.

    `index` is the `denial` leaf, or the `closure` of a hold that nobody decided, recorded in `hour`
    (since 1970). `request` is the leaf whose record says what was asked, `key` its message key and
    `shown` the agency as the public sees it there. `hold` is the hold that a person decided or did
    not, None where the rules alone refused; `verdict` the leaf that ended it, if a person did.
    """

    member: Member
    index: LeafIndex
    hour: int
    classes: tuple[DataClass, ...]
    request: LeafIndex
    key: MessageKey
    shown: str
    hold: LeafIndex | None = None
    verdict: LeafIndex | None = None

    @property
    def entry(self) -> str:
        """What the refusal is cited as."""
        return entry_name(self.member, self.index)

    @property
    def is_undecided(self) -> bool:
        """Whether nobody decided it in time."""
        return self.hold is not None and self.verdict is None

    def is_by_person(self, said: RefusalSaid) -> bool:
        """Say whether a person refused a part of it, or did not decide it in time."""
        return self.is_undecided or (self.verdict is not None and REVIEW_RULE in said.rules)

    def rules(self, said: RefusalSaid) -> tuple[str, ...]:
        """Return the state's own rules that refused or held it, or that none does."""
        return tuple(rule for rule in said.rules if rule not in _NO_RULES)


def is_refusal(header: LeafHeader) -> bool:
    """Say whether a leaf may be appealed, by itself: what a closure cites decides in the end."""
    if header.mode is not LeafMode.LIVE:
        return False
    is_closure = header.kind is LeafKind.CLOSURE and header.decision is LeafDecision.EXPIRED
    return is_closure or header.kind is LeafKind.DENIAL


def held_by(hold: LeafHeader) -> bool:
    """Say whether a hold waited for a person of the state, as far as its public leaf tells.

    A message waits for the agency that it is for as well; whoever did not answer that refused
    nothing.
    """
    is_hold = hold.kind is LeafKind.HOLD and hold.mode is LeafMode.LIVE
    return is_hold and key_row(MessageKey(hold.key or "")).handling is not Handling.AGENCY


def last_day_of(hour: int, calendar: Calendar) -> date:
    """Return the last day on which a refusal of an hour can be appealed, in the state's zone."""
    return local_date(calendar, _moment(hour)) + timedelta(days=APPEAL_DAYS)


def is_late(hour: int, now: int, calendar: Calendar) -> bool:
    """Say whether a refusal of an hour can be appealed no more."""
    return local_date(calendar, datetime.fromtimestamp(now, UTC)) > last_day_of(hour, calendar)


def due_of(hour: int, calendar: Calendar) -> int:
    """Return the first second (Unix) at which an appeal that came in an hour is overdue."""
    # Every state's zone is whole hours from UTC: the hour tells the day.
    day = add_business_days(calendar, local_date(calendar, _moment(hour)), DECIDE_DAYS)
    return int(end_of_day(calendar, day).timestamp()) + 1


def shows_no_more(agency: str | None, refusal: Refusal) -> bool:
    """Say whether a leaf that shows this agency tells no more than the refusal that it cites."""
    is_open = refusal.shown != SEALED and ":" not in refusal.shown
    return is_open or agency == refusal.shown


def refused_remark(why: NoAppeal) -> str:
    """Return what the answer to a message says that was not taken as an appeal."""
    return f"NOT TAKEN AS AN APPEAL ({why}): {_WHY[why]}"


def why_no_pass(key: MessageKey, said: RefusalSaid) -> str:
    """Return why no case pass can carry a grant; empty where one can."""
    if key_row(key).handling is not Handling.RECORDS:
        return "it asked for no record"
    if not is_case_number(said.case_number):
        return "the request names no case"
    if not named_in(said.search):
        return "the request names nobody as a pass can name them"
    return ""


def check_finding(signed: SignedAppealFinding, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled person signed a finding now, and its form.

    Raises: VerdictError, AppealFindingError.
    """
    finding = signed.finding
    check_proof(signed.proof, key, finding.reviewer, appeal_finding_bytes(finding))
    check_time(finding.at, now)
    if parse_entry_name(finding.appealed_entry)[0] != finding.state:
        raise AppealFindingError("`appealed_entry` is of another state")
    if len(finding.note) > APPEAL_NOTE_CHARS_MAX:
        raise AppealFindingError(f"`note` is longer than {APPEAL_NOTE_CHARS_MAX} characters")
    if finding.classes != ordered(finding.classes):
        raise AppealFindingError("`classes` are not in order, or one stands twice")
    if (finding.decision is AppealDecision.GRANTED) != bool(finding.classes):
        raise AppealFindingError("`classes` are not what this decision carries")


def check_fits(finding: AppealFinding, refusal: Refusal, said: RefusalSaid) -> None:
    """Check that a finding can be made of this refusal. Raises: AppealFindingError."""
    if not set(finding.classes) <= set(refusal.classes):
        raise AppealFindingError("`classes` has one that was not refused")
    match finding.decision:
        case AppealDecision.GRANTED if not refusal.is_by_person(said):
            raise AppealFindingError("`decision` grants what the rules refused: two people change")
        case AppealDecision.FOR_RULES if not refusal.rules(said):
            raise AppealFindingError("`decision` is for the rules, and none of them refused")
        case _:
            pass


def check_grant(
    signed: SignedAppealFinding, grant: SignedPass | None, refusal: Refusal, said: RefusalSaid
) -> None:
    """Check that a grant comes with its case pass, where one can be made, and no other.

    Whether the pass counts, its own check says. Raises: AppealFindingError.
    """
    finding = signed.finding
    is_wanted = finding.decision is AppealDecision.GRANTED and not why_no_pass(refusal.key, said)
    if is_wanted != (grant is not None):
        raise AppealFindingError("`grant` is not what this decision carries")
    if grant is None:
        return
    granted, hold = grant.case_pass, refusal.hold
    wanted = (
        finding.state,
        finding.reviewer,
        signed.proof.key_id,
        said.agency,
        said.case_number,
        tuple(sorted(named_in(said.search))),
        finding.classes,
        "" if hold is None else entry_name(refusal.member, hold),
    )
    if wanted != (
        granted.state,
        granted.reviewer,
        grant.proof.key_id,
        granted.agency,
        granted.case_number,
        granted.persons,
        granted.classes,
        granted.hold_entry,
    ):
        raise AppealFindingError("`grant` is no pass for what was refused, by whom decides")


def finding_leaf(
    signed: SignedAppealFinding, refusal: Refusal, rules: tuple[str, ...], grant: str, now: int
) -> WantedLeaf:
    """Return the leaf of a finding: a verdict that cites the refusal.

    `rules` are those that are the question; `grant` is the entry of the case pass, if there is one.
    """
    finding = signed.finding
    header = LeafHeader(
        version=1,
        kind=LeafKind.VERDICT,
        mode=LeafMode.LIVE,
        hour=now // HOUR_SECONDS,
        member=finding.state,
        released=finding.classes,
        withheld=ordered([each for each in refusal.classes if each not in finding.classes]),
        decision=_DECISIONS[finding.decision],
        cites=refusal.entry,
    )
    fields = note_fields(
        appeal_finding=appeal_finding_bytes(finding).decode(),
        key=signed.proof.key_id,
        signature=signed.proof.signature.hex(),
        granted=grant,
        rules=",".join(rules),
    )
    return WantedLeaf(step=0, header=header, fields=fields)


def overdue_leaf(member: Member, appeal: LeafIndex, due: int, now: int) -> WantedLeaf:
    """Return the leaf that says that nobody decided an appeal in time."""
    entry = entry_name(member, appeal)
    header = LeafHeader(
        version=1,
        kind=LeafKind.CLOSURE,
        mode=LeafMode.LIVE,
        hour=now // HOUR_SECONDS,
        member=member,
        decision=LeafDecision.EXPIRED,
        cites=entry,
    )
    return WantedLeaf(step=0, header=header, fields=note_fields(appeal=entry, due=str(due)))


def finding_id(refusal: Refusal) -> bytes:
    """Return the id of a finding's leaf: derived, so that an appeal is decided once."""
    return _id(_FOUND, refusal.entry, refusal.hour)


def overdue_id(member: Member, appeal: LeafIndex, hour: int) -> bytes:
    """Return the id of the leaf that says that an appeal of an hour is overdue."""
    return _id(_OVERDUE, entry_name(member, appeal), hour)


def _id(prefix: bytes, entry: str, hour: int) -> bytes:
    digest = sha256(prefix + entry.encode()).digest()
    return make_id(hour * HOUR_SECONDS * _NS, digest[:8])


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)
