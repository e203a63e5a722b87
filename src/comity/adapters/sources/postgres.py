"""The built-in source of records, in the same PostgreSQL: one statement per kind of search.

Guarantee: a look-up that could not be made is a SourceError and never looks like "no record". What
is asked while a statement runs is the next one's, so that look-ups take one connection however many
exchanges wait, and never keep the sequencer from its own.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import islice
from typing import Any, Final

import msgspec

from comity.adapters.postgres.session import Pool, Session
from comity.adapters.sources.searches import ByName, ByNumber, ByPlate, ByVin, Search, search
from comity.domain.answer import Element
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass, RecordKind
from comity.ports import OWN_LANE, Lookup, Record, SourceError

__all__ = [
    "LOOKUPS_MAX",
    "MATCHES_MAX",
    "PHOTO_ELEMENT",
    "DriverRow",
    "PostgresSource",
    "VehicleRow",
    "has_records",
    "load_records",
]

DriverRow = tuple[str, str, str, date, str, str, bytes, bytes | None]
"""A driver's record to load: state, licence number, name key, birth, sex, kind, elements, photo."""

VehicleRow = tuple[str, str, str, str, str, str, bytes]
"""A vehicle's record to load: state, plate, plate year, plate type, VIN, kind, elements."""

LOOKUPS_MAX: Final = 512
"""Look-ups of one statement."""

MATCHES_MAX: Final = 50
"""Records that one search looks at; more matches are not counted further."""

PHOTO_ELEMENT: Final = "PHOTO"

_BY_NUMBER: Final = """
    SELECT n.place, d.kind, d.record, CASE WHEN n.wants_photo THEN d.photo END AS photo
    FROM unnest($1::int[], $2::text[], $3::text[], $4::boolean[])
        AS n(place, state, number, wants_photo)
    JOIN source_driver d ON d.state = n.state AND d.oln = n.number"""
_BY_NAME: Final = """
    SELECT n.place, d.kind, d.record, d.photo
    FROM unnest($1::int[], $2::text[], $3::text[], $4::date[], $5::text[], $6::boolean[])
        AS n(place, state, key, birth, sex, wants_photo)
    CROSS JOIN LATERAL (
        SELECT kind, record, CASE WHEN n.wants_photo THEN photo END AS photo
        FROM source_driver
        WHERE state = n.state AND name_key = n.key AND (n.birth IS NULL OR birth = n.birth)
            AND (n.sex IS NULL OR sex = n.sex)
        ORDER BY oln LIMIT $7
    ) d"""
_BY_PLATE: Final = """
    SELECT n.place, v.kind, v.record, v.plate_year
    FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS n(place, state, plate, type)
    CROSS JOIN LATERAL (
        SELECT kind, record, plate_year FROM source_vehicle
        WHERE state = n.state AND plate = n.plate AND (n.type IS NULL OR plate_type = n.type)
        ORDER BY plate_year DESC, id LIMIT $5
    ) v"""
_BY_VIN: Final = """
    SELECT n.place, v.kind, v.record
    FROM unnest($1::int[], $2::text[], $3::text[]) AS n(place, state, vin)
    CROSS JOIN LATERAL (
        SELECT kind, record FROM source_vehicle
        WHERE state = n.state AND vin = n.vin ORDER BY plate_year DESC, id LIMIT $4
    ) v"""

_DRIVER_COLUMNS: Final = (
    "state", "oln", "name_key", "birth", "sex", "kind", "record", "photo",
)  # fmt: skip
_VEHICLE_COLUMNS: Final = (
    "state", "plate", "plate_year", "plate_type", "vin", "kind", "record",
)  # fmt: skip
_ROWS_PER_COPY: Final = 10_000

_decoder: Final = msgspec.msgpack.Decoder(tuple[Element, ...])

Found = Record | SourceError | None
_Wanted = tuple[int, Member, Search]


class PostgresSource:
    """Finds records of every state that has them here."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[tuple[Sequence[Lookup], asyncio.Future[list[Found]]]] = []
        self._runner: asyncio.Task[None] | None = None

    def lane(self, lookup: Lookup) -> str:  # noqa: ARG002 - every look-up shares the host's store
        """Return the host's own lane."""
        return OWN_LANE

    async def find(self, lookups: Sequence[Lookup]) -> list[Found]:
        """Return one result per lookup: the record, None if there is none, or why it is unknown."""
        if not lookups:
            return []
        future: asyncio.Future[list[Found]] = asyncio.get_running_loop().create_future()
        self._waiting.append((lookups, future))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            taken, count = [], 0
            while self._waiting and count < LOOKUPS_MAX:
                taken.append(self._waiting.pop(0))
                count += len(taken[-1][0])
            found = iter(await self._find([lookup for lookups, _ in taken for lookup in lookups]))
            for lookups, future in taken:
                results = [next(found) for _ in lookups]
                if not future.done():
                    future.set_result(results)

    async def _find(self, lookups: Sequence[Lookup]) -> list[Found]:
        results: list[Found] = []
        wanted: list[_Wanted] = []
        for place, lookup in enumerate(lookups):
            match search(lookup):
                case None:
                    results.append(None)
                case SourceError() as error:
                    results.append(error)
                case found:
                    results.append(None)
                    wanted.append((place, lookup.state, found))
        if wanted:
            try:
                async with self._pool.lend() as session:
                    for place, result in await _look_up(session, wanted):
                        results[place] = result
            except ComityError:
                unknown = SourceError("the source did not answer")
                for place, _, _ in wanted:
                    results[place] = unknown
        return results


async def _look_up(session: Session, wanted: Sequence[_Wanted]) -> list[tuple[int, Found]]:
    """Return what was found, by place; what is not in it has no record."""
    found: list[tuple[int, Found]] = []
    if by_number := [(p, s, w) for p, s, w in wanted if isinstance(w, ByNumber)]:
        rows = [(p, s, w.number, w.wants_photo) for p, s, w in by_number]
        found += _records(await session.fetch(_BY_NUMBER, *_columns(rows)))
    if by_name := [(p, s, w) for p, s, w in wanted if isinstance(w, ByName)]:
        names = [
            (p, s, w.key, birth, w.sex, w.wants_photo)
            for p, s, w in by_name
            for birth in w.births or (None,)
        ]
        found += _records(await session.fetch(_BY_NAME, *_columns(names), MATCHES_MAX))
    if by_plate := [(p, s, w) for p, s, w in wanted if isinstance(w, ByPlate)]:
        plates = [(p, s, w.plate, w.type) for p, s, w in by_plate]
        years = {p: w.year for p, _, w in by_plate}
        met = await session.fetch(_BY_PLATE, *_columns(plates), MATCHES_MAX)
        found += _records(_of_year(met, years))
    if by_vin := [(p, s, w) for p, s, w in wanted if isinstance(w, ByVin)]:
        vins = [(p, s, w.vin) for p, s, w in by_vin]
        found += _records(await session.fetch(_BY_VIN, *_columns(vins), MATCHES_MAX))
    return found


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _by_place(rows: Iterable[Any]) -> dict[int, list[Any]]:
    places: dict[int, list[Any]] = {}
    for row in rows:
        places.setdefault(row["place"], []).append(row)
    return places


def _of_year(rows: Iterable[Any], years: dict[int, str]) -> list[Any]:
    """Keep those of the year that a query names, where there are any.

    A plate whose year the requester has wrong is still that plate: its record says the year.
    """
    kept: list[Any] = []
    for place, met in _by_place(rows).items():
        named = [row for row in met if row["plate_year"] == years[place]]
        kept += named or met
    return kept


def _records(rows: Iterable[Any]) -> list[tuple[int, Found]]:
    return [(place, _record(met)) for place, met in _by_place(rows).items()]


def _record(met: Sequence[Any]) -> Found:
    """Return the first record that a search met, and how many it met."""
    row = met[0]
    try:
        elements = _decoder.decode(row["record"])
        kind = RecordKind(row["kind"])
    except (msgspec.MsgspecError, ValueError):
        return SourceError("a record of the source cannot be read")
    photo = row.get("photo")
    if photo is not None:
        value = b64encode(photo).decode()
        shown = Element(data_class=DataClass.PHOTO, name=PHOTO_ELEMENT, value=value)
        elements = (*elements, shown)
    return Record(kind=kind, elements=elements, matches=len(met))


async def has_records(pool: Pool) -> bool:
    """Say whether any record is loaded. Raises: StoreDownError."""
    async with pool.lend() as session:
        row = await session.fetch_row("SELECT EXISTS (SELECT FROM source_driver) AS found")
    return bool(row["found"])


async def load_records(
    pool: Pool, drivers: Iterable[DriverRow], vehicles: Iterable[VehicleRow]
) -> int:
    """Add records, all or none; return how many. Raises: StoreDownError, RowRefusedError.

    Shape: elements are MessagePack of (data class, name, value), as `find` reads them.
    """
    async with pool.lend() as session:
        await session.execute("BEGIN")
        try:
            count = await _copy(session, "source_driver", _DRIVER_COLUMNS, drivers)
            count += await _copy(session, "source_vehicle", _VEHICLE_COLUMNS, vehicles)
            await session.execute("COMMIT")
        except BaseException:
            await session.roll_back()
            raise
    return count


async def _copy(
    session: Session, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> int:
    count, remaining = 0, iter(rows)
    while part := list(islice(remaining, _ROWS_PER_COPY)):
        await session.copy(table, columns, part)
        count += len(part)
    return count
