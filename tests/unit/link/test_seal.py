"""The seal is HPKE of RFC 9180, opened here by a second reading of the RFC's own steps."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from comity.link.errors import SealBrokenError
from comity.link.seal import SEAL_BYTES, seal, unseal

KEY = X25519PrivateKey.from_private_bytes(b"\x05" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()
KEM_SUITE = b"KEM" + (0x0020).to_bytes(2, "big")
HPKE_SUITE = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (0x0020, 0x0001, 0x0002))


def extract(salt: bytes, suite: bytes, label: bytes, material: bytes) -> bytes:
    """LabeledExtract of RFC 9180, section 4."""
    return hmac.digest(salt, b"HPKE-v1" + suite + label + material, "sha256")


def expand(key: bytes, suite: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """LabeledExpand of RFC 9180, section 4; every length here fits one block."""
    text = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, text + b"\x01", "sha256")[:length]


def open_by_the_rfc(sealed: bytes, info: bytes) -> bytes:
    """Base mode, one message: sections 4.1 (Decap), 5.1 (KeySchedule) and 6.1 (Open)."""
    encapsulated, ciphertext = sealed[:32], sealed[32:]
    shared = KEY.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    prk = extract(b"", KEM_SUITE, b"eae_prk", shared)
    secret = expand(prk, KEM_SUITE, b"shared_secret", encapsulated + PUBLIC, 32)
    id_hash = extract(b"", HPKE_SUITE, b"psk_id_hash", b"")
    context = b"\x00" + id_hash + extract(b"", HPKE_SUITE, b"info_hash", info)
    schedule = extract(secret, HPKE_SUITE, b"secret", b"")
    key = expand(schedule, HPKE_SUITE, b"key", context, 32)
    nonce = expand(schedule, HPKE_SUITE, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def test_a_second_reading_of_the_rfc_opens_it() -> None:
    """Steps written out from the RFC open what was sealed: the suite is the one we name."""
    sealed = seal(b"contents", recipient_key=PUBLIC, info=b"header")
    assert open_by_the_rfc(sealed, b"header") == b"contents"


def test_sealing_adds_a_fixed_number_of_bytes() -> None:
    """The seal costs 48 bytes, whatever it holds."""
    for size in (0, 1, 70_000):
        assert len(seal(bytes(size), recipient_key=PUBLIC, info=b"")) == size + SEAL_BYTES


def test_sealing_twice_gives_different_bytes() -> None:
    """Equal contents cannot be recognised by their sealed bytes."""
    first = seal(b"contents", recipient_key=PUBLIC, info=b"")
    assert seal(b"contents", recipient_key=PUBLIC, info=b"") != first


def test_another_info_does_not_open() -> None:
    """What is bound into the seal cannot be replaced."""
    sealed = seal(b"contents", recipient_key=PUBLIC, info=b"header")
    with pytest.raises(SealBrokenError):
        unseal(sealed, own_private=KEY, info=b"Header")


@pytest.mark.parametrize("sealed", [b"", bytes(31), bytes(48), b"\xff" * 200])
def test_bytes_that_are_no_seal_are_refused(sealed: bytes) -> None:
    """Short, empty and degenerate input is refused like any broken seal."""
    with pytest.raises(SealBrokenError):
        unseal(sealed, own_private=KEY, info=b"")


def test_digest_used_here_is_sha256() -> None:
    """The second reading rests on the digest that the suite names."""
    assert hmac.digest(b"k", b"m", "sha256") == hmac.new(b"k", b"m", sha256).digest()
