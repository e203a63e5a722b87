"""Which piece of evidence a file is, and what it proves: receipt, answer, proof or checkpoint.

Guarantee: nothing in a file says by which key it is checked; a file that holds no evidence is not
verified. Keys are those that the caller brought, or this installation's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from comity.audit.evidence import ProvedLeaf, check_opening, check_receipt, check_tlog_proof
from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.notes import TrustedKey, read_checkpoint, unbase64
from comity.audit.witnesses import Quorum
from comity.cli.opened import readable
from comity.cli.quorums import Witnessed, witnessed_by
from comity.cli.receipts import check_proof
from comity.domain.answer import Proof
from comity.domain.errors import MalformedError
from comity.domain.ids import entry_name, parse_entry_name, parse_origin
from comity.domain.leaf import parse_leaf
from comity.formats.rules import DELIVERY_BYTES_MAX

__all__ = [
    "FILE_BYTES_MAX",
    "Checked",
    "Keys",
    "Proved",
    "check_file",
    "check_opening_file",
    "is_opening",
    "leaf_beside",
    "with_standing",
]

_T = TypeVar("_T")
_PROOF_START: Final = b"c2sp.org/tlog-proof@v1\n"
_OPENING_START: Final = b'{"v":1,"fields":'
_DEPTH_MAX: Final = 8

FILE_BYTES_MAX: Final = 4 * DELIVERY_BYTES_MAX
"""An answer with a photo, indented, is longer than its delivery."""

Keys = Callable[[str], Sequence[TrustedKey]]
"""Returns the keys that may have signed for a host or a ledger of this name."""


Proved = dict[str, bytes]
"""The commitment of each leaf that was proved to stand, by its entry."""


class Checked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One piece of evidence of a file: what it is and whether it holds.

    `name` is the entry it is about, or the ledger; `origin` the ledger that it was proved to stand
    in, and `size` that ledger's; `witnesses` who cosigned the checkpoint, where a quorum is known.
    `opened` are fields of an opening in words, `hidden` how many it does not show. `standing` is
    what is to be said of evidence of a retired ledger.
    """

    file: str
    what: str
    name: str = ""
    origin: str = ""
    verified: bool
    size: int | None = None
    why: str = ""
    witnesses: Witnessed | None = None
    opened: dict[str, str] = {}
    hidden: int = 0
    standing: str = ""


def with_standing(check: Checked, retired: Mapping[str, int]) -> Checked:
    """Say of evidence of a retired ledger what it is now; `retired` has each one's cut.

    Below the cut an entry is the successor's too. Beyond it nothing is the record any more, however
    well it is signed: that is not verified.
    """
    cut = retired.get(check.origin)
    if cut is None or not check.verified:
        return check
    entry = parse_entry_name(check.name)[1] if check.what != "checkpoint" else None
    is_kept = entry < cut if entry is not None else (check.size or 0) <= cut
    old = f"of the retired ledger {check.origin}"
    if is_kept:
        what = "its successor has this entry too" if entry is not None else "not beyond its cut"
        return msgspec.structs.replace(check, standing=f"{old}; {what}")
    why = f"{old}, beyond its cut at {cut:,}: evidence, not record"
    return msgspec.structs.replace(check, verified=False, why=why)


def check_file(
    file: str,
    data: bytes,
    leaf: bytes | None,
    keys: Keys,
    quorum: Quorum | None = None,
    *,
    proved: Proved | None = None,
) -> list[Checked]:
    """Return what every piece of evidence in a file comes to; at least one.

    The leaves that it proves are added to `proved`.
    """
    proved = {} if proved is None else proved
    try:
        if data.startswith(_PROOF_START):
            return [_tlog_proof(file, data, leaf, keys, quorum, found=proved)]
        if data.lstrip()[:1] == b"{":
            return _of_json(file, data, leaf, keys, proved)
        return [_checkpoint(file, data, keys, quorum)]
    except (EvidenceError, EvidenceFormError) as error:
        return [Checked(file=file, what="evidence", verified=False, why=str(error))]


def is_opening(data: bytes) -> bool:
    """Say whether a file is the opening of a private record."""
    return data.startswith(_OPENING_START)


def check_opening_file(file: str, data: bytes, proved: Proved) -> Checked:
    """Return what an opening comes to: it must open one of the leaves that were proved."""
    why: EvidenceError | EvidenceFormError = EvidenceError(
        "no leaf is proved beside it: name the receipt or the proof of its leaf too"
    )
    for entry, commitment in proved.items():
        try:
            shown = check_opening(data.strip(), commitment)
        except (EvidenceError, EvidenceFormError) as error:
            why = error
            continue
        parts = msgspec.json.decode(data)["fields"]
        return Checked(
            file=file,
            what="opening",
            name=entry,
            verified=True,
            opened={name: readable(name, value) for name, value in shown.items()},
            hidden=len(parts) - len(shown),
        )
    return Checked(file=file, what="opening", verified=False, why=str(why))


def _checkpoint(file: str, data: bytes, keys: Keys, quorum: Quorum | None) -> Checked:
    origin = data.partition(b"\n")[0].decode("utf-8", "replace")
    head, seen = _first(
        keys(origin), lambda key: (read_checkpoint(data, key), _witnessed(data, key, quorum))
    )
    return Checked(
        file=file,
        what="checkpoint",
        name=head.origin,
        origin=head.origin,
        verified=True,
        size=head.size,
        witnesses=seen,
    )


def _tlog_proof(
    file: str,
    data: bytes,
    leaf: bytes | None,
    keys: Keys,
    quorum: Quorum | None,
    *,
    found: Proved,
) -> Checked:
    if leaf is None:
        raise EvidenceFormError("the leaf's own bytes are missing: name their file with `--leaf`")
    note = data.partition(b"\n\n")[2]
    origin = note.partition(b"\n")[0].decode("utf-8", "replace")

    def check(key: TrustedKey) -> tuple[ProvedLeaf, Witnessed | None]:
        return check_tlog_proof(data, leaf, key)[0], _witnessed(note, key, quorum)

    proved, seen = _first(keys(origin), check)
    holds = _holds(file, "proof", proved, leaf, found)
    return msgspec.structs.replace(holds, witnesses=seen)


def _witnessed(note: bytes, key: TrustedKey, quorum: Quorum | None) -> Witnessed | None:
    return witnessed_by(note, key, quorum) if quorum is not None else None


def _of_json(
    file: str, data: bytes, leaf: bytes | None, keys: Keys, proved: Proved
) -> list[Checked]:
    try:
        document = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EvidenceFormError("the file is not one json document") from None
    if isinstance(document, dict) and "sig" in document:
        return [_receipt(file, data, leaf, str(document.get("host")), keys, found=proved)]
    found = [_proof(file, said, keys, proved) for said in _proofs(document, _DEPTH_MAX)]
    if not found:
        raise EvidenceFormError("the file holds no receipt, no proof and no checkpoint")
    return found


def _receipt(
    file: str, data: bytes, leaf: bytes | None, host: str, keys: Keys, *, found: Proved
) -> Checked:
    if leaf is None:
        raise EvidenceFormError("the leaf's own bytes are missing: name their file with `--leaf`")
    proved = _first(keys(host), lambda key: check_receipt(data.strip(), leaf, key))
    return _holds(file, "receipt", proved, leaf, found)


def _proofs(document: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yield every object below a document that has an entry, a leaf and a receipt."""
    if isinstance(document, dict) and {"entry", "leaf", "receipt"} <= document.keys():
        yield document
    elif depth:
        parts = document.values() if isinstance(document, dict) else document
        if isinstance(document, dict | list):
            for part in parts:
                yield from _proofs(part, depth - 1)


def _proof(file: str, said: dict[str, Any], keys: Keys, found: Proved) -> Checked:
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
    return _holds(file, "receipt", proved, leaf, found)


def _holds(file: str, what: str, proved: ProvedLeaf, leaf: bytes, found: Proved) -> Checked:
    try:
        name = entry_name(parse_origin(proved.origin)[0], proved.index)
    except MalformedError:
        raise EvidenceFormError("`origin` is not that of a member's ledger") from None
    # What is no leaf commits to nothing that could be opened.
    with suppress(MalformedError):
        found[name] = parse_leaf(leaf).commitment
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
