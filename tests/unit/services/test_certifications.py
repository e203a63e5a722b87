"""Certifications that lapse: each step is a leaf and a duty once, whatever happens in between."""

from __future__ import annotations

import json
from collections import Counter

import msgspec
import pytest

from comity.adapters.memory.duties import MemoryPager
from comity.adapters.memory.store import CommitFault
from comity.directory.part import sign_part
from comity.domain.agency import CertifiedUntil, DirectoryPart
from comity.domain.ids import ORI, Member
from comity.domain.query import Exchange
from comity.domain.vocabulary import LeafKind
from comity.link.parcel import Ask
from comity.ports import DutyKind
from comity.review.certifications import UNTOLD
from comity.services import certifications as module
from comity.services.events import Events
from comity.services.paging import Paging
from comity.services.private_records import Records
from tests.support.certifications import warnings_on
from tests.support.directory import signer_of
from tests.support.gateway import (
    AUSTIN,
    EUGENE,
    NOW,
    NS,
    OR,
    RELEASE,
    SALEM,
    SEATTLE,
    SEATTLE_CONTROL,
    TX,
    WA,
    PracticeHost,
    heard_of,
    policy_of,
    practice_parts,
    running,
)
from tests.support.line import MemoryLog

DAY = 86_400
OPEN = policy_of(WA, RELEASE)


def certify(host: PracticeHost, ends: dict[ORI, int], version: int = 2) -> None:
    """Have Washington's part list certifications; ends are Unix seconds."""
    rows = tuple(CertifiedUntil(agency=ori, until=until) for ori, until in ends.items())
    take_part(host, WA, version=version, certifications=rows)


def take_part(host: PracticeHost, member: Member, **changes: object) -> DirectoryPart:
    """Have a member's part say something else."""
    part = next(part for part in practice_parts() if part.member == member)
    part = msgspec.structs.replace(part, **{"version": 2, **changes})
    host.world.take_parts([heard_of(sign_part(part, signer_of(member)))])
    return part


def told(host: PracticeHost) -> list[Exchange]:
    """The messages that went out since the last call."""
    return [each.exchange for each in host.courier.take() if isinstance(each, Ask)]


async def duties(host: PracticeHost, member: Member = WA) -> list[tuple[str, str]]:
    """What is still to be done: kind, and what it is about."""
    return [(row.kind, row.about) for row in await host.store.duties([member], 99)]


async def test_each_step_is_recorded_once_over_forty_days() -> None:
    """Four leaves and four duties, with the day in each; none before the first step."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {SALEM: NOW + 33 * DAY})
        counts = []
        for _ in range(40 * 4):
            counts.append(await warns.warn())
            host.clock.advance_ns(6 * 3_600 * NS)
        assert sum(counts) == 4
        leaves = host.leaves(WA, LeafKind.CERTIFICATION)
        assert [leaf.agency for leaf in leaves] == [SALEM] * 4
        kinds = Counter(kind for kind, _ in await duties(host))
        assert kinds == {
            DutyKind.PAGE_CERTIFICATION_LAPSES: 3,
            DutyKind.PAGE_CERTIFICATION_LAPSED: 1,
        }
        assert all(
            about.startswith("Practice Police (ORPX00001), ") for _, about in await duties(host)
        )
        steps = []
        for index, leaf in enumerate(host.leaves(WA)):
            if leaf.kind is LeafKind.CERTIFICATION:
                record = (await Records(host.store, host.vault).read(WA, index))[1]
                steps.append(dict(record.fields)["step"])
        assert steps == [b"30", b"14", b"3", b"lapsed"]


async def test_a_restart_repeats_nothing() -> None:
    """Another life of the host on the same disk finds each warning recorded."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {SALEM: NOW + 2 * DAY})
        assert await warns.warn() == 1
        first = await duties(host)
    async with running(disk=host.disk) as host:
        warns = warnings_on(host)
        certify(host, {SALEM: NOW + 2 * DAY})
        assert await warns.warn() == 0
        assert await warns.warn() == 0
        assert await duties(host) == first
        assert len(host.leaves(WA, LeafKind.CERTIFICATION)) == 1


@pytest.mark.parametrize("fault", CommitFault)
async def test_a_commit_that_fails_leaves_one_warning(fault: CommitFault) -> None:
    """Failed, or failed but persisted: the next round ends with one leaf and one duty."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {SALEM: NOW + 2 * DAY})
        host.store.commit_fault = fault
        await warns.warn()
        await warns.warn()
        assert len(host.leaves(WA, LeafKind.CERTIFICATION)) == 1
        assert len(await duties(host)) == 1


async def test_a_renewed_certification_begins_anew() -> None:
    """Its new end has warnings of its own, and the old one none any more."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {SALEM: NOW + 2 * DAY})
        assert await warns.warn() == 1
        certify(host, {SALEM: NOW + 20 * DAY}, version=3)
        assert await warns.warn() == 1
        assert await warns.warn() == 0
        certify(host, {SALEM: NOW + 200 * DAY}, version=4)
        host.clock.advance_ns(3 * DAY * NS)
        assert await warns.warn() == 0


async def test_the_furthest_and_the_first_time_warn_of_nothing() -> None:
    """Nor do they keep another from being warned of."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {SALEM: 2**40, AUSTIN: 0, ORI("WAPX00001"): NOW + DAY})
        assert await warns.warn() == 1


async def test_who_cannot_ask_is_not_warned_of() -> None:
    """Set to inactive, or listed by nobody; nor is another state's agency of no certification."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {EUGENE: NOW + DAY, ORI("TXPX99999"): NOW + DAY})
        assert await warns.warn() == 0
        assert await duties(host, OR) == []


async def test_a_clock_in_doubt_warns_of_nothing() -> None:
    """What it thinks is over may not be."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {SALEM: NOW + DAY})
        host.store.clock_ahead_ns = 5 * NS
        await host.health.check()
        assert await warns.warn() == 0
        host.store.clock_ahead_ns = 0
        await host.health.check()
        assert await warns.warn() == 1


async def test_many_go_out_in_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time, and so many a round: the next takes the rest, each once."""
    monkeypatch.setattr(module, "WARNINGS_AT_ONCE_MAX", 1)
    monkeypatch.setattr(module, "WARNINGS_A_ROUND_MAX", 2)
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {SALEM: NOW + DAY, AUSTIN: NOW + 2 * DAY, ORI("WAPX00001"): NOW + 10 * DAY})
        assert [await warns.warn() for _ in range(3)] == [2, 1, 0]
        assert len(set(await duties(host))) == 3


async def test_one_page_tells_of_all_of_a_kind() -> None:
    """Two that lapse and one that has: two pages, and every duty is over."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {SALEM: NOW + DAY, AUSTIN: NOW + 2 * DAY, ORI("WAPX00001"): NOW - DAY})
        await warns.warn()
        pager = MemoryPager()

        async def end(member: Member, duty_id: int) -> None:
            await host.store.end_duty(member, duty_id)

        paging = Paging(
            store=host.store, members=[OR, WA], pager=pager, end=end, clock=host.clock,
            events=Events(MemoryLog()),
        )  # fmt: skip
        assert await paging.round() == 3
        assert await duties(host) == []
        texts = {json.loads(page)["event"]: json.loads(page)["text"] for page in pager.messages}
        assert texts["certification_lapses"].startswith(
            "2 certifications to Washington lapse soon: Practice Police (ORPX00001), "
        )
        assert "; Practice Police (TXPX00001), " in texts["certification_lapses"]
        assert texts["certification_lapsed"].startswith("1 certification to Washington has lapsed")
        assert await paging.round() == 0


async def test_the_agency_itself_is_told_by_a_message_of_the_state() -> None:
    """In the name of the control terminal: who, the last day, whom to call; one query leaf each."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {AUSTIN: NOW + 2 * DAY})
        host.courier.take()
        assert await warns.warn() == 1
        (asked,) = told(host)
        assert (asked.state, asked.to, asked.agency) == (TX, (AUSTIN,), SEATTLE_CONTROL)
        body = asked.value("") or ""
        assert body.startswith("CERTIFICATION TXPX00001\n")
        assert "certification to Washington ends. Its last day is " in body
        assert f"Call {host.world.directory.duty_contact(WA)}." in body
        (query,) = host.leaves(WA, LeafKind.QUERY)
        assert (query.agency, query.key) == (SEATTLE_CONTROL, "AM")
        assert UNTOLD not in (await duties(host))[0][1]
        host.clock.advance_ns(3 * DAY * NS)
        assert await warns.warn() == 1
        (again,) = told(host)
        assert "has ended. Its last day was " in (again.value("") or "")


async def test_an_agency_of_the_state_itself_is_told_too() -> None:
    """Its message leaves by the same way."""
    async with running(OPEN) as host:
        certify(host, {SEATTLE: NOW + 2 * DAY})
        assert await warnings_on(host).warn() == 1
        (asked,) = told(host)
        assert (asked.state, asked.to) == (WA, (SEATTLE,))


async def test_a_restart_tells_the_agency_nothing_twice() -> None:
    """What stands is asked of the ledger first; the message is its own once."""
    async with running(OPEN) as host:
        certify(host, {AUSTIN: NOW + 2 * DAY})
        assert await warnings_on(host).warn() == 1
    async with running(disk=host.disk) as host:
        warns = warnings_on(host)
        certify(host, {AUSTIN: NOW + 2 * DAY})
        assert await warns.warn() == 0
        assert len(host.leaves(WA, LeafKind.QUERY)) == 1
        asked = host.events.counts["entries_committed"]
        assert await warns.warn() == 0
        assert host.events.counts["entries_committed"] == asked, "it is asked of the ledger once"


@pytest.mark.parametrize("fault", CommitFault)
async def test_a_warning_and_its_message_stand_or_fall_together(fault: CommitFault) -> None:
    """Failed, or failed but persisted: one leaf, one duty, one message."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        certify(host, {AUSTIN: NOW + 2 * DAY})
        host.store.commit_fault = fault
        await warns.warn()
        sizes = {len(host.leaves(WA, kind)) for kind in (LeafKind.CERTIFICATION, LeafKind.QUERY)}
        assert len(sizes) == 1
        await warns.warn()
        assert len(host.leaves(WA, LeafKind.CERTIFICATION)) == 1
        assert len(host.leaves(WA, LeafKind.QUERY)) == 1
        assert len(await duties(host)) == 1


async def test_a_state_that_lists_no_control_terminal_pages_and_says_so() -> None:
    """The warning stands all the same, once."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        rows = (CertifiedUntil(agency=AUSTIN, until=NOW + 2 * DAY),)
        part = next(part for part in practice_parts() if part.member == WA)
        plain = tuple(a for a in part.agencies if not a.is_control)
        take_part(host, WA, agencies=plain, certifications=rows)
        assert await warns.warn() == 1
        ((_, about),) = await duties(host)
        assert about.endswith(UNTOLD)
        assert host.leaves(WA, LeafKind.QUERY) == []
        assert await warns.warn() == 0


async def test_an_agency_whose_state_takes_no_messages_is_not_told() -> None:
    """The page says that nobody told it; another agency of the same round is told."""
    async with running(OPEN) as host:
        warns = warnings_on(host)
        take_part(host, TX, answers=("DQ",))
        certify(host, {AUSTIN: NOW + 2 * DAY, SEATTLE: NOW + 2 * DAY})
        assert await warns.warn() == 2
        said = dict.fromkeys(about.endswith(UNTOLD) for _, about in await duties(host))
        assert set(said) == {True, False}
        assert host.events.counts["certification_agency_untold"] == 1
        assert len(host.leaves(WA, LeafKind.QUERY)) == 1
