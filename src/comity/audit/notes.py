"""Checks of signed notes: verifier keys, checkpoints and witness cosignatures, byte by byte.

Source: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint,
https://c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from comity.audit.findings import EvidenceError, EvidenceFormError

__all__ = [
    "SignedHead",
    "TrustedKey",
    "check_signature",
    "read_checkpoint",
    "read_vkey",
    "unbase64",
]

_NOTE_BYTES_MAX: Final = 65_536
_LINES_MAX: Final = 64
_SIZE_MAX: Final = 2**48
_PLAIN: Final = 1
_TIMED: Final = 4
_NAME: Final = r"[^\s+\x00-\x20]{1,255}"
_VKEY: Final = re.compile(rf"({_NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/=]+)")
_TEXT: Final = re.compile(rf"({_NAME})\n(0|[1-9][0-9]{{0,14}})\n([A-Za-z0-9+/]{{43}}=)\n")
_LINE: Final = re.compile(rf"\u2014 ({_NAME}) ([A-Za-z0-9+/=]+)")


class TrustedKey(NamedTuple):
    """A verifier key that the caller trusts."""

    name: str
    kind: int
    public_key: bytes
    key_id: bytes


class SignedHead(NamedTuple):
    """What a checked checkpoint commits to, and when each of the trusted witnesses saw it."""

    origin: str
    size: int
    root: bytes
    witnessed: dict[str, int]


def unbase64(text: str) -> bytes:
    """Return what a base64 text stands for. Raises: EvidenceFormError unless it is canonical."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise EvidenceFormError("`base64` cannot be decoded") from None
    if b64encode(data).decode() != text:
        raise EvidenceFormError("`base64` is not canonical")
    return data


def read_vkey(text: str) -> TrustedKey:
    """Return a trusted key from its text. Raises: EvidenceFormError."""
    found = _VKEY.fullmatch(text)
    if found is None:
        raise EvidenceFormError("`vkey` is not a name, a key id and a key")
    typed = unbase64(found[3])
    if len(typed) != 33 or typed[0] not in (_PLAIN, _TIMED):
        raise EvidenceFormError("`vkey` is not of a type that is known here")
    key_id = sha256(found[1].encode() + b"\n" + typed).digest()[:4]
    if key_id.hex() != found[2]:
        raise EvidenceFormError("`vkey` carries another key's id")
    return TrustedKey(found[1], typed[0], typed[1:], key_id)


def read_checkpoint(
    note: bytes, ledger: TrustedKey, witnesses: Sequence[TrustedKey] = ()
) -> SignedHead:
    """Return the head that a checkpoint commits to, once the ledger's own signature holds.

    Raises: EvidenceFormError if it is no checkpoint, EvidenceError if the ledger's key did not sign
            it or a trusted key's signature fails.
    """
    text, lines = _take_apart(note)
    found = _TEXT.fullmatch(text)
    if found is None:
        raise EvidenceFormError("`checkpoint` is not an origin, a size and a root")
    trusted = {(key.name, key.key_id): key for key in (ledger, *witnesses)}
    times: dict[TrustedKey, int] = {}
    for name, data in lines:
        key = trusted.get((name, data[:4]))
        if key is not None:
            times[key] = _check_line(key, data[4:], text.encode())
    if ledger not in times or ledger.kind != _PLAIN or found[1] != ledger.name:
        raise EvidenceError("`checkpoint` is not signed by the ledger's key")
    size, root = int(found[2]), unbase64(found[3])
    if size > _SIZE_MAX:
        raise EvidenceFormError("`size` is beyond the largest tree")
    witnessed = {key.name: time_s for key, time_s in times.items() if key.kind == _TIMED}
    return SignedHead(found[1], size, root, witnessed)


def check_signature(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Check one Ed25519 signature. Raises: EvidenceError."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise EvidenceError("`signature` does not verify") from None


def _take_apart(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a note's text and, for each signature line, its name and decoded bytes."""
    if len(note) > _NOTE_BYTES_MAX:
        raise EvidenceFormError("`note` is longer than 65,536 bytes")
    try:
        text, gap, block = note.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise EvidenceFormError("`note` is not UTF-8") from None
    if not gap or not block.endswith("\n"):
        raise EvidenceFormError("`note` has no signatures")
    lines = block[:-1].split("\n")
    if len(lines) > _LINES_MAX:
        raise EvidenceFormError("`note` has more than 64 signatures")
    return text + "\n", [_take_line(line) for line in lines]


def _take_line(line: str) -> tuple[str, bytes]:
    found = _LINE.fullmatch(line)
    data = unbase64(found[2]) if found else b""
    if found is None or len(data) <= 4:
        raise EvidenceFormError("`signature` line is not a name and a signature")
    return found[1], data


def _check_line(key: TrustedKey, signature: bytes, text: bytes) -> int:
    """Check a trusted key's line; return the time it states, 0 for a plain signature."""
    if key.kind == _PLAIN:
        check_signature(key.public_key, signature, text)
        return 0
    time_s = int.from_bytes(signature[:8], "big")
    message = f"cosignature/v1\ntime {time_s}\n".encode() + text
    check_signature(key.public_key, signature[8:], message)
    return time_s
