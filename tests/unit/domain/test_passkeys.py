"""The book of passkeys: its steps, its limits, its one encoding."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from comity.domain import passkeys as module
from comity.domain.passkeys import (
    CODE_BYTES,
    CREDENTIAL_BYTES_MAX,
    PASSKEY_FILE_BYTES_MAX,
    PASSKEYS_OF_PERSON_MAX,
    PUBLIC_KEY_BYTES_MAX,
    Invitation,
    InvitationError,
    Passkey,
    PasskeyBook,
    PasskeyCountError,
    PasskeyFileError,
    PasskeyKnownError,
    PasskeysFullError,
    PasskeyUnknownError,
    code_hash,
    encode_passkeys,
    invitation_code,
    parse_passkeys,
    with_invitation,
    with_passkey,
    with_use,
    without_passkey,
)

NOW = 1_795_700_000
ONE = Passkey(
    issuer="https://id.example", subject="ana", id=b"one", key=b"key", count=0, invited_by="",
    made_at=NOW, used_at=NOW,
)  # fmt: skip
INVITED = Invitation(
    issuer=ONE.issuer, subject="ana", code_hash=code_hash("A"), invited_by="zoe", until=NOW + 10
)


def of_ana(count: int) -> tuple[Passkey, ...]:
    return tuple(replace(ONE, id=b"%d" % number) for number in range(count))


def test_invitation_is_used_once_and_says_by_whom() -> None:
    """The passkey keeps who invited, and the invitation is gone."""
    book = with_invitation(PasskeyBook(), INVITED, NOW)
    made = with_passkey(book, ONE, INVITED.code_hash, NOW)
    assert made.of(ONE.issuer, "ana") == (replace(ONE, invited_by="zoe"),)
    assert made.invitations == ()
    with pytest.raises(InvitationError):
        with_passkey(made, replace(ONE, id=b"two"), INVITED.code_hash, NOW)


@pytest.mark.parametrize(
    ("made", "code", "now"),
    [
        (replace(ONE, subject="zoe"), INVITED.code_hash, NOW),
        (replace(ONE, issuer="https://other.example"), INVITED.code_hash, NOW),
        (ONE, code_hash("B"), NOW),
        (ONE, "", NOW),
        (ONE, INVITED.code_hash, NOW + 10),
    ],
)
def test_passkey_needs_its_own_invitation(made: Passkey, code: str, now: int) -> None:
    """Of another person, provider, code or day: none."""
    with pytest.raises(InvitationError):
        with_passkey(PasskeyBook(invitations=(INVITED,)), made, code, now)


def test_new_invitation_replaces_and_sweeps() -> None:
    """One a person; those that are over go."""
    old = replace(INVITED, subject="zoe", until=NOW)
    book = PasskeyBook(invitations=(old, INVITED))
    second = replace(INVITED, code_hash=code_hash("C"))
    assert with_invitation(book, second, NOW).invitations == (second,)


def test_passkeys_of_a_person_are_so_many() -> None:
    """Five, and neither a sixth nor an invitation to one."""
    five = PasskeyBook(passkeys=of_ana(PASSKEYS_OF_PERSON_MAX), invitations=(INVITED,))
    with pytest.raises(PasskeysFullError):
        with_passkey(five, ONE, INVITED.code_hash, NOW)
    with pytest.raises(PasskeysFullError):
        with_invitation(five, INVITED, NOW)
    four = replace(five, passkeys=of_ana(PASSKEYS_OF_PERSON_MAX - 1))
    assert len(with_passkey(four, ONE, INVITED.code_hash, NOW).passkeys) == 5
    assert parse_passkeys(encode_passkeys(five)) == five
    six = replace(five, passkeys=of_ana(PASSKEYS_OF_PERSON_MAX + 1))
    with pytest.raises(PasskeyFileError):
        encode_passkeys(six)


def test_everybodys_are_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passkeys and invitations of all people together, at the limit and one beyond."""
    monkeypatch.setattr(module, "PASSKEYS_MAX", 1)
    monkeypatch.setattr(module, "INVITATIONS_MAX", 1)
    zoes = replace(INVITED, subject="zoe")
    book = with_invitation(PasskeyBook(), INVITED, NOW)
    with pytest.raises(PasskeysFullError):
        with_invitation(book, zoes, NOW)
    made = with_passkey(book, ONE, INVITED.code_hash, NOW)
    with pytest.raises(PasskeysFullError):
        with_invitation(made, zoes, NOW)


def test_identifier_belongs_to_one() -> None:
    """Also where another person brings it."""
    book = PasskeyBook(passkeys=(replace(ONE, subject="zoe"),), invitations=(INVITED,))
    with pytest.raises(PasskeyKnownError):
        with_passkey(book, ONE, INVITED.code_hash, NOW)


@pytest.mark.parametrize(
    ("before", "now", "is_good"),
    [(0, 0, True), (0, 1, True), (5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)],
)
def test_count_goes_on(before: int, now: int, is_good: bool) -> None:
    """Beyond the last one, or 0 for ever."""
    book = PasskeyBook(passkeys=(replace(ONE, count=before),))
    if is_good:
        (used,) = with_use(book, ONE, now, NOW + 3).passkeys
        assert (used.count, used.used_at) == (now, NOW + 3)
    else:
        with pytest.raises(PasskeyCountError):
            with_use(book, ONE, now, NOW + 3)


def test_what_is_gone_is_unknown() -> None:
    """Removed once; then neither used nor removed; another person's stays."""
    book = PasskeyBook(passkeys=(ONE,))
    gone = without_passkey(book, ONE)
    assert gone.passkeys == ()
    for step in (without_passkey, lambda b, p: with_use(b, p, 1, NOW)):
        with pytest.raises(PasskeyUnknownError):
            step(gone, ONE)
        with pytest.raises(PasskeyUnknownError):
            step(book, replace(ONE, subject="zoe"))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": b""}, {"id": b"x" * (CREDENTIAL_BYTES_MAX + 1)}, {"key": b""},
        {"key": b"x" * (PUBLIC_KEY_BYTES_MAX + 1)}, {"count": -1}, {"count": 2**32},
        {"subject": ""}, {"subject": "é"}, {"subject": "x" * 256}, {"issuer": "\n"},
        {"made_at": -1}, {"used_at": 2**34}, {"invited_by": "x" * 256},
    ],
)  # fmt: skip
def test_passkey_beyond_its_limits_is_refused(changes: dict[str, object]) -> None:
    """A file that says so is refused whole."""
    with pytest.raises(PasskeyFileError):
        encode_passkeys(PasskeyBook(passkeys=(ONE, replace(ONE, **{"id": b"two", **changes}))))


def test_passkey_at_its_limits_is_read_back() -> None:
    """The longest identifier, key, subject and count."""
    longest = replace(
        ONE, id=b"x" * CREDENTIAL_BYTES_MAX, key=b"x" * PUBLIC_KEY_BYTES_MAX, count=2**32 - 1,
        subject="x" * 255, used_at=2**34 - 1,
    )  # fmt: skip
    book = PasskeyBook(passkeys=(longest,))
    data = encode_passkeys(book)
    assert parse_passkeys(data) == book
    # As many as there may be fit into their file.
    room = module.PASSKEYS_MAX * len(data) + module.INVITATIONS_MAX * 1_000
    assert room < PASSKEY_FILE_BYTES_MAX


@pytest.mark.parametrize(
    "data",
    [
        encode_passkeys(PasskeyBook(passkeys=(ONE,))).replace(b'"version":1', b'"version":2'),
        encode_passkeys(PasskeyBook(passkeys=(ONE,))).replace(b'"version":1,', b""),
        encode_passkeys(PasskeyBook(passkeys=(ONE,))).replace(b'"count":0', b'"count":0,"x":1'),
        encode_passkeys(PasskeyBook(passkeys=(ONE,))).replace(b":0", b": 0"),
        encode_passkeys(PasskeyBook(invitations=(INVITED,))).replace(b"zoe", b"z\xff"),
        b"[" * 100_000,
        b" " * (PASSKEY_FILE_BYTES_MAX + 1),
    ],
)
def test_bytes_that_are_no_book_are_refused(data: bytes) -> None:
    """Another version, member, spelling, or more than a file may have."""
    with pytest.raises(PasskeyFileError):
        parse_passkeys(data)


def test_two_invitations_of_one_person_are_no_book() -> None:
    """One of them would be a code that nobody knows of."""
    other = replace(INVITED, code_hash=code_hash("B"))
    with pytest.raises(PasskeyFileError):
        encode_passkeys(PasskeyBook(invitations=(INVITED, other)))


def test_code_is_in_groups_and_its_hash_is_not() -> None:
    """24 letters and digits; the same however they are spaced."""
    code = invitation_code(bytes(range(CODE_BYTES)))
    assert [len(group) for group in code.split("-")] == [4] * 6
    assert code_hash(code) == code_hash(code.replace("-", " ").lower()) != code_hash(code[1:])
