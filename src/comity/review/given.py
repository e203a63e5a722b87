"""What a signed word that a notice was given must hold, and the leaf that it becomes.

One request and clause have one leaf, however often the word is sent.
Source: docs/adr/0039-statutory-clocks.md, "Decision: notices owed".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.given_notice import GivenNotice, SignedGivenNotice, given_notice_bytes
from comity.domain.ids import make_id, member_zone, parse_entry_name
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields
from comity.review.notices import is_outcome_leaf
from comity.review.signatures import check_proof, check_time

__all__ = [
    "GIVEN_DAYS_AGO_MAX",
    "NoticeRefusedError",
    "check_given",
    "given_id",
    "given_leaf",
]

_NS: Final = 1_000_000_000
GIVEN_DAYS_AGO_MAX: Final = 366
"""How many days ago a notice may have been given that is recorded now."""


class NoticeRefusedError(ComityError):
    """A notice that is said to be given is not about a request, or not of this year."""

    code = "notice-refused"


def check_given(signed: SignedGivenNotice, key: ReviewerKey | None, now: int) -> None:
    """Check who says that a notice was given, and when it was. Raises: VerdictError,
    NoticeRefusedError.
    """
    notice = signed.notice
    check_proof(signed.proof, key, notice.reviewer, given_notice_bytes(notice))
    check_time(notice.at, now)
    if parse_entry_name(notice.entry)[0] != notice.state:
        raise NoticeRefusedError("`entry` is of another state")
    today = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(member_zone(notice.state))).date()
    if not timedelta() <= today - notice.on <= timedelta(days=GIVEN_DAYS_AGO_MAX):
        raise NoticeRefusedError("`on` is not a day of the last year")


def given_id(notice: GivenNotice, cited: LeafHeader) -> bytes:
    """Return the id of the leaf of a notice: the same for the same request and clause."""
    name = f"comity/given-notice/{notice.entry}/{notice.law}/{notice.clause}"
    # Its time is the request's own, because the same word may be sent again later.
    return make_id(cited.hour * HOUR_SECONDS * _NS, sha256(name.encode()).digest()[:8])


def given_leaf(signed: SignedGivenNotice, cited: LeafHeader, now: int) -> WantedLeaf:
    """Return the leaf of a notice about the request whose leaf `cited` is.

    Raises: NoticeRefusedError: it is about no live request.
    """
    notice = signed.notice
    if not is_outcome_leaf(cited):
        raise NoticeRefusedError("`entry` is not the outcome of a request")
    return WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=LeafKind.NOTICE,
            mode=LeafMode.LIVE,
            hour=now // HOUR_SECONDS,
            member=notice.state,
            cites=notice.entry,
        ),
        fields=note_fields(
            notice=given_notice_bytes(notice).decode(),
            key=signed.proof.key_id,
            signature=signed.proof.signature.hex(),
        ),
    )
