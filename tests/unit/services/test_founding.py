"""Founding: a member's part and its first policy; what replaces them takes another path."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from comity.directory.errors import OriTakenError, PartSignatureError
from comity.directory.part import SignedPart, sign_part
from comity.domain.ids import Member
from comity.domain.vocabulary import LeafKind, Outcome
from comity.policy.errors import NationalMismatchError, RuleFormError
from comity.services.founding import FoundingError
from comity.services.sequencer import NotOwnedError
from tests.support.directory import signer_of
from tests.support.gateway import (
    DENY_ALL,
    OR,
    RELEASE,
    SALEM,
    WA,
    Disk,
    PracticeHost,
    policy_of,
    practice_agency,
    practice_parts,
    running,
)
from tests.unit.policy.build import bundle, rule

PARTS = {part.member: part for part in practice_parts()}


def signed_part(member: Member, **changes: object) -> SignedPart:
    """A member's part with changes, signed by its key."""
    return sign_part(msgspec.structs.replace(PARTS[member], **changes), signer_of(member))


async def test_a_part_is_in_force_from_its_leaf_on() -> None:
    """One `directory` leaf each, cited; the directory has it at once, and after a restart."""
    async with running() as host:
        entries = await host.founding.publish_parts([signed_part(OR, version=2)])
        assert entries == [f"or/{host.size(OR) - 1}"]
        assert len(host.leaves(OR, LeafKind.DIRECTORY)) == 2
        assert host.world.directory.part(OR) == msgspec.structs.replace(PARTS[OR], version=2)
        await host.crash()
        async with running(disk=host.disk) as next_life:
            assert next_life.world.directory.part(OR) == host.world.directory.part(OR)


async def test_a_part_that_is_not_newer_is_refused() -> None:
    """The same version again, whatever it says; nothing is recorded."""
    async with running() as host:
        size = host.size(OR)
        for part in (signed_part(OR), signed_part(OR, duty_contact="somebody else")):
            with pytest.raises(FoundingError):
                await host.founding.publish_parts([part])
        assert host.size(OR) == size


async def test_a_part_under_another_key_is_refused() -> None:
    """Only the key that the trust root pins speaks for a member."""
    async with running() as host:
        forged = sign_part(PARTS[OR], signer_of(WA))
        with pytest.raises(PartSignatureError):
            await host.founding.publish_parts([forged])


async def test_a_part_that_takes_anothers_agency_is_refused() -> None:
    """Before its leaf: whose an agency is does not depend on who is read first at a start."""
    async with running() as host:
        size = host.size(WA)
        stolen = msgspec.structs.replace(
            PARTS[WA],
            version=2,
            agencies=(practice_agency(SALEM, "WA/LOCAL/PD", "x"),),
        )
        with pytest.raises(OriTakenError):
            await host.founding.publish_parts([sign_part(stolen, signer_of(WA))])
        assert host.size(WA) == size


async def test_a_first_policy_is_in_force_from_its_leaf_on() -> None:
    """Its leaf commits to the canonical bytes; the world decides by it, also after a restart."""
    async with running(policy_of(WA, RELEASE)) as host:
        (leaf,) = host.leaves(WA, LeafKind.POLICY)
        assert leaf.digest == sha256(policy_of(WA, RELEASE)).digest()
        index, compiled = host.world.policy(WA)
        assert (index, compiled.digest) == (host.size(WA) - 1, leaf.digest)
        await host.crash()
        async with running(disk=host.disk) as next_life:
            assert next_life.world.policy(WA)[0] == index


async def test_a_second_policy_is_refused() -> None:
    """What replaces a policy takes its approvals; the first one stays in force."""
    async with running(policy_of(WA, DENY_ALL)) as host:
        size, index = host.size(WA), host.world.policy(WA)[0]
        with pytest.raises(FoundingError):
            await host.founding.publish_first_policies([policy_of(WA, RELEASE, version=2)])
        assert (host.size(WA), host.world.policy(WA)[0]) == (size, index)


async def test_a_policy_is_published_in_its_canonical_bytes() -> None:
    """However its file was laid out: the leaf's digest is that of what decides."""
    async with running() as host:
        body = policy_of(WA, RELEASE)
        await host.founding.publish_first_policies([b" " + body.replace(b",", b", ")])
        (row,) = await host.store.policies([WA])
        assert (row.body, row.digest) == (body, host.world.policy(WA)[1].digest)


async def test_a_policy_that_could_not_decide_is_not_published() -> None:
    """Malformed, or resting on national rules that are not here: no leaf, no policy."""
    async with running() as host:
        size = host.size(WA)
        with pytest.raises(RuleFormError):
            await host.founding.publish_first_policies([b"{}"])
        adopts = msgspec.json.encode(bundle(RELEASE, national=bytes(32)))
        with pytest.raises(NationalMismatchError):
            await host.founding.publish_first_policies([adopts])
        assert (host.size(WA), host.world.has_published(WA)) == (size, False)


async def test_an_unknown_family_is_refused_when_it_is_published() -> None:
    """A block of a family that nobody knows would be a hole."""
    async with running() as host:
        body = policy_of(WA, rule("X", Outcome.DENY, agency=("US/NOWHERE",)))
        with pytest.raises(RuleFormError):
            await host.founding.publish_first_policies([body])


async def test_a_ledger_not_owned_takes_no_publication() -> None:
    """What stands of a call is in force; what does not is told."""
    host = PracticeHost(Disk())
    await host.start()
    host.sequencer._drop([WA])
    parts = [signed_part(OR), signed_part(WA)]
    with pytest.raises(NotOwnedError):
        await host.founding.publish_parts(parts)
    assert host.world.directory.part(OR) is not None
    assert host.world.directory.part(WA) is None
    with pytest.raises(FoundingError):
        await host.founding.publish_parts([signed_part(OR)])
    await host.crash()
