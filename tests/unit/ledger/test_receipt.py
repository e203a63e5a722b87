"""A receipt proves one leaf under its host's batch signature and shows no other ledger."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import msgspec
import pytest

from comity.ledger.errors import (
    ProofError,
    ProofLengthError,
    ReceiptError,
    ReceiptKeyError,
    SignatureError,
)
from comity.ledger.note import KeyKind, checkpoint_text, verifier_key
from comity.ledger.receipt import (
    HEADS_MAX,
    RECEIPT_BYTES_MAX,
    BatchSignature,
    Head,
    LedgerReceipt,
    encode_receipt,
    make_receipt,
    make_receipts,
    parse_receipt,
    sign_batch,
    verify_receipt,
    verify_receipts,
)
from comity.ledger.tree import EMPTY_FRONTIER, Growth, append, hash_leaves
from tests.support.ledger import (
    HOST_SEED,
    NaiveTree,
    PracticeSigner,
    entries_of,
    host_signer,
    ledger_signer,
)

HOST = host_signer()
BEFORE = append(EMPTY_FRONTIER, hash_leaves(entries_of(300))).frontier
LEAVES = hash_leaves([b"new %d" % number for number in range(5)])
GROWTH = append(BEFORE, LEAVES)
ORIGINS = ["ledger.example/oh", "ledger.example/tx", "ledger.example/wa"]


def batch_of(growths: dict[str, Growth]) -> BatchSignature:
    heads = [Head(origin=o, size=g.size, root=g.root) for o, g in growths.items()]
    return sign_batch(HOST, HOST.key, heads)


BATCH = batch_of(dict.fromkeys(reversed(ORIGINS), GROWTH))
RECEIPTS = make_receipts(BATCH, ORIGINS[1], GROWTH, LEAVES)


def changed(receipt: LedgerReceipt, **fields: object) -> LedgerReceipt:
    return msgspec.structs.replace(receipt, **fields)


def test_every_leaf_of_a_batch_gets_a_receipt() -> None:
    """The receipts of a batch carry its indexes in order and verify one by one."""
    assert [r.index for r in RECEIPTS] == [300, 301, 302, 303, 304]
    for receipt, leaf in zip(RECEIPTS, LEAVES, strict=True):
        verify_receipt(receipt, leaf, HOST.key)
        assert parse_receipt(encode_receipt(receipt)) == receipt


def test_one_signature_covers_the_batch() -> None:
    """A host signs once, over the root of the heads sorted by origin, each a checkpoint's text."""
    signer = host_signer()
    heads = [Head(origin=o, size=GROWTH.size, root=GROWTH.root) for o in ("b/x", "a/y", "c/z")]
    sign_batch(signer, signer.key, heads)
    texts = [checkpoint_text(o, GROWTH.size, GROWTH.root) for o in ("a/y", "b/x", "c/z")]
    root = b64encode(NaiveTree(texts).root(3))
    assert signer.signed == [b"comity/batch/v1\ngw-columbus-1\n3\n" + root + b"\n"]


def test_receipt_shows_hashes_only_of_other_ledgers() -> None:
    """Neither the name nor the size nor the root of another member's ledger is in a receipt."""
    data = encode_receipt(RECEIPTS[0])
    assert b"/tx" in data
    for origin in (ORIGINS[0], ORIGINS[2]):
        head = checkpoint_text(origin, GROWTH.size, GROWTH.root)
        assert origin.encode() not in data
        assert head not in data
    assert RECEIPTS[0].heads_count == 3
    assert len(RECEIPTS[0].heads) == 2


def test_batch_of_one_ledger_has_no_heads_path() -> None:
    """A host with one ledger signs that ledger's head alone."""
    batch = batch_of({ORIGINS[0]: GROWTH})
    receipt = make_receipts(batch, ORIGINS[0], GROWTH, LEAVES)[4]
    assert (receipt.at, receipt.heads_count, receipt.heads) == (0, 1, ())
    verify_receipt(receipt, LEAVES[4], HOST.key)


def test_first_leaf_of_a_ledger_has_a_receipt() -> None:
    """A ledger's very first leaf is its own root."""
    growth = append(EMPTY_FRONTIER, LEAVES[:1])
    receipt = make_receipts(batch_of({ORIGINS[0]: growth}), ORIGINS[0], growth, LEAVES[:1])[0]
    assert (receipt.index, receipt.size, receipt.path) == (0, 1, ())
    verify_receipt(receipt, LEAVES[0], HOST.key)


def test_receipts_are_made_of_the_signed_head_only() -> None:
    """Growth that does not lead to the head that was signed gets no receipt."""
    other = append(BEFORE, LEAVES[:4])
    with pytest.raises(ReceiptError):
        make_receipts(BATCH, ORIGINS[1], other, LEAVES[:4])


def test_earlier_leaf_gets_a_receipt_under_the_present_head() -> None:
    """A leaf of an earlier batch is proved by its path in the tree whose head was signed."""
    naive = NaiveTree([*entries_of(300), *(b"new %d" % number for number in range(5))])
    path = naive.path(7, 0, 305)
    receipt = make_receipt(BATCH, ORIGINS[1], 7, naive.leaves[7], path)
    assert (receipt.index, receipt.size) == (7, 305)
    verify_receipt(receipt, naive.leaves[7], HOST.key)
    assert make_receipt(BATCH, ORIGINS[1], 302, LEAVES[2], naive.path(302, 0, 305)) == RECEIPTS[2]


def test_earlier_leaf_without_its_path_gets_no_receipt() -> None:
    """A path that does not lead to the signed head makes no receipt."""
    naive = NaiveTree(entries_of(300))
    for size in (300, 256):
        with pytest.raises((ReceiptError, ProofError)):
            make_receipt(BATCH, ORIGINS[1], 7, naive.leaves[7], naive.path(7, 0, size))
    with pytest.raises(ReceiptError):
        make_receipt(BATCH, ORIGINS[1], 302, LEAVES[1], RECEIPTS[2].path)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"origin": "ledger.example/oh"}, SignatureError),
        ({"index": 301}, SignatureError),
        ({"index": 305}, ProofError),
        ({"leaf": bytes(32)}, ProofError),
        ({"size": 306}, SignatureError),
        ({"size": 2**40}, ProofLengthError),
        ({"path": RECEIPTS[0].path[:-1]}, ProofLengthError),
        ({"path": (*RECEIPTS[0].path, bytes(32))}, ProofLengthError),
        ({"path": RECEIPTS[0].path[::-1]}, SignatureError),
        ({"at": 0}, SignatureError),
        ({"at": 3}, ProofError),
        ({"heads_count": 4}, SignatureError),
        ({"heads_count": 2}, ProofLengthError),
        ({"heads": ()}, ProofLengthError),
        ({"host": "gw-austin-1"}, ReceiptKeyError),
        ({"key": "00000000"}, ReceiptKeyError),
        ({"sig": bytes(64)}, SignatureError),
    ],
)
def test_changed_receipt_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    """No field of a receipt can be changed without losing its proof."""
    with pytest.raises(error):
        verify_receipt(changed(RECEIPTS[0], **change), LEAVES[0], HOST.key)


def test_receipt_of_another_leaf_is_refused() -> None:
    """A receipt vouches for the bytes that its holder has, not for those it names."""
    with pytest.raises(ProofError):
        verify_receipt(RECEIPTS[0], LEAVES[1], HOST.key)


def test_receipt_by_another_key_of_the_host_is_refused() -> None:
    """A host's new key does not vouch for what its old key signed."""
    newer = PracticeSigner(HOST.key.name, b"\x09" * 32)
    with pytest.raises(ReceiptKeyError):
        verify_receipt(RECEIPTS[0], LEAVES[0], newer.key)
    with pytest.raises(SignatureError):
        verify_receipt(changed(RECEIPTS[0], key=newer.key.key_id.hex()), LEAVES[0], newer.key)


def test_many_receipts_are_refused_for_one() -> None:
    """Receipts checked together are as strict as one by one, each signature included."""
    pairs = list(zip(RECEIPTS, LEAVES, strict=True))
    verify_receipts(pairs, HOST.key)
    forged = changed(RECEIPTS[3], sig=bytes(64))
    with pytest.raises(SignatureError):
        verify_receipts([*pairs, (forged, LEAVES[3])], HOST.key)


@pytest.mark.parametrize("heads", [[], ["a/b", "a/b"], ["A/b"], ["a b"], ["a\n1"], [""]])
def test_batch_that_cannot_be_signed_is_refused(heads: list[str]) -> None:
    """Nothing is signed without heads, with one origin twice, or with a malformed origin."""
    signer = host_signer()
    with pytest.raises(ReceiptError):
        sign_batch(signer, signer.key, [Head(origin=o, size=1, root=bytes(32)) for o in heads])
    assert signer.signed == []


@pytest.mark.parametrize("name", ["7", "123", "Host", "gw.columbus", "x" * 33])
def test_host_name_is_never_a_number(name: str) -> None:
    """What a host signs can never be read as the checkpoint of a ledger."""
    signer = PracticeSigner(name, HOST_SEED)
    with pytest.raises(ReceiptError):
        sign_batch(signer, signer.key, [Head(origin="a/b", size=1, root=bytes(32))])


def test_ledger_key_of_another_kind_signs_no_batch() -> None:
    """A witness's key signs no batch."""
    key = verifier_key("gw-columbus-1", ledger_signer().key.public_key, KeyKind.COSIGNATURE)
    with pytest.raises(ReceiptError):
        sign_batch(HOST, key, [Head(origin="a/b", size=1, root=bytes(32))])


def test_batch_has_a_limit() -> None:
    """1,024 heads are signed and one more is not."""
    heads = [Head(origin=f"a/{n}", size=1, root=bytes(32)) for n in range(HEADS_MAX + 1)]
    assert sign_batch(HOST, HOST.key, heads[:-1]).heads_count == HEADS_MAX
    with pytest.raises(ReceiptError):
        sign_batch(HOST, HOST.key, heads)


def test_largest_receipt_keeps_within_the_limit() -> None:
    """A receipt with every field at its longest can be read."""
    largest = changed(
        RECEIPTS[0],
        origin="a" * 255,
        index=2**48 - 1,
        size=2**48,
        path=(bytes(32),) * 48,
        at=1_023,
        heads_count=1_024,
        heads=(bytes(32),) * 10,
        host="h" * 32,
    )
    data = encode_receipt(largest)
    assert len(data) <= RECEIPT_BYTES_MAX
    assert parse_receipt(data) == largest


GOOD = encode_receipt(RECEIPTS[0])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        GOOD[:-1],
        GOOD + b"\n",
        GOOD.replace(b'"v":1', b'"v":2'),
        GOOD.replace(b'"v":1', b'"v":1.0'),
        GOOD.replace(b'"v":1,', b""),
        GOOD.replace(b'"v":1,', b'"v": 1,'),
        GOOD.replace(b'"v":1,', b'"v":1,"v":1,'),
        GOOD.replace(b'"v":1,', b'"v":1,"more":1,'),
        GOOD.replace(b'"index":300', b'"index":-1'),
        GOOD.replace(b'"index":300', b'"index":"300"'),
        GOOD.replace(b'"index":300', b'"index":3e2'),
        GOOD.replace(b'"origin":"ledger', b'"origin":"\\u006cedger'),
        GOOD.replace(b'"origin":"ledger', b'"origin":"LEDGER'),
        GOOD.replace(b'tx"', b'tx\\n"'),
        GOOD.replace(b'gw-columbus-1"', b'gw-columbus-1\\n"'),
        GOOD.replace(b'"at":1', b'"at":1024'),
        GOOD.replace(b'"sig":"', b'"sig":"AAAA'),
        GOOD + b" " * RECEIPT_BYTES_MAX,
    ],
)
def test_receipt_of_another_form_is_refused(data: bytes) -> None:
    """Only the one canonical form of a receipt is read."""
    assert data != GOOD
    with pytest.raises(ReceiptError):
        parse_receipt(data)


def test_key_id_is_that_of_a_note_key() -> None:
    """A host's key id is formed as the signed-note specification forms it."""
    typed = b"gw-columbus-1\n\x01" + HOST.key.public_key
    assert RECEIPTS[0].key == sha256(typed).hexdigest()[:8]
