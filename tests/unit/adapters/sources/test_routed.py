"""The router: each look-up its own source, and no source another's trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from comity.adapters.memory.clock import ManualClock
from comity.adapters.memory.source import Driver, MemorySource
from comity.adapters.sources.http import HttpSource
from comity.adapters.sources.routed import RoutedSource, open_sources
from comity.adapters.sources.terms import parse_sources
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import RecordKind
from comity.ports import OWN_LANE, Lookup, Record, SourceError
from comity.services.events import Events
from tests.support.gateway import turns
from tests.support.line import MemoryLog

WA, OR, ID = Member("wa"), Member("or"), Member("id")
RQ = MessageKey("RQ")


class BrokenSource:
    """A source that raises instead of answering."""

    def lane(self, lookup: Lookup) -> str:
        return "broken"

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | SourceError | None]:
        raise RuntimeError("practice")


def memory(*states: Member) -> MemorySource:
    """A source with one driver of each state."""
    return MemorySource(
        [
            Driver(
                state=state,
                number="PX1",
                name_key="A,B",
                birth=date(1990, 1, 2),
                sex="F",
                kind=RecordKind.LICENCE,
                elements=(),
            )
            for state in states
        ]
    )


def ask(state: Member, key: str = "DQ", number: str = "PX1") -> Lookup:
    return Lookup(state=state, key=MessageKey(key), fields=(("OLN", number),))


def events() -> Events:
    return Events(MemoryLog())


def kinds(results: Sequence[Record | SourceError | None]) -> list[type]:
    return [type(result) for result in results]


async def test_each_look_up_goes_to_its_own_source() -> None:
    """By state, or by state and key; results come back in the order asked."""
    one, two, cars = memory(WA), memory(OR), memory()
    router = RoutedSource({(WA, None): one, (OR, None): two, (WA, RQ): cars}, events())
    asked = [ask(OR), ask(WA), ask(WA, "RQ"), ask(OR, number="PX9"), ask(WA)]
    assert kinds(await router.find(asked)) == [Record, Record, SourceError, type(None), Record]
    assert one.asked == [asked[1], asked[4]]
    assert two.asked == [asked[0], asked[3]]
    assert cars.asked == [asked[2]]


async def test_an_unknown_key_has_the_route_of_other() -> None:
    """Keys that are in no table are routed as they are listed: as `other`."""
    other = memory(WA)
    router = RoutedSource({(WA, MessageKey("other")): other}, events())
    await router.find([ask(WA, "ZZZ")])
    assert other.asked == [ask(WA, "ZZZ")]


async def test_without_a_route_nothing_is_known() -> None:
    """INVARIANT (fail-closed): never "no record"; unless the file says where else to look."""
    router = RoutedSource({(WA, RQ): memory(WA)}, events())
    assert kinds(await router.find([ask(WA), ask(OR)])) == [SourceError, SourceError]
    assert router.lane(ask(WA)) == OWN_LANE
    assert await router.find([]) == []
    otherwise = RoutedSource({}, events(), otherwise=memory(WA))
    assert kinds(await otherwise.find([ask(WA), ask(OR)])) == [Record, type(None)]


async def test_a_source_that_raises_is_its_own_trouble() -> None:
    """Its look-ups are unknown, the others have their records, and it is an event."""
    heard = events()
    router = RoutedSource({(WA, None): BrokenSource(), (OR, None): memory(OR)}, heard)
    assert kinds(await router.find([ask(WA), ask(OR)])) == [SourceError, Record]
    assert heard.counts["source_raised"] == 1


async def test_sources_are_asked_at_the_same_time() -> None:
    """One that hangs keeps no other from being asked; each has its lane."""
    slow, quick = memory(WA), memory(OR)
    slow.hangs[WA] = asyncio.Event()
    router = RoutedSource({(WA, None): slow, (OR, None): quick}, events())
    assert [router.lane(ask(WA)), router.lane(ask(OR))] == ["wa", OWN_LANE]
    finding = asyncio.create_task(router.find([ask(WA), ask(OR)]))
    await turns(5)
    assert quick.asked == [ask(OR)]
    assert not finding.done()
    slow.hangs[WA].set()
    assert kinds(await finding) == [Record, Record]


FILE = """
version = 1
otherwise = "built_in"
[source.dmv]
url = "http://127.0.0.1:9/v1/lookups"
[[route]]
states = ["wa", "or"]
source = "dmv"
[[route]]
states = ["wa"]
keys = ["RQ"]
source = "built_in"
"""


@pytest.mark.parametrize("otherwise", ["", 'otherwise = "built_in"'])
async def test_a_file_becomes_sources(otherwise: str) -> None:
    """A service of two states is one source for each; what the file leaves to the host is there."""
    text = FILE.replace('otherwise = "built_in"', otherwise)
    built_in = memory(ID)
    file = parse_sources(text.encode(), Path())
    router = open_sources(file, built_in, ManualClock(0), events())
    lanes = [router.lane(ask(state)) for state in (WA, OR, ID)]
    assert lanes == ["dmv/wa", "dmv/or", OWN_LANE]
    assert router.lane(ask(WA, "RQ")) == OWN_LANE
    assert {type(s) for s in router._routes.values()} == {HttpSource, MemorySource}
    assert kinds(await router.find([ask(ID)])) == [Record if otherwise else SourceError]
    await router.close()
