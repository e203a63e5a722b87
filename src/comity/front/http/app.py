"""The ASGI application: who asks, what it asks, and the reply, each with its limits.

    1. the path and the method are known
    2. the line that the certificate names is listed, and has not too many requests under way
    3. headers and query are read strictly, then the body up to its limit, then it is handled

Guarantee: every failure is a problem document.
INVARIANT (fail-closed): what is not listed gets no further than 2.
Source: docs/adr/0015-http-front.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, assert_never

from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from comity.directory.http_lines import http_line
from comity.domain.errors import ComityError
from comity.front.http.desk import HttpDesk
from comity.front.http.handlers import Handlers, Visit
from comity.front.http.lines import HttpLines
from comity.front.http.problems import Problem, ProblemError
from comity.front.http.replies import Reply, reply_headers
from comity.front.http.routes import OPERATIONS, Name, Operation
from comity.services.events import Events

__all__ = ["LINE_EXTENSION", "LINE_REQUESTS_MAX", "HttpApp"]

LINE_EXTENSION: Final = "comity.line"
"""The ASGI extension in which the protocol shows the line that the certificate names."""
LINE_REQUESTS_MAX: Final = 64
"""Requests of one line that are under way at the same time, those that wait among them."""

_Handler = Callable[[Visit], Awaitable[Reply]]


class HttpApp:
    """Serves the routes to listed lines."""

    def __init__(
        self, *, desk: HttpDesk, lines: HttpLines, events: Events, is_practice: bool
    ) -> None:
        self._desk = desk
        self._events = events
        self._under_way: Counter[str] = Counter()
        handlers = Handlers(desk=desk, lines=lines, is_practice=is_practice)
        by_path: dict[str, dict[str, tuple[Operation, _Handler]]] = {}
        for operation in OPERATIONS:
            handler = _handler(handlers, operation.name)
            by_path.setdefault(operation.path, {})[operation.method] = (operation, handler)
        self._router = Router(
            [
                # A key may hold a stroke: it is the rest of its path, whole.
                Route(path.replace("{key}", "{key:path}"), _Endpoint(self, methods))
                for path, methods in by_path.items()
            ],
            redirect_slashes=False,
            default=_unknown,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        assert scope["type"] == "http"
        try:
            await self._router(scope, receive, send)
        except ClientDisconnect:
            self._events.note("http_requests_given_up")
        except ProblemError as error:
            self._events.note("http_requests_refused")
            await _refuse(scope, send, error)
        except ComityError as error:
            self._events.failure("http_request_not_taken", error)
            await _refuse(scope, send, ProblemError(Problem.BUSY))
        except Exception as error:  # noqa: BLE001 - one request must not end the front
            self._events.failure("http_request_failed", error)
            await _refuse(scope, send, ProblemError(Problem.FAULT))

    async def serve(self, operation: Operation, handler: _Handler, request: Request) -> Reply:
        """Answer a request of a known operation. Raises: ProblemError."""
        named = request.scope["extensions"][LINE_EXTENSION]["name"]
        line = http_line(named)
        if not operation.is_for_lines:
            return await handler(Visit(request=request, line=line))
        # INVARIANT (fail-closed): asked for each request, so that a listing ends at once.
        if not named or not self._desk.oris_of(line):
            raise ProblemError(Problem.LINE_NOT_LISTED)
        with self._counted(line):
            return await handler(Visit(request=request, line=line))

    @contextmanager
    def _counted(self, line: str) -> Iterator[None]:
        if self._under_way[line] >= LINE_REQUESTS_MAX:
            raise ProblemError(Problem.TOO_MANY_REQUESTS)
        self._under_way[line] += 1
        try:
            yield
        finally:
            self._under_way[line] -= 1
            if not self._under_way[line]:
                del self._under_way[line]


class _Endpoint:
    """The operations of one path."""

    def __init__(self, app: HttpApp, methods: Mapping[str, tuple[Operation, _Handler]]) -> None:
        self._app = app
        self._methods = {**methods, **({"HEAD": methods["GET"]} if "GET" in methods else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of this path."""
        found = self._methods.get(scope["method"])
        if found is None:
            allowed = ", ".join(sorted(self._methods))
            raise ProblemError(Problem.METHOD_NOT_ALLOWED, ("allow", allowed))
        reply = await self._app.serve(*found, Request(scope, receive))
        await _send(send, reply)


async def _unknown(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ProblemError(Problem.ROUTE_UNKNOWN)


async def _refuse(scope: Scope, send: Send, error: ProblemError) -> None:
    """Send a problem; where the body was to follow on our word, it will not: the connection ends.

    Else the next request would be read as that body.
    """
    reply = error.reply
    headers = reply_headers(reply)
    if any(name == b"expect" for name, _ in scope["headers"]):
        headers.append((b"connection", b"close"))
    await _send(send, reply, headers)


async def _send(send: Send, reply: Reply, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": reply_headers(reply) if headers is None else headers,
        }
    )
    await send({"type": "http.response.body", "body": reply.body})


def _handler(handlers: Handlers, name: Name) -> _Handler:
    match name:
        case Name.SEND_MESSAGE:
            return handlers.send_message
        case Name.PREVIEW_MESSAGE:
            return handlers.preview_message
        case Name.READ_MESSAGE:
            return handlers.read_message
        case Name.READ_DELIVERIES:
            return handlers.read_deliveries
        case Name.TAKE_DELIVERIES:
            return handlers.take_deliveries
        case Name.READ_OPENAPI:
            return handlers.read_openapi
        case Name.READ_HEALTH:
            return handlers.read_health
        case _:
            assert_never(name)
