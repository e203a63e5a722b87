"""Demands for the state's own data: registered, acted on by one, handed over by two.

INVARIANT (fail-closed): what only one person has signed of what is handed over is kept here and
sent to nobody; a litigation hold that is asked for with a demand is in force before it.
Guarantee: what is sent is signed within the request of whoever is signed in; what was sent twice
stands once. The paper itself never comes here, its hash does.
Source: docs/adr/0058-demands-for-own-data.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from comity.console.desk import Desk
from comity.console.errors import NotASignerError
from comity.console.hosted import directory_here
from comity.console.keeping import check_places, place_hold
from comity.console.pages.demand_form import (
    ACT_OPTIONS,
    DUE_CHOICES,
    HOLD_CHOICES,
    KIND_OPTIONS,
    GivenAct,
    GivenDemand,
    GivenHandOver,
    Wanted,
    Wrong,
    about_options,
    act_of,
    class_options,
    draft_of,
    given_act,
    given_demand,
    given_hand_over,
    handed_of,
)
from comity.console.pages.demand_words import (
    act_rows,
    counts_said,
    demand_facts,
    demand_finding,
    demand_row,
    demands_finding,
    hand_over_facts,
)
from comity.console.problems import Problem, ProblemError
from comity.console.replies import Reply, go_to
from comity.console.routes import KEEPS_RECORDS, Name, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.domain.demands import DemandFile, SignedDemandAct
from comity.domain.ids import parse_entry_name
from comity.domain.keeping import (
    MATTER_CHARS_MAX,
    KeepingReason,
    Order,
    OrderAct,
    month_name,
    parse_month,
)
from comity.link.errors import GatewayRefusalError, GatewaySilentError
from comity.ports import SigningKeyError
from comity.review.demands import (
    DemandEndedError,
    DemandError,
    DemandPersonError,
    DemandUnknownError,
)
from comity.services.demand_book import KnownDemand
from comity.services.demand_work import DemandDraft, DemandWork, act_digest
from comity.services.demands import DemandsFullError
from comity.services.private_records import RecordGoneError

__all__ = ["DEMANDS_SHOWN", "DemandPages"]

DEMANDS_SHOWN: Final = 100
"""Open demands on a page, the next answer first; as many that have ended, the newest first."""
_SAID: Final = frozenset({DemandError.code, DemandsFullError.code})
"""Refusals whose words a person can act on."""
_PROBLEMS: Final = {
    DemandUnknownError.code: Problem.NO_DEMAND,
    DemandEndedError.code: Problem.DEMAND_MOVED,
    DemandPersonError.code: Problem.DEMAND_SECOND,
    RecordGoneError.code: Problem.DEMAND_GONE,
}


class DemandPages:
    """The list, the form, and one demand with what is done about it.

    `_one_at_a_time`: what is sent twice finds the first.
    """

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views
        self._one_at_a_time = asyncio.Lock()

    async def listed(self, visit: Visit) -> Reply:
        """List the demands that are open, and those that have ended."""
        state, book = visit.person.state, self._desk.demands
        await directory_here(self._desk, state)
        known = await book.open(state, DEMANDS_SHOWN)
        ended = await book.ended(state, DEMANDS_SHOWN)
        counts = await book.counts(state)
        open_count = sum(each.open for each in counts)
        ended_count = sum(each.count for each in counts) - open_count
        return self._views.page(
            "demands.html",
            visit,
            finding=demands_finding(known, open_count, visit),
            came=counts_said(counts, state),
            rows=[demand_row(each, visit) for each in known],
            more=open_count - len(known),
            ended=[demand_row(each, visit) for each in ended],
            ended_more=ended_count - len(ended),
            new=url_of(Name.NEW_DEMAND) if visit.person.has_any(*KEEPS_RECORDS) else "",
        )

    async def new(self, visit: Visit) -> Reply:
        """Show an empty form."""
        await directory_here(self._desk, visit.person.state)
        return self._form(visit, GivenDemand())

    async def register(self, visit: Visit) -> Reply:
        """Place the hold that is asked for, then sign and record what was read."""
        desk, given = self._desk, given_demand(visit)
        await directory_here(desk, visit.person.state)
        draft, wrong = draft_of(given, visit, desk.calendars(visit.person.state))
        if draft is None:
            return self._form(visit, given, wrong, status=422)
        async with self._one_at_a_time:
            if given.hold == "months":
                await place_hold(desk, visit, _hold_of(draft, visit))
            work = self._work(visit)
            entry, wrong = await self._sent(visit, lambda: work.register(draft))
        return self._form(visit, given, wrong, status=422) if wrong else _to_page(entry)

    async def one(self, visit: Visit) -> Reply:
        """Show one demand, its acts, and what can be done about it."""
        return self._one(visit, await self._known(visit))

    async def act(self, visit: Visit) -> Reply:
        """Sign and record what one person does."""
        given = given_act(visit)
        async with self._one_at_a_time:
            known = await self._known(visit)
            file = _whole(known)
            wanted, wrong = act_of(given, visit, file.registered.demand.served_on)
            if wanted is None:
                return self._one(visit, known, given=given, wrong=wrong)
            if _is_last(file, wanted, visit.person.signs_as):
                return _to_page(known.entry)  # Sent twice: the first one stands.
            if not known.is_open:
                raise ProblemError(Problem.DEMAND_MOVED)
            act, work = wanted, self._work(visit)

            async def send() -> str:
                return await work.act(
                    known.entry,
                    act.kind,
                    answer_by=act.answer_by,
                    gag_until=act.gag_until,
                    note=act.note,
                )

            _, wrong = await self._sent(visit, send)
        return self._one(visit, known, given=given, wrong=wrong) if wrong else _to_page(known.entry)

    async def hand_over(self, visit: Visit) -> Reply:
        """Sign what is handed over; as the second person, have it recorded."""
        async with self._one_at_a_time:
            known = await self._known(visit)
            asked = self._desk.hand_overs.get(known.entry, visit.now)
            seen = visit.form.one("act")
            if seen:
                if asked is None or seen != act_digest(asked.act):
                    raise ProblemError(Problem.DEMAND_MOVED)
                return await self._confirm(visit, asked)
            return self._ask(visit, known, asked)

    async def keep_back(self, visit: Visit) -> Reply:
        """Withdraw what one person signed: nothing is recorded as handed over."""
        known = await self._known(visit)
        self._desk.hand_overs.drop(known.entry)
        return _to_page(known.entry)

    def _ask(self, visit: Visit, known: KnownDemand, asked: SignedDemandAct | None) -> Reply:
        """Sign as the first person, and keep that."""
        given = given_hand_over(visit)
        found, wrong = handed_of(given)
        if found is None:
            return self._one(visit, known, handing=given, wrong=wrong)
        if not known.is_open:
            raise ProblemError(Problem.DEMAND_MOVED)
        if asked is not None:
            said = (asked.act.handed, asked.act.note, asked.act.reviewer)
            if said == (*found, visit.person.signs_as):
                return _to_page(known.entry)  # Sent twice: what was signed first waits.
            raise ProblemError(Problem.DEMAND_MOVED)
        handed, note = found
        signed = self._signing(visit, lambda work: work.hand_over(known.entry, handed, note))
        self._desk.hand_overs.put(signed)
        return _to_page(known.entry)

    async def _confirm(self, visit: Visit, asked: SignedDemandAct) -> Reply:
        first, entry = asked.act.reviewer, asked.act.demand_entry
        if first == visit.person.signs_as:
            raise ProblemError(Problem.DEMAND_SECOND)
        check_places(self._desk, visit.person.state, {first}, Problem.DEMAND_MOVED)
        work = self._work(visit)
        _, wrong = await self._sent(visit, lambda: work.confirm(asked))
        if wrong:
            raise ProblemError(Problem.DEMAND_REFUSED, wrong[0][1])
        self._desk.hand_overs.drop(entry)
        return _to_page(entry)

    def _work(self, visit: Visit) -> DemandWork:
        return self._desk.demand_work(visit.session)

    def _signing(
        self, visit: Visit, sign: Callable[[DemandWork], SignedDemandAct]
    ) -> SignedDemandAct:
        try:
            return sign(self._work(visit))
        except (NotASignerError, SigningKeyError) as error:
            raise self._no_key(visit, error) from None

    def _no_key(self, visit: Visit, error: NotASignerError | SigningKeyError) -> ProblemError:
        self._desk.events.failure("demand_not_signed", error, member=visit.person.state)
        return ProblemError(Problem.NO_KEY)

    async def _sent(self, visit: Visit, send: Callable[[], Awaitable[str]]) -> tuple[str, Wrong]:
        """Return the entry that was recorded, or what a person can mend. Raises: ProblemError."""
        member, events = visit.person.state, self._desk.events
        try:
            return await send(), ()
        except (NotASignerError, SigningKeyError) as error:
            raise self._no_key(visit, error) from None
        except GatewayRefusalError as error:
            events.failure("demand_not_taken", error, member=member)
            if error.reason in _SAID:
                return "", (("refused", f"The gateway did not take it: {error}."),)
            problem = _PROBLEMS.get(error.reason, Problem.DEMAND_REFUSED)
            raise ProblemError(
                problem, "" if problem is not Problem.DEMAND_REFUSED else str(error)
            ) from None
        except GatewaySilentError as error:
            events.failure("demand_unanswered", error, member=member)
            raise ProblemError(Problem.DEMAND_SILENT) from None

    async def _known(self, visit: Visit) -> KnownDemand:
        """Return the demand of the path, if it is the person's state's. Raises: ProblemError."""
        await directory_here(self._desk, visit.person.state)
        try:
            return await self._desk.demands.one(visit.person.state, int(visit.values["number"]))
        except DemandUnknownError:
            raise ProblemError(Problem.NO_DEMAND) from None

    def _form(
        self, visit: Visit, given: GivenDemand, wrong: Wrong = (), *, status: int = 200
    ) -> Reply:
        return self._views.page(
            "demand_new.html",
            visit,
            status=status,
            can_sign=bool(visit.person.signs_as),
            given=given,
            kinds=KIND_OPTIONS,
            dues=DUE_CHOICES,
            holds=HOLD_CHOICES,
            about=about_options(given),
            matter_max=MATTER_CHARS_MAX,
            action=url_of(Name.REGISTER_DEMAND),
            wrong=wrong,
            faults=dict(wrong),
            back=url_of(Name.DEMANDS),
        )

    def _one(
        self,
        visit: Visit,
        known: KnownDemand,
        *,
        given: GivenAct | None = None,
        handing: GivenHandOver | None = None,
        wrong: Wrong = (),
    ) -> Reply:
        asked = self._desk.hand_overs.get(known.entry, visit.now)
        may_act = visit.person.has_any(*KEEPS_RECORDS) and known.file is not None
        number = known.row.leaf_index
        shown = handing or GivenHandOver()
        return self._views.page(
            "demand.html",
            visit,
            status=422 if wrong else 200,
            **demand_row(known, visit),
            finding=demand_finding(known, visit),
            facts_shown=demand_facts(known, visit),
            acts=act_rows(known, visit),
            may_act=may_act and known.is_open,
            can_sign=bool(visit.person.signs_as),
            given=given or GivenAct(),
            handing=shown,
            options=ACT_OPTIONS,
            classes=class_options(shown),
            asked=hand_over_facts(asked, visit) if asked is not None and may_act else None,
            is_own=asked is not None and asked.act.reviewer == visit.person.signs_as,
            digest="" if asked is None else act_digest(asked.act),
            act=url_of(Name.ACT_ON_DEMAND, number=number),
            hand_over=url_of(Name.HAND_OVER, number=number),
            keep_back=url_of(Name.KEEP_BACK, number=number),
            wrong_act=wrong if given is not None else (),
            wrong_handing=wrong if handing is not None else (),
            faults=dict(wrong),
            back=url_of(Name.DEMANDS),
        )


def _to_page(entry: str) -> Reply:
    return go_to(url_of(Name.DEMAND, number=parse_entry_name(entry)[1]))


def _whole(known: KnownDemand) -> DemandFile:
    try:
        return known.whole()
    except RecordGoneError:
        raise ProblemError(Problem.DEMAND_GONE) from None


def _hold_of(draft: DemandDraft, visit: Visit) -> Order:
    """Return the order that holds the months that a demand is about, all if it names none."""
    months = None
    if draft.first_month:
        first, last = parse_month(draft.first_month), parse_month(draft.last_month)
        months = tuple(month_name(month) for month in range(first, last + 1))
    return Order(
        state=visit.person.state,
        act=OrderAct.HOLD,
        months=months,
        reason=KeepingReason.LITIGATION,
        matter=draft.matter,
        at=visit.now,
    )


def _is_last(file: DemandFile, wanted: Wanted, name: str) -> bool:
    """Say whether what is asked for is what the same person did last."""
    if not file.acts:
        return False
    act = file.acts[-1].act
    return (act.act, act.answer_by, act.gag_until, act.note, act.reviewer) == (
        wanted.kind,
        wanted.answer_by,
        wanted.gag_until,
        wanted.note,
        name,
    )
