"""What the HTTP front offers: paths, methods, and everything that each may answer.

The application serves this table, the OpenAPI document is made from it, and a test provokes every
status that it names.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from comity.formats.frames import FRAME_NUMBER_MAX
from comity.front.http.documents import DeliveryList, Health, MessageStatus, PreviewMade, Taken
from comity.front.http.problems import PROBLEM_MEDIA, Problem
from comity.front.http.requests import WAIT_SECONDS_MAX

__all__ = ["OPERATIONS", "Header", "Name", "Operation", "Said"]

OWN_FORMAT: Final = ("application/json", "application/xml", "text/plain")
PARTS: Final = "multipart/mixed"
JSON: Final = "application/json"


class Name(StrEnum):
    """The operations, as the OpenAPI document names them."""

    SEND_MESSAGE = "sendMessage"
    PREVIEW_MESSAGE = "previewMessage"
    READ_MESSAGE = "readMessage"
    READ_DELIVERIES = "readDeliveries"
    TAKE_DELIVERIES = "takeDeliveries"
    READ_OPENAPI = "readOpenapi"
    READ_HEALTH = "readHealth"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A header that an operation reads."""

    name: str
    meaning: str
    required: bool = False


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that is no problem: its document in JSON, and other media types that it may have."""

    status: int
    meaning: str
    document: type[msgspec.Struct] | None = None
    media: tuple[str, ...] = ()


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. `numbers` are the parameters of its query with their largest value.

    What stands before every operation (a malformed or slow request) is not repeated in each.
    """

    name: Name
    method: str
    path: str
    summary: str
    said: tuple[Said, ...]
    problems: tuple[Problem, ...] = ()
    headers: tuple[Header, ...] = ()
    numbers: tuple[tuple[str, int], ...] = ()
    takes: tuple[str, ...] = ()
    takes_document: type[msgspec.Struct] | None = None
    is_for_lines: bool = True


_PREFER: Final = Header(
    name="Prefer",
    meaning=f"`wait=N`: wait up to N seconds, at most {WAIT_SECONDS_MAX}, until it is answered",
)
_ACCEPT: Final = Header(
    name="Accept",
    meaning="`multipart/mixed` or `application/json`: the form of a list of deliveries",
)
_WAIT: Final = ("wait", WAIT_SECONDS_MAX)
_AFTER: Final = ("after", FRAME_NUMBER_MAX)
_ANY_LINE: Final = (Problem.LINE_NOT_LISTED, Problem.TOO_MANY_REQUESTS, Problem.BUSY, Problem.FAULT)

OPERATIONS: Final = (
    Operation(
        name=Name.SEND_MESSAGE,
        method="POST",
        path="/v1/messages",
        summary="Send a message; once it is durable its key never becomes a second query",
        takes=("application/json", "application/xml", "application/niem+xml", "text/plain"),
        headers=(
            Header(
                name="Idempotency-Key",
                meaning="1 to 64 printable ASCII characters, in quotes or not; one per message",
                required=True,
            ),
            _PREFER,
            _ACCEPT,
        ),
        said=(
            Said(
                status=200,
                meaning="answered in the time waited: one delivery in its own format, or a list",
                document=DeliveryList,
                media=(*OWN_FORMAT, PARTS),
            ),
            Said(
                status=202,
                meaning="durable; with `wait`, what has come so far in the form of a 200",
                document=MessageStatus,
                media=(*OWN_FORMAT, PARTS),
            ),
            Said(
                status=422,
                meaning="refused for its form, sender or destination: the network's error message "
                "in the message's own format, and as a problem where that is JSON",
                media=("text/plain", "application/xml"),
            ),
        ),
        problems=(
            Problem.KEY_MISSING,
            Problem.KEY_MALFORMED,
            Problem.PREFER_MALFORMED,
            Problem.BODY_MISSING,
            Problem.BODY_TOO_LARGE,
            Problem.MEDIA_TYPE_UNSUPPORTED,
            Problem.MEDIA_TYPE_MISMATCH,
            Problem.ENCODING_UNSUPPORTED,
            Problem.KEY_REUSED,
            *_ANY_LINE,
        ),
    ),
    Operation(
        name=Name.PREVIEW_MESSAGE,
        method="POST",
        path="/v1/previews",
        summary="What a query would likely get; nothing is sent, and that it was asked is recorded",
        takes=(JSON,),
        said=(
            Said(
                status=200,
                meaning="what each state's rules say of it now, and the leaf that records this",
                document=PreviewMade,
            ),
            Said(
                status=422,
                meaning="refused for its form, sender or destination, as the message would be",
                media=(PROBLEM_MEDIA,),
            ),
        ),
        problems=(
            Problem.BODY_MISSING,
            Problem.BODY_TOO_LARGE,
            Problem.MEDIA_TYPE_UNSUPPORTED,
            Problem.MEDIA_TYPE_MISMATCH,
            Problem.ENCODING_UNSUPPORTED,
            *_ANY_LINE,
        ),
    ),
    Operation(
        name=Name.READ_MESSAGE,
        method="GET",
        path="/v1/messages/{key}",
        summary="Where a message stands, and its deliveries so far",
        headers=(_PREFER, _ACCEPT),
        numbers=(_AFTER,),
        said=(
            Said(
                status=200,
                meaning="its deliveries after a number",
                document=DeliveryList,
                media=(PARTS,),
            ),
        ),
        problems=(
            Problem.PREFER_MALFORMED,
            Problem.QUERY_MALFORMED,
            Problem.MESSAGE_UNKNOWN,
            *_ANY_LINE,
        ),
    ),
    Operation(
        name=Name.READ_DELIVERIES,
        method="GET",
        path="/v1/deliveries",
        summary="Everything sent to this line after a number, or what it has not taken",
        headers=(_ACCEPT,),
        numbers=(_AFTER, _WAIT),
        said=(
            Said(
                status=200,
                meaning="deliveries; none if none came in the time waited",
                document=DeliveryList,
                media=(PARTS,),
            ),
        ),
        problems=(Problem.QUERY_MALFORMED, *_ANY_LINE),
    ),
    Operation(
        name=Name.TAKE_DELIVERIES,
        method="POST",
        path="/v1/deliveries/taken",
        summary="Say that this line has a delivery and all before it",
        takes=(JSON,),
        takes_document=Taken,
        said=(Said(status=200, meaning="up to which it has everything", document=Taken),),
        problems=(
            Problem.BODY_MISSING,
            Problem.DOCUMENT_MALFORMED,
            Problem.BODY_TOO_LARGE,
            Problem.MEDIA_TYPE_UNSUPPORTED,
            Problem.MEDIA_TYPE_MISMATCH,
            Problem.ENCODING_UNSUPPORTED,
            Problem.DELIVERY_UNKNOWN,
            *_ANY_LINE,
        ),
    ),
    Operation(
        name=Name.READ_OPENAPI,
        method="GET",
        path="/openapi.json",
        summary="This document",
        said=(Said(status=200, meaning="OpenAPI 3.1", media=(JSON,)),),
        is_for_lines=False,
    ),
    Operation(
        name=Name.READ_HEALTH,
        method="GET",
        path="/healthz",
        summary="Whether this process answers",
        said=(Said(status=200, meaning="it does", document=Health),),
        is_for_lines=False,
    ),
)
