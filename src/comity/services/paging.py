"""Pages: duties by which a person is reached, carried out until someone was.

    1. read what is to be done, oldest first
    2. hand each page to the pager; it says that it was delivered, or it fails
    3. delivered: the gateway lets go of the duty; while it is away it is asked again, and nobody is
       paged again unless this process ended in between
    4. failed: again later, each time after twice as long, up to a minute; from the third failure on
       each is an alarm
    A few go out at a time: one that hangs keeps no other.

Guarantee: a duty is never let go of before its page was delivered. A page names a state and a leaf,
never a person (invariant `public-bytes-hold-no-person`).
Source: docs/adr/0030-announcing-rules.md, "Pages".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import Member, entry_name, member_label
from comity.ports import Clock, DutyKind, DutyRow, Pager, Store
from comity.services.events import Events

__all__ = ["PAGES_A_ROUND_MAX", "LogPager", "Paging"]

PAGES_A_ROUND_MAX: Final = 100
_AT_A_TIME: Final = 8
_WAIT_SECONDS_MAX: Final = 60
_ALARM_AFTER: Final = 3
_NS: Final = 1_000_000_000
_SENTENCES: Final = {
    DutyKind.PAGE_BLOCK_UNCONFIRMED: "A block in {state} was not confirmed in time. It is a hold"
    " now: each query that it meets waits for a reviewer.",
    DutyKind.PAGE_URGENT_OVERDUE: "An urgent release of {state} was not looked at within a day. The"
    " look is still owed: call its agency back.",
}

End = Callable[[Member, int], Awaitable[None]]
"""Has the gateway let go of a duty."""


class _Tried(msgspec.Struct, frozen=True, kw_only=True):
    """How often a page failed, and when it is tried again (Unix seconds)."""

    failures: int
    again_at: float


class Paging:
    """Delivers the pages of one host's members.

    `_tried` has those that failed so far, `_delivered` those that the gateway still has.
    """

    def __init__(
        self,
        *,
        store: Store,
        members: Sequence[Member],
        pager: Pager,
        end: End,
        clock: Clock,
        events: Events,
    ) -> None:
        self._store = store
        self._members = members
        self._pager = pager
        self._end = end
        self._clock = clock
        self._events = events
        self._tried: dict[int, _Tried] = {}
        self._delivered: set[int] = set()

    async def round(self) -> int:
        """Deliver what is due; return of how many the gateway let go. Raises: StoreDownError."""
        pages = await self._store.duties(self._members, PAGES_A_ROUND_MAX, tuple(DutyKind))
        self._tried = {d.duty_id: self._tried[d.duty_id] for d in pages if d.duty_id in self._tried}
        self._delivered &= {d.duty_id for d in pages}
        now = self._now()
        due = [d for d in pages if d.duty_id not in self._tried or self._again(d) <= now]
        slots = asyncio.Semaphore(_AT_A_TIME)
        return sum(await asyncio.gather(*(self._deliver(duty, slots) for duty in due)))

    def _now(self) -> float:
        return self._clock.now_ns() / _NS

    def _again(self, duty: DutyRow) -> float:
        return self._tried[duty.duty_id].again_at

    async def _deliver(self, duty: DutyRow, slots: asyncio.Semaphore) -> bool:
        try:
            async with slots:
                if duty.duty_id not in self._delivered:
                    await self._pager.page(_message(duty))
                    self._delivered.add(duty.duty_id)
                    self._events.note("pages_delivered")
            await self._end(duty.member, duty.duty_id)
        except ComityError as error:
            failures = self._put_off(duty)
            if duty.duty_id in self._delivered:
                self._events.failure("page_not_ended", error, member=duty.member)
                return False
            self._events.failure("page_not_delivered", error, member=duty.member)
            if failures >= _ALARM_AFTER:
                self._events.alarm("page_keeps_failing", member=duty.member, failures=failures)
            return False
        return True

    def _put_off(self, duty: DutyRow) -> int:
        """Try a duty again later; return how often it failed."""
        tried = self._tried.get(duty.duty_id)
        failures = 1 if tried is None else tried.failures + 1
        wait = min(2**failures, _WAIT_SECONDS_MAX)
        self._tried[duty.duty_id] = _Tried(failures=failures, again_at=self._now() + wait)
        return failures


class LogPager:
    """Writes a page as an alarm of the log, which is all that there is without a command."""

    def __init__(self, events: Events) -> None:
        self._events = events

    async def page(self, message: bytes) -> None:
        """Write the message; that cannot fail."""
        self._events.alarm("page", message=message.decode("utf-8", "replace").strip())


def _message(duty: DutyRow) -> bytes:
    """Return a page: one line of JSON."""
    kind = DutyKind(duty.kind)
    page = {
        "v": 1,
        "event": kind.removeprefix("page_"),
        "state": duty.member,
        "entry": entry_name(duty.member, duty.leaf_index),
        "at": f"{datetime.fromtimestamp(duty.made_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "text": _SENTENCES[kind].format(state=member_label(duty.member)),
    }
    return msgspec.json.encode(page) + b"\n"
