"""A sample of what the exchange bench was delivered, checked as a requester would check it."""

from __future__ import annotations

from collections.abc import Iterable

from comity.audit.evidence import check_receipt
from comity.audit.notes import read_vkey
from comity.domain.errors import ComityError
from comity.domain.ids import parse_entry_name
from comity.formats import text as text_form
from comity.formats.json.delivered import parse_delivered
from comity.ledger.note import VerifierKey, encode_vkey

__all__ = ["UnprovedError", "count_incomplete", "count_unverified"]


class UnprovedError(ComityError):
    """An answer came without a receipt, or with one of another leaf."""

    code = "bench-unproved"


def count_unverified(deliveries: Iterable[bytes], key: VerifierKey) -> int:
    """Return how many deliveries are no answer, or have a receipt that does not verify.

    A text line carries no receipt: its delivery is parsed.
    """
    host_key = read_vkey(encode_vkey(key))
    failed = 0
    for data in deliveries:
        try:
            if data[:1] != b"{":
                text_form.parse_delivery(data)
                continue
            answer = parse_delivered(data).answer
            if answer is None or not answer.proofs:
                raise UnprovedError("an answer without a receipt")
            for proof in answer.proofs:
                proved = check_receipt(proof.receipt, proof.leaf, host_key)
                member, index = parse_entry_name(proof.entry)
                if proved.index != index or not proved.origin.endswith(f"/{member}"):
                    raise UnprovedError("a receipt of another leaf")
        except ComityError:
            failed += 1
    return failed


def count_incomplete(deliveries: Iterable[bytes], states: int) -> int:
    """Return how many deliveries are no merged message to which each of so many states answered.

    A text is held to that by its own words: it lists those without an answer, and where no state
    has a record it has a part for each.
    """
    failed = 0
    for data in deliveries:
        if data[:1] != b"{":
            text = text_form.parse_delivery(data).text
            is_summary = f"STATES ASKED: {states}\n" in text and "NO ANSWER: " not in text
            is_complete = is_summary or len(text.split("\n\n")) == states
        else:
            merged = parse_delivered(data).merged
            is_complete = merged is not None and len(merged.answers) == states
        failed += not is_complete
    return failed
