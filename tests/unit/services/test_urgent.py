"""The urgent lane: released at once, looked at afterwards, and told where nobody did."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from comity.adapters.memory.duties import MemoryPager
from comity.adapters.memory.store import CommitFault
from comity.directory.part import sign_part
from comity.domain.answer import Answer, ResponseKind
from comity.domain.ids import LeafIndex
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import DataClass, Emergency, LeafDecision, LeafKind, Outcome
from comity.link.parcel import Answered
from comity.policy import Condition, Obligation, Rule
from comity.review.clocks import HoldNotDueError
from comity.review.signatures import VerdictError
from comity.review.urgent import AfterReviewError, ReviewDoneError
from comity.services.health import CLOCK_SKEW_NS_MAX, ClockSkewedError
from comity.services.paging import Paging
from comity.services.vault import month_of
from tests.support.directory import signer_of
from tests.support.exchange import REVIEWER
from tests.support.gateway import (
    AUSTIN,
    NOW,
    NS,
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
    part_of,
    policy_of,
    practice_agency,
    running,
)
from tests.support.link import SOUTH
from tests.support.review import CASE, DAY, URGENT, case_pass, look, signed_look, signed_pass
from tests.unit.policy.build import rule

DECLARED = (Emergency.DECLARED,)
SMALLEST = (DataClass.STATUS, DataClass.IDENTITY)
PHONE = "555-0111"


def urgent_rule(name: str = "URGENT", **changes: Any) -> Rule:
    """A rule that releases two classes in a declared emergency, to be looked at afterwards."""
    made = rule(name, Outcome.RELEASE, emergency=DECLARED, data_class=SMALLEST)
    return msgspec.structs.replace(
        made, obligations=(Obligation.LOG, Obligation.REVIEW_AFTER), **changes
    )


HELD_BUT_URGENT = policy_of(
    WA,
    rule("ALL", Outcome.RELEASE, Condition(emergency=DECLARED, data_class=SMALLEST)),
    urgent_rule(),
    rule("HOLD", Outcome.HOLD, Condition(emergency=DECLARED, data_class=SMALLEST)),
)


def with_phone(host: PracticeHost, phone: str = PHONE) -> None:
    """Texas lists its agency with a number to call back."""
    agency = msgspec.structs.replace(
        practice_agency(AUSTIN, "TX/LOCAL/PD", "austin-1"), phone=phone
    )
    part = part_of(TX, SOUTH.public, agency, version=2)
    host.world.take_parts([heard_of(sign_part(part, signer_of(TX)))])


async def asked(host: PracticeHost, number: int = 1, **changes: Any) -> Answer:
    """What Washington answers at once to an urgent request."""
    await host.answer.take(asks(ask_of(number, **{"claims": URGENT, **changes})))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel.answer


async def released(host: PracticeHost, number: int = 1) -> str:
    """An urgent release; return its disclosure's entry."""
    with_phone(host)
    answer = await asked(host, number)
    assert answer.response is ResponseKind.HIT
    return answer.proofs[0].entry


async def test_an_urgent_request_gets_the_smallest_part_at_once() -> None:
    """Two classes go, the address waits; the requester is told that it will be looked at."""
    async with running(HELD_BUT_URGENT) as host:
        with_phone(host)
        answer = await asked(host)
        assert {e.data_class for e in answer.elements} == set(SMALLEST)
        assert [(w.data_class, w.outcome) for w in answer.withheld] == [
            (DataClass.ADDRESS, Outcome.HOLD)
        ]
        assert "THE STATE REVIEWS THIS WITHIN 24 HOURS" in answer.remark
        (leaf,) = host.leaves(WA, LeafKind.DISCLOSURE)
        assert (leaf.cites, leaf.released) == (None, SMALLEST)
        ((row, file),) = await host.review.urgent.releases(WA)
        assert file is not None
        assert (row.due, file.classes) == (NOW + DAY, SMALLEST)


async def test_what_is_not_urgent_waits() -> None:
    """Without a declared emergency nothing changes."""
    async with running(HELD_BUT_URGENT) as host:
        with_phone(host)
        assert (await asked(host, claims=CASE)).response is ResponseKind.HELD
        assert await host.review.urgent.releases(WA) == []


@pytest.mark.parametrize(
    ("phone", "claims", "why"),
    [
        ("", URGENT, "no number to call this agency back"),
        (PHONE, msgspec.structs.replace(URGENT, operator=""), "must name its operator"),
    ],
    ids=["no-phone", "no-operator"],
)
async def test_a_look_that_could_not_be_made_is_a_hold(phone: str, claims: Any, why: str) -> None:
    """Nobody to call back, or nobody named: held, with the reason and whom to call."""
    async with running(HELD_BUT_URGENT) as host:
        with_phone(host, phone)
        answer = await asked(host, claims=claims)
        assert answer.response is ResponseKind.HELD
        sentences = [r.sentence for w in answer.withheld for r in w.reasons]
        assert any(why in sentence and "Call the state" in sentence for sentence in sentences)


async def test_a_probe_is_never_urgent() -> None:
    """What is tried on the rules leaves no look behind."""
    async with running(HELD_BUT_URGENT) as host:
        with_phone(host)
        (parcel,) = await host.answer.drill([ask_of(1, claims=URGENT, probe=True)])
        assert parcel.answer.response is ResponseKind.HELD


async def test_a_look_in_time_is_a_verdict_that_cites_the_release() -> None:
    """Justified: the leaf names the classes, and the release waits no more; twice is refused."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        await host.review.urgent.decide(signed_look(look(entry)))
        (leaf,) = host.leaves(WA, LeafKind.VERDICT)
        assert (leaf.cites, leaf.decision) == (entry, LeafDecision.APPROVE)
        assert (leaf.released, leaf.withheld) == (SMALLEST, ())
        assert await host.review.urgent.releases(WA) == []
        with pytest.raises(ReviewDoneError):
            await host.review.urgent.decide(signed_look(look(entry)))


async def test_what_was_not_justified_closes_the_lane_for_thirty_days() -> None:
    """That agency's urgent requests wait for a person, also after a restart, until then."""
    disk = Disk()
    async with running(disk=disk) as host:
        await host.publish(HELD_BUT_URGENT)
        entry = await released(host)
        await host.review.urgent.decide(signed_look(look(entry, justified=False)))
        (leaf,) = host.leaves(WA, LeafKind.VERDICT)
        assert (leaf.decision, leaf.withheld) == (LeafDecision.REFUSE, SMALLEST)
        assert (await asked(host, 2)).response is ResponseKind.HELD
    async with running(disk=disk) as host:
        with_phone(host)
        answer = await asked(host, 3)
        assert answer.response is ResponseKind.HELD
        assert any("not justified" in r.sentence for w in answer.withheld for r in w.reasons)
        host.clock.advance_ns(30 * DAY * NS)
        later = await asked(host, 4, accepted_at=NOW + 30 * DAY)
        assert later.response is ResponseKind.HIT


async def test_a_release_that_nobody_looked_at_is_told_and_stays_owed() -> None:
    """At its second a closure cites it, and an alarm; the lane stays open, a look may follow."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        host.clock.advance_ns((DAY - 1) * NS)
        with pytest.raises(HoldNotDueError):
            await host.review.urgent.overdue(entry)
        host.clock.advance_ns(NS)
        await host.review.urgent.overdue(entry)
        (leaf,) = host.leaves(WA, LeafKind.CLOSURE)
        assert (leaf.cites, leaf.decision) == (entry, LeafDecision.EXPIRED)
        assert host.events.counts["urgent_review_overdue"] == 1
        with pytest.raises(ReviewDoneError):
            await host.review.urgent.overdue(entry)
        assert (await asked(host, 2, accepted_at=NOW + DAY)).response is ResponseKind.HIT
        late = look(entry, at=NOW + DAY, called_at=NOW + DAY)
        await host.review.urgent.decide(signed_look(late))
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1


async def test_what_cannot_be_read_is_overdue_all_the_same_and_closes_the_lane() -> None:
    """Without the month's key: the closure stands; a member whose findings are lost holds all."""
    disk = Disk()
    async with running(disk=disk) as host:
        await host.publish(HELD_BUT_URGENT)
        first, second = await released(host), await released(host, 2)
        await host.review.urgent.decide(signed_look(look(first, justified=False)))
        host.disk.keyring.destroy(WA, month_of(NOW))
        host.clock.advance_ns(DAY * NS)
        await host.review.urgent.overdue(second)
        (leaf,) = host.leaves(WA, LeafKind.CLOSURE)
        assert (leaf.cites, leaf.withheld) == (second, ())
        await host.review.commands.reload([WA])
        other = ask_of(9, accepted_at=NOW + DAY, claims=URGENT)
        assert "found not justified" in host.review.urgent.unmet(other)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"called": "555-0112"}, AfterReviewError),
        ({"called_at": NOW - 400}, AfterReviewError),
        ({"called_at": NOW + 400}, AfterReviewError),
        ({"answered": " "}, AfterReviewError),
        ({"answered": "x" * 201}, AfterReviewError),
        ({"note": "x" * 501}, AfterReviewError),
        ({"at": NOW - 301}, VerdictError),
        ({"reviewer": "Nobody"}, VerdictError),
    ],
)
async def test_a_look_without_its_call_does_not_count(
    changes: dict[str, Any], error: type[Exception]
) -> None:
    """Another number, a call before the release, nothing said, an old or foreign signature."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        with pytest.raises(error):
            await host.review.urgent.decide(signed_look(look(entry, **changes)))
        assert host.leaves(WA, LeafKind.VERDICT) == []


async def test_an_altered_look_is_refused() -> None:
    """What was signed as not justified cannot be sent as justified."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        made = signed_look(look(entry, justified=False))
        altered = msgspec.structs.replace(made, review=look(entry))
        with pytest.raises(VerdictError):
            await host.review.urgent.decide(altered)
        assert made.review.reviewer == REVIEWER


async def test_by_a_wrong_clock_nothing_is_overdue() -> None:
    """While the clocks differ nothing is settled."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + NS
        await host.health.check()
        with pytest.raises(ClockSkewedError):
            await host.review.urgent.overdue(entry)
        with pytest.raises(ClockSkewedError):
            await host.review.urgent.decide(signed_look(look(entry)))


async def test_a_look_is_owed_also_beside_another_release() -> None:
    """What any rule that decides asks for is owed: behind a hold, others release as well."""
    async with running(policy_of(WA, RELEASE, urgent_rule())) as host:
        with_phone(host)
        assert (await asked(host)).response is ResponseKind.HIT
        assert len(await host.review.urgent.releases(WA)) == 1


async def test_a_pass_and_the_lane_have_a_leaf_each() -> None:
    """What is urgent rests on the lane, the rest on the pass; each says so."""
    async with running(HELD_BUT_URGENT) as host:
        with_phone(host)
        entry = await host.review.passes.grant(signed_pass(case_pass()))
        answer = await asked(host)
        assert answer.is_final
        urgent, passed = host.leaves(WA, LeafKind.DISCLOSURE)
        assert (urgent.cites, urgent.released) == (None, SMALLEST)
        assert (passed.cites, passed.released) == (entry, (DataClass.ADDRESS,))
        ((row, _),) = await host.review.urgent.releases(WA)
        assert row.leaf_index == LeafIndex(host.size(WA) - 2)


async def test_what_is_overdue_pages_someone_from_its_own_transaction() -> None:
    """The duty stands with the closure; the page names state and leaf, and a look owes none."""
    async with running(HELD_BUT_URGENT) as host:
        first, second = await released(host), await released(host, 2)
        await host.review.urgent.decide(signed_look(look(first)))
        assert await host.store.duties([WA], 9) == []
        host.clock.advance_ns(DAY * NS)
        closure = await host.review.urgent.overdue(second)
        (duty,) = await host.store.duties([WA], 9)
        assert (duty.kind, f"wa/{duty.leaf_index}") == ("page_urgent_overdue", closure)
        pager = MemoryPager()
        paging = Paging(
            store=host.store,
            members=[WA],
            pager=pager,
            end=host.store.end_duty,
            clock=host.clock,
            events=host.events,
        )
        assert await paging.round() == 1
        (message,) = pager.messages
        page = json.loads(message)
        assert (page["event"], page["state"], page["entry"]) == ("urgent_overdue", "wa", closure)
        assert "Washington was not looked at" in page["text"]
        assert await host.store.duties([WA], 9) == []


async def test_an_overdue_closure_that_is_not_committed_pages_nobody() -> None:
    """Leaf, row and duty stand or fall together; after a lost acknowledgement each stands once."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        host.clock.advance_ns(DAY * NS)
        host.store.commit_fault = CommitFault.LOST
        await host.review.urgent.overdue(entry)
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == 1
        assert len(await host.store.duties([WA], 9)) == 1


async def test_a_release_that_can_be_read_no_more_is_still_owed() -> None:
    """It stays in the list by its entry, so that nobody believes that it was looked at."""
    async with running(HELD_BUT_URGENT) as host:
        entry = await released(host)
        host.disk.keyring.destroy(WA, month_of(NOW))
        ((row, file),) = await host.review.urgent.releases(WA)
        assert (f"wa/{row.leaf_index}", file) == (entry, None)


async def test_a_finding_that_was_lost_closes_the_lane_no_longer_than_one_that_was_not() -> None:
    """Thirty days from the finding, also on a host that runs on."""
    disk = Disk()
    async with running(disk=disk) as host:
        await host.publish(HELD_BUT_URGENT)
        entry = await released(host)
        await host.review.urgent.decide(signed_look(look(entry, justified=False)))
        host.disk.keyring.destroy(WA, month_of(NOW))
    async with running(disk=disk) as host:
        with_phone(host)
        asks_for_it = ask_of(9, claims=URGENT)
        assert "not justified" in host.review.urgent.unmet(asks_for_it)
        host.clock.advance_ns((30 * DAY - 1) * NS)
        assert "not justified" in host.review.urgent.unmet(asks_for_it)
        host.clock.advance_ns(NS)
        assert host.review.urgent.unmet(asks_for_it) == ""


async def test_an_urgent_message_waits_for_a_person() -> None:
    """It asks for no record that could be looked at afterwards: held, and not denied."""
    opaque = rule("ANY", Outcome.RELEASE, emergency=DECLARED)
    opaque = msgspec.structs.replace(opaque, obligations=(Obligation.REVIEW_AFTER,))
    async with running(policy_of(WA, opaque)) as host:
        with_phone(host)
        key = MessageKey("AM")
        answer = await asked(
            host, key=key, original_key=key, fields=(("TXT", "A CHILD IS MISSING"),)
        )
        assert answer.response is ResponseKind.HELD
        (withheld,) = answer.withheld
        assert "for records alone" in withheld.reasons[0].sentence
        assert await host.review.urgent.releases(WA) == []


async def test_a_query_that_leaves_its_state_in_an_emergency_waits_for_a_person() -> None:
    """Its own state gives leave and no record: a rule for the lane does not deny it."""
    urgent = msgspec.structs.replace(
        rule("ANY", Outcome.RELEASE, emergency=DECLARED), obligations=(Obligation.REVIEW_AFTER,)
    )
    async with running(policy_of(OR, urgent)) as host:
        key = MessageKey("IAQ")
        leaving = ask_of(1, state=OR, origin=OR, agency=SALEM, key=key, claims=URGENT)
        (judged,), _ = host.deciding.judge([leaving])
        outcomes = {d.outcome for row in judged.rows for d in row}
        sentences = {d.reasons[0].sentence for row in judged.rows for d in row}
        assert outcomes == {Outcome.HOLD}
        assert all("for records alone" in sentence for sentence in sentences)
        assert {d.outcome for row in judged.ruled for d in row} == {Outcome.RELEASE}
