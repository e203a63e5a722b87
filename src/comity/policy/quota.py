"""Quotas: which of them an agency stands under, what is refused beyond one, and their English.

Guarantee: pure; whoever counts says how many wait. Source: docs/adr/0060-quotas-and-triage.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.domain.agency import Family
from comity.domain.ids import ORI
from comity.policy.english import changes_said, join_words
from comity.policy.families import agency_values, label_of_agency
from comity.policy.rule import Quota, QuotaPer

__all__ = [
    "NOT_REPLAYED",
    "english_of_quota",
    "english_of_quotas",
    "is_for",
    "quotas_within",
    "sentence_of_day",
    "sentence_of_waiting",
]


NOT_REPLAYED: Final = (
    "Quotas of the review queue are not weighed: what waited at one moment depends on what"
    " reviewers would have decided."
)
"""What a replay says of rules that have quotas."""


def is_for(quota: Quota, ori: ORI, family: Family | None) -> bool:
    """Say whether an agency stands under a quota; `family` is None where it is not listed."""
    if not quota.agency:
        return True
    values = (ori,) if family is None else agency_values(ori, family)
    return not set(values).isdisjoint(quota.agency)


def english_of_quota(quota: Quota) -> str:
    """Return how much of whom may wait for a person, as a sentence."""
    among = join_words([label_of_agency(value) for value in quota.agency], "and")
    if quota.per is QuotaPer.TOGETHER:
        who = f"{among} {'together' if len(quota.agency) > 1 else 'as a whole'}"
    else:
        who = f"Each agency among {among}" if quota.agency else "Each agency"
    waits = "one request that waits"
    if quota.waiting > 1:
        waits = f"{quota.waiting:,} requests that wait"
    day = "" if quota.per_day is None else f", and send one {quota.per_day:,} a day"
    return f"{who[0].upper()}{who[1:]} may have {waits} for a person{day}. More is refused."


def english_of_quotas(old: Sequence[Quota], new: Sequence[Quota]) -> tuple[str, ...]:
    """Return which quotas come, go or change from one bundle to another."""
    return changes_said(old, new, _whose, english_of_quota)


def quotas_within(new: Sequence[Quota], old: Sequence[Quota]) -> bool:
    """Say whether no more of anybody may wait than before; no comparison of rules says so."""
    after = {_whose(each): each for each in new}
    return all(_is_within(after.get(_whose(each)), each) for each in old)


def _is_within(new: Quota | None, old: Quota) -> bool:
    if new is None or new.waiting > old.waiting:
        return False
    return old.per_day is None or (new.per_day is not None and new.per_day <= old.per_day)


def _whose(quota: Quota) -> tuple[QuotaPer, tuple[str, ...]]:
    """Return what a quota counts, whatever its numbers."""
    return quota.per, quota.agency


def sentence_of_waiting(quota: Quota, waiting: int, contact: str) -> str:
    """Return why a request is refused where so many wait already; printable ASCII."""
    one = waiting == 1
    wait = f"{waiting:,} request{'' if one else 's'} of {_said(quota)} wait{'s' if one else ''}"
    decided = "it is" if one else "they are"
    return f"{wait} for a person already: ask again when {decided} decided. {_call(contact)}"


def sentence_of_day(quota: Quota, came: int, contact: str) -> str:
    """Return why a request is refused where so many came to the desk today; printable ASCII."""
    many = f"{came:,} request{'' if came == 1 else 's'} of {_said(quota)}"
    return f"{many} came to a person today already: ask again tomorrow. {_call(contact)}"


def _said(quota: Quota) -> str:
    return "this agency" if quota.per is QuotaPer.AGENCY else "this group of agencies"


def _call(contact: str) -> str:
    return f"Call the state: {contact}." if contact else "Call the state."
