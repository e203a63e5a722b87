"""Appeals as a review desk shows and decides them. See `link.review`."""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.appeal import AppealStands, SignedAppealFinding
from comity.domain.ids import Member
from comity.domain.passes import SignedPass
from comity.domain.verdict import VerdictKind
from comity.domain.vocabulary import DataClass
from comity.link.forms import is_entry, is_time
from comity.link.limits import TEXT_CHARS_MAX
from comity.link.papers import is_by

__all__ = [
    "APPEAL_VERDICTS_MAX",
    "AppealView",
    "DecideAppeal",
    "FirstVerdict",
    "appeal_state",
    "is_appeal_shown",
    "is_appeal_signed",
]

APPEAL_VERDICTS_MAX: Final = 64
"""Verdicts that are shown of one hold, the last ones."""


class DecideAppeal(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="decide_appeal",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Somebody's signed finding about an appeal; `grant` is the case pass that carries a grant."""

    signed: SignedAppealFinding
    grant: SignedPass | None = None


class FirstVerdict(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What was said of a request before: by whom, when, which parts went, with which note."""

    reviewer: str
    at: int
    kind: VerdictKind
    approved: tuple[DataClass, ...] = ()
    note: str = ""


class AppealView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One appeal that nobody decided.

    `entry` is the refusal's, `appeal_entry` that of the message. `agency` is empty where nobody can
    read any more what was refused: then all else of it is too. `is_by_person` says that a person
    refused, or did not decide in time; `no_pass` why no case pass can carry a grant. What follows
    it is shown of one appeal alone.
    """

    entry: str
    appeal_entry: str
    stands: AppealStands
    filed_at: int
    due: int
    refused_at: int
    classes: tuple[DataClass, ...] = ()
    key: str = ""
    is_by_person: bool = False
    is_undecided: bool = False
    rules: tuple[str, ...] = ()
    agency: str = ""
    agency_name: str = ""
    phone: str = ""
    purpose: str = ""
    case_number: str = ""
    no_pass: str = ""
    hold_entry: str = ""
    operator: str = ""
    search: tuple[tuple[str, str], ...] = ()
    text: str = ""
    wrote_at: int = 0
    wrote_by: str = ""
    verdicts: tuple[FirstVerdict, ...] = ()
    is_own: bool = False


def appeal_state(command: DecideAppeal) -> Member:
    """Return the member whose appeal is decided."""
    return command.signed.finding.state


def is_appeal_signed(command: DecideAppeal) -> bool:
    """Say whether a finding is in its ranges, its case pass apart."""
    finding = command.signed.finding
    return (
        is_entry(finding.appealed_entry)
        and len(finding.classes) <= len(DataClass)
        and is_by(finding.reviewer, finding.at, finding.note, command.signed.proof)
    )


def is_appeal_shown(view: AppealView) -> bool:
    """Say whether what a desk shows of an appeal is in its ranges."""
    times = (view.filed_at, view.due, view.refused_at, view.wrote_at)
    return (
        is_entry(view.entry)
        and is_entry(view.appeal_entry)
        and (not view.hold_entry or is_entry(view.hold_entry))
        and all(map(is_time, times))
        and len(view.text) <= TEXT_CHARS_MAX
        and len(view.verdicts) <= APPEAL_VERDICTS_MAX
        and all(is_time(each.at) and len(each.note) <= TEXT_CHARS_MAX for each in view.verdicts)
    )
