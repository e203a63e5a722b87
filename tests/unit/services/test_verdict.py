"""The review desk: what a verdict does to a hold, once, under the policy then in force."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.domain.answer import FREE_TEXT, Answer, Element, ResponseKind
from comity.domain.ids import parse_entry_name
from comity.domain.verdict import SignedVerdict, Verdict, VerdictKind
from comity.domain.vocabulary import DataClass, LeafDecision, LeafKind, LeafMode
from comity.exchange.appeals import with_appeal
from comity.link.limits import PARCEL_BYTES_MAX
from comity.link.parcel import Answered
from comity.ports import SourceError
from comity.review.verdicts import HoldClosedError, VerdictError
from comity.services.health import CLOCK_SKEW_NS_MAX
from comity.services.vault import month_of
from comity.services.verdict import ClockSkewedError, HoldNotDueError
from tests.support.exchange import REVIEWER, signed
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ALL,
    HOLD_SECONDS,
    NOW,
    NS,
    RELEASE,
    TX,
    WA,
    PracticeHost,
    ask_of,
    asks,
    driver,
    policy_of,
    running,
    turns,
)

HELD = policy_of(WA, RELEASE, HOLD_ALL)
DQ = (DataClass.STATUS, DataClass.IDENTITY, DataClass.ADDRESS)


async def hold(host: PracticeHost, number: int = 1) -> str:
    """Let Washington hold an exchange; return the hold's entry."""
    await host.answer.take(asks(ask_of(number)))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    assert parcel.answer.hold is not None
    return parcel.answer.hold.entry


async def verdict(
    host: PracticeHost,
    entry: str,
    kind: VerdictKind = VerdictKind.APPROVE,
    approved: tuple[DataClass, ...] = DQ,
    **changes: object,
) -> SignedVerdict:
    """The reviewer's signed verdict on an open hold, at its next step."""
    row, file = await host.desk.hold(entry)
    made = Verdict(
        state=WA,
        exchange_id=file.exchange.exchange_id,
        hold_entry=entry,
        step=row.next_step,
        kind=kind,
        approved=approved if kind is VerdictKind.APPROVE else (),
        note="practice",
        reviewer=REVIEWER,
        at=host.clock.now_ns() // NS,
    )
    return signed(msgspec.structs.replace(made, **changes))


def answer(host: PracticeHost) -> Answer:
    """The one answer that was posted since the last call."""
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    assert parcel.origin == TX
    return parcel.answer


async def test_an_approval_of_all_releases_all() -> None:
    """The verdict's leaf, the disclosure that cites it, the record; the hold is closed."""
    async with running(HELD) as host:
        entry = await hold(host)
        said = await host.desk.decide(await verdict(host, entry))
        released = answer(host)
        assert (said.response, said.released) == (ResponseKind.HIT, DQ)
        assert (released.response, released.is_final) == (ResponseKind.HIT, True)
        assert {element.data_class for element in released.elements} == set(DQ)
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert leaf.cites == said.entry == f"wa/{host.size(WA) - 2}"
        assert await host.desk.holds(WA) == []


async def test_an_approval_of_a_part_refuses_the_rest() -> None:
    """Only what the reviewer named goes out; every class ends."""
    async with running(HELD) as host:
        entry = await hold(host)
        await host.desk.decide(await verdict(host, entry, approved=(DataClass.STATUS,)))
        released = answer(host)
        assert [element.data_class for element in released.elements] == [DataClass.STATUS]
        assert {w.data_class for w in released.withheld} == set(DQ) - {DataClass.STATUS}
        assert released.is_final


async def test_an_approval_of_all_releases_a_text_whole() -> None:
    """A hold made before any look-up cannot name free text; approving all of it is enough."""
    async with running(HELD) as host:
        host.source.is_text = True
        await host.desk.decide(await verdict(host, await hold(host)))
        (element,) = answer(host).elements
        assert (element.data_class, element.name) == (DataClass.OPAQUE, FREE_TEXT)
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert leaf.released == (*DQ, DataClass.OPAQUE)


@pytest.mark.parametrize("left", DQ)
async def test_an_approval_of_a_part_releases_no_text(left: DataClass) -> None:
    """INVARIANT (withheld-never-rendered): what cannot be cut does not go in part."""
    async with running(HELD) as host:
        host.source.is_text = True
        approved = tuple(c for c in DQ if c is not left)
        await host.desk.decide(await verdict(host, await hold(host), approved=approved))
        refused = answer(host)
        assert (refused.response, refused.elements) == (ResponseKind.REFUSED, ())
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []
        assert await host.desk.holds(WA) == []


async def test_a_text_that_says_no_record_is_none() -> None:
    """A reviewed exchange ends as any other: the source's reply counts."""
    async with running(HELD) as host:
        reply = Element(data_class=DataClass.STATUS, name="OLN", value="NOT ON FILE")
        host.source.drivers = [driver(elements=(reply,))]
        host.source.is_text = True
        await host.desk.decide(await verdict(host, await hold(host)))
        assert answer(host).response is ResponseKind.NO_HIT


async def test_a_refusal_ends_the_hold() -> None:
    """Refused, with the reviewer's note; nothing was looked up."""
    async with running(HELD) as host:
        entry = await hold(host)
        asked = len(host.source.asked)
        await host.desk.decide(await verdict(host, entry, VerdictKind.REFUSE))
        refused = answer(host)
        assert (refused.response, refused.remark) == (
            ResponseKind.REFUSED,
            with_appeal("practice", WA),
        )
        assert len(host.source.asked) == asked
        assert await host.desk.holds(WA) == []


@pytest.mark.parametrize("kind", [VerdictKind.ASK, VerdictKind.ESCALATE])
async def test_a_question_leaves_the_hold_open(kind: VerdictKind) -> None:
    """The requester is told, the deadline stays; the next verdict has the next step."""
    async with running(HELD) as host:
        entry = await hold(host)
        before, _ = await host.desk.hold(entry)
        await host.desk.decide(await verdict(host, entry, kind))
        assert answer(host).hold is not None
        after, _ = await host.desk.hold(entry)
        assert (after.until, after.next_step) == (before.until, before.next_step + 1)
        await host.desk.decide(await verdict(host, entry))
        assert answer(host).response is ResponseKind.HIT


@pytest.mark.parametrize("kind", list(VerdictKind))
async def test_a_verdict_takes_effect_once(kind: VerdictKind) -> None:
    """The same bytes again: refused, no leaf, nothing posted."""
    async with running(HELD) as host:
        entry = await hold(host)
        once = await verdict(host, entry, kind)
        await host.desk.decide(once)
        host.courier.take()
        size = host.size(WA)
        with pytest.raises((VerdictError, HoldClosedError)):
            await host.desk.decide(once)
        assert (host.size(WA), host.courier.take()) == (size, [])


async def test_two_verdicts_at_once_are_one() -> None:
    """Of an approval and a refusal of the same step, one takes effect."""
    async with running(HELD) as host:
        entry = await hold(host)
        size = host.size(WA)
        both = [await verdict(host, entry), await verdict(host, entry, VerdictKind.REFUSE)]
        done = await asyncio.gather(
            *(host.desk.decide(one) for one in both), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in done) == ["CarriedOut", "HoldClosedError"]
        assert (host.size(WA), len(host.courier.take())) == (size + 2, 1)


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_verdict_whose_commit_fails_is_one_outcome(fault: CommitFault) -> None:
    """Failed or persisted unknown: one verdict leaf, one answer after it."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.store.commit_fault = fault
        await host.desk.decide(await verdict(host, entry))
        assert answer(host).response is ResponseKind.HIT
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1


async def test_the_policy_in_force_is_asked_again() -> None:
    """INVARIANT (review-is-verified): what is denied by now stays denied, whoever approved it."""
    async with running(HELD) as host:
        entry = await hold(host)
        await host.overtake(WA, policy_of(WA, RELEASE, DENY_ALL, version=2))
        said = await host.desk.decide(await verdict(host, entry))
        # Whoever approved must not be told that it went.
        assert (said.response, said.released) == (ResponseKind.REFUSED, ())
        denied = answer(host)
        assert (denied.response, denied.elements) == (ResponseKind.REFUSED, ())
        assert host.leaves(WA, LeafKind.DISCLOSURE) == []
        assert denied.policy_entry == f"wa/{host.world.policy(WA)[0]}"


async def test_a_policy_published_during_an_approval_counts() -> None:
    """The approval is decided again under it, in the same call."""
    async with running(HELD) as host:
        entry = await hold(host)
        given = await verdict(host, entry)
        publication = asyncio.create_task(
            host.overtake(WA, policy_of(WA, RELEASE, DENY_ALL, version=2))
        )
        await turns()
        await host.desk.decide(given)
        await publication
        assert answer(host).response is ResponseKind.REFUSED


async def test_a_source_that_is_down_leaves_the_hold_open() -> None:
    """Nothing is known, so nothing is decided; the same verdict can be given again."""
    async with running(HELD) as host:
        entry = await hold(host)
        given = await verdict(host, entry)
        host.source.is_down = True
        size = host.size(WA)
        with pytest.raises(SourceError):
            await host.desk.decide(given)
        assert host.size(WA) == size
        host.source.is_down = False
        await host.desk.decide(given)
        assert answer(host).response is ResponseKind.HIT


async def test_a_source_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reviewer is told within the time that a look-up has."""
    async with running(HELD) as host:
        entry = await hold(host)
        monkeypatch.setattr("comity.services.verdict.SOURCE_SECONDS_MAX", 0.0)
        with pytest.raises(SourceError):
            await host.desk.decide(await verdict(host, entry))


async def test_a_record_that_cannot_travel_is_not_approved() -> None:
    """The reviewer is told; nothing is recorded as released that could never leave."""
    async with running(HELD) as host:
        entry = await hold(host)
        value = "A" * PARCEL_BYTES_MAX
        huge = Element(data_class=DataClass.STATUS, name="STATUS", value=value)
        host.source.drivers = [driver(elements=(huge,))]
        with pytest.raises(SourceError):
            await host.desk.decide(await verdict(host, entry))
        assert len(await host.desk.holds(WA)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"reviewer": "Somebody Else"},
        {"step": 99},
        {"at": NOW - 301},
        {"at": NOW + 301},
        {"approved": (DataClass.PHOTO,)},
        {"approved": ()},
        {"exchange_id": bytes(16)},
        {"state": TX},
        {"note": "x" * 501},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_verdict_that_is_not_one_is_refused(changes: dict[str, Any]) -> None:
    """Not enrolled, of another hold, time, class or step: no leaf and nothing posted."""
    async with running(HELD) as host:
        entry = await hold(host)
        size = host.size(WA)
        with pytest.raises(VerdictError):
            await host.desk.decide(await verdict(host, entry, **changes))
        assert (host.size(WA), host.courier.take()) == (size, [])


async def test_an_altered_verdict_is_refused() -> None:
    """A signature over other bytes is none."""
    async with running(HELD) as host:
        entry = await hold(host)
        part = await verdict(host, entry, approved=(DataClass.STATUS,))
        altered = msgspec.structs.replace(part.verdict, approved=DQ)
        with pytest.raises(VerdictError):
            await host.desk.decide(msgspec.structs.replace(part, verdict=altered))


async def test_a_verdict_on_no_hold_is_refused() -> None:
    """An entry under which nothing is open."""
    async with running(HELD) as host:
        entry = await hold(host)
        given = await verdict(host, entry)
        other = msgspec.structs.replace(given.verdict, hold_entry="wa/0")
        with pytest.raises(HoldClosedError):
            await host.desk.decide(signed(other))


async def test_a_hold_expires_when_its_time_is_over_and_not_before() -> None:
    """One second early is refused; at the second it ends, with its leaf, as a refusal."""
    async with running(HELD) as host:
        entry = await hold(host)
        host.clock.advance_ns((HOLD_SECONDS - 1) * NS)
        with pytest.raises(HoldNotDueError):
            await host.desk.expire(entry)
        host.clock.advance_ns(NS)
        with pytest.raises(HoldClosedError):
            await host.desk.decide(await verdict(host, entry))
        await host.desk.expire(entry)
        assert answer(host).response is ResponseKind.REFUSED
        (leaf,) = host.leaves(WA, LeafKind.CLOSURE)
        assert (leaf.decision, leaf.cites) == (LeafDecision.EXPIRED, entry)


async def test_a_probe_that_is_held_is_no_question_to_anybody() -> None:
    """A drill of a held block leaves holds in the ledger: none on the desk, and none answered."""
    # A reviewer who approved one would have an agency told what it never asked.
    async with running(HELD) as host:
        probes = await host.drill.run(WA, "TX")
        assert {probe.response for probe in probes} == {ResponseKind.HELD}
        assert await host.desk.holds(WA) == []
        with pytest.raises(HoldClosedError):
            await host.desk.hold(probes[0].entry)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        for probe in probes:
            await host.desk.expire(probe.entry)
        assert host.courier.take() == []
        closures = host.leaves(WA, LeafKind.CLOSURE)
        assert [(leaf.mode, leaf.cites) for leaf in closures] == [
            (LeafMode.PROBE, probe.entry) for probe in probes
        ]


async def test_a_hold_ends_once() -> None:
    """Neither expiry nor verdict after its end."""
    async with running(HELD) as host:
        entry = await hold(host)
        late = await verdict(host, entry)
        host.clock.advance_ns(HOLD_SECONDS * NS)
        first, second = await asyncio.gather(
            host.desk.expire(entry), host.desk.expire(entry), return_exceptions=True
        )
        assert {type(first), type(second)} == {str, HoldClosedError}
        assert len(host.courier.take()) == 1
        with pytest.raises(HoldClosedError):
            await host.desk.expire(entry)
        with pytest.raises(HoldClosedError):
            await host.desk.decide(late)
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 1


async def test_a_host_with_a_wrong_clock_ends_no_hold() -> None:
    """INVARIANT (fail-closed): neither released nor expired by a clock that is off."""
    async with running(HELD) as host:
        entry = await hold(host)
        given = await verdict(host, entry)
        size = host.size(WA)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + 1
        await host.health.check()
        with pytest.raises(ClockSkewedError):
            await host.desk.decide(given)
        with pytest.raises(ClockSkewedError):
            await host.desk.expire(entry)
        assert (host.size(WA), host.courier.take()) == (size, [])


async def test_what_is_repeated_after_a_review_is_all_of_it() -> None:
    """A re-driven ask gets the hold's answer and the verdict's, in step order."""
    async with running(HELD) as host:
        entry = await hold(host)
        await host.desk.decide(await verdict(host, entry))
        end = answer(host)
        await host.answer.take(asks(ask_of()))
        held, again = [p.answer for p in host.courier.take() if isinstance(p, Answered)]
        assert (held.response, held.step) == (ResponseKind.HELD, 0)
        assert msgspec.structs.replace(again, proofs=end.proofs) == end
        assert again.step == held.step + len(held.proofs)


async def test_a_hold_that_cannot_be_opened_hides_no_other() -> None:
    """Its month key is gone: the others are listed, and end."""
    async with running(HELD) as host:
        lost = await hold(host, 1)
        host.clock.advance_ns(40 * 86_400 * NS)
        await host.health.check()
        number = 2
        await host.answer.take(asks(ask_of(number, accepted_at=host.clock.now_ns() // NS)))
        host.courier.take()
        assert host.disk.keyring.destroy(WA, month_of(NOW))
        ((row, _),) = await host.desk.holds(WA)
        assert row.leaf_index != parse_entry_name(lost)[1]
        assert host.events.counts["hold_not_opened"] == 1
