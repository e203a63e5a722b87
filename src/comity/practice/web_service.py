"""A state's web service for practice: any source of records, spoken to as a DMV's own would be.

It serves the contract of docs/reference/source-protocol.md over HTTP, in elements or in text alone,
so that a gateway can be tried against a web service without a state.
"""

from __future__ import annotations

import hmac
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from comity.adapters.memory.source import as_text
from comity.adapters.sources.protocol import (
    VERSION,
    ElementForm,
    LookupForm,
    RecordForm,
    Reply,
    Request,
    ResultForm,
)
from comity.domain.ids import ORI, Member
from comity.domain.keys import MessageKey
from comity.ports import Lookup, Record, Source, SourceError

__all__ = ["LOOKUPS_PATH", "web_service"]

LOOKUPS_PATH: Final = "/v1/lookups"
_requests: Final = msgspec.json.Decoder(Request)
_JSON: Final = "application/json"


def web_service(source: Source, *, is_text: bool = False, token: str = "") -> Starlette:
    """Return the service of a source's records; `token` is the bearer token that it asks for."""

    async def look_up(request: HttpRequest) -> Response:
        given = request.headers.get("authorization", "")
        if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return Response(status_code=401)
        try:
            asked = _requests.decode(await request.body())
        except msgspec.MsgspecError:
            return Response(status_code=400)
        found = await source.find([_lookup(form) for form in asked.lookups])
        results = tuple(
            _result(form.place, result, is_text=is_text)
            for form, result in zip(asked.lookups, found, strict=True)
        )
        reply = Reply(version=VERSION, results=results)
        return Response(msgspec.json.encode(reply), media_type=_JSON)

    return Starlette(routes=[Route(LOOKUPS_PATH, look_up, methods=["POST"])])


def _lookup(form: LookupForm) -> Lookup:
    return Lookup(
        state=Member(form.state),
        key=MessageKey(form.key),
        fields=tuple(form.fields.items()),
        agency=ORI(form.agency),
        to=tuple(ORI(to) for to in form.to),
    )


def _result(place: int, found: Record | SourceError | None, *, is_text: bool) -> ResultForm:
    if isinstance(found, SourceError):
        return ResultForm(place=place, fault=found.code)
    if found is None:
        return ResultForm(place=place, record=None)
    record = as_text(found) if is_text else found
    elements = tuple(
        ElementForm(data_class=e.data_class, name=e.name, value=e.value) for e in record.elements
    )
    form = RecordForm(kind=record.kind, matches=record.matches, elements=elements, text=record.text)
    return ResultForm(place=place, record=form)
