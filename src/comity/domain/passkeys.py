"""Passkeys as a console keeps them: whose each is, its public key, and who was invited to make one.

Each change is a function of the book before it, so that one file changes whole or not at all. A
book has one encoding, and its parser takes no other. Guarantee: a passkey is added only by an
invitation that stands, and takes it away; a count never goes back.
Source: docs/adr/0059-passkeys-at-the-sign-in.md; W3C Web Authentication, level 3.
"""

from __future__ import annotations

import base64
import hmac
from collections import Counter
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from comity.domain.errors import ComityError, MalformedError
from comity.domain.times import TIME_MAX

__all__ = [
    "CODE_BYTES",
    "COMMAND_LINE",
    "CREDENTIAL_BYTES_MAX",
    "INVITATIONS_MAX",
    "INVITATION_SECONDS_MAX",
    "PASSKEYS_MAX",
    "PASSKEYS_OF_PERSON_MAX",
    "PASSKEY_FILE_BYTES_MAX",
    "PUBLIC_KEY_BYTES_MAX",
    "Invitation",
    "InvitationError",
    "Passkey",
    "PasskeyBook",
    "PasskeyCountError",
    "PasskeyFileError",
    "PasskeyKnownError",
    "PasskeyPolicy",
    "PasskeyUnknownError",
    "PasskeysFullError",
    "code_hash",
    "encode_passkeys",
    "invitation_code",
    "parse_passkeys",
    "with_invitation",
    "with_passkey",
    "with_use",
    "without_passkey",
]

PASSKEYS_OF_PERSON_MAX: Final = 5
"""Passkeys of one person; another one has to go first."""
PASSKEYS_MAX: Final = 8_192
"""Passkeys of everybody."""
INVITATIONS_MAX: Final = 512
"""Invitations that stand at a time, one a person."""
INVITATION_SECONDS_MAX: Final = 86_400
"""How long an invitation can be used."""
CREDENTIAL_BYTES_MAX: Final = 1_023
"""A passkey's identifier (Web Authentication, level 3, section 4)."""
PUBLIC_KEY_BYTES_MAX: Final = 1_200
"""A public key as COSE: an RSA key of 8,192 bits has 1,040."""
PASSKEY_FILE_BYTES_MAX: Final = 33_554_432
"""The file of all passkeys, each as long as it can be."""
CODE_BYTES: Final = 15
"""Random bytes of an invitation's code: 24 letters and digits."""
COMMAND_LINE: Final = ""
"""In the place of an inviter's subject: whoever can write the console's files."""

_GROUP_CHARS: Final = 4
_LABEL_DIGITS: Final = 12
_COUNT_MAX: Final = 0xFFFF_FFFF


class PasskeyPolicy(StrEnum):
    """What a console asks for beside the provider's word."""

    REQUIRED = "required"
    OFFERED = "offered"


class PasskeyFileError(MalformedError):
    """The file of passkeys cannot be read as one; nobody is admitted by it."""

    code = "passkey-file"


class InvitationError(ComityError):
    """No such invitation stands for this person."""

    code = "passkey-invitation"


class PasskeysFullError(ComityError):
    """There are as many passkeys or invitations as there may be."""

    code = "passkeys-full"


class PasskeyKnownError(ComityError):
    """This passkey is registered already."""

    code = "passkey-known"


class PasskeyUnknownError(ComityError):
    """There is no such passkey of this person."""

    code = "passkey-unknown"


class PasskeyCountError(ComityError):
    """A passkey counts no further than it did: there may be a second one with its key."""

    code = "passkey-count"


_Subject = Annotated[str, Meta(pattern=r"^[ -~]{1,255}$")]
_Inviter = Annotated[str, Meta(pattern=r"^[ -~]{0,255}$")]
_Time = Annotated[int, Meta(ge=0, le=TIME_MAX)]


class Passkey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person's passkey. Times are Unix seconds; `key` is COSE, `count` of its last use.

    A subject means something only beside its issuer. `invited_by` is a subject of the same issuer,
    or the command line.
    """

    issuer: _Subject
    subject: _Subject
    id: Annotated[bytes, Meta(min_length=1, max_length=CREDENTIAL_BYTES_MAX)]
    key: Annotated[bytes, Meta(min_length=1, max_length=PUBLIC_KEY_BYTES_MAX)]
    count: Annotated[int, Meta(ge=0, le=_COUNT_MAX)]
    invited_by: _Inviter
    made_at: _Time
    used_at: _Time

    @property
    def label(self) -> str:
        """How a person's passkeys are told apart on pages and in commands: 12 digits."""
        return sha256(self.id).hexdigest()[:_LABEL_DIGITS]


class Invitation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a person may make one passkey until a time; of its code only the hash is kept."""

    issuer: _Subject
    subject: _Subject
    code_hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    invited_by: _Inviter
    until: _Time


class PasskeyBook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every passkey in the order in which they were made, and every invitation."""

    version: int = 1
    passkeys: Annotated[tuple[Passkey, ...], Meta(max_length=PASSKEYS_MAX)] = ()
    invitations: Annotated[tuple[Invitation, ...], Meta(max_length=INVITATIONS_MAX)] = ()

    def of(self, issuer: str, subject: str) -> tuple[Passkey, ...]:
        """Return a person's passkeys."""
        return tuple(p for p in self.passkeys if (p.issuer, p.subject) == (issuer, subject))

    def invited(self, issuer: str, subject: str, now_s: int) -> Invitation | None:
        """Return the invitation that stands for a person, or None."""
        for each in self.invitations:
            if (each.issuer, each.subject) == (issuer, subject) and now_s < each.until:
                return each
        return None


def invitation_code(random: bytes) -> str:
    """Return the code of so many random bytes, in groups, as a person reads it to another."""
    text = base64.b32encode(random).rstrip(b"=").decode("ascii")
    return "-".join(text[at : at + _GROUP_CHARS] for at in range(0, len(text), _GROUP_CHARS))


def code_hash(code: str) -> str:
    """Return what a code is known by, however it is spaced, and in whatever case."""
    plain = "".join(code.replace("-", "").split()).upper()
    return sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def with_invitation(book: PasskeyBook, made: Invitation, now_s: int) -> PasskeyBook:
    """Return a book with an invitation in the place of that person's last one.

    Raises: PasskeysFullError.
    """
    whose = (made.issuer, made.subject)
    others = tuple(
        each
        for each in book.invitations
        if now_s < each.until and (each.issuer, each.subject) != whose
    )
    if len(others) >= INVITATIONS_MAX:
        raise PasskeysFullError(f"{INVITATIONS_MAX} invitations stand: one has to be used first")
    _check_room(book, *whose)
    return msgspec.structs.replace(book, invitations=(*others, made))


def with_passkey(book: PasskeyBook, made: Passkey, code: str, now_s: int) -> PasskeyBook:
    """Return a book with a new passkey, and without the invitation by which it was made.

    `code` is the code's hash. Raises: InvitationError, PasskeysFullError, PasskeyKnownError.
    """
    invitation = book.invited(made.issuer, made.subject, now_s)
    if invitation is None or not hmac.compare_digest(invitation.code_hash, code):
        raise InvitationError("this person has no such invitation, or its time is over")
    _check_room(book, made.issuer, made.subject)
    if any(each.id == made.id for each in book.passkeys):
        raise PasskeyKnownError("this passkey is registered already")
    return msgspec.structs.replace(
        book,
        passkeys=(*book.passkeys, msgspec.structs.replace(made, invited_by=invitation.invited_by)),
        invitations=tuple(each for each in book.invitations if each is not invitation),
    )


def with_use(book: PasskeyBook, used: Passkey, count: int, now_s: int) -> PasskeyBook:
    """Return a book in which a passkey was used. Raises: PasskeyUnknownError, PasskeyCountError.

    One that does not count says 0 always (level 3, section 6.1.1).
    """
    kept = _kept(book, used)
    if (count or kept.count) and count <= kept.count:
        raise PasskeyCountError("`count` of this passkey is not beyond that of its last use")
    now_used = msgspec.structs.replace(kept, count=count, used_at=now_s)
    found = tuple(now_used if each is kept else each for each in book.passkeys)
    return msgspec.structs.replace(book, passkeys=found)


def without_passkey(book: PasskeyBook, gone: Passkey) -> PasskeyBook:
    """Return a book without a passkey. Raises: PasskeyUnknownError."""
    kept = _kept(book, gone)
    found = tuple(each for each in book.passkeys if each is not kept)
    return msgspec.structs.replace(book, passkeys=found)


def _kept(book: PasskeyBook, wanted: Passkey) -> Passkey:
    for each in book.of(wanted.issuer, wanted.subject):
        if each.id == wanted.id:
            return each
    raise PasskeyUnknownError("there is no such passkey of this person")


def _check_room(book: PasskeyBook, issuer: str, subject: str) -> None:
    if len(book.of(issuer, subject)) >= PASSKEYS_OF_PERSON_MAX:
        raise PasskeysFullError(f"a person has at most {PASSKEYS_OF_PERSON_MAX} passkeys")
    if len(book.passkeys) >= PASSKEYS_MAX:
        raise PasskeysFullError(f"a console keeps at most {PASSKEYS_MAX} passkeys")


_decoder: Final = msgspec.json.Decoder(PasskeyBook)


def encode_passkeys(book: PasskeyBook) -> bytes:
    """Return the file of a book. Raises: PasskeyFileError if it would not be read back."""
    data = msgspec.json.encode(book) + b"\n"
    parse_passkeys(data)
    return data


def parse_passkeys(data: bytes) -> PasskeyBook:
    """Return the book of a file. Raises: PasskeyFileError, which names nobody."""
    if len(data) > PASSKEY_FILE_BYTES_MAX:
        raise PasskeyFileError(f"the file of passkeys is over {PASSKEY_FILE_BYTES_MAX} bytes")
    try:
        book = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise PasskeyFileError("the file of passkeys is not in form") from None
    if book.version != 1:
        raise PasskeyFileError("`version` of the file of passkeys is not 1")
    if len({each.id for each in book.passkeys}) != len(book.passkeys):
        raise PasskeyFileError("the file of passkeys has one of them twice")
    of_person = Counter((each.issuer, each.subject) for each in book.passkeys)
    if max(of_person.values(), default=0) > PASSKEYS_OF_PERSON_MAX:
        raise PasskeyFileError(f"somebody has over {PASSKEYS_OF_PERSON_MAX} passkeys in their file")
    invited = {(each.issuer, each.subject) for each in book.invitations}
    if len(invited) != len(book.invitations):
        raise PasskeyFileError("the file of passkeys has two invitations of one person")
    if msgspec.json.encode(book) + b"\n" != data:
        raise PasskeyFileError("the file of passkeys is not in canonical form")
    return book
