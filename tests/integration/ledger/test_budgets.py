"""A sweep against a budget on PostgreSQL: photos end, then persons; over restarts, to midnight."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from comity.adapters.memory.store import CommitFault
from comity.adapters.postgres.store import PostgresStore
from comity.domain.answer import ResponseKind
from comity.domain.query import Claims
from comity.domain.vocabulary import BudgetState, DataClass, Outcome, Purpose
from comity.exchange.facts import local_day
from comity.link.parcel import Answered
from comity.policy import Budget, BudgetPer, budget_id, encode_bundle
from comity.ports import BudgetUse
from comity.roles.runtime import DatabaseRole
from tests.support import gateway
from tests.support.engines import Cluster
from tests.support.gateway import (
    NS,
    RELEASE,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    driver,
    running,
)
from tests.support.stores import PostgresCase, postgres_case
from tests.unit.policy.build import bundle, rule

PERSONS = 6
BUDGET = Budget(per=BudgetPer.OPERATOR, persons=PERSONS, photos=2)
RULES = encode_bundle(
    bundle(
        RELEASE,
        rule(
            "PHOTOS",
            Outcome.DENY,
            data_class=(DataClass.PHOTO,),
            budget=(BudgetState.PHOTO_OVER, BudgetState.OVER),
        ),
        rule("SWEEP", Outcome.HOLD, budget=(BudgetState.OVER,)),
        state=WA,
        budgets=(BUDGET,),
    )
)
TO_MIDNIGHT = 7_200
"""From NOW to the end of Washington's day, in seconds."""

RELEASED, NO_PHOTO, HELD = "released", "no photo", "held"


class Machine:
    """A host's disk on PostgreSQL; the database's clock stands where the host's does."""

    def __init__(self, case: PostgresCase, monkeypatch: pytest.MonkeyPatch) -> None:
        self.case = case
        self.disk = Disk()
        self.disk.store = cast(Any, case.store)
        self.disk.source.drivers = [driver(number(n)) for n in range(1, 3 * PERSONS)]
        self._asked = 0

        async def agrees(_: int) -> int:
            return 0

        monkeypatch.setattr(case.store, "clock_skew_ns", agrees)
        # It looks into the twin's tables, which are not there.
        monkeypatch.setattr(gateway, "check_durable", lambda *_: None)

    async def found(self) -> None:
        """Publish Washington's rules in a first life."""
        host = PracticeHost(self.disk)
        await host.start()
        await host.publish(RULES)
        await host.crash()

    async def sweep(
        self, host: PracticeHost, persons: Sequence[int], operator: str = "JONES"
    ) -> list[str]:
        """Ask for these persons with photo, one by one; return what came of each."""
        told = []
        for person in persons:
            self._asked += 1
            exchange = ask_of(
                self._asked,
                fields=(("OLN", number(person)), ("IMQ", "Y")),
                claims=Claims(operator=operator, purpose=Purpose.CIVIL_IMMIGRATION),
                wants_image=True,
                accepted_at=host.clock.now_ns() // NS,
            )
            await host.answer.take(asks(exchange))
            (parcel,) = host.courier.take()
            assert isinstance(parcel, Answered)
            is_held = parcel.answer.response is ResponseKind.HELD
            without = NO_PHOTO if parcel.answer.withheld else RELEASED
            told.append(HELD if is_held else without)
        return told

    async def use(self) -> list[BudgetUse]:
        """What a reader is told of the day."""
        store = cast(PostgresStore, self.disk.store)
        return await store.budget_use(WA, local_day(WA, self.disk.clock.now_ns() // NS))


def number(person: int) -> str:
    """A person's licence number."""
    return f"PX{person:06d}SWEEP"


@pytest.fixture
async def machine(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    """Washington with its budget, on a database of its own."""
    async with postgres_case(cluster) as case:
        made = Machine(case, monkeypatch)
        await made.found()
        yield made


@asynccontextmanager
async def connected(cluster: Cluster, database: str, role: DatabaseRole) -> AsyncIterator[Any]:
    """Connect as a role for a block."""
    connection = await cluster.connect(database, role)
    try:
        yield connection
    finally:
        await connection.close()


def used(persons: int, photos: int) -> BudgetUse:
    """The use of the budget by one operator."""
    return BudgetUse(budget=budget_id(BUDGET), persons=persons, photos=photos)


async def test_a_sweep_ends_at_its_budget(machine: Machine) -> None:
    """Two photos, six persons, then a person looks; a crash in the middle changes nothing."""
    async with running(disk=machine.disk) as host:
        assert await machine.sweep(host, (1, 2, 3)) == [RELEASED, RELEASED, NO_PHOTO]
    async with running(disk=machine.disk) as host:
        assert await machine.sweep(host, (4, 5, 6, 7)) == [NO_PHOTO] * 3 + [HELD]
        # The same persons again: each as before, and no further count.
        assert await machine.sweep(host, (1, 6, 3)) == [RELEASED, NO_PHOTO, NO_PHOTO]
        assert await machine.use() == [used(PERSONS, 2)]
        # Another operator is not concerned.
        assert await machine.sweep(host, (7, 8), "SMITH") == [RELEASED, RELEASED]
        assert await machine.use() == [used(PERSONS, 2), used(2, 2)]
    async with running(disk=machine.disk) as host:
        assert await machine.sweep(host, (9,)) == [HELD]
        host.clock.advance_ns(TO_MIDNIGHT * NS)
        assert await machine.sweep(host, (9, 1)) == [RELEASED, RELEASED]
        assert await machine.use() == [used(2, 2)]


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_commit_that_fails_counts_once(machine: Machine, fault: CommitFault) -> None:
    """Failed, cut before COMMIT or after it: the answer that came has its place, and no more."""
    async with running(disk=machine.disk) as host:
        await machine.sweep(host, (1,))
        machine.case.break_commit(fault)
        await machine.sweep(host, (2,))
        assert await machine.use() == [used(2, 2)]
    async with running(disk=machine.disk) as host:
        assert await machine.sweep(host, (2, 3)) == [RELEASED, NO_PHOTO]


async def test_what_stands_names_nobody(machine: Machine, cluster: Cluster) -> None:
    """INVARIANT (public-bytes-hold-no-person): no number, no operator; a reader only counts."""
    async with running(disk=machine.disk) as host:
        await machine.sweep(host, (1, 2))
    database = machine.case.database
    async with connected(cluster, database, DatabaseRole.ADMIN) as admin:
        for table in ("counted_person", "counted_day"):
            rows = await admin.fetch(f"SELECT t::text AS row FROM {table} t")
            assert rows
            for row in rows:
                for said in (number(1), number(2), "SWEEP", "JONES"):
                    assert said not in row["row"]
                    assert said.encode().hex() not in row["row"]
    async with connected(cluster, database, DatabaseRole.READER) as reader:
        await reader.execute("SELECT set_config('comity.states', 'wa', false)")
        assert await reader.fetchval("SELECT count(scope) FROM counted_person") == 4
        for column in ("person", "*"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.fetch(f"SELECT {column} FROM counted_person")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch("SELECT * FROM counted_day")
        await reader.execute("SELECT set_config('comity.states', 'or', false)")
        assert await reader.fetchval("SELECT count(scope) FROM counted_person") == 0
