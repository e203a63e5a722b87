"""The wire in memory: at most once, with the faults of a wire, set by whoever tests with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from comity.ports import Handler, UnreachableError

__all__ = ["MemoryBus", "MemoryWire"]


class _Listener(msgspec.Struct, kw_only=True):
    """Who listens on a subject, and how often it was its turn in its group."""

    bus: MemoryBus
    subject: str
    group: str
    handler: Handler
    turns: int = 0


class MemoryWire:
    """What all buses of a test share. While `is_down`, nobody is reached.

    `loses` decides for each message whether it is lost on the way; losing is silent.
    """

    def __init__(self) -> None:
        self.is_down = False
        self.loses: Callable[[str, bytes], bool] = lambda _subject, _data: False
        self.failures: list[tuple[str, Exception]] = []
        self.listeners: list[_Listener] = []

    def chosen(self, subject: str) -> list[_Listener]:
        """Return who gets a message: every listener alone, and one of each group in turn."""
        heard = [it for it in self.listeners if it.subject == subject]
        alone = [it for it in heard if not it.group]
        groups: dict[str, list[_Listener]] = {}
        for listener in heard:
            if listener.group:
                groups.setdefault(listener.group, []).append(listener)
        picked = [min(members, key=lambda it: it.turns) for members in groups.values()]
        for listener in picked:
            listener.turns += 1
        return alone + picked


class MemoryBus:
    """One process's connection to the wire."""

    def __init__(self, wire: MemoryWire) -> None:
        self._wire = wire
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop listening, and end whatever is still being handled."""
        self._wire.listeners = [it for it in self._wire.listeners if it.bus is not self]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def publish(self, subject: str, data: bytes, *, unheard: Callable[[], None]) -> None:
        """Send; `unheard` is called if nobody listens. Raises: UnreachableError."""
        await asyncio.sleep(0)
        if not self._send(subject, data):
            asyncio.get_running_loop().call_soon(unheard)

    def _send(self, subject: str, data: bytes) -> bool:
        """Hand a message to its listeners; say whether there are any."""
        if self._wire.is_down:
            raise UnreachableError("the wire is down")
        listeners = self._wire.chosen(subject)
        if not self._wire.loses(subject, data):
            for listener in listeners:
                listener.bus.spawn(listener.bus.handle(listener, data, None))
        return bool(listeners)

    def post(self, subject: str, data: bytes) -> None:
        """Send without waiting, from outside a task; lost if the wire is down."""
        if not self._wire.is_down:
            self._send(subject, data)

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        """Send and wait for the answer. Raises: UnreachableError."""
        await asyncio.sleep(0)
        if self._wire.is_down or not (listeners := self._wire.chosen(subject)):
            raise UnreachableError("nobody listens")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if not self._wire.loses(subject, data):
            for listener in listeners:
                listener.bus.spawn(listener.bus.handle(listener, data, answer))
        try:
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError:
            raise UnreachableError("nobody answered in time") from None

    async def listen(self, subject: str, handler: Handler, *, group: str = "") -> None:
        """Call `handler` for each message; what it returns is the answer to a request."""
        listener = _Listener(bus=self, subject=subject, group=group, handler=handler)
        self._wire.listeners.append(listener)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this process's work; it ends when the bus is closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def handle(
        self, listener: _Listener, data: bytes, answer: asyncio.Future[bytes] | None
    ) -> None:
        """Handle one message; its failure is kept and ends nothing else."""
        try:
            said = await listener.handler(data)
        except Exception as error:  # noqa: BLE001  one message must not stop the ones after it
            self._wire.failures.append((listener.subject, error))
            return
        if said is not None and answer is not None and not answer.done() and not self._wire.is_down:
            answer.set_result(said)
