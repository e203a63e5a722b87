"""Signed notes, verifier keys, checkpoints and cosignatures.

Guarantee: bytes are those of C2SP; a signature by an unknown key is ignored, a known key's
signature that does not verify refuses the whole note.
Source: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint,
https://c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from enum import IntEnum
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from comity.ledger.errors import KeyFormError, NoteError, NoteUnverifiedError, SignatureError
from comity.ledger.tree import HASH_BYTES, TREE_SIZE_MAX

__all__ = [
    "NOTE_BYTES_MAX",
    "SIGNATURES_MAX",
    "Checkpoint",
    "KeyKind",
    "NoteSignature",
    "Signer",
    "VerifiedNote",
    "VerifierKey",
    "bare_note",
    "checkpoint_text",
    "cosignature_line",
    "encode_vkey",
    "is_key_name",
    "parse_checkpoint",
    "parse_note",
    "parse_vkey",
    "sign_note",
    "signature_line",
    "verifier_key",
    "verify_checkpoint",
    "verify_ed25519",
    "verify_note",
]

NOTE_BYTES_MAX: Final = 65_536
SIGNATURES_MAX: Final = 64
NAME_CHARS_MAX: Final = 255

_DASH: Final = "\u2014 "
_KEY_ID_BYTES: Final = 4
_PUBLIC_KEY_BYTES: Final = 32
_TIME_BYTES: Final = 8
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL: Final = re.compile(rb"[\x00-\x09\x0b-\x1f]")
_VKEY_PARTS: Final = 3


class KeyKind(IntEnum):
    """What a key signs: the type byte of its verifier key."""

    ED25519 = 1
    COSIGNATURE = 4


class Signer(Protocol):
    """Signs with an Ed25519 key that stays where it is."""

    def sign(self, data: bytes, /) -> bytes:
        """Return the 64 bytes of the signature."""
        ...


class VerifierKey(Struct, frozen=True, kw_only=True):
    """A public key with its name; made by `verifier_key` or `parse_vkey`, which derive `key_id`."""

    name: str
    kind: KeyKind
    public_key: bytes
    key_id: bytes


class NoteSignature(Struct, frozen=True, kw_only=True):
    """One signature line: who signed by name and key id, and what follows the key id."""

    name: str
    key_id: bytes
    signature: bytes


class VerifiedNote(Struct, frozen=True, kw_only=True):
    """A note's text and the known keys that signed it, with the time of each cosignature."""

    text: bytes
    signed_by: tuple[tuple[VerifierKey, int | None], ...]


class Checkpoint(Struct, frozen=True, kw_only=True):
    """What a ledger commits to: its origin, its size, its root hash."""

    origin: str
    size: int
    root: bytes


def is_key_name(name: str) -> bool:
    """Tell whether a name can stand in a note: 1 to 255 characters, no white space, no plus."""
    plain = not any(c.isspace() or c < " " for c in name)
    return 1 <= len(name) <= NAME_CHARS_MAX and plain and "+" not in name


def verifier_key(name: str, public_key: bytes, kind: KeyKind = KeyKind.ED25519) -> VerifierKey:
    """Return a verifier key with its key id. Raises: KeyFormError."""
    if not is_key_name(name):
        raise KeyFormError("`name` is empty, too long, or holds a space or a plus")
    if len(public_key) != _PUBLIC_KEY_BYTES:
        raise KeyFormError("`public_key` is not 32 bytes")
    typed = name.encode() + b"\n" + bytes([kind]) + public_key
    key_id = sha256(typed).digest()[:_KEY_ID_BYTES]
    return VerifierKey(name=name, kind=kind, public_key=public_key, key_id=key_id)


def encode_vkey(key: VerifierKey) -> str:
    """Return a verifier key as text: name, key id and typed key, joined by pluses."""
    typed = b64encode(bytes([key.kind]) + key.public_key).decode()
    return f"{key.name}+{key.key_id.hex()}+{typed}"


def parse_vkey(text: str) -> VerifierKey:
    """Return the key that `encode_vkey` wrote. Raises: KeyFormError."""
    parts = text.split("+", _VKEY_PARTS - 1)  # Only the first two: base64 may hold a plus.
    typed = _base64(parts[-1])
    if len(parts) != _VKEY_PARTS or typed is None or len(typed) != 1 + _PUBLIC_KEY_BYTES:
        raise KeyFormError("`vkey` is not a name, a key id and a typed key of 33 bytes")
    if typed[0] not in list(KeyKind):
        raise KeyFormError("`vkey` is of an unknown type")
    key = verifier_key(parts[0], typed[1:], KeyKind(typed[0]))
    if key.key_id.hex() != parts[1]:
        raise KeyFormError("`vkey` carries an id that is not its key's")
    return key


def checkpoint_text(origin: str, size: int, root: bytes) -> bytes:
    """Return the text of a checkpoint: origin, size and root hash, a line each."""
    return b"%b\n%d\n%b\n" % (origin.encode(), size, b64encode(root))


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Return what a checkpoint's text commits to.

    Raises: NoteError; also for extension lines, which nobody could audit.
    """
    lines = _utf8(text).split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteError("`checkpoint` is not exactly three lines")
    origin, size, root = lines[0], lines[1], _base64(lines[2])
    if not is_key_name(origin):
        raise NoteError("`origin` is not a key name")
    if not _DECIMAL.fullmatch(size) or int(size) > TREE_SIZE_MAX:
        raise NoteError("`size` is not a decimal number of leaves")
    if root is None or len(root) != HASH_BYTES:
        raise NoteError("`root` is not a hash in base64")
    return Checkpoint(origin=origin, size=int(size), root=root)


def sign_note(text: bytes, key: VerifierKey, signer: Signer) -> bytes:
    """Return a note with one Ed25519 signature; cosignature lines may be appended as they come."""
    assert key.kind is KeyKind.ED25519
    _check_text(text)
    return text + b"\n" + signature_line(key, signer.sign(text))


def cosignature_line(text: bytes, key: VerifierKey, signer: Signer, time_s: int) -> bytes:
    """Return a witness's line over a checkpoint's text, at `time_s` seconds since 1970."""
    assert key.kind is KeyKind.COSIGNATURE
    signature = signer.sign(_cosigned(text, time_s))
    return signature_line(key, time_s.to_bytes(_TIME_BYTES, "big") + signature)


def parse_note(note: bytes) -> tuple[bytes, tuple[NoteSignature, ...]]:
    """Return a note's text, with its last newline, and its signature lines. Raises: NoteError."""
    if len(note) > NOTE_BYTES_MAX:
        raise NoteError("`note` is longer than 65,536 bytes")
    at = note.rfind(b"\n\n")  # Text and signatures part at the last empty line.
    if at < 0 or not note.endswith(b"\n"):
        raise NoteError("`note` has no signature block")
    text, block = note[: at + 1], _utf8(note[at + 2 :])
    _check_text(text)
    lines = block.split("\n")[:-1]
    if not 1 <= len(lines) <= SIGNATURES_MAX:
        raise NoteError("`note` does not have 1 to 64 signatures")
    return text, tuple(_parse_signature(line) for line in lines)


def verify_note(note: bytes, keys: Sequence[VerifierKey]) -> VerifiedNote:
    """Return a note's text and which of `keys` signed it, each once.

    Raises: NoteError, SignatureError if a known key's signature fails, NoteUnverifiedError if no
            known key signed.
    """
    text, signatures = parse_note(note)
    known = {(key.name, key.key_id): key for key in keys}
    signed_by: dict[VerifierKey, int | None] = {}
    for line in signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            signed_by[key] = _verify_line(text, key, line.signature)
    if not signed_by:
        raise NoteUnverifiedError("`note` is signed by no known key")
    return VerifiedNote(text=text, signed_by=tuple(signed_by.items()))


def verify_checkpoint(note: bytes, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint that a ledger's own key signed.

    Raises: NoteError, SignatureError, NoteUnverifiedError if the key did not sign or has another
            name than the origin.
    """
    checkpoint = parse_checkpoint(verify_note(note, [key]).text)
    if checkpoint.origin != key.name:
        raise NoteUnverifiedError("`origin` is not the name of the key that signed")
    return checkpoint


def bare_note(note: bytes, key: VerifierKey) -> bytes:
    """Return a verified note with the line of one of its signers alone. Raises: NoteError."""
    text, signatures = parse_note(note)
    for line in signatures:
        if (line.name, line.key_id) == (key.name, key.key_id):
            return text + b"\n" + signature_line(key, line.signature)
    raise NoteUnverifiedError("`note` is not signed by the key")


def verify_ed25519(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Check one signature. Raises: SignatureError."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise SignatureError("`signature` does not verify") from None


def signature_line(key: VerifierKey, signature: bytes) -> bytes:
    """Return a note's line for a key and what follows its key id."""
    return f"{_DASH}{key.name} {b64encode(key.key_id + signature).decode()}\n".encode()


def _verify_line(text: bytes, key: VerifierKey, signature: bytes) -> int | None:
    """Check one line by a known key; return its time if it is a cosignature."""
    if key.kind is KeyKind.ED25519:
        verify_ed25519(key.public_key, signature, text)
        return None
    time_s = int.from_bytes(signature[:_TIME_BYTES], "big")
    verify_ed25519(key.public_key, signature[_TIME_BYTES:], _cosigned(text, time_s))
    return time_s


def _cosigned(text: bytes, time_s: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (time_s, text)


def _parse_signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    data = _base64(encoded)
    if not line.startswith(_DASH) or not is_key_name(name):
        raise NoteError("`signature` does not begin with a dash and a key name")
    if data is None or len(data) <= _KEY_ID_BYTES:
        raise NoteError("`signature` is not a key id and a signature in base64")
    return NoteSignature(name=name, key_id=data[:_KEY_ID_BYTES], signature=data[_KEY_ID_BYTES:])


def _check_text(text: bytes) -> None:
    """Raise NoteError unless a text can be signed: UTF-8, lines, no control characters."""
    _utf8(text)
    if not text.endswith(b"\n") or _CONTROL.search(text):
        raise NoteError("`text` holds a control character or does not end in a newline")


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NoteError("`note` is not UTF-8") from None


def _base64(text: str) -> bytes | None:
    """Return what one canonical base64 text stands for, or None if it is not canonical."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        return None
    return data if b64encode(data).decode() == text else None
