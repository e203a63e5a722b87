"""What a practice gateway counts with: persons against budgets, what waits against quotas."""

from __future__ import annotations

from comity.ports import Clock, Store
from comity.services.budgets import Budgets
from comity.services.events import Events
from comity.services.member import World
from comity.services.quotas import Quotas
from comity.services.vault import Vault

__all__ = ["counting"]


def counting(
    world: World, store: Store, vault: Vault, clock: Clock, events: Events
) -> tuple[Budgets, Quotas]:
    """Return the counts of one host."""
    return (
        Budgets(world=world, store=store, vault=vault, clock=clock, events=events),
        Quotas(world=world, store=store, vault=vault, clock=clock, events=events),
    )
