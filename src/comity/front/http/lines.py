"""HTTP's side of the `Lines` port: what requests wait for, and one port over both fronts.

A message has one entry until its fate is known; a repeat that comes meanwhile joins it, and it goes
on if whoever asked has left. A watch is a request that waits for deliveries, of one message or of
its whole line. Nothing here is durable: a reply is read from what is kept, a watch only says when
to look.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from comity.directory.directory import HTTP_LINE_PREFIX
from comity.domain.errors import ComityError
from comity.ports import LineFrame, Lines
from comity.services.events import Events

__all__ = [
    "LINE_UNSETTLED_MAX",
    "NOTICES_MAX",
    "Fate",
    "HttpLines",
    "LineFullError",
    "LineSwitch",
    "OtherBytesError",
    "Watch",
]

NOTICES_MAX: Final = 16
"""Status messages that a waiting request hears; they are not kept, and more are passed over."""


LINE_UNSETTLED_MAX: Final = 64
"""Messages of one line whose fate is not known, while the store is away for instance."""

Take = Callable[[Sequence[LineFrame]], Awaitable[None]]


class OtherBytesError(ComityError):
    """A message with other bytes is under way under the same number."""

    code = "other-bytes-under-way"


class LineFullError(ComityError):
    """Too many messages of a line are under way."""

    code = "line-full"


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message: accepted, answered by an error message, or not taken (a code)."""

    error: bytes = b""
    refusal: str = ""


_BUSY: Final = Fate(refusal="busy")


class _Asked:
    """A message whose fate is not known yet."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.error = b""
        self.fate: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()


class Watch:
    """A request that waits; `is_over` says that nothing more will come to it."""

    def __init__(self) -> None:
        self.notices: list[bytes] = []
        self.is_over = False
        self._woken = asyncio.Event()

    def wake(self, notice: bytes = b"") -> None:
        """Have the request look again; a notice is a status message, which is not kept."""
        if notice and len(self.notices) < NOTICES_MAX:
            self.notices.append(notice)
        self._woken.set()

    def end(self) -> None:
        """Have the request answer with what there is."""
        self.is_over = True
        self._woken.set()

    async def woken(self, seconds: float) -> None:
        """Wait until there is something to look at, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            self.is_over = True
        self._woken.clear()


class HttpLines:
    """The live requests of agencies' lines; is the `Lines` port to the services."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._asked: dict[tuple[str, int], _Asked] = {}
        self._unsettled: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._watches: dict[tuple[str, int], set[Watch]] = {}
        self._is_closed = False

    # The Lines port.

    def accepted(self, line: str, number: int) -> None:
        """Tell a line that its message is durable, or was answered by an error message."""
        asked = self._asked.get((line, number))
        if asked is not None:
            self._settle(line, number, Fate(error=asked.error))

    def refused(self, line: str, number: int, code: str) -> None:
        """Tell a line that its message was not taken."""
        self._settle(line, number, Fate(refusal=code))

    def deliver(self, line: str, number: int, reply_to: int, data: bytes) -> bool:
        """Wake the requests that wait for a delivery; say whether there are any.

        What is not kept (number 0) is an error message where its message has no fate yet, else a
        status message, which only those hear who wait.
        """
        asked = self._asked.get((line, reply_to))
        if number == 0 and asked is not None:
            asked.error = data
            return True
        watches = [
            watch
            for place in {(line, reply_to), (line, 0)}
            for watch in self._watches.get(place, ())
        ]
        for watch in watches:
            watch.wake(b"" if number else data)
        return bool(watches)

    # What requests call.

    def ask(self, line: str, number: int, data: bytes) -> tuple[asyncio.Future[Fate], bool]:
        """Enter a message; return what will become of it, and whether it is to be handed in.

        A message that is not handed in is under way already: the same bytes, asked again.
        Raises: OtherBytesError, LineFullError.
        """
        asked = self._asked.get((line, number))
        if asked is not None:
            if asked.data != data:
                raise OtherBytesError("another message is under way under this number")
            return asked.fate, False
        if self._unsettled[line] >= LINE_UNSETTLED_MAX:
            raise LineFullError("too many messages of this line are under way")
        self._unsettled[line] += 1
        asked = self._asked[line, number] = _Asked(data)
        return asked.fate, True

    def hand_in(self, frame: LineFrame, take: Take) -> None:
        """Hand a message in, on its own: whoever asked may leave, and it goes on."""
        task = asyncio.ensure_future(self._hand_in(frame, take))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hand_in(self, frame: LineFrame, take: Take) -> None:
        try:
            await take([frame])
        except Exception as error:  # noqa: BLE001 - one message must not end the front
            self._events.failure("http_message_not_taken", error)
        finally:
            # What was recorded before a fault is found again when the message is repeated.
            self._settle(frame.line, frame.number, _BUSY)

    def _settle(self, line: str, number: int, fate: Fate) -> None:
        """Tell whoever waits what became of a message; a fate is known once."""
        asked = self._asked.pop((line, number), None)
        if asked is None:
            return
        asked.fate.set_result(fate)
        self._unsettled[line] -= 1
        if not self._unsettled[line]:
            del self._unsettled[line]

    @contextmanager
    def watch(self, line: str, number: int = 0) -> Iterator[Watch]:
        """Watch for deliveries that answer a message, or with 0 for all of a line."""
        watch = Watch()
        watch.is_over = self._is_closed
        place = (line, number)
        self._watches.setdefault(place, set()).add(watch)
        try:
            yield watch
        finally:
            self._watches[place].discard(watch)
            if not self._watches[place]:
                del self._watches[place]

    def close(self) -> None:
        """Have every waiting request answer with what there is."""
        self._is_closed = True
        for watches in self._watches.values():
            for watch in watches:
                watch.end()

    def end(self) -> None:
        """End what is still under way; what is recorded of it is found again."""
        for task in list(self._tasks):
            task.cancel()


class LineSwitch:
    """One `Lines` port over both fronts: a line's name says by which one it came."""

    def __init__(self, *, tcp: Lines, http: Lines) -> None:
        self._tcp = tcp
        self._http = http

    def accepted(self, line: str, number: int) -> None:
        """Tell a line that its message is durable, or was answered by an error message."""
        self._of(line).accepted(line, number)

    def refused(self, line: str, number: int, code: str) -> None:
        """Tell a line that its message was not taken."""
        self._of(line).refused(line, number, code)

    def deliver(self, line: str, number: int, reply_to: int, data: bytes) -> bool:
        """Write a delivery, or wake who waits for it."""
        return self._of(line).deliver(line, number, reply_to, data)

    def _of(self, line: str) -> Lines:
        return self._http if line.startswith(HTTP_LINE_PREFIX) else self._tcp
