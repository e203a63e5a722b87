"""The bus on NATS core: at most once, nothing kept, and it says when nobody listens.

A message sent while the wire is down is lost, and its sender is told: what must not be lost is in
the store, and is sent again from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from comity.domain.errors import ComityError
from comity.ports import Handler, UnreachableError
from comity.services.events import Events

__all__ = ["HANDLERS_MAX", "PENDING_BYTES_MAX", "PENDING_MESSAGES_MAX", "NatsBus"]

PENDING_MESSAGES_MAX: Final = 65_536
PENDING_BYTES_MAX: Final = 64 * 2**20
HANDLERS_MAX: Final = 64
_NO_RESPONDERS: Final = "503"
_RECONNECT_SECONDS: Final = 0.2
_UNHEARD_MAX: Final = 65_536


class NatsBus:
    """One connection to the wire; reconnects for ever."""

    def __init__(self, client: Client, inbox: str, events: Events) -> None:
        self._client = client
        self._inbox = inbox
        self._events = events
        self._next = 0
        self._unheard: dict[str, Callable[[], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(cls, options: Mapping[str, Any], events: Events) -> NatsBus:
        """Connect. Raises: UnreachableError if nobody listens or refuses us."""

        async def lost() -> None:
            events.note("bus_disconnected")

        async def back() -> None:
            events.note("bus_reconnected")

        async def failed(error: Exception) -> None:  # noqa: ARG001 - counted, not shown
            events.note("bus_errors")

        try:
            client = await nats.connect(
                **options,
                max_reconnect_attempts=-1,
                reconnect_time_wait=_RECONNECT_SECONDS,
                pending_size=PENDING_BYTES_MAX,
                disconnected_cb=lost,
                reconnected_cb=back,
                error_cb=failed,
            )
        except (NatsError, OSError, TimeoutError) as error:
            raise UnreachableError("the wire does not answer") from error
        inbox = f"{options.get('inbox_prefix', '_INBOX')}.unheard"
        bus = cls(client, inbox, events)
        await client.subscribe(f"{inbox}.*", cb=bus._on_unheard)
        return bus

    async def close(self) -> None:
        """End the connection; what handlers are doing is cancelled."""
        for task in list(self._tasks):
            task.cancel()
        await self._client.close()

    async def publish(self, subject: str, data: bytes, *, unheard: Callable[[], None]) -> None:
        """Send; `unheard` is called if nobody listens or the wire is down."""
        if not self._client.is_connected:
            unheard()
            return
        token = f"{self._inbox}.{self._next}"
        self._next += 1
        self._unheard[token] = unheard
        # Only "nobody listens" ever answers here; older ones were heard.
        if len(self._unheard) > _UNHEARD_MAX:
            self._unheard.pop(next(iter(self._unheard)))
        try:
            await self._client.publish(subject, data, reply=token)
        except (NatsError, OSError) as error:
            self._unheard.pop(token, None)
            self._events.note("bus_errors")
            raise UnreachableError("the wire did not take a message") from error

    def post(self, subject: str, data: bytes) -> None:
        """Send without waiting; lost if the wire is down."""
        self._spawn(self._post(subject, data))

    async def _post(self, subject: str, data: bytes) -> None:
        try:
            await self._client.publish(subject, data)
        except (NatsError, OSError):
            self._events.note("bus_errors")

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        """Send and wait for the answer. Raises: UnreachableError."""
        try:
            answer = await self._client.request(subject, data, timeout=timeout_s)
        except NoRespondersError:
            raise UnreachableError("nobody listens there") from None
        except (NatsError, OSError, TimeoutError) as error:
            raise UnreachableError("no answer came in time") from error
        return bytes(answer.data)

    async def listen(self, subject: str, handler: Handler, *, group: str = "") -> None:
        """Call `handler` for each message; what it returns is the answer to a request."""
        # Beyond this many at once the client's own bounded queue holds, and then drops, messages.
        places = asyncio.Semaphore(HANDLERS_MAX)

        async def take(message: Msg) -> None:
            await places.acquire()
            self._spawn(self._handle(handler, message), places.release)

        await self._client.subscribe(
            subject,
            queue=group,
            cb=take,
            pending_msgs_limit=PENDING_MESSAGES_MAX,
            pending_bytes_limit=PENDING_BYTES_MAX,
        )

    async def _handle(self, handler: Handler, message: Msg) -> None:
        try:
            answer = await handler(bytes(message.data))
            if answer is not None and message.reply:
                await self._client.publish(message.reply, answer)
        except asyncio.CancelledError:
            raise
        except ComityError as error:
            self._events.failure("message_not_handled", error)
        except Exception as error:  # noqa: BLE001 - one message must not stop the others
            self._events.failure("message_not_handled", error)

    async def _on_unheard(self, message: Msg) -> None:
        unheard = self._unheard.pop(message.subject, None)
        if unheard is not None and (message.headers or {}).get("Status") == _NO_RESPONDERS:
            unheard()

    def _spawn(
        self, work: Coroutine[Any, Any, None], at_end: Callable[[], None] = lambda: None
    ) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            at_end()

        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(ended)
