"""No bit of a tile, a bundle or a cosigned checkpoint can be changed without being found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.notes import read_vkey
from comity.audit.tree import audit_tree
from comity.audit.witnesses import check_quorum, read_quorum
from comity.domain.errors import ComityError
from comity.ledger.cosignature import read_cosignatures
from comity.ledger.note import (
    KeyKind,
    checkpoint_text,
    cosignature_line,
    encode_vkey,
    verify_checkpoint,
)
from comity.ledger.proof import TreeReader, verify_inclusion
from comity.ledger.quorum import Group, KnownLedger, KnownWitness, QuorumFile, encode_quorum_file
from comity.ledger.tile import TileId, parse_tile_path
from comity.ledger.tree import hash_leaves, tree_root
from tests.support.ledger import (
    ORIGIN,
    PracticeSigner,
    exported,
    leaves_of,
    ledger_signer,
    signed_checkpoint,
)

LEDGER = ledger_signer()
VKEY = encode_vkey(LEDGER.key)
FEW, MANY = leaves_of(5), leaves_of(300)
SMALL, LARGE = exported(FEW), exported(MANY)
WITNESSES = tuple(
    PracticeSigner(f"witness.example/{name}", bytes([seed]) * 32, KeyKind.COSIGNATURE)
    for seed, name in enumerate(("oh", "wa"), 5)
)
QUORUM = QuorumFile(
    ledgers=(KnownLedger(key=LEDGER.key),),
    witnesses=tuple(KnownWitness(name=w.key.name[-2:], key=w.key) for w in WITNESSES),
    groups=(Group(name="both", count=2, members=("oh", "wa")),),
    quorum="both",
)
RULES = read_quorum(encode_quorum_file(QUORUM))
TEXT = checkpoint_text(ORIGIN, len(FEW), tree_root(hash_leaves(FEW)))
COSIGNED = signed_checkpoint(FEW) + b"".join(
    cosignature_line(TEXT, witness.key, witness, 1_795_500_000) for witness in WITNESSES
)


def bits_of(data: bytes) -> st.SearchStrategy[int]:
    return st.integers(0, len(data) * 8 - 1)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def tiles_in(documents: dict[str, bytes]) -> dict[TileId, bytes]:
    return {
        parsed: data
        for path, data in documents.items()
        if path.startswith("tile/") and isinstance(parsed := parse_tile_path(path), TileId)
    }


def is_found(documents: dict[str, bytes], path: str, bit: int) -> bool:
    return not audit_tree({**documents, path: flipped(documents[path], bit)}.__getitem__, VKEY).ok


@pytest.mark.parametrize("path", [path for path in SMALL if path.startswith("tile/")])
def test_small_ledger_with_one_bit_changed_is_refused(path: str) -> None:
    """Every bit of every tile and bundle of a small ledger."""
    for bit in range(len(SMALL[path]) * 8):
        assert is_found(SMALL, path, bit), bit


@given(st.data(), st.sampled_from([path for path in LARGE if path.startswith("tile/")]))
def test_ledger_with_one_bit_changed_is_refused(data: st.DataObject, path: str) -> None:
    """Any bit of a full tile or bundle, of a partial one, or of a tile above them."""
    assert is_found(LARGE, path, data.draw(bits_of(LARGE[path])))


@given(st.data(), st.sampled_from(sorted(tiles_in(LARGE), key=str)))
def test_proof_from_a_changed_tile_proves_nothing(data: st.DataObject, tile: TileId) -> None:
    """A path read from a tile with a changed bit is the true one, or is refused."""
    tiles, size = tiles_in(LARGE), len(MANY)
    wrong = {**tiles, tile: flipped(tiles[tile], data.draw(bits_of(tiles[tile])))}
    index = data.draw(st.integers(0, size - 1))
    read = TreeReader(size, wrong.__getitem__).inclusion(index)
    hashes = hash_leaves(MANY)
    if read == TreeReader(size, tiles.__getitem__).inclusion(index):
        verify_inclusion(hashes[index], index, size, read, tree_root(hashes))
    else:
        with pytest.raises(ComityError):
            verify_inclusion(hashes[index], index, size, read, tree_root(hashes))


def check_as_writer(note: bytes) -> None:
    """Raises: ComityError unless ledger and both witnesses signed this."""
    verify_checkpoint(note, LEDGER.key)
    cosigned = [one.key for one in read_cosignatures(note, QUORUM.witness_keys)]
    if not QUORUM.is_satisfied(cosigned):
        raise EvidenceError("`quorum` does not hold")


def check_as_auditor(note: bytes) -> None:
    """Raises: EvidenceError, EvidenceFormError likewise."""
    if not check_quorum(note, read_vkey(VKEY), RULES).is_satisfied:
        raise EvidenceError("`quorum` does not hold")


def test_cosigned_checkpoint_with_one_bit_changed_is_refused() -> None:
    """No bit can be changed without losing the note, or the word of a witness."""
    # A line whose name or id was changed is a stranger's, and counts for nobody.
    check_as_writer(COSIGNED)
    check_as_auditor(COSIGNED)
    for bit in range(len(COSIGNED) * 8):
        wrong = flipped(COSIGNED, bit)
        with pytest.raises(ComityError):
            check_as_writer(wrong)
        with pytest.raises((EvidenceError, EvidenceFormError)):
            check_as_auditor(wrong)
