"""A state's rules as its ledger has them: every version, what it changed, and who signed it.

Guarantee: what cannot be compared or opened is said so, and hides no other version.
Source: docs/adr/0030-announcing-rules.md, "history".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name
from comity.domain.leaf import parse_leaf
from comity.policy import PolicyBundle, parse_bundle
from comity.policy.difference import Difference, compare
from comity.policy.history import first_sentence, sentence_of_change
from comity.policy.layer import layered_rules
from comity.policy.space import Space
from comity.ports import LedgerRows, PolicyLeafRow, Store
from comity.services.private_records import Records
from comity.services.rule_records import read_signed_by

__all__ = [
    "BundlesRead",
    "Standing",
    "Version",
    "bundle_of_version",
    "bundles_down",
    "read_bundles",
    "read_signers",
    "versions_of",
]

_INDEX_MAX: Final = 2**62
_PAGE_ROWS: Final = 32
_HOUR_SECONDS: Final = 3_600


class Standing(StrEnum):
    """What a bundle of a ledger is now."""

    IN_FORCE = "in force"
    WAS_IN_FORCE = "was in force"
    ANNOUNCED = "announced"
    WAS_ANNOUNCED = "was announced"
    ENDED = "ended an announcement"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle of a ledger as a history tells it.

    `hour` is in Unix seconds; `signed_by` is None where the member's keys are not here.
    """

    version: int
    entry: str
    hour: int
    standing: Standing
    changed: str
    signed_by: tuple[str, ...] | None


class BundlesRead(msgspec.Struct, frozen=True, kw_only=True):
    """The newest bundles of a ledger, newest first, and what there is to say of them.

    `before` is the version that the oldest is compared with, None if that is the first; `hours` are
    Unix seconds by leaf; `is_whole`: there are no older ones.
    """

    rows: tuple[tuple[PolicyLeafRow, PolicyBundle], ...]
    before: PolicyBundle | None
    is_whole: bool
    in_force: frozenset[LeafIndex]
    announced: frozenset[LeafIndex]
    hours: Mapping[LeafIndex, int]

    @property
    def indexes(self) -> tuple[LeafIndex, ...]:
        """The leaves of the bundles."""
        return tuple(row.leaf_index for row, _ in self.rows)


async def bundles_down(
    store: Store, member: Member
) -> AsyncGenerator[tuple[PolicyLeafRow, PolicyBundle]]:
    """Yield every bundle of a ledger with its leaf, newest first, in force once or announced."""
    below = _INDEX_MAX
    while rows := await store.policy_leaves(member, below, _PAGE_ROWS):
        for row in rows:
            yield row, parse_bundle(row.body, None)
        below = rows[-1].leaf_index


async def bundle_of_version(store: Store, member: Member, number: int) -> PolicyBundle | None:
    """Return a version that was in force once, or None. Raises: StoreDownError."""
    async with aclosing(bundles_down(store, member)) as found:
        async for row, bundle in found:
            # Versions only grow.
            if not row.is_shadow and bundle.version <= number:
                return bundle if bundle.version == number else None
    return None


async def read_bundles(store: Store, ledger: LedgerRows, member: Member, last: int) -> BundlesRead:
    """Return the `last` newest bundles of a ledger. Raises: StoreDownError."""
    rows: list[tuple[PolicyLeafRow, PolicyBundle]] = []
    before: PolicyBundle | None = None
    is_whole = True
    async with aclosing(bundles_down(store, member)) as down:
        async for row, bundle in down:
            if len(rows) < last:
                rows.append((row, bundle))
                continue
            is_whole = False
            if not row.is_shadow:
                # The oldest that is shown is compared with it.
                before = bundle
                break
    in_force = frozenset(row.leaf_index for row in await store.policies([member]))
    announced = frozenset(row.leaf_index for row in await store.shadows([member]))
    hours = {}
    for row, _ in rows:
        (leaf,) = await ledger.leaves(member, row.leaf_index, row.leaf_index + 1)
        hours[row.leaf_index] = parse_leaf(leaf).hour * _HOUR_SECONDS
    return BundlesRead(
        rows=tuple(rows),
        before=before,
        is_whole=is_whole,
        in_force=in_force,
        announced=announced,
        hours=hours,
    )


async def read_signers(
    records: Records, member: Member, indexes: Sequence[LeafIndex]
) -> dict[LeafIndex, tuple[str, ...]]:
    """Return who signed each version; one whose month key is destroyed is left out."""
    found: dict[LeafIndex, tuple[str, ...]] = {}
    for index in indexes:
        with suppress(ComityError):
            found[index] = await read_signed_by(records, member, index)
    return found


def versions_of(
    member: Member,
    read: BundlesRead,
    signers: Mapping[LeafIndex, tuple[str, ...]],
    space: Space,
    national_of: Callable[[PolicyBundle], PolicyBundle],
) -> list[Version]:
    """Return what there is to tell of each bundle, newest first; takes the processor for a while.

    `national_of` gives the national rules that a bundle adopted.
    """
    before = read.before
    found: list[Version] = []
    for row, bundle in reversed(read.rows):
        found.append(
            Version(
                version=bundle.version,
                entry=entry_name(member, row.leaf_index),
                hour=read.hours[row.leaf_index],
                standing=_standing(row, read, is_end=before == bundle),
                changed=_changed(before, bundle, space, national_of),
                signed_by=signers.get(row.leaf_index),
            )
        )
        before = before if row.is_shadow else bundle
    return found[::-1]


def _standing(row: PolicyLeafRow, read: BundlesRead, *, is_end: bool) -> Standing:
    """Return what a bundle is now; announcing what is in force ended an announcement."""
    if row.leaf_index in read.in_force:
        return Standing.IN_FORCE
    if not row.is_shadow:
        return Standing.WAS_IN_FORCE
    if is_end:
        return Standing.ENDED
    return Standing.ANNOUNCED if row.leaf_index in read.announced else Standing.WAS_ANNOUNCED


def _changed(
    before: PolicyBundle | None,
    bundle: PolicyBundle,
    space: Space,
    national_of: Callable[[PolicyBundle], PolicyBundle],
) -> str:
    if before is None:
        return first_sentence(bundle)
    difference: Difference | None = None
    try:
        old = layered_rules(before, national_of(before))
        new = layered_rules(bundle, national_of(bundle))
        difference = compare(old, new, space)
    except ComityError:
        pass  # The sentence says so: national rules of then may not be kept here.
    return sentence_of_change(before, bundle, difference)
