"""How long a block takes, from the signed command to the first query that it refuses.

A practice network is made anew, on PostgreSQL and NATS. In one state after another a family is
blocked by one person; from the moment at which the signed command is sent an agency of the family
asks that state over its own line, one query after another, until one is refused. The time of that
answer counts: the comparison, the leaf, its commit, the decision and the way back are in it.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.report import Figure, at_most
from comity.cli.practice import practice_network
from comity.cli.publishing import people_of, published, signed_policy
from comity.cli.rules import named_rules
from comity.cli.stage import NetworkStage, open_stage
from comity.domain.answer import ResponseKind
from comity.domain.ids import Member, parse_ori, wire_of_member
from comity.domain.keys import MessageKey
from comity.domain.query import Query
from comity.policy.block import UNCONFIRMED_SECONDS_MAX, blocked
from comity.practice.world import PracticeWorld
from comity.roles.settings import Settings, load_settings

ROOT: Final = Path(__file__).resolve().parents[1]
BLOCKS: Final = 20
PEOPLE: Final = 200
TARGET_MS: Final = 1_000.0
FAMILY: Final = "US/DHS/ICE"
ASKER: Final = parse_ori("USPX011ER")
WAIT_SECONDS: Final = 30.0
NS_PER_MS: Final = 1_000_000


async def force_figure() -> Figure:
    """Return `publish_to_force_ms`, with its quartiles over `BLOCKS` blocks."""
    settings = load_settings(data_dir=load_settings().data_dir.with_name("bench-policy"))
    shutil.rmtree(settings.data_dir, ignore_errors=True)
    chosen = load_settings(**{**settings.model_dump(), "people_per_state": PEOPLE})
    async with (
        practice_network(chosen, doing=lambda *_: None) as network,
        open_stage(network.settings, network.world, network.supervisor) as stage,
    ):
        took = await _blocks(network.settings, network.world, stage)
    shutil.rmtree(settings.data_dir, ignore_errors=True)
    return at_most("publish_to_force_ms", statistics.median(took), "ms", TARGET_MS, took)


async def _blocks(settings: Settings, world: PracticeWorld, stage: NetworkStage) -> list[float]:
    took = []
    for state in await asyncio.to_thread(_states, settings, world):
        before = await _ask(stage, state)
        if before is not ResponseKind.NO_HIT:
            raise SystemExit(f"{state} answers the family {before} before it is blocked")
        took.append(await _block(settings, stage, state))
        sys.stderr.write(f"{state}: {took[-1]:.0f} ms\n")
    return took


def _states(settings: Settings, world: PracticeWorld) -> Sequence[Member]:
    """Return states that have no rules of their own."""
    members = (m for m in world.members() if not named_rules(settings, f"@{m}").bundle.rules)
    return [member for _, member in zip(range(BLOCKS), members, strict=False)]


async def _block(settings: Settings, stage: NetworkStage, state: Member) -> float:
    """Return the milliseconds from the signed command to the first refusal."""
    standing = (await asyncio.to_thread(named_rules, settings, f"@{state}")).bundle
    until = int(time.time()) + UNCONFIRMED_SECONDS_MAX
    people = people_of(settings, state, (), (), 1)
    data = signed_policy(blocked(standing, FAMILY, "Order 14", until), people)
    begun = time.monotonic_ns()
    publishing = asyncio.create_task(asyncio.to_thread(published, settings, state, data))
    async with asyncio.timeout(WAIT_SECONDS):
        while await _ask(stage, state) is not ResponseKind.REFUSED:
            pass
    refused = time.monotonic_ns()
    await publishing
    return (refused - begun) / NS_PER_MS


async def _ask(stage: NetworkStage, state: Member) -> ResponseKind:
    """Return what the family's agency is answered about a licence that nobody has."""
    query = Query(
        key=MessageKey("DQ"),
        origin=ASKER,
        destinations=(wire_of_member(state),),
        fields=(("OLN", "PXZZ00000"),),
    )
    (heard,) = await stage.ask(query)
    if heard.answer is None:
        raise SystemExit(f"{state} sent no answer")
    return heard.answer.response
