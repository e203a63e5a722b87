"""A gateway's desks beside holds, joined: what the answer face asks, and what commands go to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import msgspec

from comity.domain.ids import Member
from comity.ports import Clock, Entropy, LedgerRows, Store
from comity.review.calendars import Calendar
from comity.review.claim_checks import ClaimShare
from comity.review.planted import Planting
from comity.services.accesses import Accesses
from comity.services.appeal_ledger import AppealLedger
from comity.services.appeals import Appeals
from comity.services.claim_checks import ClaimChecks
from comity.services.claim_ledger import ClaimLedger
from comity.services.demands import Demands
from comity.services.events import Events
from comity.services.health import Health
from comity.services.instruments import Instruments
from comity.services.member import World
from comity.services.onward import Onward
from comity.services.onward_book import OnwardBook
from comity.services.own_messages import OwnMessages
from comity.services.passes import Passes
from comity.services.planting import Plantings
from comity.services.private_records import Records
from comity.services.protection_reader import ProtectionReader
from comity.services.protections import Protections
from comity.services.re_reviews import ReReviews
from comity.services.review_commands import ReviewCommands
from comity.services.rosters import RosterOf
from comity.services.second_person import VerdictsOn
from comity.services.sequencer import Sequencer
from comity.services.urgent import UrgentLane
from comity.services.vault import Vault

__all__ = ["OfStates", "ReviewParts"]


class OfStates(msgspec.Struct, frozen=True, kw_only=True):
    """What states have in files of their own: shares of claims, test cases, rosters, calendars."""

    shares: Mapping[Member, ClaimShare]
    plantings: Mapping[Member, Planting]
    roster_of: RosterOf
    calendars: Callable[[Member], Calendar]


class ReviewParts:
    """The desks by name, each made when it is first asked for."""

    def __init__(
        self,
        world: World,
        rows: tuple[Store, LedgerRows],
        inside: tuple[Vault, Sequencer, Health],
        around: tuple[Clock, Entropy, Events],
        *,
        wanted: OfStates,
    ) -> None:
        self._world = world
        self._store, self._rows = rows
        self._vault, self._sequencer, self._health = inside
        self._clock, self._entropy, self._events = around
        self._wanted = wanted

    @cached_property
    def passes(self) -> Passes:
        """Case passes."""
        return Passes(
            world=self._world,
            store=self._store,
            rows=self._rows,
            vault=self._vault,
            sequencer=self._sequencer,
            health=self._health,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def instruments(self) -> Instruments:
        """Registered and verified instruments."""
        return Instruments(
            world=self._world,
            store=self._store,
            rows=self._rows,
            vault=self._vault,
            sequencer=self._sequencer,
            health=self._health,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def urgent(self) -> UrgentLane:
        """The urgent lane, and the looks that it owes."""
        return UrgentLane(
            world=self._world,
            store=self._store,
            vault=self._vault,
            sequencer=self._sequencer,
            health=self._health,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def own(self) -> OwnMessages:
        """What members say themselves."""
        return OwnMessages(self._world, self._clock, self._entropy)

    @cached_property
    def claims(self) -> ClaimChecks:
        """Claim checks."""
        shares = self._wanted.shares
        ledger = ClaimLedger(store=self._store, rows=self._rows, vault=self._vault, shares=shares)
        return ClaimChecks(
            world=self._world,
            ledger=ledger,
            sequencer=self._sequencer,
            health=self._health,
            shares=shares,
            own=self.own,
            around=(self._clock, self._events),
        )

    @cached_property
    def onward(self) -> Onward:
        """Onward transfers."""
        return Onward(
            world=self._world,
            book=OnwardBook(store=self._store, rows=self._rows, vault=self._vault),
            records=Records(self._store, self._vault, self._rows),
            sequencer=self._sequencer,
            health=self._health,
            own=self.own,
            around=(self._clock, self._events),
        )

    @cached_property
    def appeals(self) -> Appeals:
        """Appeals against what was refused after a review, or ended undecided."""
        rows, calendars = self._rows, self._wanted.calendars
        return Appeals(
            world=self._world,
            ledger=AppealLedger(
                store=self._store, rows=rows, vault=self._vault, calendars=calendars
            ),
            given=VerdictsOn(store=self._store, rows=rows, vault=self._vault),
            passes=self.passes,
            sequencer=self._sequencer,
            health=self._health,
            own=self.own,
            calendars=calendars,
            around=(self._clock, self._events),
        )

    @cached_property
    def plantings(self) -> Plantings:
        """Planted test cases."""
        return Plantings(
            world=self._world,
            store=self._store,
            rows=self._rows,
            vault=self._vault,
            sequencer=self._sequencer,
            health=self._health,
            wanted=self._wanted.plantings,
            roster_of=self._wanted.roster_of,
            around=(self._clock, self._entropy, self._events),
        )

    @cached_property
    def protections(self) -> Protections:
        """Addresses that are confidential."""
        records = Records(self._store, self._vault, self._rows)
        return Protections(
            world=self._world,
            store=self._store,
            vault=self._vault,
            reader=ProtectionReader(self._store, self._vault, records),
            sequencer=self._sequencer,
            health=self._health,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def demands(self) -> Demands:
        """Demands for a state's own data."""
        return Demands(
            world=self._world,
            store=self._store,
            vault=self._vault,
            sequencer=self._sequencer,
            health=self._health,
            calendars=self._wanted.calendars,
            clock=self._clock,
            events=self._events,
        )

    @cached_property
    def commands(self) -> ReviewCommands:
        """What reviewers sign, to the desk that it is for."""
        return ReviewCommands(
            world=self._world,
            passes=self.passes,
            instruments=self.instruments,
            urgent=self.urgent,
            re_reviews=ReReviews(
                world=self._world,
                store=self._store,
                rows=self._rows,
                vault=self._vault,
                sequencer=self._sequencer,
                clock=self._clock,
            ),
            claims=self.claims,
            onward=self.onward,
            appeals=self.appeals,
            plantings=self.plantings,
            protections=self.protections,
            demands=self.demands,
            accesses=Accesses(self._sequencer, self._clock, self._entropy),
            clock=self._clock,
        )
