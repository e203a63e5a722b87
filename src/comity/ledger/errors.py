"""The errors of the ledger's bytes; each has a stable code that programs match on."""

from __future__ import annotations

from typing import ClassVar

from comity.domain.errors import ComityError, MalformedError

__all__ = [
    "BundleError",
    "CommitmentError",
    "ExportError",
    "FrontierError",
    "KeyFormError",
    "NoteError",
    "NoteUnverifiedError",
    "OpeningError",
    "OpeningMismatchError",
    "ProofError",
    "ProofFormError",
    "ProofLengthError",
    "QuorumFileError",
    "ReceiptError",
    "ReceiptKeyError",
    "RootMismatchError",
    "SignatureError",
    "TileError",
    "TilePathError",
    "WitnessRequestError",
]


class FrontierError(MalformedError):
    """A frontier's bytes do not have the form of their size."""

    code: ClassVar[str] = "frontier-malformed"


class ProofError(ComityError):
    """A proof does not prove what it is shown for."""

    code: ClassVar[str] = "proof-invalid"


class ProofLengthError(ProofError):
    """A proof has more or fewer hashes than its index and size require."""

    code: ClassVar[str] = "proof-length"


class RootMismatchError(ProofError):
    """A proof leads to another root hash."""

    code: ClassVar[str] = "root-mismatch"


class ProofFormError(MalformedError):
    """A tlog-proof file does not have its form."""

    code: ClassVar[str] = "proof-malformed"


class TilePathError(MalformedError):
    """A path names no tile and no entry bundle."""

    code: ClassVar[str] = "tile-path-malformed"


class TileError(MalformedError):
    """A tile does not hold exactly its width in hashes."""

    code: ClassVar[str] = "tile-malformed"


class BundleError(MalformedError):
    """An entry bundle does not hold exactly its width in entries."""

    code: ClassVar[str] = "bundle-malformed"


class KeyFormError(MalformedError):
    """A verifier key's text does not have its form, or its id is not the id of its key."""

    code: ClassVar[str] = "key-malformed"


class NoteError(MalformedError):
    """A signed note, or the checkpoint text in it, does not have its form."""

    code: ClassVar[str] = "note-malformed"


class NoteUnverifiedError(ComityError):
    """No known key signed the note."""

    code: ClassVar[str] = "note-unverified"


class SignatureError(ComityError):
    """A signature by a known key does not verify."""

    code: ClassVar[str] = "signature-invalid"


class CommitmentError(MalformedError):
    """Fields cannot be committed to: too many, or a name is malformed or repeated."""

    code: ClassVar[str] = "commitment-malformed"


class OpeningError(MalformedError):
    """An opening does not have its form."""

    code: ClassVar[str] = "opening-malformed"


class OpeningMismatchError(ComityError):
    """An opening does not lead to the commitment."""

    code: ClassVar[str] = "opening-mismatch"


class ReceiptError(MalformedError):
    """A receipt, or a batch to be signed, does not have its form."""

    code: ClassVar[str] = "receipt-malformed"


class ReceiptKeyError(ComityError):
    """A receipt names another host or key than the one it is checked against."""

    code: ClassVar[str] = "receipt-key"


class ExportError(ComityError):
    """The leaves do not make the tree that the signed checkpoint commits to."""

    code: ClassVar[str] = "export-mismatch"


class QuorumFileError(MalformedError):
    """A quorum file does not have the form of a tlog-policy."""

    code: ClassVar[str] = "quorum-file-malformed"


class WitnessRequestError(MalformedError):
    """What a witness was sent is no `add-checkpoint` request."""

    code: ClassVar[str] = "witness-request-malformed"
