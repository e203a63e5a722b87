"""The checker reads keys and checkpoints by its own, equally strict, reading of C2SP."""

from __future__ import annotations

import pytest

from comity.audit.findings import EvidenceError, EvidenceFormError
from comity.audit.notes import read_checkpoint, read_vkey
from comity.ledger.note import checkpoint_text, cosignature_line, encode_vkey, sign_note
from comity.ledger.tree import hash_leaves, tree_root
from tests.support.ledger import (
    ORIGIN,
    WITNESS_SEED,
    PracticeSigner,
    ledger_signer,
    witness_signer,
)

LEDGER, WITNESS = ledger_signer(), witness_signer()
KEY = read_vkey(encode_vkey(LEDGER.key))
WITNESS_KEY = read_vkey(encode_vkey(WITNESS.key))
ROOT = tree_root(hash_leaves([b"a", b"b", b"c"]))
TEXT = checkpoint_text(ORIGIN, 3, ROOT)
NOTE = sign_note(TEXT, LEDGER.key, LEDGER)
LINE = NOTE.split(b"\n\n")[1]
COSIGNED = NOTE + cosignature_line(TEXT, WITNESS.key, WITNESS, 1_761_234_567)


def test_checkpoint_is_read() -> None:
    """A signed checkpoint gives its origin, size and root, and the trusted witnesses' times."""
    assert read_checkpoint(COSIGNED, KEY) == (ORIGIN, 3, ROOT, {})
    witnessed = read_checkpoint(COSIGNED, KEY, [WITNESS_KEY]).witnessed
    assert witnessed == {"witness.example/oh": 1_761_234_567}


def test_keys_are_read_as_they_were_written() -> None:
    """The checker reads every key that the writer writes, pluses in base64 included."""
    for seed in range(64):
        key = PracticeSigner("ledger.example/oh", bytes([seed]) * 32).key
        assert read_vkey(encode_vkey(key)) == (key.name, key.kind, key.public_key, key.key_id)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "log.example/tx+3d927cc5",
        "log.example/tx+3d927cc6+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "log.example/tx+3d927cc5+BoqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "log.example/tx+3d927cc5+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D2",
        "log example/tx+3d927cc5+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "log.example/tx+3d927cc5+====",
    ],
)
def test_key_of_another_form_is_refused(vkey: str) -> None:
    """A key with a wrong id, type or length is refused."""
    with pytest.raises(EvidenceFormError):
        read_vkey(vkey)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        TEXT,
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"\n3\n", b"\n03\n"),
        NOTE.replace(b"\n3\n", b"\n3\nextension\n"),
        NOTE.replace(b"log.", b"l\xffg."),
        NOTE.replace("\u2014".encode(), b"-"),
        NOTE + "\u2014 x AAAA\n".encode(),
        NOTE + "\u2014 x AAAAAB==\n".encode(),
        NOTE + LINE * 64,
        NOTE + b"x" * 65_536,
    ],
)
def test_checkpoint_of_another_form_is_refused(note: bytes) -> None:
    """A checkpoint has three canonical lines and well-formed signatures, within its limits."""
    with pytest.raises(EvidenceFormError):
        read_checkpoint(note, KEY)


@pytest.mark.parametrize(
    ("old", "new"), [(b"\n3\n", b"\n4\n"), (b"HsE=\n\n", b"HsF=\n\n"), (b"PZJ8xapv", b"PZJ8xaqv")]
)
def test_changed_checkpoint_is_refused(old: bytes, new: bytes) -> None:
    """A checkpoint with another size, root or signature is not the one that was signed."""
    with pytest.raises(EvidenceError):
        read_checkpoint(NOTE.replace(old, new), KEY)


def test_size_beyond_the_largest_tree_is_refused() -> None:
    """A signed size that no tree can have is refused."""
    note = sign_note(checkpoint_text(ORIGIN, 2**48 + 1, ROOT), LEDGER.key, LEDGER)
    with pytest.raises(EvidenceFormError):
        read_checkpoint(note, KEY)


def test_only_the_ledgers_own_key_vouches_for_it() -> None:
    """A witness, a stranger, or the ledger under another origin signs no checkpoint of it."""
    witness = PracticeSigner(WITNESS.key.name, WITNESS_SEED)
    plain = read_vkey(encode_vkey(witness.key))
    with pytest.raises(EvidenceError):
        read_checkpoint(NOTE, plain)
    with pytest.raises(EvidenceError):
        read_checkpoint(sign_note(TEXT, witness.key, witness), plain)
    with pytest.raises(EvidenceError):
        read_checkpoint(COSIGNED, WITNESS_KEY)
    elsewhere = sign_note(checkpoint_text("log.example/oh", 3, ROOT), LEDGER.key, LEDGER)
    with pytest.raises(EvidenceError):
        read_checkpoint(elsewhere, KEY)


def test_trusted_key_that_fails_refuses_the_checkpoint() -> None:
    """A bad line by a trusted key is never ignored, a bad line by a stranger is."""
    other = sign_note(checkpoint_text(ORIGIN, 4, ROOT), LEDGER.key, LEDGER)
    with pytest.raises(EvidenceError):
        read_checkpoint(NOTE + other.split(b"\n\n")[1], KEY)
    late = COSIGNED.replace(b"zwIhYQAAAABo", b"zwIhYQAAAABp")
    assert read_checkpoint(late, KEY).size == 3
    with pytest.raises(EvidenceError):
        read_checkpoint(late, KEY, [WITNESS_KEY])
