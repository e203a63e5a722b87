"""A state's records in PostgreSQL: one statement per kind of search and batch, not per query.

Guarantee: a search names every key that it needs, or finds nothing; a source that cannot answer
says so for each look-up and never says "no record".
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from comity.adapters.postgres.session import Pool
from comity.domain.answer import Element
from comity.domain.errors import ComityError, MalformedError
from comity.domain.names import name_key
from comity.domain.vocabulary import DataClass, RecordKind
from comity.ports import Lookup, Record, SourceError

__all__ = [
    "DriverRow",
    "PostgresSource",
    "VehicleRow",
    "birth_date",
    "has_records",
    "load_records",
]

PHOTO_ELEMENT: Final = "PHOTO"
_CENTURY_PIVOT: Final = 30
"""A birth year of two digits up to this is 20xx, above it 19xx."""

_BY_OLN: Final = """
SELECT w.place, s.kind, s.record, s.photo
FROM unnest($1::int[], $2::text[], $3::text[]) AS w (place, state, oln)
JOIN source_driver s ON s.state = w.state AND s.oln = w.oln"""
_BY_NAME: Final = """
SELECT w.place, s.kind, s.record, s.photo
FROM unnest($1::int[], $2::text[], $3::text[], $4::date[], $5::text[])
    AS w (place, state, name_key, birth, sex)
JOIN source_driver s ON s.state = w.state AND s.name_key = w.name_key
    AND s.birth = w.birth AND s.sex = w.sex"""
_BY_PLATE: Final = """
SELECT w.place, s.kind, s.record, NULL::bytea AS photo
FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS w (place, state, plate, plate_type)
JOIN source_vehicle s ON s.state = w.state AND s.plate = w.plate AND s.plate_type = w.plate_type"""
_BY_VIN: Final = """
SELECT w.place, s.kind, s.record, NULL::bytea AS photo
FROM unnest($1::int[], $2::text[], $3::text[]) AS w (place, state, vin)
JOIN source_vehicle s ON s.state = w.state AND s.vin = w.vin"""

_decoder: Final = msgspec.msgpack.Decoder(tuple[Element, ...])
_KINDS: Final = {kind.value: kind for kind in RecordKind}


DriverRow = tuple[str, str, str, date, str, str, bytes, bytes | None]
"""A driver's record to load: state, licence number, name key, birth, sex, kind, elements, photo."""

VehicleRow = tuple[str, str, str, str, str, str, bytes]
"""A vehicle's record to load: state, plate, plate year, plate type, VIN, kind, elements."""

_Search = tuple[str, tuple[object, ...]]


class PostgresSource:
    """Records in the tables `source_driver` and `source_vehicle`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | SourceError | None]:
        """Return one result per look-up: the record, None if there is none, or why not known."""
        searches: dict[str, list[tuple[object, ...]]] = {}
        for place, lookup in enumerate(lookups):
            search = _search_of(lookup)
            if search is not None:
                searches.setdefault(search[0], []).append((place, lookup.state, *search[1]))
        found: dict[int, list[Any]] = {}
        try:
            async with self._pool.lend() as session:
                for statement, rows in searches.items():
                    columns = [list(column) for column in zip(*rows, strict=True)]
                    for row in await session.fetch(statement, *columns):
                        found.setdefault(row["place"], []).append(row)
        except ComityError as error:
            fault = SourceError(f"the records cannot be read ({error.code})")
            return [fault] * len(lookups)
        return [_record(found.get(place, [])) for place in range(len(lookups))]


def _search_of(lookup: Lookup) -> _Search | None:
    """Return the statement and the keys of a search; None finds nothing."""
    fields = dict(lookup.fields)
    match lookup.key:
        case "DQ" | "KQ" | "DQG" | "DNQ":
            return _driver_search(fields)
        case "RQ" | "RQG":
            return _vehicle_search(fields)
        case _:
            return None


def _driver_search(fields: dict[str, str]) -> _Search | None:
    if "OLN" in fields:
        return _BY_OLN, (fields["OLN"],)
    try:
        key, birth = name_key(fields["NAM"]), birth_date(fields["DOB"])
    except (KeyError, MalformedError):
        return None
    return _BY_NAME, (key, birth, fields.get("SEX", ""))


def _vehicle_search(fields: dict[str, str]) -> _Search | None:
    if "VIN" in fields:
        return _BY_VIN, (fields["VIN"],)
    if "LIC" in fields:
        return _BY_PLATE, (fields["LIC"], fields.get("LIT", ""))
    return None


def birth_date(text: str) -> date:
    """Return a date written `ccyymmdd` or `mmddyy`. Raises: MalformedError."""
    try:
        if len(text) == 8:
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        year = int(text[4:])
        century = 2000 if year <= _CENTURY_PIVOT else 1900
        return date(century + year, int(text[:2]), int(text[2:4]))
    except ValueError:
        raise MalformedError("`DOB` is not a date") from None


def _record(rows: Sequence[Any]) -> Record | None:
    if not rows:
        return None
    row = rows[0]
    elements = _decoder.decode(row["record"])
    if row["photo"] is not None:
        photo = base64.b64encode(row["photo"]).decode("ascii")
        elements = (
            *elements,
            Element(data_class=DataClass.PHOTO, name=PHOTO_ELEMENT, value=photo),
        )
    kind = _KINDS.get(row["kind"], RecordKind.OTHER)
    return Record(kind=kind, elements=elements, matches=len(rows))


async def has_records(pool: Pool) -> bool:
    """Say whether any record is loaded. Raises: StoreDownError."""
    async with pool.lend() as session:
        row = await session.fetch_row("SELECT EXISTS (SELECT FROM source_driver) AS found")
    return bool(row["found"])


async def load_records(
    pool: Pool, drivers: Iterable[DriverRow], vehicles: Iterable[VehicleRow]
) -> int:
    """Load records by COPY; return how many. Raises: StoreDownError, RowRefusedError."""
    driver_rows, vehicle_rows = list(drivers), list(vehicles)
    async with pool.lend() as session:
        await session.copy("source_driver", _DRIVER_COLUMNS, driver_rows)
        await session.copy("source_vehicle", _VEHICLE_COLUMNS, vehicle_rows)
    return len(driver_rows) + len(vehicle_rows)


_DRIVER_COLUMNS: Final = (
    "state", "oln", "name_key", "birth", "sex", "kind", "record", "photo",
)  # fmt: skip
_VEHICLE_COLUMNS: Final = (
    "state", "plate", "plate_year", "plate_type", "vin", "kind", "record",
)  # fmt: skip
