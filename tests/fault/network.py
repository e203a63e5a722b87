"""A small practice network of its own, to be killed, and the traffic that it carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from comity.cli.practice import PracticeNetwork, practice_network
from comity.domain.ids import ORI, Member, wire_of_member
from comity.domain.keys import parse_message_key
from comity.domain.query import Claims, Query
from comity.domain.vocabulary import Instrument, Offence, Purpose
from comity.practice.world import PracticeWorld
from tests.fault.lines import RecordingLine
from tests.integration.engines.network import settings_for

PEOPLE_PER_STATE = 6
LOCAL_STATES = ("tx", "wa", "ca", "ny", "oh", "md", "il", "ga", "nd", "ut", "fl", "me", "ks", "nm")
FEDERAL_COUNT = 6
HELD_SHARE = 0.04
HSI = ORI("USPX021HS")
_CHILD = Claims(
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    offence=Offence.CHILD_EXPLOITATION,
    instrument=Instrument.NONE,
    case_number="HS-26-88",
    operator="H2210",
)


@asynccontextmanager
async def running_network(place: Path, **changed: Any) -> AsyncIterator[PracticeNetwork]:
    """Bring a network up in `place`, with short holds and frequent checkpoints."""
    settings = settings_for(
        place,
        **{
            "people_per_state": PEOPLE_PER_STATE,
            "hold_seconds_max": 3,
            "checkpoint_s": 2.0,
            **changed,
        },
    )
    async with practice_network(settings, doing=lambda *_: None) as network:
        yield network


@asynccontextmanager
async def running_lines(
    network: PracticeNetwork, names: Sequence[str]
) -> AsyncIterator[dict[str, RecordingLine]]:
    """Connect lines, and keep them connected; each goes on from its last number."""
    lines = {name: RecordingLine(network.settings, name) for name in names}
    tasks = [asyncio.create_task(line.run()) for line in lines.values()]
    try:
        for line in lines.values():
            await line.connected()
        yield lines
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), f"a line's list ended: {ended!r}"


def callers(world: PracticeWorld) -> dict[ORI, str]:
    """The agencies that ask, each with its line: local ones, and federal ones, HSI among them."""
    local = [world.agencies(Member(state))[0] for state in LOCAL_STATES]
    federal = [a for a in world.agencies(Member("us")) if a.ori.endswith(("ER", "HS", "BP"))]
    chosen = [*local, *federal[:FEDERAL_COUNT]]
    return {agency.ori: agency.lines[0] for agency in chosen}


def held_query(world: PracticeWorld) -> Query:
    """A query that Illinois holds for a reviewer."""
    person = world.anchor("il").driver
    return Query(
        key=parse_message_key("DQ"),
        origin=HSI,
        destinations=(wire_of_member(Member("il")),),
        control="PXHOLD",
        fields=(("OLN", person.oln),),
        claims=_CHILD,
    )


def traffic(world: PracticeWorld, seed: int, count: int) -> Iterator[Query]:
    """Practice traffic, asked by `callers`; some of it is held."""
    rng = Random(seed)
    oris = list(callers(world))
    local = [ori for ori in oris if not ori.startswith("US")]
    federal = [ori for ori in oris if ori.startswith("US")]
    for query in world.queries(seed, count):
        if rng.random() < HELD_SHARE:
            yield held_query(world)
        else:
            origin = rng.choice(federal if query.origin.startswith("US") else local)
            yield msgspec.structs.replace(query, origin=origin)
