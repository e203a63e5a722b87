"""The practice world as a whole: determinism, anchors, limits."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

import comity
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member
from comity.domain.names import name_key
from comity.domain.vocabulary import RecordKind
from comity.practice.tables import anchor_rows, places
from comity.practice.vehicles import check_digit
from comity.practice.world import (
    PEOPLE_PER_STATE_MAX,
    PEOPLE_PER_STATE_MIN,
    PracticeWorld,
    PracticeWorldError,
)

WA = Member("wa")
DIGEST = """
import msgspec, hashlib
from comity.practice.world import PracticeWorld
world, digest = PracticeWorld(seed=3, people_per_state=20), hashlib.sha256()
for member in world.members():
    for part in (world.agencies(member), world.certifications(member)):
        digest.update(msgspec.json.encode(part))
for member in world.states():
    for row in [*world.drivers(member), *world.vehicles(member)]:
        digest.update(msgspec.msgpack.encode(row))
for query in world.queries(9, 200):
    digest.update(msgspec.msgpack.encode(query))
print(digest.hexdigest())
"""


def rows(world: PracticeWorld, member: Member) -> list[bytes]:
    return [
        msgspec.msgpack.encode(row) for row in [*world.drivers(member), *world.vehicles(member)]
    ]


def digest_under(hash_seed: str) -> str:
    source = str(Path(comity.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_same_whatever_the_hash_seed() -> None:
    """A world is the same, byte for byte, under two PYTHONHASHSEEDs."""
    first, second = digest_under("1"), digest_under("2")
    assert first == second
    assert len(first) == sha256().digest_size * 2


def test_same_seed_same_world() -> None:
    """Two worlds of one seed are equal, of two seeds they are not."""
    assert rows(PracticeWorld(4, 50), WA) == rows(PracticeWorld(4, 50), WA)
    assert rows(PracticeWorld(4, 50), WA) != rows(PracticeWorld(5, 50), WA)


def test_a_larger_world_begins_with_the_smaller() -> None:
    """The people and vehicles of a small world are the first ones of a large one."""
    small, large = PracticeWorld(4, 30), PracticeWorld(4, 90)
    assert list(large.drivers(WA))[:30] == list(small.drivers(WA))
    vehicles = list(small.vehicles(WA))
    assert list(large.vehicles(WA))[: len(vehicles)] == vehicles


def test_order_of_asking_does_not_matter() -> None:
    """A state's vehicles are the same whether its drivers were asked for before or not."""
    one, other = PracticeWorld(4, 30), PracticeWorld(4, 30)
    before = list(one.vehicles(WA))
    list(other.drivers(Member("tx")))
    list(other.drivers(WA))
    assert list(other.vehicles(WA)) == before


def test_members() -> None:
    """A world has the 54 jurisdictions, each with its people, and the operator member."""
    world = PracticeWorld(1, 5)
    assert set(world.members()) == set(MEMBERS)
    assert len(world.states()) == 54
    assert OPERATOR_MEMBER not in world.states()
    assert all(len(list(world.drivers(member))) == 5 for member in world.states())


@pytest.mark.parametrize("count", [-1, PEOPLE_PER_STATE_MIN - 1, PEOPLE_PER_STATE_MAX + 1])
def test_size_is_limited(count: int) -> None:
    """A world that would not hold its anchors, or not fit its plates, is refused."""
    with pytest.raises(PracticeWorldError):
        PracticeWorld(1, count)


def test_shapes_hold_the_largest_world() -> None:
    """Every state's shapes have a number for every person and vehicle of the largest world."""
    for member in PracticeWorld(1, PEOPLE_PER_STATE_MIN).states():
        place = places()[member]
        for text in (place.oln, place.plate):
            capacity = 10 ** text.count("#") * 23 ** text.count("A")
            assert capacity > PEOPLE_PER_STATE_MAX + len(anchor_rows().get(member, ()))


def test_anchors_are_the_same_in_every_world() -> None:
    """An anchor's person, record, photo and vehicle depend on neither seed nor size."""
    for member in anchor_rows():
        one, other = PracticeWorld(1, PEOPLE_PER_STATE_MIN), PracticeWorld(999)
        assert len(one.anchors(member)) == 2
        assert one.anchors(member) == other.anchors(member)


def test_anchors_are_in_the_sources() -> None:
    """What an anchor names is found among its state's drivers and vehicles, once."""
    world = PracticeWorld(8, 300)
    for member in anchor_rows():
        drivers, vehicles = list(world.drivers(member)), list(world.vehicles(member))
        for anchor in world.anchors(member):
            assert [row for row in drivers if row.oln == anchor.driver.oln] == [anchor.driver]
            assert [row for row in vehicles if row.plate == anchor.vehicle.plate] == [
                anchor.vehicle
            ]
            assert [row for row in vehicles if row.vin == anchor.vehicle.vin] == [anchor.vehicle]


def test_documented_anchors() -> None:
    """The anchors that documents name are as they say."""
    world = PracticeWorld(1)
    naomi = world.anchor("wa")
    assert (naomi.nam, naomi.driver.oln) == ("ANGERQVIST,NAOMI LARK", "PX*NA*204K7")
    assert (naomi.driver.birth, naomi.driver.sex) == (date(1991, 6, 23), "F")
    assert (naomi.vehicle.plate, naomi.vehicle.plate_year) == ("PXC204K", "2027")
    assert naomi.vehicle.vin == "0PX000509JP005204"
    assert world.anchor("wa", "noncompliant").driver.kind is RecordKind.NONCOMPLIANT_LICENCE
    assert set(anchor_rows()) == {"tx", "wa", "ny", "il", "md", "oh"}
    for member in anchor_rows():
        anchor = world.anchor(member)
        assert name_key(anchor.nam) == anchor.driver.name_key
        assert check_digit(anchor.vehicle.vin) == anchor.vehicle.vin[8]


def test_unknown_anchor() -> None:
    """A role or a state without an anchor is refused."""
    with pytest.raises(PracticeWorldError):
        PracticeWorld(1).anchor("wa", "nobody")
    with pytest.raises(PracticeWorldError):
        PracticeWorld(1).anchor("nv")
