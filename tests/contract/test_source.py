"""The contract of `Source`: what each field set finds, and that an unknown is never "no record"."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import msgspec
import pytest

from comity.adapters.memory.source import Driver, MemorySource, Vehicle
from comity.adapters.postgres.session import Pool
from comity.adapters.sources.postgres import PostgresSource, has_records, load_records
from comity.adapters.sources.routed import RoutedSource, Routes
from comity.domain.answer import Element
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass, RecordKind
from comity.ports import Lookup, Record, Source, SourceError
from comity.practice.web_service import web_service
from tests.support.engines import Cluster
from tests.support.web import opened, serving, terms_of

WA, OR = Member("wa"), Member("or")
PHOTO = b"\x89PNG practice"
_encoder = msgspec.msgpack.Encoder()


def driver(number: str, name: str, birth: date, sex: str = "F", state: Member = WA) -> Driver:
    """Return a driver whose one element is the number."""
    return Driver(
        state=state,
        number=number,
        name_key=name,
        birth=birth,
        sex=sex,
        kind=RecordKind.LICENCE,
        elements=(Element(data_class=DataClass.IDENTITY, name="OLN", value=number),),
        photo=b64encode(PHOTO).decode(),
    )


def vehicle(plate: str, year: str, kind: str = "PC", vin: str = "0PX00000000000001") -> Vehicle:
    """Return a vehicle whose one element is plate, year and type."""
    shown = Element(data_class=DataClass.VEHICLE, name="LIC", value=f"{plate} {year} {kind}")
    return Vehicle(
        state=WA,
        plate=plate,
        plate_year=year,
        plate_type=kind,
        vin=vin,
        kind=RecordKind.REGISTRATION,
        elements=(shown,),
    )


DRIVERS = (
    driver("PX1", "PRACTICE,ANN", date(1980, 2, 3)),
    driver("PX2", "PRACTICE,BEN", date(1985, 5, 6), "M"),
    driver("PX3", "PRACTICE,BEN", date(1985, 5, 6), "M"),
    driver("PX4", "OBRIEN,CY", date(1925, 7, 8), "X"),
    driver("PX5", "OBRIEN,CY", date(2025, 7, 8), "X"),
    driver("PX1", "ELSEWHERE,ANN", date(1990, 1, 1), state=OR),
)
VEHICLES = (
    vehicle("PXA1", "2027"),
    vehicle("PXA1", "2020", "TK", "0PX00000000000002"),
    vehicle("PXB1", "2027", vin="0PX00000000000003"),
    vehicle("PXB1", "2026", vin="0PX00000000000003"),
)


@asynccontextmanager
async def postgres_pool(cluster: Cluster) -> AsyncIterator[Pool]:
    """Open a pool on a database with the records."""
    database = await cluster.make_database()
    pool = await Pool.open(cluster.url(database))
    try:
        yield pool
    finally:
        await pool.close()
        await cluster.drop_database(database)


async def load(pool: Pool) -> int:
    """Load the records into the built-in source."""
    drivers = [
        (d.state, d.number, d.name_key, d.birth, d.sex, d.kind, _encoder.encode(d.elements), PHOTO)
        for d in DRIVERS
    ]
    vehicles = [
        (v.state, v.plate, v.plate_year, v.plate_type, v.vin, v.kind, _encoder.encode(v.elements))
        for v in VEHICLES
    ]
    return await load_records(pool, drivers, vehicles)


@pytest.fixture(params=["memory", "postgres", "http", "routed"])
async def source(request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[Source]:
    """A source of each kind with the same records."""
    memory = MemorySource(DRIVERS, VEHICLES)
    match request.param:
        case "memory":
            yield memory
        case "postgres":
            async with postgres_pool(cluster) as pool:
                await load(pool)
                yield PostgresSource(pool)
        case "http":
            async with serving(web_service(memory)) as port, opened(terms_of(port)) as heard:
                yield heard.source
        case _:
            async with serving(web_service(memory)) as port, opened(terms_of(port)) as heard:
                routes: Routes = {(WA, None): heard.source, (WA, MessageKey("RQ")): memory}
                yield RoutedSource(routes, heard.events, otherwise=memory)


def ask(key: str, state: Member = WA, /, **fields: str) -> Lookup:
    """Return a look-up of a key with these fields."""
    return Lookup(state=state, key=MessageKey(key), fields=tuple(fields.items()))


async def found(source: Source, *lookups: Lookup) -> list[str | None]:
    """Return what each look-up found: `value`, `value (count)` of several, or None."""
    results: list[str | None] = []
    for result in await source.find(lookups):
        assert not isinstance(result, SourceError)
        if result is None:
            results.append(None)
        else:
            count = f" ({result.matches})" if result.matches > 1 else ""
            results.append(result.elements[0].value + count)
    return results


async def test_driver_by_number(source: Source) -> None:
    """A licence number finds its driver in the state that is asked, and in no other."""
    lookups = [ask("DQ", OLN="PX1"), ask("KQ", OR, OLN="PX1"), ask("DQ", OLN="PX9")]
    (here, there, nobody) = await source.find(lookups)
    assert isinstance(here, Record)
    assert here == Record(kind=RecordKind.LICENCE, elements=DRIVERS[0].elements)
    assert isinstance(there, Record)
    assert there.elements == DRIVERS[-1].elements
    assert nobody is None


async def test_driver_by_name(source: Source) -> None:
    """Name, birth date and sex find a driver; of several the first, and how many there are."""
    person = {"NAM": "PRACTICE,ANN MARIE", "DOB": "19800203", "SEX": "F"}
    twins = {"NAM": "PRACTICE,BEN", "DOB": "19850506", "SEX": "M"}
    wrong_sex, wrong_day = {**person, "SEX": "M"}, {**person, "DOB": "19800204"}
    asked = [ask("DQ", **fields) for fields in (person, twins, wrong_sex, wrong_day)]
    assert await found(source, *asked) == ["PX1", "PX2 (2)", None, None]


async def test_name_without_birth_or_sex(source: Source) -> None:
    """What a query does not say, or says is unknown, is not compared."""
    unknown_sex = ask("DQG", NAM="PRACTICE,ANN", DOB="19800203", SEX="U")
    name_only = ask("DNQ", NAM="PRACTICE,BEN")
    assert await found(source, unknown_sex, name_only) == ["PX1", "PX2 (2)"]


async def test_birth_year_of_two_digits_is_both_centuries(source: Source) -> None:
    """`mmddyy` finds whoever was born on that day in either century; two are two."""
    either = ask("DQ", NAM="O'BRIEN,CY", DOB="070825", SEX="X")
    old = ask("DQ", NAM="O'BRIEN,CY", DOB="19250708", SEX="X")
    plain = ask("DQ", NAM="PRACTICE,ANN", DOB="020380", SEX="F")
    assert await found(source, either, old, plain) == ["PX4 (2)", "PX4", "PX1"]


async def test_value_that_no_record_has_finds_nothing(source: Source) -> None:
    """A name that is no name, or a day that is none, finds no record."""
    strange = ask("DQ", NAM="PRACTICE,J3", DOB="19800203", SEX="F")
    no_day = ask("DQ", NAM="PRACTICE,ANN", DOB="19800231", SEX="F")
    short = ask("DQ", NAM="PRACTICE,ANN", DOB="1980", SEX="F")
    assert await found(source, strange, no_day, short) == [None, None, None]


async def test_photo_comes_only_when_asked_for(source: Source) -> None:
    """A photo is an element of its own class, and stays at home unless the query wants it."""
    (with_photo, without) = await source.find(
        [ask("DQ", OLN="PX1", IMQ="Y"), ask("DQ", OLN="PX1", IMQ="N")]
    )
    assert isinstance(with_photo, Record)
    shown = Element(data_class=DataClass.PHOTO, name="PHOTO", value=b64encode(PHOTO).decode())
    assert with_photo.elements[-1] == shown
    assert isinstance(without, Record)
    assert without.elements == DRIVERS[0].elements


async def test_vehicle_by_plate(source: Source) -> None:
    """Plate and type find a vehicle; the year chooses among several and never hides the one."""
    asked = [
        ask("RQ", LIC="PXA1", LIT="PC", LIY="2027"),
        ask("RQ", LIC="PXA1", LIT="TK", LIY="2027"),
        ask("RQ", LIC="PXB1", LIT="PC", LIY="26"),
        ask("RQ", LIC="PXB1", LIT="PC", LIY="NX"),
        ask("RQ", LIC="PXA1", LIT="MC", LIY="2027"),
        ask("RQG", LIC="PXA1"),
    ]
    assert await found(source, *asked) == [
        "PXA1 2027 PC",
        "PXA1 2020 TK",
        "PXB1 2026 PC",
        "PXB1 2027 PC (2)",
        None,
        "PXA1 2027 PC (2)",
    ]


async def test_vehicle_by_number(source: Source) -> None:
    """A VIN finds a vehicle, the newest registration first."""
    asked = [ask("RQ", VIN="0PX00000000000002"), ask("RQ", VIN="0PX00000000000003")]
    assert await found(source, *asked) == ["PXA1 2020 TK", "PXB1 2027 PC (2)"]
    assert await found(source, ask("RQ", VIN="0PX00000000000009")) == [None]


async def test_what_the_source_cannot_search_is_unknown(source: Source) -> None:
    """A key that the source holds nothing for, or a query that names nobody, is not "no record"."""
    results = await source.find([ask("BQ", REG="1"), ask("DQ", DOB="19800203"), ask("RQ")])
    assert all(isinstance(result, SourceError) for result in results)


async def test_lane_is_the_same_for_the_same_look_up(source: Source) -> None:
    """A look-up has one lane, whoever asks when."""
    asked = ask("DQ", OLN="PX1")
    assert source.lane(asked) == source.lane(ask("DQ", OLN="PX9"))


async def test_look_ups_at_once_get_their_own_results(source: Source) -> None:
    """Many callers at the same time, each with its own look-ups, get each its own."""
    numbers = ["PX1", "PX9", "PX2"]
    parts = await asyncio.gather(
        *(found(source, *(ask("DQ", OLN=n) for n in numbers[: k % 4])) for k in range(24))
    )
    assert parts == [["PX1", None, "PX2"][: k % 4] for k in range(24)]


async def test_a_text_is_all_of_its_record() -> None:
    """A source that answers in text alone gives no element beside it; the photo stays behind."""
    memory = MemorySource(DRIVERS)
    memory.is_text = True
    app = web_service(MemorySource(DRIVERS), is_text=True)
    async with serving(app) as port, opened(terms_of(port)) as heard:
        for answering in (memory, heard.source):
            (record, none) = await answering.find(
                [ask("DQ", OLN="PX1", IMQ="Y"), ask("DQ", OLN="PX9")]
            )
            assert record == Record(kind=RecordKind.LICENCE, elements=(), text="OLN: PX1")
            assert none is None


async def test_nothing_asked_is_nothing_found(source: Source) -> None:
    """No look-ups, no results."""
    assert await source.find([]) == []


async def test_source_that_is_down_knows_nothing(cluster: Cluster) -> None:
    """While the database is away every look-up is an error; a query that needs none is not."""
    async with postgres_pool(cluster) as pool:
        source = PostgresSource(pool)
        await pool.close()
        asked = [ask("DQ", OLN="PX1"), ask("DQ", NAM="A,J3"), ask("RQ", VIN="0PX")]
        results = await source.find(asked)
    assert [type(result) for result in results] == [SourceError, type(None), SourceError]


async def test_twin_that_is_down_knows_nothing() -> None:
    """The twin's switch makes every look-up an error."""
    source = MemorySource(DRIVERS)
    source.is_down = True
    (result,) = await source.find([ask("DQ", OLN="PX1")])
    assert isinstance(result, SourceError)


async def test_record_that_cannot_be_read_is_unknown(cluster: Cluster) -> None:
    """A damaged record is an error of its own look-up, and of no other."""
    row = ("wa", "PX8", "A,B", date(1980, 1, 1), "F", "licence", b"\xc1", None)
    odd = ("wa", "PX9", "A,B", date(1980, 1, 1), "F", "no such kind", _encoder.encode([]), None)
    async with postgres_pool(cluster) as pool:
        await load(pool)
        await load_records(pool, [row, odd], [])
        source = PostgresSource(pool)
        results = await source.find([ask("DQ", OLN=number) for number in ("PX8", "PX9", "PX1")])
    assert [type(result) for result in results] == [SourceError, SourceError, Record]


async def test_loading_says_how_many(cluster: Cluster) -> None:
    """An empty source says so; loading counts what it added."""
    async with postgres_pool(cluster) as pool:
        assert not await has_records(pool)
        assert await load(pool) == len(DRIVERS) + len(VEHICLES)
        assert await has_records(pool)
