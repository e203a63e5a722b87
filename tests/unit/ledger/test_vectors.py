"""The vectors in vectors/ledger/ hold for the writer and for the checker, each with its own code.

Another implementation can be tested with the same files; each case states what is given and what is
expected, and a refused case the code of the writer's error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comity.audit.evidence import check_opening, check_receipt
from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.hashing import check_consistency, path_root
from comity.audit.notes import read_checkpoint, read_vkey
from comity.domain.errors import ComityError
from comity.ledger.commitment import (
    commit,
    encode_opening,
    open_commitment,
    parse_opening,
    verify_opening,
)
from comity.ledger.note import (
    KeyKind,
    cosignature_line,
    encode_vkey,
    parse_vkey,
    sign_note,
    verify_note,
)
from comity.ledger.proof import verify_consistency, verify_inclusion
from comity.ledger.receipt import (
    Head,
    encode_receipt,
    make_receipts,
    parse_receipt,
    sign_batch,
    verify_receipt,
)
from comity.ledger.tile import (
    BundleId,
    TileId,
    bundle_path,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
    tile_path,
    tiles_of,
)
from comity.ledger.tree import EMPTY_FRONTIER, append, hash_leaf, hash_leaves, tree_root
from tests.support.ledger import PracticeSigner

Case = dict[str, Any]
FOLDER = Path(__file__).parents[3] / "vectors" / "ledger"
CASES: list[Case] = [
    case
    for file in sorted(FOLDER.glob("*.json"))
    # Leaf headers and key events are the domain's; what a witness decides has tests of its own.
    if not file.name.startswith(("leaf-", "documents", "succession", "witness"))
    for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
]


def of(*kinds: str) -> pytest.MarkDecorator:
    chosen = [pytest.param(case, id=case["id"]) for case in CASES if case["case"] in kinds]
    assert chosen
    return pytest.mark.parametrize("case", chosen)


def raw(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def fields_of(case: Case) -> list[tuple[str, bytes]]:
    return [(name, bytes.fromhex(value)) for name, value in case["fields"]]


def test_ids_are_given_once() -> None:
    """Each vector has an id of its own and is of a kind that a test below runs."""
    ids = [case["id"] for case in CASES]
    assert len(set(ids)) == len(ids) >= 70
    assert {case["case"] for case in CASES} == {
        *("root", "inclusion", "consistency", "bundle", "path", "partial"),
        *("refused_path", "refused_bundle", "key", "sign", "cosign", "note", "refused_note"),
        *("commit", "open", "refused_opening", "make", "refused_receipt"),
        # Run in tests/vectors, with every bit of them changed.
        *("proof", "refused_proof", "checkpoint", "refused_checkpoint"),
    }


@of("root")
def test_root(case: Case) -> None:
    """The root over the entries is the one stated."""
    assert tree_root(hash_leaves(raw(case["entries"]))).hex() == case["root"]


@of("inclusion")
def test_inclusion(case: Case) -> None:
    """The path proves the leaf, or is refused with the code stated."""
    leaf, root = bytes.fromhex(case["leaf_hash"]), bytes.fromhex(case["root"])
    place, path = (case["index"], case["size"]), raw(case["path"])
    if case["holds"]:
        verify_inclusion(leaf, *place, path, root)
        assert path_root(leaf, *place, path) == root
        return
    with pytest.raises(ComityError) as refused:
        verify_inclusion(leaf, *place, path, root)
    assert refused.value.code == case["code"]


@of("consistency")
def test_consistency(case: Case) -> None:
    """The proof shows that one tree continues the other, or is refused with the code stated."""
    old = case["size_old"], bytes.fromhex(case["root_old"])
    new = case["size"], bytes.fromhex(case["root"])
    proof = raw(case["proof"])
    if case["holds"]:
        verify_consistency(*old, *new, proof)
        check_consistency(*old, *new, proof)
        return
    with pytest.raises(ComityError) as refused:
        verify_consistency(*old, *new, proof)
    assert refused.value.code == case["code"]
    with pytest.raises(EvidenceError):
        check_consistency(*old, *new, proof)


@of("bundle")
def test_bundle(case: Case) -> None:
    """The entries make the bundle stated and are read back from it."""
    entries, bundle = raw(case["entries"]), bytes.fromhex(case["bundle"])
    assert encode_bundle(entries) == bundle
    assert decode_bundle(bundle, len(entries)) == entries


@of("path")
def test_path(case: Case) -> None:
    """The tile or bundle has the path stated."""
    if case["level"] == "entries":
        bundle = BundleId(index=case["index"], width=case["width"])
        assert (bundle_path(bundle), parse_tile_path(case["path"])) == (case["path"], bundle)
    else:
        tile = TileId(level=case["level"], index=case["index"], width=case["width"])
        assert (tile_path(tile), parse_tile_path(case["path"])) == (case["path"], tile)


@of("partial")
def test_partial_tiles(case: Case) -> None:
    """A tree of that size has exactly the partial tiles stated."""
    partial = [tile_path(tile) for tile in tiles_of(case["size"]) if tile.width < 256]
    assert partial == case["paths"]


@of("refused_path", "refused_bundle")
def test_refused_tile(case: Case) -> None:
    """The path or bundle is refused with the code stated."""
    if case["case"] == "refused_path":
        with pytest.raises(ComityError) as refused:
            parse_tile_path(case["path"])
    else:
        with pytest.raises(ComityError) as refused:
            decode_bundle(bytes.fromhex(case["bundle"]), case["width"])
    assert refused.value.code == case["code"]


@of("key")
def test_key(case: Case) -> None:
    """The seed's public key has the verifier key stated."""
    kind = KeyKind(case["kind"])
    key = PracticeSigner(case["name"], bytes.fromhex(case["seed"]), kind).key
    assert encode_vkey(key) == case["vkey"]
    assert parse_vkey(case["vkey"]) == key
    assert read_vkey(case["vkey"]).public_key == key.public_key


@of("sign")
def test_sign(case: Case) -> None:
    """The text signed by the seed's key is the note stated, byte for byte."""
    signer = PracticeSigner(case["name"], bytes.fromhex(case["seed"]))
    note = case["note"].encode()
    assert sign_note(case["text"].encode(), signer.key, signer) == note
    assert read_checkpoint(note, read_vkey(encode_vkey(signer.key))).origin == case["name"]


@of("cosign")
def test_cosign(case: Case) -> None:
    """The witness's line over the checkpoint is the one stated, byte for byte."""
    seed = bytes.fromhex(case["seed"])
    signer = PracticeSigner(case["name"], seed, KeyKind.COSIGNATURE)
    line = cosignature_line(case["text"].encode(), signer.key, signer, case["time"])
    assert line == case["line"].encode()


@of("note")
def test_note(case: Case) -> None:
    """The note is signed by exactly the keys stated, cosignatures at the times stated."""
    keys = [parse_vkey(vkey) for vkey in case["vkeys"]]
    verified = verify_note(case["note"].encode(), keys)
    assert {key.name: time_s for key, time_s in verified.signed_by} == case["signed_by"]


@of("refused_note")
def test_refused_note(case: Case) -> None:
    """The note is refused with the code stated."""
    keys = [parse_vkey(vkey) for vkey in case["vkeys"]]
    with pytest.raises(ComityError) as refused:
        verify_note(case["note"].encode(), keys)
    assert refused.value.code == case["code"]


@of("commit")
def test_commit(case: Case) -> None:
    """The fields under the key have the commitment stated."""
    assert commit(bytes.fromhex(case["key"]), fields_of(case)).hex() == case["commitment"]


@of("open")
def test_open(case: Case) -> None:
    """The opening of the names is the one stated and proves them, to writer and checker."""
    key, fields = bytes.fromhex(case["key"]), fields_of(case)
    opening = encode_opening(open_commitment(key, fields, case["names"]))
    assert opening.decode() == case["opening"]
    verify_opening(parse_opening(opening), commit(key, fields))
    assert set(check_opening(opening, commit(key, fields))) == set(case["names"])


@of("refused_opening")
def test_refused_opening(case: Case) -> None:
    """The opening is refused with the code stated, and by the checker."""
    data, commitment = case["opening"].encode(), bytes.fromhex(case["commitment"])
    with pytest.raises(ComityError) as refused:
        verify_opening(parse_opening(data), commitment)
    assert refused.value.code == case["code"]
    with pytest.raises((EvidenceError, EvidenceFormError)):
        check_opening(data, commitment)


@of("make")
def test_make_receipt(case: Case) -> None:
    """The batch is signed over the message stated and gives the receipt stated."""
    signer = PracticeSigner(case["host"], bytes.fromhex(case["seed"]))
    before = append(EMPTY_FRONTIER, hash_leaves(raw(case["entries_before"]))).frontier
    entries = raw(case["entries"])
    growth = append(before, hash_leaves(entries))
    heads = [Head(origin=o, size=s, root=bytes.fromhex(r)) for o, s, r in case["other_heads"]]
    head = Head(origin=case["origin"], size=growth.size, root=growth.root)
    batch = sign_batch(signer, signer.key, [*heads, head])
    receipts = make_receipts(batch, case["origin"], growth, hash_leaves(entries))
    assert signer.signed == [case["message"].encode()]
    receipt, entry = receipts[case["position"]], entries[case["position"]]
    assert encode_receipt(receipt).decode() == case["receipt"]
    verify_receipt(parse_receipt(case["receipt"].encode()), hash_leaf(entry), signer.key)
    assert check_receipt(case["receipt"].encode(), entry, read_vkey(case["vkey"])).root == head.root


@of("refused_receipt")
def test_refused_receipt(case: Case) -> None:
    """The receipt is refused with the code stated, and by the checker."""
    data, entry = case["receipt"].encode(), bytes.fromhex(case["entry"])
    with pytest.raises(ComityError) as refused:
        verify_receipt(parse_receipt(data), hash_leaf(entry), parse_vkey(case["vkey"]))
    assert refused.value.code == case["code"]
    with pytest.raises((EvidenceError, EvidenceFormError)):
        check_receipt(data, entry, read_vkey(case["vkey"]))
