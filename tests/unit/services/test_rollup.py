"""Folding a ledger into the roll-up: what counts, what is lost, and that nothing counts twice."""

from __future__ import annotations

import itertools
from collections import Counter

import msgspec
import pytest

from comity.adapters.errors import KeySafeError
from comity.adapters.replay import replay as replay_traffic
from comity.directory.directory import load_directory
from comity.domain.ids import LeafIndex, parse_entry_name
from comity.domain.keys import asked_classes
from comity.domain.query import Claims
from comity.domain.vocabulary import (
    DataClass,
    Emergency,
    FanOut,
    LeafDecision,
    LeafKind,
    LeafMode,
    Outcome,
    Purpose,
    RecordKind,
    TimeBand,
)
from comity.exchange.facts import facts_of, time_band
from comity.link.command import (
    CommandDone,
    CommandFailed,
    FoldTraffic,
    decode_result,
    encode_command,
)
from comity.policy import Condition, encode_bundle
from comity.policy.axis import Axis
from comity.policy.replay import STRICTNESS
from comity.policy.row_by_row import replay_row_by_row
from comity.policy.traffic import LEDGER_UNHELD, ROLL_UP_FIELDS, TrafficBuilder
from comity.ports import StoreDownError
from comity.services import rollup as module
from comity.services.entries import private_place
from comity.services.vault import decode_private, encode_private, month_of
from tests.support.directory import trust
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ADDRESS,
    HOLD_ALL,
    NOW,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.review import CASE, case_pass, signed_pass
from tests.unit.policy.build import bundle, rule
from tests.unit.services import test_rulebook as rulebook
from tests.unit.services.test_rulebook import BLOCKED, REVIEWER
from tests.unit.services.test_urgent import HELD_BUT_URGENT, with_phone

# What the rules in force release goes whole, and what they hold is held whole.
HALF = bundle(
    RELEASE, rule("COURT", Outcome.HOLD, purpose=(Purpose.COURT,)),
    rule("OTHER", Outcome.DENY, purpose=(Purpose.LICENSING,)), state=WA,
)  # fmt: skip
DRAFT = bundle(
    *HALF.rules,
    rule("ALL-STATES", Outcome.DENY, fan_out=(FanOut.ALL,)),
    rule("NIGHT", Outcome.HOLD, Condition(emergency=(Emergency.DECLARED,)),
         time_band=(TimeBand.WEEKDAY_NIGHT,)),
    rule("PHOTO", Outcome.HOLD, data_class=(DataClass.PHOTO,), record_kind=(RecordKind.LICENCE,)),
    state=WA, version=2,
)  # fmt: skip
URGENT_CASE = msgspec.structs.replace(CASE, emergency=Emergency.DECLARED)
OPEN = policy_of(WA, RELEASE)
HELD = policy_of(WA, RELEASE, HOLD_ALL)


async def answered(host: PracticeHost, *numbers: int) -> None:
    """Let Washington answer exchanges."""
    for number in numbers:
        await host.answer.take(asks(ask_of(number)))
    host.courier.take()


async def folded(host: PracticeHost) -> dict[str, int]:
    """Have one step taken by command."""
    data = await host.commands.take(encode_command(FoldTraffic(member=WA)))
    result = decode_result(data)
    assert isinstance(result, CommandDone), result
    return {name: int(value) for name, value in result.facts}


def counted(host: PracticeHost) -> Counter[tuple[int, str]]:
    """Washington's roll-up, under whichever rules."""
    rows: Counter[tuple[int, str]] = Counter()
    for (member, month, _, request), count in host.store.tables.traffic.items():
        rows[month, request] += count if member == WA else 0
    return rows


def under(host: PracticeHost) -> dict[int, int]:
    """How many requests Washington answered under each leaf of rules."""
    rows: Counter[int] = Counter()
    for (_, _, leaf, _), count in host.store.tables.traffic.items():
        rows[leaf] += count
    return dict(rows)


def said(host: PracticeHost) -> dict[str, str]:
    """The one row that there is, by its fields."""
    ((_, request),) = counted(host)
    return dict(zip(ROLL_UP_FIELDS, request.split(","), strict=True))


async def test_each_exchange_counts_once() -> None:
    """By its first outcome: what a hold leads to later is no second request."""
    async with running(HELD) as host:
        await answered(host, 1, 2)
        (hold, _) = await host.store.open_holds([WA])
        host.clock.advance_ns((hold.until - NOW + 1) * 10**9)
        await host.desk.expire(f"wa/{hold.leaf_index}")
        seen = await folded(host)
        assert seen == {"folded": host.size(WA), "size": host.size(WA), "lost": 0} | {
            "taken": host.size(WA)
        }
        assert sum(counted(host).values()) == 2


async def test_a_row_has_what_rules_look_at_and_nobody() -> None:
    """Who asked as the directory knows it, what was said of why; no person, case or operator."""
    async with running(OPEN) as host:
        await answered(host, 1)
        await folded(host)
        ((month, request),) = counted(host)
        exchange = ask_of(1)
        row = said(host)
        assert month == month_of(exchange.accepted_at)
        assert row["agency"] == exchange.agency
        assert row["message_key"] == exchange.key
        assert row["purpose"] == exchange.claims.purpose == Purpose(row["purpose"])
        assert row["assurance"] == exchange.assurance
        for _, value in exchange.fields:
            assert value not in request
        hidden = (exchange.claims.operator, exchange.claims.case_number)
        assert not any(value and value in request for value in hidden)


async def test_what_the_decision_saw_is_counted_as_it_saw_it() -> None:
    """Emergency, fan-out, image, kind; the directory's word of then, whatever it says now."""
    async with running(OPEN) as host:
        claims = Claims(emergency=Emergency.DECLARED)
        ask = ask_of(1, claims=claims, fan_out=FanOut.ALL, wants_image=True)
        await host.answer.take(asks(ask))
        listed = host.world.directory.agency(ask.agency)
        assert listed is not None
        host.world.directory = load_directory((), trust(WA))[0]
        await folded(host)
        row = said(host)
        assert (row["emergency"], row["fan_out"], row["image"]) == ("declared", "all", "yes")
        assert (row["record_kind"], row["agency_type"]) == ("licence", listed.type)
        assert (row["budget"], row["direction"]) == ("within", "inbound")
        assert row["time_band"] == time_band(WA, NOW)


async def test_a_kind_is_held_where_the_outcome_depended_on_it() -> None:
    """Also where it was refused for its kind; none is claimed where none was found or looked up."""
    by_kind = rule("KIND", Outcome.DENY, record_kind=(RecordKind.LICENCE,))
    cases = (
        (policy_of(WA, RELEASE, by_kind), True, "licence"),
        (policy_of(WA, RELEASE, by_kind), False, ""),
        (OPEN, False, ""),
        (policy_of(WA, DENY_ALL), True, ""),
    )
    for rules, is_there, kind in cases:
        async with running(rules) as host:
            if not is_there:
                host.source.drivers.clear()
            await answered(host, 1)
            await folded(host)
            assert said(host)["record_kind"] == kind


async def test_an_exchange_counts_once_whatever_its_leaves_cite() -> None:
    """Under a pass alone its leaf cites; beside what else releases something there are two."""
    for rules in (HELD, policy_of(WA, RELEASE, HOLD_ADDRESS), HELD_BUT_URGENT):
        async with running(rules) as host:
            with_phone(host)
            await host.review.passes.grant(signed_pass(case_pass()))
            claims = URGENT_CASE if rules is HELD_BUT_URGENT else CASE
            await host.answer.take(asks(ask_of(1, claims=claims)))
            assert len(host.leaves(WA, LeafKind.DISCLOSURE)) == (1 if rules is HELD else 2)
            await folded(host)
            assert sum(counted(host).values()) == 1
            assert said(host)["purpose"] == claims.purpose


async def test_requests_are_counted_under_the_rules_that_stood_last() -> None:
    """Those in force, then those announced, from their leaves on, in one step or in two."""
    async with running(encode_bundle(rulebook.OPEN)) as host:
        await answered(host, 1)
        in_force = host.world.policy(WA)[0]
        entry = await host.rulebook.announce(WA, rulebook.announced(BLOCKED, REVIEWER))
        await answered(host, 2, 3)
        shadow = parse_entry_name(entry)[1]
        await folded(host)
        assert under(host) == {in_force: 1, shadow: 2}
        await answered(host, 4)
        await folded(host)
        assert under(host) == {in_force: 1, shadow: 3}


async def test_announced_rules_are_weighed_over_what_each_decision_saw() -> None:
    """Folded and replayed, either way, they give what they would have decided at each moment."""
    async with running(encode_bundle(HALF)) as host:
        await answered(host, 1)
        await host.rulebook.announce(WA, rulebook.announced(DRAFT, REVIEWER))
        standing = host.world.shadow(WA)
        assert standing is not None
        before, after = host.world.policy(WA)[1], standing[1]
        expected: Counter[tuple[Outcome, Outcome]] = Counter()
        axes = itertools.product(Emergency, FanOut, (True, False), Purpose)
        for number, (emergency, fan_out, image, purpose) in enumerate(axes, start=2):
            host.clock.advance_ns(3_601 * 10**9)
            now = host.clock.now_ns() // 10**9
            exchange = ask_of(
                number,
                accepted_at=now - 1_800,
                claims=Claims(emergency=emergency, purpose=purpose),
                fan_out=fan_out,
                wants_image=image,
            )
            await host.answer.take(asks(exchange))
            facts = facts_of(exchange, host.world.directory, now)
            asked = asked_classes(exchange.key, image=image)
            was, would = (
                max(
                    (d.outcome for d in rules.decide(facts, asked, (RecordKind.LICENCE,))),
                    key=STRICTNESS.index,
                )
                for rules in (before, after)
            )
            expected[was, would] += 1
            leaf = host.leaves(WA)[-1]
            withheld = {LeafDecision.DENY: Outcome.DENY, LeafDecision.HOLD: Outcome.HOLD}
            assert leaf.decision is not None
            assert withheld.get(leaf.decision, Outcome.RELEASE) is was
        await host.rollup.fold(WA)
        builder = TrafficBuilder()
        for row in await host.store.traffic(WA, None, 10_000, standing[0]):
            builder.add(row.month, row.request, row.count)
        families, traffic = host.world.directory.families(), builder.traffic()
        slow = replay_row_by_row(traffic, after, before, families)
        assert slow.moves == expected
        # Nothing was looked up where all was held or refused: whose kind the photo rule hangs on.
        assert slow.touched == {Axis.RECORD_KIND: 2 * len(Emergency) * len(FanOut)}
        assert len(expected) == 6
        assert replay_traffic(traffic, after.rules, before.rules, families) == slow


async def test_a_record_without_a_note_lacks_what_it_does_not_hold() -> None:
    """Of before notes were kept: the leaf that cites nothing counts, and defaults are no claims."""
    async with running(OPEN) as host:
        await answered(host, 1)
        index = LeafIndex(host.size(WA) - 1)
        row = host.store.tables.private[WA, index]
        place = private_place(WA, index, host.store.tables.leaves[WA][index][1])
        key, fields = decode_private(host.vault.open(WA, row.sealed, place))
        data = encode_private(key, fields)
        sealed = host.vault.seal(WA, month_of(NOW), next(host.vault.nonces(1)), data, place)
        host.store.tables.private[WA, index] = msgspec.structs.replace(row, sealed=sealed)
        await folded(host)
        found = said(host)
        assert {name for name, value in found.items() if not value} == set(LEDGER_UNHELD)
        assert found["direction"] == "inbound"


async def test_steps_go_on_where_they_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the steps and pages are, each leaf counts once."""
    monkeypatch.setattr(module, "STEP_LEAVES", 3)
    monkeypatch.setattr(module, "PAGE_LEAVES", 2)
    async with running(OPEN) as host:
        await answered(host, 1, 2, 3, 4, 5, 6, 7)
        steps = 0
        while (seen := await folded(host))["folded"] < seen["size"]:
            assert 0 < seen["taken"] <= 3
            steps += 1
        assert steps == (host.size(WA) - 1) // 3 > 0
        assert (await folded(host))["taken"] == 0
        assert sum(counted(host).values()) == 7


async def test_two_steps_at_once_count_once() -> None:
    """Of two that read the same leaves, one takes effect."""
    async with running(OPEN) as host:
        await answered(host, 1, 2)
        await host.rollup._step(WA, 0, host.size(WA))
        await host.rollup._step(WA, 0, host.size(WA))
        assert sum(counted(host).values()) == 2


async def test_what_cannot_be_read_is_counted_as_lost() -> None:
    """A destroyed key, an expunged record, an altered one: told, passed over, never twice."""
    async with running(OPEN) as host:
        await answered(host, 1, 2, 3, 4)
        private = host.store.tables.private
        outcomes = [index for name, index in sorted(private) if name == WA][-4:]
        first, second, third, _ = outcomes
        del private[WA, first]
        row = private[WA, second]
        sealed = msgspec.structs.replace(row.sealed, body=row.sealed.body[:-1] + b"\x00")
        private[WA, second] = msgspec.structs.replace(row, sealed=sealed)
        row = private[WA, third]
        sealed = msgspec.structs.replace(row.sealed, key_number=row.sealed.key_number - 1)
        private[WA, third] = msgspec.structs.replace(row, sealed=sealed)
        assert (await folded(host))["lost"] == 3
        assert sum(counted(host).values()) == 1
        assert (await folded(host))["lost"] == 3


async def test_a_key_that_cannot_be_asked_for_now_stops_the_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is lost by a device that is down: the same leaves are read again later."""
    async with running(OPEN) as host:
        await answered(host, 1)

        def refuse(*_: object) -> bytes:
            raise KeySafeError("the device is down")

        with monkeypatch.context() as broken:
            broken.setattr(host.disk.keyring, "open", refuse)
            data = await host.commands.take(encode_command(FoldTraffic(member=WA)))
            result = decode_result(data)
            assert isinstance(result, CommandFailed)
            assert result.code == "key-safe-unavailable"
        assert await host.store.folds([WA]) == []
        assert (await folded(host))["lost"] == 0
        assert sum(counted(host).values()) == 1


async def test_probes_are_no_traffic() -> None:
    """What a drill asks is a leaf like any other, and counts nowhere."""
    async with running(OPEN) as host:
        agency = host.world.directory.agency(ask_of(1).agency)
        assert agency is not None
        await host.drill.run(WA, agency.family)
        probes = [leaf for leaf in host.leaves(WA) if leaf.mode is LeafMode.PROBE]
        assert probes
        assert all(leaf.cites is None for leaf in probes)
        await folded(host)
        assert not counted(host)


async def test_a_store_that_is_down_moves_nothing() -> None:
    """The step fails as a whole."""
    async with running(OPEN) as host:
        await answered(host, 1)
        host.store.is_down = True
        with pytest.raises(StoreDownError):
            await host.rollup.fold(WA)
        host.store.is_down = False
        assert host.store.tables.folds == {}


async def test_withdrawn_leaves_are_lost() -> None:
    """Nobody can say any more whether one was an outcome."""
    async with running(OPEN) as host:
        await answered(host, 1)
        index = LeafIndex(host.size(WA) - 1)
        leaves = host.store.tables.leaves[WA]
        leaves[index] = (b"", leaves[index][1])
        assert (await folded(host))["lost"] == 1
        assert not counted(host)
