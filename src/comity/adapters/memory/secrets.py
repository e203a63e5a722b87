"""The keyring, the signed state and members' keys in memory; the objects are the disk."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from comity.adapters.errors import KeyFileError, KeySafeError, SignedStateError
from comity.adapters.keyring import PlainSafe
from comity.directory.part import part_message
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

__all__ = ["MemoryKeyring", "MemoryPartSigner", "MemorySafe", "MemorySignedState"]

_KEY_BYTES = 32
_NONCE_BYTES = 12


class MemorySafe:
    """Wrapping keys that a test can lose."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._keys: dict[tuple[Member, int], AESGCM] = {}
        self.is_away = False

    def wrap(self, member: Member, month: int, key: bytes, bound_to: bytes) -> bytes:
        """Return what may lie on the disk. Raises: KeySafeError while the device is away."""
        self._reach()
        kept = self._keys.get((member, month))
        if kept is None:
            kept = self._keys[member, month] = AESGCM(self._entropy.token(_KEY_BYTES))
        nonce = self._entropy.token(_NONCE_BYTES)
        return nonce + kept.encrypt(nonce, key, bound_to)

    def unwrap(self, member: Member, month: int, wrapped: bytes, bound_to: bytes) -> bytes:
        """Return the key again. Raises: LostKeyError, KeyFileError, KeySafeError."""
        self._reach()
        kept = self._keys.get((member, month))
        if kept is None:
            raise LostKeyError("the device has no key for this month")
        try:
            return kept.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError):
            raise KeyFileError("a key file was altered or moved") from None

    def destroy(self, member: Member, month: int) -> bool:
        """Destroy a month's key; return whether there was one."""
        self._reach()
        return self._keys.pop((member, month), None) is not None

    def months(self, member: Member) -> list[int]:
        """Return the months for which there is a key, in order."""
        self._reach()
        return sorted(month for name, month in self._keys if name == member)

    def _reach(self) -> None:
        if self.is_away:
            raise KeySafeError("the key device is away")


class MemoryKeyring:
    """Month keys that a test can lose; `wrapped` is what lies on its disk."""

    def __init__(self, entropy: Entropy, safe: KeySafe | None = None) -> None:
        self._entropy = entropy
        self._safe = safe or PlainSafe()
        self.wrapped: dict[tuple[Member, int], bytes] = {}
        self._made: set[tuple[Member, int]] = set()

    def number(self, member: Member, month: int) -> int:
        """Return the number of the key that seals in a month now: never one that was lost."""
        made = [n for name, n in self._made if name == member and month_of_key(n) == month]
        found = max(made, default=month)
        is_gone = bool(made) and (member, found) not in self.wrapped
        return found + KEY_GENERATION if is_gone else found

    def seal(
        self, member: Member, number: int, nonce: bytes, data: bytes, bound_to: bytes
    ) -> bytes:
        """Encrypt under a key, made if it does not exist yet."""
        return self._cipher(member, number, make=True).encrypt(nonce, data, bound_to)

    def open(self, member: Member, sealed: Sealed, bound_to: bytes) -> bytes:
        """Decrypt. Raises: LostKeyError if the key is gone, AlteredError."""
        key = self._cipher(member, sealed.key_number, make=False)
        try:
            return key.decrypt(sealed.nonce, sealed.body, bound_to)
        except (InvalidTag, ValueError):
            raise AlteredError("sealed bytes were altered or moved") from None

    def rotate(self, member: Member, month: int, generation: int) -> None:
        """Let a month have a key of this generation, which seals from now on; old ones open."""
        self._cipher(member, generation * KEY_GENERATION + month, make=True)

    def destroy(self, member: Member, month: int) -> bool:
        """Destroy every key of a month; return whether there was one."""
        existed = self._safe.destroy(member, month)
        for place in [p for p in self.wrapped if p[0] == member and month_of_key(p[1]) == month]:
            del self.wrapped[place]
            existed = True
        return existed

    def keys(self, member: Member) -> list[int]:
        """Return the numbers of the keys that a member has, by month, then by generation."""
        numbers = [number for name, number in self.wrapped if name == member]
        return sorted(numbers, key=lambda number: (month_of_key(number), number))

    def is_lost(self, member: Member, month: int) -> bool:
        """Say whether no key of a month can be had. Raises: what the safe raises."""
        for number in self.keys(member):
            if month_of_key(number) == month:
                try:
                    self._cipher(member, number, make=False)
                except LostKeyError:
                    continue
                return False
        return True

    def _cipher(self, member: Member, number: int, *, make: bool) -> AESGCM:
        month, bound_to = month_of_key(number), f"{member}/{number}".encode()
        if (member, number) not in self.wrapped:
            if not make:
                raise LostKeyError("the data key of this month is not in the keyring")
            self._made.add((member, number))
            key = self._entropy.token(_KEY_BYTES)
            self.wrapped[member, number] = self._safe.wrap(member, month, key, bound_to)
        wrapped = self.wrapped[member, number]
        return AESGCM(self._safe.unwrap(member, month, wrapped, bound_to))


class MemoryPartSigner:
    """Members' own keys, those that a host keeps."""

    def __init__(self, keys: Mapping[Member, Ed25519PrivateKey]) -> None:
        self.keys = dict(keys)

    def sign(self, member: Member, body: bytes) -> bytes | None:
        """Return the member's signature over a part of this body, or None without its key."""
        key = self.keys.get(member)
        return None if key is None else key.sign(part_message(body))


class MemorySignedState:
    """Signed sizes and roots that outlive a crash of their host."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[int, bytes]] = {}
        self._retired: set[str] = set()

    def read(self, ledger: str) -> tuple[int, bytes] | None:
        """Return the last signed size and root, or None."""
        return self._states.get(ledger)

    def write(self, ledger: str, size: int, root: bytes) -> None:
        """Keep them. Raises: SignedStateError if the ledger would become smaller."""
        if ledger in self._retired:
            raise SignedStateError(f"the ledger `{ledger}` was retired: nothing is signed for it")
        last = self._states.get(ledger)
        if last == (size, root):
            return
        if last is not None and size <= last[0]:
            raise SignedStateError(f"the signed state of `{ledger}` does not continue the last")
        self._states[ledger] = (size, root)

    def retire(self, ledger: str) -> None:
        """Let nothing be signed for a ledger any more."""
        self._retired.add(ledger)

    def is_retired(self, ledger: str) -> bool:
        """Say whether a ledger was retired."""
        return ledger in self._retired
