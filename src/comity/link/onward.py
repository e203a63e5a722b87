"""Onward transfers as a review desk shows them. See `link.review`."""

from __future__ import annotations

from datetime import date
from typing import Final

import msgspec

from comity.domain.onward import OnwardStands, Receives
from comity.domain.vocabulary import DataClass
from comity.link.forms import is_entry, is_time
from comity.link.limits import TEXT_CHARS_MAX

__all__ = [
    "ONWARD_SHOWN_MAX",
    "OnwardAsked",
    "OnwardShown",
    "OnwardTold",
    "is_onward_shown",
]

ONWARD_SHOWN_MAX: Final = 500
"""Transfers, and questions, that are shown of a state: the newest."""


class OnwardTold(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What an agency told at `entry` of the release at `release`.

    `receives` is what the rules in force would say to whoever has it now, of `refused` where they
    refuse or hold. `text` and `operator` are empty in a list. `agency` is empty where nobody can
    read any more what was told: then all else of it is too.
    """

    entry: str
    release: str
    at: int
    receives: Receives
    agency: str = ""
    agency_name: str = ""
    to: str = ""
    to_name: str = ""
    purpose: str = ""
    on: date | None = None
    classes: tuple[DataClass, ...] = ()
    refused: tuple[DataClass, ...] = ()
    operator: str = ""
    text: str = ""


class OnwardAsked(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A question about the release at `release`, asked at `entry`.

    `agency` is empty where nobody can read any more to whom the release went.
    """

    entry: str
    release: str
    stands: OnwardStands
    asked_at: int
    due: int
    agency: str = ""
    agency_name: str = ""
    phone: str = ""


class OnwardShown(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a state is shown: what was told, the newest first, and what was asked, what is
    unanswered first. `told_count` and the like count also what is beyond the limit.

    From leaf `first` up to `size`, exclusive, was looked; `is_whole`: to the ledger's end.
    """

    told: tuple[OnwardTold, ...] = ()
    asked: tuple[OnwardAsked, ...] = ()
    told_count: int = 0
    asked_count: int = 0
    first: int = 0
    size: int = 0
    is_whole: bool = True


def is_onward_shown(shown: OnwardShown) -> bool:
    """Say whether what a desk shows of onward transfers is in its ranges."""
    counts = (shown.told_count, shown.asked_count, shown.first, shown.size)
    return (
        len(shown.told) <= ONWARD_SHOWN_MAX
        and len(shown.asked) <= ONWARD_SHOWN_MAX
        and all(0 <= count < 2**63 for count in counts)
        and all(map(_is_told, shown.told))
        and all(map(_is_asked, shown.asked))
    )


def _is_told(view: OnwardTold) -> bool:
    return (
        is_entry(view.entry)
        and is_entry(view.release)
        and is_time(view.at)
        and len(view.text) <= TEXT_CHARS_MAX
    )


def _is_asked(view: OnwardAsked) -> bool:
    return (
        is_entry(view.entry)
        and is_entry(view.release)
        and is_time(view.asked_at)
        and is_time(view.due)
    )
