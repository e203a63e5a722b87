"""What a reviewer signs when a notice was given to a resident.

# INVARIANT (review-is-verified): what is signed is `given_notice_bytes`, nothing else; it names the
request's leaf, the clause that demanded the notice, how it was given and on which day.
Source: docs/adr/0039-statutory-clocks.md, "Decision: notices owed".
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.domain.verdict import VerdictProof

__all__ = ["GivenHow", "GivenNotice", "SignedGivenNotice", "given_notice_bytes"]

_PREFIX: Final = b"comity/given-notice/v1\n"


class GivenHow(StrEnum):
    """How a notice reached the resident."""

    POST = "post"
    HAND = "hand"
    TELEPHONE = "telephone"
    SAFE_CONTACT = "safe_contact"


class GivenNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's word that the notice about a request was given.

    `entry` cites the first outcome of the request; `law` and `clause` are ids of the laws' data;
    `on` is the day in the state, `at` when it was signed (Unix seconds).
    """

    state: Member
    entry: str
    law: str
    clause: str
    how: GivenHow
    on: date
    reviewer: str
    at: int


class SignedGivenNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A given notice and its proof."""

    notice: GivenNotice
    proof: VerdictProof


def given_notice_bytes(notice: GivenNotice) -> bytes:
    """Return what a reviewer signs: a prefix and the notice as compact JSON."""
    return _PREFIX + msgspec.json.encode(notice)
