"""A passkey in software, which signs as a device does, and each of whose words can be changed."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cbor
from fido2.cose import ES256, RS256, CoseKey, EdDSA

from comity.adapters.memory.clock import SeededEntropy
from comity.adapters.memory.passkeys import MemoryPasskeys
from comity.console.passkey_step import PasskeyStep
from comity.console.people import People
from comity.console.sessions import Sessions
from comity.console.sign_in_lock import SignInLock
from comity.domain.passkeys import Invitation, PasskeyPolicy, code_hash
from comity.ports import Passkeys
from comity.services.events import Events
from tests.support.line import MemoryLog

__all__ = ["SoftPasskey", "b64", "invitation", "step_of", "unb64"]

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
CODE = "ABCD-EFGH-IJKL-MNOP-QRST-UVWX"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def invitation(issuer: str, subject: str, until: int, **changes: Any) -> Invitation:
    """That somebody was invited, with the code of the tests."""
    given = {"code_hash": code_hash(CODE), "invited_by": ""} | changes
    return Invitation(issuer=issuer, subject=subject, until=until, **given)


def step_of(
    sessions: Sessions,
    people: Callable[[], People],
    events: Events | None = None,
    *,
    console_url: str,
    policy: PasskeyPolicy = PasskeyPolicy.OFFERED,
    book: Passkeys | None = None,
) -> tuple[PasskeyStep, SignInLock]:
    """The second step of a console's sign-ins, and the lock that all steps share."""
    told = events or Events(MemoryLog())
    lock = SignInLock(told)
    step = PasskeyStep(
        console_url=console_url,
        policy=policy,
        book=book or MemoryPasskeys(),
        sessions=sessions,
        people=people,
        lock=lock,
        entropy=SeededEntropy(b"passkeys"),
        events=told,
    )
    return step, lock


def _cose(kind: Any, key: Any) -> CoseKey:
    """The public half of a key, as a device says it."""
    found: CoseKey = kind.from_cryptography_key(key.public_key())
    return found


class SoftPasskey:
    """One passkey. What `changes` name replaces what a device would have said."""

    def __init__(
        self, origin: str, alg: int = -7, *, bits: int = 2_048, id_: bytes = b"", seed: bytes = b""
    ) -> None:
        """Make a key, from a seed of 32 bytes where it has to be the same each time."""
        self.origin = origin
        self.rp_id = origin.partition("://")[2].partition(":")[0]
        self.count = 0
        self._key: Any
        self.cose: CoseKey
        if alg == -7:
            number = int.from_bytes(seed or os.urandom(32), "big") % (1 << 255) + 1
            self._key = ec.derive_private_key(number, ec.SECP256R1())
            self.cose = _cose(ES256, self._key)
        elif alg == -8:
            self._key = ed25519.Ed25519PrivateKey.from_private_bytes(seed or os.urandom(32))
            self.cose = _cose(EdDSA, self._key)
        else:
            self._key = rsa.generate_private_key(65_537, bits)
            self.cose = _cose(RS256, self._key)
        self.id = id_ or sha256(cbor.encode(self.cose)).digest()

    def client_data(self, kind: str, challenge: str, changes: dict[str, Any] | None) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | (changes or {})).encode()

    def data(self, **changes: Any) -> bytes:
        """Authenticator data: `rp_id`, `flags`, `count`, and what stands `behind`."""
        rp_id = changes.get("rp_id", self.rp_id)
        flags = changes.get("flags", UP | UV)
        count: int = changes.get("count", self.count)
        behind: bytes = changes.get("behind", b"")
        return sha256(rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big") + behind

    def sign(self, data: bytes) -> bytes:
        how: tuple[Any, ...] = ()
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            how = (ec.ECDSA(hashes.SHA256()),)
        elif isinstance(self._key, rsa.RSAPrivateKey):
            how = (padding.PKCS1v15(), hashes.SHA256())
        signed: bytes = self._key.sign(data, *how)
        return signed

    def make(self, options: dict[str, Any], *, client: dict[str, Any] | None = None,
             said: dict[str, Any] | None = None, **changes: Any) -> str:  # fmt: skip
        """What the browser says of a new passkey."""
        key = changes.get("key", cbor.encode(self.cose))
        id_ = changes.get("id", self.id)
        behind = bytes(16) + len(id_).to_bytes(2, "big") + id_ + key
        given = {"behind": behind, "flags": UP | UV | AT} | changes
        attestation = {"fmt": "none", "attStmt": {}, "authData": self.data(**given)}
        data = self.client_data("webauthn.create", options["challenge"], client)
        answer = {
            "id": b64(self.id),
            "client_data": b64(data),
            "attestation": b64(cbor.encode(attestation)),
        }
        return json.dumps(answer | (said or {}))

    def use(self, options: dict[str, Any], *, client: dict[str, Any] | None = None,
            said: dict[str, Any] | None = None, **changes: Any) -> str:  # fmt: skip
        """What the browser says of a passkey that was used; its count goes on."""
        self.count += 1
        client_data = self.client_data("webauthn.get", options["challenge"], client)
        data = self.data(**changes)
        answer = {
            "id": b64(self.id),
            "client_data": b64(client_data),
            "authenticator_data": b64(data),
            "signature": b64(self.sign(data + sha256(client_data).digest())),
            "handle": "",
        }
        return json.dumps(answer | (said or {}))
