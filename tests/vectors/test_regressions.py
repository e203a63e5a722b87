"""What the fuzzer found once: each input is held to its target's equation again."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.fuzz.regressions import REGRESSIONS, regressions
from tests.fuzz.targets import TARGETS

KEPT = list(regressions())


def test_findings_are_kept() -> None:
    """The folder holds findings, each with a note and nothing else."""
    assert KEPT
    files = {path for path in REGRESSIONS.rglob("*") if path.is_file()}
    assert files == {each for _, path in KEPT for each in (path, path.with_suffix(".json"))}


@pytest.mark.parametrize(("name", "path"), KEPT, ids=[f"{n}/{p.stem}" for n, p in KEPT])
def test_finding_stays_away(name: str, path: Path) -> None:
    """An input that once broke its parser is a value or a refusal, and keeps its equation."""
    data = path.read_bytes()
    note = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert sha256(data).hexdigest().startswith(path.stem)
    assert (note["target"], note["bytes"]) == (name, len(data))
    assert note["was"]
    assert TARGETS[name].check(data)
