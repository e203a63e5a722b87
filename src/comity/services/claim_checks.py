"""Claim checks of this host's members: an agency is asked to prove a case, and who did not waits.

    1. what the share takes of new releases is asked about: the leaf that says so and the message to
       the agency are one transaction
    2. an answer of the agency is kept beside the release (`deciding`), and a reviewer signs whether
       it proves the claim
    3. after ten days without one, or where it is not proved, what the rules alone would release to
       the agency for that purpose is held, until a reviewer finds it proved

INVARIANT (restriction-never-waits): step 3 takes force by the clock, whatever becomes of its leaf.
INVARIANT (fail-closed): where it cannot be read whom a check was about, everybody waits.
Source: docs/adr/0052-claim-checks.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from comity.domain.claim_check import ClaimStands, SignedClaimFinding
from comity.domain.ids import (
    ORI,
    LeafIndex,
    Member,
    entry_name,
    member_zone,
    parse_entry_name,
)
from comity.domain.keys import Handling, key_row
from comity.domain.query import Exchange
from comity.domain.vocabulary import Purpose
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.replies import REPLY_KEY, replied_entry
from comity.ports import Clock
from comity.review.claim_checks import (
    ClaimDoneError,
    ClaimShare,
    asked_leaf,
    check_finding,
    check_id,
    finding_leaf,
    last_day,
    question_text,
    unanswered_leaf,
    waiting_sentence,
)
from comity.services.claim_ledger import ANSWERS_MAX, Check, ClaimLedger, ClaimSaid, Drawn
from comity.services.entries import Entry
from comity.services.events import Events
from comity.services.health import ClockSkewedError, Health
from comity.services.member import World
from comity.services.own_messages import OwnMessage, OwnMessages
from comity.services.private_records import RecordGoneError
from comity.services.sequencer import Refused, Sequencer, recorded_index

__all__ = ["BEGUN_MAX", "CLAIMS_LINE", "ClaimChecks", "OpenCheck"]

BEGUN_MAX: Final = 64
"""Checks of a member that begin in one round."""
CLAIMS_LINE: Final = "claim-checks"
"""The line of a member's own questions (`OwnMessage`)."""
_UNREAD_SECONDS: Final = 30 * 86_400
_NS: Final = 1_000_000_000
_ALWAYS: Final = 0

OpenCheck = tuple[Check, ClaimSaid | None]
"""A check that no reviewer found proved; None: whom it is about can be read no more."""
_Place = tuple[ORI, Purpose]


class ClaimChecks:
    """`_since` has from when (Unix seconds) each agency's requests for a purpose wait, and because
    of which check; `_everyone` the same for all agencies, where a check can be read no more. Only
    `_refresh` writes them, for a member whole, and `decide` one that is found not proved. `_known`
    has what stands behind each check, so that it is opened once.
    """

    def __init__(
        self,
        *,
        world: World,
        ledger: ClaimLedger,
        sequencer: Sequencer,
        health: Health,
        shares: Mapping[Member, ClaimShare],
        own: OwnMessages,
        around: tuple[Clock, Events],
    ) -> None:
        self._world = world
        self._ledger = ledger
        self._sequencer = sequencer
        self._health = health
        self._shares = shares
        self._own = own
        self._clock, self._events = around
        self._since: dict[Member, dict[_Place, tuple[int, str]]] = {}
        self._everyone: dict[Member, list[tuple[int, int, str]]] = {}
        self._known: dict[tuple[Member, int], ClaimSaid | None] = {}
        self._one_at_a_time = asyncio.Lock()

    async def load(self, members: Iterable[Member]) -> None:
        """Read which checks stand, as at every start and where keys may have gone."""
        async with self._one_at_a_time:
            self._known.clear()
            for member in self._followed(members):
                await self._refresh(member)

    async def round(self, members: Iterable[Member]) -> None:
        """Begin what is to begin, and say of what nobody answered that nobody did."""
        async with self._one_at_a_time:
            for member in self._followed(members):
                await self._refresh(member)
                # INVARIANT (fail-closed): deadlines would be wrong by this host's clock.
                if self._health.may_release and await self._move(member):
                    await self._refresh(member)

    def waits(self, exchange: Exchange) -> str:
        """Return why what the rules release of a request waits for a person; empty: it does not."""
        member = exchange.state
        if member not in self._since or exchange.origin_member == member:
            return ""
        if not exchange.is_live or key_row(exchange.key).handling is not Handling.RECORDS:
            return ""
        now = self._now()
        found = self._since[member].get((exchange.agency, exchange.claims.purpose))
        entry = found[1] if found is not None and now >= found[0] else ""
        if not entry:
            unread = (e for since, until, e in self._everyone[member] if since <= now < until)
            entry = next(unread, "")
        contact = self._world.directory.duty_contact(member) or ""
        return waiting_sentence(entry, contact) if entry else ""

    async def answers(self, exchange: Exchange) -> LeafIndex | None:
        """Return the disclosure whose check a message answers, or None where it answers none.

        Raises: StoreDownError.
        """
        if exchange.original_key != REPLY_KEY or exchange.to or exchange.state not in self._since:
            return None
        said = replied_entry(exchange.key, exchange.value("") or "")
        if said is None:
            return None
        member, index = parse_entry_name(said[0])
        check = self._ledger.check(member, index) if member == exchange.state else None
        if check is None or check.proved or len(check.answers) >= ANSWERS_MAX:
            return None
        claim = await self._said(check)
        # The message was signed for by the member that lists the agency: nobody else speaks as it.
        return index if claim is not None and claim.agency == exchange.agency else None

    async def open(self, member: Member) -> list[OpenCheck]:
        """Return a member's checks that nobody found proved: those that make somebody wait first,
        then what was answered, then by the time that is left.
        """
        await self._look([member])
        now = self._now()
        found = [check for check in self._ledger.checks(member) if not check.proved]
        order = {ClaimStands.ANSWERED: 1, ClaimStands.OPEN: 2}
        found.sort(key=lambda check: (order.get(check.stands(now), 0), check.due, check.index))
        return [(check, await self._said(check)) for check in found]

    async def one(self, entry: str) -> tuple[OpenCheck, tuple[str, ...]]:
        """Return one such check and what its agency answered. Raises: ClaimDoneError."""
        member, index = parse_entry_name(entry)
        await self._look([member])
        check = self._ledger.check(member, index)
        if check is None or check.proved:
            raise ClaimDoneError("no claim check stands under this entry")
        return (check, await self._said(check)), await self._ledger.answer_texts(check)

    async def decide(self, signed: SignedClaimFinding) -> str:
        """Record what a reviewer found; return the entry of its leaf.

        Raises: VerdictError, ClaimFindingError, ClaimDoneError, ClockSkewedError, or what the
        sequencer refused with.
        """
        if not self._health.may_release:
            raise ClockSkewedError("this host's clock and the database's differ")
        finding = signed.finding
        now = self._now()
        key = self._world.directory.reviewer(finding.state, finding.reviewer)
        check_finding(signed, key, now)
        async with self._one_at_a_time:
            for member in self._followed([finding.state]):
                await self._refresh(member)
            check = self._ledger.check(*parse_entry_name(finding.entry))
            if check is None or check.proved or check.proved is finding.proved:
                raise ClaimDoneError("no claim check waits for this finding")
            if not finding.proved:
                await self._wait_for(check)
            asked = entry_name(check.member, check.asked)
            step = check.further + 1
            leaf = finding_leaf(signed, asked, check.classes, step=step, now=now)
            entry = await self._record(check, leaf)
            await self._refresh(check.member)
        return entry

    async def _look(self, members: Iterable[Member]) -> None:
        async with self._one_at_a_time:
            for member in self._followed(members):
                await self._refresh(member)

    async def _move(self, member: Member) -> bool:
        """Begin and end what is due; say whether anything was recorded."""
        is_moved = False
        for drawn in self._ledger.drawn(member, BEGUN_MAX):
            is_moved |= await self._begin(member, drawn)
        now = self._now()
        for check in self._ledger.checks(member):
            if check.stands(now) is ClaimStands.UNANSWERED and not check.is_closed:
                asked = entry_name(member, check.asked)
                leaf = unanswered_leaf(member, asked, check.further + 1, (check.due, now))
                await self._record(check, leaf)
                self._events.alarm("claim_check_unanswered", member=member)
                is_moved = True
        return is_moved

    async def _begin(self, member: Member, drawn: Drawn) -> bool:
        share = self._shares[member]
        leaf = asked_leaf(drawn.header, drawn.index, share, drawn.leaf_hash, self._now())
        entry = Entry(
            member=member,
            exchange_id=check_id(member, drawn.index, drawn.header.hour),
            leaves=(leaf,),
        )
        try:
            claim = await self._ledger.said(drawn, member)
            is_sent = await self._own.send(self._question(member, drawn, claim), entry)
        except Exception as error:  # noqa: BLE001 - one that cannot be asked keeps back no other
            self._events.failure("claim_check_not_begun", error, member=member)
            return False
        if is_sent:
            self._events.note("claim_check_begun", member=member)
        return is_sent

    def _question(self, member: Member, drawn: Drawn, claim: ClaimSaid) -> OwnMessage:
        zone = ZoneInfo(member_zone(member))
        text = question_text(
            entry_name(member, drawn.index),
            drawn.header.key or "",
            datetime.fromtimestamp(claim.accepted_at, UTC).astimezone(zone).date(),
            (claim.purpose, claim.case_number),
            last_day(self._now() // HOUR_SECONDS, member),
        )
        return OwnMessage(
            member=member,
            line=CLAIMS_LINE,
            # Their numbers begin at one, and a leaf's at nought.
            number=drawn.index + 1,
            speaks_as=self._shares[member].asks_as,
            to=claim.agency,
            text=text,
        )

    async def _wait_for(self, check: Check) -> None:
        # INVARIANT (restriction-never-waits): in force before the leaf, never after it.
        claim = await self._said(check)
        if claim is not None:
            entry = entry_name(check.member, check.index)
            self._since[check.member][claim.agency, claim.purpose] = (_ALWAYS, entry)

    async def _record(self, check: Check, leaf: WantedLeaf) -> str:
        entry = Entry(
            member=check.member,
            exchange_id=check_id(check.member, check.index, check.made),
            leaves=(leaf,),
        )
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        assert index is not None, "a check depends on no policy"
        return entry_name(check.member, index)

    async def _refresh(self, member: Member) -> None:
        """Read a ledger on, and who waits because of it."""
        await self._ledger.read_on(member, self._now())
        since: dict[_Place, tuple[int, str]] = {}
        everyone: list[tuple[int, int, str]] = []
        for check in self._ledger.checks(member):
            start = _waits_from(check)
            if start is None:
                continue
            entry = entry_name(member, check.index)
            claim = await self._said(check)
            if claim is None:
                until = check.hour * HOUR_SECONDS + _UNREAD_SECONDS
                everyone.append((start, until, entry))
                continue
            place = (claim.agency, claim.purpose)
            since[place] = min(since.get(place, (start, entry)), (start, entry))
        self._since[member], self._everyone[member] = since, everyone

    async def _said(self, check: Check) -> ClaimSaid | None:
        place = (check.member, check.index)
        if place not in self._known:
            try:
                self._known[place] = await self._ledger.said(check, check.member)
            except RecordGoneError as error:
                self._known[place] = None
                self._events.failure("claim_record_unread", error, member=check.member)
        return self._known[place]

    def _followed(self, members: Iterable[Member]) -> list[Member]:
        return [m for m in members if m in self._shares and self._sequencer.owns(m)]

    def _now(self) -> int:
        return self._clock.now_ns() // _NS


def _waits_from(check: Check) -> int | None:
    """Return from when a check makes its agency wait, or None where it does not."""
    if check.proved is not None:
        return None if check.proved else _ALWAYS
    return None if check.in_time else check.due
