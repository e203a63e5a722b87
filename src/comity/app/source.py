"""The members' sources joined, and the practice world's records in the built-in one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from comity.adapters.postgres.store import PostgresStore
from comity.adapters.sources.postgres import DriverRow as DriverColumns
from comity.adapters.sources.postgres import PostgresSource, has_records, load_records
from comity.adapters.sources.postgres import VehicleRow as VehicleColumns
from comity.adapters.sources.routed import open_sources
from comity.adapters.sources.terms import read_sources
from comity.adapters.system import SystemClock
from comity.ports import Source
from comity.practice.drivers import DriverRow
from comity.practice.federal import FederalSource
from comity.practice.vehicles import VehicleRow
from comity.practice.world import PracticeWorld
from comity.roles.runtime import DatabaseRole, database_url
from comity.roles.settings import Settings
from comity.services.events import Events

__all__ = ["load_practice_records", "open_source"]


@asynccontextmanager
async def open_source(
    settings: Settings, store: PostgresStore, events: Events
) -> AsyncIterator[Source]:
    """Open the members' sources: the built-in one, or those of the sources file.

    Raises: SourcesFileError.
    """
    built_in: Source = PostgresSource(store.pool)
    if settings.is_practice:
        built_in = FederalSource(built_in)
    if settings.sources_file is None:
        yield built_in
        return
    router = open_sources(read_sources(settings.sources_file), built_in, SystemClock(), events)
    try:
        yield router
    finally:
        await router.close()


async def load_practice_records(
    settings: Settings, world: PracticeWorld, doing: Callable[[str, int, int], None]
) -> int:
    """Load the practice world's records where there are none; return how many were loaded."""
    store = await PostgresStore.open(database_url(settings, DatabaseRole.GATEWAY))
    try:
        if await has_records(store.pool):
            return 0
        count, states = 0, world.states()
        for done, state in enumerate(states, start=1):
            drivers = (_driver_row(row) for row in world.drivers(state))
            vehicles = (_vehicle_row(row) for row in world.vehicles(state))
            count += await load_records(store.pool, drivers, vehicles)
            doing("records", done, len(states))
        return count
    finally:
        await store.close()


def _driver_row(d: DriverRow) -> DriverColumns:
    return (d.state, d.oln, d.name_key, d.birth, d.sex, d.kind.value, d.record, d.photo)


def _vehicle_row(v: VehicleRow) -> VehicleColumns:
    return (v.state, v.plate, v.plate_year, v.plate_type, v.vin, v.kind.value, v.record)
