"""Signatures by the reviewers' key files of this host: for the command line and the console.

INVARIANT (review-is-verified): a key is read for one signature and kept nowhere else; whoever calls
signs for the person who asked, and for nobody else.
Source: docs/adr/0037-signing-in.md, section who signs.
"""

from __future__ import annotations

from comity.domain.ids import Member
from comity.domain.verdict import Ed25519Proof
from comity.ledger.note import verifier_key
from comity.ports import SigningKeyError
from comity.roles.host_files import HostFiles, HostFilesError, ReviewerFile, read_reviewer_file

__all__ = ["ReviewerKeys", "signature_of"]


def signature_of(state: Member, reviewer: ReviewerFile, message: bytes) -> Ed25519Proof:
    """Return a reviewer's signature of a message, under the id of the key that is enrolled."""
    public = reviewer.key.public_key().public_bytes_raw()
    named = verifier_key(f"{state}-{reviewer.name}", public)
    return Ed25519Proof(key_id=named.key_id.hex(), signature=reviewer.key.sign(message))


class ReviewerKeys:
    """The reviewers' keys that are kept on this host."""

    def __init__(self, files: HostFiles) -> None:
        self._files = files

    def sign(self, state: Member, name: str, message: bytes) -> Ed25519Proof:
        """Return a person's signature of a message; reads the key's file.

        Raises: SigningKeyError if there is no such key, or its file does not hold that person's.
        """
        path = self._files.reviewer_path(state, name)
        if path is not None:
            try:
                reviewer = read_reviewer_file(path)
            except HostFilesError as error:
                raise SigningKeyError(str(error)) from None
            if reviewer.name == name:
                return signature_of(state, reviewer, message)
        raise SigningKeyError(f"no key is kept here to sign with for `{state}`")
