"""A small practice network of its own, to be killed, and the traffic that it carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from comity.cli.practice import PracticeNetwork, practice_network
from comity.directory.routes import region_table
from comity.domain.ids import ORI, Member, wire_of_member
from comity.domain.keys import parse_message_key
from comity.domain.query import Claims, Query
from comity.domain.vocabulary import Instrument, Offence, Purpose
from comity.practice.world import PracticeWorld
from tests.fault.lines import RecordingLine, states_of
from tests.integration.engines.network import settings_for

PEOPLE_PER_STATE = 6
LOCAL_STATES = ("tx", "wa", "ca", "ny", "oh", "md", "il", "ga", "nd", "ut", "fl", "me", "ks", "nm")
FEDERAL_COUNT = 6
HELD_SHARE = 0.04
PEOPLE_SHARE = 0.04
HIT_SHARE = 0.4
REGION_SHARE = 0.01
NETWORK_SHARE = 0.003
_HIT = (
    "RTY/SV.RNO/{number}.PRI/U.OCA/26-0117.NIC/V123456789."
    "VIN/PX1.VYR/2019.VMA/FORD.RNA/P4471.RAG/BEXLEY FALLS PD"
)
HSI = ORI("USPX021HS")
_CHILD = Claims(
    purpose=Purpose.CRIMINAL_INVESTIGATION,
    offence=Offence.CHILD_EXPLOITATION,
    instrument=Instrument.NONE,
    case_number="HS-26-88",
    operator="H2210",
)


@asynccontextmanager
async def running_network(
    place: Path, *, witness_count: int = 0, handles_signals: bool = True, **changed: Any
) -> AsyncIterator[PracticeNetwork]:
    """Bring a network up in `place`, with short holds and frequent checkpoints."""
    settings = settings_for(
        place,
        **{
            "people_per_state": PEOPLE_PER_STATE,
            "hold_seconds_max": 3,
            "checkpoint_s": 2.0,
            "merge_s": 3,
            **changed,
        },
    )
    async with practice_network(
        settings,
        doing=lambda *_: None,
        witness_count=witness_count,
        handles_signals=handles_signals,
    ) as network:
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


def held_query(world: PracticeWorld, control: str = "PXHOLD") -> Query:
    """A query that Illinois holds for a reviewer."""
    person = world.anchor("il").driver
    return Query(
        key=parse_message_key("DQ"),
        origin=HSI,
        destinations=(wire_of_member(Member("il")),),
        control=control,
        fields=(("OLN", person.oln),),
        claims=_CHILD,
    )


@dataclass(frozen=True)
class Told:
    """A message of the traffic, whom it asks, and whether all answer in one message."""

    query: Query
    states: tuple[Member, ...]
    is_merged: bool = False


def traffic(world: PracticeWorld, seed: int, count: int) -> Iterator[Told]:
    """Practice traffic, asked by `callers`; some of it is held, some goes to many, or to people."""
    rng = Random(seed)
    oris = list(callers(world))
    local = [ori for ori in oris if not ori.startswith("US")]
    federal = [ori for ori in oris if ori.startswith("US")]
    for number, query in enumerate(world.queries(seed, count)):
        kind = rng.random()
        origin = rng.choice(federal if query.origin.startswith("US") else local)
        if kind < HELD_SHARE:
            yield _told(held_query(world))
        elif kind < HELD_SHARE + PEOPLE_SHARE:
            yield _told(_to_people(rng, local, number))
        elif kind < HELD_SHARE + PEOPLE_SHARE + REGION_SHARE:
            yield Told(query=_to_many(world, "DQG", "H1", rng.choice(local)), states=_region("H1"))
        elif kind < HELD_SHARE + PEOPLE_SHARE + REGION_SHARE + NETWORK_SHARE:
            everybody = _to_many(world, "DQ", "NL", rng.choice(local))
            yield Told(query=everybody, states=tuple(sorted(world.states())), is_merged=True)
        else:
            yield _told(msgspec.structs.replace(query, origin=origin))


def _told(query: Query) -> Told:
    return Told(query=query, states=states_of(query))


def _region(code: str) -> tuple[Member, ...]:
    return tuple(map(Member, region_table()[code].members))


def _to_many(world: PracticeWorld, key: str, code: str, origin: ORI) -> Query:
    """A name that many states are asked for."""
    person = world.anchor("wa")
    fields = (("NAM", person.nam), ("DOB", person.driver.birth.strftime("%Y%m%d")))
    return Query(
        key=parse_message_key(key),
        origin=origin,
        destinations=(code,),
        control="PXMANY",
        fields=fields if key == "DQG" else (*fields, ("SEX", person.driver.sex)),
    )


def _to_people(rng: Random, oris: Sequence[ORI], number: int) -> Query:
    """An administrative message or a hit confirmation, known again by its control field."""
    origin, to = rng.sample(oris, 2)
    is_hit = rng.random() < HIT_SHARE
    body = _HIT.format(number=1 + number % 3) if is_hit else f"WATCH FOR SEDAN {number}"
    return Query(
        key=parse_message_key("YQ" if is_hit else "AM"),
        origin=origin,
        destinations=(to,),
        control=f"M{number:x}",
        fields=(("", body),),
    )
