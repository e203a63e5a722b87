"""Who signed a certificate: the gateway host that the certified member names in its own part.

Guarantee: `verify_certificate` passes only what a key signed that this very member certifies now;
another member's host of the same name signs nothing for it.
Source: docs/adr/0032-second-proof-and-certificates.md, "Certificates"; RFC 8032 (Ed25519).
"""

from __future__ import annotations

from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from comity.directory.directory import Directory
from comity.directory.errors import CertificateSignatureError
from comity.domain.certificate import Certificate, SignedCertificate, certificate_bytes

__all__ = ["CertificateSigner", "sign_certificate", "verify_certificate"]


class CertificateSigner(Protocol):
    """Signs with an Ed25519 key that stays where it is."""

    def sign(self, data: bytes, /) -> bytes:
        """Return the 64 bytes of the signature."""
        ...


def sign_certificate(
    certificate: Certificate, host: str, signer: CertificateSigner
) -> SignedCertificate:
    """Return a certificate under the host's signature."""
    return SignedCertificate(
        certificate=certificate,
        host=host,
        signature=signer.sign(certificate_bytes(certificate)),
    )


def verify_certificate(signed: SignedCertificate, directory: Directory) -> None:
    """Check that the host which the member certifies signed this.

    Raises: CertificateSignatureError.
    """
    state = signed.certificate.state
    host = directory.host_of(state)
    if host is None or host.name != signed.host:
        raise CertificateSignatureError(f"`{state}` certifies no host `{signed.host}`")
    message = certificate_bytes(signed.certificate)
    try:
        Ed25519PublicKey.from_public_bytes(host.verify_key).verify(signed.signature, message)
    except (InvalidSignature, ValueError):
        raise CertificateSignatureError(
            f"no key that `{state}` certifies for `{signed.host}` signed these bytes"
        ) from None
