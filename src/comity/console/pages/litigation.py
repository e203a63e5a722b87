"""Litigation holds: those that stand, placing one, and lifting one by two people.

INVARIANT (fail-closed): placing waits for nobody; a lift that only one person has signed is kept
here and sent to nobody.
Guarantee: what is signed is an order of ADR 0024, within the request of whoever is signed in; what
was sent twice stands once.
Source: docs/adr/0044-legal-desk.md.
"""

from __future__ import annotations

import asyncio

import msgspec

from comity.console.desk import Desk
from comity.console.hosted import directory_here
from comity.console.keeping import (
    HOLDS_SHOWN,
    carry_out,
    lift_asked_by,
    place_hold,
    signed_by,
)
from comity.console.pages.litigation_words import (
    CAUSES,
    hold_facts,
    hold_finding,
    hold_row,
    holds_finding,
    lift_facts,
    schedule_said,
)
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import KEEPS_RECORDS, Name, roles_of, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.domain.ids import Member
from comity.domain.keeping import (
    MATTER_CHARS_MAX,
    MONTHS_MAX,
    KeepingReason,
    Order,
    OrderAct,
    SignedOrder,
    is_month,
    month_name,
    parse_month,
)
from comity.services.keeping_orders import order_digest
from comity.services.litigation import HoldsStanding, StandingHold, find_hold, read_holds

__all__ = ["LitigationPages"]

_Wrong = tuple[tuple[str, str], ...]


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the form of a hold holds."""

    scope: str = ""
    first: str = ""
    last: str = ""
    reason: str = KeepingReason.LITIGATION.value
    matter: str = ""


class LitigationPages:
    """What stands, and what changes it; `_one_at_a_time`: what is sent twice finds the first."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views
        self._one_at_a_time = asyncio.Lock()

    async def holds(self, visit: Visit) -> Reply:
        """List the holds that stand, and offer to place one."""
        return await self._list(visit, _Wanted())

    async def place(self, visit: Visit) -> Reply:
        """Place a hold, at once, signed by who is signed in."""
        form = visit.form
        wanted = _Wanted(
            scope=form.one("scope"),
            first=form.one("first").strip(),
            last=form.one("last").strip(),
            reason=form.one("reason"),
            matter=" ".join(form.one("matter").split()),
        )
        wrong = _wrong(wanted)
        if wrong:
            return await self._list(visit, wanted, wrong, status=422)
        order = Order(
            state=visit.person.state,
            act=OrderAct.HOLD,
            months=_months(wanted),
            reason=KeepingReason(wanted.reason),
            matter=wanted.matter,
            at=visit.now,
        )
        async with self._one_at_a_time:
            await directory_here(self._desk, visit.person.state)
            entry = await place_hold(self._desk, visit, order)
        return _to_page(entry)

    async def hold(self, visit: Visit) -> Reply:
        """Show one hold, and who asked to lift it, if anybody did."""
        return self._hold(visit, await self._standing(visit))

    async def lift(self, visit: Visit) -> Reply:
        """Ask that a hold be lifted; as the second person, lift it."""
        hold = await self._standing(visit)
        asked = self._desk.lifts.get(hold.entry, visit.now)
        seen = visit.form.one("order")
        if seen:
            if asked is None or seen != order_digest(asked.order):
                raise ProblemError(Problem.LIFT_MOVED)
            return await self._lift(visit, asked)
        reason = visit.form.one("reason")
        matter = " ".join(visit.form.one("matter").split())
        wrong = _wrong_cause(reason, matter)
        if wrong:
            return self._hold(visit, hold, (reason, matter), wrong, status=422)
        if asked is not None:
            is_own = lift_asked_by(asked) == visit.person.signs_as
            if is_own and (asked.order.reason, asked.order.matter) == (reason, matter):
                return _to_page(hold.entry)  # Sent twice: what was asked first waits.
            raise ProblemError(Problem.LIFT_MOVED)
        order = Order(
            state=visit.person.state,
            act=OrderAct.END_HOLD,
            entry=hold.entry,
            reason=KeepingReason(reason),
            matter=matter,
            at=visit.now,
        )
        signed = SignedOrder(order=order, signatures=())
        self._desk.lifts.put(signed_by(self._desk, visit, signed))
        return _to_page(hold.entry)

    async def keep(self, visit: Visit) -> Reply:
        """Withdraw what one person asked: the hold stays."""
        hold = await self._standing(visit)
        self._desk.lifts.drop(hold.entry)
        return _to_page(hold.entry)

    async def _lift(self, visit: Visit, asked: SignedOrder) -> Reply:
        entry = asked.order.entry
        assert entry is not None
        if lift_asked_by(asked) == visit.person.signs_as:
            raise ProblemError(Problem.LIFT_SECOND)
        signed = signed_by(self._desk, visit, asked)
        try:
            await carry_out(self._desk, signed)
        except ProblemError as error:
            if error.problem in (Problem.LIFT_MOVED, Problem.LITIGATION_ENDED):
                self._desk.lifts.drop(entry)
            raise
        self._desk.lifts.drop(entry)
        return go_to(url_of(Name.LITIGATION))

    async def _read(self, member: Member) -> HoldsStanding:
        desk = self._desk
        await directory_here(desk, member)
        return await read_holds(desk.store, desk.ledger, desk.records, member, HOLDS_SHOWN)

    async def _standing(self, visit: Visit) -> StandingHold:
        """Return the hold of the path, if it stands in the person's state. Raises: ProblemError."""
        desk, number = self._desk, int(visit.values["number"])
        await directory_here(desk, visit.person.state)
        hold = await find_hold(desk.store, desk.ledger, desk.records, visit.person.state, number)
        if hold is None:
            raise ProblemError(Problem.LITIGATION_ENDED)
        return hold

    async def _list(
        self, visit: Visit, wanted: _Wanted, wrong: _Wrong = (), *, status: int = 200
    ) -> Reply:
        found = await self._read(visit.person.state)
        may_sign = visit.person.has_any(*KEEPS_RECORDS)
        state = visit.person.state
        return self._views.page(
            "litigation.html",
            visit,
            status=status,
            finding=holds_finding(found, state),
            schedule=schedule_said(found, state),
            rows=[
                hold_row(
                    hold,
                    visit,
                    shows_matter=may_sign,
                    is_asked=self._desk.lifts.get(hold.entry, visit.now) is not None,
                )
                for hold in found.holds
            ],
            more=found.count - len(found.holds),
            may_place=may_sign,
            may_export=visit.person.has_any(*roles_of(Name.PUBLIC_RECORDS)),
            can_sign=bool(visit.person.signs_as),
            causes=CAUSES,
            matter_max=MATTER_CHARS_MAX,
            wanted=wanted,
            wrong=wrong,
            faults=dict(wrong),
        )

    def _hold(
        self,
        visit: Visit,
        hold: StandingHold,
        given: tuple[str, str] = (KeepingReason.LITIGATION.value, ""),
        wrong: _Wrong = (),
        *,
        status: int = 200,
    ) -> Reply:
        asked = self._desk.lifts.get(hold.entry, visit.now)
        may_sign = visit.person.has_any(*KEEPS_RECORDS)
        return self._views.page(
            "litigation_hold.html",
            visit,
            status=status,
            finding=hold_finding(hold, visit),
            entry=hold.entry.upper(),
            facts_shown=hold_facts(hold, visit, shows_matter=may_sign),
            may_lift=may_sign,
            can_sign=bool(visit.person.signs_as),
            asked=None if asked is None else lift_facts(asked, visit, shows_matter=may_sign),
            is_own=asked is not None and lift_asked_by(asked) == visit.person.signs_as,
            order="" if asked is None else order_digest(asked.order),
            number=hold.leaf_index,
            causes=CAUSES,
            matter_max=MATTER_CHARS_MAX,
            given=given,
            wrong=wrong,
            faults=dict(wrong),
        )


def _to_page(entry: str) -> Reply:
    return go_to(url_of(Name.LITIGATION_HOLD, number=entry.partition("/")[2]))


def _months(wanted: _Wanted) -> tuple[str, ...] | None:
    if wanted.scope == "all":
        return None
    first, last = parse_month(wanted.first), parse_month(wanted.last or wanted.first)
    return tuple(month_name(month) for month in range(first, last + 1))


def _wrong(wanted: _Wanted) -> _Wrong:
    """Return what has to be mended before a hold is placed: the field, and a sentence."""
    found: list[tuple[str, str]] = []
    if wanted.scope not in ("all", "months"):
        found.append(("scope", "Say whether all months are held, or which."))
    if wanted.scope == "months":
        if not is_month(wanted.first):
            found.append(("first", "Write a month such as 2024-10."))
        elif wanted.last and not is_month(wanted.last):
            found.append(("last", "Write a month such as 2024-10, or nothing."))
        elif wanted.last and wanted.last < wanted.first:
            found.append(("last", "The last month lies before the first."))
        elif wanted.last and parse_month(wanted.last) - parse_month(wanted.first) >= MONTHS_MAX:
            found.append(("last", f"At most {MONTHS_MAX} months, or all."))
    return (*found, *_wrong_cause(wanted.reason, wanted.matter))


def _wrong_cause(reason: str, matter: str) -> _Wrong:
    found: list[tuple[str, str]] = []
    if reason not in dict(CAUSES):
        found.append(("reason", "Choose one of the causes."))
    if not matter or len(matter) > MATTER_CHARS_MAX or not matter.isprintable():
        at_most = f"1 to {MATTER_CHARS_MAX} letters, digits and marks"
        found.append(("matter", f"Say which matter this is: {at_most}."))
    return tuple(found)
