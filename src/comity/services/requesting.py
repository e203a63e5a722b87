"""An agency's person at the gateway's front: preview, send, and read what was delivered.

Guarantee: what is asked goes as the agency's own line, so that the gateway's checks are the ones of
every message; what the front says that is no reply of its own is an error, never an answer.
Source: docs/adr/0042-asking-in-the-browser.md; docs/adr/0015-http-front.md.
"""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.query import Query
from comity.formats.delivered import Delivered
from comity.formats.json import render_query
from comity.formats.json.delivered import parse_delivered
from comity.ports import AgencyFront, FrontReply, FrontRequest
from comity.services.previews import Previewed

__all__ = ["FrontRefusedError", "FrontUnclearError", "Requesting", "key_of"]

_OK: Final = 200
_ACCEPTED: Final = 202
_NOT_FOUND: Final = 404
_FAULTS: Final = 500
_PROBLEM: Final = "application/problem+json"
_KEY_PREFIX: Final = "console-"


class FrontRefusedError(ComityError):
    """The front did not take it, for its form, sender or destination: `reason` is its code."""

    code = "front-refused"

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class FrontUnclearError(ComityError):
    """The front's reply is none that it makes, or it cannot take anything now."""

    code = "front-unclear"


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    detail: str


class _Item(msgspec.Struct, frozen=True, kw_only=True):
    media_type: str
    content: msgspec.Raw


class _List(msgspec.Struct, frozen=True, kw_only=True):
    deliveries: tuple[_Item, ...]


_problems: Final = msgspec.json.Decoder(_Problem)
_previews: Final = msgspec.json.Decoder(Previewed)
_lists: Final = msgspec.json.Decoder(_List)


def key_of(control: str) -> str:
    """Return the idempotency key of a request, by its control field."""
    return f"{_KEY_PREFIX}{control}"


class Requesting:
    """Speaks as an agency's line. Each raises UnreachableError where no whole reply came."""

    def __init__(self, front: AgencyFront) -> None:
        self._front = front

    async def preview(self, line: str, query: Query) -> Previewed:
        """Return what a query would get; that it was asked is recorded.

        Raises: FrontRefusedError, FrontUnclearError.
        """
        request = FrontRequest(method="POST", target="/v1/previews", body=render_query(query))
        reply = await self._ask(line, request, _OK)
        try:
            return _previews.decode(reply.body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FrontUnclearError("a preview is not as the front makes it") from error

    async def send(self, line: str, query: Query) -> None:
        """Send a query; once this returns it is durable, however often it is sent.

        Raises: FrontRefusedError, FrontUnclearError.
        """
        assert query.control is not None
        headers = (("Idempotency-Key", key_of(query.control)),)
        request = FrontRequest(
            method="POST", target="/v1/messages", headers=headers, body=render_query(query)
        )
        await self._ask(line, request, _OK, _ACCEPTED)

    async def delivered(
        self, line: str, control: str, wait_s: int = 0
    ) -> tuple[Delivered, ...] | None:
        """Return what was delivered of a request so far; None if there is no such request.

        Waits up to `wait_s` until each state has been heard from.
        Raises: FrontRefusedError, FrontUnclearError.
        """
        headers = (("Prefer", f"wait={wait_s}"),) if wait_s else ()
        target = f"/v1/messages/{key_of(control)}"
        request = FrontRequest(method="GET", target=target, headers=headers)
        reply = await self._front.ask(line, request)
        if reply.status == _NOT_FOUND:
            return None
        _check(reply, _OK)
        try:
            items = _lists.decode(reply.body).deliveries
            return tuple(parse_delivered(bytes(item.content)) for item in items)
        except (ComityError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FrontUnclearError("a list of deliveries is not as the front makes it") from error

    async def _ask(self, line: str, request: FrontRequest, *expected: int) -> FrontReply:
        reply = await self._front.ask(line, request)
        _check(reply, *expected)
        return reply


def _check(reply: FrontReply, *expected: int) -> None:
    """Raise what the front said where it is none of the replies that are expected.

    Of a fault of its own nobody knows what was done before it.
    """
    if reply.status in expected:
        return
    if reply.media == _PROBLEM and reply.status < _FAULTS:
        try:
            problem = _problems.decode(reply.body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise FrontUnclearError("a problem is not as the front makes it") from None
        raise FrontRefusedError(problem.code, problem.detail)
    raise FrontUnclearError("the front cannot take this now")
