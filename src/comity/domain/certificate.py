"""Signed certificates: what a member's gateway found proved, or blocked, under the rules in force.

A certificate stands over three digests: the rules, the families of those who may ask, and the
vocabularies. It is void when any of them is another. It has one encoding, and its parser takes no
other; whether its signature holds, and whether it is void, is not looked at here.

# INVARIANT (public-bytes-hold-no-person): it names rules, families, agencies and leaves.
Source: docs/adr/0032-second-proof-and-certificates.md, "Certificates".
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.decision import RuleId
from comity.domain.errors import MalformedError
from comity.domain.ids import MEMBERS, Member, parse_entry_name
from comity.domain.times import TIME_MAX
from comity.domain.vocabulary import Outcome

__all__ = [
    "CERTIFICATE_BYTES_MAX",
    "GUARANTEES_MAX",
    "PROBES_MAX",
    "Certificate",
    "CertificateFormError",
    "CertificateKind",
    "CertifiedBlock",
    "CertifiedGuarantee",
    "CertifiedProbe",
    "SecondProof",
    "SignedCertificate",
    "certificate_bytes",
    "encode_certificate",
    "parse_certificate",
]

CERTIFICATE_BYTES_MAX: Final = 65_536
"""One certificate as a file."""
GUARANTEES_MAX: Final = 100
"""Guarantees that one certificate names."""
PROBES_MAX: Final = 64
"""Probes that one certificate names."""
_PREFIX: Final = b"comity/certificate/v1\n"
_DIGEST_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_VERSION_MAX: Final = 1 << 31
_COUNT_MAX: Final = 2**63 - 1
_TEXT_CHARS_MAX: Final = 240
_NAME_CHARS_MAX: Final = 64
_FAMILY: Final = re.compile(r"[A-Z0-9]{1,16}(/[A-Z0-9]{1,16}){0,5}")
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class CertificateFormError(MalformedError):
    """Bytes are not a certificate of version 1."""

    code = "certificate-malformed"


class CertificateKind(StrEnum):
    """What is certified."""

    GUARANTEES = "guarantees"
    BLOCK = "block"


class SecondProof(StrEnum):
    """How the solver's proof of a guarantee stands to the count of everything that can be asked."""

    AGREES = "agrees"
    ALONE = "alone"
    DISAGREES = "disagrees"
    UNDECIDED = "undecided"


class CertifiedGuarantee(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A guarantee: of `examined` request kinds `broken` break it; neither where none was counted.

    It holds only where the solver agrees, or proved alone.
    """

    id: str
    sentence: str
    holds: bool
    solver: SecondProof
    examined: int | None = None
    broken: int | None = None


class CertifiedProbe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One probe: who asked with what key, what became of it, and the leaf that says so."""

    agency: str
    key: str
    outcome: str
    entry: str


class CertifiedBlock(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A block in force: `since` when this version of the rules has it, in Unix seconds.

    `effect` is `deny` or `hold`. Where nobody has confirmed it yet, it becomes a hold at
    `unconfirmed_until`.
    """

    family: str
    agencies: str
    authority: str
    rule: RuleId
    effect: Outcome
    since: int
    unconfirmed_until: int | None = None
    probes: tuple[CertifiedProbe, ...]

    @property
    def holds(self) -> bool:
        """Whether there were probes, and each became what the clause says."""
        wanted = _BECOMES.get(self.effect)
        return bool(self.probes) and all(probe.outcome == wanted for probe in self.probes)


_BECOMES: Final = {Outcome.DENY: "refused", Outcome.HOLD: "held"}


class Certificate(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"version": "v"},
):
    """What a gateway found at `at` (Unix seconds) under the rules of a `policy` leaf, `entry`.

    `rules`, `families` and `vocabularies` are the SHA-256 that it stands over. `opted_out` are the
    guarantees of all states that this one does not give, by id. `practice` says that the member's
    data are fictional.
    """

    version: int
    kind: CertificateKind
    state: Member
    practice: bool = False
    at: int
    entry: str
    policy_version: int
    rules: bytes
    families: bytes
    vocabularies: bytes
    guarantees: tuple[CertifiedGuarantee, ...] = ()
    opted_out: tuple[str, ...] = ()
    block: CertifiedBlock | None = None

    @property
    def holds(self) -> bool:
        """Whether everything that it speaks of holds."""
        if self.block is not None:
            return self.block.holds
        return all(guarantee.holds for guarantee in self.guarantees)


class SignedCertificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate with the signature of the gateway host that its member certifies."""

    certificate: Certificate
    host: str
    signature: bytes


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(SignedCertificate)


def certificate_bytes(certificate: Certificate) -> bytes:
    """Return what a host signs: a prefix and the certificate as compact JSON."""
    return _PREFIX + _encoder.encode(certificate)


def encode_certificate(signed: SignedCertificate) -> bytes:
    """Return a certificate file's bytes, one line. Raises: CertificateFormError."""
    _check(signed)
    data = _encoder.encode(signed) + b"\n"
    if len(data) > CERTIFICATE_BYTES_MAX:
        raise CertificateFormError(f"a certificate is over {CERTIFICATE_BYTES_MAX} bytes")
    return data


def parse_certificate(data: bytes) -> SignedCertificate:
    """Return the certificate that a file holds.

    Raises: CertificateFormError for anything that `encode_certificate` would not have written.
    """
    if len(data) > CERTIFICATE_BYTES_MAX:
        raise CertificateFormError(f"a certificate is over {CERTIFICATE_BYTES_MAX} bytes")
    try:
        signed = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise CertificateFormError("a certificate is not of version 1") from None
    _check(signed)
    if _encoder.encode(signed) + b"\n" != data:
        raise CertificateFormError("a certificate is not in canonical form")
    return signed


def _check(signed: SignedCertificate) -> None:
    made = signed.certificate
    digests = (made.rules, made.families, made.vocabularies)
    checks = (
        ("v", made.version == 1),
        ("state", made.state in MEMBERS),
        ("at", 0 <= made.at <= TIME_MAX),
        ("entry", _is_entry(made.entry) and made.entry.startswith(f"{made.state}/")),
        ("policy_version", 1 <= made.policy_version <= _VERSION_MAX),
        ("rules", all(len(digest) == _DIGEST_BYTES for digest in digests)),
        ("guarantees", _are_guarantees(made)),
        ("opted_out", _are_opted_out(made)),
        ("block", _is_block(made)),
        ("host", 0 < len(signed.host) <= _NAME_CHARS_MAX and signed.host.isprintable()),
        ("signature", len(signed.signature) == _SIGNATURE_BYTES),
    )
    for name, holds in checks:
        if not holds:
            raise CertificateFormError(f"`{name}` of a certificate is out of its range")


def _are_guarantees(made: Certificate) -> bool:
    if made.kind is not CertificateKind.GUARANTEES:
        return not made.guarantees
    names = [each.id for each in made.guarantees]
    return (
        len(names) <= GUARANTEES_MAX
        and len(set(names)) == len(names)
        and all(_is_guarantee(each) for each in made.guarantees)
    )


def _are_opted_out(made: Certificate) -> bool:
    names = made.opted_out
    given = {each.id for each in made.guarantees}
    # One of guarantees speaks of at least one, given or not; one of a block of none.
    return (
        (made.kind is CertificateKind.GUARANTEES) is bool(names or given)
        and len(names) <= GUARANTEES_MAX
        and list(names) == sorted(set(names))
        and all(_WORD.fullmatch(name) and name not in given for name in names)
    )


def _is_guarantee(each: CertifiedGuarantee) -> bool:
    is_settled = each.solver in {SecondProof.AGREES, SecondProof.ALONE}
    if not (_WORD.fullmatch(each.id) and _is_text(each.sentence)):
        return False
    if each.examined is None or each.broken is None:
        is_uncounted = each.examined is None and each.broken is None
        is_known = each.solver in {SecondProof.ALONE, SecondProof.UNDECIDED, SecondProof.DISAGREES}
        return is_uncounted and is_known and (is_settled or not each.holds)
    is_counted = 0 <= each.broken <= each.examined <= _COUNT_MAX
    is_agreed = each.solver is SecondProof.AGREES
    # What is not settled does not hold, and what was counted holds where none breaks it.
    is_true = each.holds is (is_agreed and not each.broken)
    return is_counted and each.solver is not SecondProof.ALONE and is_true


def _is_block(made: Certificate) -> bool:
    block = made.block
    if block is None:
        return made.kind is not CertificateKind.BLOCK
    return (
        made.kind is CertificateKind.BLOCK
        and _FAMILY.fullmatch(block.family) is not None
        and _is_text(block.agencies)
        and _is_text(block.authority)
        and _WORD.fullmatch(block.rule) is not None
        and block.effect in _BECOMES
        and 0 <= block.since <= made.at
        and (block.unconfirmed_until is None or 0 <= block.unconfirmed_until <= TIME_MAX)
        and len(block.probes) <= PROBES_MAX
        and all(map(_is_probe, block.probes))
    )


def _is_probe(probe: CertifiedProbe) -> bool:
    words = (probe.agency, probe.key, probe.outcome)
    return all(_WORD.fullmatch(word) for word in words) and _is_entry(probe.entry)


def _is_text(text: str) -> bool:
    return 0 < len(text) <= _TEXT_CHARS_MAX and text.isprintable()


def _is_entry(text: str) -> bool:
    try:
        parse_entry_name(text)
    except MalformedError:
        return False
    return True
