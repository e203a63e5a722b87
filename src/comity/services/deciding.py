"""What a member says to exchanges: its policy is asked, its sources are asked, an answer is made.

    1. every class and kind is decided by the policy in force; what it releases to an agency whose
       claim is not proved waits, what it releases as urgent goes by the lane, what it holds may be
       granted by a case pass, and what an instrument would open waits until two people have
       verified it; what is still held is refused where its agency's quota is full
    2. only what the outcome depends on is looked up, in one batch; what turns out to be free text
       is decided again as such
    3. a message that is let in is answered as delivered; who delivers it is the answer face, but
       for one that a person of the state waits for, which is kept beside its hold, its release or
       the refusal that it appeals against (`replies`, `claim_checks`, `onward`, `appeals`)

Nothing here is recorded or sent.
INVARIANT (state-decides): the policy is the answering state's own.
Source: docs/release-cycle.md, steps 8-9; docs/adr/0016-sources.md, docs/adr/0046-instruments.md,
0052-claim-checks.md, 0056-onward-transfers.md, 0057-appeals.md, 0060-quotas-and-triage.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from comity.domain.answer import Answer, ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import ExchangeId, LeafIndex
from comity.domain.keys import Handling
from comity.domain.query import Exchange
from comity.domain.vocabulary import BudgetState, Emergency
from comity.exchange.answering import (
    Answered,
    Found,
    Judged,
    answer_exchange,
    is_let_through,
    judge,
    needs_look_up,
    whole,
)
from comity.exchange.bases import Covering, on_check, on_claim, on_lane, on_quota, under_pass
from comity.exchange.claimed import claims_instrument, unclaimed
from comity.exchange.facts import facts_of
from comity.exchange.free_text import read_reply
from comity.exchange.messages import (
    delivered,
    is_heard,
    kept_as_appeal,
    kept_as_reply,
    kept_as_told,
    onward_remark,
    unfit_remark,
    with_certified,
)
from comity.link.limits import ANSWER_ELEMENTS_MAX, PARCEL_BYTES_MAX
from comity.link.parcel import RefusalCode
from comity.link.parcel import Refused as RefusedParcel
from comity.policy import CompiledPolicy
from comity.ports import Clock, Lookup, Record, Source, SourceError
from comity.review.appeals import refused_remark
from comity.services.appeals import Appeals, Taken
from comity.services.budgets import NOT_COUNTED, Counted
from comity.services.claim_checks import ClaimChecks
from comity.services.desks import OWN_HANDLINGS, asks_leave, handling_of
from comity.services.entry import Entry
from comity.services.events import Events
from comity.services.forms import TOO_LONG_REMARK
from comity.services.instruments import Instruments
from comity.services.mailroom import Mailroom
from comity.services.member import NoPolicyError, World
from comity.services.onward import Onward
from comity.services.passes import Passes
from comity.services.quotas import Quotas
from comity.services.recheck import Recheck
from comity.services.replies import Replies
from comity.services.urgent import UrgentLane

__all__ = [
    "SOURCE_SECONDS_MAX",
    "Decided",
    "Deciding",
    "found_of",
    "is_fit",
    "is_looked_up",
    "is_message",
    "lookup_of",
    "refused",
]

SOURCE_SECONDS_MAX: Final = 10.0
"""How long a batch of look-ups may take in all; a source's own limits are tighter."""

_NS: Final = 1_000_000_000
_AGENCY: Final = Handling.AGENCY  # a name of its own is quicker than the enumeration's
_ELEMENT_BYTES: Final = 64
_UNCOUNTED: Final = Counted(state=BudgetState.WITHIN)
_ANSWER_ROOM_BYTES: Final = 262_144
"""For all of an answer but its elements: reasons, proofs and text."""

Decided = tuple[Exchange, Answered]
"""An exchange with the answer that is to be recorded."""


class Deciding:
    """Decides exchanges for the members of one host."""

    def __init__(
        self,
        *,
        world: World,
        source: Source,
        mailroom: Mailroom,
        passes: Passes,
        instruments: Instruments,
        urgent: UrgentLane,
        claims: ClaimChecks,
        quotas: Quotas,
        onward: Onward,
        appeals: Appeals,
        replies: Replies,
        recheck: Recheck,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._source = source
        self._mailroom = mailroom
        self._passes = passes
        self._instruments = instruments
        self._urgent = urgent
        self._claims = claims
        self._quotas = quotas
        self._onward = onward
        self._appeals = appeals
        self._replies = replies
        self._recheck = recheck
        self._clock = clock
        self._events = events

    def lane(self, exchange: Exchange) -> str:
        """Return what an exchange's look-up would share its fate with."""
        return self._source.lane(lookup_of(exchange))

    async def decide(
        self,
        exchanges: Sequence[Exchange],
        counted: Mapping[ExchangeId, Counted] = NOT_COUNTED,
    ) -> tuple[list[Decided], list[RefusedParcel]]:
        """Return what is to be recorded, and refusals for what could not be decided now."""
        now = self._clock.now_ns() // _NS
        judged, refusals = self.judge(exchanges, counted)
        self._recheck.offer(judged)
        found = await self._look_up([j for j in judged if is_looked_up(j)])
        replies = await self._replies.find(j.exchange for j in judged)
        decided: list[Decided] = []
        for item in judged:
            record = found.get(item.exchange.exchange_id)
            if isinstance(record, SourceError):
                # Nothing is known, so nothing is decided: the origin asks again.
                refusals.append(refused(item.exchange, RefusalCode.SOURCE_UNAVAILABLE))
                continue
            try:
                hold = replies.get(item.exchange.exchange_id)
                kept = await self._kept(item, now, hold)
                if isinstance(kept, str):
                    kept = self._answered(item, record, now, kept)
                decided.append((item.exchange, kept))
            except Exception as error:  # noqa: BLE001 - one exchange must not silence the others
                self._events.failure("exchange_fault", error)
                refusals.append(refused(item.exchange, RefusalCode.BUSY))
        return decided, refusals

    def judge(
        self,
        exchanges: Sequence[Exchange],
        counted: Mapping[ExchangeId, Counted] = NOT_COUNTED,
    ) -> tuple[list[Judged], list[RefusedParcel]]:
        """Return what each state's policy decides, and refusals where none can be asked.

        `counted` has every exchange that budgets count (`services/budgets.py`).
        """
        now = self._clock.now_ns() // _NS
        judged: list[Judged] = []
        refusals: list[RefusedParcel] = []
        for exchange in exchanges:
            try:
                index, policy = self._world.policy(exchange.state)
            except NoPolicyError as error:
                self._events.failure("policy_missing", error, member=exchange.state)
                refusals.append(refused(exchange, RefusalCode.BUSY))
                continue
            try:
                count = counted.get(exchange.exchange_id, _UNCOUNTED)
                facts = facts_of(exchange, self._world.directory, now, count.state)
                item = judge(exchange, facts, policy, index)
                item = on_check(item, self._claims.waits(exchange))
                # INVARIANT (state-decides): a query leaves its state whole or not at all.
                is_whole = asks_leave(self._world.directory, exchange)
                settled = self._settled(item, policy, is_whole=is_whole)
                judged.append(whole(settled) if is_whole else settled)
            except Exception as error:  # noqa: BLE001 - one exchange must not silence the others
                self._events.failure("exchange_fault", error)
                refusals.append(refused(exchange, RefusalCode.BUSY))
        return judged, refusals

    async def ready(self, exchanges: Sequence[Exchange]) -> None:
        """Read how much waits at the desks that these may come to. Raises: StoreDownError."""
        await self._quotas.ready(exchanges)

    def with_day(self, decided: Decided, entry: Entry) -> Entry:
        """Return what is recorded, with what it adds to the desk's day."""
        day = self._quotas.day_of(*decided)
        return entry if day is None else msgspec.structs.replace(entry, desk_day=day)

    def settle(self, exchange: Exchange, held_as: LeafIndex | None) -> None:
        """Say of an exchange as which leaf it is held, or that nothing was recorded of it."""
        self._quotas.settle(exchange, held_as)

    def stands(self, decided: Decided) -> bool:
        """Say whether what a decision rests on beside the rules still counts, as it is recorded."""
        exchange, answered = decided
        if answered.case_pass and not self._passes.stands(answered.case_pass):
            return False
        if answered.instrument and not self._instruments.stands(answered.instrument):
            return False
        if answered.urgent is not None:
            return not self._urgent.unmet(exchange)
        # INVARIANT (restriction-never-waits): a claim may have been found not proved meanwhile.
        by_rules = answered.answer.elements and not answered.case_pass and not answered.instrument
        return not by_rules or not self._claims.waits(exchange)

    def _settled(
        self,
        judged: Judged,
        policy: CompiledPolicy,
        *,
        is_whole: bool = False,
        is_text: bool = False,
    ) -> Judged:
        """Return what is decided where the request is urgent, under a pass, or claims a paper."""
        exchange = judged.exchange
        claims = exchange.claims
        claims_one = claims_instrument(exchange)
        if not claims_one and not claims.case_number and claims.emergency is not Emergency.DECLARED:
            return judged
        settled = self._by_lane_or_pass(judged, policy, is_whole=is_whole)
        if not claims_one:
            return settled
        plain = unclaimed(judged, policy, is_text=is_text)
        covering = None if self._goes_whole(exchange, is_whole) else self._covering(exchange)
        return on_claim(
            settled, self._by_lane_or_pass(plain, policy, is_whole=is_whole), policy, covering
        )

    def _by_lane_or_pass(self, judged: Judged, policy: CompiledPolicy, *, is_whole: bool) -> Judged:
        exchange = judged.exchange
        is_urgent = exchange.claims.emergency is Emergency.DECLARED
        if self._goes_whole(exchange, is_whole):
            # Nothing of a record goes that a person could look at afterwards: one decides before.
            return (
                on_lane(judged, self._urgent.for_records_alone(exchange)) if is_urgent else judged
            )
        if is_urgent:
            judged = on_lane(judged, self._urgent.unmet(exchange))
        found = self._passes.find(exchange)
        if found is None:
            return judged
        return under_pass(judged, policy, frozenset(found.case_pass.classes), found.entry)

    def _covering(self, exchange: Exchange) -> Covering | None:
        found = self._instruments.find(exchange)
        if found is None:
            return None
        return Covering(found.entry, frozenset(found.instrument.classes))

    @staticmethod
    def _goes_whole(exchange: Exchange, is_whole: bool) -> bool:
        """Say whether no record is released here: a message, or what would leave the state."""
        return is_whole or handling_of(exchange.key, exchange.to) is not Handling.RECORDS

    async def _look_up(
        self, judged: Sequence[Judged]
    ) -> Mapping[ExchangeId, Found | SourceError | None]:
        if not judged:
            return {}
        exchanges = [item.exchange for item in judged]
        try:
            async with asyncio.timeout(SOURCE_SECONDS_MAX):
                records = await self._source.find([lookup_of(e) for e in exchanges])
        except (ComityError, TimeoutError) as error:
            self._events.failure("source_unavailable", error)
            fault = SourceError("the source did not answer")
            return {exchange.exchange_id: fault for exchange in exchanges}
        pairs = zip(exchanges, records, strict=True)
        return {exchange.exchange_id: found_of(r, exchange) for exchange, r in pairs}

    async def _kept(self, judged: Judged, now: int, replies_to: LeafIndex | None) -> Answered | str:
        """Return what a message makes that is kept for a person who waits for it; else what its
        sender is told beside, mostly nothing.
        """
        if not is_message(judged.exchange) or not is_heard(judged):
            return ""
        if replies_to is not None:
            return kept_as_reply(judged, replies_to, now)
        told = await self._onward.told(judged.exchange)
        unfit = unfit_remark(told) if isinstance(told, str) else ""
        certified = None if isinstance(told, str) else told
        remark = unfit if certified is None else onward_remark(certified.entry)
        claim = await self._claims.answers(judged.exchange)
        if claim is not None:
            kept = kept_as_reply(judged, claim, now, is_claim=True, remark=remark)
        elif certified is not None:
            kept = kept_as_told(judged, certified.entry, now)
        else:
            filed = await self._appeals.filed(judged.exchange)
            if isinstance(filed, Taken):
                return kept_as_appeal(judged, filed.refusal, filed.by, now)
            return unfit if filed is None else refused_remark(filed)
        if certified is None:
            return kept
        return with_certified(kept, certified.leaf, certified.refused_to)

    def _answered(
        self, judged: Judged, record: Found | None, now: int, remark: str = ""
    ) -> Answered:
        """Return the answer; a record that cannot travel is told of without its elements.

        Seen before the commit, so that no leaf names as released what could never leave.
        """
        if is_message(judged.exchange) and is_let_through(judged):
            terms = self._mailroom.terms(judged.exchange, now)
            return delivered(judged, terms, now=now, remark=remark)
        if record is not None and record.text:
            judged = self._judge_text(judged)
        answered = self._made(judged, record, now, remark=remark)
        if record is not None and not is_fit(answered.answer):
            self._events.note("records_too_long", member=judged.exchange.state)
            record = msgspec.structs.replace(record, elements=(), text="")
            remark = TOO_LONG_REMARK
            answered = self._made(judged, record, now, remark=remark)
        if answered.hold is None:
            return answered
        # Last, and nothing behind it may fail: a place that was taken is given back by `settle`.
        full = self._quotas.refusal(judged.exchange, answered.hold)
        if not full:
            return answered
        judged = on_quota(judged, full, self._quotas.blocks(judged.exchange.state))
        return self._made(judged, record, now, remark=remark)

    def _judge_text(self, judged: Judged) -> Judged:
        """Return what the policy now in force decides of a record that is free text alone."""
        index, policy = self._world.policy(judged.exchange.state)
        again = judge(judged.exchange, judged.facts, policy, index, is_text=True)
        again = on_check(again, self._claims.waits(judged.exchange))
        return self._settled(again, policy, is_text=True)

    def _made(self, judged: Judged, record: Found | None, now: int, remark: str = "") -> Answered:
        state = judged.exchange.state
        return answer_exchange(
            judged,
            record,
            now=now,
            hold_until=now + self._world.hold_seconds(state),
            contact=self._world.directory.duty_contact(state) or "",
            remark=remark,
        )


def is_looked_up(judged: Judged) -> bool:
    """Say whether a source is asked: where the outcome depends on it, and never to act on what the
    policy does not let through.
    """
    handling = handling_of(judged.exchange.key, judged.exchange.to)
    if handling is _AGENCY:
        return False
    if handling in OWN_HANDLINGS:
        return is_let_through(judged)
    return needs_look_up(judged)


def is_message(exchange: Exchange) -> bool:
    """Say whether an exchange is a message to a person, not a question of records."""
    return handling_of(exchange.key, exchange.to) is _AGENCY


def is_fit(answer: Answer) -> bool:
    """Say whether an answer can travel; its proofs are still to come and have their room."""
    if len(answer.elements) > ANSWER_ELEMENTS_MAX:
        return False
    size = sum(len(e.name) + len(e.value.encode()) + _ELEMENT_BYTES for e in answer.elements)
    return size <= PARCEL_BYTES_MAX - _ANSWER_ROOM_BYTES


def lookup_of(exchange: Exchange) -> Lookup:
    """Return what a source is asked for an exchange."""
    return Lookup(
        state=exchange.state,
        key=exchange.key,
        fields=exchange.fields,
        agency=exchange.agency,
        to=exchange.to,
        exchange_id=exchange.exchange_id,
    )


def found_of(record: Record | SourceError | None, exchange: Exchange) -> Found | SourceError | None:
    """Return what a source's result means: a foreign text may say that there is no record.

    What this host's own desks say is never read so: an archive quotes what others were told.
    """
    if record is None or isinstance(record, SourceError):
        return record
    if record.text and handling_of(exchange.key, exchange.to) is Handling.RECORDS:
        reply = read_reply(record.text)
        if reply is ResponseKind.NO_HIT:
            return None
        if reply is not None:
            return SourceError("the source says that it is not available")
    return Found(
        kind=record.kind, elements=record.elements, matches=record.matches, text=record.text
    )


def refused(exchange: Exchange, code: RefusalCode) -> RefusedParcel:
    """Return word that an exchange was not taken in, and why."""
    return RefusedParcel(
        origin=exchange.origin_member,
        state=exchange.state,
        exchange_id=exchange.exchange_id,
        code=code,
    )
