"""A claim check as a review desk shows it. See `link.review`."""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.claim_check import ClaimStands
from comity.domain.vocabulary import DataClass
from comity.link.forms import is_entry, is_time
from comity.link.limits import TEXT_CHARS_MAX

__all__ = ["CLAIM_ANSWERS_MAX", "ClaimView", "is_claim_shown"]

CLAIM_ANSWERS_MAX: Final = 16


class ClaimView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One claim check that no reviewer found proved.

    `entry` is the release's, `asked_entry` that of the leaf which began the check. `answers` is
    empty in a list, which counts them. `agency` is empty where nobody can read any more what it
    was: then all else of it is too.
    """

    entry: str
    asked_entry: str
    stands: ClaimStands
    asked_at: int
    due: int
    answer_count: int = 0
    agency: str = ""
    agency_name: str = ""
    phone: str = ""
    purpose: str = ""
    case_number: str = ""
    operator: str = ""
    classes: tuple[DataClass, ...] = ()
    accepted_at: int = 0
    answers: tuple[str, ...] = ()


def is_claim_shown(view: ClaimView) -> bool:
    """Say whether what a desk shows of a check is in its ranges."""
    return (
        is_entry(view.entry)
        and is_entry(view.asked_entry)
        and is_time(view.asked_at)
        and is_time(view.due)
        and is_time(view.accepted_at)
        and 0 <= view.answer_count <= CLAIM_ANSWERS_MAX
        and len(view.answers) <= CLAIM_ANSWERS_MAX
        and all(len(text) <= TEXT_CHARS_MAX for text in view.answers)
    )
