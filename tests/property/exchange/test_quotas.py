"""Places at the desk against a naive model, and that a quota never loosens."""

from __future__ import annotations

import asyncio

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from comity.domain.answer import ResponseKind
from comity.domain.decision import Facts, RuleId
from comity.domain.ids import entry_name
from comity.domain.vocabulary import Outcome
from comity.exchange.answering import judge
from comity.exchange.bases import on_quota
from comity.link.parcel import Answered
from comity.policy import PolicyBundle, Quota, QuotaPer, encode_bundle
from comity.policy.block import blocks_of
from tests.property.policy.cases import bundles, facts
from tests.property.policy.test_proofs import compiled
from tests.support.gateway import (
    AUSTIN,
    HOLD_ALL,
    HOLD_SECONDS,
    NS,
    OR,
    RELEASE,
    SALEM,
    WA,
    PracticeHost,
    ask_of,
    asks,
    running,
)
from tests.unit.policy.build import bundle

AGENCIES = ({"agency": AUSTIN}, {"agency": SALEM, "origin": OR})


class Step(msgspec.Struct, frozen=True):
    """Some ask at once (each by its agency), some holds end, and the host may start over."""

    asked: tuple[int, ...]
    ended: int
    restarts: bool


steps = st.lists(
    st.builds(
        Step,
        asked=st.lists(st.integers(0, 1), max_size=4).map(tuple),
        ended=st.integers(0, 2),
        restarts=st.booleans(),
    ),
    max_size=3,
)


@settings(max_examples=5, deadline=None)
@given(steps, st.integers(1, 3), st.sampled_from(QuotaPer))
def test_places_are_what_a_naive_model_says(plan: list[Step], waiting: int, per: QuotaPer) -> None:
    """Whatever is asked together, ends, or is counted anew: each waits while there is a place."""
    asyncio.run(_play(plan, waiting, per))


async def _play(plan: list[Step], waiting: int, per: QuotaPer) -> None:
    quota = Quota(per=per, agency=("OR/LOCAL", "TX/LOCAL"), waiting=waiting)
    rules = encode_bundle(bundle(RELEASE, HOLD_ALL, state=WA, quotas=(quota,)))
    model: list[int] = []
    number, left = 0, list(plan)
    async with running(rules) as host:
        disk = host.disk
    while left:
        async with running(disk=disk) as host:
            goes_on = True
            while left and goes_on:
                step = left.pop(0)
                expected = []
                for who in step.asked:
                    same = [each for each in model if per is QuotaPer.TOGETHER or each == who]
                    expected.append(len(same) < waiting)
                    model += [who] * expected[-1]
                assert await _asked(host, step, number) == expected
                number += len(step.asked)
                await _ended(host, step.ended, model)
                host.clock.advance_ns(NS)
                goes_on = not step.restarts


async def _asked(host: PracticeHost, step: Step, number: int) -> list[bool]:
    """Ask in one envelope; return in the order asked whether each is held."""
    now = host.clock.now_ns() // NS
    exchanges = [
        ask_of(number + place + 1, accepted_at=now, **AGENCIES[who])
        for place, who in enumerate(step.asked)
    ]
    await host.answer.take(asks(*exchanges))
    found = {
        parcel.answer.exchange_id: parcel.answer.response is ResponseKind.HELD
        for parcel in host.courier.take()
        if isinstance(parcel, Answered)
    }
    return [found[exchange.exchange_id] for exchange in exchanges]


async def _ended(host: PracticeHost, count: int, model: list[int]) -> None:
    """End the first holds by their clocks."""
    rows = sorted(await host.store.open_holds([WA]), key=lambda row: row.leaf_index)[:count]
    del model[: len(rows)]
    host.clock.advance_ns(HOLD_SECONDS * NS)
    for row in rows:
        await host.desk.expire(entry_name(WA, row.leaf_index))
    host.courier.take()
    host.clock.advance_ns(-HOLD_SECONDS * NS)


@given(bundles(), facts(), st.booleans())
def test_a_quota_only_restricts(made: PolicyBundle, said: Facts, is_block: bool) -> None:
    """What is released and denied stays as it was; what is held is denied, but for a block's."""
    policy = compiled(made)
    exchange = ask_of(1)
    judged = judge(exchange, said, policy, 0)
    held = {r.rule for row in judged.rows for d in row for r in d.reasons}
    blocks = frozenset(held) if is_block else blocks_of(policy.bundle)
    full = on_quota(judged, "40 wait.", blocks)
    for before, after in zip(judged.rows, full.rows, strict=True):
        for one, other in zip(before, after, strict=True):
            if one.outcome is not Outcome.HOLD or any(r.rule in blocks for r in one.reasons):
                assert other == one
            else:
                assert other.outcome is Outcome.DENY
                assert other.reasons[0].rule == RuleId("QUOTA")
                assert other.reasons[1:] == one.reasons
    assert full.ruled == (judged.ruled or judged.rows)
