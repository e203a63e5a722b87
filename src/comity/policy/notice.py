"""Notice: what must stand announced for a time before it may be loosened, and whether it did.

    1. the classes are those that are restricted by law or by the states' own choice
    2. rules loosen one of them if a request of that class is given more easily than before; raising
       or dropping a budget or a quota counts as loosening too, and so does a shorter notice
    3. then the same rules must have stood announced for the notice of the bundle *in force*

Guarantee: whatever is not known to be harmless counts as loosening (invariant `fail-closed`).
Source: docs/adr/0030-announcing-rules.md, "Notice".
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.vocabulary import DataClass
from comity.policy.axis import Axis
from comity.policy.difference import Difference
from comity.policy.quota import quotas_within
from comity.policy.rule import Budget, PolicyBundle, budget_id

__all__ = ["HOUR_SECONDS", "RESTRICTED_CLASSES", "loosened_classes", "same_rules", "takes_notice"]

HOUR_SECONDS: Final = 3_600

RESTRICTED_CLASSES: Final = (
    # "Highly restricted personal information": 18 USC 2725(4).
    DataClass.PHOTO,
    DataClass.SSN,
    DataClass.MEDICAL,
    # What the states chose to add.
    DataClass.HISTORY,
    DataClass.IMMIGRATION_DOCUMENTS,
)
"""The classes whose loosening takes notice, in the order of their vocabulary."""


def loosened_classes(difference: Difference) -> tuple[DataClass, ...]:
    """Return the restricted classes of which something is given more easily than before."""
    found: set[str] = set()
    for move in difference.moves:
        if move.loosens:
            # An axis that is left out has all of its values among what moves.
            found |= set(move.among.get(Axis.DATA_CLASS, RESTRICTED_CLASSES))
    return tuple(each for each in RESTRICTED_CLASSES if each in found)


def takes_notice(
    old: PolicyBundle, new: PolicyBundle, difference: Difference | None
) -> tuple[str, ...]:
    """Return for what rules must stand announced first: classes, and fields of the bundle.

    `difference` is None where it is not known: then they loosen every restricted class.
    """
    if not old.notice_hours:
        return ()
    found: list[str] = list(
        RESTRICTED_CLASSES if difference is None else loosened_classes(difference)
    )
    if not _is_within(new.budgets, old.budgets):
        found.append("`budgets`")
    if not quotas_within(new.quotas, old.quotas):
        found.append("`quotas`")
    if new.notice_hours < old.notice_hours:
        found.append("`notice_hours`")
    return tuple(found)


def _is_within(new: tuple[Budget, ...], old: tuple[Budget, ...]) -> bool:
    """Whether nobody may ask about more persons than before; no comparison of rules says so."""
    numbers = {budget_id(each): each for each in new}
    for before in old:
        after = numbers.get(budget_id(before))
        if after is None or after.persons > before.persons:
            return False
        if _photos(after) > _photos(before):
            return False
    return True


def _photos(budget: Budget) -> int:
    return budget.persons if budget.photos is None else budget.photos


def same_rules(one: PolicyBundle, other: PolicyBundle) -> bool:
    """Whether two bundles say the same, but for their version and what is not confirmed."""
    return _bare(one) == _bare(other)


def _bare(bundle: PolicyBundle) -> PolicyBundle:
    return msgspec.structs.replace(bundle, version=1, unconfirmed=())
