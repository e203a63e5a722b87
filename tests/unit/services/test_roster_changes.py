"""A new roster counts for holds that are open: what it leaves without a desk is paged once."""

from __future__ import annotations

import msgspec
import pytest

from comity.domain.ids import Member
from comity.ports import DutyKind, StoreDownError
from comity.review.calendars import calendar_of
from comity.review.rosters import Roster, Span, is_thin, practice_roster, thin_among
from comity.services import roster_changes as module
from comity.services.roster_changes import RosterChanges
from tests.support.gateway import HOLD_SECONDS, NOW, NS, WA, PracticeHost, running
from tests.support.rosters import never_closed
from tests.unit.services.test_rosters import CLOSED, HELD, duties, hold

OPEN = never_closed(WA)
DAY = 86_400


def changes_of(host: PracticeHost) -> RosterChanges:
    """What looks at the rosters of a host."""
    return RosterChanges(
        store=host.store, rosters=host.rosters, clock=host.clock, events=host.events
    )


async def paged(host: PracticeHost) -> list[int]:
    """The leaves of which somebody is to be paged."""
    return sorted(each.leaf_index for each in await duties(host))


async def test_what_a_new_roster_leaves_alone_is_paged_once() -> None:
    """Not while it stays, not again when it changes once more, and not by a host that starts."""
    async with running(HELD) as host:
        changes = changes_of(host)
        await hold(host, 1)
        await hold(host, 2)
        assert await changes.round([WA]) == 0
        host.disk.rosters[WA] = CLOSED
        assert await changes.round([WA]) == 2
        found = await duties(host)
        assert {each.kind for each in found} == {DutyKind.PAGE_HOLD_AT_NIGHT}
        assert "turn: " in found[0].about
        assert await changes.round([WA]) == 0
        other = msgspec.structs.replace(CLOSED, expiry="Ask again by day.")
        host.disk.rosters[WA] = other
        assert await changes.round([WA]) == 0
        assert await changes_of(host).round([WA]) == 0
        assert len(await duties(host)) == 2


async def test_what_was_paged_at_its_commit_is_not_paged_again() -> None:
    """The row says so, after a crash too."""
    async with running(HELD) as host:
        host.disk.rosters[WA] = CLOSED
        await hold(host, 1)
        assert len(await duties(host)) == 1
        assert await changes_of(host).round([WA]) == 0
        disk = host.disk
    async with running(disk=disk) as host:
        assert await changes_of(host).round([WA]) == 0
        assert len(await duties(host)) == 1


async def test_a_change_while_the_host_was_down_is_found_at_its_start() -> None:
    """By the roster in force over the hold's whole time; twice started, once paged."""
    async with running(HELD) as host:
        await hold(host, 1)
        disk = host.disk
    disk.rosters[WA] = CLOSED
    async with running(disk=disk) as host:
        assert [await changes_of(host).round([WA]) for _ in range(2)] == [1, 0]


async def test_a_start_at_night_pages_nobody() -> None:
    """A hold that had its day at the desk, under a roster that stayed, is nobody's news."""
    local_noon = NOW - NOW % DAY + 20 * 3_600
    office = msgspec.structs.replace(
        practice_roster(calendar_of(WA)),
        hours=((Span(first=0, last=780),),) * 7, open_on_holidays=True,
    )  # fmt: skip
    rules = HELD
    async with running(rules) as host:
        host.disk.rosters[WA] = office
        host.clock.advance_ns((local_noon - NOW) * NS)
        end = local_noon + 5 * 3_600
        assert not is_thin(office, local_noon, end)
        assert is_thin(office, end - 600, end)
        await hold_until(host, end)
        host.clock.advance_ns((end - 600 - local_noon) * NS)
        assert await changes_of(host).round([WA]) == 0


async def hold_until(host: PracticeHost, until: int) -> None:
    """Let Washington hold something that was opened now and ends then."""
    await hold(host, 1)
    tables = host.store.tables
    now = host.clock.now_ns() // NS
    tables.holds = {
        place: msgspec.structs.replace(row, opened_at=now, until=until)
        for place, row in tables.holds.items()
    }


async def test_what_is_thin_under_both_is_no_news_and_none_before_is() -> None:
    """Only what the change does is paged; a first roster counts for all."""
    async with running(HELD) as host:
        changes = changes_of(host)
        host.disk.rosters[WA] = None
        await changes.round([WA])
        await hold(host, 1)
        assert await duties(host) == []
        host.disk.rosters[WA] = CLOSED
        assert await changes.round([WA]) == 1
        host.disk.rosters[WA] = None
        assert await changes.round([WA]) == 0


async def test_what_waits_for_somebody_else_or_has_ended_pages_nobody() -> None:
    """Asked about, over, or beyond its clock."""
    async with running(HELD) as host:
        changes = changes_of(host)
        await hold(host, 1)
        await changes.round([WA])
        tables = host.store.tables
        ((place, row),) = tables.holds.items()
        host.disk.rosters[WA] = CLOSED
        tables.holds[place] = msgspec.structs.replace(row, asked_at=NOW)
        assert await changes.round([WA]) == 0
        host.disk.rosters[WA] = OPEN
        tables.holds[place] = row
        await changes.round([WA])
        host.clock.advance_ns(HOLD_SECONDS * NS)
        host.disk.rosters[WA] = CLOSED
        assert await changes.round([WA]) == 0


async def test_more_than_a_round_takes_goes_on_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The nearest deadline first, until all of it is paged."""
    monkeypatch.setattr(module, "PAGED_A_ROUND_MAX", 2)
    async with running(HELD) as host:
        changes = changes_of(host)
        await changes.round([WA])
        for number in (1, 2, 3):
            await hold(host, number)
        host.disk.rosters[WA] = CLOSED
        assert [await changes.round([WA]) for _ in range(3)] == [2, 1, 0]
        assert len(await paged(host)) == 3


async def test_a_store_that_is_down_is_asked_again() -> None:
    """Nothing is taken as done."""
    async with running(HELD) as host:
        changes = changes_of(host)
        await hold(host, 1)
        await changes.round([WA])
        host.disk.rosters[WA] = CLOSED
        host.store.is_down = True
        with pytest.raises(StoreDownError):
            await changes.round([WA])
        host.store.is_down = False
        assert await changes.round([WA]) == 1


def test_many_at_once_are_as_one_by_one() -> None:
    """For spans that begin and end anywhere within two months."""
    office: Roster = practice_roster(calendar_of(Member("wa")))
    spans = [
        (NOW + start * 40_000, NOW + start * 40_000 + length * 3_600)
        for start in range(0, 130, 7)
        for length in (1, 5, 15, 16, 40, 700)
    ]
    assert thin_among(office, spans) == [is_thin(office, *span) for span in spans]
    assert thin_among(office, []) == []
