"""The vectors of proofs and checkpoints hold for the checker, and with any one bit changed do not.

The other cases of vectors/ledger/ are run, against writer and checker, in tests/unit/ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comity.audit.evidence import check_opening, check_receipt, check_tlog_proof
from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.hashing import check_consistency, path_root
from comity.audit.notes import read_checkpoint, read_vkey
from comity.audit.places import tile_path
from comity.domain.errors import ComityError
from comity.ledger.note import parse_vkey, verify_checkpoint
from comity.ledger.proof import verify_consistency, verify_inclusion

Case = dict[str, Any]
FOLDER = Path(__file__).parents[2] / "vectors" / "ledger"
CASES: list[Case] = [
    case
    for file in sorted(FOLDER.glob("*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))["cases"]
]


def of(kind: str) -> pytest.MarkDecorator:
    chosen = [
        pytest.param(case, id=case["id"])
        for case in CASES
        if case["case"] == kind and case.get("holds", True)
    ]
    assert chosen
    return pytest.mark.parametrize("case", chosen)


def flipped(data: bytes) -> Iterator[bytes]:
    """Yield the bytes with each one bit changed."""
    for bit in range(len(data) * 8):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        yield bytes(altered)


def hashes(data: bytes) -> list[bytes]:
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def test_every_id_is_given_once() -> None:
    """No two vectors of the ledger share an id."""
    ids = [case["id"] for case in CASES]
    assert len(set(ids)) == len(ids) >= 190


@of("inclusion")
def test_inclusion_with_one_bit_changed(case: Case) -> None:
    """With any bit of leaf, path or root changed, neither program takes the proof."""
    parts = [case["leaf_hash"], case["root"], *case["path"]]
    for data in flipped(bytes.fromhex("".join(parts))):
        leaf, root, *path = hashes(data)
        assert path_root(leaf, case["index"], case["size"], path) != root
        with pytest.raises(ComityError):
            verify_inclusion(leaf, case["index"], case["size"], path, root)


@of("consistency")
def test_consistency_with_one_bit_changed(case: Case) -> None:
    """With any bit of proof or roots changed, neither program takes the proof."""
    old, new = case["size_old"], case["size"]
    parts = [case["root_old"], case["root"], *case["proof"]]
    for data in flipped(bytes.fromhex("".join(parts))):
        root_old, root, *proof = hashes(data)
        if old == 0 and root_old.hex() == case["root_old"]:
            continue  # any tree continues the empty one
        with pytest.raises(EvidenceError):
            check_consistency(old, root_old, new, root, proof)
        with pytest.raises(ComityError):
            verify_consistency(old, root_old, new, root, proof)


@of("proof")
def test_proof(case: Case) -> None:
    """The entry is proved, and by a file with any bit changed never at another place."""
    key, entry, data = read_vkey(case["vkey"]), bytes.fromhex(case["entry"]), case["proof"].encode()
    proved, head = check_tlog_proof(data, entry, key)
    assert (proved.index, proved.size, head.size) == (case["index"], case["size"], case["size"])
    for altered in flipped(data):
        try:
            found, _ = check_tlog_proof(altered, entry, key)
        except (EvidenceError, EvidenceFormError):
            continue
        assert found == proved


@of("refused_proof")
def test_refused_proof(case: Case) -> None:
    """The file proves nothing of the entry."""
    entry, data = bytes.fromhex(case["entry"]), case["proof"].encode()
    with pytest.raises((EvidenceError, EvidenceFormError)):
        check_tlog_proof(data, entry, read_vkey(case["vkey"]))


@of("checkpoint")
def test_checkpoint(case: Case) -> None:
    """The checkpoint is read by both programs, and with any bit changed by neither."""
    note, key = case["note"].encode(), read_vkey(case["vkey"])
    head = read_checkpoint(note, key)
    assert (head.origin, head.size, head.root.hex()) == (
        case["origin"],
        case["size"],
        case["root"],
    )
    assert verify_checkpoint(note, parse_vkey(case["vkey"])).size == case["size"]
    for altered in flipped(note):
        with pytest.raises((EvidenceError, EvidenceFormError)):
            read_checkpoint(altered, key)
        with pytest.raises(ComityError):
            verify_checkpoint(altered, parse_vkey(case["vkey"]))


@of("refused_checkpoint")
def test_refused_checkpoint(case: Case) -> None:
    """The note is no checkpoint of this ledger, to either program."""
    note = case["note"].encode()
    with pytest.raises((EvidenceError, EvidenceFormError)):
        read_checkpoint(note, read_vkey(case["vkey"]))
    with pytest.raises(ComityError):
        verify_checkpoint(note, parse_vkey(case["vkey"]))


@of("path")
def test_path(case: Case) -> None:
    """The checker asks for tiles and bundles where they are served."""
    assert tile_path(str(case["level"]), case["index"], case["width"]) == case["path"]


@of("make")
def test_receipt_with_one_bit_changed(case: Case) -> None:
    """With any bit of a receipt changed it proves nothing."""
    entry, key = bytes.fromhex(case["entries"][case["position"]]), read_vkey(case["vkey"])
    for altered in flipped(case["receipt"].encode()):
        with pytest.raises((EvidenceError, EvidenceFormError)):
            check_receipt(altered, entry, key)


@of("open")
def test_opening_with_one_bit_changed(case: Case) -> None:
    """With any bit of an opening changed it leads to no commitment."""
    committed = [
        row for row in CASES if row["case"] == "commit" and row["fields"] == case["fields"]
    ]
    commitment = bytes.fromhex(committed[0]["commitment"])
    check_opening(case["opening"].encode(), commitment)
    for altered in flipped(case["opening"].encode()):
        with pytest.raises((EvidenceError, EvidenceFormError)):
            check_opening(altered, commitment)
