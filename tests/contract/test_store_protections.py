"""The contract of what a `Store` keeps of confidential addresses: whole, by tag, by member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from comity.ports import ProtectionRow, Sealed, Store
from tests.support.rows import MONTH, NOW, OR, WA, an_id, sealed
from tests.support.stores import StoreCase

FIRST, SECOND = an_id(1), an_id(2)
ONE, TWO, THREE = (bytes([number]) * 16 for number in (1, 2, 3))


def row(protection_id: bytes, tag: bytes, **changes: Any) -> ProtectionRow:
    """A row of Washington."""
    base = ProtectionRow(member=WA, protection_id=protection_id, tag=tag, sealed=sealed(tag.hex()))
    return msgspec.structs.replace(base, **changes)


async def keep(store: Store, *rows: ProtectionRow) -> Sequence[ProtectionRow]:
    """Have rows of one protection stand."""
    await store.keep_protection(rows[0].member, rows[0].protection_id, rows)
    return rows


async def test_rows_of_a_protection_stand_together(store: Store) -> None:
    """In order; written over, added and taken away at once; another protection is not touched."""
    other = await keep(store, row(SECOND, ONE))
    await keep(store, row(FIRST, TWO), row(FIRST, ONE))
    assert await store.protection(WA, FIRST) == [row(FIRST, ONE), row(FIRST, TWO)]
    changed = await keep(store, row(FIRST, TWO, sealed=sealed("anew")), row(FIRST, THREE))
    assert await store.protection(WA, FIRST) == list(changed)
    assert await store.protections(WA) == [*changed, *other]
    for _ in range(2):
        await store.keep_protection(WA, FIRST, ())
        assert await store.protection(WA, FIRST) == []
    assert await store.protections(WA) == list(other)


async def test_rows_are_found_by_tag_of_one_member(store: Store) -> None:
    """Of several protections, and never another member's; no tag finds nothing."""
    await keep(store, row(FIRST, ONE), row(FIRST, TWO))
    await keep(store, row(SECOND, TWO))
    await keep(store, row(FIRST, TWO, member=OR))
    assert await store.protections_tagged(WA, [TWO, THREE]) == [row(FIRST, TWO), row(SECOND, TWO)]
    assert await store.protections_tagged(WA, [THREE]) == []
    assert await store.protections_tagged(WA, []) == []
    assert [each.member for each in await store.protections(OR)] == [OR]
    assert [await store.protection_count(member) for member in (WA, OR)] == [2, 1]


async def test_one_row_of_each_key(store: Store) -> None:
    """By the key's number: what has to open before a tag is believed."""
    assert await store.protection_samples(WA) == []
    later = Sealed(key_number=MONTH + 1, nonce=b"n" * 12, body=b"later")
    await keep(store, row(FIRST, ONE), row(FIRST, TWO), row(FIRST, THREE, sealed=later))
    await keep(store, row(SECOND, THREE, sealed=later))
    samples = await store.protection_samples(WA)
    assert samples == [row(FIRST, ONE), row(FIRST, THREE, sealed=later)]
    assert await store.protection_samples(OR) == []


async def test_nothing_of_it_expires_with_exchanges(case: StoreCase) -> None:
    """Its member's gateway alone takes one away."""
    await keep(case.store, row(FIRST, ONE))
    await case.store.expire(NOW + 4_000 * 86_400, ())
    assert await case.store.protections(WA) == [row(FIRST, ONE)]
