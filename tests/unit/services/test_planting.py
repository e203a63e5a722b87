"""Planted cases: held by the rules as they are, sent and counted nowhere, told when over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.agency import Family
from comity.domain.answer import ResponseKind
from comity.domain.ids import LeafIndex, Member, parse_entry_name
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.planted import (
    Flaw,
    Planted,
    PlantingOrder,
    SignedPlantingOrder,
    planting_order_bytes,
)
from comity.domain.record_reading import RecordOutcome
from comity.domain.verdict import SignedVerdict, VerdictKind, signed_bytes
from comity.domain.vocabulary import (
    DataClass,
    Instrument,
    LeafDecision,
    LeafKind,
    LeafMode,
    Offence,
    Outcome,
    Purpose,
)
from comity.exchange.recorded import is_outcome
from comity.link.showing import RecordShown
from comity.policy import Obligation
from comity.ports import DutyKind
from comity.review.conflicts import ConflictError, Ground, conflict_note
from comity.review.federal import follow
from comity.review.notices import is_outcome_leaf
from comity.review.passes import PassError
from comity.review.past import past_of
from comity.review.planted import (
    PLANTED_PER_WEEK_MAX,
    Planting,
    PlantingFullError,
    PlantingImpossibleError,
    week_bounds,
)
from comity.review.re_review import is_decision
from comity.review.rosters import Span
from comity.review.signatures import VerdictError
from comity.services.carried_out import CarriedOut
from comity.services.health import CLOCK_SKEW_NS_MAX, ClockSkewedError
from comity.services.planting import ROUND_SECONDS
from comity.services.private_records import Records
from comity.services.review_queue import ReviewQueue
from tests.support.exchange import (
    AUTHOR,
    AUTHOR_KEY,
    PRIVATE_KEY,
    SUPERVISOR,
    SUPERVISOR_KEY,
)
from tests.support.gateway import (
    AUSTIN,
    DENY_ALL,
    HOLD_ADDRESS,
    HOLD_ALL,
    HOLD_SECONDS,
    NOW,
    NS,
    OR,
    RELEASE,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.review import CASE, case_pass, proof_of, signed_pass
from tests.support.rosters import never_closed
from tests.unit.policy.build import rule
from tests.unit.services.test_showing import reading, sent
from tests.unit.services.test_verdict import DQ, HELD, hold, verdict

DAY = 86_400


def order(at: int = NOW, **changes: Any) -> SignedPlantingOrder:
    """The supervisor's order of one test case, signed as it is."""
    base = PlantingOrder(state=WA, reviewer=SUPERVISOR.name, at=at)
    made = msgspec.structs.replace(base, **changes)
    proof = proof_of(planting_order_bytes(made), SUPERVISOR_KEY)
    return SignedPlantingOrder(
        order=made, proof=msgspec.structs.replace(proof, key_id=SUPERVISOR.key_id)
    )


async def planted(host: PracticeHost, at: int = NOW) -> str:
    """A test case in Washington's queue; nothing was sent for it."""
    host.courier.take()
    entry = await host.review.plantings.order(order(at))
    assert host.courier.take() == []
    return entry


def wanting(per_week: int = 1, flaws: tuple[Flaw, ...] = tuple(Flaw)) -> Disk:
    """A disk of Washington that wants test cases."""
    disk = Disk()
    disk.plantings[WA] = Planting(per_week=per_week, flaws=flaws)
    return disk


@asynccontextmanager
async def plants_on(disk: Disk, policy: bytes = HELD) -> AsyncIterator[PracticeHost]:
    """A host whose Washington has published a policy."""
    async with running(disk=disk) as host:
        await host.publish(policy)
        yield host


def of_tests(host: PracticeHost) -> list[LeafHeader]:
    """The planted leaves of Washington."""
    return [leaf for leaf in host.leaves(WA) if leaf.mode is LeafMode.PLANTED]


@pytest.mark.parametrize("flaw", Flaw)
async def test_each_flaw_stands_in_what_is_claimed(flaw: Flaw) -> None:
    """And in the encrypted row alone; the private record is of the form of any other."""
    async with plants_on(wanting(flaws=(flaw,))) as host:
        entry = await planted(host)
        _, file = await host.desk.hold(entry)
        assert file.exchange.test_case == Planted(flaw=flaw, ordered_by=SUPERVISOR.name)
        claims = file.exchange.claims
        assert claims.operator
        match flaw:
            case Flaw.CIVIL_AS_CRIMINAL:
                said = (claims.purpose, claims.offence)
                assert said == (Purpose.CRIMINAL_INVESTIGATION, Offence.IMMIGRATION_CIVIL)
            case Flaw.NO_JUDGE:
                assert claims.instrument is Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT
                assert claims.instrument_ref
            case Flaw.NOT_ITS_BUSINESS:
                assert claims.purpose is Purpose.LICENSING
            case Flaw.NO_CASE:
                assert claims.case_number in ("NONE", "PENDING", "TBD", "UNKNOWN")


async def test_a_planted_case_looks_like_one_that_waits() -> None:
    """Agency, key, form of case and operator, what the queue and a reading tell: all as another."""
    async with running(HELD) as host:
        claims = msgspec.structs.replace(CASE, case_number="HS-26-8817", operator="H2210")
        await host.answer.take(asks(ask_of(1, claims=claims)))
        host.courier.take()
        entry = await planted(host)
        (real_row, real), (row, file) = await host.desk.holds(WA)
        exchange = file.exchange
        assert (exchange.agency, exchange.key) == (real.exchange.agency, real.exchange.key)
        assert exchange.claims.operator[0] == "H"
        assert exchange.claims.operator != "H2210"
        case = exchange.claims.case_number
        assert case in ("NONE", "PENDING", "TBD", "UNKNOWN") or case.startswith("HS-26-")
        assert case != "HS-26-8817"
        assert (row.waits_for, row.next_step) == (real_row.waits_for, real_row.next_step)
        assert file.until - file.opened_at == HOLD_SECONDS
        assert [name for name, _ in exchange.fields] == ["NAM", "DOB", "SEX"]
        assert exchange.exchange_id[:8] != NOW.to_bytes(8, "big"), "no id on a whole second"
        assert int.from_bytes(exchange.exchange_id[:8], "big") // NS == NOW
        queue = ReviewQueue(store=host.store, vault=host.vault, events=host.events)
        page = await queue.page(WA, None, NOW, host.world.directory.agency)
        assert {item.entry for item in page.items} == {entry, f"wa/{real_row.leaf_index}"}
        assert page.counts.all == 2
        views = [host.commands._view((r, f)) for r, f in ((real_row, real), (row, file))]
        told = [set(msgspec.to_builtins(view)) for view in views]
        assert told[1] - told[0] <= {"instrument_ref"}


async def test_what_would_go_out_is_invented_and_recorded() -> None:
    """A record that fits what was asked, the same each time, by the rules; no source is asked."""
    async with running(HELD) as host:
        entry = await planted(host)
        _, file = await host.desk.hold(entry)
        asked = len(host.source.asked)
        shown = await sent(host, await reading(host, entry))
        assert isinstance(shown, RecordShown)
        assert shown.outcome is RecordOutcome.FOUND
        assert {element.data_class for element in shown.elements} == set(DQ)
        said = {element.name: element.value for element in shown.elements}
        assert said["NAME"] == dict(file.exchange.fields)["NAM"]
        assert parse_entry_name(shown.access_entry)[0] == WA
        assert len(host.source.asked) == asked
        again = await host.desk.would_release(file, NOW)
        assert again.answer is not None
        assert again.answer.elements == shown.elements


@pytest.mark.parametrize(
    ("kind", "decision"),
    [
        (VerdictKind.APPROVE, LeafDecision.APPROVE),
        (VerdictKind.REFUSE, LeafDecision.REFUSE),
        (VerdictKind.ASK, LeafDecision.ASK),
    ],
)
async def test_a_verdict_ends_it_and_releases_nothing(
    kind: VerdictKind, decision: LeafDecision
) -> None:
    """The verdict and a denial that cites it, planted; nothing sent, nothing asked; then told."""
    async with running(HELD) as host:
        entry = await planted(host)
        _, file = await host.desk.hold(entry)
        planted_case = file.exchange.test_case
        assert planted_case is not None
        done = await host.desk.decide(await verdict(host, entry, kind))
        assert (done.response, done.released) == (ResponseKind.REFUSED, ())
        assert done.planted is planted_case.flaw
        leaves = of_tests(host)
        assert [leaf.kind for leaf in leaves] == [
            LeafKind.HOLD, LeafKind.VERDICT, LeafKind.DENIAL,
        ]  # fmt: skip
        assert (leaves[1].decision, leaves[1].cites) == (decision, entry)
        assert leaves[2].cites == done.entry
        assert await host.desk.holds(WA) == []
        assert (host.courier.take(), host.source.asked) == ([], [])
        fields = await record(host, done.entry)
        assert fields["planted"] == planted_case.flaw.value.encode()
        assert fields["ordered_by"] == SUPERVISOR.name.encode()


async def record(host: PracticeHost, entry: str) -> dict[str, bytes]:
    """The private record behind a leaf."""
    _, found = await Records(host.store, host.vault).read(*parse_entry_name(entry))
    return dict(found.fields)


@pytest.mark.parametrize("note", ["see the supervisor", conflict_note(Ground.OTHER)])
async def test_what_is_passed_on_goes_on_and_is_not_told(note: str) -> None:
    """A declared conflict too: the next person has it, and neither response nor record tells."""
    async with running(HELD) as host:
        entry = await planted(host)
        passed = await verdict(host, entry, VerdictKind.ESCALATE, note=note)
        done = await host.desk.decide(passed)
        assert (done.response, done.planted) == (ResponseKind.HELD, None)
        assert "planted" not in await record(host, done.entry)
        assert [row.leaf_index for row, _ in await host.desk.holds(WA)] == [
            parse_entry_name(entry)[1]
        ]
        assert host.courier.take() == []


async def test_the_first_of_two_approvals_is_not_told() -> None:
    """The second person ends it; who proposed stands in the record as having approved."""
    both = msgspec.structs.replace(HOLD_ALL, obligations=(Obligation.SECOND_REVIEW,))
    async with running(policy_of(WA, RELEASE, both)) as host:
        made = await host.review.plantings.order(order_of_author())
        first = await host.desk.decide(await verdict(host, made))
        assert (first.response, first.planted) == (ResponseKind.HELD, None)
        second = await by_supervisor(host, made)
        assert second.planted is not None
        assert of_tests(host)[-1].kind is LeafKind.DENIAL
        assert of_tests(host)[-2].decision is LeafDecision.APPROVE
        assert host.courier.take() == []


def order_of_author() -> SignedPlantingOrder:
    """An order of somebody who reviews nothing here."""
    made = PlantingOrder(state=WA, reviewer=AUTHOR.name, at=NOW)
    proof = proof_of(planting_order_bytes(made), AUTHOR_KEY)
    return SignedPlantingOrder(
        order=made, proof=msgspec.structs.replace(proof, key_id=AUTHOR.key_id)
    )


async def by_supervisor(host: PracticeHost, entry: str) -> CarriedOut:
    """The supervisor's approval of a hold."""
    theirs = (await verdict(host, entry, reviewer=SUPERVISOR.name)).verdict
    proof = proof_of(signed_bytes(theirs), SUPERVISOR_KEY)
    proof = msgspec.structs.replace(proof, key_id=SUPERVISOR.key_id)
    return await host.desk.decide(SignedVerdict(verdict=theirs, proof=proof))


async def test_who_ordered_it_does_not_decide_it() -> None:
    """By the name and by the key; another person may, and the case goes on."""
    async with running(HELD) as host:
        entry = await planted(host)
        with pytest.raises(ConflictError):
            await by_supervisor(host, entry)
        assert len(of_tests(host)) == 1
        await host.desk.decide(await verdict(host, entry))


async def test_one_that_nobody_decides_ends_by_its_clock() -> None:
    """A planted closure; nobody is told."""
    async with running(HELD) as host:
        entry = await planted(host)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        await host.desk.expire(entry)
        closure = of_tests(host)[-1]
        assert (closure.kind, closure.cites) == (LeafKind.CLOSURE, entry)
        assert host.courier.take() == []


async def test_an_order_sent_twice_is_one_case() -> None:
    """Also after the first was decided; a second order is a second case."""
    async with running(HELD) as host:
        entry = await planted(host)
        assert await planted(host) == entry
        await host.desk.decide(await verdict(host, entry))
        assert await planted(host) == entry
        assert await planted(host, NOW + 1) != entry
        assert len([leaf for leaf in of_tests(host) if leaf.kind is LeafKind.HOLD]) == 2


async def test_an_order_is_checked() -> None:
    """The key, the bytes, the clock both ways, this host's own clock; and nothing is planted."""
    async with running(HELD) as host:
        good = order()
        forged = msgspec.structs.replace(good, order=order(NOW + 1).order)
        stranger = msgspec.structs.replace(
            good, proof=proof_of(planting_order_bytes(good.order), PRIVATE_KEY)
        )
        for wrong in (forged, stranger, order(NOW + 301), order(NOW - 301)):
            with pytest.raises(VerdictError):
                await host.review.plantings.order(wrong)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        with pytest.raises(ClockSkewedError):
            await host.review.plantings.order(good)
        assert of_tests(host) == []


@pytest.mark.parametrize(
    "rules",
    [(RELEASE,), (RELEASE, HOLD_ADDRESS), (DENY_ALL,)],
    ids=["released", "in part", "denied"],
)
async def test_what_the_rules_do_not_hold_is_not_planted(rules: Any) -> None:
    """Nothing is released, held in part, or loosened for it: nothing is planted, and it is said."""
    async with running(policy_of(WA, *rules)) as host:
        size = host.size(WA)
        with pytest.raises(PlantingImpossibleError):
            await host.review.plantings.order(order())
        assert host.size(WA) == size


async def test_only_flaws_that_the_rules_hold_are_drawn() -> None:
    """Where a civil matter is denied and licensing released, the others are planted."""
    rules = (
        rule("R", Outcome.RELEASE),
        rule("H", Outcome.HOLD, purpose=(Purpose.CRIMINAL_INVESTIGATION,)),
        rule("D", Outcome.DENY, offence=(Offence.IMMIGRATION_CIVIL,)),
    )
    async with running(policy_of(WA, *rules)) as host:
        for second in range(12):
            _, file = await host.desk.hold(await planted(host, NOW + second))
            assert file.exchange.test_case is not None
            assert file.exchange.test_case.flaw in (Flaw.NO_JUDGE, Flaw.NO_CASE)


async def test_a_claim_alone_carries_no_case() -> None:
    """INVARIANT (fail-closed): where a warrant changes what is held, it makes no test case."""
    rules = (
        rule("R", Outcome.RELEASE),
        rule(
            "H",
            Outcome.HOLD,
            instrument=(Instrument.ADMINISTRATIVE_IMMIGRATION_WARRANT,),
        ),
    )
    async with plants_on(wanting(flaws=(Flaw.NO_JUDGE,)), policy_of(WA, *rules)) as host:
        with pytest.raises(PlantingImpossibleError):
            await host.review.plantings.order(order())


async def test_what_is_denied_beside_it_stands_before_the_hold() -> None:
    """The order's word is the hold's entry all the same, also when it is sent again."""
    deny = rule("D", Outcome.DENY, data_class=(DataClass.ADDRESS,))
    async with running(policy_of(WA, RELEASE, HOLD_ALL, deny)) as host:
        entry = await planted(host)
        kinds = [leaf.kind for leaf in of_tests(host)]
        assert kinds == [LeafKind.DENIAL, LeafKind.HOLD]
        _, file = await host.desk.hold(entry)
        assert file.classes == (DataClass.STATUS, DataClass.IDENTITY)
        assert await planted(host) == entry


async def test_no_reader_of_leaves_counts_it() -> None:
    """Past decisions, notices, feed, roll-up, second looks: each leaf of it is nothing to them."""
    async with running(HELD) as host:
        entry = await planted(host)
        await host.desk.decide(await verdict(host, entry))
        index = parse_entry_name(entry)[1]
        rows = [parse_leaf(data) for data, _ in host.store.tables.leaves[WA]]
        held = (index, rows[index])
        for place, leaf in enumerate(rows[index:], index):
            assert leaf.mode is LeafMode.PLANTED
            at = LeafIndex(place)
            assert past_of(at, leaf, held, rows[place + 1 :]) is None
            assert not is_outcome(leaf)
            assert not is_outcome_leaf(leaf)
            assert not is_decision(leaf)
            assert follow(None, at, leaf, {AUSTIN: Family("US/DHS")}) is None
        await host.rollup.fold(WA)
        assert await host.store.traffic(WA, None, 10, None) == []
        tables = host.store.tables
        assert (tables.duties, tables.counted, tables.urgent, tables.accepted) == ({}, {}, {}, {})


async def test_nobody_is_paged_for_it_at_night() -> None:
    """A desk that is never staffed: what is asked pages somebody, what is planted does not."""
    disk = Disk()
    disk.rosters[WA] = msgspec.structs.replace(never_closed(WA), hours=((),) * 7)
    async with plants_on(disk) as host:
        await planted(host)
        assert await host.store.duties([WA], 10) == []
        await hold(host)
        (page,) = await host.store.duties([WA], 10)
        assert page.kind is DutyKind.PAGE_HOLD_AT_NIGHT


async def test_no_pass_comes_of_it() -> None:
    """A pass that cites it is refused, and none of its case lets it go at once."""
    async with running(HELD) as host:
        entry = await planted(host)
        _, file = await host.desk.hold(entry)
        made = case_pass(
            agency=file.exchange.agency,
            case_number=file.exchange.claims.case_number,
            hold_entry=entry,
        )
        with pytest.raises(PassError):
            await host.review.passes.grant(signed_pass(made))


async def test_a_member_cannot_mark_its_own_query() -> None:
    """INVARIANT (state-decides): what comes as planted is asked, recorded and answered as live."""
    async with running(policy_of(WA, RELEASE)) as host:
        marked = ask_of(1, planted=Planted(flaw=Flaw.NO_CASE))
        await host.answer.take(asks(marked))
        assert len(host.courier.take()) == 1
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert leaf.mode is LeafMode.LIVE


def test_a_live_exchange_has_no_further_field_on_the_wire() -> None:
    """So that no byte of what travels differs, and older gateways read it."""
    assert "planted" not in msgspec.to_builtins(ask_of(1))


async def rounds(host: PracticeHost, count: int) -> None:
    """Let the gateway draw so often, a round a minute."""
    for _ in range(count):
        await host.review.plantings.round([OR, WA])
        host.clock.advance_ns(ROUND_SECONDS * NS)


def monday(host: PracticeHost) -> int:
    """Let the clock go to the next Monday; return it."""
    _, first = week_bounds(WA, host.clock.now_ns() // NS)
    host.clock.advance_ns(first * NS - host.clock.now_ns())
    return first


def an_hour_a_day(disk: Disk) -> None:
    """Washington's desk is staffed from eight to nine on weekdays."""
    hour = (Span(first=480, last=540),)
    disk.rosters[WA] = msgspec.structs.replace(never_closed(WA), hours=(hour,) * 5 + ((), ()))


async def a_day(host: PracticeHost) -> None:
    """Midnight to midnight: some rounds while nobody is there, all of the hour that is staffed."""
    for count, pause in ((3, 8 * 3_600 - 180), (60, 0), (3, 15 * 3_600 - 180)):
        await rounds(host, count)
        host.clock.advance_ns(pause * NS)


async def test_the_clock_plants_as_many_as_the_week_has() -> None:
    """Three a week, in staffed minutes alone, and none beyond; none where no file says so."""
    disk = wanting(3)
    an_hour_a_day(disk)
    async with plants_on(disk) as host:
        start = monday(host)
        for _ in range(7):
            await a_day(host)
        hours = [leaf.hour for leaf in of_tests(host) if leaf.kind is LeafKind.HOLD]
        assert len(hours) == 3
        days = [(hour - start // 3_600) // 24 for hour in hours]
        assert [(hour - start // 3_600) % 24 for hour in hours] == [8, 8, 8]
        assert len(set(days)) > 1, "they do not come together"
        assert max(days) < 5
        assert {leaf.mode for leaf in host.leaves(OR)} == {LeafMode.LIVE}
        assert host.courier.take() == []


async def test_no_roster_no_case() -> None:
    """Nobody knows when the desk is staffed: the clock plants nothing."""
    disk = wanting(50)
    disk.rosters[WA] = None
    async with plants_on(disk) as host:
        await rounds(host, 60)
        assert of_tests(host) == []


async def test_a_clock_that_nobody_believes_plants_nothing() -> None:
    """INVARIANT (fail-closed): by it the desk might not be staffed."""
    disk = wanting(50)
    an_hour_a_day(disk)
    async with plants_on(disk) as host:
        monday(host)
        host.clock.advance_ns(8 * 3_600 * NS)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        await rounds(host, 60)
        assert of_tests(host) == []


async def test_rules_that_hold_nothing_are_an_event_of_the_clock() -> None:
    """Nothing is planted, the failure is noted, and the other members go on."""
    disk = wanting(50)
    async with plants_on(disk, policy_of(WA, RELEASE)) as host:
        monday(host)
        await rounds(host, 400)
        assert of_tests(host) == []
        assert host.events.counts["planted_case_not_made"] > 0


async def test_a_restart_neither_loses_nor_repeats_one() -> None:
    """What the week has stands in the ledger: of two, the second is planted after a crash."""
    disk = wanting(1)
    an_hour_a_day(disk)
    async with plants_on(disk) as host:
        monday(host)
        for _ in range(4):
            await a_day(host)
        first = len(of_tests(host))
    disk.plantings[WA] = Planting(per_week=2)
    async with running(disk=disk) as host:
        await a_day(host)
        assert (first, len(of_tests(host))) in ((0, 2), (1, 2))
    async with running(disk=disk) as host:
        await a_day(host)
        assert len(of_tests(host)) == 2
        await a_day(host)
        for _ in range(5):
            await a_day(host)
        assert len(of_tests(host)) == 4, "the next week has its own"


@pytest.mark.parametrize("fault", CommitFault)
async def test_a_commit_whose_word_is_lost_plants_one(fault: CommitFault) -> None:
    """Failed, and failed but persisted: one case stands."""
    async with running(HELD) as host:
        host.store.commit_fault = fault
        entry = await planted(host)
        assert [leaf.kind for leaf in of_tests(host)] == [LeafKind.HOLD]
        assert await planted(host) == entry


async def test_a_week_has_fifty_at_most() -> None:
    """However they came; the order that made the last is answered again; next week has its own."""
    async with running(HELD) as host:
        entries = [await planted(host, NOW + n) for n in range(PLANTED_PER_WEEK_MAX)]
        with pytest.raises(PlantingFullError):
            await host.review.plantings.order(order(NOW + 100))
        assert await planted(host, NOW + PLANTED_PER_WEEK_MAX - 1) == entries[-1]
        first = monday(host)
        assert await planted(host, first) not in entries


def test_weeks_turn_on_monday_of_the_states_own_zone() -> None:
    """Through a change of the clock: that week is an hour longer."""
    first, last = week_bounds(Member("wa"), NOW)
    assert (first % DAY, last - first) == (8 * 3_600, 7 * DAY)
    first, last = week_bounds(Member("wa"), 1_793_500_000)
    assert last - first == 7 * DAY + 3_600
