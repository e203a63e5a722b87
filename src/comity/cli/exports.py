"""A ledger as a folder of files: how an export is written, read and proved from.

Guarantee: what stands in a folder is never written over with other bytes, except the checkpoint,
which is replaced whole and last; a path that leads out of the folder is not read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from comity.audit.findings import AuditReport, AuditState
from comity.audit.notes import SignedHead, TrustedKey, read_checkpoint, read_vkey, unbase64
from comity.cli.errors import UsageError
from comity.cli.files import write_whole
from comity.cli.sources import fetch_from_folder
from comity.domain.errors import ComityError, MalformedError
from comity.ledger.proof import TreeReader, encode_tlog_proof
from comity.ledger.tile import (
    TILE_WIDTH,
    BundleId,
    bundle_path,
    decode_bundle,
    tile_path,
)

__all__ = [
    "CHECKPOINT",
    "VKEY",
    "ExportClashError",
    "LeafProof",
    "key_text",
    "practice_note",
    "prove_leaf",
    "read_key",
    "read_state",
    "report_document",
    "write_into",
]

CHECKPOINT: Final = "checkpoint"
VKEY: Final = "vkey"


class ExportClashError(ComityError):
    """A folder holds other bytes under a name that never changes: another ledger, or a fork."""

    code = "export-clash"


class LeafProof(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf's bytes and its `.tlog-proof`, against the checkpoint that the folder holds."""

    head: SignedHead
    leaf: bytes
    proof: bytes


class _State(msgspec.Struct, frozen=True, kw_only=True):
    origin: str
    size: int
    root: str


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    state: _State | None


def practice_note(origin: str) -> str:
    """Return what stands behind a sentence about a ledger of invented data, by its origin.

    A practice ledger is named under a domain that can never exist (RFC 2606, `.invalid`).
    """
    return "  (practice data)" if origin.partition("/")[0].endswith(".invalid") else ""


def write_into(folder: Path) -> Callable[[str, bytes], None]:
    """Return a writer of a folder's documents. It raises ExportClashError."""

    def write(path: str, data: bytes) -> None:
        target = folder / path
        if path == CHECKPOINT:
            write_whole(target, data, durable=True)
            return
        try:
            present = target.read_bytes()
        except FileNotFoundError:
            write_whole(target, data)
            return
        if present != data:
            raise ExportClashError(f"`{target}` holds other bytes: another ledger, or a fork")

    return write


def key_text(given: str | None, folder: Path) -> tuple[str, bool]:
    """Return the key to check a folder by, and whether the caller brought it.

    `given` is a key or a file that holds one; without it, the folder's own `vkey` is returned.
    Raises: UsageError if neither is there.
    """
    if given is not None:
        return read_key(given), True
    try:
        return (folder / VKEY).read_text("ascii").strip(), False
    except FileNotFoundError:
        raise UsageError(
            f"`{folder}` holds no `vkey`: name the ledger's key with `--vkey`"
        ) from None


def read_key(given: str) -> str:
    """Return the key that an argument is, or that its file holds. Raises: UsageError."""
    text = given
    if Path(given).is_file():
        text = Path(given).read_text("ascii").strip()
    try:
        read_vkey(text)
    except MalformedError as error:
        raise UsageError(f"`--vkey` is no key and no file with one: {error}") from None
    return text


def read_state(file: Path) -> AuditState:
    """Return where an earlier audit ended, from the JSON that it printed. Raises: UsageError."""
    try:
        said = msgspec.json.decode(file.read_bytes(), type=_Report).state
        if said is None:
            raise UsageError(f"`{file}` is of an audit with findings: nothing can build on it")
        return AuditState(origin=said.origin, size=said.size, root=unbase64(said.root))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"`{file}` is not what `comity ledger audit --json` prints") from error


def prove_leaf(folder: Path, key: TrustedKey, index: int) -> LeafProof:
    """Return a leaf with its inclusion proof.

    Raises: EvidenceError, ProofError if the checkpoint or index is not right; OSError.
    """
    fetch = fetch_from_folder(folder)
    note = fetch(CHECKPOINT)
    head = read_checkpoint(note, key)
    reader = TreeReader(head.size, lambda tile: fetch(tile_path(tile)))
    path = reader.inclusion(index)
    bundle, place = divmod(index, TILE_WIDTH)
    width = min(TILE_WIDTH, head.size - bundle * TILE_WIDTH)
    entries = decode_bundle(fetch(bundle_path(BundleId(index=bundle, width=width))), width)
    return LeafProof(head=head, leaf=entries[place], proof=encode_tlog_proof(index, path, note))


def report_document(report: AuditReport, *, is_key_given: bool) -> dict[str, object]:
    """Return an audit's report as `comity ledger audit --json` prints it."""
    return {
        "ok": report.ok,
        "origin": report.origin,
        "size": report.size,
        "root": report.root,
        "key": "given" if is_key_given else "folder",
        "leaves_read": report.leaves_read,
        "bundles_withdrawn": report.bundles_withdrawn,
        "redactions": report.redactions,
        "findings": report.findings,
        "state": report.state,
    }
