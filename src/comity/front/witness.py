"""A witness's HTTP side: checkpoints in, cosignatures, last heads and evidence out.

Guarantee: a request is bounded in length, time and rate before anything is verified; nobody is
known by a certificate, because what counts is signed. TLS ends at the operator's own front.
Source: https://c2sp.org/tlog-witness; docs/adr/0021-witnesses.md.
"""

from __future__ import annotations

import re
import time
from typing import Final

from starlette.types import Receive, Scope, Send

from comity.front.http.plain import PlainServer, Rates
from comity.front.http.protocol import HttpTimes
from comity.front.http.replies import Reply, reply_headers
from comity.ledger.witnessing import WITNESS_REQUEST_BYTES_MAX
from comity.services.events import Events
from comity.services.witness_desk import WitnessDesk

__all__ = ["ADDRESS_BURST_MAX", "ADDRESS_RATE_MAX", "WitnessServer"]

ADDRESS_RATE_MAX: Final = 20.0
"""Requests of one address a second, over time: four times what 55 ledgers need."""
ADDRESS_BURST_MAX: Final = 240.0
"""Requests of one address at once: a host's start asks about each of its ledgers."""

_TOO_LONG: Final = 413
_TEXT: Final = "text/plain; charset=utf-8"
_JSON: Final = "application/json"
_HEAD: Final = re.compile(r"/([0-9a-f]{64})/checkpoint")
_EVIDENCE: Final = re.compile(r"/evidence/([0-9a-f]{64})")


class _WitnessApp:
    """The routes of a witness."""

    def __init__(self, desk: WitnessDesk, events: Events, rates: Rates) -> None:
        self._desk = desk
        self._events = events
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        assert scope["type"] == "http"
        try:
            reply = await self._reply(scope, receive)
        except Exception as error:  # noqa: BLE001 - one request must not end the witness
            self._events.failure("witness_request_failed", error)
            reply = _said(500, "this request could not be carried out")
        headers = reply_headers(reply)
        if reply.status == _TOO_LONG:
            # What is left of the body would be read as the next request.
            headers.append((b"connection", b"close"))
        start = {"type": "http.response.start", "status": reply.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        address = scope["client"][0] if scope["client"] else ""
        if not self._rates.admits(address):
            self._events.note("witness_requests_too_many")
            return _said(429, "too many requests", ("retry-after", "1"))
        method, path = scope["method"], scope["path"]
        if path == "/add-checkpoint":
            if method != "POST":
                return _said(405, "this takes a post", ("allow", "POST"))
            body = await _read(receive)
            return (
                await self._add(body)
                if body is not None
                else _said(_TOO_LONG, "too long a request")
            )
        if method not in ("GET", "HEAD"):
            return _said(405, "this can only be read", ("allow", "GET, HEAD"))
        return await self._read(path)

    async def _add(self, body: bytes) -> Reply:
        step = await self._desk.take(body)
        return Reply(status=int(step.status), media=step.media, body=step.body)

    async def _read(self, path: str) -> Reply:
        if path == "/evidence":
            return Reply(status=200, media=_JSON, body=await self._desk.list_evidence())
        if found := _EVIDENCE.fullmatch(path):
            data, media = await self._desk.find_evidence(found[1]), _JSON
        elif found := _HEAD.fullmatch(path):
            data, media = await self._desk.last_checkpoint(found[1]), _TEXT
        else:
            data, media = None, _TEXT
        if data is None:
            return _said(404, "there is nothing here")
        return Reply(status=200, media=media, body=data)


def _said(status: int, text: str, *headers: tuple[str, str]) -> Reply:
    return Reply(status=status, media=_TEXT, body=f"{text}\n".encode(), headers=headers)


async def _read(receive: Receive) -> bytes | None:
    """Return a request's body, or None if it is too long or its sender has gone."""
    data, more = b"", True
    while more:
        event = await receive()
        data += event.get("body", b"")
        if event["type"] != "http.request" or len(data) > WITNESS_REQUEST_BYTES_MAX:
            return None
        more = event.get("more_body", False)
    return data


class WitnessServer(PlainServer):
    """Listens for requests, on the same connections as the agencies' HTTPS front but for TLS."""

    def __init__(
        self, *, desk: WitnessDesk, events: Events, times: HttpTimes | None = None
    ) -> None:
        rates = Rates(time.monotonic, rate=ADDRESS_RATE_MAX, burst=ADDRESS_BURST_MAX)
        super().__init__(_WitnessApp(desk, events, rates), events, times)
