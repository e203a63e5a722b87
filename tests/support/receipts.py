"""Receipts and proofs of leaves of the 70,000, as checkers in other languages are given them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from comity.audit.tree import audit_tree
from comity.ledger.note import encode_vkey
from comity.ledger.proof import TreeReader, encode_tlog_proof
from comity.ledger.receipt import Head, encode_receipt, make_receipts, sign_batch
from comity.ledger.tree import EMPTY_FRONTIER, append, hash_leaves
from tests.support.faults import SIZE, leaves
from tests.support.ledger import (
    ORIGIN,
    host_signer,
    ledger_signer,
    signed_checkpoint,
    tile_documents,
)

__all__ = [
    "CHANGED",
    "HOST_VKEY",
    "VKEY",
    "add_stranger",
    "is_ok_for_us",
    "proof_of",
    "receipts_of",
]

VKEY = encode_vkey(ledger_signer().key)
HOST = host_signer()
HOST_VKEY = encode_vkey(HOST.key)

CHANGED: tuple[tuple[bytes, bytes], ...] = (
    (b'"index":69999', b'"index":69998'),
    (b'"size":70000', b'"size":70001'),
    (b'"at":2', b'"at":1'),
    (b'"heads_count":3', b'"heads_count":4'),
    (b"log.example/tx", b"log.example/oh"),
    (b'"sig":"', b'"sig":"A'),
)
"""Texts of the last leaf's receipt, each with one that proves nothing in its place."""


@cache
def _hashes() -> tuple[bytes, ...]:
    return tuple(hash_leaves(leaves()))


def receipts_of(count: int) -> list[bytes]:
    """Return the receipts of the last leaves, made beside two other ledgers' heads."""
    hashes = _hashes()
    before = append(EMPTY_FRONTIER, hashes[:-count]).frontier
    growth = append(before, hashes[-count:])
    origins = ("ledger.example/oh", ORIGIN, "ledger.example/wa")
    heads = [Head(origin=o, size=growth.size, root=growth.root) for o in origins]
    batch = sign_batch(HOST, HOST.key, heads)
    receipts = make_receipts(batch, ORIGIN, growth, hashes[-count:])
    return [encode_receipt(receipt) for receipt in receipts]


def proof_of(index: int) -> bytes:
    """Return the `.tlog-proof` of a leaf, made from tiles."""
    path = TreeReader(SIZE, tile_documents(leaves()).__getitem__).inclusion(index)
    return encode_tlog_proof(index, path, signed_checkpoint(leaves()))


def is_ok_for_us(export: Path) -> bool:
    """Say whether our own audit finds nothing in an export."""
    return audit_tree(lambda path: (export / path).read_bytes(), VKEY).ok


def add_stranger(export: Path) -> None:
    """Put a file there that a ledger of this size does not have."""
    (export / "tile/0/274.p").mkdir()
    (export / "tile/0/274.p/1").write_bytes(bytes(32))
