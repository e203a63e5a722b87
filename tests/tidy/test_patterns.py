"""Patterns mean the same under every Python that Comity runs on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*ROOT.glob("src/comity/**/*.py"), *ROOT.glob("scripts/**/*.py")])
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_group_is_possessive(path: Path) -> None:
    """Python before 3.11.5 takes a possessive group for a mismatch; its issue 106052."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            assert not POSSESSIVE_GROUP.search(text), f"{path}:{node.lineno}: {text}"
