"""The contract of `SuccessionFiles`, and what its files promise across crashes."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.errors import SuccessionFilesError
from comity.adapters.memory.succession import MemoryCopied, MemorySuccessions
from comity.adapters.succession_files import ASIDE_KINDS, FileSuccessions, aside_line
from comity.domain.ids import LeafIndex, Member
from comity.ports import (
    AsideRow,
    CheckpointRow,
    DocumentRow,
    KeyRow,
    LeafRow,
    PrivateRow,
    Staged,
    SuccessionFiles,
)
from comity.roles.host_files import HostFiles
from tests.support.rows import sealed

OH = Member("oh")
FIRST, SECOND = "ledger.example/oh", "ledger.example/oh.2"
STAGED = Staged(retired=FIRST, origin=SECOND, order=b"order\n", document=b"event")
ROWS: list[AsideRow] = [
    LeafRow(member=OH, leaf_index=LeafIndex(9), leaf_hash=bytes(32), data=b"leaf"),
    PrivateRow(member=OH, leaf_index=LeafIndex(9), sealed=sealed("record")),
    KeyRow(exchange_id=bytes(16), member=OH, step=0, leaf_index=LeafIndex(9)),
    DocumentRow(member=OH, leaf_index=LeafIndex(9), body=b"event"),
    CheckpointRow(member=OH, size=10, note=b"note", cosignatures=(b"line",)),
]


@pytest.fixture(params=["memory", "files"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SuccessionFiles]:
    """How the files are opened again: after a crash they are the same."""
    if request.param == "memory":
        kept = MemorySuccessions()
        return lambda: kept
    (tmp_path / "ledger-keys").mkdir()
    return lambda: FileSuccessions(tmp_path)


def test_what_is_staged_is_under_way(opened: Callable[[], SuccessionFiles]) -> None:
    """By its order and event, until it is taken up; the key stays when it is ordered anew."""
    _, public = opened().stage(STAGED)
    assert opened().staged() == [STAGED]
    again = msgspec.structs.replace(STAGED, order=b"another\n")
    signer, kept = opened().stage(again)
    assert (opened().staged(), kept) == ([again], public)
    taken, same = opened().take_up(again)
    assert (opened().staged(), same) == ([], public)
    assert taken.sign(b"x") == signer.sign(b"x")
    assert opened().take_up(again)[1] == public


def test_successions_of_one_member_follow_each_other(
    opened: Callable[[], SuccessionFiles],
) -> None:
    """Each has a key of its own."""
    _, first = opened().stage(STAGED)
    opened().take_up(STAGED)
    third = msgspec.structs.replace(STAGED, retired=SECOND, origin="ledger.example/oh.3")
    _, second = opened().stage(third)
    assert first != second
    assert opened().staged() == [third]


def test_nothing_is_copied_where_nobody_copied(opened: Callable[[], SuccessionFiles]) -> None:
    """A succession needs no copy where the store has all."""
    assert opened().copied(FIRST) is None


def test_an_error_keeps_no_evidence_of_half(opened: Callable[[], SuccessionFiles]) -> None:
    """Whoever opens it again begins anew."""

    def put_and_fail() -> None:
        with opened().aside(FIRST) as put:
            put(ROWS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_fail()
    with opened().aside(FIRST) as put:
        put(ROWS[:2])
        put(ROWS[2:])


@pytest.mark.parametrize("count", [0, 1, 4_096, 5_000])
def test_a_copy_comes_back_leaf_by_leaf(tmp_path: Path, count: int) -> None:
    """From its first index on, with the documents that it had; the twin gives the same."""
    entries = [b"%d" % number * (number % 3) for number in range(count)]
    documents = {7: b"rules"} if count else {}
    files = FileSuccessions(tmp_path)
    assert files.keep_copy(FIRST, 7, iter(entries), lambda index, _: documents.get(index)) == count
    copied = FileSuccessions(tmp_path).copied(FIRST)
    assert copied is not None
    twin = MemoryCopied(7, entries, documents)
    assert copied.first == twin.first == 7
    assert [e for page in copied.pages() for e in page] == entries
    assert [e for page in twin.pages() for e in page] == entries
    assert copied.document(7) == twin.document(7) == (b"rules" if count else None)
    assert copied.document(8) is None
    files.drop_copy(FIRST)
    assert files.copied(FIRST) is None


def leaves_of(files: FileSuccessions) -> list[bytes]:
    """Every leaf of a copy."""
    copied = files.copied(FIRST)
    assert copied is not None
    return [entry for page in copied.pages() for entry in page]


@pytest.mark.parametrize("data", [b"", b"x\n", b"7", b"7\n\x00", b"7\n\x00\x05abc"])
def test_a_copy_that_is_cut_short_is_refused(tmp_path: Path, data: bytes) -> None:
    """It neither ends early nor is taken for another."""
    folder = tmp_path / "retired" / "oh" / "copy"
    folder.mkdir(parents=True)
    (folder / "leaves").write_bytes(data)
    with pytest.raises(SuccessionFilesError):
        leaves_of(FileSuccessions(tmp_path))


def test_evidence_is_one_row_a_line_for_the_owner_alone(tmp_path: Path) -> None:
    """Each line says what it is; bytes are base64."""
    with FileSuccessions(tmp_path).aside(FIRST) as put:
        put(ROWS)
    path = tmp_path / "retired" / "oh" / "beyond.jsonl"
    assert path.read_bytes() == b"".join(map(aside_line, ROWS))
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    assert [line["row"] for line in lines] == ["leaf", "private", "key", "document", "checkpoint"]
    assert (lines[0]["leaf_index"], lines[0]["data"]) == (9, "bGVhZg==")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(set(ASIDE_KINDS.values())) == len(ASIDE_KINDS)


def test_the_keys_change_places(tmp_path: Path) -> None:
    """The successor's comes, the retired one is put away; of both the later counts meanwhile."""
    host, files = HostFiles(tmp_path), FileSuccessions(tmp_path)
    old = Ed25519PrivateKey.generate()
    host.write_ledger_key(OH, old)
    _, public = files.stage(STAGED)
    assert host.ledger_keys()[OH].number == 1
    digits = (tmp_path / "retired" / "oh" / "next.key").read_bytes()
    (tmp_path / "ledger-keys" / "oh.2.key").write_bytes(digits)
    found = host.ledger_keys()[OH]
    assert (found.number, found.key.public_key().public_bytes_raw()) == (2, public)
    files.take_up(STAGED)
    assert [path.name for path in (tmp_path / "ledger-keys").iterdir()] == ["oh.2.key"]
    assert host.ledger_keys()[OH].number == 2
    kept = (tmp_path / "retired" / "oh" / "ledger.key").read_text("ascii")
    assert bytes.fromhex(kept) == old.private_bytes_raw()


def test_a_folder_that_is_not_whole_is_no_succession(tmp_path: Path) -> None:
    """A start that finds one stops there: nobody guesses what was ordered."""
    FileSuccessions(tmp_path).stage(STAGED)
    (tmp_path / "retired" / "oh" / "origins").write_text("one line\n")
    with pytest.raises(SuccessionFilesError):
        FileSuccessions(tmp_path).staged()
