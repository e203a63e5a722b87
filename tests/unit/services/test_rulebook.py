"""Publishing rules: who must sign, what the gate stops, and what takes force when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from comity.domain.answer import ResponseKind
from comity.domain.decision import RuleId
from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.domain.keeping import OrderSignature
from comity.domain.leaf import parse_leaf
from comity.domain.publishing import (
    PolicyOrder,
    SignedPolicy,
    encode_signed_policy,
    order_of,
    policy_order_bytes,
    shadow_order_bytes,
)
from comity.domain.vocabulary import DataClass, LeafKind, LeafMode, Outcome
from comity.link.parcel import Answered
from comity.policy import (
    Budget,
    BudgetPer,
    Condition,
    Obligation,
    PolicyBundle,
    Rule,
    Unconfirmed,
    encode_bundle,
)
from comity.policy.block import blocked, brought_back, confirmed, lapsed
from comity.services import rulebook as module
from tests.support.exchange import ENROLLED, PRIVATE_KEY, SUPERVISOR, SUPERVISOR_KEY
from tests.support.gateway import (
    NOW,
    NS,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.unit.policy.build import bundle, rule

REVIEWER, SECOND = (ENROLLED, PRIVATE_KEY), (SUPERVISOR, SUPERVISOR_KEY)
FAMILY = "TX/LOCAL"
DAY = 86_400
OPEN = bundle(RELEASE, state=WA)
BLOCKED = blocked(OPEN, FAMILY, "Order 14", NOW + DAY)
LOOSE = bundle(RELEASE, rule("MORE", Outcome.RELEASE), state=WA, version=2)
FORTY = Budget(per=BudgetPer.OPERATOR, persons=40)
HELD = bundle(RELEASE, rule("HOLD", Outcome.HOLD), state=WA)


def signed(
    made: PolicyBundle,
    *people: Any,
    at: int = NOW,
    said: Callable[[PolicyOrder], bytes] = policy_order_bytes,
    **changes: object,
) -> bytes:
    """A bundle, signed by these people."""
    body = encode_bundle(made)
    order = msgspec.structs.replace(order_of(made.state, made.version, body, at), **changes)
    message = said(order)
    signatures = tuple(
        OrderSignature(name=who.name, key_id=who.key_id, signature=key.sign(message))
        for who, key in people
    )
    return encode_signed_policy(SignedPolicy(bundle=body, order=order, signatures=signatures))


def announced(made: PolicyBundle, *people: Any, at: int = NOW) -> bytes:
    """A bundle, signed by these people to be announced."""
    return signed(made, *people, at=at, said=shadow_order_bytes)


async def code_of(host: PracticeHost, data: bytes, member: Member = WA) -> str:
    """The code with which a publication is refused; nothing is recorded of it."""
    size = host.size(member)
    with pytest.raises(ComityError) as refused:
        await host.rulebook.publish(member, data)
    assert host.size(member) == size
    return refused.value.code


async def outcome(host: PracticeHost, number: int = 1) -> ResponseKind:
    """What a Texas agency is answered."""
    await host.answer.take(asks(ask_of(number)))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer.response


def in_force(host: PracticeHost) -> tuple[int, int]:
    """Version and index of Washington's rules."""
    index, compiled = host.world.policy(WA)
    return compiled.bundle.version, index


async def test_one_person_blocks_and_the_next_query_is_refused() -> None:
    """The leaf comes first, its document is the bundle; what is asked from then on is denied."""
    async with running(encode_bundle(OPEN)) as host:
        assert await outcome(host) is ResponseKind.HIT
        published = await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        version, index = in_force(host)
        assert (published.version, version, published.entry) == (2, 2, f"wa/{index}")
        leaf = parse_leaf(host.store.tables.leaves[WA][index][0])
        assert leaf.kind is LeafKind.POLICY
        (document,) = await host.store.documents(WA, index, index + 1)
        assert document.body == encode_bundle(BLOCKED)
        assert await outcome(host, 2) is ResponseKind.REFUSED


async def test_what_was_decided_before_a_block_is_decided_again() -> None:
    """A query under way while a block is committed is answered by the rules of its index."""
    async with running(encode_bundle(OPEN)) as host:
        publishing = asyncio.create_task(host.rulebook.publish(WA, signed(BLOCKED, REVIEWER)))
        answering = asyncio.create_task(host.answer.take(asks(ask_of(1))))
        await asyncio.gather(publishing, answering)
        (parcel,) = host.courier.take()
        assert isinstance(parcel, Answered)
        index = int(parcel.answer.proofs[0].entry.partition("/")[2])
        is_after = index > in_force(host)[1]
        expected = ResponseKind.REFUSED if is_after else ResponseKind.HIT
        assert parcel.answer.response is expected


@pytest.mark.parametrize(
    "made",
    [
        LOOSE,
        msgspec.structs.replace(BLOCKED, unconfirmed=()),
        msgspec.structs.replace(BLOCKED, title="Another title"),
        msgspec.structs.replace(BLOCKED, hold_hours=1),
        blocked(OPEN, FAMILY, "Order 14", NOW + DAY + 3_600),
        bundle(state=WA, version=2),
        msgspec.structs.replace(BLOCKED, budgets=(FORTY,)),
    ],
    ids=["loosens", "not named", "title", "hold", "too long", "a rule taken out", "a budget"],
)
async def test_all_else_takes_two_people(made: PolicyBundle) -> None:
    """One signature is not enough for what loosens or is not named; two different ones are."""
    async with running(encode_bundle(OPEN)) as host:
        assert await code_of(host, signed(made, REVIEWER)) == "second-person-missing"
        assert await code_of(host, signed(made, REVIEWER, REVIEWER)) == "second-person-missing"
        assert in_force(host)[0] == 1
        await host.rulebook.publish(WA, signed(made, REVIEWER, SECOND))
        assert in_force(host)[0] == 2


@pytest.mark.parametrize("after", [(), (msgspec.structs.replace(FORTY, persons=41),)])
async def test_a_budget_is_raised_by_two_people(after: tuple[Budget, ...]) -> None:
    """Budgets are in no mask, yet no one person's act; a block that leaves them as they are is."""
    budgeted = bundle(RELEASE, state=WA, budgets=(FORTY,))
    async with running(encode_bundle(budgeted)) as host:
        made = msgspec.structs.replace(budgeted, version=2, budgets=after)
        assert await code_of(host, signed(made, REVIEWER)) == "second-person-missing"
        block = blocked(budgeted, FAMILY, "Order 14", NOW + DAY)
        beside = msgspec.structs.replace(block, budgets=after)
        assert await code_of(host, signed(beside, REVIEWER)) == "second-person-missing"
        await host.rulebook.publish(WA, signed(block, REVIEWER))
        assert in_force(host)[0] == 2
        await host.rulebook.publish(
            WA, signed(msgspec.structs.replace(beside, version=3), REVIEWER, SECOND)
        )
        assert host.world.policy(WA)[1].bundle.budgets == after


async def test_a_gate_that_fails_stops_what_loosens_and_no_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Evaluators that cannot say that they agree freeze a loosening; a block takes force."""
    async with running(encode_bundle(OPEN)) as host:

        def broken(*_: object) -> object:
            raise ComityError("no referee")

        monkeypatch.setattr(module, "run_gate", broken)
        assert await code_of(host, signed(LOOSE, REVIEWER, SECOND)) == "policy-gate-failed"
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        assert in_force(host)[0] == 2


TWO_LOOK = msgspec.structs.replace(
    rule("TWO", Outcome.HOLD), obligations=(Obligation.SECOND_REVIEW,)
)
ONE_LOOKS = rule("HOLD", Outcome.HOLD)


@pytest.mark.parametrize(
    "after",
    [
        (),
        (msgspec.structs.replace(TWO_LOOK, obligations=()),),
        (msgspec.structs.replace(TWO_LOOK, enabled=False),),
        (msgspec.structs.replace(TWO_LOOK, when=Condition(data_class=(DataClass.PHOTO,))),),
        (msgspec.structs.replace(TWO_LOOK, effect=Outcome.DENY, obligations=()),),
    ],
    ids=["gone", "by one", "off", "narrower", "denied"],
)
async def test_one_person_does_not_drop_a_second_reviewer(after: tuple[Rule, ...]) -> None:
    """No outcome changes, or it is stricter, and the clause is named: one person is not enough."""
    before = bundle(RELEASE, ONE_LOOKS, TWO_LOOK, state=WA)
    made = bundle(RELEASE, ONE_LOOKS, *after, state=WA, version=2)
    unconfirmed = tuple(Unconfirmed(rule=each.id, until=NOW + DAY) for each in after)
    made = msgspec.structs.replace(made, unconfirmed=unconfirmed)
    async with running(encode_bundle(before)) as host:
        assert await code_of(host, signed(made, REVIEWER)) == "second-person-missing"
        assert in_force(host)[0] == 1


async def test_a_block_beside_a_rule_of_two_waits_for_nobody() -> None:
    """INVARIANT (restriction-never-waits): a clause more leaves the rule as it stood."""
    before = bundle(RELEASE, TWO_LOOK, state=WA)
    async with running(encode_bundle(before)) as host:
        made = blocked(before, FAMILY, "Order 14", NOW + DAY)
        await host.rulebook.publish(WA, signed(made, REVIEWER))
        assert await outcome(host) is ResponseKind.REFUSED


async def test_another_person_confirms() -> None:
    """Not the one who blocked, under whatever signatures; then it no longer lapses."""
    async with running(encode_bundle(OPEN)) as host:
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        sure = confirmed(BLOCKED, RuleId("BLOCK-1"))
        assert await code_of(host, signed(sure, REVIEWER)) == "second-person-missing"
        await host.rulebook.publish(WA, signed(sure, SECOND))
        host.disk.clock.advance_ns(2 * DAY * NS)
        assert await host.rulebook.lapse() == 0
        assert in_force(host)[0] == 3
        assert await outcome_at(host, NOW + 2 * DAY) is ResponseKind.REFUSED


async def test_one_key_under_two_names_confirms_nothing() -> None:
    """Whoever blocked is the same person under every name that the key is enrolled by."""
    alias = msgspec.structs.replace(ENROLLED, name="otto")
    async with running(encode_bundle(OPEN)) as host:
        part = host.world.directory.part(WA)
        assert part is not None
        both = msgspec.structs.replace(
            part, version=part.version + 1, reviewers=(*part.reviewers, alias)
        )
        host.world.directory = host.world.directory.with_part(both)
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        sure = confirmed(BLOCKED, RuleId("BLOCK-1"))
        twice = (alias, PRIVATE_KEY)
        assert await code_of(host, signed(sure, twice)) == "second-person-missing"
        await host.rulebook.publish(WA, signed(sure, SECOND))


async def outcome_at(host: PracticeHost, at: int) -> ResponseKind:
    """What a Texas agency is answered that asks at a time."""
    await host.answer.take(asks(ask_of(7, accepted_at=at)))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer.response


async def test_what_nobody_confirms_becomes_a_hold_and_an_alarm() -> None:
    """At its time, by a leaf of its own; a second round does nothing more."""
    async with running(encode_bundle(OPEN)) as host:
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        assert await host.rulebook.lapse() == 0
        host.disk.clock.advance_ns(DAY * NS)
        assert await host.rulebook.lapse() == 1
        assert await host.rulebook.lapse() == 0
        assert in_force(host)[0] == 3
        assert host.events.counts["block_unconfirmed"] == 1
        assert await outcome_at(host, NOW + DAY) is ResponseKind.HELD


async def test_a_block_that_lapsed_takes_one_person_again() -> None:
    """A restriction as the first time, also of the state's own local agencies."""
    for family in (FAMILY, "WA/LOCAL"):
        made = blocked(OPEN, family, "Order 14", NOW + DAY)
        async with running(encode_bundle(OPEN)) as host:
            await host.rulebook.publish(WA, signed(made, REVIEWER))
            host.clock.advance_ns(DAY * NS)
            assert await host.rulebook.lapse() == 1
            now = NOW + DAY
            again = blocked(host.world.policy(WA)[1].bundle, family, "Order 16", now + DAY)
            await host.rulebook.publish(WA, signed(again, REVIEWER, at=now))
            assert in_force(host)[0] == 4
            sure = confirmed(again, RuleId("BLOCK-1"))
            assert await code_of(host, signed(sure, REVIEWER, at=now)) == "second-person-missing"
            await host.rulebook.publish(WA, signed(sure, SECOND, at=now))


async def test_rules_of_then_come_back_by_the_same_path() -> None:
    """Two people and the gate, as for anything that loosens; what lapsed waits to be confirmed."""
    async with running(encode_bundle(OPEN)) as host:
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        host.disk.clock.advance_ns(DAY * NS)
        assert await host.rulebook.lapse() == 1
        now = NOW + DAY
        held = lapsed(BLOCKED, now)
        assert held is not None
        back = brought_back(BLOCKED, held, now + DAY)
        await host.rulebook.publish(WA, signed(back, REVIEWER, at=now))
        assert in_force(host)[0] == 4
        assert await outcome_at(host, now) is ResponseKind.REFUSED
        sure = confirmed(back, RuleId("BLOCK-1"))
        assert await code_of(host, signed(sure, REVIEWER, at=now)) == "second-person-missing"
        first = brought_back(OPEN, back, now + DAY)
        assert await code_of(host, signed(first, REVIEWER, at=now)) == "second-person-missing"
        host.disk.clock.advance_ns(DAY * NS)
        assert await host.rulebook.lapse() == 1


async def test_a_publication_is_the_next_of_its_state_and_recent() -> None:
    """Another version or state, an old order, a stranger: each is refused by its name."""
    async with running(encode_bundle(OPEN), policy_of(OR, RELEASE)) as host:
        skipped = msgspec.structs.replace(BLOCKED, version=3)
        assert await code_of(host, signed(skipped, REVIEWER)) == "policy-not-next"
        assert await code_of(host, signed(BLOCKED, REVIEWER), OR) == "policy-not-next"
        assert await code_of(host, signed(BLOCKED, REVIEWER, at=NOW - DAY - 1)) == "order-expired"
        stranger = msgspec.structs.replace(ENROLLED, name="Nobody"), PRIVATE_KEY
        assert await code_of(host, signed(BLOCKED, stranger)) == "order-refused"
        forged = ENROLLED, SUPERVISOR_KEY
        assert await code_of(host, signed(BLOCKED, forged)) == "order-refused"
        assert await code_of(host, b"{}") == "policy-order-malformed"


async def test_sent_again_it_is_the_same_leaf() -> None:
    """A repeat of what is in force gets its entry again, also after a crash."""
    async with running(encode_bundle(OPEN)) as host:
        data = signed(BLOCKED, REVIEWER)
        first = await host.rulebook.publish(WA, data)
        assert (await host.rulebook.publish(WA, data)).entry == first.entry
        disk = host.disk
    async with running(disk=disk) as again:
        assert in_force(again)[0] == 2
        assert (await again.rulebook.publish(WA, data)).entry == first.entry


async def test_a_drill_is_recorded_as_probes_and_sends_nothing() -> None:
    """Each probe is a leaf in mode probe with its outcome; no answer leaves."""
    async with running(encode_bundle(OPEN)) as host:
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        probes = await host.drill.run(WA, FAMILY)
        assert {probe.response for probe in probes} == {ResponseKind.REFUSED}
        assert {probe.key for probe in probes} == {"DQ", "RQ"}
        assert host.courier.take() == []
        for probe in probes:
            leaf = parse_leaf(host.store.tables.leaves[WA][int(probe.entry[3:])][0])
            assert (leaf.kind, leaf.mode) == (LeafKind.DENIAL, LeafMode.PROBE)
        with pytest.raises(ComityError) as refused:
            await host.drill.run(WA, "US/DHS/ICE")
        assert refused.value.code == "drill-impossible"


async def test_a_drill_of_rules_that_hold_says_so() -> None:
    """Where the block is a hold, the probes are holds; and a release is told as what it is."""
    async with running(encode_bundle(HELD)) as host:
        assert {p.response for p in await host.drill.run(WA, FAMILY)} == {ResponseKind.HELD}
    async with running(encode_bundle(OPEN)) as host:
        assert {p.response for p in await host.drill.run(WA, FAMILY)} == {ResponseKind.NO_HIT}
