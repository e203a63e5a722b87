"""Onward transfers to this host's members: told by agencies, asked for by the state's people.

    1. a message that tells of one is kept (`deciding`): the agency certifies it by a leaf that
       cites the release, in one transaction with the message's own
    2. a person's signed question: the leaf that says so and the message to the agency are one
       transaction; after ten days without a word a leaf says that, and somebody is paged

Guarantee: only the agency to which the release went tells anything of it.
INVARIANT (fail-closed): what cannot be read or does not fit is a message like any other, and its
sender is told so; a ledger that was not read to its end names nobody as silent.
Source: docs/adr/0056-onward-transfers.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.ids import ORI, Member, entry_name, member_zone, parse_entry_name
from comity.domain.leaf import SEALED, LeafHeader
from comity.domain.onward import (
    OnwardStands,
    Receives,
    SignedOnwardQuestion,
    ToldOnward,
    Transfer,
)
from comity.domain.query import Exchange
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.onward import OnwardFormError, received, receiver, told_leaf, told_onward
from comity.exchange.replies import REPLY_KEY
from comity.link.onward import OnwardShown, OnwardTold
from comity.ports import Clock, DutyKind
from comity.review.claim_checks import last_day, unanswered_leaf
from comity.review.onward import (
    OnwardAskedError,
    OnwardQuestionError,
    OnwardUnknownError,
    asked_onward,
    check_question,
    onward_question,
    question_id,
    question_number,
    transfer_words,
)
from comity.services.entry import Entry
from comity.services.events import Events
from comity.services.health import ClockSkewedError, Health
from comity.services.member import NoPolicyError, World
from comity.services.onward_book import OnwardBook, Rules
from comity.services.onward_ledger import Question
from comity.services.own_messages import OwnMessage, OwnMessages
from comity.services.private_records import RecordGoneError, Records
from comity.services.sequencer import BusyError, Refused, Sequencer

__all__ = ["ONWARD_LINE", "TOLD_MAX", "Certified", "Onward"]

ONWARD_LINE: Final = "onward"
"""The line of a member's own questions (`OwnMessage`)."""
TOLD_MAX: Final = 64
"""What is kept of one release in 30 days; a further message is delivered as any other is."""
_NS: Final = 1_000_000_000
_ONE_DAY: Final = timedelta(days=1)
_NOT_THEIRS: Final = "it names no release of a record to this agency"


class Certified(msgspec.Struct, frozen=True, kw_only=True):
    """What a message tells of an onward transfer, as it is to be recorded.

    `refused_to` says who has it now, where the rules in force refuse that.
    """

    entry: str
    leaf: WantedLeaf
    refused_to: str = ""


class Onward:
    """Takes and asks for onward transfers of one host's members."""

    def __init__(
        self,
        *,
        world: World,
        book: OnwardBook,
        records: Records,
        sequencer: Sequencer,
        health: Health,
        own: OwnMessages,
        around: tuple[Clock, Events],
    ) -> None:
        self._world = world
        self._book = book
        self._records = records
        self._sequencer = sequencer
        self._health = health
        self._own = own
        self._clock, self._events = around
        self._one_at_a_time = asyncio.Lock()

    async def round(self, members: Iterable[Member]) -> None:
        """Say of what nobody answered in time that nobody did."""
        async with self._one_at_a_time:
            ledger = self._book.ledger
            sizes = await ledger.sizes([each for each in members if self._sequencer.owns(each)])
            for member, size in sizes.items():
                is_whole = await ledger.read_on(member, self._now(), size)
                # INVARIANT (fail-closed): deadlines would be wrong by this host's clock.
                if is_whole and self._health.may_release:
                    for question in ledger.questions(member):
                        await self._close(question)

    async def told(self, exchange: Exchange) -> Certified | str | None:
        """Return what a message tells of an onward transfer: None, where it tells of none; in
        words, why it is not taken. Raises: StoreDownError.
        """
        if exchange.original_key != REPLY_KEY or exchange.to or exchange.probe:
            return None
        try:
            said = told_onward(exchange.key, exchange.value("") or "")
        except OnwardFormError as error:
            return str(error)
        if said is None:
            return None
        member, index = parse_entry_name(said.entry)
        if member != exchange.state:
            return "it names an entry of another state"
        release = await self._book.ledger.release(member, index)
        if release is None or not await self._is_theirs(exchange, index, release):
            return _NOT_THEIRS
        return await self._unfit(exchange, said, release) or self._certified(
            exchange, said, release
        )

    async def ask(self, signed: SignedOnwardQuestion) -> str:
        """Ask an agency to whom it passed on a release; return the entry of the leaf that says so.

        Raises: VerdictError, OnwardQuestionError, OnwardUnknownError, OnwardAskedError,
        ClockSkewedError, BusyError, DirectoryError, StoreDownError.
        """
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")
        question = signed.question
        key = self._world.directory.reviewer(question.state, question.asker)
        check_question(signed, key, self._now())
        member, index = parse_entry_name(question.entry)
        async with self._one_at_a_time:
            release = await self._book.ledger.release(member, index)
            if release is None:
                raise OnwardUnknownError("no release of a record stands under this entry")
            if self._asked(member, index) is not None or await self._asked_now(member, index):
                raise OnwardAskedError("the agency was asked already, and has time to answer")
            if not await self._own.send(*await self._question(signed, index, release)):
                # Nothing was recorded, or one of the same day before.
                if await self._asked_now(member, index) is None:
                    raise BusyError("the question could not be recorded now")
                raise OnwardAskedError("the agency was asked already today")
            asked = await self._asked_now(member, index)
            assert asked is not None, "what was recorded stands in the ledger"
            self._events.note("onward_asked", member=member)
            return entry_name(member, asked.asked)

    async def shown(self, member: Member) -> OnwardShown:
        """Return what a state's desk shows. Raises: StoreDownError."""
        return await self._book.read(member, self._rules(member))

    async def one(self, entry: str) -> OnwardTold:
        """Return what was told at an entry, its words too. Raises: OnwardUnknownError."""
        member, _ = parse_entry_name(entry)
        return await self._book.one(entry, self._rules(member))

    def forget(self) -> None:
        """Read records anew, where keys or rows may be gone."""
        self._book.forget()

    def _rules(self, member: Member) -> Rules:
        try:
            _, policy = self._world.policy(member)
        except NoPolicyError:
            policy = None
        return Rules(policy=policy, directory=self._world.directory, now=self._now())

    async def _is_theirs(self, exchange: Exchange, index: int, release: LeafHeader) -> bool:
        # The message was signed for by the member that lists the agency: nobody else speaks as it.
        if release.agency == exchange.agency:
            return True
        if release.agency is not None and receiver(release.agency) is not None:
            return False
        return await self._book.agency(exchange.state, index) == exchange.agency

    async def _unfit(self, exchange: Exchange, said: ToldOnward, release: LeafHeader) -> str:
        """Return why what is told of the agency's own release is not taken, empty if it is."""
        member, index = parse_entry_name(said.entry)
        if release.agency == SEALED and not await self._is_sealed_too(exchange, index):
            return "send it with the purpose of the request, which the state shows later"
        if sum(each.release == index for each in self._book.ledger.told(member)) >= TOLD_MAX:
            return f"{TOLD_MAX} were told of this release already"
        transfer = said.transfer
        if transfer is None:
            return ""
        if not set(transfer.classes) <= set(release.released or ()):
            return "`WHAT` names what was not released"
        # An agency's own day may have begun before the state's.
        if not self._day(member, release.hour) <= transfer.on <= self._today(member) + _ONE_DAY:
            return "`ON` is before the release, or to come"
        return ""

    async def _is_sealed_too(self, exchange: Exchange, index: int) -> bool:
        """Say whether the message's own leaf seals what the release's does: the purpose is one."""
        try:
            _, record = await self._records.read(exchange.state, index)
        except RecordGoneError:
            return False
        purpose = dict(record.fields).get("purpose", b"").decode("ascii", "replace")
        return exchange.claims.purpose == purpose

    def _certified(self, exchange: Exchange, said: ToldOnward, release: LeafHeader) -> Certified:
        now = self._now()
        leaf = told_leaf(said, release, exchange.agency, exchange.claims.operator, now)
        refused = "" if said.transfer is None else self._refused(said, said.transfer, release)
        return Certified(entry=said.entry, leaf=leaf, refused_to=refused)

    def _refused(self, said: ToldOnward, transfer: Transfer, release: LeafHeader) -> str:
        _, policy = self._world.policy(release.member)
        directory = self._world.directory
        receives, _ = received(transfer, release, policy, directory, self._now())
        if receives is not Receives.REFUSED:
            return ""
        agency = directory.agency(ORI(transfer.to))
        return transfer_words(agency.name if agency is not None else "", transfer, said.entry)

    async def _question(
        self, signed: SignedOnwardQuestion, index: int, release: LeafHeader
    ) -> tuple[OwnMessage, Entry]:
        member, entry = signed.question.state, signed.question.entry
        now = self._now()
        agency, speaker = await self._book.agency(member, index), self._own.speaker(member)
        if not agency:
            raise OnwardQuestionError("nobody can read any more to whom this release went")
        if speaker is None:
            raise OnwardQuestionError("the directory lists no control terminal of this state")
        day = self._day(member, release.hour)
        by = last_day(now // HOUR_SECONDS, member)
        message = OwnMessage(
            member=member,
            line=ONWARD_LINE,
            number=question_number(index, release.hour, now // HOUR_SECONDS),
            speaks_as=speaker,
            to=ORI(agency),
            text=onward_question(entry, (release.key or "", day), by),
        )
        owing = Entry(
            member=member,
            exchange_id=question_id(entry, release.hour, now // HOUR_SECONDS),
            leaves=(asked_onward(signed, ORI(agency), speaker, now),),
        )
        return message, owing

    async def _asked_now(self, member: Member, index: int) -> Question | None:
        await self._book.ledger.read_on(member, self._now())
        return self._asked(member, index)

    def _asked(self, member: Member, index: int) -> Question | None:
        """Return the question about a release that stands open, or None."""
        now = self._now()
        found = (each for each in self._book.ledger.questions(member) if each.release == index)
        return next((each for each in found if each.stands(now) is OnwardStands.OPEN), None)

    async def _close(self, question: Question) -> None:
        now, member = self._now(), question.member
        if question.is_closed or question.stands(now) is not OnwardStands.UNANSWERED:
            return
        release = entry_name(member, question.release)
        asked = entry_name(member, question.asked)
        entry = Entry(
            member=member,
            exchange_id=question_id(release, question.made, question.hour),
            leaves=(unanswered_leaf(member, asked, 1, (question.due, now)),),
            duty=DutyKind.PAGE_ONWARD_UNANSWERED,
            duty_about=release,
        )
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            self._events.failure("onward_not_closed", result.error, member=member)
        else:
            self._events.alarm("onward_unanswered", member=member)

    def _day(self, member: Member, hour: int) -> date:
        """Return the day of an hour since 1970 in a state's zone."""
        zone = ZoneInfo(member_zone(member))
        return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC).astimezone(zone).date()

    def _today(self, member: Member) -> date:
        return self._day(member, self._now() // HOUR_SECONDS)

    def _now(self) -> int:
        return self._clock.now_ns() // _NS
