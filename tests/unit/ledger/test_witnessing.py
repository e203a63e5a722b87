"""Cosignatures, quorum files and requests at their limits, and what a witness keeps."""

from __future__ import annotations

import pytest

from comity.audit.findings import EvidenceError
from comity.audit.notes import read_vkey
from comity.audit.witnesses import check_quorum, read_quorum
from comity.ledger.cosignature import (
    COSIGNED_AT_MAX,
    add_cosignatures,
    read_cosignatures,
    take_cosignatures,
)
from comity.ledger.errors import (
    NoteError,
    QuorumFileError,
    SignatureError,
    WitnessRequestError,
)
from comity.ledger.note import (
    KeyKind,
    checkpoint_text,
    cosignature_line,
    encode_vkey,
    sign_note,
    verify_checkpoint,
)
from comity.ledger.quorum import (
    QUORUM_FILE_BYTES_MAX,
    QUORUM_GROUPS_MAX,
    QUORUM_LEDGERS_MAX,
    QUORUM_WITNESSES_MAX,
    parse_quorum_file,
)
from comity.ledger.witnessing import (
    WITNESS_REQUEST_BYTES_MAX,
    WitnessKey,
    WitnessStatus,
    decide,
    encode_add_checkpoint,
    origin_id,
    parse_add_checkpoint,
    parse_size,
)
from tests.support.ledger import (
    ORIGIN,
    NaiveTree,
    PracticeSigner,
    entries_of,
    ledger_signer,
    witness_signer,
)

LEDGER, WITNESS = ledger_signer(), witness_signer()
OTHER = PracticeSigner("witness.example/nv", b"\x05" * 32, KeyKind.COSIGNATURE)
KEY = WitnessKey(key=WITNESS.key, signer=WITNESS)
TREE = NaiveTree(entries_of(20))
TEXT = checkpoint_text(ORIGIN, 3, TREE.root(3))
NOTE = sign_note(TEXT, LEDGER.key, LEDGER)
NOW = 1_795_500_000


def line_of(signer: PracticeSigner, text: bytes = TEXT, time_s: int = NOW) -> bytes:
    return cosignature_line(text, signer.key, signer, time_s)


def test_known_witnesses_are_taken_and_strangers_left() -> None:
    """Lines come back by name, rewritten, each with its time; a stranger's is no reason to fail."""
    lines = line_of(WITNESS) + line_of(OTHER)
    taken = take_cosignatures(TEXT, lines, [WITNESS.key, OTHER.key, LEDGER.key])
    assert [(one.key, one.time_s) for one in taken] == [(OTHER.key, NOW), (WITNESS.key, NOW)]
    assert [one.line for one in taken] == [line_of(OTHER), line_of(WITNESS)]
    assert [one.key for one in take_cosignatures(TEXT, lines, [OTHER.key])] == [OTHER.key]
    assert take_cosignatures(TEXT, lines, []) == ()
    assert read_cosignatures(NOTE, [WITNESS.key]) == ()


def test_witness_that_signed_another_text_is_refused() -> None:
    """A known witness's line over another head refuses everything that came with it."""
    wrong = line_of(WITNESS, checkpoint_text(ORIGIN, 4, TREE.root(4)))
    with pytest.raises(SignatureError):
        take_cosignatures(TEXT, line_of(OTHER) + wrong, [WITNESS.key, OTHER.key])
    with pytest.raises(NoteError):
        take_cosignatures(TEXT, b"no line\n", [WITNESS.key])
    with pytest.raises(NoteError):
        take_cosignatures(TEXT, b"", [WITNESS.key])


def test_time_of_a_cosignature_has_a_limit() -> None:
    """The latest time is taken, one second later refused, by writer and checker."""
    quorum = read_quorum(f"witness W {encode_vkey(WITNESS.key)}\nquorum W\n".encode())
    ledger = read_vkey(encode_vkey(LEDGER.key))
    last = NOTE + line_of(WITNESS, time_s=COSIGNED_AT_MAX)
    assert read_cosignatures(last, [WITNESS.key])[0].time_s == COSIGNED_AT_MAX
    assert check_quorum(last, ledger, quorum).is_satisfied
    beyond = NOTE + line_of(WITNESS, time_s=COSIGNED_AT_MAX + 1)
    with pytest.raises(SignatureError):
        read_cosignatures(beyond, [WITNESS.key])
    with pytest.raises(EvidenceError):
        check_quorum(beyond, ledger, quorum)


def test_cosignatures_are_added_once() -> None:
    """A note gets further lines behind its own, and none a second time."""
    lines = [line_of(OTHER), line_of(WITNESS)]
    note = add_cosignatures(NOTE, lines)
    assert note == NOTE + b"".join(lines)
    assert add_cosignatures(note, lines) == note
    assert verify_checkpoint(note, LEDGER.key).size == 3


def test_two_witnesses_of_one_name_count_apart() -> None:
    """The checker knows a witness by its key, also where two have one name in their notes."""
    twin = PracticeSigner(WITNESS.key.name, b"\x06" * 32, KeyKind.COSIGNATURE)
    file = (
        f"witness A {encode_vkey(WITNESS.key)}\nwitness B {encode_vkey(twin.key)}\n"
        "group both all A B\nquorum both\n"
    ).encode()
    ledger, quorum = read_vkey(encode_vkey(LEDGER.key)), read_quorum(file)
    assert not check_quorum(NOTE + line_of(twin), ledger, quorum).is_satisfied
    note = NOTE + line_of(twin) + line_of(WITNESS)
    assert check_quorum(note, ledger, quorum).is_satisfied
    found = {one.key for one in read_cosignatures(note, parse_quorum_file(file).witness_keys)}
    assert parse_quorum_file(file).is_satisfied(found)


def test_names_of_a_quorum_file_are_opaque() -> None:
    """Two names that only look alike, and one that is not UTF-8, are three names."""
    keys = [PracticeSigner("w", bytes([n]) * 32, KeyKind.COSIGNATURE).key for n in (1, 2, 3)]
    names = (b"K", "\u212a".encode(), b"\xff")
    lines = [
        b"witness %b %b\n" % (n, encode_vkey(k).encode()) for n, k in zip(names, keys, strict=True)
    ]
    data = b"".join(lines) + b"group all 2 " + b" ".join(names) + b"\nquorum all\n"
    file = parse_quorum_file(data)
    assert file.is_satisfied(keys[1:])
    assert not file.is_satisfied(keys[1:2])
    assert len(read_quorum(data).witnesses) == 3
    with pytest.raises(QuorumFileError):
        parse_quorum_file(b"log \xff+00000000+AAAA\nquorum none\n")


def quorum_lines(kind: str, count: int) -> bytes:
    """Return a file with so many lines of a kind."""
    own = [
        PracticeSigner("w", n.to_bytes(32, "big"), KeyKind(4 if kind == "witness" else 1))
        for n in range(1, count + 1)
    ]
    lines = {
        "log": [f"log {encode_vkey(s.key)}" for s in own],
        "witness": [f"witness w{n} {encode_vkey(s.key)}" for n, s in enumerate(own)],
        "group": [
            f"witness w0 {encode_vkey(WITNESS.key)}",
            *(f"group w{n} any w{n - 1}" for n in range(1, count + 1)),
        ],
    }[kind]
    return "\n".join([*lines, "quorum none", ""]).encode()


@pytest.mark.parametrize(
    ("kind", "count_max"),
    [
        ("log", QUORUM_LEDGERS_MAX),
        ("witness", QUORUM_WITNESSES_MAX),
        ("group", QUORUM_GROUPS_MAX),
    ],
)
def test_lines_of_a_quorum_file_have_a_limit(kind: str, count_max: int) -> None:
    """As many lines as the limit says are read, one more is refused."""
    parse_quorum_file(quorum_lines(kind, count_max))
    with pytest.raises(QuorumFileError):
        parse_quorum_file(quorum_lines(kind, count_max + 1))


def test_length_of_a_quorum_file_has_a_limit() -> None:
    """A comment may fill the file to its last byte, and not beyond."""
    start = b"quorum none\n#"
    assert parse_quorum_file(start.ljust(QUORUM_FILE_BYTES_MAX, b"-")).quorum == "none"
    with pytest.raises(QuorumFileError):
        parse_quorum_file(start.ljust(QUORUM_FILE_BYTES_MAX + 1, b"-"))


def test_request_has_limits() -> None:
    """63 hashes are read and answered; the length is refused one byte beyond its limit."""
    body = encode_add_checkpoint(3, [bytes(32)] * 63, NOTE)
    assert len(parse_add_checkpoint(body).proof) == 63
    with pytest.raises(WitnessRequestError, match="longer"):
        parse_add_checkpoint(body.ljust(WITNESS_REQUEST_BYTES_MAX + 1, b"x"))
    with pytest.raises(WitnessRequestError, match="note"):
        parse_add_checkpoint(body.ljust(WITNESS_REQUEST_BYTES_MAX, b"x"))


@pytest.mark.parametrize(
    "body", [b"", b"3", b"03\n", b"-3\n", b"3\n\n", b" 3\n", b"281474976710657\n"]
)
def test_size_of_another_form_is_refused(body: bytes) -> None:
    """The size that a 409 names is a decimal number on a line, and nothing else."""
    with pytest.raises(WitnessRequestError):
        parse_size(body)
    assert parse_size(b"281474976710656\n") == 2**48


def test_one_of_two_keys_of_an_origin_is_enough() -> None:
    """A ledger whose key was replaced is followed under either; the line kept is the known one."""
    new = PracticeSigner(ORIGIN, b"\x08" * 32)
    request = parse_add_checkpoint(encode_add_checkpoint(0, [], NOTE))
    step = decide(request, [new.key, LEDGER.key], None, KEY, NOW)
    assert step.status is WitnessStatus.COSIGNED
    assert step.head is not None
    assert step.head.note == NOTE + line_of(WITNESS)
    assert decide(request, [new.key], None, KEY, NOW).status is WitnessStatus.UNTRUSTED


def test_origin_has_a_name_in_paths() -> None:
    """SHA-256 of the origin, in hexadecimal digits."""
    assert origin_id("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
