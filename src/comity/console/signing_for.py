"""Signatures for the person who is signed in, and for nobody else.

INVARIANT (review-is-verified): what a page signs goes through here: the name comes of the people in
force at this look, never out of a request.
Source: docs/adr/0037-signing-in.md, section who signs.
"""

from __future__ import annotations

from comity.console.errors import NotASignerError
from comity.console.people import Role
from comity.console.sessions import SignedIn
from comity.domain.verdict import Ed25519Proof
from comity.ports import SigningKeys

__all__ = ["sign_for"]


def sign_for(found: SignedIn, keys: SigningKeys, message: bytes, *roles: Role) -> Ed25519Proof:
    """Return the signed-in person's signature, if it holds one of these roles in its state.

    `found` is what `Sessions.find` gave within this very request.
    Raises: NotASignerError, SigningKeyError.
    """
    person = found.person
    if person is None or not person.has_any(*roles):
        raise NotASignerError("this person does not hold the role that signs this")
    if not person.signs_as:
        raise NotASignerError("`signs_as` of this person is not in the people file")
    return keys.sign(person.state, person.signs_as, message)
