"""The review desk of a gateway beside holds: passes, instruments, lane, claims, test cases."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from comity.domain.ids import Member
from comity.ports import Clock, Entropy, LedgerRows, Store
from comity.review.claim_checks import ClaimShare
from comity.review.planted import Planting
from comity.services.accesses import Accesses
from comity.services.claim_checks import ClaimChecks
from comity.services.claim_ledger import ClaimLedger
from comity.services.events import Events
from comity.services.health import Health
from comity.services.instruments import Instruments
from comity.services.member import World
from comity.services.passes import Passes
from comity.services.planting import Plantings
from comity.services.re_reviews import ReReviews
from comity.services.review_commands import ReviewCommands
from comity.services.rosters import RosterOf
from comity.services.sequencer import Sequencer
from comity.services.urgent import UrgentLane
from comity.services.vault import Vault

__all__ = ["OfStates", "ReviewParts", "review_parts"]


class OfStates(msgspec.Struct, frozen=True, kw_only=True):
    """What states have in files of their own: shares of claims, test cases, rosters."""

    shares: Mapping[Member, ClaimShare]
    plantings: Mapping[Member, Planting]
    roster_of: RosterOf


class ReviewParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer face asks, and what commands go to."""

    passes: Passes
    instruments: Instruments
    urgent: UrgentLane
    claims: ClaimChecks
    plantings: Plantings
    commands: ReviewCommands


def review_parts(
    world: World,
    store: Store,
    rows: LedgerRows,
    inside: tuple[Vault, Sequencer, Health],
    around: tuple[Clock, Entropy, Events],
    *,
    wanted: OfStates,
) -> ReviewParts:
    """Return the parts, joined."""
    (vault, sequencer, health), (clock, entropy, events) = inside, around
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
    claims = ClaimChecks(
        world=world,
        ledger=ClaimLedger(store=store, rows=rows, vault=vault, shares=wanted.shares),
        sequencer=sequencer,
        health=health,
        shares=wanted.shares,
        around=around,
    )
    plantings = _plantings(world, (store, rows), inside, around, wanted)
    commands = ReviewCommands(
        world=world,
        passes=passes,
        instruments=instruments,
        urgent=urgent,
        re_reviews=ReReviews(
            world=world, store=store, rows=rows, vault=vault, sequencer=sequencer, clock=clock
        ),
        claims=claims,
        plantings=plantings,
        accesses=Accesses(sequencer, clock, entropy),
        clock=clock,
    )
    return ReviewParts(
        passes=passes,
        instruments=instruments,
        urgent=urgent,
        claims=claims,
        plantings=plantings,
        commands=commands,
    )


def _plantings(
    world: World,
    rows: tuple[Store, LedgerRows],
    inside: tuple[Vault, Sequencer, Health],
    around: tuple[Clock, Entropy, Events],
    wanted: OfStates,
) -> Plantings:
    vault, sequencer, health = inside
    return Plantings(
        world=world,
        store=rows[0],
        rows=rows[1],
        vault=vault,
        sequencer=sequencer,
        health=health,
        wanted=wanted.plantings,
        roster_of=wanted.roster_of,
        around=around,
    )
