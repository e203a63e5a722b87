"""Commands of the review desk beside holds: passes, urgent releases, claims. See `link.command`."""

from __future__ import annotations

from typing import Final

import msgspec

from comity.domain.after_review import (
    CALL_CHARACTERS_MAX,
    SignedAfterReview,
    SignedDeskReading,
)
from comity.domain.claim_check import SignedClaimFinding
from comity.domain.given_notice import SignedGivenNotice
from comity.domain.ids import Member
from comity.domain.onward import SignedOnwardQuestion
from comity.domain.passes import (
    PassPerson,
    SignedPass,
    SignedRevocation,
)
from comity.domain.planted import SignedPlantingOrder
from comity.domain.re_review import SignedReReview
from comity.domain.vocabulary import DataClass, Purpose
from comity.link.appeals import AppealView, is_appeal_shown
from comity.link.claims import ClaimView, is_claim_shown
from comity.link.forms import is_entry, is_time
from comity.link.instruments import InstrumentView, is_instrument_shown
from comity.link.limits import TEXT_CHARS_MAX
from comity.link.onward import OnwardShown, is_onward_shown
from comity.link.papers import NAME_CHARS_MAX, are_persons, is_by

__all__ = [
    "AskOnward",
    "DeskShown",
    "ExpireReview",
    "FindClaim",
    "GiveNotice",
    "GiveReReview",
    "GrantPass",
    "PassView",
    "PlantCase",
    "ReadDesk",
    "ReleaseView",
    "ReviewRelease",
    "ReviewSigned",
    "RevokePass",
    "are_shown",
    "is_signed",
    "signed_state",
]

_SHOWN_MAX: Final = 500


class GrantPass(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="grant_pass",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed grant of a case pass."""

    signed: SignedPass


class RevokePass(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="revoke_pass",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed end of a case pass."""

    signed: SignedRevocation


class ReviewRelease(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="review_release",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed look at an urgent release."""

    signed: SignedAfterReview


class ReadDesk(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="read_desk",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed wish to read case passes or urgent releases, or one of them."""

    signed: SignedDeskReading


class GiveNotice(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="give_notice",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed word that a resident was told of a request."""

    signed: SignedGivenNotice


class GiveReReview(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="give_re_review",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed second look at a decision."""

    signed: SignedReReview


class FindClaim(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="find_claim",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A reviewer's signed finding about a claim that an agency was asked to prove."""

    signed: SignedClaimFinding


class PlantCase(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="plant_case",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A signed order of one planted test case."""

    signed: SignedPlantingOrder


class AskOnward(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="ask_onward",
    forbid_unknown_fields=True,
):  # fmt: skip
    """A person's signed wish that an agency be asked to whom it passed on a release."""

    signed: SignedOnwardQuestion


class ExpireReview(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="expire_review",
    forbid_unknown_fields=True,
):  # fmt: skip
    """Nobody looked at an urgent release in time, the worker thinks."""

    state: Member
    entry: str


class PassView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One case pass. `persons` and `note` are empty in a list: they are shown one at a time."""

    entry: str
    agency: str
    agency_name: str
    case_number: str
    classes: tuple[DataClass, ...]
    purpose: Purpose | None
    since: int
    until: int
    uses: int
    hold_entry: str
    reviewer: str
    person_count: int
    revoked_by: str = ""
    persons: tuple[PassPerson, ...] = ()
    note: str = ""


class ReleaseView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One urgent release that nobody has looked at. `search` is empty in a list.

    `agency` is empty where nobody can read any more what it was: then all else of it is too.
    """

    entry: str
    due: int
    is_overdue: bool
    agency: str = ""
    agency_name: str = ""
    phone: str = ""
    key: str = ""
    purpose: str = ""
    offence: str = ""
    case_number: str = ""
    operator: str = ""
    classes: tuple[DataClass, ...] = ()
    released_at: int = 0
    search: tuple[tuple[str, str], ...] = ()


class DeskShown(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="desk",
    forbid_unknown_fields=True,
):  # fmt: skip
    """What a desk shows; `access_entry` cites the leaf that records a reading of one entry."""

    passes: tuple[PassView, ...] = ()
    releases: tuple[ReleaseView, ...] = ()
    access_entry: str = ""
    instruments: tuple[InstrumentView, ...] = ()
    claims: tuple[ClaimView, ...] = ()
    onward: OnwardShown | None = None
    appeals: tuple[AppealView, ...] = ()


ReviewSigned = (
    GrantPass
    | RevokePass
    | ReviewRelease
    | ReadDesk
    | GiveNotice
    | GiveReReview
    | FindClaim
    | PlantCase
    | AskOnward
)


def signed_state(command: ReviewSigned) -> Member:
    """Return the member whose reviewer signed."""
    match command:
        case GrantPass():
            return command.signed.case_pass.state
        case RevokePass():
            return command.signed.revocation.state
        case ReviewRelease():
            return command.signed.review.state
        case ReadDesk():
            return command.signed.reading.state
        case GiveNotice():
            return command.signed.notice.state
        case GiveReReview():
            return command.signed.review.state
        case FindClaim():
            return command.signed.finding.state
        case PlantCase():
            return command.signed.order.state
        case AskOnward():
            return command.signed.question.state


def is_signed(command: ReviewSigned) -> bool:
    """Say whether what was signed is in its ranges; whether it counts, the gateway finds out."""
    match command:
        case GrantPass(signed=signed):
            case_pass = signed.case_pass
            holds = (
                len(case_pass.agency) == 9
                and are_persons(case_pass.persons)
                and len(set(case_pass.classes)) == len(case_pass.classes)
                and is_time(case_pass.since)
                and is_time(case_pass.until)
                and (not case_pass.hold_entry or is_entry(case_pass.hold_entry))
                and len(case_pass.case_number) <= NAME_CHARS_MAX
            )
            return holds and is_by(case_pass.reviewer, case_pass.at, case_pass.note, signed.proof)
        case RevokePass(signed=signed):
            said = signed.revocation
            return is_entry(said.pass_entry) and is_by(
                said.reviewer, said.at, said.note, signed.proof
            )
        case ReviewRelease(signed=signed):
            review = signed.review
            holds = (
                is_entry(review.entry)
                and is_time(review.called_at)
                and len(review.called) <= NAME_CHARS_MAX
                and len(review.answered) <= CALL_CHARACTERS_MAX
            )
            return holds and is_by(review.reviewer, review.at, review.note, signed.proof)
        case ReadDesk(signed=signed):
            reading = signed.reading
            holds = not reading.entry or is_entry(reading.entry)
            return holds and is_by(reading.reviewer, reading.at, "", signed.proof)
        case GiveNotice(signed=signed):
            notice = signed.notice
            names = (notice.law, notice.clause)
            holds = is_entry(notice.entry) and all(0 < len(n) <= NAME_CHARS_MAX for n in names)
            return holds and is_by(notice.reviewer, notice.at, "", signed.proof)
        case GiveReReview(signed=looked):
            again = looked.review
            holds = is_entry(again.verdict_entry) and len(again.approved) <= len(DataClass)
            return holds and is_by(again.reviewer, again.at, again.note, looked.proof)
        case FindClaim(signed=signed):
            finding = signed.finding
            return is_entry(finding.entry) and is_by(
                finding.reviewer, finding.at, finding.note, signed.proof
            )
        case PlantCase(signed=signed):
            return is_by(signed.order.reviewer, signed.order.at, "", signed.proof)
        case AskOnward(signed=signed):
            asked = signed.question
            return is_entry(asked.entry) and is_by(asked.asker, asked.at, "", signed.proof)


def are_shown(shown: DeskShown) -> bool:
    """Say whether what a desk shows is in its ranges."""
    return (
        len(shown.passes) <= _SHOWN_MAX
        and len(shown.releases) <= _SHOWN_MAX
        and all(is_entry(view.entry) for view in shown.passes)
        and all(is_entry(view.entry) for view in shown.releases)
        and all(len(view.note) <= TEXT_CHARS_MAX for view in shown.passes)
        and all(is_time(view.since) and is_time(view.until) for view in shown.passes)
        and all(is_time(view.due) and is_time(view.released_at) for view in shown.releases)
        and (not shown.access_entry or is_entry(shown.access_entry))
        and len(shown.instruments) <= _SHOWN_MAX
        and all(map(is_instrument_shown, shown.instruments))
        and len(shown.claims) <= _SHOWN_MAX
        and all(map(is_claim_shown, shown.claims))
        and (shown.onward is None or is_onward_shown(shown.onward))
        and len(shown.appeals) <= _SHOWN_MAX
        and all(map(is_appeal_shown, shown.appeals))
    )
