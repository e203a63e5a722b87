"""Practice traffic: its mix, and that it asks about records the world has."""

from __future__ import annotations

import re
from collections import Counter

from comity.domain.ids import member_of_wire
from comity.domain.query import Query
from comity.domain.vocabulary import Offence, Purpose
from comity.formats.json import query as json
from comity.formats.text import query as text
from comity.practice.vehicles import check_digit
from comity.practice.world import PracticeWorld

COUNT = 12_000
WORLD = PracticeWorld(seed=2, people_per_state=60)
QUERIES = list(WORLD.queries(seed=7, count=COUNT))


def share(queries: list[Query], other: list[Query]) -> float:
    return len(queries) / len(other)


def test_field_sets_are_complete() -> None:
    """Every query has one of the field sets that its key accepts, within the field lengths."""
    accepted = {
        "DQ": {("OLN",), ("OLN", "IMQ"), ("NAM", "DOB", "SEX"), ("NAM", "DOB", "SEX", "IMQ")},
        "KQ": {("OLN",), ("NAM", "DOB", "SEX")},
        "RQ": {("LIC", "LIY", "LIT"), ("VIN",)},
    }
    for query in QUERIES:
        assert tuple(name for name, _ in query.fields) in accepted[query.key]
        for name, value in query.fields:
            assert re.fullmatch("[A-Z0-9*, -]+", value), name
            assert len(value) <= {"OLN": 20, "NAM": 30, "LIC": 10, "VIN": 17}.get(name, 8)


def test_queries_pass_the_formats() -> None:
    """Every query is the same after text and after JSON: the formats accept all of them."""
    for query in QUERIES[:2_000]:
        assert text.parse_query(text.render_query(query)) == query
        assert json.parse_query(json.render_query(query)) == query


def test_the_mix() -> None:
    """Driver and registration queries are 93 %, driver history the rest."""
    keys = Counter(str(query.key) for query in QUERIES)
    assert set(keys) == {"DQ", "RQ", "KQ"}
    assert 0.91 < (keys["DQ"] + keys["RQ"]) / COUNT < 0.95


def test_destinations() -> None:
    """One state mostly, never more than five, one for a history; never an agency's own alone."""
    for query in QUERIES:
        assert 1 <= len(query.destinations) <= 5
        assert len(set(query.destinations)) == len(query.destinations)
        assert all(member_of_wire(code) for code in query.destinations)
        assert query.destinations[0] != query.origin[:2]
        if query.key == "KQ":
            assert len(query.destinations) == 1
    lists = [query for query in QUERIES if len(query.destinations) > 1]
    assert 0.03 < share(lists, QUERIES) < 0.07


def test_origins() -> None:
    """Every origin is an active agency of the network; most are local, some federal."""
    active = {a.ori for m in WORLD.members() for a in WORLD.agencies(m) if a.active}
    assert {query.origin for query in QUERIES} <= active
    federal = [query for query in QUERIES if query.origin.startswith("US")]
    assert 0.06 < share(federal, QUERIES) < 0.1


def test_no_record_share() -> None:
    """Some 8 % name nothing on file; all others name a record of the first state asked."""
    olns, names, plates, vins = set(), set(), set(), set()
    for member in WORLD.states():
        for driver in WORLD.drivers(member):
            olns.add((member, driver.oln))
            names.add((member, driver.name_key, driver.birth.strftime("%Y%m%d"), driver.sex))
        for vehicle in WORLD.vehicles(member):
            plates.add((member, vehicle.plate, vehicle.plate_year, vehicle.plate_type))
            vins.add((member, vehicle.vin))
    missing = 0
    for query in QUERIES:
        asked = member_of_wire(query.destinations[0])
        value = dict(query.fields)
        found = (
            (asked, value.get("OLN")) in olns
            or (asked, value.get("NAM", "").split(" ")[0], value.get("DOB"), value.get("SEX"))
            in names
            or (asked, value.get("LIC"), value.get("LIY"), value.get("LIT")) in plates
            or (asked, value.get("VIN")) in vins
        )
        missing += not found
    assert 0.06 < missing / COUNT < 0.1


def test_purposes() -> None:
    """Purposes are mixed, NOT_STATED among them, and what is unsaid stays unsaid."""
    purposes = Counter(query.claims.purpose for query in QUERIES)
    assert len(purposes) >= 10
    assert 0.4 < purposes[Purpose.NOT_STATED] / COUNT < 0.65
    for query in QUERIES:
        if query.claims.purpose is Purpose.NOT_STATED:
            assert query.claims.offence is Offence.NOT_STATED
            assert query.claims.case_number == ""
        assert re.fullmatch("[A-Z0-9-]{0,20}", query.claims.case_number)
        assert re.fullmatch("[A-Z0-9-]{0,16}", query.claims.operator)


def test_vins_check() -> None:
    """Also a VIN with nothing on file has its check digit."""
    vins = [value for query in QUERIES for name, value in query.fields if name == "VIN"]
    assert vins
    assert all(check_digit(vin) == vin[8] for vin in vins)


def test_streams_repeat_by_seed() -> None:
    """The same seed asks the same, another seed asks otherwise, a control field comes once."""
    assert list(WORLD.queries(7, 50)) == QUERIES[:50]
    assert list(WORLD.queries(8, 50)) != QUERIES[:50]
    assert len({query.control for query in QUERIES}) == COUNT
