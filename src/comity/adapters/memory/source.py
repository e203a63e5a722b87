"""A source of records in memory, searched as the built-in one is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import assert_never

import msgspec

from comity.adapters.sources.searches import ByName, ByNumber, ByPlate, ByVin, search
from comity.domain.answer import Element
from comity.domain.ids import Member
from comity.domain.vocabulary import DataClass, RecordKind
from comity.ports import OWN_LANE, Lookup, Record, SourceError

__all__ = ["Driver", "MemorySource", "Vehicle", "as_text"]


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """A driver's record and the keys it is found by; `photo` as base64 text."""

    state: Member
    number: str
    name_key: str
    birth: date
    sex: str
    kind: RecordKind
    elements: tuple[Element, ...]
    photo: str = ""


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle's record and the keys it is found by."""

    state: Member
    plate: str
    plate_year: str
    plate_type: str
    vin: str
    kind: RecordKind
    elements: tuple[Element, ...]


class MemorySource:
    """Records of any state. While `is_down`, nothing is known of any record.

    The look-ups of a state in `hangs` wait in a lane of their own until its event is set. While
    `is_text`, records are answered in free text alone.
    """

    def __init__(self, drivers: Sequence[Driver] = (), vehicles: Sequence[Vehicle] = ()) -> None:
        self.drivers = list(drivers)
        self.vehicles = list(vehicles)
        self.is_down = False
        self.is_text = False
        self.hangs: dict[Member, asyncio.Event] = {}
        self.asked: list[Lookup] = []

    def lane(self, lookup: Lookup) -> str:
        """Return the state, if it has a lane of its own."""
        return lookup.state if lookup.state in self.hangs else OWN_LANE

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | SourceError | None]:
        """Return one result per lookup: the record, None if there is none, or why it is unknown."""
        await asyncio.sleep(0)
        self.asked += lookups
        for state in {lookup.state for lookup in lookups} & self.hangs.keys():
            await self.hangs[state].wait()
        if self.is_down:
            return [SourceError("the source did not answer")] * len(lookups)
        found = [self._find(lookup) for lookup in lookups]
        return [as_text(r) if self.is_text and isinstance(r, Record) else r for r in found]

    def _find(self, lookup: Lookup) -> Record | SourceError | None:
        match search(lookup):
            case None:
                return None
            case SourceError() as error:
                return error
            case (ByNumber() | ByName()) as wanted:
                drivers = [d for d in self.drivers if d.state == lookup.state and _is(d, wanted)]
                return _driver_record(drivers, wants_photo=wanted.wants_photo)
            case (ByPlate() | ByVin()) as wanted_vehicle:
                return _vehicle_record(
                    [
                        v
                        for v in self.vehicles
                        if v.state == lookup.state and _is_vehicle(v, wanted_vehicle)
                    ],
                    wanted_vehicle,
                )
            case never:
                assert_never(never)


def as_text(record: Record) -> Record:
    """Return a record as a source answers it that knows free text alone: a line for each element.

    A text carries no image.
    """
    shown = [e for e in record.elements if e.data_class is not DataClass.PHOTO]
    text = "\n".join(f"{element.name}: {element.value}" for element in shown)
    return msgspec.structs.replace(record, elements=(), text=text)


def _is(driver: Driver, wanted: ByNumber | ByName) -> bool:
    if isinstance(wanted, ByNumber):
        return driver.number == wanted.number
    is_of_age = not wanted.births or driver.birth in wanted.births
    return driver.name_key == wanted.key and is_of_age and wanted.sex in {None, driver.sex}


def _is_vehicle(vehicle: Vehicle, wanted: ByPlate | ByVin) -> bool:
    if isinstance(wanted, ByVin):
        return vehicle.vin == wanted.vin
    return vehicle.plate == wanted.plate and wanted.type in {None, vehicle.plate_type}


def _driver_record(met: Sequence[Driver], *, wants_photo: bool) -> Record | None:
    if not met:
        return None
    first = min(met, key=lambda driver: driver.number)
    elements = first.elements
    if wants_photo and first.photo:
        shown = Element(data_class=DataClass.PHOTO, name="PHOTO", value=first.photo)
        elements = (*elements, shown)
    return Record(kind=first.kind, elements=elements, matches=len(met))


def _vehicle_record(met: Sequence[Vehicle], wanted: ByPlate | ByVin) -> Record | None:
    if not met:
        return None
    kept = list(met)
    if isinstance(wanted, ByPlate):
        kept = [v for v in met if v.plate_year == wanted.year] or kept
    first = max(kept, key=lambda vehicle: vehicle.plate_year)
    return Record(kind=first.kind, elements=first.elements, matches=len(kept))
