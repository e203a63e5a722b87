"""Month keys on disk: one file per member and month, apart from the database and its backups.

Guarantee: data is sealed only under a key that is already on the disk, so that no row outlives its
key by a crash. A destroyed key is gone from the file and from memory, and what it sealed with it.
Source: AES-256-GCM (NIST SP 800-38D): at most 2^32 random nonces under one key.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from comity.adapters.errors import AlteredError, KeyFileError
from comity.adapters.files import create_whole, flush_folder, make_folder
from comity.domain.ids import Member
from comity.ports import Entropy, LostKeyError, Sealed

__all__ = ["KEY_BYTES", "FileKeyring"]

KEY_BYTES: Final = 32
_FILE: Final = re.compile(r"([0-9]{4})\.key")


class FileKeyring:
    """The month keys of the members that a host serves.

    `_ciphers` holds the keys that were used since the start; a member uses one a month.
    """

    def __init__(self, folder: Path, entropy: Entropy) -> None:
        make_folder(folder)
        self._folder = folder
        self._entropy = entropy
        self._ciphers: dict[tuple[Member, int], AESGCM] = {}

    def seal(self, member: Member, month: int, nonce: bytes, data: bytes, bound_to: bytes) -> bytes:
        """Encrypt under the month's key, made if it does not exist yet. Raises: KeyFileError."""
        cipher = self._ciphers.get((member, month)) or self._cipher(member, month, make=True)
        return cipher.encrypt(nonce, data, bound_to)

    def open(self, member: Member, sealed: Sealed, bound_to: bytes) -> bytes:
        """Decrypt. Raises: LostKeyError if the key is gone, AlteredError, KeyFileError."""
        month = sealed.month
        cipher = self._ciphers.get((member, month)) or self._cipher(member, month, make=False)
        try:
            return cipher.decrypt(sealed.nonce, sealed.body, bound_to)
        except (InvalidTag, ValueError):
            # ValueError: a nonce of another length, which no row of ours has.
            raise AlteredError("sealed bytes were altered or moved") from None

    def destroy(self, member: Member, month: int) -> bool:
        """Destroy a key, and so what it sealed; return whether there was one."""
        self._ciphers.pop((member, month), None)
        path = self._path(member, month)
        if not path.parent.exists():
            return False
        existed = path.exists()
        # A crash while the key was made may have left it under its first name too.
        for copy in [path, *path.parent.glob(f".{path.name}.*")]:
            copy.unlink(missing_ok=True)
        flush_folder(path.parent)
        return existed

    def months(self, member: Member) -> list[int]:
        """Return the months of which a member has keys, in order."""
        names = (_FILE.fullmatch(path.name) for path in (self._folder / member).glob("*.key"))
        return sorted(int(name[1]) for name in names if name)

    def _cipher(self, member: Member, month: int, *, make: bool) -> AESGCM:
        path = self._path(member, month)
        key = _read(path)
        if key is None:
            if not make:
                raise LostKeyError("the data key of this month is not in the keyring")
            make_folder(path.parent)
            # Another process may be faster; then its key is the one.
            create_whole(path, self._entropy.token(KEY_BYTES))
            key = _read(path)
            assert key is not None
        return self._ciphers.setdefault((member, month), AESGCM(key))

    def _path(self, member: Member, month: int) -> Path:
        return self._folder / member / f"{month:04d}.key"


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"`{path.name}` is not {KEY_BYTES} bytes: restore it from its own copy")
    return key
