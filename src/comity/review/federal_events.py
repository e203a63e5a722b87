"""Federal queries as lines for another system: one for each leaf that moved one, and its signature.

Guarantee: a line holds what public leaves and the directory say, and nothing of a person (invariant
`public-bytes-hold-no-person`). Its `entry` is its name: who has it already may drop it.
Source: docs/adr/0047-federal-queries-as-they-are-decided.md, "Decision: a webhook".
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Final

import msgspec

from comity.directory.directory import Directory
from comity.domain.agency import Family
from comity.domain.errors import MalformedError
from comity.domain.ids import ORI, LeafIndex, entry_name
from comity.domain.leaf import LeafHeader
from comity.domain.web import parse_web_address
from comity.exchange.leaves import HOUR_SECONDS
from comity.review.federal import FederalQuery, fate_of, follow
from comity.review.federal_digest import DigestTerms, check_digest
from comity.review.tables import read_table

__all__ = [
    "FeedFile",
    "FeedFileError",
    "FeedTerms",
    "event_line",
    "feed_signature",
    "parse_feed_file",
]

_PREFIX: Final = "comity-feed/1"

_Cited = tuple[LeafIndex, LeafHeader]


class FeedFileError(MalformedError):
    """A state's file of its feed does not have its form."""

    code = "feed-file-malformed"


class FeedTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a state's feed goes."""

    url: str


class FeedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a state asks for: a webhook, a digest, or both."""

    webhook: FeedTerms | None = None
    digest: DigestTerms | None = None


def parse_feed_file(data: bytes) -> FeedFile:
    """Return what `feeds/il.toml` and the like record. Raises: FeedFileError."""
    said = read_table(data, FeedFile, "a feed", FeedFileError)
    if said.webhook is None and said.digest is None:
        raise FeedFileError("a feed has neither `webhook` nor `digest`")
    try:
        if said.webhook is not None:
            parse_web_address(said.webhook.url, "webhook.url")
        if said.digest is not None:
            check_digest(said.digest)
    except MalformedError as error:
        raise FeedFileError(str(error)) from None
    return said


def event_line(
    index: LeafIndex,
    leaf: LeafHeader,
    cited: _Cited | None,
    acting: dict[str, Family],
    directory: Directory,
) -> bytes:
    """Return what a leaf says of a federal query, as a line of JSON; nothing where it says none.

    `cited` is the leaf that a closure cites.
    """
    known = None if cited is None else follow(None, cited[0], cited[1], acting)
    query = follow(known, index, leaf, acting)
    if query is None:
        return b""
    return msgspec.json.encode(_event(query, index, leaf, directory)) + b"\n"


def _event(
    query: FederalQuery, index: LeafIndex, leaf: LeafHeader, directory: Directory
) -> dict[str, object]:
    agency = directory.agency(ORI(query.agency)) if query.agency else None
    at = datetime.fromtimestamp(leaf.hour * HOUR_SECONDS, UTC)
    return {
        "v": 1,
        "event": "federal_query",
        "state": leaf.member,
        "entry": entry_name(leaf.member, index),
        "query": query.peer,
        "cites": leaf.cites or "",
        "hour": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "agency": query.agency,
        "agency_name": agency.name if agency is not None else "",
        "acts_for": query.acts_for or "",
        "key": query.key,
        "purpose": query.purpose,
        "became": fate_of(query),
        "released": query.released,
        "refused": query.refused,
        "held": query.held,
    }


def feed_signature(secret: bytes, at: int, body: bytes) -> str:
    """Return what stands in `Comity-Signature`: the time (Unix seconds) and HMAC-SHA256 over
    `comity-feed/1`, a line feed, the time, a line feed and the body.
    """
    signed = b"%s\n%d\n%s" % (_PREFIX.encode(), at, body)
    return f"t={at},v1={hmac.new(secret, signed, 'sha256').hexdigest()}"
