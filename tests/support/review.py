"""Case passes, revocations and looks as the practice reviewer signs them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.after_review import (
    AfterReview,
    Desk,
    DeskReading,
    SignedAfterReview,
    SignedDeskReading,
    after_review_bytes,
    desk_reading_bytes,
)
from comity.domain.appeal import (
    AppealDecision,
    AppealFinding,
    AppealStands,
    SignedAppealFinding,
    appeal_finding_bytes,
)
from comity.domain.claim_check import (
    ClaimFinding,
    ClaimStands,
    SignedClaimFinding,
    claim_finding_bytes,
)
from comity.domain.given_notice import (
    GivenHow,
    GivenNotice,
    SignedGivenNotice,
    given_notice_bytes,
)
from comity.domain.ids import ORI, Member
from comity.domain.onward import (
    OnwardQuestion,
    OnwardStands,
    Receives,
    SignedOnwardQuestion,
    onward_question_bytes,
)
from comity.domain.passes import (
    CasePass,
    NamedBy,
    PassPerson,
    PassRevocation,
    SignedPass,
    SignedRevocation,
    pass_bytes,
    revocation_bytes,
)
from comity.domain.query import Claims
from comity.domain.re_review import ReReview, SignedReReview, re_review_bytes
from comity.domain.verdict import Ed25519Proof, VerdictKind
from comity.domain.vocabulary import DataClass, Emergency, Purpose
from comity.link.appeals import AppealView, FirstVerdict
from comity.link.claims import ClaimView
from comity.link.onward import OnwardAsked, OnwardShown, OnwardTold
from tests.support.exchange import KEY_ID, PRIVATE_KEY, REVIEWER, SUPERVISOR, SUPERVISOR_KEY

__all__ = [
    "APPEAL",
    "CASE",
    "CLAIM",
    "DAY",
    "DQ",
    "LICENSEE",
    "ONWARD",
    "URGENT",
    "appeal_finding",
    "case_pass",
    "claim_finding",
    "given",
    "look",
    "proof_of",
    "reading",
    "revocation",
    "signed_appeal",
    "signed_finding",
    "signed_given",
    "signed_look",
    "signed_pass",
    "signed_question",
    "signed_reading_of",
    "signed_revocation",
]

NOW = 1_795_500_000
DAY = 86_400
DQ = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)
LICENSEE = PassPerson(by=NamedBy.LICENCE, value="PX000204K7")
CASE = Claims(purpose=Purpose.CRIMINAL_INVESTIGATION, case_number="HS-26-88", operator="H2210")
URGENT = msgspec.structs.replace(CASE, emergency=Emergency.DECLARED)
WA = Member("wa")
ONWARD = OnwardShown(
    told=(
        OnwardTold(
            entry="wa/12",
            release="wa/8",
            at=NOW,
            receives=Receives.REFUSED,
            agency="TXPX00001",
            to="A county task force",
            purpose="civil_immigration",
            on=date(2026, 11, 24),
            classes=DQ,
            refused=DQ[:1],
            text="By phone.",
        ),
    ),
    asked=(
        OnwardAsked(
            entry="wa/9",
            release="wa/8",
            stands=OnwardStands.OPEN,
            asked_at=NOW,
            due=NOW + 10 * DAY,
            agency="TXPX00001",
        ),
    ),
    told_count=1,
    asked_count=1,
    size=13,
)
CLAIM = ClaimView(
    entry="wa/8",
    asked_entry="wa/9",
    stands=ClaimStands.ANSWERED,
    asked_at=NOW,
    due=NOW + 10 * DAY,
    answer_count=1,
    agency="TXPX00001",
    agency_name="Austin Practice Police",
    purpose="criminal_investigation",
    case_number="HS-26-88",
    classes=DQ,
    accepted_at=NOW,
    answers=("Docket 26-118.",),
)
"""A claim check of Washington that its agency has answered, as the desk shows it."""


APPEAL = AppealView(
    entry="wa/8",
    appeal_entry="wa/9",
    stands=AppealStands.OPEN,
    filed_at=NOW,
    due=NOW + 15 * DAY,
    refused_at=NOW,
    classes=DQ,
    key="DQ",
    is_by_person=True,
    rules=("WA-1",),
    agency="TXPX00001",
    agency_name="Austin Practice Police",
    purpose="criminal_investigation",
    case_number="HS-26-88",
    hold_entry="wa/5",
    operator="H2210",
    search=(("OLN", "PX000204K7"),),
    text="The docket was not read.",
    wrote_at=NOW,
    wrote_by="S1",
    verdicts=(FirstVerdict(reviewer=REVIEWER, at=NOW, kind=VerdictKind.REFUSE, note="no docket"),),
)
"""An appeal to Washington against a person's refusal, as whoever decides is shown it."""


def case_pass(**changes: Any) -> CasePass:
    """A week's pass of Washington for a Texas agency's case about one licence."""
    base = CasePass(
        state=WA,
        agency=ORI("TXPX00001"),
        case_number="HS-26-88",
        persons=(LICENSEE,),
        classes=DQ,
        since=NOW,
        until=NOW + 7 * DAY,
        reviewer=REVIEWER,
        at=NOW,
    )
    return msgspec.structs.replace(base, **changes)


def revocation(entry: str, **changes: Any) -> PassRevocation:
    """The end of a pass of Washington."""
    base = PassRevocation(state=WA, pass_entry=entry, reviewer=REVIEWER, at=NOW)
    return msgspec.structs.replace(base, **changes)


def look(entry: str, **changes: Any) -> AfterReview:
    """A look at an urgent release of Washington, its agency called back."""
    base = AfterReview(
        state=WA,
        entry=entry,
        justified=True,
        called="555-0111",
        called_at=NOW,
        answered="the desk sergeant confirmed the case",
        reviewer=REVIEWER,
        at=NOW,
    )
    return msgspec.structs.replace(base, **changes)


def reading(desk: Desk, entry: str = "", **changes: Any) -> DeskReading:
    """A reviewer's wish to read a desk."""
    base = DeskReading(state=WA, desk=desk, entry=entry, reviewer=REVIEWER, at=NOW)
    return msgspec.structs.replace(base, **changes)


def given(entry: str, **changes: Any) -> GivenNotice:
    """A notice about a request of Washington, posted the day before."""
    base = GivenNotice(
        state=WA,
        entry=entry,
        law="WA-PRACTICE",
        clause="tell",
        how=GivenHow.POST,
        on=datetime.fromtimestamp(NOW - DAY, UTC).date(),
        reviewer=REVIEWER,
        at=NOW,
    )
    return msgspec.structs.replace(base, **changes)


def signed_given(made: GivenNotice) -> SignedGivenNotice:
    """The notice as the enrolled reviewer signs it."""
    return SignedGivenNotice(notice=made, proof=proof_of(given_notice_bytes(made)))


def again(entry: str, **changes: Any) -> ReReview:
    """A second look at a verdict of Washington, which refuses."""
    base = ReReview(state=WA, verdict_entry=entry, approved=(), reviewer=REVIEWER, at=NOW)
    return msgspec.structs.replace(base, **changes)


def signed_again(made: ReReview) -> SignedReReview:
    """The second look as the enrolled reviewer signs it."""
    return SignedReReview(review=made, proof=proof_of(re_review_bytes(made)))


def claim_finding(entry: str, *, proved: bool, **changes: Any) -> ClaimFinding:
    """What the practice reviewer found of a claim in Washington."""
    base = ClaimFinding(state=WA, entry=entry, proved=proved, reviewer=REVIEWER, at=NOW)
    return msgspec.structs.replace(base, **changes)


def signed_finding(made: ClaimFinding) -> SignedClaimFinding:
    """The finding as the enrolled reviewer signs it."""
    return SignedClaimFinding(finding=made, proof=proof_of(claim_finding_bytes(made)))


def signed_question(entry: str, **changes: Any) -> SignedOnwardQuestion:
    """The enrolled person's question to whom a release of Washington's was passed on."""
    base = OnwardQuestion(state=WA, entry=entry, asker=REVIEWER, at=NOW)
    question = msgspec.structs.replace(base, **changes)
    return SignedOnwardQuestion(question=question, proof=proof_of(onward_question_bytes(question)))


def appeal_finding(entry: str, decision: AppealDecision, **changes: Any) -> AppealFinding:
    """What Washington's supervisor, who had no part in a refusal, found of an appeal."""
    base = AppealFinding(
        state=WA,
        appealed_entry=entry,
        decision=decision,
        classes=DQ if decision is AppealDecision.GRANTED else (),
        reviewer=SUPERVISOR.name,
        at=NOW,
    )
    return msgspec.structs.replace(base, **changes)


def signed_appeal(
    made: AppealFinding, key: Ed25519PrivateKey = SUPERVISOR_KEY, key_id: str = SUPERVISOR.key_id
) -> SignedAppealFinding:
    """The finding as the supervisor signs it."""
    signature = key.sign(appeal_finding_bytes(made))
    return SignedAppealFinding(finding=made, proof=Ed25519Proof(key_id=key_id, signature=signature))


def proof_of(message: bytes, key: Ed25519PrivateKey = PRIVATE_KEY) -> Ed25519Proof:
    """The enrolled reviewer's signature."""
    return Ed25519Proof(key_id=KEY_ID, signature=key.sign(message))


def signed_pass(made: CasePass) -> SignedPass:
    """The pass as the enrolled reviewer signs it."""
    return SignedPass(case_pass=made, proof=proof_of(pass_bytes(made)))


def signed_revocation(made: PassRevocation) -> SignedRevocation:
    """The revocation as the enrolled reviewer signs it."""
    return SignedRevocation(revocation=made, proof=proof_of(revocation_bytes(made)))


def signed_look(made: AfterReview) -> SignedAfterReview:
    """The look as the enrolled reviewer signs it."""
    return SignedAfterReview(review=made, proof=proof_of(after_review_bytes(made)))


def signed_reading_of(made: DeskReading) -> SignedDeskReading:
    """The reading as the enrolled reviewer signs it."""
    return SignedDeskReading(reading=made, proof=proof_of(desk_reading_bytes(made)))
