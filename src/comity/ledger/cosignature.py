"""Cosignatures: a witness's dated signature over a checkpoint, as a further line of its note.

Guarantee: a line by an unknown key is ignored, a known witness's line that does not verify refuses
all that came with it, and what is returned is written anew, so that nothing else is carried along.
Source: https://c2sp.org/tlog-cosignature (`cosignature/v1`, type 0x04);
https://c2sp.org/signed-note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from comity.ledger.errors import NoteUnverifiedError, SignatureError
from comity.ledger.note import (
    KeyKind,
    VerifierKey,
    parse_note,
    signature_line,
    verify_note,
)

__all__ = [
    "COSIGNED_AT_MAX",
    "Cosignature",
    "add_cosignatures",
    "read_cosignatures",
    "take_cosignatures",
]

COSIGNED_AT_MAX: Final = 2**63 - 1
"""The latest time that a cosignature may state, in seconds since 1970."""


class Cosignature(Struct, frozen=True, kw_only=True):
    """A verified cosignature: whose, of which second since 1970, and its line in the note."""

    key: VerifierKey
    time_s: int
    line: bytes


def take_cosignatures(
    text: bytes, lines: bytes, keys: Sequence[VerifierKey]
) -> tuple[Cosignature, ...]:
    """Return the cosignatures by known witnesses among signature lines over a checkpoint's text.

    lines: what a witness answered, one line or more, each with its newline.
    Raises: NoteError, SignatureError if a known witness's line does not verify.
    """
    return read_cosignatures(text + b"\n" + lines, keys)


def read_cosignatures(note: bytes, keys: Sequence[VerifierKey]) -> tuple[Cosignature, ...]:
    """Return the cosignatures by known witnesses in a note, by name, each witness once.

    Raises: NoteError, SignatureError.
    """
    witnesses = [key for key in keys if key.kind is KeyKind.COSIGNATURE]
    signatures = {(s.name, s.key_id): s.signature for s in parse_note(note)[1]}
    try:
        signed_by = verify_note(note, witnesses).signed_by
    except NoteUnverifiedError:
        return ()
    found = []
    for key, time_s in signed_by:
        assert time_s is not None
        if time_s > COSIGNED_AT_MAX:
            raise SignatureError("`time` of a cosignature is beyond what it may be")
        line = signature_line(key, signatures[key.name, key.key_id])
        found.append(Cosignature(key=key, time_s=time_s, line=line))
    return tuple(sorted(found, key=lambda one: (one.key.name, one.key.key_id)))


def add_cosignatures(note: bytes, lines: Iterable[bytes]) -> bytes:
    """Return a note with further lines, those it has already left out."""
    have = set(note.splitlines(keepends=True))
    return note + b"".join(line for line in lines if line not in have)
