"""Pages: duties by which a person is reached, carried out until someone was.

    1. read what is to be done, oldest first
    2. hand each page to the pager; it says that it was delivered, or it fails
    3. delivered: the gateway lets go of the duty; while it is away it is asked again, and nobody is
       paged again unless this process ended in between
    4. failed: again later, each time after twice as long, up to a minute; from the third failure on
       each is an alarm
    A few go out at a time: one that hangs keeps no other. Certifications of one state that lapse,
    and what it holds at night, go out together, as one page that names some and counts the rest.

Guarantee: a duty is never let go of before its page was delivered. A page names a state and a leaf,
never a person (invariant `public-bytes-hold-no-person`).
Source: docs/adr/0030-announcing-rules.md, "Pages"; docs/adr/0045-certifications-that-lapse.md;
docs/adr/0051-staffed-hours.md; docs/adr/0056-onward-transfers.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
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
    DutyKind.PAGE_CERTIFICATION_LAPSES: "{count} to {state} {lapse} soon: {about}. What is asked"
    " after that day is decided by the rules without a certification.",
    DutyKind.PAGE_CERTIFICATION_LAPSED: "{count} to {state} {have} lapsed: {about}. What is asked"
    " now is decided by the rules without a certification.",
    DutyKind.PAGE_HOLD_UNSTAFFED: "Rules of {state} hold more since now, and it lacks {about}. What"
    " they hold ends unanswered until somebody is there to decide.",
    DutyKind.PAGE_HOLD_AT_NIGHT: "{count} held by {state} {wait} while its desk is closed: {about}."
    " What nobody decides until then is not released.",
    DutyKind.PAGE_DEMAND_DUE: "A demand for {state}'s own data must be answered soon: {about}. Its"
    " page on the legal desk says what was done.",
    DutyKind.PAGE_DEMAND_OVERDUE: "A demand for {state}'s own data was not answered in time:"
    " {about}. Counsel must act on it now.",
    DutyKind.PAGE_ONWARD_REFUSED: "What {state} released was passed on to whom its rules refuse it:"
    " {about}. Its agency told so.",
    DutyKind.PAGE_ONWARD_UNANSWERED: "An agency did not tell {state} in ten days to whom it passed"
    " on release {about}.",
    DutyKind.PAGE_APPEAL_OVERDUE: "An appeal to {state} was not decided in ten business days. It is"
    " still owed a decision, by somebody who had no part in the refusal.",
}
_COUNTED: Final = {
    DutyKind.PAGE_CERTIFICATION_LAPSES: "certification",
    DutyKind.PAGE_CERTIFICATION_LAPSED: "certification",
    DutyKind.PAGE_HOLD_AT_NIGHT: "request",
}
"""Duties of which those of one state that are due go out as one page, and what each is about."""
_APART_SECONDS: Final = {DutyKind.PAGE_HOLD_AT_NIGHT: 300.0}
"""How long after such a page of a state the next one leaves at the earliest."""
_KINDS: Final = (tuple(kind for kind in DutyKind if kind not in _APART_SECONDS), (*_APART_SECONDS,))
_NAMED_MAX: Final = 5
"""Of how many duties a page that is of several says what they are about."""

_Page = tuple[DutyRow, ...]
"""Duties that one page is of."""

End = Callable[[Member, int], Awaitable[None]]
"""Has the gateway let go of a duty."""


class _Tried(msgspec.Struct, frozen=True, kw_only=True):
    """How often a page failed, and when it is tried again (Unix seconds)."""

    failures: int
    again_at: float


class Paging:
    """Delivers the pages of one host's members.

    `_tried` has those that failed so far, `_delivered` those that the gateway still has, `_paged`
    when a page of a state left last, of the kinds that leave some time apart.
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
        self._paged: dict[tuple[Member, str], float] = {}

    async def round(self) -> int:
        """Deliver what is due; return of how many the gateway let go. Raises: StoreDownError."""
        # Apart: pages of a busy night that wait must keep no other from being read.
        pages = [
            duty
            for kinds in _KINDS
            for duty in await self._store.duties(self._members, PAGES_A_ROUND_MAX, kinds)
        ]
        self._tried = {d.duty_id: self._tried[d.duty_id] for d in pages if d.duty_id in self._tried}
        self._delivered &= {d.duty_id for d in pages}
        now = self._now()
        due = [d for d in pages if self._is_due(d, now)]
        slots = asyncio.Semaphore(_AT_A_TIME)
        return sum(await asyncio.gather(*(self._deliver(page, slots) for page in self._pages(due))))

    def _pages(self, due: Sequence[DutyRow]) -> list[_Page]:
        """Return duties by the page that they go out in; what was delivered stands apart."""
        pages: dict[object, list[DutyRow]] = {}
        for duty in due:
            is_alone = duty.kind not in _COUNTED or duty.duty_id in self._delivered
            key: object = duty.duty_id if is_alone else (duty.member, duty.kind)
            pages.setdefault(key, []).append(duty)
        return [tuple(page) for page in pages.values()]

    def _is_due(self, duty: DutyRow, now: float) -> bool:
        if duty.duty_id in self._tried and self._again(duty) > now:
            return False
        apart = _APART_SECONDS.get(DutyKind(duty.kind), 0.0)
        last = self._paged.get((duty.member, duty.kind), float("-inf"))
        return duty.duty_id in self._delivered or last + apart <= now

    def _now(self) -> float:
        return self._clock.now_ns() / _NS

    def _again(self, duty: DutyRow) -> float:
        return self._tried[duty.duty_id].again_at

    async def _deliver(self, page: _Page, slots: asyncio.Semaphore) -> int:
        """Deliver one page and end its duties; return how many the gateway let go."""
        if page[0].duty_id not in self._delivered:
            try:
                async with slots:
                    await self._pager.page(_message(page))
            except ComityError as error:
                failures = max(self._put_off(duty) for duty in page)
                self._events.failure("page_not_delivered", error, member=page[0].member)
                if failures >= _ALARM_AFTER:
                    member = page[0].member
                    self._events.alarm("page_keeps_failing", member=member, failures=failures)
                return 0
            self._delivered.update(duty.duty_id for duty in page)
            self._paged[page[0].member, page[0].kind] = self._now()
            self._events.note("pages_delivered")
        return sum([await self._ended(duty) for duty in page])

    async def _ended(self, duty: DutyRow) -> bool:
        try:
            await self._end(duty.member, duty.duty_id)
        except ComityError as error:
            self._put_off(duty)
            self._events.failure("page_not_ended", error, member=duty.member)
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


def _message(page: _Page) -> bytes:
    """Return a page: one line of JSON."""
    first = page[0]
    kind = DutyKind(first.kind)
    said = {
        "v": 1,
        "event": kind.removeprefix("page_"),
        "state": first.member,
        "entry": entry_name(first.member, first.leaf_index),
        "at": f"{datetime.fromtimestamp(first.made_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "text": _text(kind, first.member, [duty.about for duty in page]),
    }
    return msgspec.json.encode(said) + b"\n"


def _text(kind: DutyKind, member: Member, abouts: Sequence[str]) -> str:
    is_one = len(abouts) == 1
    counted = _COUNTED.get(kind, "")
    return _SENTENCES[kind].format(
        state=member_label(member),
        count=f"1 {counted}" if is_one else f"{len(abouts)} {counted}s",
        lapse="lapses" if is_one else "lapse",
        have="has" if is_one else "have",
        wait="waits" if is_one else "wait",
        about="; ".join(_named(abouts)),
    )


def _named(abouts: Sequence[str]) -> Iterable[str]:
    yield from abouts[:_NAMED_MAX]
    if len(abouts) > _NAMED_MAX:
        yield f"and {len(abouts) - _NAMED_MAX} more"
