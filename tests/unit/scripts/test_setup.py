"""The installation says in one sentence what a machine lacks, and does nothing twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.setup import (
    DISK_MIB_MIN,
    MEMORY_MIB_MIN,
    Machine,
    fingerprint,
    install_system_packages,
    lacking,
)

GOOD = Machine(
    python=(3, 11, 2),
    has_git=True,
    has_venv=True,
    memory_mib=MEMORY_MIB_MIN,
    disk_mib=DISK_MIB_MIN,
)


@pytest.mark.parametrize(
    ("machine", "fix"),
    [
        (replace(GOOD, python=(3, 10, 9)), "PYTHON=python3.11"),
        (replace(GOOD, has_git=False), "apt-get install git"),
        (replace(GOOD, has_venv=False), "python3-venv"),
        (replace(GOOD, memory_mib=MEMORY_MIB_MIN - 1), "give it more"),
        (replace(GOOD, disk_mib=DISK_MIB_MIN - 1), "free some"),
    ],
)
def test_lack_is_one_sentence_with_its_fix(machine: Machine, fix: str) -> None:
    """Whatever is missing is said in one line that also says what mends it."""
    sentence = lacking(machine, is_installed=False)
    assert sentence is not None
    assert fix in sentence
    assert "\n" not in sentence


def test_sufficient_machine_lacks_nothing() -> None:
    """A machine exactly at the limits passes, and so does one that cannot tell its memory."""
    assert lacking(GOOD, is_installed=False) is None
    assert lacking(replace(GOOD, memory_mib=None), is_installed=False) is None


def test_full_disk_does_not_stop_what_is_installed() -> None:
    """Once installed, a disk that filled up since is no reason to refuse."""
    assert lacking(replace(GOOD, disk_mib=0), is_installed=True) is None


def test_changed_pin_changes_the_fingerprint(tmp_path: Path) -> None:
    """An installation is repeated when a pin changes, and only then."""
    pins = tmp_path / "runtime.txt"
    pins.write_text("msgspec==1")
    first = fingerprint([pins])
    assert fingerprint([pins]) == first
    pins.write_text("msgspec==2")
    assert fingerprint([pins]) != first


def test_what_cannot_be_added_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a package manager each missing program is one line with its suite and its fix."""
    monkeypatch.setenv("PATH", "")
    install_system_packages()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" is missing")[0] for line in lines] == ["Go", "SoftHSM", "Chromium"]
    assert "the browser suite will not run: `apt-get install chromium-headless-shell`" in lines[2]
