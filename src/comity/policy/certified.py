"""What a certificate stands over, what makes it void, and what it says in one sentence.

    rules          the digest of the bundle in force, which names the national rules it adopted
    families       family and type of all who may ask; an agency that a condition names stands alone
    vocabularies   every axis with its values, every key with what it asks for and may find

An agency that joins a family which asks already changes none of the three: proofs take both
together. Source: docs/adr/0032-second-proof-and-certificates.md, "Certificates".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from comity.domain.certificate import Certificate, CertifiedBlock, SecondProof
from comity.domain.ids import member_label
from comity.domain.keys import KEYS, asked_classes
from comity.domain.vocabulary import Outcome
from comity.policy.axis import AXIS_VALUES
from comity.policy.rule import Condition
from comity.policy.space import Asker

__all__ = [
    "Stands",
    "certificate_sentence",
    "certificate_words",
    "families_digest",
    "long_time",
    "utc_time",
    "vocabularies_digest",
    "void_because",
]

_UNPROVED = (SecondProof.DISAGREES, SecondProof.UNDECIDED)


class Stands(msgspec.Struct, frozen=True, kw_only=True):
    """The three SHA-256 that a certificate stands over."""

    rules: bytes
    families: bytes
    vocabularies: bytes


def families_digest(askers: Iterable[Asker], conditions: Iterable[Condition]) -> bytes:
    """Return the SHA-256 of who may ask, as these conditions can tell them apart.

    Of compact JSON: rising rows of agency (empty unless a condition names it), family, type.
    """
    named = {name for condition in conditions for name in condition.agency}
    rows = {
        (asker.ori if asker.ori in named else "", asker.family, asker.type.value)
        for asker in askers
    }
    return sha256(msgspec.json.encode(sorted(rows))).digest()


def vocabularies_digest() -> bytes:
    """Return the SHA-256 of compact JSON of all that rules can name and all that can be asked."""
    axes = [[axis.value, list(values)] for axis, values in AXIS_VALUES.items()]
    keys = [
        [key, sorted(asked_classes(key, image=True)), sorted(row.kinds)]
        for key, row in sorted(KEYS.items())
        if not row.is_response
    ]
    return sha256(msgspec.json.encode([axes, keys])).digest()


def void_because(certificate: Certificate, now: Stands) -> tuple[str, ...]:
    """Return what has changed since a certificate was made; nothing where it still stands."""
    return tuple(
        name
        for name in ("rules", "families", "vocabularies")
        if getattr(certificate, name) != getattr(now, name)
    )


def certificate_sentence(certificate: Certificate) -> str:
    """Return what a certificate says, in one sentence."""
    claim, outcome = certificate_words(certificate)
    return f"{claim}; {outcome}."


def utc_time(at: int) -> str:
    """Return Unix seconds as people compare them."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def long_time(at: int) -> str:
    """Return Unix seconds as people read them out."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%B}\N{NO-BREAK SPACE}{moment.day}, {moment:%Y, %H:%M:%S} UTC"


def certificate_words(
    certificate: Certificate, day_of: Callable[[int], str] = utc_time
) -> tuple[str, str]:
    """Return what a certificate says, and what it was tried by, each without its full stop."""
    label = member_label(certificate.state)
    if certificate.block is not None:
        return _block_words(label, certificate.block, day_of)
    kept = sum(each.holds for each in certificate.guarantees)
    count = len(certificate.guarantees)
    alone = sum(each.solver is SecondProof.ALONE for each in certificate.guarantees)
    doubtful = sum(each.solver in _UNPROVED for each in certificate.guarantees)
    how = "each was counted and asked of a solver, and both agree"
    if doubtful:
        how = f"{doubtful} of them were not proved"
    elif alone:
        how = f"{alone} of them were proved by the solver alone"
    left_out = len(certificate.opted_out)
    if not count:
        return f"{label} gives no guarantee", f"it opts out of the {left_out} of all states"
    if left_out:
        how = f"{how}; it opts out of {left_out} more"
    return f"{label} keeps {kept} of {count} guarantees over every request that can be made", how


def _block_words(
    label: str, block: CertifiedBlock, day_of: Callable[[int], str]
) -> tuple[str, str]:
    is_denied = block.effect is Outcome.DENY
    does = "gives nothing to" if is_denied else "reviews every query of"
    became = "refused" if is_denied else "held"
    tried = f"all {len(block.probes)} probes were {became}"
    if not block.holds:
        tried = f"NOT EVERY PROBE WAS {became.upper()}"
    return f"{label} {does} {block.agencies} since {day_of(block.since)}", tried
