"""What a reviewer signs beside verdicts, sent to the gateway: passes, looks, readings of desks,
questions to whom a release was passed on.

INVARIANT (review-is-verified): the signature is made here, with a key that never leaves its file.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from comity.app.wire import open_bus
from comity.cli.errors import UsageError
from comity.cli.publishing import people_of
from comity.cli.reviewing import COMMAND_USER, signature_of
from comity.domain.after_review import (
    AfterReview,
    Desk,
    DeskReading,
    SignedAfterReview,
    SignedDeskReading,
    after_review_bytes,
    desk_reading_bytes,
)
from comity.domain.appeal import AppealDecision
from comity.domain.given_notice import (
    GivenHow,
    GivenNotice,
    SignedGivenNotice,
    given_notice_bytes,
)
from comity.domain.ids import ORI, Member
from comity.domain.onward import (
    OnwardQuestion,
    SignedOnwardQuestion,
    onward_question_bytes,
)
from comity.domain.passes import (
    CasePass,
    PassPerson,
    PassRevocation,
    SignedPass,
    SignedRevocation,
    pass_bytes,
    revocation_bytes,
)
from comity.domain.planted import PlantingOrder, SignedPlantingOrder, planting_order_bytes
from comity.domain.verdict import HistoryReading, SignedHistoryReading, history_reading_bytes
from comity.domain.vocabulary import DataClass, Purpose
from comity.link.appeals import AppealView
from comity.link.command import Command, CommandDone, CommandResult, HoldView, ReadHistory
from comity.link.review import (
    AskOnward,
    DeskShown,
    GiveNotice,
    GrantPass,
    PlantCase,
    ReadDesk,
    ReviewRelease,
    RevokePass,
)
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.roles.settings import Settings
from comity.services.granting import Granter, PassNotPossibleError
from comity.services.looking import Looking
from comity.services.reviewing import Reviewer
from comity.services.sending import send_command

__all__ = ["AsName", "KeyFile", "Papers"]

AsName = Annotated[
    str, typer.Option("--as", metavar="NAME", help="Whose key kept here signs; else the first.")
]
KeyFile = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Reviewer's key file, in its place.")
]


class Papers(msgspec.Struct, frozen=True, kw_only=True):
    """One reviewer of one state, and the network whose gateway owns the state's ledger."""

    settings: Settings
    state: Member
    reviewer: ReviewerFile

    @classmethod
    def of(cls, settings: Settings, state: Member, name: str, key: Path | None) -> Papers:
        """Return the papers of whoever is named. Raises: UsageError, HostFilesError."""
        (person,) = people_of(settings, state, [name] if name else [], [key] if key else [], 1)[:1]
        return cls(settings=settings, state=state, reviewer=person)

    def read(self, desk: Desk, entry: str = "") -> DeskShown:
        """Return a desk's list, or one entry with whom it is about, which is recorded first."""
        reading = DeskReading(
            state=self.state, desk=desk, entry=entry, reviewer=self.reviewer.name, at=_now()
        )
        proof = signature_of(self.state, self.reviewer, desk_reading_bytes(reading))
        result = self._send(ReadDesk(signed=SignedDeskReading(reading=reading, proof=proof)))
        assert isinstance(result, DeskShown)
        return result

    def read_history(self, since: int, until: int) -> str:
        """Record that requests of a time are about to be read; return that leaf's entry."""
        # INVARIANT (no-answer-before-receipt): nothing is opened before this has returned.
        reading = HistoryReading(
            state=self.state, since=since, until=until, reviewer=self.reviewer.name, at=_now()
        )
        proof = signature_of(self.state, self.reviewer, history_reading_bytes(reading))
        return self._done(ReadHistory(signed=SignedHistoryReading(reading=reading, proof=proof)))

    def give_notice(self, entry: str, *, law: str, clause: str, how: GivenHow, on: date) -> str:
        """Sign that a notice was given; return the entry of the leaf that says so."""
        notice = GivenNotice(
            state=self.state,
            entry=entry,
            law=law,
            clause=clause,
            how=how,
            on=on,
            reviewer=self.reviewer.name,
            at=_now(),
        )
        proof = signature_of(self.state, self.reviewer, given_notice_bytes(notice))
        return self._done(GiveNotice(signed=SignedGivenNotice(notice=notice, proof=proof)))

    def ask_onward(self, entry: str) -> str:
        """Sign a question to whom a release was passed on; return the entry of its leaf."""
        question = OnwardQuestion(
            state=self.state, entry=entry, asker=self.reviewer.name, at=_now()
        )
        proof = signature_of(self.state, self.reviewer, onward_question_bytes(question))
        return self._done(AskOnward(signed=SignedOnwardQuestion(question=question, proof=proof)))

    def grant(self, case_pass: CasePass) -> str:
        """Sign and grant a pass; return its entry."""
        proof = signature_of(self.state, self.reviewer, pass_bytes(case_pass))
        return self._done(GrantPass(signed=SignedPass(case_pass=case_pass, proof=proof)))

    def plant(self) -> str:
        """Sign the order of one test case; return its hold's entry."""
        order = PlantingOrder(state=self.state, reviewer=self.reviewer.name, at=_now())
        proof = signature_of(self.state, self.reviewer, planting_order_bytes(order))
        return self._done(PlantCase(signed=SignedPlantingOrder(order=order, proof=proof)))

    def revoke(self, entry: str, note: str) -> str:
        """Sign and revoke a pass; return the entry of the leaf that says so."""
        revocation = PassRevocation(
            state=self.state, pass_entry=entry, note=note, reviewer=self.reviewer.name, at=_now()
        )
        proof = signature_of(self.state, self.reviewer, revocation_bytes(revocation))
        signed = SignedRevocation(revocation=revocation, proof=proof)
        return self._done(RevokePass(signed=signed))

    def review(
        self, entry: str, *, justified: bool, called: str, answered: str, note: str = ""
    ) -> str:
        """Sign what was found of an urgent release, called back now; return its leaf's entry."""
        now = _now()
        review = AfterReview(
            state=self.state,
            entry=entry,
            justified=justified,
            called=called,
            called_at=now,
            answered=answered,
            note=note,
            reviewer=self.reviewer.name,
            at=now,
        )
        proof = signature_of(self.state, self.reviewer, after_review_bytes(review))
        return self._done(ReviewRelease(signed=SignedAfterReview(review=review, proof=proof)))

    def decide_appeal(
        self,
        view: AppealView,
        decision: AppealDecision,
        classes: tuple[DataClass, ...],
        *,
        days: int,
        note: str = "",
    ) -> str:
        """Sign what is decided of an appeal as it was shown; return the entry of its leaf."""
        who = Reviewer(
            state=self.state,
            name=self.reviewer.name,
            sign=lambda message: signature_of(self.state, self.reviewer, message),
        )

        async def decide() -> str:
            async with open_bus(self.settings, COMMAND_USER) as bus:
                host = HostFiles(self.settings.data_dir).host_name()
                looking = Looking(bus=bus, host=host, reviewer=who, now=time.time)
                return await looking.decide_appeal(view, decision, classes, days=days, note=note)

        with _said_as_usage():
            return asyncio.run(decide())

    def case_pass(
        self,
        *,
        agency: ORI,
        case_number: str,
        persons: frozenset[PassPerson],
        classes: tuple[DataClass, ...],
        days: int,
        hold_entry: str = "",
        note: str = "",
        purpose: Purpose | None = None,
    ) -> CasePass:
        """Return a pass from now on, in its canonical form. Raises: UsageError."""
        with _said_as_usage():
            return self._granter().case_pass(
                agency=agency,
                case_number=case_number,
                persons=persons,
                classes=classes,
                days=days,
                hold_entry=hold_entry,
                note=note,
                purpose=purpose,
            )

    def pass_of_hold(self, hold: HoldView, classes: tuple[DataClass, ...], days: int) -> CasePass:
        """Return the pass for a held request's agency, case and persons. Raises: UsageError."""
        with _said_as_usage():
            return self._granter().of_hold(hold, classes, days)

    def _granter(self) -> Granter:
        return Granter(state=self.state, reviewer=self.reviewer.name, now=_now())

    def _done(self, command: Command) -> str:
        result = self._send(command)
        assert isinstance(result, CommandDone)
        return result.entry

    def _send(self, command: Command) -> CommandResult:
        async def send() -> CommandResult:
            async with open_bus(self.settings, COMMAND_USER) as bus:
                host = HostFiles(self.settings.data_dir).host_name()
                return await send_command(bus, host, command)

        return asyncio.run(send())


@contextmanager
def _said_as_usage() -> Iterator[None]:
    """Turn a pass that cannot be made into what is wrong with the arguments."""
    try:
        yield
    except PassNotPossibleError as error:
        raise UsageError(str(error)) from None


def _now() -> int:
    return int(time.time())
