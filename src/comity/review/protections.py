"""Confidential addresses: what a paper must hold, what stands, and where a letter may then go.

# INVARIANT (review-is-verified): each check comes first, with the enrolled key.
# INVARIANT (fail-closed): what cannot be read, and whom nobody named, is no open address.
Source: docs/adr/0055-residents-and-warnings.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, assert_never
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import Member, member_zone
from comity.domain.passes import NamedBy
from comity.domain.protection import (
    AUTHORITY_CHARACTERS_MAX,
    CONTACT_CHARACTERS_MAX,
    END_WAITS_DAYS,
    ENDS_NEEDED,
    HOW_CHARACTERS_MAX,
    PROTECTION_DAYS_MAX,
    AddressStands,
    Protection,
    ProtectionFile,
    SignedProtection,
    SignedProtectionEnd,
    SignedProtectionReading,
    protection_bytes,
    protection_end_bytes,
    protection_reading_bytes,
)
from comity.review.letters import LetterError, PostalAddress, SafeContact
from comity.review.scope import NOTE_CHARACTERS_MAX, wrong_persons
from comity.review.signatures import check_proof, check_time

__all__ = [
    "OPEN_ADDRESS",
    "AddressSaid",
    "AddressUnknownError",
    "NoPostError",
    "ProtectionError",
    "ProtectionUnknownError",
    "address_said",
    "check_no_post",
    "check_protection",
    "check_protection_end",
    "check_protection_reading",
    "is_over",
    "is_same_protection",
    "local_date",
    "over_since",
    "protection_faults",
    "reach_of",
    "waiting_ends",
]

_CHARACTERS_MIN: Final = 3
_DAY_SECONDS: Final = 86_400


class ProtectionError(ComityError):
    """A protection, its end or its reading has a part that has not its form."""

    code = "protection-refused"


class ProtectionUnknownError(ComityError):
    """No protection stands under this id."""

    code = "protection-unknown"


class NoPostError(ComityError):
    """A notice is said to be posted to a person to whom nothing is posted."""

    code = "no-post"


class AddressUnknownError(ComityError):
    """Nobody can say that the address of whom a request is about may stand on a letter."""

    code = "address-unknown"


class AddressSaid(msgspec.Struct, frozen=True, kw_only=True):
    """What the register says of whom a request is about.

    `contact` reaches a person whose address is confidential; `may_post` says that no protection of
    theirs forbids it.
    """

    stands: AddressStands
    contact: SafeContact | None = None
    may_post: bool = False


OPEN_ADDRESS: Final = AddressSaid(stands=AddressStands.OPEN, may_post=True)


def local_date(state: Member, seconds: int) -> date:
    """Return the day of a moment (Unix seconds) in a state."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(member_zone(state))).date()


def check_protection(signed: SignedProtection, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled person placed a protection now. Raises: VerdictError,
    ProtectionError.
    """
    protection = signed.protection
    check_proof(signed.proof, key, protection.reviewer, protection_bytes(protection))
    check_time(protection.at, now)
    for _, wrong in protection_faults(protection, local_date(protection.state, now)):
        raise ProtectionError(wrong)


def protection_faults(protection: Protection, today: date) -> Iterator[tuple[str, str]]:
    """Give what is wrong with a protection: the field, and what it is."""
    kinds = {person.by for person in protection.persons}
    if wrong := wrong_persons(protection.persons):
        yield "persons", wrong
    elif not {NamedBy.LICENCE, NamedBy.NAME} <= kinds:
        yield "persons", "`persons` lack a licence number, or a name with birth date"
    texts = (
        ("contact", protection.contact, CONTACT_CHARACTERS_MAX),
        ("how", protection.how, HOW_CHARACTERS_MAX),
        ("authority", protection.authority, AUTHORITY_CHARACTERS_MAX),
    )
    for name, text, most in texts:
        if not _CHARACTERS_MIN <= len(text.strip()) <= len(text) <= most or not text.isprintable():
            yield name, f"`{name}` is not {_CHARACTERS_MIN} to {most} characters of text"
    if len(protection.note) > NOTE_CHARACTERS_MAX or not protection.note.isprintable():
        yield "note", f"`note` is over {NOTE_CHARACTERS_MAX} characters, or no text"
    if protection.since > today:
        # It takes force at once: one that began later would wait.
        yield "since", "`since` is a day to come"
    latest = today + timedelta(days=PROTECTION_DAYS_MAX)
    if protection.until is not None and not today <= protection.until <= latest:
        yield "until", f"`until` is not a day from today to {PROTECTION_DAYS_MAX} days from it"


def check_protection_end(signed: SignedProtectionEnd, key: ReviewerKey | None, now: int) -> None:
    """Check that an enrolled person said now that a protection ends. Raises: VerdictError,
    ProtectionError.
    """
    end = signed.end
    check_proof(signed.proof, key, end.reviewer, protection_end_bytes(end))
    check_time(end.at, now)
    if len(end.note) > NOTE_CHARACTERS_MAX or not end.note.isprintable():
        raise ProtectionError(f"`note` is over {NOTE_CHARACTERS_MAX} characters, or no text")


def check_protection_reading(
    signed: SignedProtectionReading, key: ReviewerKey | None, now: int
) -> None:
    """Check that an enrolled person wants to read the register now. Raises: VerdictError,
    ProtectionError.
    """
    reading = signed.reading
    check_proof(signed.proof, key, reading.reviewer, protection_reading_bytes(reading))
    check_time(reading.at, now)
    if reading.person is None:
        return
    if reading.protection:
        raise ProtectionError("a reading names a protection or a person, not both")
    if wrong := wrong_persons((reading.person,)):
        raise ProtectionError(wrong)


def is_over(file: ProtectionFile, today: date) -> bool:
    """Say whether a protection counts no more: two people ended it, or its last day is over."""
    if len(file.ends) >= ENDS_NEEDED:
        return True
    until = None if file.placed is None else file.placed.protection.until
    return until is not None and today > until


def waiting_ends(file: ProtectionFile, now: int) -> tuple[SignedProtectionEnd, ...]:
    """Return the words that a protection ends, without one that waited too long for a second."""
    if len(file.ends) >= ENDS_NEEDED:
        return file.ends
    oldest = now - END_WAITS_DAYS * _DAY_SECONDS
    return tuple(each for each in file.ends if each.end.at >= oldest)


def over_since(file: ProtectionFile) -> date | None:
    """Return the last day on which a protection counted; None: it was over on none."""
    days: list[date] = []
    if len(file.ends) >= ENDS_NEEDED:
        last = file.ends[ENDS_NEEDED - 1].end
        days.append(local_date(last.state, last.at))
    if file.placed is not None and file.placed.protection.until is not None:
        days.append(file.placed.protection.until)
    return min(days, default=None)


def is_same_protection(one: Protection, other: Protection) -> bool:
    """Say whether two papers say the same, whoever signed them and whenever."""
    return (
        msgspec.structs.replace(one, reviewer=other.reviewer, at=other.at, note=other.note) == other
    )


def address_said(
    files: Sequence[ProtectionFile], today: date, *, is_unread: bool, is_named: bool
) -> AddressSaid:
    """Return what the protections found for a request say of it.

    `is_unread` says that something could not be read; `is_named` that the request names a person
    for certain.
    """
    standing = [file for file in files if not is_over(file, today)]
    placed = [file.placed.protection for file in standing if file.placed is not None]
    is_unread = is_unread or len(placed) < len(standing)
    if placed:
        newest = max(placed, key=lambda each: each.at)
        return AddressSaid(
            stands=AddressStands.CONFIDENTIAL,
            contact=SafeContact(name=newest.contact, how=newest.how),
            may_post=not is_unread and not any(each.no_post for each in placed),
        )
    if is_unread:
        return AddressSaid(stands=AddressStands.UNREAD)
    return OPEN_ADDRESS if is_named else AddressSaid(stands=AddressStands.UNNAMED, may_post=True)


def reach_of(
    given: PostalAddress | SafeContact | None, address: AddressSaid
) -> PostalAddress | SafeContact:
    """Return how a letter reaches its person: as its writer gave it, where nothing stands against.

    Raises: AddressUnknownError, LetterError.
    """
    match address.stands:
        case AddressStands.CONFIDENTIAL:
            # Whoever writes the letter does not choose.
            assert address.contact is not None
            return address.contact
        case AddressStands.UNREAD:
            if isinstance(given, SafeContact):
                return given
            raise AddressUnknownError(
                "the register of confidential addresses cannot be read: name a safe contact"
            )
        case AddressStands.UNNAMED:
            if isinstance(given, SafeContact):
                return given
            raise AddressUnknownError(
                "the request names nobody for certain: give the `licence` number of whom the "
                "letter goes to, or a safe contact"
            )
        case AddressStands.OPEN:
            if given is None:
                raise LetterError("a letter needs `lines` of an address, or a `safe_contact`")
            return given
        case _:
            assert_never(address.stands)


def check_no_post(address: AddressSaid) -> None:
    """Refuse the word that a notice was posted where nothing may be. Raises: NoPostError."""
    if not address.may_post:
        raise NoPostError(
            "nothing is posted to this person: by hand, by telephone or through the safe contact"
        )
