"""What each operation does: a message handed in, its deliveries read, waited for, acknowledged.

Guarantee: a message that was told 200 or 202 is durable; the same key with the same bytes is one
query however often it is sent; what is read is what is kept.
Source: docs/adr/0015-http-front.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.types import Receive

from comity.directory.http_lines import frame_number
from comity.formats.frames import FRAME_NUMBER_MAX
from comity.formats.json.delivered import parse_delivered
from comity.formats.rules import MESSAGE_BYTES_MAX
from comity.front.http.desk import HttpDesk
from comity.front.http.documents import (
    Health,
    MessageStatus,
    Place,
    PreviewMade,
    Taken,
    encode_document,
    fitting,
    list_reply,
    message_id,
    one_reply,
)
from comity.front.http.lines import Fate, HttpLines, OtherBytesError, Watch
from comity.front.http.openapi import render_openapi
from comity.front.http.problems import Problem, ProblemError, problem_reply
from comity.front.http.replies import Reply
from comity.front.http.requests import (
    WAIT_SECONDS_MAX,
    Kind,
    check_kind,
    is_key,
    kind_of,
    location_of,
    read_key,
    read_kind,
    read_numbers,
    read_wait,
    wants_multipart,
)
from comity.ports import LineFrame
from comity.services.deliveries import KeptDelivery, Standing
from comity.services.forms import MessageRefusedError
from comity.services.origin import FRAME_REUSED
from comity.services.sequencer import BusyError

__all__ = ["PAGE_DELIVERIES", "TAKE_SECONDS_MAX", "Handlers", "Visit"]

TAKE_SECONDS_MAX: Final = 10.0
"""How long a request waits until its message is durable; the message itself is not given up."""
PAGE_DELIVERIES: Final = 32
"""Deliveries of one page of everything that was sent to a line."""

_REFUSALS: Final = {
    FRAME_REUSED: Problem.KEY_REUSED,
    "line-not-listed": Problem.LINE_NOT_LISTED,
}
_taken: Final = msgspec.json.Decoder(Taken)
_Headers = tuple[tuple[str, str], ...]


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and the identity under which its line's messages are kept."""

    request: Request
    line: str


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a line, by its key and the frame number that follows from it."""

    line: str
    key: str
    number: int

    @staticmethod
    def of(line: str, key: str) -> _Message:
        """Return the message that a line sent, or might have, under a key."""
        return _Message(line=line, key=key, number=frame_number(line, key))

    def status(self, standing: Standing | None = None) -> MessageStatus:
        """Return where it stands: just accepted, or as a look has shown."""
        base = MessageStatus(
            key=self.key,
            id=message_id(self.number),
            location=location_of(self.key),
            status=Place.ACCEPTED,
        )
        if standing is None:
            return base
        at = datetime.fromtimestamp(standing.accepted.accepted_at, UTC)
        return msgspec.structs.replace(
            base,
            status=_place(standing),
            accepted_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )


def _place(standing: Standing) -> Place:
    if standing.is_ended:
        return Place.ENDED
    return Place.ANSWERED if standing.is_answered else Place.ACCEPTED


class Handlers:
    """Answers requests of listed lines."""

    def __init__(self, *, desk: HttpDesk, lines: HttpLines, is_practice: bool) -> None:
        self._desk = desk
        self._lines = lines
        self._health = encode_document(Health(status="ok", practice=is_practice))
        self._openapi = render_openapi()

    async def send_message(self, visit: Visit) -> Reply:
        """Hand a message in; reply with its fate, or with what answers it in the time waited."""
        headers = visit.request.headers
        message = _Message.of(visit.line, read_key(headers))
        wait = read_wait(headers)
        said = read_kind(headers)
        body = await _read_body(visit.request)
        check_kind(said, body)
        await self._desk.open_pulled(visit.line)
        with self._lines.watch(visit.line, message.number) as watch:
            fate = await self._hand_in(message, body)
            if fate.refusal:
                raise ProblemError(_REFUSALS.get(fate.refusal, Problem.BUSY))
            if fate.error:
                return _refusal(fate.error)
            if not wait:
                return _accepted(message, message.status(), wait)
            standing = await self._answered(visit.request, message, watch, wait)
            return self._what_came(visit.request, message, standing, watch, said)

    async def _hand_in(self, message: _Message, body: bytes) -> Fate:
        """Hand a message in, or join it where it is under way; return what becomes of it."""
        try:
            fate, is_first = self._lines.ask(message.line, message.number, body)
        except OtherBytesError:
            return Fate(refusal=FRAME_REUSED)
        if is_first:
            frame = LineFrame(line=message.line, number=message.number, data=body)
            self._lines.hand_in(frame, self._desk.take_frames)
        # It is not ended with the wait: a repeat joins it, or finds what was recorded.
        await _settled(fate, TAKE_SECONDS_MAX)
        return fate.result() if fate.done() else Fate(refusal=BusyError.code)

    async def _answered(
        self, request: Request, message: _Message, watch: Watch, wait: int
    ) -> Standing:
        """Return where a message stands once it is answered, or when the time is over."""
        if not wait:
            return await self._standing(message)
        deadline = _now() + wait
        async with _until_gone(request.receive, watch):
            while True:
                standing = await self._standing(message)
                left = deadline - _now()
                if standing.is_answered or watch.is_over or left <= 0:
                    return standing
                await watch.woken(left)

    async def _standing(self, message: _Message) -> Standing:
        standing = await self._desk.standing(message.line, message.number)
        if standing is None:
            raise ProblemError(Problem.MESSAGE_UNKNOWN)
        return standing

    def _what_came(
        self, request: Request, message: _Message, standing: Standing, watch: Watch, said: Kind
    ) -> Reply:
        """Return the deliveries so far in the message's own format."""
        status = message.status(standing)
        deliveries = self._desk.opened(standing.delivered)
        if not standing.is_answered:
            deliveries = (*_notices(watch, message.number), *deliveries)
        wait = read_wait(request.headers)
        if not deliveries:
            return _accepted(message, status, wait)
        code = 200 if standing.is_answered else 202
        headers = (("location", status.location), *_about(status, wait))
        if len(deliveries) == 1:
            return one_reply(code, deliveries[0], headers)
        part = fitting(deliveries, deliveries[-1].number, more=False)
        in_parts = wants_multipart(request.headers, said)
        return list_reply(code, part, status, headers, in_parts=in_parts)

    async def preview_message(self, visit: Visit) -> Reply:
        """Say what a query would get; that it was asked is durable before anything is told."""
        said = read_kind(visit.request.headers)
        if said is not Kind.JSON:
            raise ProblemError(Problem.MEDIA_TYPE_UNSUPPORTED)
        body = await _read_body(visit.request)
        check_kind(said, body)
        await self._desk.open_pulled(visit.line)
        try:
            async with asyncio.timeout(TAKE_SECONDS_MAX):
                made = await self._desk.preview(visit.line, body)
        except TimeoutError:
            raise ProblemError(Problem.BUSY) from None
        except MessageRefusedError as error:
            fault = error.fault
            return problem_reply(422, fault.code, fault.text, er=fault.er, options=fault.options)
        return _document(200, PreviewMade(entry=made.entry, states=made.states))

    async def read_message(self, visit: Visit) -> Reply:
        """Return where a message stands, and its deliveries after a number."""
        request = visit.request
        wait = read_wait(request.headers)
        after = read_numbers(request.query_params, {"after": FRAME_NUMBER_MAX}).get("after", 0)
        key = str(request.path_params["key"])
        if not is_key(key):
            raise ProblemError(Problem.MESSAGE_UNKNOWN)
        message = _Message.of(visit.line, key)
        await self._desk.open_pulled(visit.line)
        with self._lines.watch(visit.line, message.number) as watch:
            standing = await self._answered(request, message, watch, wait or 0)
        rows = [row for row in standing.delivered if row.number > after]
        last = rows[-1].number if rows else after
        part = fitting(self._desk.opened(rows), last, more=False)
        status = message.status(standing)
        in_parts = wants_multipart(request.headers, Kind.JSON)
        return list_reply(200, part, status, _about(status, wait), in_parts=in_parts)

    async def read_deliveries(self, visit: Visit) -> Reply:
        """Return what was sent to a line after a number; wait for it where there is nothing."""
        request, line = visit.request, visit.line
        limits = {"after": FRAME_NUMBER_MAX, "wait": WAIT_SECONDS_MAX}
        said = read_numbers(request.query_params, limits)
        taken = await self._desk.open_pulled(line)
        after = said.get("after", taken)
        deadline = _now() + said.get("wait", 0)
        with self._lines.watch(line) as watch:
            async with _until_gone(request.receive, watch):
                while True:
                    page = await self._desk.kept_after(line, after, PAGE_DELIVERIES)
                    left = deadline - _now()
                    if page.last > after or watch.notices or watch.is_over or left <= 0:
                        break
                    await watch.woken(left)
        notices = _notices(watch, 0)
        part = fitting((*page.deliveries, *notices), page.last, more=page.is_full)
        in_parts = wants_multipart(request.headers, Kind.JSON)
        return list_reply(200, part, None, (), in_parts=in_parts)

    async def take_deliveries(self, visit: Visit) -> Reply:
        """Take a line's word that it has everything up to a delivery."""
        said = read_kind(visit.request.headers)
        if said is not Kind.JSON:
            raise ProblemError(Problem.MEDIA_TYPE_UNSUPPORTED)
        body = await _read_body(visit.request)
        check_kind(said, body)
        try:
            number = _taken.decode(body).number
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise ProblemError(Problem.DOCUMENT_MALFORMED) from None
        await self._desk.open_pulled(visit.line)
        await self._desk.acknowledged(visit.line, number)
        taken = await self._desk.open_pulled(visit.line)
        if number > taken:
            raise ProblemError(Problem.DELIVERY_UNKNOWN)
        return _document(200, Taken(number=taken))

    async def read_openapi(self, _: Visit) -> Reply:
        """Return the OpenAPI document."""
        return Reply(status=200, media=Kind.JSON.value, body=self._openapi)

    async def read_health(self, _: Visit) -> Reply:
        """Say that this process answers."""
        return Reply(status=200, media=Kind.JSON.value, body=self._health)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _settled(fate: asyncio.Future[Fate], seconds: float) -> None:
    """Wait until a fate is known or the time is over.

    Half the cost of the library's own ways, which would also end the fate with the wait.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def end(_: object = None) -> None:
        if not over.done():
            over.set_result(None)

    timer = loop.call_later(seconds, end)
    fate.add_done_callback(end)
    try:
        await over
    finally:
        timer.cancel()
        fate.remove_done_callback(end)


async def _read_body(request: Request) -> bytes:
    """Return a body; refused as soon as it is known to be too large. Raises: ProblemError."""
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or int(said) > MESSAGE_BYTES_MAX:
        raise ProblemError(Problem.BODY_TOO_LARGE)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MESSAGE_BYTES_MAX:
            raise ProblemError(Problem.BODY_TOO_LARGE)
        chunks.append(chunk)
    return b"".join(chunks)


@asynccontextmanager
async def _until_gone(receive: Receive, watch: Watch) -> AsyncIterator[None]:
    """End a watch when the connection of its request ends."""
    task = asyncio.ensure_future(_hear_end(receive, watch))
    try:
        yield
    finally:
        task.cancel()


async def _hear_end(receive: Receive, watch: Watch) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watch.end()


def _notices(watch: Watch, reply_to: int) -> tuple[KeptDelivery, ...]:
    return tuple(KeptDelivery(number=0, reply_to=reply_to, data=data) for data in watch.notices)


def _about(status: MessageStatus, wait: int | None) -> _Headers:
    applied = () if wait is None else (("preference-applied", f"wait={wait}"),)
    return (("comity-status", status.status.value), *applied)


def _accepted(message: _Message, status: MessageStatus, wait: int | None) -> Reply:
    headers = (("location", location_of(message.key)), *_about(status, wait))
    return _document(202, status, headers)


def _document(status: int, document: msgspec.Struct, headers: _Headers = ()) -> Reply:
    return Reply(
        status=status, media=Kind.JSON.value, body=encode_document(document), headers=headers
    )


def _refusal(error: bytes) -> Reply:
    """Return an error message in the requester's format; for JSON that is a problem document."""
    kind = kind_of(error)
    if kind is not Kind.JSON:
        return Reply(status=422, media=kind.value, body=error)
    fault = parse_delivered(error).fault
    assert fault is not None
    return problem_reply(422, fault.code, fault.text, er=fault.er, options=fault.options)
