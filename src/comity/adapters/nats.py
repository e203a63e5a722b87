"""The wire on NATS core: at most once, nothing kept, and word at once when nobody listens.

Guarantee: while the wire is down nothing waits to be sent: `publish` and `request` raise
UnreachableError. A connection that ends, for whatever reason, is replaced by a new one for as long
as the bus is open, with all its listeners. A handler's failure ends its own message and no other.

nats-py's own reconnection is not used: it would keep what was being sent, and gives up for good
where the server says an error. Source: NATS client protocol (no responders: status 503).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from itertools import count, takewhile
from typing import Any, Final, Protocol

import msgspec
import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from comity.adapters.errors import MessageTooLargeError
from comity.ports import Handler, UnreachableError

__all__ = ["HANDLERS_MAX", "FailureLog", "NatsBus"]

HANDLERS_MAX: Final = 256
"""Messages of one subject that are handled at the same time."""

WAITING_MESSAGES_MAX: Final = 8_192
"""Messages of one subject that wait to be handled; beyond them, messages are dropped."""

WAITING_BYTES_MAX: Final = 256 * 2**20
"""Bytes of one subject's messages that wait to be handled; beyond them, messages are dropped."""

CONNECT_SECONDS_MAX: Final = 5.0
"""How long a process waits for its first connection to the wire."""

LEAVE_SECONDS_MAX: Final = 1.0
"""How long a process that ends waits for the server to know it."""

UNHEARD_SECONDS_MAX: Final = 5.0
"""The server says that nobody listens within a round trip; after this it will not."""
FORGET_SECONDS: Final = 0.1
"""How often that is looked at: what a sender keeps until then is given back in small parts, for
five seconds' worth of it stopped everything for up to 0.3 s."""

_BACKOFF_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
_OPTIONS: Final[dict[str, Any]] = {
    "allow_reconnect": False,
    "connect_timeout": 2,
    # While it connects, the client tries again by itself; its own two seconds outlast most crashes.
    "reconnect_time_wait": 0.1,
    "ping_interval": 20,
    "max_outstanding_pings": 2,
    "pending_size": 16 * 2**20,
    "flush_timeout": 2,
    "drain_timeout": 2,
}
_NOBODY_LISTENS: Final = "503"


class FailureLog(Protocol):
    """Where it is said that something did not work."""

    def failure(self, event: str, error: Exception, **fields: str | float) -> None:
        """Record a failure under a static name."""
        ...


class _Listener(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that is listened on for as long as the bus is open."""

    subject: str
    group: str
    handler: Handler
    slots: asyncio.Semaphore


class NatsBus:
    """One connection to the wire. `_keep` owns `_client` and replaces it."""

    def __init__(self, options: Mapping[str, Any], log: FailureLog) -> None:
        self._options = {**_OPTIONS, **options, "error_cb": self._heard_error}
        self._log = log
        self._client: Client | None = None
        self._listeners: list[_Listener] = []
        self._subscriptions: list[Subscription] = []
        self._unheard: dict[str, tuple[float, Callable[[], None]]] = {}
        self._forgetting: asyncio.TimerHandle | None = None
        self._tokens = count()
        self._inbox = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls,
        options: Mapping[str, Any],
        log: FailureLog,
        *,
        patience_s: float = CONNECT_SECONDS_MAX,
    ) -> NatsBus:
        """Return a connected bus; `options` are those of `nats.connect`.

        Raises: UnreachableError if there is no connection within `patience_s`.
        """
        bus = cls(options, log)
        connected = asyncio.get_running_loop().create_future()
        bus._keeper = asyncio.create_task(bus._keep(connected))
        try:
            async with asyncio.timeout(patience_s):
                await connected
        except TimeoutError:
            await bus.close()
            raise UnreachableError("the wire cannot be reached") from None
        return bus

    async def close(self) -> None:
        """Listen no more, then end the connection and whatever is still being handled."""
        await self._stop_listening()
        ending = [task for task in (self._keeper, *self._tasks) if task is not None]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        if self._forgetting is not None:
            self._forgetting.cancel()

    async def _stop_listening(self) -> None:
        """Tell the server, so that from then on senders hear that nobody listens here."""
        client = self._client
        if client is None:
            return
        with contextlib.suppress(OSError, TimeoutError, nats.errors.Error):
            async with asyncio.timeout(LEAVE_SECONDS_MAX):
                for subscription in self._subscriptions:
                    await subscription.unsubscribe()
                await _settle(client)

    def is_connected(self) -> bool:
        """Say whether something that is sent now can arrive."""
        return self._client is not None and self._client.is_connected

    async def _keep(self, connected: asyncio.Future[None]) -> None:
        """Connect, listen, wait for the end of the connection, and begin again."""
        attempt = 0
        while True:
            closed = asyncio.Event()
            client = Client()
            try:
                await self._open(client, closed)
                attempt = 0
                if not connected.done():
                    connected.set_result(None)
                await closed.wait()
                self._log.failure("wire_lost", UnreachableError("the wire was lost"))
            except (OSError, TimeoutError, nats.errors.Error) as error:
                self._log.failure("wire_not_reached", _meaning(error))
            finally:
                self._client = None
                with contextlib.suppress(OSError, nats.errors.Error):
                    await client.close()
            await asyncio.sleep(_BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)])
            attempt += 1

    async def _open(self, client: Client, closed: asyncio.Event) -> None:
        async def ended() -> None:
            closed.set()

        await client.connect(**self._options, closed_cb=ended)
        self._inbox = client.new_inbox()
        self._subscriptions = []
        await client.subscribe(f"{self._inbox}.*", cb=self._heard_nobody)
        for listener in self._listeners:
            await self._subscribe(client, listener)
        await _settle(client)
        self._client = client

    async def _heard_error(self, error: Exception) -> None:
        self._log.failure("wire_error", _meaning(error))

    def _connected(self) -> Client:
        client = self._client
        if client is None or not client.is_connected:
            raise UnreachableError("the wire is down")
        return client

    async def publish(self, subject: str, data: bytes, *, unheard: Callable[[], None]) -> None:
        """Send; `unheard` is called if nobody listens.

        Raises: UnreachableError if the wire is down, MessageTooLargeError.
        """
        client = self._connected()
        token = str(next(self._tokens))
        self._unheard[token] = (asyncio.get_running_loop().time(), unheard)
        self._forget_later()
        try:
            await client.publish(subject, data, reply=f"{self._inbox}.{token}")
        except (OSError, nats.errors.Error) as error:
            self._unheard.pop(token, None)
            raise _meaning(error) from None

    async def _heard_nobody(self, message: Msg) -> None:
        if (message.headers or {}).get("Status") != _NOBODY_LISTENS:
            return
        found = self._unheard.pop(message.subject.rpartition(".")[2], None)
        if found is not None:
            found[1]()

    def _forget_later(self) -> None:
        if self._forgetting is None:
            loop = asyncio.get_running_loop()
            self._forgetting = loop.call_later(FORGET_SECONDS, self._forget)

    def _forget(self) -> None:
        """Drop what was sent long enough ago to have been heard; what stays is looked at again."""
        self._forgetting = None
        since = asyncio.get_running_loop().time() - UNHEARD_SECONDS_MAX
        # They stand in the order of sending.
        for token in [*takewhile(lambda t: self._unheard[t][0] <= since, self._unheard)]:
            del self._unheard[token]
        if self._unheard:
            self._forget_later()

    def post(self, subject: str, data: bytes) -> None:
        """Send without waiting, from outside a task; lost if the wire is down."""
        self._spawn(self._post(subject, data))

    async def _post(self, subject: str, data: bytes) -> None:
        try:
            await self._connected().publish(subject, data)
        except (UnreachableError, OSError, nats.errors.Error) as error:
            self._log.failure("message_not_posted", _meaning(error), subject=subject)

    async def request(self, subject: str, data: bytes, *, timeout_s: float) -> bytes:
        """Send and wait for the answer.

        Raises: UnreachableError if nobody listens or answers in time, MessageTooLargeError.
        """
        client = self._connected()
        try:
            answer = await client.request(subject, data, timeout=timeout_s)
        except (OSError, TimeoutError, nats.errors.Error) as error:
            raise _meaning(error) from None
        return bytes(answer.data)

    async def listen(self, subject: str, handler: Handler, *, group: str = "") -> None:
        """Call `handler` for each message; what it returns is the answer to a request.

        Up to `HANDLERS_MAX` messages are handled at the same time, in no order. Beyond what may
        wait, messages are dropped, as on any wire that delivers at most once.
        """
        listener = _Listener(
            subject=subject,
            group=group,
            handler=handler,
            slots=asyncio.Semaphore(HANDLERS_MAX),
        )
        self._listeners.append(listener)
        client = self._client
        if client is not None:
            # If the connection ends meanwhile, the next one listens.
            with contextlib.suppress(OSError, TimeoutError, nats.errors.Error):
                await self._subscribe(client, listener)
                await _settle(client)

    async def _subscribe(self, client: Client, listener: _Listener) -> None:
        async def take(message: Msg) -> None:
            await listener.slots.acquire()
            self._spawn(self._handle(listener, message))

        subscription = await client.subscribe(
            listener.subject,
            queue=listener.group,
            cb=take,
            pending_msgs_limit=WAITING_MESSAGES_MAX,
            pending_bytes_limit=WAITING_BYTES_MAX,
        )
        self._subscriptions.append(subscription)

    async def _handle(self, listener: _Listener, message: Msg) -> None:
        try:
            answer = await listener.handler(message.data)
            if answer is not None and message.reply:
                await self._connected().publish(message.reply, answer)
        except Exception as error:  # noqa: BLE001  one message must not stop the ones after it
            self._log.failure("message_not_handled", error, subject=listener.subject)
        finally:
            listener.slots.release()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _settle(client: Client) -> None:
    """Return once the server has taken in every subscription.

    Twice, because the client writes a ping ahead of the commands that wait to be written: only the
    second one comes after them.
    """
    await client.flush()
    await client.flush()


def _meaning(error: Exception) -> UnreachableError | MessageTooLargeError:
    """Return what a failure of the client means."""
    match error:
        case UnreachableError() | MessageTooLargeError():
            return error
        case nats.errors.MaxPayloadError():
            return MessageTooLargeError("a message is larger than the wire takes")
        case nats.errors.NoRespondersError():
            return UnreachableError("nobody listens")
        case TimeoutError():
            return UnreachableError("nobody answered in time")
        case _:
            return UnreachableError("the wire failed")
