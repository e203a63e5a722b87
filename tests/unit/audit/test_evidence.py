"""What the ledger wrote, receipts, proofs and openings, is checked by code that shares none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from comity.audit.evidence import ProvedLeaf, check_opening, check_receipt, check_tlog_proof
from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.notes import read_vkey
from comity.ledger.commitment import commit, encode_opening, open_commitment
from comity.ledger.note import cosignature_line, encode_vkey
from comity.ledger.proof import encode_tlog_proof
from comity.ledger.receipt import Head, encode_receipt, make_receipts, sign_batch
from comity.ledger.tree import EMPTY_FRONTIER, append, hash_leaves
from tests.support.ledger import (
    ORIGIN,
    NaiveTree,
    host_signer,
    leaves_of,
    ledger_signer,
    signed_checkpoint,
    witness_signer,
)

LEAVES = leaves_of(300)
NAIVE = NaiveTree(LEAVES)
HOST, LEDGER, WITNESS = host_signer(), ledger_signer(), witness_signer()
HOST_KEY = read_vkey(encode_vkey(HOST.key))
LEDGER_KEY = read_vkey(encode_vkey(LEDGER.key))
WITNESS_KEY = read_vkey(encode_vkey(WITNESS.key))

GROWTH = append(append(EMPTY_FRONTIER, NAIVE.leaves[:295]).frontier, NAIVE.leaves[295:])
HEADS = [Head(origin=o, size=GROWTH.size, root=GROWTH.root) for o in ("a/oh", ORIGIN, "z/wa")]
RECEIPT = encode_receipt(
    make_receipts(sign_batch(HOST, HOST.key, HEADS), ORIGIN, GROWTH, NAIVE.leaves[295:])[2]
)
CHECKPOINT = signed_checkpoint(LEAVES)
PROOF = encode_tlog_proof(297, NAIVE.path(297, 0, 300), CHECKPOINT)
PLACE = ProvedLeaf(origin=ORIGIN, index=297, size=300, root=NAIVE.root(300))
KEY = b"practice key of thirty-two bytes"
FIELDS = [("purpose", b"court"), ("case", b"PRACTICE-1"), ("name", b"practice")]
OPENING = encode_opening(open_commitment(KEY, FIELDS, ["purpose"]))
COMMITMENT = commit(KEY, FIELDS)


def rewritten(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a JSON document with one change, in the same compact form."""
    value = json.loads(data)
    change(value)
    return json.dumps(value, separators=(",", ":")).encode()


def test_receipt_is_proved() -> None:
    """A receipt that the ledger made leads the checker to the same place."""
    assert check_receipt(RECEIPT, LEAVES[297], HOST_KEY) == PLACE


def test_receipt_of_another_entry_or_host_is_refused() -> None:
    """A receipt proves its own entry, by its own host's key."""
    with pytest.raises(EvidenceError):
        check_receipt(RECEIPT, LEAVES[296], HOST_KEY)
    with pytest.raises(EvidenceError):
        check_receipt(RECEIPT, LEAVES[297], LEDGER_KEY)
    impostor = HOST_KEY._replace(public_key=LEDGER_KEY.public_key)
    with pytest.raises(EvidenceError):
        check_receipt(RECEIPT, LEAVES[297], impostor)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(v=True),
        lambda r: r.update(v=1.0),
        lambda r: r.update(v=2),
        lambda r: r.update(index=True),
        lambda r: r.update(index=-1),
        lambda r: r.update(index="297"),
        lambda r: r.update(size=2**48 + 1),
        lambda r: r.update(at=1_025),
        lambda r: r.update(origin="LOG.example/tx"),
        lambda r: r.update(origin=7),
        lambda r: r.update(path={}),
        lambda r: r["path"].append("AAAA"),
        lambda r: r["path"].append(7),
        lambda r: r.update(sig=r["sig"][:-4]),
        lambda r: r.update(sig="?" * 88),
        lambda r: r.update(more=1),
        lambda r: r.pop("heads"),
        lambda r: r.update(v=r.pop("v")),
    ],
)
def test_receipt_of_another_form_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    """Only the closed form of a receipt is read."""
    with pytest.raises(EvidenceFormError):
        check_receipt(rewritten(RECEIPT, change), LEAVES[297], HOST_KEY)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(index=296),
        lambda r: r.update(index=300),
        lambda r: r.update(size=299),
        lambda r: r.update(origin="log.example/oh"),
        lambda r: r.update(host="gw-austin-1"),
        lambda r: r.update(key="00000000"),
        lambda r: r.update(at=0),
        lambda r: r.update(heads_count=4),
        lambda r: r["path"].pop(),
        lambda r: r["path"].reverse(),
        lambda r: r["heads"].pop(),
    ],
)
def test_changed_receipt_proves_nothing(change: Callable[[dict[str, Any]], object]) -> None:
    """A well-formed receipt with one field changed leads nowhere."""
    with pytest.raises(EvidenceError):
        check_receipt(rewritten(RECEIPT, change), LEAVES[297], HOST_KEY)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 4_000, b" " * 4_097, RECEIPT + b" "])
def test_bytes_that_are_no_receipt_are_refused(data: bytes) -> None:
    """Neither other JSON, nor deep, long or padded bytes are read as a receipt."""
    with pytest.raises(EvidenceFormError):
        check_receipt(data, LEAVES[297], HOST_KEY)


def test_tlog_proof_is_proved() -> None:
    """A `.tlog-proof` of the ledger is proved offline, with the witnesses that are trusted."""
    place, head = check_tlog_proof(PROOF, LEAVES[297], LEDGER_KEY)
    assert place == PLACE
    assert head.witnessed == {}
    text = CHECKPOINT.split(b"\n\n")[0] + b"\n"
    cosigned = PROOF + cosignature_line(text, WITNESS.key, WITNESS, 1_800_000_000)
    _, head = check_tlog_proof(cosigned, LEAVES[297], LEDGER_KEY, [WITNESS_KEY])
    assert head.witnessed == {"witness.example/oh": 1_800_000_000}


def test_tlog_proof_with_extra_data_is_proved() -> None:
    """The optional line of extra data is read over, if it is base64."""
    extra = PROOF.replace(b"index", b"extra cHJhY3RpY2U=\nindex", 1)
    assert check_tlog_proof(extra, LEAVES[297], LEDGER_KEY)[0] == PLACE
    with pytest.raises(EvidenceFormError):
        check_tlog_proof(extra.replace(b"U=", b"V="), LEAVES[297], LEDGER_KEY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"index 297", b"index 296"),
        (b"index 297", b"index 300"),
        (b"\n300\n", b"\n301\n"),
        (b"log.example/tx\n", b"log.example/oh\n"),
    ],
)
def test_changed_tlog_proof_proves_nothing(old: bytes, new: bytes) -> None:
    """A proof with another index, size or origin is refused."""
    with pytest.raises(EvidenceError):
        check_tlog_proof(PROOF.replace(old, new), LEAVES[297], LEDGER_KEY)


def test_tlog_proof_of_another_entry_is_refused() -> None:
    """A proof is of the bytes that its holder has."""
    with pytest.raises(EvidenceError):
        check_tlog_proof(PROOF, LEAVES[296], LEDGER_KEY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"@v1", b"@v2"),
        (b"index 297", b"index 0297"),
        (b"index 297\n", b""),
        (b"\n\n", b"\n"),
        (b"\n\n", b"\nAAAA\n\n"),
        (b"\n\n", b"\n" + b"A" * 131_072 + b"\n\n"),
        (b"\n\n", b"\n\xff\n\n"),
    ],
)
def test_tlog_proof_of_another_form_is_refused(old: bytes, new: bytes) -> None:
    """Only the one form of a proof is read."""
    with pytest.raises(EvidenceFormError):
        check_tlog_proof(PROOF.replace(old, new, 1), LEAVES[297], LEDGER_KEY)


def test_opening_is_proved() -> None:
    """An opening shows its fields once it leads to the leaf's commitment."""
    assert check_opening(OPENING, COMMITMENT) == {"purpose": b"court"}


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o["fields"][0].update(value="Y291cnQh"),
        lambda o: o["fields"][0].update(name="purposes"),
        lambda o: o["fields"].reverse(),
        lambda o: o["fields"].pop(),
        lambda o: o["fields"].insert(0, o["fields"][0]),
    ],
)
def test_changed_opening_proves_nothing(change: Callable[[dict[str, Any]], object]) -> None:
    """An opening with another value, name or order leads to another commitment."""
    with pytest.raises(EvidenceError):
        check_opening(rewritten(OPENING, change), COMMITMENT)


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o.update(v=True),
        lambda o: o.update(fields={}),
        lambda o: o.update(fields=[o["fields"][1]] * 65),
        lambda o: o["fields"].append(7),
        lambda o: o["fields"].append("AAAA"),
        lambda o: o["fields"][0].pop("salt"),
        lambda o: o["fields"][0].update(salt="AAAA"),
        lambda o: o["fields"][0].update(name="Purpose"),
        lambda o: o["fields"][0].update(name=7),
    ],
)
def test_opening_of_another_form_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    """Only the closed form of an opening is read."""
    with pytest.raises(EvidenceFormError):
        check_opening(rewritten(OPENING, change), COMMITMENT)


@pytest.mark.parametrize("fields", [b'["\\ud800"]', b'["\\u0041"]', b'[{"\\udfff":1}]'])
def test_characters_spelled_out_are_refused(fields: bytes) -> None:
    """An escape is another form, also of half a character, which no UTF-8 can hold."""
    with pytest.raises(EvidenceFormError):
        check_opening(b'{"v":1,"fields":' + fields + b"}", COMMITMENT)


def test_leaf_hashes_are_those_of_the_writer() -> None:
    """The naive definition, the writer and the checker agree on what a leaf's hash is."""
    assert NAIVE.leaves == hash_leaves(LEAVES)
