"""Demands for the own data of this host's members: registered, acted on, ended, and their clock.

    register  check who signed what was read; leaf and row in one transaction; sent again it is
              the same demand
    act       check it against the demand as it stands; what was handed over and what ends it have
              leaves, the rest is kept in the row until the end's leaf commits to all of it
    warn      7 and 2 days before the last day and when it is over: a duty that pages, once each

# INVARIANT (fail-closed): a demand opens nothing. No decision, pass or instrument reads this.
# INVARIANT (review-is-verified): what is kept was signed under keys that were enrolled; what is
handed over, by two people.
Source: docs/adr/0058-demands-for-own-data.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec

from comity.domain.demands import (
    DemandFile,
    RegisteredDemand,
    SignedDemand,
    SignedDemandAct,
    demand_act_bytes,
    demand_bytes,
)
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name, make_id, parse_entry_name
from comity.ports import Clock, DemandRow, DutyKind, NewDuty, Store
from comity.review.calendars import Calendar
from comity.review.deadline_words import day_words
from comity.review.deadlines import local_date
from comity.review.demands import (
    DEMANDS_OPEN_MAX,
    DemandEndedError,
    DemandError,
    DemandUnknownError,
    DemandWarning,
    Enrolled,
    answer_end,
    check_demand,
    check_demand_act,
    demand_act_leaves,
    demand_leaf,
    demand_warning,
)
from comity.services.demand_book import DemandBook
from comity.services.demand_rows import changed, demand_place, encode_demand
from comity.services.entries import ActedOn, Entry, NewDemand
from comity.services.events import Events
from comity.services.health import Health
from comity.services.member import World
from comity.services.sequencer import NotOwnedError, Refused, Sequencer, recorded_index
from comity.services.vault import Vault, month_of

__all__ = ["Demands", "DemandsFullError"]

_NS: Final = 1_000_000_000


class DemandsFullError(ComityError):
    """More demands of a state are open than its register takes: nothing was registered."""

    code = "demands-full"


class Demands:
    """`_one_at_a_time`: what is sent twice finds the first."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        vault: Vault,
        sequencer: Sequencer,
        health: Health,
        calendars: Callable[[Member], Calendar],
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._vault = vault
        self._sequencer = sequencer
        self._health = health
        self._calendars = calendars
        self._clock = clock
        self._events = events
        self._book = DemandBook(store, vault)
        self._one_at_a_time = asyncio.Lock()

    async def register(self, signed: SignedDemand) -> str:
        """Record that a demand came; return its entry. The same paper again gets its entry again.

        Raises: VerdictError, DemandError, DemandsFullError, CalendarRangeError, or what the
        sequencer refused with.
        """
        demand, now = signed.demand, self._now()
        state, calendar = demand.state, self._calendars(demand.state)
        check_demand(signed, self._enrolled(state)(demand.reviewer), calendar, now)
        async with self._one_at_a_time:
            known = await self._book.open(state, DEMANDS_OPEN_MAX)
            for each in known:
                if each.file is not None and _paper(each.file.registered.demand) == _paper(demand):
                    return each.entry
            if len(known) >= DEMANDS_OPEN_MAX:
                raise DemandsFullError(f"{DEMANDS_OPEN_MAX} demands of the state are open")
            new = NewDemand(
                file=DemandFile(registered=signed),
                answer_by=answer_end(demand.answer_by, calendar),
            )
            digest = sha256(demand_bytes(demand)).digest()
            index = await self._commit(
                Entry(
                    member=state,
                    exchange_id=make_id(demand.at * _NS, digest[:8]),
                    leaves=(demand_leaf(signed, now),),
                    demand=new,
                )
            )
        self._events.note("demands_registered", member=state)
        return entry_name(state, index)

    async def act(self, signed: SignedDemandAct) -> str:
        """Do one thing about a demand; return the entry of its leaf, else that of the demand.

        The same act again gets the same entry again.
        Raises: VerdictError, DemandError, DemandPersonError, DemandUnknownError, DemandEndedError,
        RecordGoneError, or what the sequencer or the store refused with.
        """
        act, now = signed.act, self._now()
        state, index = parse_entry_name(act.demand_entry)
        if state != act.state:
            raise DemandUnknownError("`demand_entry` is of another state")
        async with self._one_at_a_time:
            known = await self._book.one(state, index)
            row, file = known.row, known.whole()
            done = _done(row, file, signed)
            if done is not None:
                return done
            if row.ended_by is not None:
                raise DemandEndedError(f"it ended by {entry_name(state, row.ended_by)}")
            calendar = self._calendars(state)
            check_demand_act(signed, self._enrolled(state), file, calendar, now)
            file = msgspec.structs.replace(file, acts=(*file.acts, signed))
            answer_by = answer_end(file.answer_by, calendar)
            entry = await self._record(signed, ActedOn(row=row, file=file, answer_by=answer_by))
        self._events.note("demands_acted_on", member=state)
        return entry

    async def warn(self) -> int:
        """Owe every warning that is due and was not owed; return how many there were.

        # INVARIANT (fail-closed): nobody is warned by a clock that is in doubt; the page of a
        # demand shows its day all the same.
        """
        if not self._health.may_release:
            return 0
        count = 0
        for member in self._world.members():
            if not self._sequencer.owns(member):
                continue
            try:
                for row in await self._store.open_demands([member], DEMANDS_OPEN_MAX):
                    count += await self._warn(row)
            except ComityError as error:
                # One member's register must not keep another's warnings.
                self._events.failure("demand_warnings_failed", error, member=member)
        return count

    async def _record(self, signed: SignedDemandAct, acted: ActedOn) -> str:
        act, now = signed.act, self._now()
        leaves = demand_act_leaves(signed, acted.file, now)
        if not leaves:
            # INVARIANT (one-ledger-one-writer): a row that a cut is about to carry is not changed.
            if not self._sequencer.owns(act.state):
                raise NotOwnedError("this host does not own the ledger")
            place = demand_place(acted.row.demand_id, act.state)
            (nonce,) = self._vault.nonces(1)
            body = encode_demand(acted.file)
            sealed = self._vault.seal(act.state, month_of(now), nonce, body, place)
            await self._store.change_demand(changed(act.state, acted, sealed, ()))
            return act.demand_entry
        digest = sha256(demand_act_bytes(act)).digest()
        index = await self._commit(
            Entry(
                member=act.state,
                exchange_id=make_id(act.at * _NS, digest[:8]),
                leaves=tuple(leaves),
                acted_on=acted,
            )
        )
        return entry_name(act.state, index)

    async def _warn(self, row: DemandRow) -> bool:
        calendar, now = self._calendars(row.member), self._now()
        day = local_date(calendar, datetime.fromtimestamp(row.answer_by, UTC))
        step = demand_warning(day, now, calendar)
        if step <= row.warned:
            return False
        is_over = step is DemandWarning.OVERDUE
        entry = entry_name(row.member, row.leaf_index).upper()
        duty = NewDuty(
            member=row.member,
            leaf_index=row.leaf_index,
            kind=DutyKind.PAGE_DEMAND_OVERDUE if is_over else DutyKind.PAGE_DEMAND_DUE,
            made_at=now,
            about=f"{entry}, by {day_words(day)}",
        )
        is_new = await self._store.warn_demand(row, step, duty)
        if is_new:
            self._events.note("demand_warnings", member=row.member)
        return is_new

    async def _commit(self, entry: Entry) -> LeafIndex:
        (result,) = await self._sequencer.commit([entry])
        if isinstance(result, Refused):
            raise result.error
        index = recorded_index(result)
        if index is None:
            raise DemandError("another policy came into force meanwhile: send it again")
        return LeafIndex(index)

    def _enrolled(self, state: Member) -> Enrolled:
        return lambda name: self._world.directory.reviewer(state, name)

    def _now(self) -> int:
        return self._clock.now_ns() // _NS


def _paper(demand: RegisteredDemand) -> tuple[object, ...]:
    """Return what makes two registrations one: the paper, whoever registered it and when."""
    return demand.kind, demand.issuer, demand.number, demand.document


def _done(row: DemandRow, file: DemandFile, signed: SignedDemandAct) -> str | None:
    """Return what an act got that stands already, None where it does not."""
    said = [each.act for each in file.acts]
    if signed.act not in said:
        return None
    if signed.act.handed is not None:
        handed = [act for act in said if act.handed is not None]
        leaf = row.handed[handed.index(signed.act)]
    else:
        leaf = row.ended_by if signed.act.is_end else row.leaf_index
    # A leaf that was cut from the ledger is recorded by an act of its own, signed anew.
    return entry_name(row.member, row.leaf_index if leaf is None else leaf)
