"""What an answer's proofs prove, checked by the independent checker with a host's key.

Guarantee: an entry counts as verified only if its receipt leads from the leaf's own bytes to the
host's signature, and the leaf is of the ledger and index that the entry names.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from comity.audit.evidence import ProvedLeaf, check_receipt
from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.notes import TrustedKey
from comity.domain.answer import Proof
from comity.domain.errors import MalformedError
from comity.domain.ids import entry_name, parse_origin
from comity.domain.leaf import parse_leaf

__all__ = ["CheckedProof", "check_proof", "check_proofs"]


class CheckedProof(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry, whether its proof holds, and if not, why."""

    entry: str
    verified: bool
    why: str = ""


def check_proof(proof: Proof, host: TrustedKey) -> ProvedLeaf:
    """Return where a proof's leaf stands, checked to its end.

    Raises: EvidenceFormError, EvidenceError.
    """
    proved = check_receipt(proof.receipt, proof.leaf, host)
    try:
        header = parse_leaf(proof.leaf)
        member, _ = parse_origin(proved.origin)
    except MalformedError as error:
        raise EvidenceFormError(f"`leaf` is not one of a ledger: {error}") from None
    if header.member != member or entry_name(member, proved.index) != proof.entry:
        raise EvidenceError("`entry` is not the place that the receipt proves")
    return proved


def check_proofs(proofs: Iterable[Proof], host: TrustedKey) -> tuple[CheckedProof, ...]:
    """Return what became of each proof; none is left out."""
    return tuple(_checked(proof, host) for proof in proofs)


def _checked(proof: Proof, host: TrustedKey) -> CheckedProof:
    try:
        check_proof(proof, host)
    except (EvidenceError, EvidenceFormError) as error:
        return CheckedProof(entry=proof.entry, verified=False, why=str(error))
    return CheckedProof(entry=proof.entry, verified=True)
