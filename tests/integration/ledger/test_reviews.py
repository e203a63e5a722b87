"""Case passes and the urgent lane on PostgreSQL: over restarts and lost acknowledgements."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import asyncpg
import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.answer import Answer, ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import parse_entry_name
from comity.domain.query import Claims
from comity.domain.vocabulary import Outcome
from comity.link.parcel import Answered
from comity.ports import DutyRow
from comity.review.passes import PassUnknownError
from comity.roles.runtime import DatabaseRole
from comity.services.vault import month_of
from tests.support import gateway
from tests.support.engines import Cluster
from tests.support.gateway import (
    NOW,
    NS,
    NUMBER,
    RELEASE,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.review import (
    CASE,
    DAY,
    LICENSEE,
    URGENT,
    case_pass,
    look,
    revocation,
    signed_look,
    signed_pass,
    signed_revocation,
)
from tests.support.stores import PostgresCase, postgres_case
from tests.unit.policy.build import rule
from tests.unit.services.test_urgent import SMALLEST, urgent_rule, with_phone

HELD, HIT = ResponseKind.HELD, ResponseKind.HIT
CALM = rule("CALM", Outcome.HOLD, emergency=("none",))
RULES = policy_of(
    WA,
    RELEASE,
    CALM,
    urgent_rule(),
    rule("REST", Outcome.HOLD, emergency=("declared",), data_class=("address",)),
)


class Machine:
    """A host's disk on PostgreSQL; the database's clock stands where the host's does."""

    def __init__(self, case: PostgresCase, monkeypatch: pytest.MonkeyPatch) -> None:
        self.case = case
        self.disk = Disk()
        self.disk.store = cast(Any, case.store)
        self._asked = 0

        async def agrees(_: int) -> int:
            return 0

        monkeypatch.setattr(case.store, "clock_skew_ns", agrees)
        # It looks into the twin's tables, which are not there.
        monkeypatch.setattr(gateway, "check_durable", lambda *_: None)

    @asynccontextmanager
    async def life(self) -> AsyncIterator[PracticeHost]:
        """One life of the host, with Texas's number in its directory."""
        async with running(disk=self.disk) as host:
            with_phone(host)
            yield host

    async def ask(self, host: PracticeHost, claims: Claims) -> Answer:
        """What Washington answers at once."""
        self._asked += 1
        now = host.clock.now_ns() // NS
        await host.answer.take(asks(ask_of(self._asked, claims=claims, accepted_at=now)))
        (parcel,) = host.courier.take()
        assert isinstance(parcel, Answered)
        return parcel.answer

    async def duties(self) -> list[DutyRow]:
        """What someone is still to be told."""
        return await self.disk.store.duties([WA], 9)


@pytest.fixture
async def machine(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    """Washington, on a database of its own."""
    async with postgres_case(cluster) as case:
        made = Machine(case, monkeypatch)
        host = PracticeHost(made.disk)
        await host.start()
        await host.publish(RULES)
        await host.crash()
        yield made


@asynccontextmanager
async def connected(cluster: Cluster, database: str, role: DatabaseRole) -> AsyncIterator[Any]:
    """Connect as a role for a block."""
    connection = await cluster.connect(database, role)
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_pass_lives_over_restarts_until_it_is_revoked(machine: Machine) -> None:
    """Granted, used, used again after a restart, revoked, and revoked it stays."""
    async with machine.life() as host:
        assert (await machine.ask(host, CASE)).response is HELD
        entry = await host.review.passes.grant(signed_pass(case_pass()))
        assert (await machine.ask(host, CASE)).response is HIT
    async with machine.life() as host:
        answer = await machine.ask(host, CASE)
        assert (answer.response, answer.remark) == (HIT, f"UNDER CASE PASS {entry.upper()}")
        ((row, made),) = await host.review.passes.standing(WA)
        assert (row.uses, made.persons) == (2, (LICENSEE,))
        await host.review.passes.revoke(signed_revocation(revocation(entry)))
        assert (await machine.ask(host, CASE)).response is HELD
    async with machine.life() as host:
        assert (await machine.ask(host, CASE)).response is HELD
        with pytest.raises(PassUnknownError):
            await host.review.passes.revoke(signed_revocation(revocation(entry, at=NOW + 1)))


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_grant_whose_commit_fails_is_one_pass(machine: Machine, fault: CommitFault) -> None:
    """Failed, cut before COMMIT or after it: sent again, there is one pass, and it is used once."""
    async with machine.life() as host:
        machine.case.break_commit(fault)
        signed = signed_pass(case_pass())
        entries = set()
        for _ in range(3):
            with suppress(ComityError):
                entries.add(await host.review.passes.grant(signed))
        (entry,) = entries
        machine.case.break_commit(fault)
        await machine.ask(host, CASE)
        await machine.ask(host, CASE)
        row = await machine.disk.store.case_pass(*parse_entry_name(entry))
        assert row is not None
        assert row.uses == 2


async def test_urgent_rows_live_over_restarts(machine: Machine) -> None:
    """Released, overdue after a restart, its page owed, not justified, the lane closed."""
    async with machine.life() as host:
        answer = await machine.ask(host, URGENT)
        assert {e.data_class for e in answer.elements} == set(SMALLEST)
        entry = answer.proofs[0].entry
    machine.disk.clock.advance_ns(DAY * NS)
    async with machine.life() as host:
        ((row, file),) = await host.review.urgent.releases(WA)
        assert file is not None
        assert (f"wa/{row.leaf_index}", file.classes, row.due) == (entry, SMALLEST, NOW + DAY)
        (late,) = await machine.disk.store.late_releases([WA], NOW + DAY, 9)
        assert late == row
        machine.case.break_commit(CommitFault.PERSISTED)
        closure = await host.review.urgent.overdue(entry)
        (duty,) = await machine.duties()
        assert (duty.kind, f"wa/{duty.leaf_index}") == ("page_urgent_overdue", closure)
    async with machine.life() as host:
        assert len(await machine.duties()) == 1
        said = look(entry, justified=False, at=NOW + DAY, called_at=NOW + DAY)
        await host.review.urgent.decide(signed_look(said))
    async with machine.life() as host:
        assert await host.review.urgent.releases(WA) == []
        assert (await machine.ask(host, URGENT)).response is HELD
        host.clock.advance_ns(30 * DAY * NS)
        assert (await machine.ask(host, URGENT)).response is HIT


async def test_a_lost_key_ends_passes_and_hides_no_release(machine: Machine) -> None:
    """After a restart without the month's key: no pass stands, and the look is still owed."""
    async with machine.life() as host:
        await host.review.passes.grant(signed_pass(case_pass()))
        await machine.ask(host, URGENT)
    machine.disk.keyring.destroy(WA, month_of(NOW))
    machine.disk.clock.advance_ns(31 * DAY * NS)
    async with machine.life() as host:
        assert await host.review.passes.standing(WA) == []
        ((_, file),) = await host.review.urgent.releases(WA)
        assert file is None


async def test_what_stands_names_nobody(machine: Machine, cluster: Cluster) -> None:
    """INVARIANT (public-bytes-hold-no-person): sealed rows; a reader sees its own states' alone."""
    async with machine.life() as host:
        await host.review.passes.grant(signed_pass(case_pass(note="two suspects")))
        await machine.ask(host, URGENT)
    database = machine.case.database
    async with connected(cluster, database, DatabaseRole.ADMIN) as admin:
        for table in ("case_pass", "after_review"):
            (row,) = await admin.fetch(f"SELECT t::text AS row FROM {table} t")
            for said in (NUMBER, "HS-26-88", "two suspects", "H2210", "Practice Reviewer"):
                assert said not in row["row"]
                assert said.encode().hex() not in row["row"]
    async with connected(cluster, database, DatabaseRole.READER) as reader:
        for state, count in (("wa", 1), ("or", 0)):
            await reader.execute(f"SELECT set_config('comity.states', '{state}', false)")
            for table in ("case_pass", "after_review"):
                assert await reader.fetchval(f"SELECT count(*) FROM {table}") == count
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await reader.execute("UPDATE case_pass SET revoked_by = NULL")
    async with connected(cluster, database, DatabaseRole.GATEWAY) as own:
        for change in (
            "UPDATE case_pass SET until = until + 1",
            "UPDATE case_pass SET body = body",
            "UPDATE after_review SET due = due + 1",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await own.execute(change)
