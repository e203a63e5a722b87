"""Who is told what: requests under way, requests that wait, and the two fronts as one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from comity.front.http.lines import (
    LINE_UNSETTLED_MAX,
    NOTICES_MAX,
    Fate,
    HttpLines,
    LineFullError,
    LineSwitch,
    OtherBytesError,
)
from comity.ports import LineFrame, StoreDownError
from comity.services.events import Events
from tests.support.gateway import LINES
from tests.support.line import MemoryLog
from tests.support.written_lines import WrittenLines

LINE = "http:salem-1"


def http_lines() -> HttpLines:
    return HttpLines(Events(MemoryLog()))


async def test_message_is_told_its_fate_once() -> None:
    """Accepted or refused, to the request that handed it in, and to no other."""
    lines = http_lines()
    fate, is_first = lines.ask(LINE, 7, b"m")
    lines.accepted(LINE, 8)
    lines.accepted("http:salem-2", 7)
    assert (is_first, fate.done()) == (True, False)
    lines.accepted(LINE, 7)
    lines.refused(LINE, 7, "busy")
    assert fate.result() == Fate()
    fate, is_first = lines.ask(LINE, 7, b"m")
    lines.refused(LINE, 7, "frame-number-reused")
    assert (is_first, fate.result()) == (True, Fate(refusal="frame-number-reused"))


async def test_error_message_comes_before_its_message_is_accepted() -> None:
    """What is not kept and comes first is what the message is answered with."""
    lines = http_lines()
    fate, _ = lines.ask(LINE, 7, b"m")
    assert lines.deliver(LINE, 0, 7, b"ER")
    lines.accepted(LINE, 7)
    assert fate.result() == Fate(error=b"ER")


async def test_repeat_under_way_joins_and_other_bytes_do_not() -> None:
    """The same message twice at once has one fate; another one under its number is none of it."""
    lines = http_lines()
    first, _ = lines.ask(LINE, 7, b"m")
    second, is_first = lines.ask(LINE, 7, b"m")
    assert not is_first
    with pytest.raises(OtherBytesError):
        lines.ask(LINE, 7, b"n")
    lines.accepted(LINE, 7)
    assert first.result() == second.result() == Fate()


async def test_message_whose_handing_in_fails_may_come_again() -> None:
    """Whoever waits for it is told so; what went wrong is an event."""
    lines = http_lines()

    async def fail(_: Sequence[LineFrame]) -> None:
        raise StoreDownError("practice")

    async def forget(_: Sequence[LineFrame]) -> None:
        pass

    for take, failures in ((fail, 1), (forget, 1)):
        fate, is_first = lines.ask(LINE, 7, b"m")
        assert is_first
        lines.hand_in(LineFrame(line=LINE, number=7, data=b"m"), take)
        assert await fate == Fate(refusal="busy")
        assert lines._events.counts["http_message_not_taken"] == failures


async def test_messages_under_way_are_counted_by_line() -> None:
    """64 of a line, and not one more; each whose fate is known makes room; others go on."""
    lines = http_lines()
    for number in range(1, LINE_UNSETTLED_MAX + 1):
        lines.ask(LINE, number, b"m")
    with pytest.raises(LineFullError):
        lines.ask(LINE, 1_000, b"m")
    lines.ask(LINE, 1, b"m")
    lines.ask("http:salem-2", 1_000, b"m")
    lines.accepted(LINE, 1)
    lines.ask(LINE, 1_000, b"m")
    with pytest.raises(LineFullError):
        lines.ask(LINE, 1_001, b"m")


async def test_delivery_wakes_who_waits_for_it() -> None:
    """Its message's request and those of the whole line; nobody else, and nobody is no fault."""
    lines = http_lines()
    assert not lines.deliver(LINE, 1, 7, b"DR")
    with lines.watch(LINE, 7) as mine, lines.watch(LINE, 8) as other, lines.watch(LINE) as every:
        assert lines.deliver(LINE, 1, 7, b"DR")
        await mine.woken(60)
        await every.woken(60)
        await other.woken(0)
        assert (mine.is_over, every.is_over, other.is_over) == (False, False, True)
    assert not lines.deliver(LINE, 2, 7, b"DR")


async def test_status_message_is_heard_by_who_waits() -> None:
    """It is not kept, so that a waiting request alone hears it; 16 of them, and no more."""
    lines = http_lines()
    with lines.watch(LINE, 7) as watch:
        for number in range(NOTICES_MAX + 1):
            lines.deliver(LINE, 0, 7, b"SM %d" % number)
        assert watch.notices == [b"SM %d" % number for number in range(NOTICES_MAX)]


async def test_closing_ends_every_wait() -> None:
    """Those that wait, and those that come after."""
    lines = http_lines()
    with lines.watch(LINE) as before:
        lines.close()
        with lines.watch(LINE, 7) as after:
            assert (before.is_over, after.is_over) == (True, True)
            await before.woken(60)


async def test_switch_tells_the_fronts_apart_by_the_name() -> None:
    """A line goes to the front by which it came, and never to the other."""
    tcp, http = WrittenLines(LINES), WrittenLines(LINES)
    http.connected = {LINE}
    switch = LineSwitch(tcp=tcp, http=http)
    for line in ("salem-1", LINE):
        switch.accepted(line, 1)
        switch.refused(line, 2, "busy")
        assert switch.deliver(line, 3, 1, b"DR")
    assert tcp.told == [("salem-1", 1, "accepted"), ("salem-1", 2, "busy")]
    assert http.told == [(LINE, 1, "accepted"), (LINE, 2, "busy")]
    assert tcp.delivered == [("salem-1", 3, 1, b"DR")]
    assert http.delivered == [(LINE, 3, 1, b"DR")]
