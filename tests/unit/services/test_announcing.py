"""Announced rules: they stand beside what is in force, for all to read, and decide nothing."""

from __future__ import annotations

import msgspec
import pytest

from comity.directory.part import sign_part
from comity.domain.agency import Family
from comity.domain.answer import ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import entry_name
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.policy import PolicyBundle, encode_bundle
from comity.policy.block import blocked
from tests.support.directory import signer_of
from tests.support.gateway import NOW, OR, WA, PracticeHost, practice_parts, running
from tests.unit.services.test_rulebook import (
    BLOCKED,
    DAY,
    FAMILY,
    HELD,
    LOOSE,
    OPEN,
    REVIEWER,
    SECOND,
    announced,
    code_of,
    in_force,
    outcome,
    signed,
)


def standing(host: PracticeHost) -> tuple[int, PolicyBundle] | None:
    """What Washington has announced, and by which leaf."""
    found = host.world.shadow(WA)
    return None if found is None else (found[0], found[1].bundle)


async def refusal(host: PracticeHost, data: bytes) -> str:
    """The code with which an announcement is refused; nothing is recorded of it."""
    size = host.size(WA)
    with pytest.raises(ComityError) as refused:
        await host.rulebook.announce(WA, data)
    assert host.size(WA) == size
    return refused.value.code


async def test_announced_rules_decide_nothing_and_stand_through_a_restart() -> None:
    """A leaf in mode shadow cites what is in force; its document is the draft; one person signs."""
    async with running(encode_bundle(OPEN)) as host:
        in_force_before = in_force(host)
        entry = await host.rulebook.announce(WA, announced(BLOCKED, REVIEWER))
        found = standing(host)
        assert found is not None
        index, draft = found
        assert (entry, draft) == (entry_name(WA, index), BLOCKED)
        leaf = parse_leaf(host.store.tables.leaves[WA][index][0])
        assert (leaf.kind, leaf.mode) == (LeafKind.POLICY, LeafMode.SHADOW)
        assert leaf.cites == entry_name(WA, in_force_before[1])
        (document,) = await host.store.documents(WA, index, index + 1)
        assert document.body == encode_bundle(BLOCKED)
        assert in_force(host) == in_force_before
        assert host.store.tables.heads[WA].policy == in_force_before[1]
        assert await outcome(host) is ResponseKind.HIT
        disk = host.disk
    async with running(disk=disk) as again:
        assert standing(again) == found
        assert again.world.shadow_since(WA) == NOW
        assert in_force(again) == in_force_before


async def test_an_announcement_is_no_order_to_publish() -> None:
    """A signature that announces puts nothing into force, and the reverse."""
    async with running(encode_bundle(OPEN)) as host:
        both = announced(LOOSE, REVIEWER, SECOND)
        assert await code_of(host, both) == "order-refused"
        assert await refusal(host, signed(LOOSE, REVIEWER)) == "order-refused"
        await host.rulebook.announce(WA, both)
        assert await code_of(host, both) == "order-refused"
        # Signed in the same second, the same bundle gets a leaf of its own.
        published = await host.rulebook.publish(WA, signed(LOOSE, REVIEWER, SECOND))
        assert published.entry == entry_name(WA, in_force(host)[1])
        assert in_force(host)[0] == 2


async def test_one_stands_and_the_next_replaces_it() -> None:
    """Sent again, an announcement gets its entry again; another takes its place."""
    async with running(encode_bundle(OPEN)) as host:
        data = announced(BLOCKED, REVIEWER)
        first = await host.rulebook.announce(WA, data)
        assert await host.rulebook.announce(WA, data) == first
        second = await host.rulebook.announce(WA, announced(LOOSE, SECOND, at=NOW + 1))
        assert standing(host) == (int(second[3:]), LOOSE)
        assert await refusal(host, data) == "policy-not-next"


async def test_it_ends_when_rules_are_published() -> None:
    """Whatever was published; and an order that was kept does not bring it back."""
    async with running(encode_bundle(OPEN)) as host:
        data = announced(LOOSE, REVIEWER)
        await host.rulebook.announce(WA, data)
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        assert standing(host) is None
        assert await refusal(host, data) == "policy-not-next"
        disk = host.disk
    async with running(disk=disk) as again:
        assert standing(again) is None


async def test_it_is_ended_by_announcing_what_is_in_force() -> None:
    """That is a leaf too; where nothing stands there is nothing to end."""
    async with running(encode_bundle(OPEN)) as host:
        assert await refusal(host, announced(OPEN, REVIEWER)) == "policy-not-next"
        data = announced(LOOSE, REVIEWER)
        await host.rulebook.announce(WA, data)
        await host.rulebook.announce(WA, announced(OPEN, REVIEWER))
        assert standing(host) is None
        assert in_force(host)[0] == 1
        assert await refusal(host, data) == "policy-not-next"
        disk = host.disk
    async with running(disk=disk) as again:
        assert standing(again) is None
        assert in_force(again)[0] == 1


async def test_who_may_announce() -> None:
    """An enrolled person, the next version, and rules that could decide."""
    async with running(encode_bundle(OPEN)) as host:
        skipped = msgspec.structs.replace(LOOSE, version=3)
        assert await refusal(host, announced(skipped, REVIEWER)) == "policy-not-next"
        assert await refusal(host, announced(LOOSE, REVIEWER, at=NOW - DAY - 1)) == "order-expired"
        stranger = msgspec.structs.replace(REVIEWER[0], name="Nobody"), REVIEWER[1]
        assert await refusal(host, announced(LOOSE, stranger)) == "order-refused"
        unknown = msgspec.structs.replace(LOOSE, national=bytes(32))
        assert await refusal(host, announced(unknown, REVIEWER)) == "policy-national-mismatch"


async def test_what_stood_beside_other_rules_is_compiled_with_the_directory() -> None:
    """A new part of the directory reaches announced rules as it does those in force."""
    held = blocked(HELD, FAMILY, "Order 14", NOW + DAY)
    async with running(encode_bundle(HELD)) as host:
        await host.rulebook.announce(WA, announced(held, REVIEWER))
        before = host.world.shadow(WA)
        part = next(part for part in practice_parts() if part.member == OR)
        first, *rest = part.agencies
        moved = msgspec.structs.replace(first, family=Family("OR/LOCAL/SO"))
        newer = msgspec.structs.replace(part, version=2, agencies=(moved, *rest))
        await host.founding.publish_parts([sign_part(newer, signer_of(OR))])
        after = host.world.shadow(WA)
        assert before is not None
        assert after is not None
        assert after[1] is not before[1]
        assert after[1].bundle == before[1].bundle
