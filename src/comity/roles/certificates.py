"""The practice network's certificates: an authority, a server, and one client for each line.

Guarantee: keys are P-256 and readable by their owner alone; connections are TLS 1.3, and both sides
prove themselves; everything made here says `practice` in its organisation, so that it cannot pass
for a real agency's. In the field an agency's own authority signs, and this file makes nothing.
Source: RFC 5280; RFC 8446; ADR 0001 (stack).
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from comity.roles.files import write_private
from comity.roles.machine import LOOPBACK

__all__ = [
    "ORGANISATION",
    "SERVER_NAME",
    "Issued",
    "TlsFiles",
    "client_context",
    "issue_authority",
    "issue_client",
    "issue_server",
    "keep_certificates",
    "line_name",
    "server_context",
    "tls_files",
]

SERVER_NAME: Final = "localhost"
"""The name under which a line checks the practice server's certificate."""
ORGANISATION: Final = "Comity practice network"
VALID_DAYS: Final = 365
RENEW_DAYS: Final = 30
# Two clocks may differ by this much before a fresh certificate is refused.
BACKDATED: Final = timedelta(minutes=5)
COMMON_NAME_CHARS_MAX: Final = 64
# As the line front reads it; a test holds the two equal.
LINE_PREFIX: Final = "line:"
_TRUSTED: Final = "authority.crt"


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key as text, not encrypted: its file's mode protects it."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where one party's key and certificate are (one file), and the authority that it trusts."""

    authority: Path
    identity: Path


def line_name(line_id: str) -> str:
    """Return the common name of a line's certificate."""
    name = f"{LINE_PREFIX}{line_id}"
    assert line_id
    assert len(name) <= COMMON_NAME_CHARS_MAX
    return name


def issue_authority(now: datetime) -> Issued:
    """Make a practice authority: it may sign certificates, and no further authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("practice authority")
    builder = _builder(name, name, key, now).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    builder = builder.add_extension(_usage(is_authority=True), critical=True)
    return Issued(certificate=builder.sign(key, hashes.SHA256()), key=key)


def issue_server(authority: Issued, now: datetime, hosts: Iterable[str]) -> Issued:
    """Make the certificate of a server that is reached under `hosts`, names or addresses."""
    names = [_general_name(host) for host in hosts]
    return _issue(
        authority,
        now,
        common_name="practice line server",
        purpose=ExtendedKeyUsageOID.SERVER_AUTH,
        names=names,
    )


def issue_client(authority: Issued, now: datetime, line_id: str) -> Issued:
    """Make the certificate with which an agency's line proves itself."""
    return _issue(
        authority,
        now,
        common_name=line_name(line_id),
        purpose=ExtendedKeyUsageOID.CLIENT_AUTH,
        names=[],
    )


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Return what a listener needs: TLS 1.3, and no connection without a verified certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _fill(context, files)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """Return what a line needs: TLS 1.3, its own certificate, the server's checked by name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _fill(context, files)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    return context


def keep_certificates(
    folder: Path, now: datetime, *, lines: Iterable[str], hosts: Iterable[str] = (SERVER_NAME,)
) -> dict[str, TlsFiles]:
    """Return the files of the server (`server`) and of each line, made or renewed where due.

    A certificate is made anew if it has less than 30 days left, cannot be read, or was signed by an
    earlier authority: practice certificates hold nothing that could be lost.
    """
    authority = _kept(folder, "authority")
    if authority is None or _is_due(authority, now):
        authority = issue_authority(now)
        _keep(folder, "authority", authority)
    write_private(folder / _TRUSTED, authority.certificate_pem)
    found = {}
    for name in ("server", *lines):
        stem = _stem(name)
        issued = _kept(folder, stem)
        if issued is None or _is_due(issued, now) or not _is_signed_by(issued, authority):
            issued = (
                issue_server(authority, now, {*hosts, LOOPBACK})
                if name == "server"
                else issue_client(authority, now, name)
            )
            _keep(folder, stem, issued)
        found[name] = tls_files(folder, name)
    return found


def tls_files(folder: Path, name: str) -> TlsFiles:
    """Return where the files of `server`, or of a line, stand in a folder of certificates."""
    return TlsFiles(authority=folder / _TRUSTED, identity=_file(folder, _stem(name)))


def _stem(name: str) -> str:
    return name if name == "server" else f"line-{name}"


def _issue(
    authority: Issued,
    now: datetime,
    *,
    common_name: str,
    purpose: x509.ObjectIdentifier,
    names: list[x509.GeneralName],
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject
    builder = (
        _builder(_name(common_name), issuer, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Issued(certificate=builder.sign(authority.key, hashes.SHA256()), key=key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    assert now.tzinfo is not None
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _fill(context: ssl.SSLContext, files: TlsFiles) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(files.identity)
    context.load_verify_locations(files.authority)


def _is_due(issued: Issued, now: datetime) -> bool:
    return issued.certificate.not_valid_after_utc - now < timedelta(days=RENEW_DAYS)


def _is_signed_by(issued: Issued, authority: Issued) -> bool:
    try:
        issued.certificate.verify_directly_issued_by(authority.certificate)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _file(folder: Path, stem: str) -> Path:
    return folder / f"{stem}.pem"


def _keep(folder: Path, stem: str, issued: Issued) -> None:
    # One file for both: after a crash there is never one without the other.
    write_private(_file(folder, stem), issued.key_pem + issued.certificate_pem)


def _kept(folder: Path, stem: str) -> Issued | None:
    """Return what an earlier start kept, or nothing if it cannot be used."""
    try:
        text = _file(folder, stem).read_bytes()
        certificate = x509.load_pem_x509_certificate(text)
        key = serialization.load_pem_private_key(text, password=None)
    except (OSError, ValueError):
        return None
    is_pair = certificate.public_key() == key.public_key()
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not is_pair:
        return None
    return Issued(certificate=certificate, key=key)
