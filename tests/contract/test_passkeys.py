"""The contract of `Passkeys`, and what a file of passkeys promises."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from comity.adapters.memory.passkeys import MemoryPasskeys
from comity.adapters.passkey_file import FilePasskeys
from comity.domain.passkeys import (
    Passkey,
    PasskeyBook,
    PasskeyFileError,
    encode_passkeys,
    with_use,
)
from comity.ports import Passkeys, PasskeysDownError

ONE = Passkey(
    issuer="https://id.example", subject="ana", id=b"one", key=b"key", count=0, invited_by="",
    made_at=1, used_at=1,
)  # fmt: skip
BOOK = PasskeyBook(passkeys=(ONE,))
CHANGES = 40


@pytest.fixture(params=["memory", "file"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Passkeys]:
    """How the book is opened again, as by another process."""
    if request.param == "memory":
        kept = MemoryPasskeys()
        return lambda: kept
    return lambda: FilePasskeys(tmp_path / "passkeys.json")


def test_book_is_empty_and_then_what_was_put(opened: Callable[[], Passkeys]) -> None:
    """A change is seen by whoever looks next, also one who had looked before."""
    mine, other = opened(), opened()
    assert mine.read() == other.read() == PasskeyBook()
    assert mine.change(lambda _: BOOK) == BOOK
    assert mine.read() == other.read() == opened().read() == BOOK


def test_step_that_refuses_changes_nothing(opened: Callable[[], Passkeys]) -> None:
    """What it raises is raised; so is a book that could not be read back."""
    kept = opened()
    kept.change(lambda _: BOOK)

    def refuse(_: PasskeyBook) -> PasskeyBook:
        raise KeyError("no")

    with pytest.raises(KeyError):
        kept.change(refuse)
    with pytest.raises(PasskeyFileError):
        kept.change(lambda book: replace(book, passkeys=(ONE, ONE)))
    assert opened().read() == BOOK


def test_changes_come_one_after_another(opened: Callable[[], Passkeys]) -> None:
    """Of many at once none is lost."""
    opened().change(lambda _: BOOK)

    def count_on(_: int) -> None:
        opened().change(lambda book: with_use(book, ONE, book.passkeys[0].count + 1, 2))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_on, range(CHANGES)))
    assert opened().read().passkeys[0].count == CHANGES


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It is written so, and refused when somebody else may read it."""
    file = tmp_path / "passkeys.json"
    kept = FilePasskeys(file)
    kept.change(lambda _: BOOK)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        with pytest.raises(PasskeyFileError, match="0600"):
            kept.read()
        with pytest.raises(PasskeyFileError):
            kept.change(lambda _: PasskeyBook())
    file.chmod(0o600)
    assert kept.read() == BOOK


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", encode_passkeys(BOOK)[:-9], encode_passkeys(BOOK) + b"\n", b"\xff"]
)
def test_file_that_is_no_book_is_refused_whole(tmp_path: Path, data: bytes) -> None:
    """And is left as it is, also by a change; a good one counts again."""
    file = tmp_path / "passkeys.json"
    kept = FilePasskeys(file)
    kept.change(lambda _: BOOK)
    file.write_bytes(data)
    with pytest.raises(PasskeyFileError):
        kept.read()
    with pytest.raises(PasskeyFileError):
        kept.change(lambda _: PasskeyBook())
    assert file.read_bytes() == data
    file.write_bytes(encode_passkeys(BOOK))
    assert kept.read() == BOOK


def test_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """No folder, a folder in the file's place, a lock that is none."""
    with pytest.raises(PasskeysDownError):
        FilePasskeys(tmp_path / "nowhere" / "passkeys.json").change(lambda _: BOOK)
    (tmp_path / "folder").mkdir()
    with pytest.raises(PasskeysDownError):
        FilePasskeys(tmp_path / "folder").read()
    (tmp_path / ".passkeys.json.lock").mkdir()
    with pytest.raises(PasskeysDownError):
        FilePasskeys(tmp_path / "passkeys.json").change(lambda _: BOOK)


def test_file_of_another_account_stays_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written by somebody else the console could not read it any more, and nobody could sign in."""
    file = tmp_path / "passkeys.json"
    FilePasskeys(file).change(lambda _: BOOK)
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    with pytest.raises(PasskeysDownError, match="another account"):
        FilePasskeys(file).change(lambda _: PasskeyBook())
    with pytest.raises(PasskeysDownError, match="another account"):
        FilePasskeys(tmp_path / "new.json").change(lambda _: PasskeyBook())
    assert FilePasskeys(file).read() == BOOK
