"""Live decisions asked again: what is asked, what a disagreement does, what it never touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from comity.domain.answer import ResponseKind
from comity.domain.errors import ComityError
from comity.domain.ids import ORI
from comity.domain.keeping import OrderSignature
from comity.domain.publishing import (
    SignedThaw,
    encode_signed_thaw,
    order_of,
    policy_thaw_bytes,
)
from comity.domain.vocabulary import Outcome
from comity.link.command import (
    CommandDone,
    CommandFailed,
    ThawPolicy,
    decode_result,
    encode_command,
)
from comity.policy import CompiledPolicy, PolicyBundle, encode_bundle
from comity.policy.axis import Axis
from comity.policy.space import Asker, RequestKind
from comity.ports import Ruling
from comity.services import recheck as module
from comity.services.recheck import RECHECKS_WAITING_MAX, Recheck
from tests.support.gateway import NOW, NS, RELEASE, WA, Disk, PracticeHost, ask_of, running
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_rulebook import (
    BLOCKED,
    FAMILY,
    LOOSE,
    REVIEWER,
    SECOND,
    code_of,
    outcome,
    signed,
)

DENIED = bundle(RELEASE, rule("NO", Outcome.DENY, agency=("US/DHS/ICE",)), state=WA)
MIXED = bundle(
    RELEASE,
    rule("HOLD", Outcome.HOLD, data_class=("photo",)),
    rule("TEXAS", Outcome.DENY, agency=(FAMILY,), data_class=("address",)),
    state=WA,
)


def seed_error(host: PracticeHost) -> None:
    """Set one bit of the table in force the wrong way: the denial of ICE now fits everybody."""
    _, policy = host.world.policy(WA)
    bit = policy.masks.by_id["NO"].fixed  # type: ignore[index]
    agencies = {ori: mask | bit for ori, mask in policy.masks.agencies.items()}
    table = policy.masks._replace(agencies=agencies)
    wrong = CompiledPolicy(policy.bundle, policy.digest, policy.rules, table)
    host.world._compiled[WA] = wrong


def thaw(standing: PolicyBundle, *people: Any, at: int = NOW, **changes: object) -> bytes:
    """A signed thaw of the rules in force."""
    body = encode_bundle(standing)
    order = msgspec.structs.replace(
        order_of(WA, standing.version, body, at, "a wrong bit"), **changes
    )
    message = policy_thaw_bytes(order)
    signatures = tuple(
        OrderSignature(name=who.name, key_id=who.key_id, signature=key.sign(message))
        for who, key in people
    )
    return encode_signed_thaw(SignedThaw(order=order, signatures=signatures))


async def thawed(host: PracticeHost, data: bytes) -> str:
    """The code with which a thaw is refused; empty if it ended the freeze."""
    result = decode_result(
        await host.commands.take(encode_command(ThawPolicy(state=WA, thaw=data)))
    )
    assert isinstance(result, CommandDone | CommandFailed)
    return result.code if isinstance(result, CommandFailed) else ""


async def test_what_agrees_is_silent() -> None:
    """Each class and kind, with and without a review: Cedar says the same, and nothing happens."""
    async with running(encode_bundle(MIXED)) as host:
        for number in range(1, 4):
            await outcome(host, number)
        assert await host.recheck.ask_waiting() == 3
        assert host.events.counts["policy_decisions_rechecked"] == 3
        assert not host.events.counts["policy_referee_disagrees"]
        assert await host.rules.freezes.standing(WA) is None


async def test_a_wrong_bit_freezes_what_loosens_and_no_block() -> None:
    """An alarm; the freeze outlives a restart; a block takes force; two people thaw it."""
    async with running(encode_bundle(DENIED)) as host:
        seed_error(host)
        assert await outcome(host) is ResponseKind.REFUSED
        assert await host.recheck.ask_waiting() == 1
        assert host.events.counts["policy_referee_disagrees"] == 1
        disk = host.disk
    loose = msgspec.structs.replace(LOOSE, rules=(*DENIED.rules, LOOSE.rules[1]))
    async with running(disk=disk) as again:
        row = await again.rules.freezes.standing(WA)
        assert row is not None
        assert row.what == (
            "status of licence: deny by NO was decided, the referee says release by ALL"
        )
        assert await code_of(again, signed(loose, REVIEWER, SECOND)) == "policy-frozen"
        blocked = msgspec.structs.replace(BLOCKED, rules=(BLOCKED.rules[0], *DENIED.rules))
        await again.rulebook.publish(WA, signed(blocked, REVIEWER))
        assert await outcome(again, 2) is ResponseKind.REFUSED
        assert await thawed(again, thaw(blocked, REVIEWER)) == "second-person-missing"
        assert await thawed(again, thaw(DENIED, REVIEWER, SECOND)) == "policy-not-frozen"
        assert await thawed(again, thaw(blocked, REVIEWER, SECOND, at=NOW - 9)) == (
            "policy-not-frozen"
        )
        assert await thawed(again, thaw(blocked, REVIEWER, SECOND)) == ""
        assert await thawed(again, thaw(blocked, REVIEWER, SECOND)) == "policy-not-frozen"
        loose = msgspec.structs.replace(blocked, version=3, rules=(*blocked.rules, LOOSE.rules[1]))
        await again.rulebook.publish(WA, signed(loose, REVIEWER, SECOND))


async def test_a_thaw_needs_the_gate_of_the_rules_in_force() -> None:
    """While the table in force is wrong, nobody thaws it, however many sign."""
    async with running(encode_bundle(DENIED)) as host:
        seed_error(host)
        await outcome(host)
        await host.recheck.ask_waiting()
        assert await thawed(host, thaw(DENIED, REVIEWER, SECOND)) == "policy-thaw-refused"
        assert await host.rules.freezes.standing(WA) is not None
        assert await thawed(host, b"{}") == "policy-order-malformed"
        old = thaw(DENIED, REVIEWER, SECOND)
        host.disk.clock.advance_ns(2 * 86_400 * NS)
        assert await thawed(host, old) == "order-expired"


async def test_a_freeze_that_cannot_be_written_holds_and_is_written_later() -> None:
    """A store that is away meanwhile loses no freeze."""
    async with running(encode_bundle(DENIED)) as host:
        seed_error(host)
        await outcome(host)
        host.store.is_down = True
        await host.recheck.ask_waiting()
        assert host.events.counts["policy_freeze_unwritten"] == 1
        host.store.is_down = False
        assert await host.rules.freezes.standing(WA) is not None
        assert await host.store.freeze_of(WA) is None
        await host.rules.freezes.write()
        assert await host.store.freeze_of(WA) is not None


class Broken:
    """A referee that fails in one way or another."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.text = ""

    def rules(self) -> tuple[()]:
        """None."""
        return ()

    def over(self, _askers: Sequence[Asker]) -> Broken:
        """The same."""
        return self

    def rule_on(self, kinds: Sequence[RequestKind]) -> list[Ruling]:
        """An error of its own, or one that it met in a rule."""
        if self._error is not None:
            raise self._error
        nobody = frozenset[Any]()
        return [
            Ruling(outcome=Outcome.DENY, rules=nobody, reviewed=Outcome.DENY,
                   reviewed_rules=nobody, errors=("a rule erred",))
            for _ in kinds
        ]  # fmt: skip


@pytest.mark.parametrize(
    "referee",
    [Broken(), Broken(ComityError("dead")), Broken(MemoryError())],
    ids=["its errors", "refuses", "no memory"],
)
async def test_a_referee_that_fails_is_an_alarm_and_no_freeze(referee: Broken) -> None:
    """Once for each policy, then counted; the answer has long gone out."""
    async with running(encode_bundle(DENIED)) as host:
        host.recheck._referee = lambda _text, _askers: referee
        assert await outcome(host) is ResponseKind.HIT
        assert await outcome(host, 2) is ResponseKind.HIT
        assert await host.recheck.ask_waiting() == 0
        assert host.events.counts["policy_referee_failed"] == 2
        assert await host.rules.freezes.standing(WA) is None


async def test_a_referee_that_does_not_end_is_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample has its time; then it is given up, and told."""
    monkeypatch.setattr(module, "RECHECK_SECONDS_MAX", 0.0)
    async with running(encode_bundle(DENIED)) as host:
        await outcome(host)
        assert await host.recheck.ask_waiting() == 0
        assert host.events.counts["policy_referee_failed"] == 1


async def test_a_full_queue_drops_with_an_alarm_and_answers_all_the_same() -> None:
    """At the limit all are kept; beyond it samples are counted as dropped, and told once."""
    async with running(encode_bundle(DENIED)) as host:
        judged, _ = host.deciding.judge([ask_of(1)])
        for _ in range(RECHECKS_WAITING_MAX):
            host.recheck.offer(judged)
        assert dropped(host) == (0, 0)
        assert await outcome(host) is ResponseKind.HIT
        assert await outcome(host, 2) is ResponseKind.HIT
        assert dropped(host) == (2, 1)
        assert await host.recheck.ask_waiting() == RECHECKS_WAITING_MAX
        host.recheck.offer(judged)
        assert dropped(host) == (2, 1)


def dropped(host: PracticeHost) -> tuple[int, int]:
    """How many samples found no room, and how many alarms told of it."""
    counts = host.events.counts
    return counts["policy_rechecks_dropped"], counts["policy_recheck_full"]


async def test_nothing_that_is_offered_can_harm_an_answer() -> None:
    """A fault of sampling is an event; the exchange is decided as ever."""
    async with running(encode_bundle(DENIED)) as host:
        host.recheck._waiting = None  # type: ignore[assignment]
        assert await outcome(host) is ResponseKind.HIT
        assert host.events.counts["policy_recheck_failed"] == 1


async def test_about_the_set_share_is_asked_again() -> None:
    """At ten percent a tenth of many exchanges falls, whatever the size of batches."""
    async with running(encode_bundle(DENIED)) as host:
        judged, _ = host.deciding.judge([ask_of(1)])
        recheck = Recheck(
            world=host.world,
            freezes=host.rules.freezes,
            referee=lambda _text, _askers: Broken(),
            entropy=Disk().entropy,
            events=host.events,
            percent=10,
        )
        for size in (1, 7, 100):
            for _ in range(700 // size):
                recheck.offer(judged * size)
        assert 130 <= len(recheck._waiting) <= 290


async def test_an_agency_that_is_not_listed_must_be_denied() -> None:
    """Cedar is not asked about whom the directory does not know: that is denied, or wrong."""
    async with running(encode_bundle(DENIED)) as host:
        judged, _ = host.deciding.judge([ask_of(1)])
        (item,) = judged
        facts = msgspec.structs.replace(item.facts, agency=ORI("ZZ9999999"))
        host.recheck.offer([msgspec.structs.replace(item, facts=facts)])
        await host.recheck.ask_waiting()
        assert host.events.counts["policy_referee_disagrees"] == 1


def test_the_axes_of_a_request_are_all_axes() -> None:
    """Whatever axis is added later is asked about too."""
    assert set(module._OF_KIND) | {Axis.DATA_CLASS, Axis.RECORD_KIND} == set(Axis)
