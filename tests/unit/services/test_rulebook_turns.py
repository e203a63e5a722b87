"""Orders that meet: nothing that restricts waits for a gate, and none is weighed against old rules.

`services/rulebook.py`. The gate is held open by the test for as long as the other order takes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.policy import PolicyBundle, encode_bundle
from comity.policy.block import blocked
from comity.services import rulebook as module
from comity.services.entries import Entry
from comity.services.gate import run_gate
from comity.services.rulebook import Published
from comity.services.sequencer import BusyError
from tests.support.gateway import NOW, NS, OR, RELEASE, WA, PracticeHost, running
from tests.unit.policy.build import bundle
from tests.unit.services.test_promises import HOUR, NOTICE, PHOTOS, STRICT
from tests.unit.services.test_rulebook import (
    BLOCKED,
    DAY,
    FAMILY,
    LOOSE,
    OPEN,
    REVIEWER,
    SECOND,
    announced,
    in_force,
    signed,
)

BOTH = signed(LOOSE, REVIEWER, SECOND)


class Gate:
    """The real gate, which waits to be let go; `runs` counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.may_end, self.runs = threading.Event(), threading.Event(), 0
        self._run = run_gate
        monkeypatch.setattr(module, "run_gate", self.run)

    def run(self, *given: object) -> object:
        """Run it, once it may end."""
        self.runs += 1
        self.begun.set()
        assert self.may_end.wait(10)
        return self._run(*given)  # type: ignore[arg-type]

    @asynccontextmanager
    async def passing(
        self, host: PracticeHost, data: bytes
    ) -> AsyncIterator[asyncio.Task[Published]]:
        """Publish what loosens, up to the gate; it goes on afterwards."""
        task = asyncio.create_task(host.rulebook.publish(WA, data))
        async with asyncio.timeout(10):
            await asyncio.to_thread(self.begun.wait)
            yield task
            self.may_end.set()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate that takes its time."""
    return Gate(monkeypatch)


def code(task: asyncio.Task[Published]) -> str:
    """How a publication was refused."""
    error = task.exception()
    assert isinstance(error, ComityError)
    return error.code


async def test_a_block_waits_for_nobodys_gate(gate: Gate) -> None:
    """It is in force while another order is still proved; that one is not weighed any more."""
    async with running(encode_bundle(OPEN)) as host:
        async with gate.passing(host, BOTH) as loosening:
            await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
            assert not loosening.done()
            assert in_force(host)[0] == 2
            assert host.world.policy(WA)[1].bundle == BLOCKED
        assert code(loosening) == "policy-not-next"
        assert host.world.policy(WA)[1].bundle == BLOCKED


async def test_a_block_waits_for_no_other_states_gate(gate: Gate) -> None:
    """However many proofs wait for their turn, and whoever has the threads of everyone."""
    other = bundle(RELEASE, state=OR)
    loose = msgspec.structs.replace(LOOSE, state=OR)
    block = blocked(other, FAMILY, "Order 14", NOW + DAY)
    async with running(encode_bundle(OPEN), encode_bundle(other)) as host:
        let_go = threading.Event()
        taken = [asyncio.to_thread(let_go.wait, 10) for _ in range(64)]
        async with gate.passing(host, BOTH):
            waiting = asyncio.create_task(
                host.rulebook.publish(OR, signed(loose, REVIEWER, SECOND))
            )
            busy = asyncio.gather(*taken)
            await asyncio.sleep(0)
            await host.rulebook.publish(OR, signed(block, REVIEWER))
            assert host.world.policy(OR)[1].bundle == block
            assert not waiting.done()
            let_go.set()
            await busy
        await asyncio.gather(waiting, return_exceptions=True)
        assert code(waiting) == "policy-not-next"


async def test_what_nobody_confirmed_lapses_beside_a_gate(gate: Gate) -> None:
    """As a block does; so does an announcement."""
    async with running(encode_bundle(OPEN)) as host:
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        lifted = msgspec.structs.replace(LOOSE, version=3)
        soon = DAY - 60
        host.clock.advance_ns(soon * NS)
        opted = msgspec.structs.replace(lifted, guarantee_opt_outs=STRICT.guarantee_opt_outs)
        data = signed(opted, REVIEWER, SECOND, at=NOW + soon)
        async with gate.passing(host, data) as loosening:
            await host.rulebook.announce(WA, announced(opted, REVIEWER, at=NOW + soon))
            host.clock.advance_ns(60 * NS)
            assert await host.rulebook.lapse() == 1
            assert in_force(host)[0] == 3
        assert code(loosening) == "policy-not-next"
        assert host.world.shadow(WA) is None


async def test_an_order_sent_twice_at_once_is_proved_once(gate: Gate) -> None:
    """Both get the same entry."""
    async with running(encode_bundle(OPEN)) as host:
        async with gate.passing(host, BOTH) as loosening:
            again = asyncio.create_task(host.rulebook.publish(WA, BOTH))
        assert (await again).entry == loosening.result().entry
        assert gate.runs == 1


async def test_a_freeze_while_the_gate_runs_counts(gate: Gate) -> None:
    """Nothing is loosened after a decision disagreed with its referee, however late."""
    async with running(encode_bundle(OPEN)) as host:
        async with gate.passing(host, BOTH) as loosening:
            await host.rules.freezes.freeze(WA, in_force(host)[1], "practice")
        assert code(loosening) == "policy-frozen"
        assert in_force(host)[0] == 1


async def test_an_announcement_taken_back_while_the_gate_runs_counts(gate: Gate) -> None:
    """What stood for long enough must still stand when it takes force."""
    async with running(encode_bundle(STRICT)) as host:
        await host.rulebook.announce(WA, announced(PHOTOS, REVIEWER))
        host.clock.advance_ns(NOTICE * HOUR * NS)
        late = NOW + NOTICE * HOUR
        async with gate.passing(host, signed(PHOTOS, REVIEWER, SECOND, at=late)) as loosening:
            await host.rulebook.announce(WA, announced(STRICT, SECOND, at=late))
        assert code(loosening) == "policy-not-announced"
        assert in_force(host)[0] == 1


async def test_what_is_announced_never_stands_beside_newer_rules() -> None:
    """Announced and published at once, in either order: what stands cites what is in force."""
    for first in (True, False):
        async with running(encode_bundle(OPEN)) as host:
            orders = [
                host.rulebook.announce(WA, announced(LOOSE, REVIEWER)),
                host.rulebook.publish(WA, signed(BLOCKED, REVIEWER)),
            ]
            await asyncio.gather(*(orders if first else orders[::-1]), return_exceptions=True)
            assert host.world.policy(WA)[1].bundle == BLOCKED
            assert host.world.shadow(WA) is None
            disk = host.disk
        async with running(disk=disk) as again:
            assert again.world.shadow(WA) is None


async def test_one_members_failure_keeps_no_other_from_its_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is an event, and tried again with the next round."""

    def of(member: Member) -> PolicyBundle:
        return blocked(bundle(RELEASE, state=member), FAMILY, "Order 14", NOW + DAY)

    async with running(encode_bundle(of(OR)), encode_bundle(of(WA))) as host:
        host.clock.advance_ns(DAY * NS)
        commit, is_full = host.sequencer.commit, True

        async def refusing(entries: list[Entry]) -> object:
            if is_full and entries[0].member == OR:
                raise BusyError("practice")
            return await commit(entries)

        monkeypatch.setattr(host.sequencer, "commit", refusing)
        assert await host.rulebook.lapse() == 1
        assert in_force(host)[0] == 3
        assert host.events.counts["lapse_failed"] == 1
        is_full = False
        assert await host.rulebook.lapse() == 1
        assert host.world.policy(OR)[1].bundle.unconfirmed == ()
