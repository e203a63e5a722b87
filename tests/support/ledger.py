"""What the ledger's tests share: practice keys, RFC 6962 as it is written, small ledgers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.ids import Member
from comity.domain.leaf import LeafHeader, encode_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.ledger.export import Withdrawn, export_tree
from comity.ledger.note import KeyKind, VerifierKey, checkpoint_text, sign_note, verifier_key
from comity.ledger.tile import TileId, cut_tiles
from comity.ledger.tree import hash_leaves, hash_pairs, tree_root

ORIGIN = "log.example/tx"
LEDGER_SEED = b"\x01" * 32
WITNESS_SEED = b"\x02" * 32
HOST_SEED = b"\x03" * 32


class PracticeSigner:
    """An Ed25519 key from a fixed seed, with its verifier key."""

    def __init__(self, name: str, seed: bytes, kind: KeyKind = KeyKind.ED25519) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key: VerifierKey = verifier_key(
            name, self._private.public_key().public_bytes_raw(), kind
        )
        self.signed: list[bytes] = []

    def sign(self, data: bytes, /) -> bytes:
        self.signed.append(data)
        return self._private.sign(data)


def ledger_signer(origin: str = ORIGIN) -> PracticeSigner:
    return PracticeSigner(origin, LEDGER_SEED)


def witness_signer() -> PracticeSigner:
    return PracticeSigner("witness.example/oh", WITNESS_SEED, KeyKind.COSIGNATURE)


def host_signer() -> PracticeSigner:
    return PracticeSigner("gw-columbus-1", HOST_SEED)


class NaiveTree:
    """The recursive definitions of RFC 6962, 2.1, word for word."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
        self.mth = cache(self._mth)

    def root(self, size: int) -> bytes:
        return self.mth(0, size) if size else sha256(b"").digest()

    def _mth(self, start: int, stop: int) -> bytes:
        if stop - start == 1:
            return self.leaves[start]
        k = split(stop - start)
        return sha256(b"\x01" + self.mth(start, start + k) + self.mth(start + k, stop)).digest()

    def path(self, index: int, start: int, stop: int) -> list[bytes]:
        if stop - start == 1:
            return []
        middle = start + split(stop - start)
        if index < middle:
            return [*self.path(index, start, middle), self.mth(middle, stop)]
        return [*self.path(index, middle, stop), self.mth(start, middle)]

    def proof(self, size_old: int, size: int) -> list[bytes]:
        return self._subproof(size_old, 0, size, whole=True)

    def _subproof(self, count: int, start: int, stop: int, *, whole: bool) -> list[bytes]:
        if count == stop - start:
            return [] if whole else [self.mth(start, stop)]
        k = split(stop - start)
        middle = start + k
        if count <= k:
            left = self._subproof(count, start, middle, whole=whole)
            return [*left, self.mth(middle, stop)]
        right = self._subproof(count - k, middle, stop, whole=False)
        return [*right, self.mth(start, middle)]


def split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def entries_of(count: int) -> list[bytes]:
    return [b'{"v":1,"practice":%d}' % number for number in range(count)]


def tile_documents(entries: Sequence[bytes]) -> dict[TileId, bytes]:
    """Return every tile of a tree, cut from whole levels."""
    tiles: dict[TileId, bytes] = {}
    hashes, level = hash_leaves(entries), 0
    while hashes:
        tiles.update(cut_tiles(level, 0, hashes))
        for _ in range(8):
            hashes = hash_pairs(hashes)
        level += 1
    return tiles


def signed_checkpoint(entries: Sequence[bytes], origin: str = ORIGIN) -> bytes:
    signer = ledger_signer(origin)
    root = tree_root(hash_leaves(entries))
    return sign_note(checkpoint_text(origin, len(entries), root), signer.key, signer)


def exported(
    entries: Sequence[bytes], hide: Callable[[int], bool] = lambda _: False
) -> dict[str, bytes]:
    """Return the documents of a ledger's export, in their order; hidden entries are withdrawn."""
    shown = [
        Withdrawn(leaf_hash=hash_leaves([entry])[0]) if hide(index) else entry
        for index, entry in enumerate(entries)
    ]
    return dict(export_tree(shown, signed_checkpoint(entries), ledger_signer().key))


def leaf_of(number: int, *, member: str = "tx", redacts: int | None = None) -> bytes:
    """Return a practice leaf: a notice, or the redaction of an earlier leaf."""
    header = LeafHeader(
        version=1,
        kind=LeafKind.NOTICE if redacts is None else LeafKind.REDACTION,
        mode=LeafMode.PROBE,
        hour=489_787 + number // 1_000,
        member=Member(member),
        cites=f"{member}/{number if redacts is None else redacts}",
        commitment=sha256(b"practice %d" % number).digest(),
    )
    return encode_leaf(header)


def leaves_of(count: int) -> list[bytes]:
    return [leaf_of(number) for number in range(count)]
