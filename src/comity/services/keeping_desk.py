"""What is answered to commands about keys: an order's result, and where a member's months stand."""

from __future__ import annotations

from comity.domain.ids import Member, entry_name
from comity.domain.keeping import SignedOrder, month_name
from comity.link.command import CommandDone, KeysShown, MonthView
from comity.review.keeping import Standing
from comity.services.keeping import Due, Keeping

__all__ = ["KeepingDesk"]


class KeepingDesk:
    """Answers for `Keeping`."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    async def carry_out(self, signed: SignedOrder) -> CommandDone:
        """Carry out an order. Raises: as `Keeping.carry_out`."""
        done = await self._keeping.carry_out(signed)
        waits_for = done.waits_for
        facts = () if waits_for is None else (("waits_for", waits_for.code),)
        return CommandDone(entry=done.entry, facts=facts)

    async def show(self, member: Member) -> KeysShown:
        """Show a member's months, holds and schedule: nothing of any person."""
        standing = await self._keeping.standing(member)
        due = {found.month: found for found in await self._keeping.due(member)}
        keys = self._keeping.keys(member)
        months = sorted({*keys, *(month for month, _, _ in standing.gone)})
        return KeysShown(
            months=tuple(
                _view(member, standing, month, keys.get(month, 0), due.get(month))
                for month in months
            ),
            holds=tuple(
                (entry_name(member, hold.leaf_index), _names(hold.months))
                for hold in standing.holds
            ),
            keep_months=standing.keep_months or 0,
            schedule="" if standing.schedule is None else entry_name(member, standing.schedule),
        )


def _view(member: Member, standing: Standing, month: int, keys: int, due: Due | None) -> MonthView:
    hold = standing.holding(month)
    gone = next(((kind, index) for at, kind, index in standing.gone if at == month), None)
    return MonthView(
        month=month_name(month),
        keys=keys,
        held_by="" if hold is None or not keys else entry_name(member, hold.leaf_index),
        gone="" if gone is None else gone[0].value,
        gone_by="" if gone is None else entry_name(member, gone[1]),
        is_due=due is not None,
        against="" if due is None or due.against is None else due.against.code,
    )


def _names(months: frozenset[int] | None) -> tuple[str, ...]:
    return () if months is None else tuple(month_name(month) for month in sorted(months))
