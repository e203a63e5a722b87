"""Findings as vectors: the input as bytes, beside it a note of what it is and what was wrong.

    vectors/regressions/<target>/<first 16 digits of SHA-256>.bin and .json

Guarantee: every one that stands there is tried by `tests/vectors/test_regressions.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from tests.fuzz.refusals import ROOT

REGRESSIONS = ROOT / "vectors" / "regressions"
_ID_CHARS = 16


def kept(target: str, data: bytes, *, was: str, folder: Path = REGRESSIONS) -> Path:
    """Write a finding, and return where; one that stands already keeps its note."""
    path = folder / target / f"{sha256(data).hexdigest()[:_ID_CHARS]}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    note = path.with_suffix(".json")
    if not note.exists():
        text = json.dumps({"target": target, "bytes": len(data), "was": was}, indent=1)
        note.write_text(f"{text}\n", "utf-8")
    return path


def regressions(folder: Path = REGRESSIONS) -> Iterator[tuple[str, Path]]:
    """Return every finding that was kept, by target."""
    for path in sorted(folder.glob("*/*.bin")):
        yield path.parent.name, path
