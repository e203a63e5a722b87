"""What keeps people out of the console, by name.

Guarantee: no text holds a name, a subject or an address of a person.
"""

from __future__ import annotations

from comity.domain.errors import ComityError, MalformedError

__all__ = [
    "NotAPersonError",
    "NotASignerError",
    "PasskeyAddressError",
    "PasskeyRefusedError",
    "PeopleError",
    "PlaceError",
    "ReturnToError",
    "SignInError",
    "SignInLockedError",
]


class PeopleError(MalformedError):
    """The people file cannot be read, or has what it may not have; nobody is admitted by it."""

    code = "people-file"


class SignInError(ComityError):
    """A sign-in did not come to its end: it is not known here, is over, or was refused."""

    code = "sign-in-refused"


class NotAPersonError(SignInError):
    """The provider knows who signed in; the people file gives that person no place."""

    code = "sign-in-no-place"


class SignInLockedError(SignInError):
    """Five tries from one place failed; it has to wait."""

    code = "sign-in-locked"


class PasskeyRefusedError(SignInError):
    """What a browser says about a passkey does not fit; the text says what."""

    code = "passkey-refused"


class PasskeyAddressError(MalformedError):
    """Passkeys are required, and the console's address has no name to which one can be bound."""

    code = "passkey-address"


class ReturnToError(SignInError):
    """Where to go after signing in is not a path of this console."""

    code = "return-to-refused"


class PlaceError(ComityError):
    """The state that was chosen is none in which this person holds a place."""

    code = "place-not-held"


class NotASignerError(ComityError):
    """This person signs nothing of the kind in the state that was chosen."""

    code = "not-a-signer"
