"""What a host knows of its members: parts and policies as published, each failing alone."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from comity.directory.part import sign_part
from comity.domain.agency import Family
from comity.domain.ids import LeafIndex, Member
from comity.domain.vocabulary import Outcome
from comity.link.parcel import RefusalCode, Refused
from comity.policy import encode_bundle, parse_bundle
from comity.policy.errors import NationalMismatchError, RuleFormError, UnknownFamilyError
from comity.ports import PolicyRow
from comity.services.member import NoPolicyError, PolicyDamagedError
from tests.support.directory import signer_of
from tests.support.gateway import (
    OR,
    RELEASE,
    SALEM,
    TX,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    heard_of,
    policy_of,
    practice_agency,
    practice_parts,
    running,
)
from tests.unit.policy.build import bundle, rule


def row_of(body: bytes, **changes: object) -> PolicyRow:
    """A policy as the store has it."""
    row = PolicyRow(member=WA, leaf_index=LeafIndex(7), digest=sha256(body).digest(), body=body)
    return msgspec.structs.replace(row, **changes)


def test_a_member_without_a_policy_has_none() -> None:
    """INVARIANT (fail-closed): asked for, it raises."""
    host = PracticeHost(Disk())
    with pytest.raises(NoPolicyError):
        host.world.policy(WA)
    assert not host.world.has_published(WA)


def test_a_published_policy_does_not_depend_on_the_shipped_families() -> None:
    """A family that this release's list does not name was known when the policy was published."""
    host = PracticeHost(Disk())
    body = policy_of(WA, RELEASE, rule("X", Outcome.DENY, agency=("US/GONE/NOW",)))
    with pytest.raises(UnknownFamilyError):
        parse_bundle(body)
    host.world.take_policy(row_of(body))
    assert host.world.policy(WA)[0] == 7


@pytest.mark.parametrize(
    ("body", "changes", "error"),
    [
        (policy_of(WA, RELEASE), {"digest": bytes(32)}, PolicyDamagedError),
        (policy_of(WA, RELEASE).replace(b":1,", b": 1,"), {}, PolicyDamagedError),
        (policy_of(OR, RELEASE), {}, PolicyDamagedError),
        (b"{}", {}, RuleFormError),
        (policy_of(WA, RELEASE).replace(b'"ALL"', b'"all"'), {}, RuleFormError),
        (encode_bundle(bundle(RELEASE, national=bytes(32))), {}, NationalMismatchError),
    ],
    ids=["digest", "layout", "state", "empty", "rule", "national"],
)
def test_a_policy_that_is_not_what_was_published_decides_nothing(
    body: bytes, changes: dict[str, object], error: type[Exception]
) -> None:
    """Refused by name; then not even the policy before it decides, and none is called absent."""
    host = PracticeHost(Disk())
    host.world.take_policy(row_of(policy_of(WA, RELEASE)))
    with pytest.raises(error):
        host.world.take_policy(row_of(body, **changes))
    with pytest.raises(NoPolicyError):
        host.world.policy(WA)
    assert host.world.has_published(WA)


async def test_one_members_damaged_policy_stops_no_other_at_a_start() -> None:
    """That member answers nothing, loudly; the host starts and the others decide."""
    async with running(policy_of(WA, RELEASE), policy_of(OR, RELEASE)) as host:
        place = (WA, host.world.policy(WA)[0])
        rows = host.store.tables.policies
        rows[place] = msgspec.structs.replace(rows[place], body=b"{}")
        await host.crash()
        async with running(disk=host.disk) as next_life:
            assert next_life.events.counts["policy_refused"] == 1
            assert next_life.world.policy(OR)
            await next_life.answer.take(asks(ask_of()))
            (refused,) = next_life.courier.take()
            assert isinstance(refused, Refused)
            assert refused.code is RefusalCode.BUSY


async def test_a_part_that_does_not_verify_is_left_out() -> None:
    """Loudly; the others stand."""
    async with running() as host:
        (row,) = [r for r in host.store.tables.directory.values() if r.member == OR]
        host.world.take_parts([msgspec.structs.replace(row, signature=bytes(64))])
        assert host.world.directory.part(OR) is None
        assert host.world.directory.part(TX) is not None
        assert ("directory_part_refused", {"member": OR, "code": "part-signature-invalid"}) in (
            host.log.written
        )


@pytest.mark.parametrize(("hours", "seconds"), [(1, 3_600), (720, 30 * 86_400)])
async def test_a_hold_waits_as_the_policy_says(hours: int, seconds: int) -> None:
    """At most as long as the host is set to."""
    host = PracticeHost(Disk())
    host.world.take_policy(row_of(encode_bundle(bundle(RELEASE, hold_hours=hours))))
    assert host.world.hold_seconds(WA) == seconds
    host.world._hold_seconds_max = 1_800
    assert host.world.hold_seconds(WA) == 1_800


async def test_a_single_part_is_taken_as_all_would_be() -> None:
    """The directory is the one of all parts that stand, also after one was refused."""
    async with running(policy_of(WA, RELEASE)) as host:
        world, parts = host.world, {part.member: part for part in practice_parts()}

        def taken(member: Member, **changes: object) -> None:
            part = msgspec.structs.replace(parts[member], **changes)
            row = heard_of(sign_part(part, signer_of(member)))
            world.take_parts([msgspec.structs.replace(row, version=part.version)])

        stolen = practice_agency(SALEM, "TX/LOCAL/PD", "x")
        taken(TX, version=2, agencies=(stolen,))
        assert host.events.counts["directory_part_refused"] == 1
        assert world.directory.member_of(SALEM) == OR
        assert world.directory.part(TX) is None
        taken(OR, version=2, agencies=())
        assert world.directory.member_of(SALEM) == TX
        assert host.events.counts["directory_part_refused"] == 1


async def test_rules_are_compiled_anew_for_new_families_alone() -> None:
    """An agency that was moved is decided by its new family; a new telephone compiles nothing."""
    async with running(policy_of(WA, RELEASE)) as host:
        compiled = host.world.policy(WA)[1]
        part = next(part for part in practice_parts() if part.member == OR)
        for version, changes, is_anew in (
            (2, {"phone": "555-0142"}, False),
            (3, {"family": Family("OR/LOCAL/SO")}, True),
        ):
            first, *rest = part.agencies
            moved = (msgspec.structs.replace(first, **changes), *rest)
            newer = msgspec.structs.replace(part, version=version, agencies=moved)
            await host.founding.publish_parts([sign_part(newer, signer_of(OR))])
            assert (host.world.policy(WA)[1] is not compiled) == is_anew
