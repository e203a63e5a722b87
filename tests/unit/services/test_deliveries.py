"""Deliveries: kept, numbered, in order, again until they are acknowledged."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from comity.domain.query import Exchange
from comity.formats.json import parse_query
from comity.formats.text import render_query
from comity.link.parcel import Ask
from comity.ports import LineFrame, StoreDownError
from comity.services import deliveries as module
from comity.services.deliveries import RESTART_GAP, Standing
from comity.services.vault import month_of
from tests.support.gateway import (
    LINE,
    NOW,
    NS,
    OR,
    SALEM,
    PracticeHost,
    answer_to,
    answers,
    frame,
    held_answer_to,
    running,
)

OTHER = "salem-2"


async def ask(host: PracticeHost, *numbers: int, line: str = LINE) -> list[Exchange]:
    """Send frames; return what they ask, in their order."""
    await host.send(*(frame(number, line=line) for number in numbers))
    host.codes()
    return [parcel.exchange for parcel in host.courier.take() if isinstance(parcel, Ask)]


async def answer(host: PracticeHost, *exchanges: Exchange) -> None:
    """Let each exchange be answered, one envelope each."""
    for exchange in exchanges:
        await host.origin.take_answers(answers(answer_to(exchange)))


def numbers(host: PracticeHost) -> list[int]:
    """The numbers that were delivered since the last call."""
    return [number for number, _, _ in host.lines.take()]


def first(host: PracticeHost) -> int:
    """The first number that the line was given in this life."""
    return min(row.number for row in host.store.tables.results.values())


async def test_deliveries_rise_in_the_order_of_answers() -> None:
    """A number more for each; what is kept is what was written."""
    async with running() as host:
        await host.open_line()
        await answer(host, *await ask(host, 1, 2, 3))
        start = first(host)
        assert numbers(host) == [start, start + 1, start + 2]


async def test_each_line_has_its_own_numbers() -> None:
    """A delivery to one line is no gap in another's."""
    async with running() as host:
        await host.open_line()
        await host.open_line(OTHER)
        (one,), (two,) = await ask(host, 1), await ask(host, 1, line=OTHER)
        await answer(host, one, two)
        (here, there) = host.lines.delivered
        assert (here[0], there[0]) == (LINE, OTHER)
        assert here[1] == there[1]


async def test_a_line_that_is_away_gets_everything_when_it_comes() -> None:
    """In order, from rows, over several pages; the connection that is gone got nothing."""
    async with running() as host:
        await host.open_line()
        exchanges = await ask(host, *range(1, 8))
        host.lines.connected.discard(LINE)
        await answer(host, *exchanges)
        assert numbers(host) == []
        host.lines.connected.add(LINE)
        await host.open_line()
        start = first(host)
        assert numbers(host) == list(range(start, start + 7))


async def test_pages_are_read_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit a page comes with the next, also where the last page is just full."""
    monkeypatch.setattr(module, "PAGE_ROWS", 3)
    async with running() as host:
        await host.open_line()
        exchanges = await ask(host, *range(1, 7))
        host.lines.connected.discard(LINE)
        await answer(host, *exchanges)
        host.lines.connected.add(LINE)
        await host.open_line()
        start = first(host)
        assert numbers(host) == list(range(start, start + 6))


async def test_a_line_that_connects_while_the_store_is_away_is_not_forgotten() -> None:
    """What could not be read when the line came is written once the store is back."""
    async with running() as host:
        await host.open_line()
        exchanges = await ask(host, 1, 2)
        host.lines.connected.discard(LINE)
        await answer(host, *exchanges)
        host.lines.connected.add(LINE)
        host.store.is_down = True
        with pytest.raises(StoreDownError):
            await host.open_line()
        with pytest.raises(StoreDownError):
            await host.deliveries.resume_stopped()
        assert numbers(host) == []
        host.store.is_down = False
        await host.deliveries.resume_stopped()
        start = first(host)
        assert numbers(host) == [start, start + 1]


async def test_nothing_is_written_out_of_turn() -> None:
    """An answer that comes while a line is behind waits for those before it."""
    async with running() as host:
        await host.open_line()
        one, two = await ask(host, 1, 2)
        host.lines.connected.discard(LINE)
        await answer(host, one)
        host.lines.connected.add(LINE)
        await answer(host, two)
        assert numbers(host) == []
        await host.deliveries.resume(LINE)
        start = first(host)
        assert numbers(host) == [start, start + 1]


async def test_the_window_is_full_and_one_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the window are written ahead; each acknowledgement lets the next go."""
    monkeypatch.setattr(module, "WINDOW_DELIVERIES", 3)
    async with running() as host:
        await host.open_line()
        await answer(host, *await ask(host, *range(1, 7)))
        start = first(host)
        assert numbers(host) == [start, start + 1, start + 2]
        await host.deliveries.acknowledged(LINE, start + 1)
        assert numbers(host) == [start + 3, start + 4]
        await host.open_line()
        assert numbers(host) == [start + 2, start + 3, start + 4]
        await host.deliveries.acknowledged(LINE, start + 4)
        assert numbers(host) == [start + 5]


async def test_resumes_that_race_write_each_once() -> None:
    """Two calls at once, and an answer in between: every number once, in order."""
    async with running() as host:
        await host.open_line()
        *early, late = await ask(host, *range(1, 7))
        host.lines.connected.discard(LINE)
        await answer(host, *early)
        host.lines.connected.add(LINE)
        await host.deliveries.open_line(LINE)
        await asyncio.gather(
            host.deliveries.resume(LINE), answer(host, late), host.deliveries.resume(LINE)
        )
        start = first(host)
        assert numbers(host) == list(range(start, start + 6))


async def test_a_reconnected_line_gets_again_what_it_did_not_acknowledge() -> None:
    """The same bytes under the same numbers; what it acknowledged does not come again."""
    async with running() as host:
        await host.open_line()
        await answer(host, *await ask(host, 1, 2, 3))
        before = list(host.lines.delivered)
        numbers(host)
        await host.deliveries.acknowledged(LINE, first(host))
        assert await host.open_line() == (3, first(host) + 2)
        assert host.lines.delivered == before[1:]


@pytest.mark.parametrize("beyond", [-1, 0, 1_000_000])
async def test_an_acknowledgement_out_of_bounds_says_nothing(beyond: int) -> None:
    """Zero, less than the last, or what was never made: nothing is passed over."""
    async with running() as host:
        await host.open_line()
        await answer(host, *await ask(host, 1, 2))
        start = first(host)
        await host.deliveries.acknowledged(LINE, start)
        await host.deliveries.acknowledged(LINE, start + beyond)
        await host.deliveries.acknowledged("unheard-of", start)
        numbers(host)
        await host.open_line()
        assert numbers(host) == [start + 1]


async def test_numbers_leap_at_a_restart() -> None:
    """A number that may have been written and lost is never given to other bytes."""
    async with running() as host:
        await host.open_line()
        await answer(host, *await ask(host, 1))
        start = first(host)
        await host.crash()
        async with running(disk=host.disk) as next_life:
            assert await next_life.open_line() == (1, start + RESTART_GAP)
            assert numbers(next_life) == [start]
            await answer(next_life, *await ask(next_life, 2))
            assert numbers(next_life) == [start + RESTART_GAP + 1]


async def test_a_late_word_for_a_lost_delivery_passes_nothing_over() -> None:
    """The row went with the crash, its acknowledgement comes after: what follows is still sent."""
    async with running() as host:
        await host.open_line()
        await answer(host, *await ask(host, 1))
        start = first(host)
        host.store.tables.results.clear()
        await host.crash()
        async with running(disk=host.disk) as next_life:
            await next_life.origin.recover(0)
            await next_life.open_line()
            await next_life.deliveries.acknowledged(LINE, start)
            await next_life.origin.redrive()
            (again,) = [p.exchange for p in next_life.courier.take() if isinstance(p, Ask)]
            await answer(next_life, again)
            assert len(numbers(next_life)) == 1


async def test_acknowledgements_are_kept() -> None:
    """Saved every second; what was acknowledged does not come again after a restart."""
    async with running() as host:
        await host.open_line()
        await answer(host, *await ask(host, 1, 2))
        await host.deliveries.acknowledged(LINE, first(host))
        host.store.is_down = True
        with pytest.raises(StoreDownError):
            await host.deliveries.save_acknowledged()
        host.store.is_down = False
        await host.deliveries.save_acknowledged()
        start = first(host)
        await host.crash()
        async with running(disk=host.disk) as next_life:
            await next_life.open_line()
            assert numbers(next_life) == [start + 1]


async def test_a_repeated_frame_gets_its_results_again_in_no_ones_place() -> None:
    """What was written is repeated; what was not yet comes in its turn only."""
    async with running() as host:
        await host.open_line()
        one, two = await ask(host, 1, 2)
        await answer(host, one)
        start = first(host)
        host.lines.connected.discard(LINE)
        await answer(host, two)
        host.lines.connected.add(LINE)
        numbers(host)
        await host.send(frame(1), frame(2))
        assert numbers(host) == [start]
        await host.deliveries.resume(LINE)
        assert numbers(host) == [start + 1]


async def test_a_delivery_that_cannot_be_opened_is_passed_over() -> None:
    """Its month key is gone: the line gets what comes behind it."""
    async with running() as host:
        await host.open_line()
        host.lines.connected.discard(LINE)
        await answer(host, *await ask(host, 1))
        host.clock.advance_ns(40 * 86_400 * NS)
        await host.health.check()
        await answer(host, *await ask(host, 2))
        assert host.disk.keyring.destroy(OR, month_of(NOW))
        host.lines.connected.add(LINE)
        await host.open_line()
        assert numbers(host) == [first(host) + 1]
        assert host.events.counts["delivery_not_opened"] == 1


async def test_a_save_waits_out_the_store() -> None:
    """Results are kept under the numbers they were given; none is passed over."""
    async with running() as host:
        await host.open_line()
        one, two = await ask(host, 1, 2)
        host.store.is_down = True
        saving = asyncio.create_task(answer(host, one))
        await host.until("results_not_saved", 2)
        assert numbers(host) == []
        host.store.is_down = False
        await saving
        await answer(host, two)
        start = first(host)
        assert numbers(host) == [start, start + 1]


async def test_a_text_line_is_answered_in_text() -> None:
    """The requester's own format, for the agency that asked."""
    async with running() as host:
        await host.open_line()
        message = render_query(parse_query(frame(1).data))
        await host.send(LineFrame(line=LINE, number=1, data=message))
        await answer(host, *[p.exchange for p in host.courier.take() if isinstance(p, Ask)])
        ((_, _, _, data),) = host.lines.delivered
        assert data.startswith(b"DR.")
        assert SALEM.encode() in data


PULLED = "http:salem-1"


async def test_a_line_that_pulls_is_told_and_reads_itself() -> None:
    """Each new delivery is a word to it, never one of those that wait; all are read by number."""
    async with running() as host:
        host.lines.connected.add(PULLED)
        assert await host.deliveries.open_pulled(PULLED) == 0
        one, two = await ask(host, 11, 7, line=PULLED)
        await answer(host, one, two)
        start = first(host)
        assert numbers(host) == [start, start + 1]
        page = await host.deliveries.kept_after(PULLED, 0, 1)
        assert ([d.number for d in page.deliveries], page.last, page.is_full) == (
            [start],
            start,
            True,
        )
        page = await host.deliveries.kept_after(PULLED, start, 2)
        (kept,) = page.deliveries
        assert (kept.number, kept.reply_to, page.last) == (start + 1, 7, start + 1)
        assert not page.is_full
        empty = await host.deliveries.kept_after(PULLED, start + 1, 2)
        assert (empty.deliveries, empty.last) == ((), start + 1)


async def test_acknowledgement_of_a_line_that_pulls_writes_nothing() -> None:
    """It moves the place from which is read, also over a restart, and nothing else."""
    async with running() as host:
        host.lines.connected.add(PULLED)
        await host.deliveries.open_pulled(PULLED)
        await answer(host, *await ask(host, 11, 7, line=PULLED))
        start = first(host)
        numbers(host)
        await host.deliveries.acknowledged(PULLED, start)
        await host.deliveries.acknowledged(PULLED, start + 500_000)
        assert await host.deliveries.open_pulled(PULLED) == start
        assert numbers(host) == []
        await host.deliveries.save_acknowledged()
        async with running(disk=host.disk) as again:
            assert await again.deliveries.open_pulled(PULLED) == start


async def test_standing_counts_what_each_state_has_said() -> None:
    """A notice that a person decides is an answer and no end; an unknown frame stands nowhere."""
    async with running() as host:
        await host.deliveries.open_pulled(PULLED)
        await host.send(frame(9, "TX", "WA", line=PULLED))
        texas, washington = [p.exchange for p in host.courier.take() if isinstance(p, Ask)]
        assert await host.deliveries.standing(PULLED, 8) is None
        assert await host.deliveries.standing(LINE, 9) is None
        seen: list[Standing] = []
        for said in (held_answer_to(texas), answer_to(washington), answer_to(texas, step=1)):
            await host.origin.take_answers(answers(said))
            found = await host.deliveries.standing(PULLED, 9)
            assert found is not None
            seen.append(found)
        places = [(len(s.rows), s.is_answered, s.is_ended) for s in seen]
        assert places == [(1, False, False), (2, True, False), (3, True, True)]
        rows = seen[-1].delivered
        assert [row.number for row in rows] == sorted(row.number for row in rows)
        assert len(host.deliveries.opened(rows)) == 3
        told = seen[0].rows[0]
        silent = msgspec.structs.replace(told, number=0)
        merged = msgspec.structs.replace(told, exchange_id=told.query_id, number=told.number + 1)
        one_for_all = msgspec.structs.replace(seen[0], rows=(merged, silent))
        assert one_for_all.delivered == (merged,)
        assert (one_for_all.is_answered, one_for_all.is_ended) == (True, False)


async def test_what_cannot_be_opened_is_passed_over_by_who_reads() -> None:
    """A row whose key is gone is in no page, and the page says that it was read."""
    async with running() as host:
        await host.deliveries.open_pulled(PULLED)
        await answer(host, *await ask(host, 11, line=PULLED))
        host.disk.keyring.destroy(OR, month_of(NOW))
        page = await host.deliveries.kept_after(PULLED, 0, 5)
        assert (page.deliveries, page.last) == ((), first(host))
