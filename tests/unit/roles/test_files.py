"""Private files: whole, closed to others, never through a link, never without a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from comity.roles.files import (
    cap_log,
    keep_secret,
    make_private_dir,
    new_secret,
    read_secret,
    write_private,
)


def modes(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


def test_file_is_closed_to_others(tmp_path: Path) -> None:
    """A written file is its owner's alone, and nothing else is left beside it."""
    write_private(tmp_path / "a", "text")
    assert modes(tmp_path / "a") == "0o600"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """A link in the place of a file is replaced; what it pointed to stays as it was."""
    victim = tmp_path / "victim"
    victim.write_text("before")
    (tmp_path / "a").symlink_to(victim)
    write_private(tmp_path / "a", "after")
    assert victim.read_text() == "before"
    assert (tmp_path / "a").read_text() == "after"
    assert not (tmp_path / "a").is_symlink()


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """Where the new file cannot take its place, nothing half written is left."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "a", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_directory_is_closed_again(tmp_path: Path) -> None:
    """A directory that somebody opened to others is closed at the next start."""
    (tmp_path / "a").mkdir(mode=0o777)
    assert modes(make_private_dir(tmp_path / "a")) == "0o700"


def test_secret_is_made_once(tmp_path: Path) -> None:
    """A secret is made on the first call and the same ever after; two differ."""
    assert read_secret(tmp_path / "a") is None
    made = keep_secret(tmp_path / "a")
    assert keep_secret(tmp_path / "a") == made == read_secret(tmp_path / "a")
    assert keep_secret(tmp_path / "b") != made


def test_secret_is_safe_to_write_anywhere() -> None:
    """A secret needs no escape in a URL, in SQL or in JSON, and has 192 bits."""
    made = new_secret()
    assert len(made) == 32
    assert made.replace("-", "").replace("_", "").isalnum()


def test_log_starts_anew_over_its_size(tmp_path: Path) -> None:
    """A log at its size stays; one byte more and it starts anew, with the old lines beside it."""
    log = tmp_path / "role.log"
    log.write_bytes(b"x" * 10)
    cap_log(log, 10)
    assert log.stat().st_size == 10
    with log.open("ab") as writer:
        writer.write(b"y")
        writer.flush()
        cap_log(log, 10)
        writer.write(b"next")
    assert log.read_bytes() == b"next"
    assert (tmp_path / "role.log.1").read_bytes() == b"x" * 10 + b"y"


def test_log_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    """A process that has not written yet has nothing to cut."""
    cap_log(tmp_path / "role.log", 10)
    assert list(tmp_path.iterdir()) == []
