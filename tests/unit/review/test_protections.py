"""What a protection must hold, what counts of several, and where a letter may then go."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from comity.domain.passes import PASS_PERSONS_MAX, NamedBy, PassPerson
from comity.domain.protection import (
    AUTHORITY_CHARACTERS_MAX,
    CONTACT_CHARACTERS_MAX,
    END_WAITS_DAYS,
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
    protection_id,
    protection_reading_bytes,
)
from comity.review.letters import LetterError, PostalAddress, SafeContact
from comity.review.protections import (
    OPEN_ADDRESS,
    AddressSaid,
    AddressUnknownError,
    NoPostError,
    ProtectionError,
    address_said,
    check_no_post,
    check_protection,
    check_protection_end,
    check_protection_reading,
    is_over,
    is_same_protection,
    over_since,
    protection_faults,
    reach_of,
    waiting_ends,
)
from comity.review.scope import NOTE_CHARACTERS_MAX
from comity.review.signatures import CLOCK_SECONDS_MAX, VerdictError
from tests.support.exchange import COUNSEL, ENROLLED, SUPERVISOR
from tests.support.protections import (
    CONTACT,
    HOW,
    NAMED,
    TODAY,
    ended_by,
    protection,
    signed_protection,
    signed_reading,
)
from tests.support.review import DAY, LICENSEE, NOW

SPARE = tuple(PassPerson(by=NamedBy.VIN, value=f"PX{number:02d}") for number in range(40))
POST = PostalAddress(lines=("1 Example Lane",))
SAFE = SafeContact(name="Safe House", how="Call 555-0101.")
CONFIDENTIAL = AddressSaid(
    stands=AddressStands.CONFIDENTIAL, contact=SafeContact(name=CONTACT, how=HOW)
)
UNREAD, UNNAMED = (
    AddressSaid(stands=AddressStands.UNREAD),
    AddressSaid(stands=AddressStands.UNNAMED, may_post=True),
)


def persons(*more: PassPerson) -> tuple[PassPerson, ...]:
    """The practice driver by number and name, and more, in order."""
    return tuple(sorted((LICENSEE, NAMED, *more)))


def file_of(*ends: str, **changes: Any) -> ProtectionFile:
    """A protection, with the words of who ended it."""
    made = protection(**changes)
    words = tuple(ended_by(who, protection_id(made)) for who in ends)
    return ProtectionFile(placed=signed_protection(made), ends=words)


BOTH = (SUPERVISOR.name, COUNSEL.name)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"persons": (LICENSEE,)}, "persons"),
        ({"persons": (NAMED,)}, "persons"),
        ({"persons": ()}, "persons"),
        ({"persons": (NAMED, LICENSEE)}, "persons"),
        ({"persons": (LICENSEE, LICENSEE, NAMED)}, "persons"),
        ({"persons": persons(*SPARE[: PASS_PERSONS_MAX - 1])}, "persons"),
        ({"persons": (LICENSEE, msgspec.structs.replace(NAMED, born=""))}, "persons"),
        ({"contact": "me"}, "contact"),
        ({"contact": "x" * (CONTACT_CHARACTERS_MAX + 1)}, "contact"),
        ({"contact": "a\nb c"}, "contact"),
        ({"how": "   "}, "how"),
        ({"how": "x" * (HOW_CHARACTERS_MAX + 1)}, "how"),
        ({"authority": "x" * (AUTHORITY_CHARACTERS_MAX + 1)}, "authority"),
        ({"note": "x" * (NOTE_CHARACTERS_MAX + 1)}, "note"),
        ({"since": TODAY + timedelta(days=1)}, "since"),
        ({"until": TODAY - timedelta(days=1)}, "until"),
        ({"until": TODAY + timedelta(days=PROTECTION_DAYS_MAX + 1)}, "until"),
    ],
)
def test_a_protection_that_has_not_its_form_is_refused(changes: dict[str, Any], field: str) -> None:
    """The field is named, and nothing of what it holds."""
    made = protection(**changes)
    ((name, wrong), *_) = protection_faults(made, TODAY)
    assert name == field
    assert f"`{field}`" in wrong
    assert "DOE" not in wrong
    with pytest.raises(ProtectionError, match=field):
        check_protection(signed_protection(made), SUPERVISOR, NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"persons": persons(*SPARE[: PASS_PERSONS_MAX - 2])},
        {"contact": "x" * CONTACT_CHARACTERS_MAX, "how": "x" * HOW_CHARACTERS_MAX},
        {"authority": "x" * AUTHORITY_CHARACTERS_MAX, "note": "x" * NOTE_CHARACTERS_MAX},
        {"contact": "abc", "since": TODAY, "until": TODAY},
        {"until": TODAY + timedelta(days=PROTECTION_DAYS_MAX), "since": date(1990, 1, 1)},
        {"until": None, "no_post": False},
    ],
)
def test_a_protection_at_its_limits_is_taken(changes: dict[str, Any]) -> None:
    """Each limit itself is inside."""
    check_protection(signed_protection(protection(**changes)), SUPERVISOR, NOW)


ALTERED: dict[str, Any] = {
    "state": "or", "persons": persons(SPARE[0]), "contact": "a friend", "how": "Call them.",
    "no_post": False, "since": TODAY, "until": None, "authority": "none at all", "note": "x",
    "reviewer": "counsel", "at": NOW + 1,
}  # fmt: skip


@pytest.mark.parametrize("field", Protection.__struct_fields__)
def test_every_field_is_signed(field: str) -> None:
    """Changed, the signature is another's."""
    signed = signed_protection(protection())
    changed = msgspec.structs.replace(signed.protection, **{field: ALTERED[field]})
    with pytest.raises(VerdictError):
        check_protection(SignedProtection(protection=changed, proof=signed.proof), SUPERVISOR, NOW)


def test_an_end_and_a_reading_are_signed_now_by_who_is_enrolled() -> None:
    """Another key, another moment, another field: refused."""
    end = ended_by(SUPERVISOR.name, bytes(16))
    check_protection_end(end, SUPERVISOR, NOW)
    read = signed_reading()
    check_protection_reading(read, SUPERVISOR, NOW)
    for key, now in (
        (ENROLLED, NOW), (None, NOW), (SUPERVISOR, NOW + CLOCK_SECONDS_MAX + 1),
    ):  # fmt: skip
        with pytest.raises(VerdictError):
            check_protection_end(end, key, now)
        with pytest.raises(VerdictError):
            check_protection_reading(read, key, now)
    other = msgspec.structs.replace(end.end, protection="1" * 32)
    with pytest.raises(VerdictError):
        check_protection_end(SignedProtectionEnd(end=other, proof=end.proof), SUPERVISOR, NOW)
    wish = msgspec.structs.replace(read.reading, protection="1" * 32)
    with pytest.raises(VerdictError):
        check_protection_reading(
            SignedProtectionReading(reading=wish, proof=read.proof), SUPERVISOR, NOW
        )
    long = ended_by(SUPERVISOR.name, bytes(16), note="x" * (NOTE_CHARACTERS_MAX + 1))
    with pytest.raises(ProtectionError):
        check_protection_end(long, SUPERVISOR, NOW)


def test_the_three_papers_have_a_prefix_each() -> None:
    """So that no signature of one is one of another, or of any other paper."""
    made = protection()
    prefixes = {
        protection_bytes(made).split(b"\n")[0],
        protection_end_bytes(ended_by(SUPERVISOR.name, bytes(16)).end).split(b"\n")[0],
        protection_reading_bytes(signed_reading().reading).split(b"\n")[0],
    }
    assert prefixes == {
        b"comity/address-confidentiality/v1",
        b"comity/address-confidentiality-end/v1",
        b"comity/address-confidentiality-reading/v1",
    }
    assert protection_id(made) == protection_id(protection())
    assert protection_id(made) != protection_id(protection(note="x"))


def test_two_people_or_the_last_day_end_it() -> None:
    """One word ends nothing; the last day counts whole."""
    until = TODAY + timedelta(days=9)
    for file, day, over in (
        (file_of(until=None), TODAY + timedelta(days=9_000), False),
        (file_of(SUPERVISOR.name, until=None), TODAY, False),
        (file_of(*BOTH, until=None), TODAY, True),
        (file_of(until=until), until, False),
        (file_of(until=until), until + timedelta(days=1), True),
        (ProtectionFile(placed=None), TODAY, False),
    ):
        assert is_over(file, day) is over
    assert over_since(file_of(until=until)) == until
    assert over_since(file_of(*BOTH, until=until)) == TODAY
    assert over_since(file_of(SUPERVISOR.name, until=None)) is None
    assert over_since(ProtectionFile(placed=None)) is None


def test_a_word_waits_seven_days() -> None:
    """At the limit it counts, a second beyond it does not; two that ended it count for ever."""
    one = file_of(SUPERVISOR.name)
    assert waiting_ends(one, NOW + END_WAITS_DAYS * DAY) == one.ends
    assert waiting_ends(one, NOW + END_WAITS_DAYS * DAY + 1) == ()
    both = file_of(*BOTH)
    assert waiting_ends(both, NOW + 9_999 * DAY) == both.ends


def test_the_same_word_is_the_same_whoever_signed() -> None:
    """By another person, later, with another note; anything else is another."""
    made = protection()
    for same in ({"reviewer": "counsel"}, {"at": NOW + 9}, {"note": "again"}):
        assert is_same_protection(made, protection(**same))
    for other in set(ALTERED) - {"reviewer", "at", "note"}:
        assert not is_same_protection(made, protection(**{other: ALTERED[other]})), other


def test_what_stands_says_where_an_address_stands() -> None:
    """The newest names the contact; one that forbids post is enough; unread is no answer."""
    older = file_of(contact="the old program", at=NOW - 9, no_post=False)
    newer = file_of(no_post=False)
    said = address_said([newer, older], TODAY, is_unread=False, is_named=True)
    assert said == msgspec.structs.replace(CONFIDENTIAL, may_post=True)
    said = address_said([newer, file_of(at=NOW - 9)], TODAY, is_unread=False, is_named=True)
    assert said == CONFIDENTIAL
    assert not address_said([newer], TODAY, is_unread=True, is_named=True).may_post
    over = file_of(*BOTH)
    for files, is_unread, is_named, expected in (
        ([], False, True, OPEN_ADDRESS),
        ([over], False, True, OPEN_ADDRESS),
        ([], False, False, UNNAMED),
        ([], True, True, UNREAD),
        ([], True, False, UNREAD),
        ([ProtectionFile(placed=None)], False, True, UNREAD),
    ):
        assert address_said(files, TODAY, is_unread=is_unread, is_named=is_named) == expected


@pytest.mark.parametrize("given", [POST, SAFE, None])
def test_a_letter_goes_where_the_register_lets_it(
    given: PostalAddress | SafeContact | None,
) -> None:
    """Confidential: to its contact alone. Unread or unnamed: to a safe contact or nowhere."""
    assert reach_of(given, CONFIDENTIAL) == CONFIDENTIAL.contact
    for doubt in (UNREAD, UNNAMED):
        if given == SAFE:
            assert reach_of(given, doubt) == SAFE
        else:
            with pytest.raises(AddressUnknownError):
                reach_of(given, doubt)
    if given is None:
        with pytest.raises(LetterError):
            reach_of(given, OPEN_ADDRESS)
    else:
        assert reach_of(given, OPEN_ADDRESS) == given


def test_nothing_is_posted_where_it_may_not_be() -> None:
    """Confidential and unread refuse; open, unnamed, and where the contact may get post, do not."""
    for said in (CONFIDENTIAL, UNREAD):
        with pytest.raises(NoPostError):
            check_no_post(said)
    for said in (OPEN_ADDRESS, UNNAMED, msgspec.structs.replace(CONFIDENTIAL, may_post=True)):
        check_no_post(said)
