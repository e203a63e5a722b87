"""A safe for month keys in a device that speaks PKCS#11: an HSM, or a KMS with such a front.

Guarantee: each member and month has one AES-256 key in the device, made there, marked never to
leave it; a month key's file is what that key makes of it, bound to its place. Once it is destroyed
no copy of the file opens, on whatever backup it lies. A device that does not answer is an error,
never a lost key.
Source: OASIS PKCS #11 v3.0, 6.11 (AES-GCM); docs/adr/0024-private-records.md, "Keyring".
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

import msgspec

from comity.adapters.errors import KeyFileError, KeySafeError
from comity.domain.ids import MEMBERS, Member
from comity.ports import Entropy, LostKeyError

__all__ = ["Pkcs11Device", "Pkcs11Safe"]

_HEAD: Final = b"p11\x01"
_NONCE_BYTES: Final = 12
_WRAPPED_BYTES: Final = len(_HEAD) + _NONCE_BYTES + 32 + 16
_KEY_BITS: Final = 256
_TAG_BITS: Final = 128
_LABEL_PREFIX: Final = "comity"
_T = TypeVar("_T")


class Pkcs11Device(msgspec.Struct, frozen=True, kw_only=True):
    """Which device: the vendor's library, the token's label, the file that holds the user's PIN."""

    module: Path
    token: str
    pin_file: Path

    def pin(self) -> str:
        """Return the PIN as its file has it now. Raises: KeySafeError."""
        try:
            return self.pin_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise KeySafeError(f"the PIN file `{self.pin_file}` cannot be read") from None


class Pkcs11Safe:
    """One session with a device, opened when it is first needed and again after a failure."""

    def __init__(self, device: Pkcs11Device, entropy: Entropy) -> None:
        self._device = device
        self._entropy = entropy
        self._session: Any = None
        # A session does one thing at a time, whichever thread asks.
        self._turn = Lock()
        try:
            self._api: Any = import_module("pkcs11")
        except ImportError:
            raise KeySafeError("`python-pkcs11` is missing: install `comity[pkcs11]`") from None

    def wrap(self, member: Member, month: int, key: bytes, bound_to: bytes) -> bytes:
        """Return what may lie on the disk; the device's key is made if it does not exist yet.

        Raises: KeySafeError.
        """
        nonce = self._entropy.token(_NONCE_BYTES)

        def work(session: Any) -> bytes:
            kept = self._find(session, member, month)
            if kept is None:
                kept = self._make(session, member, month)
            return bytes(kept.encrypt(key, **self._how(nonce, bound_to)))

        return _HEAD + nonce + self._run(work)

    def unwrap(self, member: Member, month: int, wrapped: bytes, bound_to: bytes) -> bytes:
        """Return the key again.

        Raises: LostKeyError if the device has no key for this month; KeyFileError if what lies on
        the disk is not what the device's key made; KeySafeError.
        """
        if len(wrapped) != _WRAPPED_BYTES or not wrapped.startswith(_HEAD):
            raise KeyFileError("a key file is not one of this device: it was made under another")
        nonce = wrapped[len(_HEAD) : len(_HEAD) + _NONCE_BYTES]
        body = wrapped[len(_HEAD) + _NONCE_BYTES :]

        def work(session: Any) -> bytes | None:
            kept = self._find(session, member, month)
            if kept is None:
                return None
            try:
                return bytes(kept.decrypt(body, **self._how(nonce, bound_to)))
            except self._api.PKCS11Error:
                # Devices name a tag that does not fit in many ways; a key that works says it.
                self._prove(kept)
                raise KeyFileError("a key file was altered or moved") from None

        key = self._run(work)
        if key is None:
            raise LostKeyError("the device has no key for this month")
        return key

    def destroy(self, member: Member, month: int) -> bool:
        """Destroy a month's key in the device; return whether there was one.

        Raises: KeySafeError.
        """

        def work(session: Any) -> bool:
            found = list(session.get_objects(self._template(member, month)))
            for kept in found:
                kept.destroy()
            return bool(found)

        return self._run(work)

    def months(self, member: Member) -> list[int]:
        """Return the months for which the device has a key, in order. Raises: KeySafeError."""
        start = f"{_LABEL_PREFIX}-{member}-"

        def work(session: Any) -> list[str]:
            attribute = self._api.Attribute
            secret = {attribute.CLASS: self._api.ObjectClass.SECRET_KEY}
            return [str(kept.label) for kept in session.get_objects(secret)]

        labels = self._run(work)
        return sorted(int(label[len(start) :]) for label in labels if label.startswith(start))

    def _run(self, work: Callable[[Any], _T]) -> _T:
        """Do one thing in the session. Raises: KeySafeError, and what `work` raises of ours."""
        with self._turn:
            try:
                if self._session is None:
                    self._session = self._open()
                return work(self._session)
            except self._api.PKCS11Error as error:
                # Whatever it was, the next try begins with a session of its own.
                self._close()
                name = type(error).__name__
                raise KeySafeError(
                    f"the key device `{self._device.token}` failed: {name}"
                ) from None

    def _open(self) -> Any:
        try:
            library = self._api.lib(str(self._device.module))
        except (RuntimeError, OSError):
            raise KeySafeError(f"`{self._device.module}` is no PKCS#11 library") from None
        token = library.get_token(token_label=self._device.token)
        try:
            return token.open(rw=True, user_pin=self._device.pin())
        except self._api.exceptions.UserAlreadyLoggedIn:
            # One login counts for every session of a process with a token.
            return token.open(rw=True)

    def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except self._api.PKCS11Error:
                return

    def _find(self, session: Any, member: Member, month: int) -> Any:
        found = list(session.get_objects(self._template(member, month)))
        if len(found) > 1:
            # Two hosts made one at once; neither can say which of them made the file.
            raise KeySafeError("the device has two keys for one month: ask who else uses it")
        return found[0] if found else None

    def _make(self, session: Any, member: Member, month: int) -> Any:
        attribute = self._api.Attribute
        return session.generate_key(
            self._api.KeyType.AES,
            _KEY_BITS,
            label=_label(member, month),
            id=_label(member, month).encode(),
            store=True,
            template={
                attribute.PRIVATE: True,
                attribute.SENSITIVE: True,
                attribute.EXTRACTABLE: False,
                attribute.ENCRYPT: True,
                attribute.DECRYPT: True,
                attribute.WRAP: False,
                attribute.UNWRAP: False,
                attribute.SIGN: False,
                attribute.VERIFY: False,
            },
        )

    def _prove(self, kept: Any) -> None:
        """Let a key open what it has just closed. Raises: an error of the device if it does not."""
        how = self._how(self._entropy.token(_NONCE_BYTES), b"")
        kept.decrypt(kept.encrypt(_HEAD, **how), **how)

    def _template(self, member: Member, month: int) -> dict[Any, Any]:
        attribute = self._api.Attribute
        return {
            attribute.CLASS: self._api.ObjectClass.SECRET_KEY,
            attribute.LABEL: _label(member, month),
        }

    def _how(self, nonce: bytes, bound_to: bytes) -> dict[str, Any]:
        params = self._api.GCMParams(nonce=nonce, aad=bound_to, tag_bits=_TAG_BITS)
        return {"mechanism": self._api.Mechanism.AES_GCM, "mechanism_param": params}


def _label(member: Member, month: int) -> str:
    assert member in MEMBERS
    return f"{_LABEL_PREFIX}-{member}-{month:04d}"
