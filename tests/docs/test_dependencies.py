"""Every dependency is explained in ADR 0001, pinned exactly, and free of any registry.

Source: ADR 0001 (stack).
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
ADR = (ROOT / "docs/adr/0001-stack.md").read_text("utf-8")
GROUPS = ("build", "runtime", "test")
PIN = re.compile(r"^([\w.-]+)==(\S+) \\\n((?: +--hash=sha256:[0-9a-f]{64}.*\n)+)", re.MULTILINE)


def asked(group: str) -> set[str]:
    """The packages that a group asks for by name."""
    lines = (REQUIREMENTS / f"{group}.in").read_text("utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and line[0] not in "#-"}


def pins(group: str) -> dict[str, tuple[str, int]]:
    """Each pinned package of a group, with its version and the number of its hashes."""
    text = (REQUIREMENTS / f"{group}.txt").read_text("utf-8")
    found = re.findall(
        r"^([\w.-]+)==(\S+) \\\n((?: +--hash=sha256:[0-9a-f]{64}.*\n)+)", text, re.MULTILINE
    )
    return {name: (version, hashes.count("--hash")) for name, version, hashes in found}


def test_project_asks_for_what_is_pinned() -> None:
    """The package's own metadata and the pinned runtime name the same packages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[^\w-]", line)[0] for line in project["dependencies"]}
    assert names == asked("runtime")


@pytest.mark.parametrize("group", GROUPS)
def test_every_dependency_is_explained(group: str) -> None:
    """Each package asked for has a row in the ADR: why, who keeps it, under which licence."""
    rows = {
        cells[0]: cells[1:]
        for line in ADR.splitlines()
        if line.startswith("| ")
        and len(cells := [cell.strip() for cell in line.split("|")[1:-1]]) == 4
    }
    assert asked(group) <= rows.keys()
    assert all(all(rows[name]) for name in asked(group))


def test_nothing_else_is_explained() -> None:
    """A package that was given up leaves the ADR's tables too."""
    rows = {line.split("|")[1].strip() for line in ADR.splitlines() if line.count(" | ") == 3}
    assert rows - {"package"} == set().union(*(asked(group) for group in GROUPS))


@pytest.mark.parametrize("group", GROUPS)
def test_every_pin_has_hashes(group: str) -> None:
    """A group's pins cover what it asks for, each exact and with hashes of more than one file."""
    pinned = pins(group)
    assert asked(group) <= pinned.keys()
    text = (REQUIREMENTS / f"{group}.txt").read_text("utf-8")
    assert len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)) == len(pinned)
    assert all(hashes > 1 for _, hashes in pinned.values())


@pytest.mark.parametrize("group", GROUPS)
def test_pins_name_no_place(group: str) -> None:
    """A pin file holds versions, hashes and comments: no option, no index, no address."""
    for line in (REQUIREMENTS / f"{group}.txt").read_text("utf-8").splitlines():
        assert re.match(r"( *#|[\w.-]+==\S+ \\$| +--hash=sha256:[0-9a-f]{64}( \\)?$)", line), line
        assert "://" not in line


def test_groups_agree() -> None:
    """A package that two groups pin has one version, so that their order does not matter."""
    versions: dict[str, set[str]] = {}
    for group in GROUPS:
        for name, (version, _) in pins(group).items():
            versions.setdefault(name, set()).add(version)
    assert not {name: found for name, found in versions.items() if len(found) > 1}
