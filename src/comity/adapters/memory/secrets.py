"""The keyring and the signed state in memory; the objects are the disk."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from comity.adapters.errors import AlteredError, SignedStateError
from comity.domain.ids import Member
from comity.ports import Entropy, LostKeyError, Sealed

__all__ = ["MemoryKeyring", "MemorySignedState"]

_KEY_BYTES = 32


class MemoryKeyring:
    """Month keys that a test can lose."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._keys: dict[tuple[Member, int], AESGCM] = {}

    def seal(self, member: Member, month: int, nonce: bytes, data: bytes, bound_to: bytes) -> bytes:
        """Encrypt under the month's key, made if it does not exist yet."""
        key = self._keys.get((member, month))
        if key is None:
            key = self._keys[member, month] = AESGCM(self._entropy.token(_KEY_BYTES))
        return key.encrypt(nonce, data, bound_to)

    def open(self, member: Member, sealed: Sealed, bound_to: bytes) -> bytes:
        """Decrypt. Raises: LostKeyError if the key is gone, AlteredError."""
        key = self._keys.get((member, sealed.month))
        if key is None:
            raise LostKeyError("the data key of this month is not in the keyring")
        try:
            return key.decrypt(sealed.nonce, sealed.body, bound_to)
        except (InvalidTag, ValueError):
            raise AlteredError("sealed bytes were altered or moved") from None

    def destroy(self, member: Member, month: int) -> bool:
        """Destroy a key, and so what it sealed; return whether there was one."""
        return self._keys.pop((member, month), None) is not None

    def months(self, member: Member) -> list[int]:
        """Return the months of which a member has keys, in order."""
        return sorted(month for name, month in self._keys if name == member)


class MemorySignedState:
    """Signed sizes and roots that outlive a crash of their host."""

    def __init__(self) -> None:
        self._states: dict[Member, tuple[int, bytes]] = {}

    def read(self, member: Member) -> tuple[int, bytes] | None:
        """Return the last signed size and root, or None."""
        return self._states.get(member)

    def write(self, member: Member, size: int, root: bytes) -> None:
        """Keep them. Raises: SignedStateError if the ledger would become smaller."""
        last = self._states.get(member)
        if last == (size, root):
            return
        if last is not None and size <= last[0]:
            raise SignedStateError(f"the signed state of `{member}` does not continue the last")
        self._states[member] = (size, root)
