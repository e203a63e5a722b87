"""Ledger receipts: a committed leaf is in its ledger, under one signature per host and batch.

Guarantee: a receipt shows its own leaf's path and, of the other ledgers of the batch, hashes only.
leaf hash -> inclusion path -> root at size -> path among the heads -> batch root -> signature.
The number of heads is signed with their root: without it two places could have one path.

INVARIANT (no-answer-before-receipt): a batch is signed only after the transaction that holds its
heads is committed; a signature over a head that was rolled back would be a signed fork.
Source: docs/adr/0004-receipt-format.md; hashes and paths as in RFC 9162, 2.1.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from comity.ledger.errors import ProofError, ReceiptError, ReceiptKeyError
from comity.ledger.note import KeyKind, Signer, VerifierKey, checkpoint_text, verify_ed25519
from comity.ledger.proof import inclusion_root
from comity.ledger.tree import (
    EMPTY_FRONTIER,
    HASH_BYTES,
    TREE_SIZE_MAX,
    Growth,
    append,
    hash_leaf,
    hash_leaves,
)

__all__ = [
    "HEADS_MAX",
    "RECEIPT_BYTES_MAX",
    "BatchSignature",
    "Head",
    "LedgerReceipt",
    "encode_receipt",
    "make_receipt",
    "make_receipts",
    "parse_receipt",
    "sign_batch",
    "verify_receipt",
    "verify_receipts",
]

RECEIPT_BYTES_MAX: Final = 4_096
HEADS_MAX: Final = 1_024
"""Ledgers in one signed batch at most; a country of one host each has 55."""

_PATH_MAX: Final = TREE_SIZE_MAX.bit_length() - 1
_HEADS_PATH_MAX: Final = HEADS_MAX.bit_length() - 1
_CONTEXT: Final = b"comity/batch/v1\n"
_ORIGIN_PATTERN: Final = r"^[a-z0-9][a-z0-9.:/_-]{0,254}\Z"
# Never digits alone: what a host signs could otherwise be read as a checkpoint of that size.
_HOST_PATTERN: Final = r"^(?=.{1,32}\Z)[0-9]*[a-z-][a-z0-9-]*\Z"

_Hash = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
_Origin = Annotated[str, Meta(pattern=_ORIGIN_PATTERN)]
_Host = Annotated[str, Meta(pattern=_HOST_PATTERN)]
_IS_ORIGIN: Final = re.compile(_ORIGIN_PATTERN)
_IS_HOST: Final = re.compile(_HOST_PATTERN)


class Head(Struct, frozen=True, kw_only=True):
    """The committed head of one ledger of a batch."""

    origin: str
    size: int
    root: bytes


class BatchSignature(Struct, frozen=True, kw_only=True):
    """One host's signature over the heads of one batch, and each ledger's place among them."""

    host: str
    key: str
    sig: bytes
    heads_count: int
    places: dict[str, tuple[Head, int, tuple[bytes, ...]]]


class LedgerReceipt(
    Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, omit_defaults=False
):
    """What the holder of an answer keeps; made only here. Fields stand in the order of the bytes.

    path: from the leaf to the root of the ledger at `size`, leaf side first.
    at, heads_count, heads: the ledger's position, the number and its path among the batch's heads.
    key: the key id of the host's key, 8 hexadecimal digits.
    """

    v: Literal[1] = 1
    origin: _Origin
    index: Annotated[int, Meta(ge=0, lt=TREE_SIZE_MAX)]
    leaf: _Hash
    size: Annotated[int, Meta(ge=1, le=TREE_SIZE_MAX)]
    path: Annotated[tuple[_Hash, ...], Meta(max_length=_PATH_MAX)]
    at: Annotated[int, Meta(ge=0, lt=HEADS_MAX)]
    heads_count: Annotated[int, Meta(ge=1, le=HEADS_MAX)]
    heads: Annotated[tuple[_Hash, ...], Meta(max_length=_HEADS_PATH_MAX)]
    host: _Host
    key: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}\Z")]
    sig: Annotated[bytes, Meta(min_length=64, max_length=64)]


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(LedgerReceipt)


def sign_batch(signer: Signer, host: VerifierKey, heads: Iterable[Head]) -> BatchSignature:
    """Return one signature over the heads that a committed batch left behind.

    Raises: ReceiptError if there is no head, too many, two of one origin, or a malformed name.
    """
    ordered = sorted(heads, key=lambda head: head.origin)
    _check_batch(host, ordered)
    texts = [checkpoint_text(head.origin, head.size, head.root) for head in ordered]
    tree = append(EMPTY_FRONTIER, hash_leaves(texts))
    places = zip(ordered, range(len(ordered)), tree.paths(), strict=True)
    return BatchSignature(
        host=host.name,
        key=host.key_id.hex(),
        sig=signer.sign(_batch_message(host.name, len(ordered), tree.root)),
        heads_count=len(ordered),
        places={place[0].origin: place for place in places},
    )


def make_receipts(
    batch: BatchSignature, origin: str, growth: Growth, leaf_hashes: Sequence[bytes]
) -> list[LedgerReceipt]:
    """Return the receipts of all leaves that a batch appended to one ledger, in index order.

    Raises: ReceiptError if the ledger's head in the batch is not the one that `growth` leads to.
    """
    head, at, heads = batch.places[origin]
    if (head.size, head.root) != (growth.size, growth.root):
        raise ReceiptError("`growth` does not lead to the head that was signed")
    numbered = zip(range(growth.size_old, growth.size), leaf_hashes, growth.paths(), strict=True)
    count, host, key, sig, size = batch.heads_count, batch.host, batch.key, batch.sig, head.size
    return [
        LedgerReceipt(
            origin=origin,
            index=index,
            leaf=leaf,
            size=size,
            path=path,
            at=at,
            heads_count=count,
            heads=heads,
            host=host,
            key=key,
            sig=sig,
        )
        for index, leaf, path in numbered
    ]


def make_receipt(
    batch: BatchSignature, origin: str, index: int, leaf_hash: bytes, path: Sequence[bytes]
) -> LedgerReceipt:
    """Return a receipt for a leaf of an earlier batch, under a signature over the present head.

    path: the leaf's inclusion path in the tree of the head that was signed.
    Raises: ProofError, ProofLengthError, ReceiptError if the path does not lead to that head.
    """
    head, at, heads = batch.places[origin]
    if inclusion_root(leaf_hash, index, head.size, path) != head.root:
        raise ReceiptError("`path` does not lead to the head that was signed")
    return LedgerReceipt(
        origin=origin,
        index=index,
        leaf=leaf_hash,
        size=head.size,
        path=tuple(path),
        at=at,
        heads_count=batch.heads_count,
        heads=heads,
        host=batch.host,
        key=batch.key,
        sig=batch.sig,
    )


def encode_receipt(receipt: LedgerReceipt) -> bytes:
    """Return a receipt as canonical compact JSON, bytes in base64."""
    return _ENCODER.encode(receipt)


def parse_receipt(data: bytes) -> LedgerReceipt:
    """Return the receipt that `encode_receipt` wrote, in that form only. Raises: ReceiptError."""
    if len(data) > RECEIPT_BYTES_MAX:
        raise ReceiptError("`receipt` is longer than 4,096 bytes")
    try:
        receipt = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ReceiptError("`receipt` does not have the form of its version") from None
    if _ENCODER.encode(receipt) != data:
        raise ReceiptError("`receipt` is not canonical")
    return receipt


def verify_receipt(receipt: LedgerReceipt, leaf_hash: bytes, host: VerifierKey) -> None:
    """Check that a receipt proves a leaf to be in its ledger, by the host's key.

    Raises: ReceiptKeyError, ProofError, ProofLengthError, SignatureError.
    Trusts: `host` is certified by the ledger's member; `leaf_hash` is of bytes the caller holds.
    """
    verify_receipts([(receipt, leaf_hash)], host)


def verify_receipts(receipts: Iterable[tuple[LedgerReceipt, bytes]], host: VerifierKey) -> None:
    """Check many receipts of one host; each batch's signature is checked once.

    Raises: as `verify_receipt`, at the first receipt that proves nothing.
    """
    signed: set[tuple[bytes, bytes]] = set()
    for receipt, leaf_hash in receipts:
        if (receipt.host, receipt.key) != (host.name, host.key_id.hex()):
            raise ReceiptKeyError("`key` is not the key that the receipt is checked against")
        if receipt.leaf != leaf_hash:
            raise ProofError("`leaf` is the hash of another leaf")
        root = inclusion_root(leaf_hash, receipt.index, receipt.size, receipt.path)
        head = hash_leaf(checkpoint_text(receipt.origin, receipt.size, root))
        top = inclusion_root(head, receipt.at, receipt.heads_count, receipt.heads)
        message = _batch_message(host.name, receipt.heads_count, top)
        if (message, receipt.sig) not in signed:
            verify_ed25519(host.public_key, receipt.sig, message)
            signed.add((message, receipt.sig))


def _batch_message(host: str, heads_count: int, root: bytes) -> bytes:
    return b"%b%b\n%d\n%b\n" % (_CONTEXT, host.encode(), heads_count, b64encode(root))


def _check_batch(host: VerifierKey, ordered: Sequence[Head]) -> None:
    """Refuse what no receipt could be parsed from."""
    if host.kind is not KeyKind.ED25519 or not _IS_HOST.fullmatch(host.name):
        raise ReceiptError("`host` is not a host's name with an Ed25519 key")
    if not 1 <= len(ordered) <= HEADS_MAX:
        raise ReceiptError("`heads` are not 1 to 1,024")
    if len({head.origin for head in ordered}) != len(ordered):
        raise ReceiptError("`heads` names one origin twice")
    if not all(_IS_ORIGIN.fullmatch(head.origin) for head in ordered):
        raise ReceiptError("`origin` is not a ledger's origin")
