"""A gateway's desks beside holds: passes, instruments, lane, claim checks, demands, commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from comity.domain.ids import Member
from comity.ports import Clock, Entropy, LedgerRows, Store
from comity.review.calendars import Calendar
from comity.review.claim_checks import ClaimShare
from comity.services.accesses import Accesses
from comity.services.claim_checks import ClaimChecks
from comity.services.claim_ledger import ClaimLedger
from comity.services.demands import Demands
from comity.services.events import Events
from comity.services.health import Health
from comity.services.instruments import Instruments
from comity.services.member import World
from comity.services.passes import Passes
from comity.services.re_reviews import ReReviews
from comity.services.review_commands import ReviewCommands
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
    demands: Demands
    commands: ReviewCommands


def review_parts(
    world: World,
    store: Store,
    rows: LedgerRows,
    inside: tuple[Vault, Sequencer, Health],
    around: tuple[Clock, Entropy, Events],
    *,
    shares: Mapping[Member, ClaimShare],
    calendars: Callable[[Member], Calendar],
) -> ReviewParts:
    """Return the parts, joined; `shares` are those of the members that check claims, `calendars`
    each member's own.
    """
    vault, sequencer, health = inside
    clock, entropy, events = around
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
    urgent = _urgent(world, store, inside, around)
    claims = ClaimChecks(
        world=world,
        ledger=ClaimLedger(store=store, rows=rows, vault=vault, shares=shares),
        sequencer=sequencer,
        health=health,
        shares=shares,
        around=around,
    )
    demands = _demands(world, store, inside, around, calendars)
    commands = ReviewCommands(
        world=world,
        passes=passes,
        instruments=instruments,
        urgent=urgent,
        re_reviews=ReReviews(
            world=world, store=store, rows=rows, vault=vault, sequencer=sequencer, clock=clock
        ),
        claims=claims,
        demands=demands,
        accesses=Accesses(sequencer, clock, entropy),
        clock=clock,
    )
    return ReviewParts(
        passes=passes,
        instruments=instruments,
        urgent=urgent,
        claims=claims,
        demands=demands,
        commands=commands,
    )


def _urgent(
    world: World,
    store: Store,
    inside: tuple[Vault, Sequencer, Health],
    around: tuple[Clock, Entropy, Events],
) -> UrgentLane:
    vault, sequencer, health = inside
    clock, _, events = around
    return UrgentLane(
        world=world,
        store=store,
        vault=vault,
        sequencer=sequencer,
        health=health,
        clock=clock,
        events=events,
    )


def _demands(
    world: World,
    store: Store,
    inside: tuple[Vault, Sequencer, Health],
    around: tuple[Clock, Entropy, Events],
    calendars: Callable[[Member], Calendar],
) -> Demands:
    vault, sequencer, health = inside
    clock, _, events = around
    return Demands(
        world=world,
        store=store,
        vault=vault,
        sequencer=sequencer,
        health=health,
        calendars=calendars,
        clock=clock,
        events=events,
    )
