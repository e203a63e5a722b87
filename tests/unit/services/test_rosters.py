"""Rules that hold more need a desk; a hold at night pages once; the end of one has its words."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from comity.adapters.memory.duties import MemoryPager
from comity.directory.part import encode_signed_part, sign_part
from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import DataClass, LeafKind, Outcome
from comity.exchange.appeals import with_appeal
from comity.link.parcel import Answered
from comity.policy import PolicyBundle, encode_bundle
from comity.policy.block import blocked, confirmed
from comity.policy.errors import TooManyCombinationsError
from comity.ports import DutyKind, DutyRow
from comity.review.calendars import calendar_of
from comity.review.clocks import EXPIRED_REMARK
from comity.review.rosters import (
    Roster,
    opens_at,
    practice_roster,
    staffed_until,
    turn_at,
    when_words,
)
from comity.services import changes
from comity.services import paging as paging_module
from comity.services.events import Events
from comity.services.paging import Paging
from tests.support.directory import signer_of
from tests.support.gateway import (
    DENY_ALL,
    HOLD_ADDRESS,
    HOLD_ALL,
    HOLD_SECONDS,
    NOW,
    NS,
    RELEASE,
    WA,
    PracticeHost,
    ask_of,
    asks,
    policy_of,
    running,
)
from tests.support.line import MemoryLog
from tests.support.rosters import never_closed
from tests.unit.policy.build import bundle, rule
from tests.unit.services.test_rulebook import (
    BLOCKED,
    DAY,
    OPEN,
    REVIEWER,
    SECOND,
    code_of,
    in_force,
    signed,
)

HOLDS = bundle(RELEASE, rule("LOOK", Outcome.HOLD), state=WA, version=2)
HELD = policy_of(WA, RELEASE, HOLD_ALL)
CLOSED = msgspec.structs.replace(practice_roster(calendar_of(WA)), hours=((),) * 7)
SILENT = msgspec.structs.replace(never_closed(WA), expiry="")


async def duties(host: PracticeHost) -> list[DutyRow]:
    """What is to be done."""
    return list(await host.store.duties([WA], 200))


def next_version(standing: PolicyBundle, **changed: object) -> PolicyBundle:
    """The version after one, changed."""
    return msgspec.structs.replace(standing, version=standing.version + 1, **changed)


@pytest.mark.parametrize("roster", [None, CLOSED, SILENT])
async def test_rules_that_hold_more_need_a_desk(roster: Roster | None) -> None:
    """Refused while something is missing, and nothing is recorded; in force once it is there."""
    async with running(encode_bundle(OPEN)) as host:
        host.disk.rosters[WA] = roster
        order = signed(HOLDS, REVIEWER, SECOND)
        assert await code_of(host, order) == "hold-unstaffed"
        del host.disk.rosters[WA]
        await host.rulebook.publish(WA, order)
        assert in_force(host)[0] == 2
        assert await duties(host) == []


async def test_a_refusal_names_all_that_is_missing() -> None:
    """The file, its parts, and the directory's contact."""
    async with running(encode_bundle(OPEN)) as host:
        host.disk.rosters[WA] = msgspec.structs.replace(CLOSED, expiry="")
        part = host.world.directory.part(WA)
        assert part is not None
        moved = msgspec.structs.replace(
            part, version=part.version + 1, duty_contact="the usual people"
        )
        await host.publisher.publish(WA, encode_signed_part(sign_part(moved, signer_of(WA))))
        with pytest.raises(ComityError) as refused:
            await host.rulebook.publish(WA, signed(HOLDS, REVIEWER, SECOND))
        said = str(refused.value)
        for named in ("staffed hours", "the sentence that", "its telephone", "rosters/wa.toml"):
            assert named in said


async def test_a_denial_over_what_is_held_needs_no_desk() -> None:
    """An old rule for review stops no restriction; to lift the denial again needs one."""
    held = bundle(RELEASE, rule("LOOK", Outcome.HOLD), state=WA)
    async with running(encode_bundle(held)) as host:
        host.disk.rosters[WA] = None
        denies = next_version(held, rules=(*held.rules, rule("NO", Outcome.DENY)))
        await host.rulebook.publish(WA, signed(denies, REVIEWER, SECOND))
        frees = next_version(denies, rules=held.rules)
        assert await code_of(host, signed(frees, REVIEWER, SECOND)) == "hold-unstaffed"
        assert in_force(host)[0] == 2
        assert await duties(host) == []


async def test_lifting_a_denial_that_lay_over_a_hold_needs_a_desk() -> None:
    """The rule for review is old; what it holds is new."""
    both = bundle(RELEASE, rule("LOOK", Outcome.HOLD), rule("NO", Outcome.DENY), state=WA)
    async with running(encode_bundle(both)) as host:
        host.disk.rosters[WA] = None
        lifted = next_version(both, rules=both.rules[:2])
        assert await code_of(host, signed(lifted, REVIEWER, SECOND)) == "hold-unstaffed"


async def test_a_hold_that_changes_no_outcome_needs_none() -> None:
    """It lies below a denial of everything: nothing more is held."""
    denied = bundle(RELEASE, rule("NO", Outcome.DENY), state=WA)
    async with running(encode_bundle(denied)) as host:
        host.disk.rosters[WA] = None
        idle = next_version(denied, rules=(*denied.rules, rule("LOOK", Outcome.HOLD)))
        await host.rulebook.publish(WA, signed(idle, REVIEWER, SECOND))
        assert in_force(host)[0] == 2


async def test_what_cannot_be_compared_holds_more_if_anything_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fail-closed: nothing is known, so a rule for review is enough."""

    def unknown(*_: object) -> None:
        raise TooManyCombinationsError("too many")

    monkeypatch.setattr(changes, "compare", unknown)
    async with running(encode_bundle(OPEN)) as host:
        host.disk.rosters[WA] = None
        assert await code_of(host, signed(HOLDS, REVIEWER, SECOND)) == "hold-unstaffed"


async def test_a_block_never_waits_for_a_desk() -> None:
    """A denial takes force and pages nobody; nor does its confirmation."""
    async with running(encode_bundle(OPEN)) as host:
        host.disk.rosters[WA] = None
        await host.rulebook.publish(WA, signed(BLOCKED, REVIEWER))
        sure = confirmed(BLOCKED, BLOCKED.unconfirmed[0].rule)
        await host.rulebook.publish(WA, signed(sure, SECOND))
        assert in_force(host)[0] == 3
        assert await duties(host) == []


async def test_a_block_that_is_a_hold_at_first_takes_force_and_pages() -> None:
    """The state's own local agencies: in force at once, and someone hears that nobody is there."""
    own = blocked(OPEN, "WA/LOCAL", "Order 14", NOW + DAY)
    async with running(encode_bundle(OPEN)) as host:
        host.disk.rosters[WA] = None
        published = await host.rulebook.publish(WA, signed(own, REVIEWER))
        found = await duties(host)
        assert [each.kind for each in found] == [DutyKind.PAGE_HOLD_UNSTAFFED]
        assert entry_name(WA, found[0].leaf_index) == published.entry
        # Sent again it is the same publication, and pages nobody twice.
        await host.rulebook.publish(WA, signed(own, REVIEWER))
        assert await duties(host) == found


async def test_a_clause_for_review_by_one_person_takes_force_and_pages() -> None:
    """A restriction that is named as unconfirmed: what is missing stands in the page."""
    look = rule("LOOK", Outcome.HOLD, agency=("TX/LOCAL",))
    waiting = msgspec.structs.replace(BLOCKED.unconfirmed[0], rule=look.id)
    made = next_version(OPEN, rules=(look, *OPEN.rules), unconfirmed=(waiting,))
    async with running(encode_bundle(OPEN)) as host:
        host.disk.rosters[WA] = None
        await host.rulebook.publish(WA, signed(made, REVIEWER))
        (page,) = await duties(host)
        assert (page.kind, page.about) == (
            DutyKind.PAGE_HOLD_UNSTAFFED, "a roster that can be read",
        )  # fmt: skip
        assert page.leaf_index == in_force(host)[1]
        (text,) = await texts(host)
        assert text["event"] == "hold_unstaffed"
        assert "it lacks a roster that can be read" in text["text"]
        # The second person's word adds no hold, and so no page.
        await host.rulebook.publish(WA, signed(confirmed(made, look.id), SECOND))
        assert await duties(host) == []


async def texts(host: PracticeHost, paging: Paging | None = None) -> list[dict[str, str]]:
    """The pages that go out now."""
    pager = MemoryPager()
    await (paging or paging_of(host, pager)).round()
    return [json.loads(each) for each in pager.messages]


def paging_of(host: PracticeHost, pager: MemoryPager) -> Paging:
    """Who pages, by a pager of its own."""

    async def end(member: Member, duty_id: int) -> None:
        await host.store.end_duty(member, duty_id)

    return Paging(
        store=host.store, members=[WA], pager=pager, end=end, clock=host.clock,
        events=Events(MemoryLog()),
    )  # fmt: skip


async def hold(host: PracticeHost, number: int = 1) -> Answered:
    """Ask something that is held."""
    await host.answer.take(asks(ask_of(number)))
    (parcel,) = host.courier.take()
    assert isinstance(parcel, Answered)
    return parcel


async def test_a_hold_that_ends_before_the_desk_opens_pages_once() -> None:
    """With its transaction, about its own leaf; a repeat of the query, or a restart, adds none."""
    async with running(HELD) as host:
        host.disk.rosters[WA] = CLOSED
        await hold(host)
        (page,) = await duties(host)
        leaf = parse_leaf(host.store.tables.leaves[WA][page.leaf_index][0])
        assert (page.kind, leaf.kind) == (DutyKind.PAGE_HOLD_AT_NIGHT, LeafKind.HOLD)
        await host.answer.take(asks(ask_of(1)))
        assert await duties(host) == [page]
        assert "until " in page.about
        assert page.about.endswith(f"turn: {turn_at(CLOSED, NOW)}")
        assert len(page.about) <= 240


async def test_a_page_of_a_hold_beside_a_release_names_the_hold() -> None:
    """Two leaves of one exchange: the page is about the second."""
    async with running(policy_of(WA, RELEASE, HOLD_ADDRESS)) as host:
        host.disk.rosters[WA] = CLOSED
        await hold(host)
        (page,) = await duties(host)
        leaf = parse_leaf(host.store.tables.leaves[WA][page.leaf_index][0])
        assert leaf.kind is LeafKind.HOLD
        assert leaf.withheld == (DataClass.ADDRESS,)


async def test_nobody_is_paged_while_someone_is_there() -> None:
    """Nor where the desk opens in time, nor without a roster, nor for what is not held."""
    async with running(HELD) as host:
        await hold(host)
        host.disk.rosters[WA] = None
        await hold(host, 2)
        assert await duties(host) == []
    async with running(policy_of(WA, DENY_ALL)) as host:
        host.disk.rosters[WA] = CLOSED
        await hold(host)
        assert await duties(host) == []


async def test_the_page_says_when_the_desk_opens() -> None:
    """A minute before it closes, of a hold that ends within the hour; by day nobody is paged."""
    office = practice_roster(calendar_of(WA))
    rules = encode_bundle(bundle(RELEASE, HOLD_ALL, state=WA, hold_hours=1))
    opens = opens_at(office, NOW + DAY)
    assert opens is not None
    closes = staffed_until(office, opens)
    following = opens_at(office, closes or 0)
    assert closes is not None
    assert following is not None
    async with running(rules) as host:
        host.disk.rosters[WA] = office
        for number, moment in enumerate((opens, closes - 60), start=1):
            host.clock.advance_ns(moment * NS - host.clock.now_ns())
            await host.answer.take(asks(ask_of(number, accepted_at=moment)))
            assert len(host.courier.take()) == 1
            assert len(await duties(host)) == number - 1
        (page,) = await duties(host)
        assert page.about == (
            f"until {when_words(office, closes + 3_540)}, the desk is staffed from"
            f" {when_words(office, following)}; turn: {turn_at(office, closes)}"
        )


async def test_a_busy_night_is_a_page_now_and_then() -> None:
    """Those that wait go out together, the next five minutes later; none is lost."""
    async with running(HELD) as host:
        host.disk.rosters[WA] = CLOSED
        pager = MemoryPager()
        paging = paging_of(host, pager)
        await hold(host)
        assert await paging.round() == 1
        for number in (2, 3):
            await hold(host, number)
        assert await paging.round() == 0
        host.clock.advance_ns(299 * NS)
        assert await paging.round() == 0
        host.clock.advance_ns(NS)
        assert await paging.round() == 2
        first, second = (json.loads(each) for each in pager.messages)
        assert first["text"].startswith("1 request held by Washington waits while its desk is clos")
        assert second["text"].startswith("2 requests held by Washington wait while its desk is clo")
        assert await duties(host) == []


async def test_a_block_that_lapses_is_paged_while_night_pages_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five minutes apart are only pages of holds, and however many wait, others are read."""
    monkeypatch.setattr(paging_module, "PAGES_A_ROUND_MAX", 1)
    async with running(HELD) as host:
        host.disk.rosters[WA] = CLOSED
        pager = MemoryPager()
        paging = paging_of(host, pager)
        await hold(host)
        await paging.round()
        _, standing = host.world.policy(WA)
        block = blocked(standing.bundle, "TX/LOCAL", "Order 14", NOW + 1)
        await host.rulebook.publish(WA, signed(block, REVIEWER))
        await hold(host, 2)
        host.clock.advance_ns(2 * NS)
        await host.rulebook.lapse()
        await paging.round()
        events = [json.loads(each)["event"] for each in pager.messages]
        assert events == ["hold_at_night", "block_unconfirmed"]


@pytest.mark.parametrize(
    ("roster", "remark"),
    [
        (msgspec.structs.replace(CLOSED, expiry="Nobody decided. Call 360-555-0100."),
         "Nobody decided. Call 360-555-0100."),
        (SILENT, EXPIRED_REMARK),
        (None, EXPIRED_REMARK),
    ],
)  # fmt: skip
async def test_the_requester_reads_the_states_words_when_a_hold_ends(
    roster: Roster | None, remark: str
) -> None:
    """From the roster as it stands then; without one, the sentence that always stood there."""
    async with running(HELD) as host:
        answered = await hold(host)
        host.disk.rosters[WA] = roster
        host.clock.advance_ns(HOLD_SECONDS * NS)
        entry = answered.answer.proofs[-1].entry
        await host.desk.expire(entry)
        (parcel,) = host.courier.take()
        assert isinstance(parcel, Answered)
        assert parcel.answer.remark == with_appeal(remark, WA)


async def test_two_orders_at_once_page_once() -> None:
    """The same order from two consoles is one publication and one page."""
    look = rule("LOOK", Outcome.HOLD, agency=("TX/LOCAL",))
    waiting = msgspec.structs.replace(BLOCKED.unconfirmed[0], rule=look.id)
    made = next_version(OPEN, rules=(look, *OPEN.rules), unconfirmed=(waiting,))
    async with running(encode_bundle(OPEN)) as host:
        host.disk.rosters[WA] = None
        order = signed(made, REVIEWER)
        await asyncio.gather(*(host.rulebook.publish(WA, order) for _ in range(2)))
        assert len(await duties(host)) == 1
