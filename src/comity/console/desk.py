"""What the console's pages work with: queue, books, verdicts, how a person signs, papers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from comity.console.asking_desk import AskingDesk
from comity.console.assignments import Assignments
from comity.console.errors import NotASignerError
from comity.console.kept_certificates import KeptCertificates
from comity.console.kept_hand_overs import KeptHandOvers
from comity.console.kept_lifts import KeptLifts
from comity.console.notice_book import NoticeBook
from comity.console.opened_cases import OpenedCases
from comity.console.people import People, Role
from comity.console.routes import ASKS_ONWARD, KEEPS_RECORDS
from comity.console.sessions import SignedIn
from comity.console.signing_for import sign_for
from comity.domain.ids import HostName, Member
from comity.domain.passes import SignedPass
from comity.domain.verdict import SignedVerdict
from comity.link.command import HoldView
from comity.ports import BinderPress, Bus, Clock, LedgerRows, Press, SigningKeys, Store
from comity.review.calendars import Calendar
from comity.services.appeal_figures import AppealFigures
from comity.services.decided_by import DecidedBy
from comity.services.demand_book import DemandBook
from comity.services.demand_work import DemandWork
from comity.services.events import Events
from comity.services.examining import Examiner
from comity.services.federal_feed import FederalFeed
from comity.services.instrument_work import InstrumentWork
from comity.services.keeping_orders import KeepingOrders
from comity.services.leaf_counts import LeafCounts
from comity.services.looking import Looking
from comity.services.onward_book import OnwardBook
from comity.services.outgoing import Give, Verdicts
from comity.services.past_decisions import PastDecisions
from comity.services.past_figures import PastFigures
from comity.services.private_records import Records
from comity.services.protecting import ProtectionWork
from comity.services.review_queue import ReviewQueue
from comity.services.reviewing import Decided, Reviewer, Reviewing
from comity.services.rosters import RosterOf
from comity.services.rule_drafting import RuleDrafting
from comity.services.rule_orders import OrderSigner, RuleOrders
from comity.services.rules_in_force import StateBooks
from comity.services.triage import Triage

__all__ = ["Desk"]

_NS = 1_000_000_000


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """The services behind the pages. `store` reads this host's rows; `host` owns its ledgers.

    `people` returns those in force, or raises PeopleError. `confirm_seconds` is how long a block
    waits for a second person at most.
    """

    store: Store
    bus: Bus
    host: HostName
    keys: SigningKeys
    people: Callable[[], People]
    queue: ReviewQueue
    triage: Triage
    books: StateBooks
    verdicts: Verdicts
    past: PastDecisions
    assignments: Assignments
    decided: DecidedBy
    federal: FederalFeed
    onward: OnwardBook
    figures: PastFigures
    appeals: AppealFigures
    opened: OpenedCases
    notices: NoticeBook
    clock: Clock
    ledger: LedgerRows
    records: Records
    certificates: KeptCertificates
    lifts: KeptLifts
    demands: DemandBook
    hand_overs: KeptHandOvers
    calendars: Callable[[Member], Calendar]
    asking: AskingDesk
    press: Press
    bind: BinderPress
    drafting: RuleDrafting
    examiner: Examiner
    counts: LeafCounts
    confirm_seconds: int
    rosters: RosterOf
    events: Events

    @property
    def orders(self) -> RuleOrders:
        """What sends orders on rules."""
        return RuleOrders(bus=self.bus, host=self.host)

    @property
    def keeping(self) -> KeepingOrders:
        """What sends orders on records."""
        return KeepingOrders(bus=self.bus, host=self.host)

    def rule_signer(self, signed_in: SignedIn) -> OrderSigner:
        """Return who is signed in as who signs rules: each signature within this request."""
        return self._signer(signed_in, Role.AUTHOR, Role.COUNSEL)

    def keeping_signer(self, signed_in: SignedIn) -> OrderSigner:
        """Return who is signed in as who signs orders on records: each within this request."""
        return self._signer(signed_in, *KEEPS_RECORDS)

    def demand_work(self, signed_in: SignedIn) -> DemandWork:
        """Return who is signed in at work on demands: each signature within this request."""
        assert signed_in.person is not None
        return DemandWork(
            bus=self.bus,
            host=self.host,
            state=signed_in.person.state,
            signer=self.keeping_signer(signed_in),
            now=self._now,
        )

    def opening_signer(self, signed_in: SignedIn) -> OrderSigner:
        """Return who is signed in as who opens fields of a record: each within this request."""
        return self._signer(signed_in, Role.COUNSEL)

    def again_signer(self, signed_in: SignedIn) -> OrderSigner:
        """Return who opens a request for a second look at its decision: within this request."""
        return self._signer(signed_in, Role.REVIEWER)

    def _signer(self, signed_in: SignedIn, *roles: Role) -> OrderSigner:
        assert signed_in.person is not None
        return OrderSigner(
            name=signed_in.person.signs_as,
            sign=lambda message: sign_for(signed_in, self.keys, message, *roles),
        )

    def planting(self, signed_in: SignedIn) -> Looking:
        """Return what orders test cases, as the supervisor who is signed in."""
        assert signed_in.person is not None
        reviewer = Reviewer(
            state=signed_in.person.state,
            name=signed_in.person.signs_as,
            sign=lambda message: sign_for(signed_in, self.keys, message, Role.SUPERVISOR),
        )
        return Looking(bus=self.bus, host=self.host, reviewer=reviewer, now=self._now)

    def reviewing(self, signed_in: SignedIn) -> Reviewing:
        """Return the work of the reviewer who is signed in: each signature within this request."""
        return Reviewing(
            bus=self.bus, host=self.host, reviewer=self._reviewer(signed_in), now=self._now
        )

    def looking(self, signed_in: SignedIn) -> Looking:
        """Return the same reviewer's work at urgent releases and passes."""
        return Looking(
            bus=self.bus, host=self.host, reviewer=self._reviewer(signed_in), now=self._now
        )

    def asking_onward(self, signed_in: SignedIn) -> Looking:
        """Return the work of whoever may ask about onward transfers, and read what was told."""
        return Looking(
            bus=self.bus,
            host=self.host,
            reviewer=self._reviewer(signed_in, *ASKS_ONWARD),
            now=self._now,
        )

    def appealing(self, signed_in: SignedIn) -> Looking:
        """Return a reviewer's or supervisor's work at appeals."""
        reviewer = self._reviewer(signed_in, Role.REVIEWER, Role.SUPERVISOR)
        return Looking(bus=self.bus, host=self.host, reviewer=reviewer, now=self._now)

    def instruments(self, signed_in: SignedIn) -> InstrumentWork:
        """Return the same reviewer's work on legal instruments."""
        return InstrumentWork(
            bus=self.bus, host=self.host, reviewer=self._reviewer(signed_in), now=self._now
        )

    def protecting(self, signed_in: SignedIn) -> ProtectionWork:
        """Return the work of who is signed in on confidential addresses."""
        reviewer = self._reviewer(signed_in, *KEEPS_RECORDS)
        return ProtectionWork(bus=self.bus, host=self.host, reviewer=reviewer, now=self._now)

    def _reviewer(self, signed_in: SignedIn, *roles: Role) -> Reviewer:
        """Return who signs as a reviewer, unless other roles do."""
        assert signed_in.person is not None
        signing = roles or (Role.REVIEWER,)
        return Reviewer(
            state=signed_in.person.state,
            name=signed_in.person.signs_as,
            sign=lambda message: sign_for(signed_in, self.keys, message, *signing),
        )

    def giving(self, signed_in: SignedIn, with_it: SignedPass | None = None) -> Give:
        """Return what sends this person's verdict, and a pass behind it, if the person holds its
        place still when that leaves.

        INVARIANT (fail-closed): nor does one leave while the people in force cannot be read.
        """
        giving, session = self.reviewing(signed_in).giving(with_it), signed_in.session

        async def give(hold: HoldView, signed: SignedVerdict) -> Decided:
            by = (signed.verdict.state, signed.verdict.reviewer)
            places = self.people().find(session.issuer, session.subject)
            reviews = (place for place in places if place.has_any(Role.REVIEWER))
            if by not in {(place.state, place.signs_as) for place in reviews}:
                raise NotASignerError("whoever gave it is no reviewer of this state any more")
            return await giving(hold, signed)

        return give

    def _now(self) -> float:
        return self.clock.now_ns() / _NS
