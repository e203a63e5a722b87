"""The keyring as files: one key per member and month, outside the database and its backup.

Guarantee: a key is durable before anything is encrypted under it; a destroyed key is gone for good,
and with it everything under it, backups included.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from comity.adapters.errors import AlteredError
from comity.domain.ids import Member
from comity.ports import Entropy, LostKeyError, Sealed

__all__ = ["KEY_BYTES", "FileKeyring"]

KEY_BYTES: Final = 32


class FileKeyring:
    """Month keys as files `<member>-<month>.key` in a directory that only its owner can read."""

    def __init__(self, directory: Path, entropy: Entropy) -> None:
        self._dir = directory
        self._entropy = entropy
        self._ciphers: dict[tuple[Member, int], AESGCM] = {}
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def seal(self, member: Member, month: int, nonce: bytes, data: bytes, bound_to: bytes) -> bytes:
        """Encrypt under the month's key, made if it does not exist yet."""
        cipher = self._ciphers.get((member, month)) or self._cipher(member, month, make=True)
        return cipher.encrypt(nonce, data, bound_to)

    def open(self, member: Member, sealed: Sealed, bound_to: bytes) -> bytes:
        """Decrypt. Raises: LostKeyError if the key is gone, AlteredError if altered."""
        key = (member, sealed.month)
        cipher = self._ciphers.get(key) or self._cipher(member, sealed.month, make=False)
        try:
            return cipher.decrypt(sealed.nonce, sealed.body, bound_to)
        except InvalidTag:
            raise AlteredError("an encrypted row was altered or moved") from None

    def destroy(self, member: Member, month: int) -> None:
        """Destroy a month's key. Nothing under it can be opened again."""
        self._ciphers.pop((member, month), None)
        path = self._path(member, month)
        path.unlink(missing_ok=True)
        _sync_directory(self._dir)

    def _cipher(self, member: Member, month: int, *, make: bool) -> AESGCM:
        path = self._path(member, month)
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            if not make:
                raise LostKeyError("the data key of that month is not in the keyring") from None
            key = self._make(path)
        if len(key) != KEY_BYTES:
            raise LostKeyError("the data key of that month is damaged")
        cipher = self._ciphers[member, month] = AESGCM(key)
        return cipher

    def _make(self, path: Path) -> bytes:
        """Write a new key; where another process was first, theirs is the key."""
        fresh = path.with_name(f".{path.name}.{self._entropy.token(6).hex()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._entropy.token(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        _sync_directory(self._dir)
        return path.read_bytes()

    def _path(self, member: Member, month: int) -> Path:
        return self._dir / f"{member}-{month}.key"


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
