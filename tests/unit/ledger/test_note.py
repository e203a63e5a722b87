"""Notes, keys, checkpoints and cosignatures have one form, and a bad signature is never ignored."""

from __future__ import annotations

import pytest

from comity.ledger.errors import (
    KeyFormError,
    NoteError,
    NoteUnverifiedError,
    SignatureError,
)
from comity.ledger.note import (
    NOTE_BYTES_MAX,
    KeyKind,
    checkpoint_text,
    cosignature_line,
    encode_vkey,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    sign_note,
    verifier_key,
    verify_checkpoint,
    verify_note,
)
from comity.ledger.tree import hash_leaves, tree_root
from tests.support.ledger import (
    ORIGIN,
    WITNESS_SEED,
    PracticeSigner,
    ledger_signer,
    witness_signer,
)

ROOT = tree_root(hash_leaves([b"a", b"b", b"c"]))
TEXT = checkpoint_text(ORIGIN, 3, ROOT)
LEDGER = ledger_signer()
WITNESS = witness_signer()
NOTE = sign_note(TEXT, LEDGER.key, LEDGER)
COSIGNED = NOTE + cosignature_line(TEXT, WITNESS.key, WITNESS, 1_761_234_567)


def test_vkey_round_trips_with_a_plus_in_its_base64() -> None:
    """A key's text is split at its first two pluses only."""
    for seed in range(64):
        key = PracticeSigner("ledger.example/oh", bytes([seed]) * 32).key
        assert parse_vkey(encode_vkey(key)) == key
    assert any("+" in encode_vkey(PracticeSigner("a", bytes([n]) * 32).key)[11:] for n in range(64))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log.example/tx",
        "log.example/tx+3d927cc5",
        encode_vkey(LEDGER.key).replace("3d927cc5", "3d927cc6"),
        encode_vkey(LEDGER.key).replace("3d927cc5", "3D927CC5"),
        encode_vkey(LEDGER.key).replace("tx+", "oh+"),
        encode_vkey(LEDGER.key)[:-1],
        encode_vkey(LEDGER.key) + "AAAA",
        encode_vkey(LEDGER.key) + "\n",
        "+3d927cc5+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "log.example/tx+3d927cc5+BoqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
    ],
)
def test_vkey_of_another_form_is_refused(text: str) -> None:
    """A key's text with a wrong id, an unknown type or another length is refused."""
    with pytest.raises(KeyFormError):
        parse_vkey(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2028b", "x" * 256])
def test_name_that_cannot_stand_in_a_note_is_refused(name: str) -> None:
    """Names are not empty and hold neither white space nor a plus."""
    with pytest.raises(KeyFormError):
        verifier_key(name, b"\x00" * 32)


def test_public_key_of_another_length_is_refused() -> None:
    """An Ed25519 public key is 32 bytes."""
    with pytest.raises(KeyFormError):
        verifier_key("log.example/tx", b"\x00" * 31)


def test_note_is_verified_by_the_keys_that_are_known() -> None:
    """Unknown signatures are ignored; known ones are reported, a witness's with its time."""
    assert verify_note(COSIGNED, [LEDGER.key]).signed_by == ((LEDGER.key, None),)
    both = verify_note(COSIGNED, [WITNESS.key, LEDGER.key])
    assert both.text == TEXT
    assert both.signed_by == ((LEDGER.key, None), (WITNESS.key, 1_761_234_567))


def test_note_without_a_known_key_is_refused() -> None:
    """A note that only strangers signed proves nothing."""
    with pytest.raises(NoteUnverifiedError):
        verify_note(NOTE, [WITNESS.key])
    with pytest.raises(NoteUnverifiedError):
        verify_note(NOTE, [])


def test_known_key_that_fails_refuses_the_note() -> None:
    """A bad line by a known key refuses the note, even beside a good one."""
    other = sign_note(checkpoint_text(ORIGIN, 4, ROOT), LEDGER.key, LEDGER)
    bad_line = other.split(b"\n\n")[1]
    for note in (NOTE + bad_line, TEXT + b"\n" + bad_line + NOTE.split(b"\n\n")[1]):
        with pytest.raises(SignatureError):
            verify_note(note, [LEDGER.key])
    changed_time = COSIGNED.replace(b"zwIhYQAAAABo", b"zwIhYQAAAABp")
    assert changed_time != COSIGNED
    with pytest.raises(SignatureError):
        verify_note(changed_time, [LEDGER.key, WITNESS.key])


def test_plain_signature_is_no_cosignature() -> None:
    """What a witness's key signed without a time is not taken for a cosignature."""
    plain = PracticeSigner(WITNESS.key.name, WITNESS_SEED)
    with pytest.raises(NoteUnverifiedError):
        verify_note(sign_note(TEXT, plain.key, plain), [WITNESS.key])


@pytest.mark.parametrize(
    "note",
    [
        b"",
        TEXT,
        NOTE[:-1],
        NOTE.replace("\u2014".encode(), b"-"),
        NOTE.replace(b"PZJ8", b"PZJ8 "),
        NOTE + b"\n",
        NOTE + "\u2014 x\n".encode(),
        NOTE + "\u2014 x PZJ8xQ==\n".encode(),
        NOTE + "\u2014 x PZJ8xapv4\n".encode(),
        NOTE.replace(b"\n3\n", b"\n3\r\n"),
        NOTE.replace(b"\n3\n", b"\n3\xff\n"),
        b"\n" + NOTE.split(b"\n\n")[1],
        NOTE + NOTE.split(b"\n\n")[1] * 64,
        NOTE + b"x" * NOTE_BYTES_MAX,
    ],
)
def test_note_of_another_form_is_refused(note: bytes) -> None:
    """A note with a malformed text, line or length is refused before any key is used."""
    with pytest.raises(NoteError):
        verify_note(note, [LEDGER.key])


def test_sixty_four_signatures_are_read() -> None:
    """A note may carry as many witnesses as the limit says."""
    line = NOTE.split(b"\n\n")[1]
    assert len(parse_note(NOTE + line * 63)[1]) == 64


def test_text_parts_at_the_last_empty_line() -> None:
    """A text may itself hold an empty line."""
    text = b"one\n\ntwo\n"
    note = sign_note(text, LEDGER.key, LEDGER)
    assert verify_note(note, [LEDGER.key]).text == text


@pytest.mark.parametrize("text", [b"", b"no newline", b"tab\there\n", b"\xff\n"])
def test_text_that_cannot_be_signed_is_refused(text: bytes) -> None:
    """Only lines of UTF-8 without control characters are signed."""
    with pytest.raises(NoteError):
        sign_note(text, LEDGER.key, LEDGER)


@pytest.mark.parametrize(
    "text",
    [
        TEXT[:-1],
        TEXT + b"extension\n",
        TEXT.replace(b"\n3\n", b"\n03\n"),
        TEXT.replace(b"\n3\n", b"\n-3\n"),
        TEXT.replace(b"\n3\n", b"\n\xd9\xa3\n"),
        TEXT.replace(b"\n3\n", b"\n281474976710657\n"),
        TEXT.replace(b"HsE=", b"HsF="),
        TEXT.replace(b"HsE=", b"Hg=="),
        TEXT.replace(b"log.example/tx", b""),
        TEXT.replace(b"log.example/tx", b"log example"),
    ],
)
def test_checkpoint_of_another_form_is_refused(text: bytes) -> None:
    """A checkpoint is three canonical lines, without extensions."""
    with pytest.raises(NoteError):
        parse_checkpoint(text)


def test_checkpoint_is_read_by_its_own_key() -> None:
    """A ledger's key vouches for its own origin and for no other."""
    checkpoint = verify_checkpoint(COSIGNED, LEDGER.key)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, 3, ROOT)
    foreign = sign_note(checkpoint_text("log.example/oh", 3, ROOT), LEDGER.key, LEDGER)
    with pytest.raises(NoteUnverifiedError):
        verify_checkpoint(foreign, LEDGER.key)


def test_witness_key_signs_no_note() -> None:
    """A witness's key is used for cosignatures only, a ledger's for notes only."""
    with pytest.raises(AssertionError):
        sign_note(TEXT, WITNESS.key, WITNESS)
    with pytest.raises(AssertionError):
        cosignature_line(TEXT, LEDGER.key, LEDGER, 1)
    assert WITNESS.key.kind is KeyKind.COSIGNATURE
