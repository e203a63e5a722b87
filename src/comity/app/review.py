"""The review desk of a gateway beside holds: passes, instruments, lane, claims, appeals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from comity.domain.ids import Member
from comity.ports import Clock, Entropy, LedgerRows, Store
from comity.review.calendars import Calendar, calendar_of
from comity.review.claim_checks import ClaimShare
from comity.services.accesses import Accesses
from comity.services.appeal_ledger import AppealLedger
from comity.services.appeals import Appeals
from comity.services.claim_checks import ClaimChecks
from comity.services.claim_ledger import ClaimLedger
from comity.services.events import Events
from comity.services.health import Health
from comity.services.instruments import Instruments
from comity.services.member import World
from comity.services.own_messages import OwnMessages
from comity.services.passes import Passes
from comity.services.re_reviews import ReReviews
from comity.services.review_commands import ReviewCommands
from comity.services.second_person import VerdictsOn
from comity.services.sequencer import Sequencer
from comity.services.urgent import UrgentLane
from comity.services.vault import Vault

__all__ = ["ReviewParts", "review_parts"]


class ReviewParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer face asks, and what commands go to."""

    passes: Passes
    instruments: Instruments
    urgent: UrgentLane
    claims: ClaimChecks
    appeals: Appeals
    own: OwnMessages
    commands: ReviewCommands


def review_parts(
    world: World,
    store: Store,
    rows: LedgerRows,
    inside: tuple[Vault, Sequencer, Health],
    around: tuple[Clock, Entropy, Events],
    *,
    shares: Mapping[Member, ClaimShare],
    calendars: Callable[[Member], Calendar] = calendar_of,
) -> ReviewParts:
    """Return the parts, joined; `shares` are those of the members that check claims."""
    vault, sequencer, health = inside
    clock, entropy, events = around
    passes, instruments, urgent = _bases(world, store, rows, inside, (clock, events))
    own = OwnMessages(world, clock, entropy)
    claims = ClaimChecks(
        world=world,
        ledger=ClaimLedger(store=store, rows=rows, vault=vault, shares=shares),
        sequencer=sequencer,
        health=health,
        shares=shares,
        own=own,
        around=(clock, events),
    )
    appeals = Appeals(
        world=world,
        ledger=AppealLedger(store=store, rows=rows, vault=vault, calendars=calendars),
        given=VerdictsOn(store=store, rows=rows, vault=vault),
        passes=passes,
        sequencer=sequencer,
        health=health,
        own=own,
        calendars=calendars,
        around=(clock, events),
    )
    re_reviews = ReReviews(
        world=world, store=store, rows=rows, vault=vault, sequencer=sequencer, clock=clock
    )
    return ReviewParts(
        passes=passes,
        instruments=instruments,
        urgent=urgent,
        claims=claims,
        appeals=appeals,
        own=own,
        commands=ReviewCommands(
            world=world,
            passes=passes,
            instruments=instruments,
            urgent=urgent,
            re_reviews=re_reviews,
            claims=claims,
            appeals=appeals,
            accesses=Accesses(sequencer, clock, entropy),
            clock=clock,
        ),
    )


def _bases(
    world: World,
    store: Store,
    rows: LedgerRows,
    inside: tuple[Vault, Sequencer, Health],
    around: tuple[Clock, Events],
) -> tuple[Passes, Instruments, UrgentLane]:
    """Return what a release may rest on beside the rules."""
    vault, sequencer, health = inside
    clock, events = around
    passes = Passes(
        world=world,
        store=store,
        rows=rows,
        vault=vault,
        sequencer=sequencer,
        health=health,
        clock=clock,
        events=events,
    )
    instruments = Instruments(
        world=world,
        store=store,
        rows=rows,
        vault=vault,
        sequencer=sequencer,
        health=health,
        clock=clock,
        events=events,
    )
    urgent = UrgentLane(
        world=world,
        store=store,
        vault=vault,
        sequencer=sequencer,
        health=health,
        clock=clock,
        events=events,
    )
    return passes, instruments, urgent
