"""The gateway signs what it finds of the rules in force, and nothing else."""

from __future__ import annotations

import pytest

from comity.directory.certificate import verify_certificate
from comity.domain.certificate import (
    Certificate,
    CertificateKind,
    SecondProof,
    parse_certificate,
)
from comity.domain.decision import RuleId
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.vocabulary import LeafMode, Outcome
from comity.link.command import (
    Certified,
    Certify,
    CommandFailed,
    decode_result,
    encode_command,
)
from comity.policy import encode_bundle
from comity.policy.block import confirmed
from comity.policy.certified import void_because
from comity.policy.guarantee import default_guarantees, guarantees_in_force
from comity.services.certifying import RulesMovedError, stands_over
from comity.services.member import askers_of
from tests.support.gateway import NOW, TX, WA, PracticeHost, running
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_rulebook import (
    BLOCKED,
    DAY,
    FAMILY,
    HELD,
    OPEN,
    REVIEWER,
    SECOND,
    signed,
)


async def certified(host: PracticeHost, family: str = "", member: Member = WA) -> Certificate:
    """What the gateway signs when it is asked by command; its signature holds."""
    data = encode_command(Certify(state=member, family=family))
    result = decode_result(await host.commands.take(data))
    assert isinstance(result, Certified)
    made = parse_certificate(result.certificate)
    verify_certificate(made, host.world.directory)
    return made.certificate


def is_void(host: PracticeHost, made: Certificate) -> tuple[str, ...]:
    """What has changed since a certificate was made."""
    _, policy = host.world.policy(WA)
    askers = askers_of(host.world)
    now = stands_over(policy.digest, policy.rules, guarantees_in_force(policy.bundle), askers)
    return void_because(made, now)


async def test_guarantees_are_proved_for_it() -> None:
    """Each guarantee of the state with what was counted; open rules keep none of most."""
    async with running(encode_bundle(OPEN)) as host:
        made = await certified(host)
        index, policy = host.world.policy(WA)
        assert (made.kind, made.entry) == (CertificateKind.GUARANTEES, f"wa/{index}")
        assert (made.policy_version, made.rules, made.practice) == (1, policy.digest, True)
        assert [each.id for each in made.guarantees] == [g.id for g in default_guarantees()]
        assert {each.solver for each in made.guarantees} == {SecondProof.AGREES}
        assert not made.holds
        assert is_void(host, made) == ()


async def test_a_block_is_probed_for_it_and_void_once_confirmed() -> None:
    """What stands, since when, by what order; confirming changes the rules, so it is made anew."""
    async with running(encode_bundle(OPEN)) as host:
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        made = await certified(host, FAMILY)
        assert made.block is not None
        assert (made.block.rule, made.block.authority) == ("BLOCK-1", "Order 14")
        assert (made.block.since, made.block.unconfirmed_until) == (NOW, NOW + DAY)
        assert made.holds
        leaves = {f"wa/{i}": leaf for i, leaf in enumerate(host.leaves(WA))}
        assert {leaves[p.entry].mode for p in made.block.probes} == {LeafMode.PROBE}
        assert is_void(host, made) == ()
        await host.rulebook.publish(WA, signed(confirmed(BLOCKED, RuleId("BLOCK-1")), SECOND))
        assert is_void(host, made) == ("rules",)
        again = await certified(host, FAMILY)
        assert again.block is not None
        assert again.block.unconfirmed_until is None


@pytest.mark.parametrize(
    ("member", "family", "code"),
    [
        (WA, FAMILY, "policy-block"),
        (WA, "US/DHS/ICE", "policy-block"),
        (TX, "", "policy-moved"),
    ],
    ids=["not blocked", "unknown", "another's"],
)
async def test_what_is_not_in_force_is_not_certified(
    member: Member, family: str, code: str
) -> None:
    """No block without its clause, and nothing of a state whose ledger another host writes."""
    async with running(encode_bundle(HELD)) as host:
        data = encode_command(Certify(state=member, family=family))
        result = decode_result(await host.commands.take(data))
        assert isinstance(result, CommandFailed)
        assert result.code == code


async def test_a_hold_that_is_no_block_of_ours_is_not_certified_as_one() -> None:
    """A rule of the state's own that refuses a family is no clause of a block."""
    own = bundle(rule("NO", Outcome.DENY, agency=(FAMILY,)), state=WA)
    async with running(encode_bundle(own)) as host:
        with pytest.raises(ComityError, match="no block"):
            await host.certifier.certify(WA, FAMILY)


async def test_rules_that_move_meanwhile_are_not_certified() -> None:
    """What was proved of other rules than those in force at the end is not signed."""
    async with running(encode_bundle(OPEN)) as host:
        run = host.drill.run
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))

        async def moved(member: Member, family: str) -> object:
            found = await run(member, family)
            sure = confirmed(BLOCKED, RuleId("BLOCK-1"))
            await host.rulebook.publish(WA, signed(sure, SECOND))
            return found

        host.drill.run = moved  # type: ignore[method-assign,assignment]
        with pytest.raises(RulesMovedError):
            await host.certifier.certify(WA, FAMILY)
