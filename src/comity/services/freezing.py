"""Freezes: after a live decision and its referee disagreed, a member's rules are not loosened.

    freeze   a row in the store; until it is written, kept here and tried again
    check    asked by whoever publishes what loosens: refused while frozen
    thaw     two enrolled people sign that the cause is known, and the gate passes for the rules in
             force

INVARIANT (restriction-never-waits): nothing here is asked about what only restricts, about a block,
or about a confirmation. INVARIANT (fail-closed): a store that cannot say is a freeze.
Source: docs/adr/0032-second-proof-and-certificates.md, "Freeze and thaw".
"""

from __future__ import annotations

import asyncio
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name
from comity.domain.publishing import parse_signed_thaw, policy_thaw_bytes
from comity.policy.cedar import cedar_policies
from comity.policy.decide import CompiledPolicy
from comity.ports import Clock, FreezeRow, FreezeStore, RefereeOf, SolverOf
from comity.review.orders import SecondPersonError, check_time, signers
from comity.services.events import Events
from comity.services.gate import GateReport, run_gate
from comity.services.member import World, askers_of

__all__ = ["Freezes", "NotFrozenError", "PolicyFrozenError", "ThawRefusedError"]

_NS: Final = 1_000_000_000
_TWO: Final = 2


class PolicyFrozenError(ComityError):
    """A live decision and its referee disagreed: until two people thaw it, nothing is loosened."""

    code = "policy-frozen"


class NotFrozenError(ComityError):
    """There is no freeze to end, or the thaw was signed for another one."""

    code = "policy-not-frozen"


class ThawRefusedError(ComityError):
    """The gate does not pass for the rules in force, so that the freeze stays."""

    code = "policy-thaw-refused"


class Freezes:
    """The freezes of one host's members."""

    def __init__(
        self,
        *,
        world: World,
        store: FreezeStore,
        referee: RefereeOf,
        solver: SolverOf,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._referee = referee
        self._solver = solver
        self._clock = clock
        self._events = events
        self._unwritten: dict[Member, FreezeRow] = {}

    async def freeze(self, member: Member, index: int, what: str) -> None:
        """Freeze a member's publications; what cannot be written now holds all the same."""
        now = self._clock.now_ns() // _NS
        row = FreezeRow(member=member, leaf_index=LeafIndex(index), since=now, what=what)
        self._unwritten.setdefault(member, row)
        await self.write()

    async def write(self) -> None:
        """Write what could not be written before."""
        for member, row in list(self._unwritten.items()):
            try:
                await self._store.save_freeze(row)
            except ComityError as error:
                self._events.failure("policy_freeze_unwritten", error, member=member)
            else:
                self._unwritten.pop(member, None)

    async def standing(self, member: Member) -> FreezeRow | None:
        """Return a member's freeze, or None. Raises: StoreDownError."""
        return self._unwritten.get(member) or await self._store.freeze_of(member)

    async def check(self, member: Member) -> None:
        """Refuse to loosen a frozen member's rules. Raises: PolicyFrozenError, StoreDownError."""
        row = await self.standing(member)
        if row is not None:
            raise PolicyFrozenError(
                f"frozen since {entry_name(member, row.leaf_index)} disagreed with its referee:"
                f" {row.what}; restrictions and blocks still go through"
            )

    async def thaw(self, member: Member, data: bytes) -> FreezeRow:
        """End a freeze by a signed thaw; return what it was.

        Raises: PolicyOrderError, NotFrozenError, OrderExpiredError, OrderRefusedError,
        SecondPersonError, ThawRefusedError, StoreDownError.
        """
        signed = parse_signed_thaw(data)
        order = signed.order
        row = await self.standing(member)
        if row is None:
            raise NotFrozenError("this state's rules are not frozen")
        _, policy = self._world.policy(member)
        said = order.state, order.version, order.digest
        if said != (member, policy.bundle.version, policy.digest):
            raise NotFrozenError("the thaw is for other rules than those in force")
        check_time(order.at, self._clock.now_ns() // _NS)
        if order.at < row.since:
            raise NotFrozenError("the thaw was signed before this freeze")
        directory = self._world.directory
        names = signers(
            signed.signatures,
            policy_thaw_bytes(order),
            lambda name: directory.reviewer(member, name),
        )
        if len(names) < _TWO:
            raise SecondPersonError("a thaw takes the signatures of two different people")
        await self._hold_to_gate(member, policy)
        await self._store.end_freeze(member)
        self._unwritten.pop(member, None)
        self._events.note("policy_thawed", member=member)
        return row

    async def _hold_to_gate(self, member: Member, policy: CompiledPolicy) -> None:
        try:
            report = await asyncio.to_thread(self._gate, policy)
        except ComityError as error:
            raise ThawRefusedError("the gate could not say that all evaluators agree") from error
        if not report.passed:
            raise ThawRefusedError(f"evaluators disagree: {report.disagreements[0].what}")
        if self._world.policy(member)[1] is not policy:
            raise ThawRefusedError("other rules came into force meanwhile: try again")

    def _gate(self, policy: CompiledPolicy) -> GateReport:
        askers = askers_of(self._world)
        referee = self._referee(cedar_policies(policy.rules), askers)
        return run_gate(policy, askers, referee, self._solver(policy.rules, askers))
