"""Claim checks: begun once by the leaves alone, asked, answered, held where no case is proved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from comity.adapters.memory.store import CommitFault
from comity.audit.urgent import UrgentCounts
from comity.domain.answer import Answer, ResponseKind
from comity.domain.claim_check import (
    ClaimStands,
    SignedClaimFinding,
)
from comity.domain.ids import Member
from comity.domain.keys import MessageKey
from comity.domain.leaf import parse_leaf
from comity.domain.query import Exchange
from comity.domain.vocabulary import LeafDecision, LeafKind, Purpose
from comity.exchange.replies import reply_text
from comity.ledger.tree import hash_leaf
from comity.link.parcel import Answered, Ask
from comity.review.claim_checks import (
    ClaimDoneError,
    ClaimFindingError,
    ClaimShare,
    due_of,
    is_sampled,
)
from comity.review.signatures import VerdictError
from comity.services.claim_ledger import ANSWERS_MAX, BEGIN_HOURS_MAX
from comity.services.health import CLOCK_SKEW_NS_MAX, ClockSkewedError
from comity.services.vault import month_of
from tests.support.gateway import (
    AUSTIN,
    HOLD_ALL,
    NOW,
    NS,
    OR,
    RELEASE,
    SALEM,
    SEATTLE,
    SEATTLE_CONTROL,
    TX,
    WA,
    Disk,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.review import (
    CASE,
    DAY,
    URGENT,
    case_pass,
    claim_finding,
    signed_finding,
    signed_pass,
)
from tests.unit.services.test_urgent import urgent_rule, with_phone
from tests.unit.services.test_verdict import verdict

ALL = ClaimShare(per_million=1_000_000, asks_as=SEATTLE_CONTROL)
OPEN = policy_of(WA, RELEASE)
AM = MessageKey("AM")
TEXT = "Docket 26-118 of the county court. The clerk can confirm it."
DUE = due_of(NOW // 3_600, WA)


def checking(share: ClaimShare = ALL) -> Disk:
    """A disk of Washington that checks claims."""
    disk = Disk()
    disk.shares[WA] = share
    return disk


@asynccontextmanager
async def checks_on(policy: bytes, disk: Disk) -> AsyncIterator[PracticeHost]:
    """A host whose Washington has published a policy."""
    async with running(disk=disk) as host:
        await host.publish(policy)
        yield host


async def told(host: PracticeHost, number: int, **changes: Any) -> Answer:
    """What Washington answers to a request of Austin's, for its case unless changed."""
    exchange = ask_of(number, **{"claims": CASE, **changes})
    host.courier.take()
    await host.answer.take(asks(exchange))
    (parcel,) = [each for each in host.courier.take() if isinstance(each, Answered)]
    return parcel.answer


async def begun(host: PracticeHost, number: int = 1, **changes: Any) -> str:
    """A release whose check begins; return its entry."""
    answer = await told(host, number, **changes)
    assert answer.response is ResponseKind.HIT
    await host.review.claims.round([WA])
    return answer.proofs[0].entry


def message(entry: str, number: int, **changes: Any) -> Exchange:
    """Austin's answer to the question about a release."""
    values: dict[str, Any] = {
        "key": AM,
        "original_key": AM,
        "fields": (("", reply_text(entry, TEXT)),),
    }
    return ask_of(number, **(values | changes))


async def answered(host: PracticeHost, entry: str, number: int, **changes: Any) -> Answer:
    """What is told to whoever sends an answer."""
    host.courier.take()
    await host.answer.take(asks(message(entry, number, **changes)))
    (parcel,) = [each for each in host.courier.take() if isinstance(each, Answered)]
    return parcel.answer


def found(entry: str, *, proved: bool, **changes: Any) -> SignedClaimFinding:
    """A reviewer's signed finding."""
    return signed_finding(claim_finding(entry, proved=proved, **changes))


async def stands(host: PracticeHost, entry: str) -> ClaimStands:
    """Where a check stands now."""
    (check, _), _ = await host.review.claims.one(entry)
    return check.stands(host.clock.now_ns() // NS)


async def pass_time(host: PracticeHost, until: int) -> None:
    """Let the clock go to a moment."""
    host.clock.advance_ns(until * NS - host.clock.now_ns())


async def test_a_sampled_release_begins_a_check_and_the_agency_is_asked() -> None:
    """The ask cites the release; a signed message of the state's own agency names no person."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        (ask,) = host.leaves(WA, LeafKind.VERDICT)
        assert (ask.cites, ask.decision, ask.withheld) == (entry, LeafDecision.ASK, ())
        (query,) = host.leaves(WA, LeafKind.QUERY)
        assert (query.agency, query.key, query.fan_out) == (SEATTLE_CONTROL, "AM", 1)
        (parcel,) = [each for each in host.courier.take() if isinstance(each, Ask)]
        asked = parcel.exchange
        assert (asked.state, asked.to, asked.agency) == (TX, (AUSTIN,), SEATTLE_CONTROL)
        body = asked.value("") or ""
        assert f"REPLY TO {entry.upper()}" in body
        assert "case HS-26-88" in body
        assert "PX000204K7" not in body
        assert await stands(host, entry) is ClaimStands.OPEN
        size = host.size(WA)
        await host.review.claims.round([WA])
        assert host.size(WA) == size


async def test_who_is_checked_is_recomputed_from_the_leaves() -> None:
    """By the hash in the tree, of every release; nobody else is, and none is left out."""
    share = ClaimShare(per_million=500_000, asks_as=SEATTLE_CONTROL)
    async with checks_on(OPEN, checking(share)) as host:
        for number in range(1, 25):
            await told(host, number)
        await host.review.claims.round([WA])
        stored = host.store.tables.leaves[WA]
        drawn = {
            f"wa/{index}"
            for index, (leaf, _) in enumerate(stored)
            if parse_leaf(leaf).kind is LeafKind.DISCLOSURE
            and is_sampled(hash_leaf(leaf), share.per_million)
        }
        asked = {leaf.cites for leaf in host.leaves(WA, LeafKind.VERDICT)}
        assert asked == drawn
        assert 0 < len(drawn) < 24


@pytest.mark.parametrize(
    ("share", "changes"),
    [
        (None, {}),
        (ClaimShare(per_million=0, asks_as=SEATTLE_CONTROL), {}),
        (ALL, {"origin": WA, "agency": SEATTLE}),
        (ALL, {"probe": True}),
    ],
    ids=["no-file", "share-of-none", "own-agency", "probe"],
)
async def test_what_is_not_sampled_begins_nothing(
    share: ClaimShare | None, changes: dict[str, Any]
) -> None:
    """No file, a share of none, the state's own agency, a probe."""
    disk = Disk()
    if share is not None:
        disk.shares[WA] = share
    async with checks_on(OPEN, disk) as host:
        await host.answer.drill([ask_of(1, **changes)]) if "probe" in changes else await told(
            host, 1, **changes
        )
        await host.review.claims.round([WA])
        assert host.leaves(WA, LeafKind.VERDICT) == []


async def test_a_message_or_a_word_that_there_is_no_record_is_not_checked() -> None:
    """Only a release of records is."""
    async with checks_on(OPEN, checking()) as host:
        await told(host, 1, fields=(("OLN", "PX999"), ("OLS", "WA")))
        await told(host, 2, key=AM, original_key=AM, fields=(("", "Hello"),))
        await host.review.claims.round([WA])
        assert host.leaves(WA, LeafKind.VERDICT) == []


async def test_an_answer_of_the_agency_stops_the_clock_and_waits_for_the_reviewer() -> None:
    """Kept and read beside the release; nothing is held after ten days, and nothing expired."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        word = await answered(host, entry, 2)
        assert word.remark == f"REPLY KEPT FOR THE CLAIM CHECK OF {entry.upper()}"
        assert host.leaves(WA)[host.size(WA) - 1].cites == entry
        assert await stands(host, entry) is ClaimStands.ANSWERED
        _, texts = await host.review.claims.one(entry)
        assert texts == (TEXT,)
        await pass_time(host, DUE)
        await host.review.claims.round([WA])
        assert host.leaves(WA, LeafKind.CLOSURE) == []
        assert (await told(host, 3, accepted_at=DUE)).response is ResponseKind.HIT
        assert (
            host.store.tables.hold_replies == []
            if hasattr(host.store.tables, "hold_replies")
            else True
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": OR, "agency": SALEM},
        {"fields": (("", "REPLY TO WA/9999\nx"),)},
        {"fields": (("", "REPLY TO OR/1\nx"),)},
        {"fields": (("", "Hello"),)},
    ],
    ids=["another-agency", "no-check", "another-state", "no-reply"],
)
async def test_anything_else_is_a_message_like_any_other(changes: dict[str, Any]) -> None:
    """It is delivered, and the check stays open."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        word = await answered(host, entry, 2, **changes)
        assert "CLAIM CHECK" not in word.remark
        assert await stands(host, entry) is ClaimStands.OPEN


async def test_answers_are_bounded() -> None:
    """Beyond the limit one is delivered as any message is."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        for number in range(2, 2 + ANSWERS_MAX):
            assert "CLAIM CHECK" in (await answered(host, entry, number)).remark
            await host.review.claims.round([WA])
        assert "CLAIM CHECK" not in (await answered(host, entry, 99)).remark


async def test_no_answer_in_ten_days_holds_what_is_asked_for_that_purpose() -> None:
    """To the second, before any leaf says so; other purposes and agencies go on; a person may."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        await pass_time(host, DUE - 1)
        assert (await told(host, 2, accepted_at=DUE - 1)).response is ResponseKind.HIT
        await pass_time(host, DUE)
        held = await told(host, 3, accepted_at=DUE)
        assert held.response is ResponseKind.HELD
        reasons = [reason for part in held.withheld for reason in part.reasons]
        assert {reason.rule for reason in reasons} >= {"CLAIM-CHECK"}
        assert any(entry.upper() in reason.sentence for reason in reasons)
        other = msgspec.structs.replace(CASE, purpose=Purpose.TRAFFIC_SAFETY)
        assert (await told(host, 4, accepted_at=DUE, claims=other)).response is ResponseKind.HIT
        salem: dict[str, Any] = {"origin": OR, "agency": SALEM}
        assert (await told(host, 5, accepted_at=DUE, **salem)).response is ResponseKind.HIT
        await host.review.claims.round([WA])
        closures = host.leaves(WA, LeafKind.CLOSURE)
        ask = host.leaves(WA, LeafKind.VERDICT)[0]
        asked = f"wa/{host.leaves(WA).index(ask)}"
        assert {(leaf.cites, leaf.decision) for leaf in closures} >= {(asked, LeafDecision.EXPIRED)}
        count = len(closures)
        await host.review.claims.round([WA])
        assert len(host.leaves(WA, LeafKind.CLOSURE)) == count


async def test_a_late_answer_still_waits_for_the_reviewer() -> None:
    """It is kept; what is asked goes on only once the claim is found proved."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        await pass_time(host, DUE)
        await host.review.claims.round([WA])
        await answered(host, entry, 2, accepted_at=DUE)
        assert await stands(host, entry) is ClaimStands.UNANSWERED
        assert (await told(host, 3, accepted_at=DUE)).response is ResponseKind.HELD
        await host.review.claims.decide(found(entry, proved=True, at=DUE))
        assert (await told(host, 4, accepted_at=DUE)).response is ResponseKind.HIT


async def test_not_proved_holds_at_once_and_proved_later_opens_again() -> None:
    """Each finding is a verdict that cites the ask; it survives a restart; proved is settled."""
    disk = checking()
    async with running(disk=disk) as host:
        await host.publish(OPEN)
        entry = await begun(host)
        refused = await host.review.claims.decide(found(entry, proved=False))
        leaf = host.leaves(WA)[int(refused.partition("/")[2])]
        assert (leaf.decision, leaf.released) == (LeafDecision.REFUSE, ())
        assert (await told(host, 2)).response is ResponseKind.HELD
        with pytest.raises(ClaimDoneError):
            await host.review.claims.decide(found(entry, proved=False))
    async with running(disk=disk) as host:
        assert (await told(host, 3)).response is ResponseKind.HELD
        await host.review.claims.decide(found(entry, proved=True))
        assert (await told(host, 4)).response is ResponseKind.HIT
        with pytest.raises(ClaimDoneError):
            await host.review.claims.decide(found(entry, proved=False))
        with pytest.raises(ClaimDoneError):
            await host.review.claims.one(entry)


async def test_what_a_person_looked_at_or_looks_at_within_a_day_goes_on() -> None:
    """A case pass, and the urgent lane, stand beside a claim that is not proved."""
    policy = policy_of(WA, RELEASE, urgent_rule())
    async with checks_on(policy, checking()) as host:
        with_phone(host)
        entry = await begun(host)
        await host.review.claims.decide(found(entry, proved=False))
        assert (await told(host, 2)).response is ResponseKind.HELD
        assert (await told(host, 3, claims=URGENT)).response is ResponseKind.HIT
        await host.review.passes.grant(signed_pass(case_pass()))
        assert (await told(host, 4)).response is ResponseKind.HIT


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"state": Member("or")}, ClaimFindingError),
        ({"reviewer": "Nobody"}, VerdictError),
        ({"at": NOW - 301}, VerdictError),
        ({"note": "x" * 501}, ClaimFindingError),
        ({"entry": "wa/0"}, ClaimDoneError),
        ({"entry": "or/0"}, ClaimFindingError),
    ],
)
async def test_a_finding_that_is_not_a_reviewers_does_not_count(
    changes: dict[str, Any], error: type[Exception]
) -> None:
    """Another state's, an unknown or old signature, a note too long, an entry that is no check."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        count = len(host.leaves(WA, LeafKind.VERDICT))
        named = changes.get("entry", entry)
        rest = {name: value for name, value in changes.items() if name != "entry"}
        with pytest.raises(error):
            await host.review.claims.decide(found(named, proved=True, **rest))
        altered = msgspec.structs.replace(
            found(entry, proved=False), finding=found(entry, proved=True).finding
        )
        with pytest.raises(VerdictError):
            await host.review.claims.decide(altered)
        assert len(host.leaves(WA, LeafKind.VERDICT)) == count


async def test_a_restart_and_a_lost_acknowledgement_ask_once() -> None:
    """One ask and one question, whatever was lost in between; a second life begins none anew."""
    disk = checking()
    async with running(disk=disk) as host:
        await host.publish(OPEN)
        await told(host, 1)
        host.store.commit_fault = CommitFault.LOST
        await host.review.claims.round([WA])
        await host.review.claims.round([WA])
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1
        assert len(host.leaves(WA, LeafKind.QUERY)) == 1
    async with running(disk=disk) as host:
        await host.review.claims.round([WA])
        assert len(host.leaves(WA, LeafKind.VERDICT)) == 1
        assert len(host.leaves(WA, LeafKind.QUERY)) == 1


async def test_by_a_wrong_clock_nothing_begins_and_nothing_is_found() -> None:
    """While the clocks differ nobody is asked."""
    async with checks_on(OPEN, checking()) as host:
        answer = await told(host, 1)
        host.store.clock_ahead_ns = CLOCK_SKEW_NS_MAX + NS
        await host.health.check()
        await host.review.claims.round([WA])
        assert host.leaves(WA, LeafKind.VERDICT) == []
        with pytest.raises(ClockSkewedError):
            await host.review.claims.decide(found(answer.proofs[0].entry, proved=True))


async def test_what_is_too_old_begins_no_check() -> None:
    """A gateway that was away for days asks nobody about what nobody remembers."""
    async with checks_on(OPEN, checking()) as host:
        await told(host, 1)
        await pass_time(host, NOW + (BEGIN_HOURS_MAX + 1) * 3_600)
        await host.review.claims.round([WA])
        assert host.leaves(WA, LeafKind.VERDICT) == []


async def test_an_agency_that_cannot_ask_is_told_and_begins_nothing() -> None:
    """Named in the file, not in the directory: an event, and the next round tries again."""
    share = ClaimShare(per_million=1_000_000, asks_as=AUSTIN)
    async with checks_on(OPEN, checking(share)) as host:
        await told(host, 1)
        await host.review.claims.round([WA])
        assert host.leaves(WA, LeafKind.VERDICT) == []
        assert host.events.counts["claim_check_not_begun"] == 1


async def test_whose_claim_cannot_be_read_makes_everybody_wait_for_thirty_days() -> None:
    """Without the month's key nobody knows whom it was about: other states' agencies are held."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        await host.review.claims.decide(found(entry, proved=False))
        salem: dict[str, Any] = {"origin": OR, "agency": SALEM}
        assert (await told(host, 2, **salem)).response is ResponseKind.HIT
        host.disk.keyring.destroy(WA, month_of(NOW))
        await host.review.commands.reload([WA])
        other = ask_of(9, claims=CASE, **salem)
        assert "is not proved" in host.review.claims.waits(other)
        assert host.review.claims.waits(ask_of(9, origin=WA, agency=SEATTLE)) == ""
        await pass_time(host, NOW + 31 * DAY)
        assert host.review.claims.waits(other) == ""


async def test_checks_are_no_urgent_releases() -> None:
    """What anyone counts of the lane stays what it was: none."""
    async with checks_on(OPEN, checking()) as host:
        first, second = await begun(host), await begun(host, 2)
        await host.review.claims.decide(found(first, proved=False))
        await pass_time(host, DUE)
        await host.review.claims.round([WA])
        assert second
        counts = UrgentCounts(WA)
        counts.read(0, [leaf for leaf, _ in host.store.tables.leaves[WA]])
        assert counts.tally().releases == 0


async def test_a_reviewers_question_about_a_hold_begins_no_check() -> None:
    """It is the same kind of leaf; what it cites is a hold."""
    async with checks_on(policy_of(WA, RELEASE, HOLD_ALL), checking()) as host:
        assert (await told(host, 1)).response is ResponseKind.HELD
        await host.review.claims.round([WA])
        assert await host.review.claims.open(WA) == []


async def test_what_was_decided_before_a_finding_is_decided_again() -> None:
    """A release that is not recorded yet does not stand once the claim is not proved."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        (decided,), _ = await host.deciding.decide([ask_of(2, claims=CASE)])
        assert host.deciding.stands(decided)
        await host.review.claims.decide(found(entry, proved=False))
        assert not host.deciding.stands(decided)
        (again,), _ = await host.deciding.decide([ask_of(2, claims=CASE)])
        assert again[1].answer.response is ResponseKind.HELD
        assert host.deciding.stands(again)


async def test_a_reviewer_releases_what_waits() -> None:
    """Held, never denied: a verdict on the hold lets it go under the rules."""
    async with checks_on(OPEN, checking()) as host:
        entry = await begun(host)
        await host.review.claims.decide(found(entry, proved=False))
        held = await told(host, 2)
        assert held.hold is not None
        said = await host.desk.decide(await verdict(host, held.hold.entry))
        assert said.response is ResponseKind.HIT
