"""What a witness decides: from its last cosigned head and a request, the answer and what to keep.

Guarantee: a checkpoint is cosigned only if its ledger's own key signed it and it continues the head
that this witness cosigned last; what contradicts that head under the ledger's own signature is
evidence. Whoever carries a step out keeps `head` durably, and only in the place of the head that
was given, before anyone sees `body`.
Source: https://c2sp.org/tlog-witness; consistency by RFC 9162, 2.1.4.2.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Final

from msgspec import Struct

from comity.ledger.errors import (
    NoteError,
    NoteUnverifiedError,
    ProofError,
    SignatureError,
    WitnessRequestError,
)
from comity.ledger.note import (
    Checkpoint,
    NoteSignature,
    Signer,
    VerifierKey,
    cosignature_line,
    parse_checkpoint,
    parse_note,
    signature_line,
    verify_note,
)
from comity.ledger.proof import verify_consistency
from comity.ledger.tree import EMPTY_ROOT, HASH_BYTES, TREE_SIZE_MAX

__all__ = [
    "PROOF_HASHES_MAX",
    "SIZE_MEDIA",
    "WITNESS_REQUEST_BYTES_MAX",
    "AddCheckpoint",
    "Evidence",
    "EvidenceKind",
    "WitnessKey",
    "WitnessStatus",
    "WitnessStep",
    "WitnessedHead",
    "decide",
    "encode_add_checkpoint",
    "origin_id",
    "parse_add_checkpoint",
    "parse_size",
    "refuse",
]

WITNESS_REQUEST_BYTES_MAX: Final = 65_536
PROOF_HASHES_MAX: Final = 63
SIZE_MEDIA: Final = "text/x.tlog.size"
TEXT_MEDIA: Final = "text/plain; charset=utf-8"

_OLD: Final = re.compile(rb"old (0|[1-9][0-9]{0,18})")
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_HASH: Final = re.compile(rb"[A-Za-z0-9+/]{43}=")


class WitnessStatus(IntEnum):
    """How a request ends; the numbers are those of HTTP."""

    COSIGNED = 200
    MALFORMED = 400
    UNTRUSTED = 403
    UNKNOWN = 404
    OTHER_SIZE = 409
    INCONSISTENT = 422


class EvidenceKind(StrEnum):
    """What a kept request shows."""

    FORK = "fork"
    """Two heads of one size with different roots, both under the ledger's key: proof by itself."""
    UNPROVED = "unproved"
    """A larger head, under the ledger's key, with a proof that does not lead to it: the ledger has
    to show one that does."""


class AddCheckpoint(Struct, frozen=True, kw_only=True):
    """A request: the head it continues by size, the proof for that, and the signed checkpoint."""

    size_old: int
    proof: tuple[bytes, ...]
    note: bytes
    checkpoint: Checkpoint


class WitnessedHead(Struct, frozen=True, kw_only=True):
    """What a witness cosigned last of an origin; `note` has the ledger's line and its own."""

    origin: str
    size: int
    root: bytes
    note: bytes


class Evidence(Struct, frozen=True, kw_only=True):
    """A request that contradicts the head that was cosigned before, and that head's note."""

    origin: str
    kind: EvidenceKind
    size: int
    root: bytes
    seen: bytes
    shown: bytes


class WitnessStep(Struct, frozen=True, kw_only=True):
    """An answer, with what has to be kept before it is given: a new head, or evidence."""

    status: WitnessStatus
    body: bytes = b""
    media: str = TEXT_MEDIA
    head: WitnessedHead | None = None
    evidence: Evidence | None = None


class WitnessKey(Struct, frozen=True, kw_only=True):
    """A witness's key: its public form and what signs with it."""

    key: VerifierKey
    signer: Signer


def origin_id(origin: str) -> str:
    """Return the name of an origin in a witness's paths: SHA-256 in hexadecimal digits."""
    return sha256(origin.encode()).hexdigest()


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Return what a request says. Raises: WitnessRequestError.

    Checkpoints with extension lines are refused: nobody could say what a cosignature means of them.
    """
    if len(body) > WITNESS_REQUEST_BYTES_MAX:
        raise WitnessRequestError("`request` is longer than 65,536 bytes")
    head, gap, note = body.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    old = _OLD.fullmatch(first)
    if old is None or not gap or int(old[1]) > TREE_SIZE_MAX:
        raise WitnessRequestError("`old` is not the size of a tree, with an empty line after it")
    if len(lines) > PROOF_HASHES_MAX:
        raise WitnessRequestError("`proof` has more than 63 hashes")
    try:
        checkpoint = parse_checkpoint(parse_note(note)[0])
    except NoteError as error:
        raise WitnessRequestError(str(error)) from None
    return AddCheckpoint(
        size_old=int(old[1]),
        proof=tuple(_hash(line) for line in lines),
        note=note,
        checkpoint=checkpoint,
    )


def encode_add_checkpoint(size_old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Return the request that asks a witness to cosign a note."""
    assert len(proof) <= PROOF_HASHES_MAX
    hashes = b"".join(b64encode(node) + b"\n" for node in proof)
    return b"old %d\n%b\n%b" % (size_old, hashes, note)


def parse_size(body: bytes) -> int:
    """Return the size that a 409 names. Raises: WitnessRequestError."""
    found = _SIZE.fullmatch(body)
    if found is None or int(found[1]) > TREE_SIZE_MAX:
        raise WitnessRequestError("`size` is not the size of a tree on a line")
    return int(found[1])


def refuse(status: WitnessStatus, text: str) -> WitnessStep:
    """Return an answer that keeps nothing."""
    return WitnessStep(status=status, body=text.encode() + b"\n")


def decide(
    request: AddCheckpoint,
    keys: Sequence[VerifierKey],
    head: WitnessedHead | None,
    witness: WitnessKey,
    time_s: int,
) -> WitnessStep:
    """Return what a witness answers.

    keys: those that may sign for the request's origin, none if it is not followed.
    head: what was cosigned last of that origin, None if nothing was.
    The checks are those of tlog-witness, in its order, whose numbers stand below:
    1. the origin is known, 2. its key signed, 3. the old size is not above the checkpoint's, 4. it
    is that of the last cosigned head, 5. the same size has the same root, 6. the proof holds.
    """
    wanted = request.checkpoint
    if not keys:  # 1
        return refuse(WitnessStatus.UNKNOWN, "this origin is not followed here")
    try:  # 2
        signed_by = verify_note(request.note, keys).signed_by
    except (SignatureError, NoteUnverifiedError):
        return refuse(WitnessStatus.UNTRUSTED, "the checkpoint is not signed by its ledger's key")
    if request.size_old > wanted.size:  # 3
        return refuse(WitnessStatus.MALFORMED, "the old size is above the checkpoint's")
    size, root = (head.size, head.root) if head is not None else (0, EMPTY_ROOT)
    if request.size_old != size:  # 4
        body = b"%d\n" % size
        return WitnessStep(status=WitnessStatus.OTHER_SIZE, body=body, media=SIZE_MEDIA)
    if wanted.size == size and wanted.root != root:  # 5
        return _contradiction(request, head, EvidenceKind.FORK, "another root of the same size")
    try:  # 6
        verify_consistency(size, root, wanted.size, wanted.root, request.proof)
    except ProofError:
        return _contradiction(request, head, EvidenceKind.UNPROVED, "the proof does not hold")
    return _cosigned(request, tuple(key for key, _ in signed_by), witness, time_s)


def _cosigned(
    request: AddCheckpoint, keys: Sequence[VerifierKey], witness: WitnessKey, time_s: int
) -> WitnessStep:
    text, signatures = parse_note(request.note)
    line = cosignature_line(text, witness.key, witness.signer, time_s)
    # Lines that nobody verified here are not passed on under our name.
    own = b"".join(_line_of(key, signatures) for key in keys)
    wanted = request.checkpoint
    head = WitnessedHead(
        origin=wanted.origin,
        size=wanted.size,
        root=wanted.root,
        note=text + b"\n" + own + line,
    )
    return WitnessStep(status=WitnessStatus.COSIGNED, body=line, head=head)


def _line_of(key: VerifierKey, signatures: Sequence[NoteSignature]) -> bytes:
    signature = next(s for s in signatures if (s.name, s.key_id) == (key.name, key.key_id))
    return signature_line(key, signature.signature)


def _contradiction(
    request: AddCheckpoint, head: WitnessedHead | None, kind: EvidenceKind, text: str
) -> WitnessStep:
    evidence = Evidence(
        origin=request.checkpoint.origin,
        kind=kind,
        size=request.checkpoint.size,
        root=request.checkpoint.root,
        seen=head.note if head is not None else b"",
        shown=encode_add_checkpoint(request.size_old, request.proof, request.note),
    )
    return WitnessStep(
        status=WitnessStatus.INCONSISTENT, body=text.encode() + b"\n", evidence=evidence
    )


def _hash(line: bytes) -> bytes:
    data = b64decode(line) if _HASH.fullmatch(line) else b""
    if len(data) != HASH_BYTES or b64encode(data) != line:
        raise WitnessRequestError("`proof` holds a line that is no hash in base64")
    return data
