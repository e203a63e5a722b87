"""Month keys on disk: one file per member, month and generation, apart from the database.

Guarantee: data is sealed only under a key that is already on the disk, so that no row outlives its
key by a crash. What lies there is what the safe makes of a key; a destroyed key is gone from the
safe, the file and memory, and so is what it sealed. A key whose file has vanished is never made
again under its number: beside each stands a mark that it was made, and the month goes on with the
next generation.
Source: AES-256-GCM (NIST SP 800-38D): at most 2^32 random nonces under one key;
docs/adr/0024-private-records.md, "Keyring".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from comity.adapters.errors import KeyFileError
from comity.adapters.files import create_whole, flush_folder, make_folder
from comity.domain.ids import Member
from comity.ports import (
    KEY_GENERATION,
    AlteredError,
    Entropy,
    KeySafe,
    LostKeyError,
    Sealed,
    month_of_key,
)

__all__ = ["KEY_BYTES", "FileKeyring", "PlainSafe"]

KEY_BYTES: Final = 32
_FILE: Final = re.compile(r"([0-9]{4})(?:\.([1-9][0-9]{0,3}))?\.key")
_MARK: Final = re.compile(r"([0-9]{4})(?:\.([1-9][0-9]{0,3}))?\.made")


class PlainSafe:
    """No safe at all: keys lie as they are, in files that their owner alone may read."""

    def wrap(
        self,
        member: Member,  # noqa: ARG002 - the port's form
        month: int,  # noqa: ARG002 - the port's form
        key: bytes,
        bound_to: bytes,  # noqa: ARG002 - the port's form
    ) -> bytes:
        """Return the key."""
        return key

    def unwrap(
        self,
        member: Member,  # noqa: ARG002 - the port's form
        month: int,  # noqa: ARG002 - the port's form
        wrapped: bytes,
        bound_to: bytes,  # noqa: ARG002 - the port's form
    ) -> bytes:
        """Return the key. Raises: KeyFileError if it is none."""
        if len(wrapped) != KEY_BYTES:
            raise KeyFileError(f"a key file is not {KEY_BYTES} bytes: restore it from its own copy")
        return wrapped

    def destroy(self, member: Member, month: int) -> bool:  # noqa: ARG002 - the port's form
        """Say that there is nothing beside the files."""
        return False

    def months(self, member: Member) -> list[int]:  # noqa: ARG002 - the port's form
        """Say that there is nothing beside the files."""
        return []


class FileKeyring:
    """The month keys of the members that a host serves.

    `_ciphers` holds the keys that were used since the start, by number; `_newest` the number of the
    key that seals in a month.
    """

    def __init__(self, folder: Path, entropy: Entropy, safe: KeySafe | None = None) -> None:
        make_folder(folder)
        self._folder = folder
        self._entropy = entropy
        self._safe = safe or PlainSafe()
        self._ciphers: dict[tuple[Member, int], AESGCM] = {}
        self._newest: dict[tuple[Member, int], int] = {}

    def number(self, member: Member, month: int) -> int:
        """Return the number of the key that seals in a month now."""
        found = self._newest.get((member, month))
        if found is None:
            made = [n for n in self._made(member) if month_of_key(n) == month]
            found = max(made, default=month)
            if made and not self._path(member, found).exists():
                found += KEY_GENERATION
            self._newest[member, month] = found
        return found

    def seal(
        self, member: Member, number: int, nonce: bytes, data: bytes, bound_to: bytes
    ) -> bytes:
        """Encrypt under a key, made if it does not exist yet.

        Raises: KeyFileError; what the safe raises, LostKeyError among it.
        """
        cipher = self._ciphers.get((member, number)) or self._cipher(member, number, make=True)
        return cipher.encrypt(nonce, data, bound_to)

    def open(self, member: Member, sealed: Sealed, bound_to: bytes) -> bytes:
        """Decrypt. Raises: LostKeyError if the key is gone, AlteredError, KeyFileError."""
        number = sealed.key_number
        cipher = self._ciphers.get((member, number)) or self._cipher(member, number, make=False)
        try:
            return cipher.decrypt(sealed.nonce, sealed.body, bound_to)
        except (InvalidTag, ValueError):
            # ValueError: a nonce of another length, which no row of ours has.
            raise AlteredError("sealed bytes were altered or moved") from None

    def rotate(self, member: Member, month: int, generation: int) -> None:
        """Let a month have a key of this generation, which seals from now on; old ones open."""
        number = generation * KEY_GENERATION + month
        self._cipher(member, number, make=True)
        self._newest[member, month] = max(number, self.number(member, month))

    def destroy(self, member: Member, month: int) -> bool:
        """Destroy every key of a month; return whether there was one."""
        # The safe first: what is left of the files after a crash in between opens nothing.
        existed = self._safe.destroy(member, month)
        self._newest.pop((member, month), None)
        for place in [p for p in self._ciphers if p[0] == member and month_of_key(p[1]) == month]:
            del self._ciphers[place]
        folder = self._folder / member
        if not folder.exists():
            return existed
        for path in folder.glob(f"{month:04d}.*key"):
            existed = True
            path.unlink()
        # A crash while a key was made may have left it under its first name.
        for copy in folder.glob(f".{month:04d}.*"):
            copy.unlink()
        flush_folder(folder)
        return existed

    def keys(self, member: Member) -> list[int]:
        """Return the numbers of the keys that a member has, by month, then by generation."""
        names = (_FILE.fullmatch(path.name) for path in (self._folder / member).glob("*.key"))
        numbers = [_number_of(name) for name in names if name]
        return sorted(numbers, key=lambda number: (month_of_key(number), number))

    def _made(self, member: Member) -> list[int]:
        """Return the numbers of all keys that were ever made, also of those that are gone."""
        marks = (_MARK.fullmatch(path.name) for path in (self._folder / member).glob("*.made"))
        return [*self.keys(member), *(_number_of(mark) for mark in marks if mark)]

    def is_lost(self, member: Member, month: int) -> bool:
        """Say whether no key of a month can be had. Raises: KeyFileError, what the safe raises."""
        for number in self.keys(member):
            if month_of_key(number) == month:
                try:
                    self._cipher(member, number, make=False)
                except LostKeyError:
                    continue
                return False
        return True

    def _cipher(self, member: Member, number: int, *, make: bool) -> AESGCM:
        path = self._path(member, number)
        month, bound_to = month_of_key(number), f"{member}/{number}".encode()
        wrapped = _read(path)
        if wrapped is None:
            if not make:
                raise LostKeyError("the data key of this month is not in the keyring")
            make_folder(path.parent)
            create_whole(path.with_suffix(".made"), b"")
            fresh = self._entropy.token(KEY_BYTES)
            # Another process may be faster; then its key is the one.
            create_whole(path, self._safe.wrap(member, month, fresh, bound_to))
            wrapped = _read(path)
            assert wrapped is not None
        key = self._safe.unwrap(member, month, wrapped, bound_to)
        return self._ciphers.setdefault((member, number), AESGCM(key))

    def _path(self, member: Member, number: int) -> Path:
        generation, month = divmod(number, KEY_GENERATION)
        name = f"{month:04d}.{generation}.key" if generation else f"{month:04d}.key"
        return self._folder / member / name


def _number_of(name: re.Match[str]) -> int:
    return int(name[2] or 0) * KEY_GENERATION + int(name[1])


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
