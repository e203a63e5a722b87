"""Appeals to this host's members: taken in once, decided by another person, told to the agency.

    1. a message that appeals against a refusal of its own agency is kept for a person (`deciding`);
       what is none is told why, and delivered as any message is
    2. who had no part in the refusal signs what they find; a grant carries a case pass, so that
       what is asked next is decided as after a review
    3. the finding and the message that tells the agency are one transaction
    4. what nobody decided in ten business days is overdue: a leaf says so, and somebody is paged

INVARIANT (one-final-outcome): what ended stays ended; nothing is released here.
INVARIANT (review-is-verified): the signature is checked, and that it is nobody's who had a part,
before anything is recorded. INVARIANT (fail-closed): where it cannot be read who refused, nobody
is another person.
Source: docs/adr/0057-appeals.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.directory.errors import DirectoryError
from comity.domain.appeal import AppealDecision, AppealStands, SignedAppealFinding
from comity.domain.errors import ComityError
from comity.domain.ids import ORI, ExchangeId, LeafIndex, Member, entry_name, parse_entry_name
from comity.domain.passes import SignedPass
from comity.domain.query import Exchange
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind
from comity.exchange.appeals import APPEAL_DAYS, appealed_entry
from comity.exchange.leaves import HOUR_SECONDS, outcome_header
from comity.exchange.publication import as_published
from comity.exchange.replies import REPLY_KEY
from comity.ports import Clock, DutyKind
from comity.review.appeal_words import found_text
from comity.review.appeals import (
    AppealByAnotherError,
    AppealDoneError,
    NoAppeal,
    Refusal,
    RefusalSaid,
    check_finding,
    check_fits,
    check_grant,
    due_of,
    finding_id,
    finding_leaf,
    is_late,
    overdue_id,
    overdue_leaf,
    shows_no_more,
)
from comity.review.calendars import Calendar
from comity.review.conflicts import ConflictError, ground_of
from comity.review.deadlines import local_date
from comity.services.appeal_ledger import Appeal, AppealLedger, AppealSaid
from comity.services.entries import Entry
from comity.services.events import Events
from comity.services.health import ClockSkewedError, Health
from comity.services.member import World
from comity.services.own_messages import OwnMessage, OwnMessages
from comity.services.passes import Passes
from comity.services.private_records import RecordGoneError
from comity.services.second_person import (
    GivenVerdict,
    VerdictsOn,
    VerdictsUnreadError,
    had_part,
)
from comity.services.sequencer import Refused, Sequencer

__all__ = [
    "APPEALS_LINE",
    "GRANTED_SHOWN_MAX",
    "AppealNotRecordedError",
    "Appeals",
    "OpenAppeal",
    "Taken",
    "WholeAppeal",
]

APPEALS_LINE: Final = "appeals"
"""The line of a member's own findings (`OwnMessage`)."""
_TAKING_SECONDS: Final = 600
"""How long a message that appeals keeps its refusal while it is being recorded."""
_TAKING_MAX: Final = 4_096
GRANTED_SHOWN_MAX: Final = 16
"""Findings that are told beside a hold, the newest."""
_DAY_HOURS: Final = 24
_NS: Final = 1_000_000_000


class AppealNotRecordedError(ComityError):
    """A finding could not be recorded now: nothing was decided."""

    code = "appeal-not-recorded"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal that is taken in: against which refusal, and the last day to decide it."""

    refusal: LeafIndex
    by: date


class WholeAppeal(msgspec.Struct, frozen=True, kw_only=True):
    """All of an appeal: what was refused, what the agency wrote, and who decided the first time.

    `said` and `wrote` are None where they can be read no more. `given` are the verdicts on the
    hold; `is_own` says that whoever reads gave one of them, or that it cannot be read who did.
    """

    appeal: Appeal
    said: RefusalSaid | None
    wrote: AppealSaid | None
    given: tuple[GivenVerdict, ...] = ()
    is_own: bool = False


OpenAppeal = tuple[Appeal, RefusalSaid | None]
"""An appeal that nobody decided; None: what was refused can be read no more."""


class Appeals:
    """`_taking` has which message appeals against which refusal while it is recorded, and since
    when; `_known` what stands behind each refusal, so that it is opened once.
    """

    def __init__(
        self,
        *,
        world: World,
        ledger: AppealLedger,
        given: VerdictsOn,
        passes: Passes,
        sequencer: Sequencer,
        health: Health,
        own: OwnMessages,
        calendars: Callable[[Member], Calendar],
        around: tuple[Clock, Events],
    ) -> None:
        self._world = world
        self._ledger = ledger
        self._given = given
        self._passes = passes
        self._sequencer = sequencer
        self._health = health
        self._own = own
        self._calendars = calendars
        self._clock, self._events = around
        self._taking: dict[tuple[Member, LeafIndex], tuple[ExchangeId, int]] = {}
        self._known: dict[tuple[Member, LeafIndex], RefusalSaid | None] = {}
        self._looked: dict[Member, int] = {}
        self._one_at_a_time = asyncio.Lock()

    async def forget(self) -> None:
        """Open records anew: keys may have gone."""
        async with self._one_at_a_time:
            self._known.clear()

    async def round(self, members: Iterable[Member]) -> None:
        """Say of what nobody decided in time that nobody did."""
        sizes = await self._ledger.sizes([each for each in members if self._sequencer.owns(each)])
        for member, size in sizes.items():
            async with self._one_at_a_time:
                await self._refresh(member, size)
                # INVARIANT (fail-closed): deadlines would be wrong by this host's clock.
                if self._health.may_release:
                    await self._overdue(member)

    async def filed(self, exchange: Exchange) -> Taken | NoAppeal | None:
        """Return what a message appeals against, why it is no appeal, or None: it says it is none.

        Raises: StoreDownError.
        """
        if exchange.original_key != REPLY_KEY or exchange.to:
            return None
        said = appealed_entry(exchange.key, exchange.value("") or "")
        if said is None:
            return None
        member, index = parse_entry_name(said[0])
        if member != exchange.state or exchange.probe or not self._sequencer.owns(member):
            return NoAppeal.UNKNOWN
        async with self._one_at_a_time:
            await self._refresh(member)
            return await self._filed(exchange, member, index)

    async def _filed(
        self, exchange: Exchange, member: Member, index: LeafIndex
    ) -> Taken | NoAppeal:
        refusal = await self._ledger.refusal(member, index)
        said = None if refusal is None else await self._said(refusal)
        # Each was signed for by the member that lists the agency: nobody else speaks as it.
        if refusal is None or said is None or said.agency != exchange.agency:
            return NoAppeal.UNKNOWN
        now, calendar = self._now(), self._calendars(member)
        before = self._taking.get((member, index))
        is_other = before is not None and before[0] != exchange.exchange_id
        if self._ledger.appeal(member, index) is not None or is_other:
            return NoAppeal.REPEATED
        if is_late(refusal.hour, now, calendar):
            return NoAppeal.LATE
        if not shows_no_more(self._shown(exchange, now), refusal):
            return NoAppeal.SHOWS
        if len(self._taking) >= _TAKING_MAX:
            del self._taking[next(iter(self._taking))]
        self._taking[member, index] = exchange.exchange_id, now
        last = due_of(now // HOUR_SECONDS, calendar) - 1
        return Taken(refusal=index, by=local_date(calendar, datetime.fromtimestamp(last, UTC)))

    async def open(self, member: Member) -> list[OpenAppeal]:
        """Return a member's appeals that nobody decided: overdue first, then by their clock."""
        async with self._one_at_a_time:
            if self._sequencer.owns(member):
                await self._refresh(member)
            waiting = [each for each in self._ledger.appeals(member) if each.decision is None]
            waiting.sort(key=lambda each: (each.due, each.index))
            return [(each, await self._said(each.refusal)) for each in waiting]

    async def one(self, entry: str, reviewer: str, key_id: str) -> WholeAppeal:
        """Return an appeal that nobody decided, as this person may read it.

        Raises: AppealDoneError, ConflictError.
        """
        member, index = parse_entry_name(entry)
        async with self._one_at_a_time:
            appeal = await self._waiting(member, index)
            said = await self._said(appeal.refusal)
            wrote = await self._ledger.wrote(member, appeal.index)
            try:
                given = await self._verdicts(appeal.refusal)
            except VerdictsUnreadError:
                return WholeAppeal(appeal=appeal, said=said, wrote=wrote, is_own=True)
        for each in given:
            is_same = each.verdict.reviewer == reviewer or each.key_id == key_id
            if is_same and ground_of(each.verdict) is not None:
                raise ConflictError("a conflict of interest was declared here")
        own = self._world.directory.reviewer(member, reviewer)
        is_own = own is None or had_part(given, own, self._world.directory, member)
        return WholeAppeal(appeal=appeal, said=said, wrote=wrote, given=tuple(given), is_own=is_own)

    async def granted_for(self, exchange: Exchange) -> tuple[str, ...]:
        """Return the findings of the last days that granted exactly what an exchange asks."""
        member, now = exchange.state, self._now()
        oldest = now // HOUR_SECONDS - APPEAL_DAYS * _DAY_HOURS
        async with self._one_at_a_time:
            try:
                # Two dozen requests of a case are shown at once: it is read on for the first.
                if self._sequencer.owns(member) and self._looked.get(member) != now:
                    await self._refresh(member)
                    self._looked[member] = now
            except ComityError as error:
                # A case opens all the same: what was read before is told of.
                self._events.failure("appeals_not_read", error, member=member)
            found: list[str] = []
            for each in self._ledger.appeals(member):
                is_granted = each.decision is AppealDecision.GRANTED and each.found is not None
                if not is_granted or each.found_hour < oldest:
                    continue
                said = await self._said(each.refusal)
                if said is not None and (said.agency, said.search) == (
                    exchange.agency,
                    exchange.fields,
                ):
                    found.append(entry_name(member, each.found or 0))
        return tuple(found[-GRANTED_SHOWN_MAX:])

    async def decide(self, signed: SignedAppealFinding, grant: SignedPass | None) -> str:
        """Record what somebody found of an appeal, and tell the agency; return its leaf's entry.

        Raises: VerdictError, AppealFindingError, AppealDoneError, AppealByAnotherError,
        ClockSkewedError, AppealNotRecordedError, or what the grant of its pass does.
        """
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")
        finding, now = signed.finding, self._now()
        key = self._world.directory.reviewer(finding.state, finding.reviewer)
        check_finding(signed, key, now)
        assert key is not None
        member, index = parse_entry_name(finding.appealed_entry)
        async with self._one_at_a_time:
            refusal = (await self._waiting(member, index)).refusal
            said = await self._said(refusal)
            if said is None:
                raise AppealByAnotherError("what was refused cannot be read any more")
            check_fits(finding, refusal, said)
            check_grant(signed, grant, refusal, said)
            try:
                given = await self._verdicts(refusal)
            except VerdictsUnreadError as error:
                raise AppealByAnotherError(str(error)) from None
            if had_part(given, key, self._world.directory, member):
                raise AppealByAnotherError("whoever gave a verdict on it decides no appeal of it")
            # The pass first: it changes nothing that is not asked for, and without it a grant that
            # was told would be none. A crash between leaves the appeal open.
            granted = "" if grant is None else await self._passes.grant(grant)
            await self._record(signed, refusal, said, granted)
            await self._refresh(member)
            appeal = self._ledger.appeal(member, index)
            if appeal is None or appeal.found is None:
                raise AppealNotRecordedError("nothing was decided: send it again")
        self._events.note("appeals_decided", member=member)
        return entry_name(member, appeal.found)

    async def _record(
        self, signed: SignedAppealFinding, refusal: Refusal, said: RefusalSaid, granted: str
    ) -> None:
        finding, now = signed.finding, self._now()
        is_for_rules = finding.decision is AppealDecision.FOR_RULES
        rules = refusal.rules(said) if is_for_rules else ()
        entry = Entry(
            member=refusal.member,
            exchange_id=finding_id(refusal),
            leaves=(finding_leaf(signed, refusal, rules, granted, now),),
        )
        if await self._is_told(entry, found_text(finding, refusal, said, granted), said.agency):
            return
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error

    async def _is_told(self, entry: Entry, text: str, agency: ORI) -> bool:
        """Record a finding with the message that tells it; False where nobody can be told."""
        speaker = self._own.speaker(entry.member)
        if speaker is None:
            return False
        _, index = parse_entry_name(entry.leaves[0].header.cites or "")
        message = OwnMessage(
            member=entry.member,
            line=APPEALS_LINE,
            # Their numbers begin at one, and a leaf's at nought.
            number=index + 1,
            speaks_as=speaker,
            to=agency,
            text=text,
        )
        try:
            await self._own.send(message, entry)
        except DirectoryError as error:
            # What was decided stands all the same.
            self._events.failure("appeal_not_told", error, member=entry.member)
            return False
        # Where nothing could be recorded, neither was the finding: `decide` finds none.
        return True

    async def _overdue(self, member: Member) -> None:
        now = self._now()
        for appeal in self._ledger.appeals(member):
            if appeal.stands(now) is not AppealStands.OVERDUE or appeal.overdue is not None:
                continue
            # The page is owed from the transaction of the leaf on.
            entry = Entry(
                member=member,
                exchange_id=overdue_id(member, appeal.index, appeal.hour),
                leaves=(overdue_leaf(member, appeal.index, appeal.due, now),),
                duty=DutyKind.PAGE_APPEAL_OVERDUE,
            )
            (result,) = await self._sequencer.commit([entry])
            if isinstance(result, Refused):
                raise result.error
            self._events.alarm("appeal_overdue", member=member)

    async def _waiting(self, member: Member, index: LeafIndex) -> Appeal:
        if self._sequencer.owns(member):
            await self._refresh(member)
        appeal = self._ledger.appeal(member, index)
        if appeal is None or appeal.decision is not None:
            raise AppealDoneError("no appeal waits under this entry")
        return appeal

    async def _verdicts(self, refusal: Refusal) -> list[GivenVerdict]:
        if refusal.hold is None:
            return []
        last = refusal.index if refusal.verdict is None else refusal.verdict
        return await self._given.on(refusal.member, refusal.hold, last)

    async def _said(self, refusal: Refusal) -> RefusalSaid | None:
        place = (refusal.member, refusal.index)
        if place not in self._known:
            try:
                found: RefusalSaid | None = await self._ledger.said(refusal)
            except RecordGoneError as error:
                found = None
                self._events.failure("refusal_unread", error, member=refusal.member)
            if self._ledger.appeal(*place) is None:
                return found
            self._known[place] = found
        return self._known[place]

    async def _refresh(self, member: Member, size: int | None = None) -> None:
        now = self._now()
        await self._ledger.read_on(member, now, size)
        known = {(member, each.refusal.index) for each in self._ledger.appeals(member)}
        self._known = {p: s for p, s in self._known.items() if p[0] != member or p in known}
        self._taking = {
            place: taking
            for place, taking in self._taking.items()
            if place not in known and now < taking[1] + _TAKING_SECONDS
        }

    def _shown(self, exchange: Exchange, now: int) -> str | None:
        """Return which agency the public would see of the appeal's own leaf."""
        index, policy = self._world.policy(exchange.state)
        header = outcome_header(
            exchange,
            kind=LeafKind.DISCLOSURE,
            decision=LeafDecision.RELEASE,
            policy=index,
            hour=now // HOUR_SECONDS,
            withheld=(),
            released=(DataClass.OPAQUE,),
            result="record",
        )
        directory: Directory = self._world.directory
        return as_published(header, policy.bundle.publication, directory)[0].agency

    def _now(self) -> int:
        return self._clock.now_ns() // _NS
