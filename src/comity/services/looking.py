"""One person at the desks beside holds: urgent releases, passes, claims, tests, transfers, appeals.

INVARIANT (review-is-verified): what gives a command effect is the reviewer's signature, made by
`Reviewer.sign` alone; one entry that is shown with its person is recorded by the gateway first.
Source: docs/adr/0034-passes-and-urgent-lane.md.
"""

from __future__ import annotations

from collections.abc import Callable

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
    SignedAppealFinding,
    appeal_finding_bytes,
)
from comity.domain.claim_check import ClaimFinding, SignedClaimFinding, claim_finding_bytes
from comity.domain.ids import parse_ori
from comity.domain.onward import (
    OnwardQuestion,
    SignedOnwardQuestion,
    onward_question_bytes,
)
from comity.domain.passes import (
    PassRevocation,
    SignedPass,
    SignedRevocation,
    named_in,
    pass_bytes,
    revocation_bytes,
)
from comity.domain.planted import PlantingOrder, SignedPlantingOrder, planting_order_bytes
from comity.domain.re_review import ReReview, SignedReReview, re_review_bytes
from comity.domain.vocabulary import DataClass
from comity.link.appeals import AppealView, DecideAppeal
from comity.link.command import CommandDone
from comity.link.review import (
    AskOnward,
    DeskShown,
    FindClaim,
    GiveReReview,
    PlantCase,
    ReadDesk,
    ReviewRelease,
    RevokePass,
)
from comity.ports import Bus
from comity.services.granting import Granter
from comity.services.reviewing import Reviewer
from comity.services.sending import send_command

__all__ = ["Looking"]


class Looking:
    """Each of these raises GatewayRefusalError with the gateway's code, and GatewaySilentError."""

    def __init__(
        self, *, bus: Bus, host: str, reviewer: Reviewer, now: Callable[[], float]
    ) -> None:
        self._bus = bus
        self._host = host
        self._reviewer = reviewer
        self._now = now

    async def read(self, desk: Desk, entry: str = "") -> DeskShown:
        """Return a desk's list, or one entry with whom it is about, which is recorded first."""
        reading = DeskReading(
            state=self._reviewer.state,
            desk=desk,
            entry=entry,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(desk_reading_bytes(reading))
        command = ReadDesk(signed=SignedDeskReading(reading=reading, proof=proof))
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, DeskShown)
        return result

    async def look(
        self, entry: str, *, justified: bool, called: str, answered: str, note: str
    ) -> str:
        """Record what was found of an urgent release, called back now; return the leaf's entry."""
        now = int(self._now())
        review = AfterReview(
            state=self._reviewer.state,
            entry=entry,
            justified=justified,
            called=called,
            called_at=now,
            answered=answered,
            note=note,
            reviewer=self._reviewer.name,
            at=now,
        )
        proof = self._reviewer.sign(after_review_bytes(review))
        command = ReviewRelease(signed=SignedAfterReview(review=review, proof=proof))
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, CommandDone)
        return result.entry

    async def look_again(self, entry: str, approved: tuple[DataClass, ...], note: str) -> str:
        """Record what this reviewer would have decided in another's place; return the entry."""
        review = ReReview(
            state=self._reviewer.state,
            verdict_entry=entry,
            approved=approved,
            note=note,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(re_review_bytes(review))
        command = GiveReReview(signed=SignedReReview(review=review, proof=proof))
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, CommandDone)
        return result.entry

    async def plant(self, at: int) -> str:
        """Order one test case; return its hold's entry. The same `at` again is the same case."""
        order = PlantingOrder(state=self._reviewer.state, reviewer=self._reviewer.name, at=at)
        proof = self._reviewer.sign(planting_order_bytes(order))
        command = PlantCase(signed=SignedPlantingOrder(order=order, proof=proof))
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, CommandDone)
        return result.entry

    async def end_pass(self, entry: str, note: str) -> str:
        """End a pass; return the entry of the leaf that says so."""
        revocation = PassRevocation(
            state=self._reviewer.state,
            pass_entry=entry,
            note=note,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(revocation_bytes(revocation))
        command = RevokePass(signed=SignedRevocation(revocation=revocation, proof=proof))
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, CommandDone)
        return result.entry

    async def find_claim(self, entry: str, *, proved: bool, note: str) -> str:
        """Record whether a claim is proved; return the entry of the leaf that says so."""
        finding = ClaimFinding(
            state=self._reviewer.state,
            entry=entry,
            proved=proved,
            note=note,
            reviewer=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(claim_finding_bytes(finding))
        command = FindClaim(signed=SignedClaimFinding(finding=finding, proof=proof))
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, CommandDone)
        return result.entry

    async def ask_onward(self, entry: str) -> str:
        """Ask an agency to whom it passed on a release; return the entry of the leaf."""
        question = OnwardQuestion(
            state=self._reviewer.state,
            entry=entry,
            asker=self._reviewer.name,
            at=int(self._now()),
        )
        proof = self._reviewer.sign(onward_question_bytes(question))
        command = AskOnward(signed=SignedOnwardQuestion(question=question, proof=proof))
        result = await send_command(self._bus, self._host, command)
        assert isinstance(result, CommandDone)
        return result.entry

    async def decide_appeal(
        self,
        view: AppealView,
        decision: AppealDecision,
        classes: tuple[DataClass, ...],
        *,
        days: int,
        note: str,
    ) -> str:
        """Decide an appeal as it was shown; return the entry of the leaf that says so.

        A grant goes with its case pass for `days`, where one can be made of what was asked.
        Raises: PassNotPossibleError.
        """
        now, reviewer = int(self._now()), self._reviewer
        finding = AppealFinding(
            state=reviewer.state,
            appealed_entry=view.entry,
            decision=decision,
            classes=classes,
            note=note,
            reviewer=reviewer.name,
            at=now,
        )
        grant = None
        if decision is AppealDecision.GRANTED and not view.no_pass:
            granter = Granter(state=reviewer.state, reviewer=reviewer.name, now=now)
            case_pass = granter.case_pass(
                agency=parse_ori(view.agency),
                case_number=view.case_number,
                persons=named_in(view.search),
                classes=classes,
                days=days,
                hold_entry=view.hold_entry,
            )
            proof = reviewer.sign(pass_bytes(case_pass))
            grant = SignedPass(case_pass=case_pass, proof=proof)
        proof = reviewer.sign(appeal_finding_bytes(finding))
        signed = SignedAppealFinding(finding=finding, proof=proof)
        result = await send_command(self._bus, self._host, DecideAppeal(signed=signed, grant=grant))
        assert isinstance(result, CommandDone)
        return result.entry
