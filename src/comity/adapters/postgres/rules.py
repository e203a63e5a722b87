"""What hangs on a state's rules: the rules themselves, duties, freezes, budgets and traffic."""

from __future__ import annotations

from collections.abc import Sequence

from comity.adapters.postgres import budgets, duties, freezing, policies
from comity.adapters.postgres import traffic as folding
from comity.adapters.postgres.session import Pool
from comity.domain.ids import Member
from comity.ports import (
    BudgetUse,
    CountedDay,
    DutyRow,
    Fold,
    FoldRow,
    FreezeRow,
    PolicyLeafRow,
    PolicyRow,
    PrivateRow,
    Sealed,
    ShadowRow,
    TrafficRow,
)

__all__ = ["PostgresRules"]


class PostgresRules:
    """`PolicyStore`, `DutyStore`, `FreezeStore`, `BudgetStore` and `TrafficStore`, over the store's
    connections.
    """

    _pool: Pool

    async def policies(self, members: Sequence[Member]) -> list[PolicyRow]:
        """Return the policy in force of each member that has one."""
        async with self._pool.lend() as session:
            return await policies.policies(session, members)

    async def duties(
        self, members: Sequence[Member], limit: int, kinds: Sequence[str] | None = None
    ) -> list[DutyRow]:
        """Return duties that are not done, oldest first; of all kinds unless some are given."""
        async with self._pool.lend() as session:
            return await duties.duties(session, members, limit, kinds)

    async def end_duty(self, member: Member, duty_id: int) -> None:
        """Let go of a duty that is done; one that is gone already is no error."""
        async with self._pool.lend() as session:
            await duties.end_duty(session, member, duty_id)

    async def shadows(self, members: Sequence[Member]) -> list[ShadowRow]:
        """Return what each member announced last since its policy in force was published."""
        async with self._pool.lend() as session:
            return await policies.shadows(session, members)

    async def policy_leaves(self, member: Member, below: int, limit: int) -> list[PolicyLeafRow]:
        """Return bundles of a ledger below a leaf, newest first: in force once, or announced."""
        async with self._pool.lend() as session:
            return await policies.policy_leaves(session, member, below, limit)

    async def counted_day(self, member: Member, day: int, key: Sealed, limit: int) -> CountedDay:
        """Return a member's day as it was counted so far, with the key that it was given first."""
        async with self._pool.lend() as session:
            return await budgets.counted_day(session, member, day, key, limit)

    async def budget_use(self, member: Member, day: int) -> list[BudgetUse]:
        """Return what was counted on a day, budget by budget, the most used first."""
        async with self._pool.lend() as session:
            return await budgets.budget_use(session, member, day)

    async def freeze_of(self, member: Member) -> FreezeRow | None:
        """Return a member's freeze, or None."""
        async with self._pool.lend() as session:
            return await freezing.freeze_of(session, member)

    async def save_freeze(self, row: FreezeRow) -> None:
        """Keep a freeze, on the disk when this returns; while one stands, it stays as it is."""
        async with self._pool.lend() as session:
            await freezing.save_freeze(session, row)

    async def end_freeze(self, member: Member) -> None:
        """Take a member's freeze away."""
        async with self._pool.lend() as session:
            await freezing.end_freeze(session, member)

    async def private_rows(self, member: Member, first: int, last: int) -> list[PrivateRow]:
        """Return the private records of the leaves of [first, last) that have one, in order."""
        async with self._pool.lend() as session:
            return await folding.private_rows(session, member, first, last)

    async def folds(self, members: Sequence[Member]) -> list[FoldRow]:
        """Return how far each of these members' ledgers is folded, by member."""
        async with self._pool.lend() as session:
            return await folding.folds(session, members)

    async def fold(self, fold: Fold) -> bool:
        """Add a step if the ledger is folded up to its first leaf; say whether it was."""
        async with self._pool.lend() as session:
            return await folding.fold(session, fold)

    async def traffic(
        self,
        member: Member,
        after: TrafficRow | None,
        limit: int,
        under: int | None = None,
    ) -> list[TrafficRow]:
        """Return rows in the order of month, rules and request, those behind `after` if given."""
        async with self._pool.lend() as session:
            return await folding.traffic(session, member, after, limit, under)
