"""Every format is read back as it was written, and a change of one bit is never accepted."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.audit.evidence import check_opening, check_receipt, check_tlog_proof
from comity.audit.findings import EvidenceError, EvidenceFormError
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
    Checkpoint,
    checkpoint_text,
    encode_vkey,
    parse_checkpoint,
    parse_vkey,
    verify_checkpoint,
)
from comity.ledger.proof import encode_tlog_proof
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
)
from comity.ledger.tree import EMPTY_FRONTIER, append, hash_leaf
from tests.support.ledger import (
    ORIGIN,
    NaiveTree,
    host_signer,
    leaves_of,
    ledger_signer,
    signed_checkpoint,
)

HOST, LEDGER = host_signer(), ledger_signer()
HOST_KEY, LEDGER_KEY = read_vkey(encode_vkey(HOST.key)), read_vkey(encode_vkey(LEDGER.key))
LEAVES = leaves_of(40)
NAIVE = NaiveTree(LEAVES)
GROWTH = append(append(EMPTY_FRONTIER, NAIVE.leaves[:33]).frontier, NAIVE.leaves[33:])
HEADS = [Head(origin=o, size=GROWTH.size, root=GROWTH.root) for o in ("a/oh", ORIGIN, "z/wa")]
BATCH = sign_batch(HOST, HOST.key, HEADS)
RECEIPT = encode_receipt(make_receipts(BATCH, ORIGIN, GROWTH, NAIVE.leaves[33:])[2])
CHECKPOINT = signed_checkpoint(LEAVES)
PROOF = encode_tlog_proof(35, NAIVE.path(35, 0, 40), CHECKPOINT)
KEY = b"practice key of thirty-two bytes"
FIELDS = [("purpose", b"court"), ("case", b"PRACTICE-1"), ("name", b"practice")]
OPENING = encode_opening(open_commitment(KEY, FIELDS, ["purpose", "name"]))
COMMITMENT = commit(KEY, FIELDS)

names = st.from_regex(r"[a-z][a-z0-9_.]{0,63}", fullmatch=True)
entries = st.binary(max_size=300)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_receipt_with_one_bit_changed_is_refused() -> None:
    """No bit of a receipt can be changed: writer and checker both refuse it."""
    for bit in range(len(RECEIPT) * 8):
        wrong = flipped(RECEIPT, bit)
        with pytest.raises(ComityError):
            verify_receipt(parse_receipt(wrong), NAIVE.leaves[35], HOST.key)
        with pytest.raises((EvidenceError, EvidenceFormError)):
            check_receipt(wrong, LEAVES[35], HOST_KEY)


def test_receipt_of_a_leaf_with_one_bit_changed_is_refused() -> None:
    """A receipt proves exactly the bytes of its leaf."""
    for bit in range(len(LEAVES[35]) * 8):
        wrong = flipped(LEAVES[35], bit)
        with pytest.raises(ComityError):
            verify_receipt(parse_receipt(RECEIPT), hash_leaf(wrong), HOST.key)
        with pytest.raises(EvidenceError):
            check_receipt(RECEIPT, wrong, HOST_KEY)


def test_tlog_proof_with_one_bit_changed_is_refused() -> None:
    """No bit of a `.tlog-proof` can be changed."""
    for bit in range(len(PROOF) * 8):
        with pytest.raises((EvidenceError, EvidenceFormError)):
            check_tlog_proof(flipped(PROOF, bit), LEAVES[35], LEDGER_KEY)


def test_checkpoint_with_one_bit_changed_is_refused() -> None:
    """No bit of a checkpoint can be changed: writer and checker both refuse it."""
    for bit in range(len(CHECKPOINT) * 8):
        wrong = flipped(CHECKPOINT, bit)
        with pytest.raises(ComityError):
            verify_checkpoint(wrong, LEDGER.key)
        with pytest.raises((EvidenceError, EvidenceFormError)):
            read_checkpoint(wrong, LEDGER_KEY)


def test_opening_with_one_bit_changed_is_refused() -> None:
    """No bit of an opening can be changed: writer and checker both refuse it."""
    for bit in range(len(OPENING) * 8):
        wrong = flipped(OPENING, bit)
        with pytest.raises(ComityError):
            verify_opening(parse_opening(wrong), COMMITMENT)
        with pytest.raises((EvidenceError, EvidenceFormError)):
            check_opening(wrong, COMMITMENT)


@given(st.data(), st.lists(names, max_size=20, unique=True), st.binary(min_size=32, max_size=32))
def test_any_subset_can_be_opened(data: st.DataObject, field_names: list[str], key: bytes) -> None:
    """Any subset of any record's fields opens, for writer and checker alike, and shows no other."""
    fields = [(name, data.draw(entries)) for name in field_names]
    shown = data.draw(st.sets(st.sampled_from(field_names))) if field_names else set()
    encoded = encode_opening(open_commitment(key, fields, shown))
    opening = parse_opening(encoded)
    verify_opening(opening, commit(key, fields))
    expected = {name: value for name, value in fields if name in shown}
    assert opening.values() == check_opening(encoded, commit(key, fields)) == expected
    told = b"".join(value for name, value in fields if name in shown)
    for name, value in fields:
        # What is shown under another name may be, or hold, the same bytes.
        if name not in shown and len(value) > 8 and value not in told:
            assert b64encode(value) not in encoded


@given(st.lists(entries, min_size=1, max_size=256))
def test_bundle_round_trips(written: list[bytes]) -> None:
    """A bundle is read back as it was written."""
    assert decode_bundle(encode_bundle(written), len(written)) == written


@given(st.integers(0, 5), st.integers(0, 2**40 - 1), st.integers(1, 256))
def test_tile_path_round_trips(level: int, index: int, width: int) -> None:
    """Every tile and bundle has one path, which is read back as it."""
    tile = TileId(level=level, index=index, width=width)
    bundle = BundleId(index=index, width=width)
    assert parse_tile_path(tile_path(tile)) == tile
    assert parse_tile_path(bundle_path(bundle)) == bundle


@given(st.text(max_size=40))
def test_path_that_is_read_is_canonical(path: str) -> None:
    """Whatever is read as a path is written as the same path."""
    try:
        tile = parse_tile_path(f"tile/{path}")
    except ComityError:
        return
    written = bundle_path(tile) if isinstance(tile, BundleId) else tile_path(tile)
    assert written == f"tile/{path}"


@given(st.from_regex(r"[a-z0-9.-]{1,40}/[a-z]{2}", fullmatch=True), st.integers(0, 2**48))
def test_checkpoint_text_round_trips(origin: str, size: int) -> None:
    """A checkpoint's text is read back as what it commits to."""
    root = hash_leaf(origin.encode())
    expected = Checkpoint(origin=origin, size=size, root=root)
    assert parse_checkpoint(checkpoint_text(origin, size, root)) == expected


@given(st.binary(max_size=400))
def test_parsers_refuse_with_a_named_error(data: bytes) -> None:
    """Arbitrary bytes end in a named error, never in another one."""
    readers = (
        parse_receipt,
        parse_opening,
        parse_checkpoint,
        lambda d: decode_bundle(d, 256),
        lambda d: parse_vkey(d.decode("latin-1")),
        lambda d: verify_checkpoint(d, LEDGER.key),
        lambda d: check_receipt(d, b"", HOST_KEY),
        lambda d: check_opening(d, b""),
        lambda d: check_tlog_proof(d, b"", LEDGER_KEY),
        lambda d: read_vkey(d.decode("latin-1")),
        lambda d: read_checkpoint(d, LEDGER_KEY),
    )
    for read in readers:
        with pytest.raises(ComityError):
            read(data)
