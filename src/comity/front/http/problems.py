"""Everything that can be wrong with a request, as RFC 9457 problem documents with stable codes.

Guarantee: a problem's text names what is wrong and never holds a value that was sent.
Source: RFC 9457; docs/reference/http.md, which a test holds equal to this table.
"""

from __future__ import annotations

import http
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from comity.domain.errors import ComityError
from comity.front.http.replies import Reply

__all__ = ["PROBLEMS", "Problem", "ProblemDocument", "ProblemError", "ProblemFacts"]

PROBLEM_MEDIA: Final = "application/problem+json"
RETRY_SECONDS: Final = 1


class Problem(StrEnum):
    """What is wrong; the values are the codes that programs match on."""

    REQUEST_MALFORMED = "request-malformed"
    KEY_MISSING = "idempotency-key-missing"
    KEY_MALFORMED = "idempotency-key-malformed"
    PREFER_MALFORMED = "prefer-malformed"
    QUERY_MALFORMED = "query-malformed"
    BODY_MISSING = "body-missing"
    DOCUMENT_MALFORMED = "document-malformed"
    LINE_NOT_LISTED = "line-not-listed"
    ROUTE_UNKNOWN = "route-unknown"
    MESSAGE_UNKNOWN = "message-unknown"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    REQUEST_TIMEOUT = "request-timeout"
    BODY_TOO_LARGE = "body-too-large"
    URL_TOO_LONG = "url-too-long"
    MEDIA_TYPE_UNSUPPORTED = "media-type-unsupported"
    MEDIA_TYPE_MISMATCH = "media-type-mismatch"
    ENCODING_UNSUPPORTED = "content-encoding-unsupported"
    KEY_REUSED = "idempotency-key-reused"
    DELIVERY_UNKNOWN = "delivery-unknown"
    TOO_MANY_REQUESTS = "too-many-requests"
    HEADERS_TOO_LARGE = "headers-too-large"
    FAULT = "fault"
    BUSY = "busy"


class ProblemFacts(NamedTuple):
    """A problem's HTTP status and its sentence."""

    status: int
    detail: str


PROBLEMS: Final[dict[Problem, ProblemFacts]] = {
    Problem.REQUEST_MALFORMED: ProblemFacts(400, "the request is not HTTP/1.1 as it should be"),
    Problem.KEY_MISSING: ProblemFacts(400, "`Idempotency-Key` is required, once"),
    Problem.KEY_MALFORMED: ProblemFacts(
        400, "`Idempotency-Key` is not 1 to 64 printable ASCII characters"
    ),
    Problem.PREFER_MALFORMED: ProblemFacts(400, "`wait` in `Prefer` is not a number of seconds"),
    Problem.QUERY_MALFORMED: ProblemFacts(
        400, "a parameter of the query is unknown, stands twice, or is outside its range"
    ),
    Problem.BODY_MISSING: ProblemFacts(400, "the body is empty"),
    Problem.DOCUMENT_MALFORMED: ProblemFacts(400, "the body is not as its schema has it"),
    Problem.LINE_NOT_LISTED: ProblemFacts(
        403, "no agency lists the line that the certificate names"
    ),
    Problem.ROUTE_UNKNOWN: ProblemFacts(404, "there is nothing at this path"),
    Problem.MESSAGE_UNKNOWN: ProblemFacts(
        404, "no message of this line was accepted under this key"
    ),
    Problem.METHOD_NOT_ALLOWED: ProblemFacts(405, "`Allow` lists the methods of this path"),
    Problem.REQUEST_TIMEOUT: ProblemFacts(408, "the request did not arrive in time"),
    Problem.BODY_TOO_LARGE: ProblemFacts(413, "the body is over 16384 bytes"),
    Problem.URL_TOO_LONG: ProblemFacts(414, "the request's target is over 2048 bytes"),
    Problem.MEDIA_TYPE_UNSUPPORTED: ProblemFacts(
        415, "`Content-Type` is missing or none that is taken here"
    ),
    Problem.MEDIA_TYPE_MISMATCH: ProblemFacts(
        415, "the body does not begin as its `Content-Type` says"
    ),
    Problem.ENCODING_UNSUPPORTED: ProblemFacts(415, "`Content-Encoding` is not taken"),
    Problem.KEY_REUSED: ProblemFacts(422, "another message was sent under this `Idempotency-Key`"),
    Problem.DELIVERY_UNKNOWN: ProblemFacts(422, "`number` is above every delivery of this line"),
    Problem.TOO_MANY_REQUESTS: ProblemFacts(429, "too many requests of this line are under way"),
    Problem.HEADERS_TOO_LARGE: ProblemFacts(431, "the headers are over 8192 bytes or over 64"),
    Problem.FAULT: ProblemFacts(500, "the request met a fault here; it may be sent again"),
    Problem.BUSY: ProblemFacts(503, "the request cannot be taken now; send it again later"),
}


class ProblemDocument(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What is wrong with a request (RFC 9457). `code` is stable, `detail` is for people.

    `er` and `options` stand where a message was refused for its form or route: the number of the
    network's error message, and the field sets that would be accepted.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    er: str = ""
    options: tuple[str, ...] = ()


_encoder: Final = msgspec.json.Encoder()


class ProblemError(ComityError):
    """A request is answered by a problem document."""

    code = "http-problem"

    def __init__(self, problem: Problem, *headers: tuple[str, str]) -> None:
        super().__init__(PROBLEMS[problem].detail)
        self.problem = problem
        self.headers = headers

    @property
    def reply(self) -> Reply:
        """The reply that says it."""
        status, detail = PROBLEMS[self.problem]
        headers = self.headers
        if status in {429, 503}:
            headers = (*headers, ("retry-after", str(RETRY_SECONDS)))
        return problem_reply(status, self.problem.value, detail, headers=headers)


def problem_reply(
    status: int,
    code: str,
    detail: str,
    *,
    er: str = "",
    options: tuple[str, ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
) -> Reply:
    """Return a problem document as a reply."""
    document = ProblemDocument(
        # No page stands behind a problem: its code alone tells it from others.
        type="about:blank",
        title=http.HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        er=er,
        options=options,
    )
    return Reply(
        status=status, media=PROBLEM_MEDIA, body=_encoder.encode(document), headers=headers
    )
