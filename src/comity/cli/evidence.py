"""Which piece of evidence a file is, and what it proves: receipt, answer, proof or checkpoint.

Guarantee: nothing in a file says by which key it is checked; a file that holds no evidence is not
verified. Keys are those that the caller brought, or this installation's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from comity.audit.evidence import ProvedLeaf, check_receipt, check_tlog_proof
from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.notes import TrustedKey, read_checkpoint, unbase64
from comity.cli.receipts import check_proof
from comity.domain.answer import Proof
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = ["FILE_BYTES_MAX", "Checked", "Keys", "check_file", "leaf_beside"]

_T = TypeVar("_T")
_PROOF_START: Final = b"c2sp.org/tlog-proof@v1\n"
_DEPTH_MAX: Final = 8

FILE_BYTES_MAX: Final = 4 * DELIVERY_BYTES_MAX
"""An answer with a photo, indented, is longer than its delivery."""

Keys = Callable[[str], Sequence[TrustedKey]]
"""Returns the keys that may have signed for a host or a ledger of this name."""


class Checked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One piece of evidence of a file: what it is and whether it holds.

    `name` is the entry it is about, or the ledger; `origin` the ledger that it was proved to stand
    in, and `size` that ledger's.
    """

    file: str
    what: str
    name: str = ""
    origin: str = ""
    verified: bool
    size: int | None = None
    why: str = ""


def check_file(file: str, data: bytes, leaf: bytes | None, keys: Keys) -> list[Checked]:
    """Return what every piece of evidence in a file comes to; at least one."""
    try:
        if data.startswith(_PROOF_START):
            return [_tlog_proof(file, data, leaf, keys)]
        if data.lstrip()[:1] == b"{":
            return _of_json(file, data, leaf, keys)
        return [_checkpoint(file, data, keys)]
    except (EvidenceError, EvidenceFormError) as error:
        return [Checked(file=file, what="evidence", verified=False, why=str(error))]


def _checkpoint(file: str, data: bytes, keys: Keys) -> Checked:
    origin = data.partition(b"\n")[0].decode("utf-8", "replace")
    head = _first(keys(origin), lambda key: read_checkpoint(data, key))
    return Checked(
        file=file,
        what="checkpoint",
        name=head.origin,
        origin=head.origin,
        verified=True,
        size=head.size,
    )


def _tlog_proof(file: str, data: bytes, leaf: bytes | None, keys: Keys) -> Checked:
    if leaf is None:
        raise EvidenceFormError("the leaf's own bytes are missing: name their file with `--leaf`")
    origin = data.partition(b"\n\n")[2].partition(b"\n")[0].decode("utf-8", "replace")
    proved, _ = _first(keys(origin), lambda key: check_tlog_proof(data, leaf, key))
    return _holds(file, "proof", proved)


def _of_json(file: str, data: bytes, leaf: bytes | None, keys: Keys) -> list[Checked]:
    try:
        document = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EvidenceFormError("the file is not one json document") from None
    if isinstance(document, dict) and "sig" in document:
        return [_receipt(file, data, leaf, str(document.get("host")), keys)]
    found = [_proof(file, said, keys) for said in _proofs(document, _DEPTH_MAX)]
    if not found:
        raise EvidenceFormError("the file holds no receipt, no proof and no checkpoint")
    return found


def _receipt(file: str, data: bytes, leaf: bytes | None, host: str, keys: Keys) -> Checked:
    if leaf is None:
        raise EvidenceFormError("the leaf's own bytes are missing: name their file with `--leaf`")
    proved = _first(keys(host), lambda key: check_receipt(data.strip(), leaf, key))
    return _holds(file, "receipt", proved)


def _proofs(document: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yield every object below a document that has an entry, a leaf and a receipt."""
    if isinstance(document, dict) and {"entry", "leaf", "receipt"} <= document.keys():
        yield document
    elif depth:
        parts = document.values() if isinstance(document, dict) else document
        if isinstance(document, dict | list):
            for part in parts:
                yield from _proofs(part, depth - 1)


def _proof(file: str, said: dict[str, Any], keys: Keys) -> Checked:
    entry = str(said["entry"])
    try:
        leaf, receipt = unbase64(str(said["leaf"])), unbase64(str(said["receipt"]))
        host = str(msgspec.json.decode(receipt, type=dict[str, Any]).get("host"))
        proof = Proof(entry=entry, leaf=leaf, receipt=receipt)
        proved = _first(keys(host), lambda key: check_proof(proof, key))
    except (EvidenceError, EvidenceFormError) as error:
        return Checked(file=file, what="receipt", name=entry, verified=False, why=str(error))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        why = "`receipt` does not have its form"
        return Checked(file=file, what="receipt", name=entry, verified=False, why=why)
    return _holds(file, "receipt", proved)


def _holds(file: str, what: str, proved: ProvedLeaf) -> Checked:
    name = f"{proved.origin.rpartition('/')[2]}/{proved.index}"
    return Checked(
        file=file,
        what=what,
        name=name,
        origin=proved.origin,
        verified=True,
        size=proved.size,
    )


def _first(keys: Sequence[TrustedKey], check: Callable[[TrustedKey], _T]) -> _T:
    """Return what the first key that verifies gives; else raise what the last one said."""
    error: EvidenceError | EvidenceFormError = EvidenceError("no key is known for its signer")
    for key in keys:
        try:
            return check(key)
        except (EvidenceError, EvidenceFormError) as failed:
            error = failed
    raise error


def leaf_beside(file: str) -> Path | None:
    """Return the leaf's file that stands beside a proof under the same name, if there is one."""
    path = Path(file).with_suffix(".leaf")
    return path if file != "-" and path.is_file() else None
