"""Patterns mean the same under every Python that Comity runs on."""

from __future__ import annotations

import ast
import re

import pytest

from tests.tidy.tree import Source, sources

SOURCES = [each for each in sources() if each.path.startswith(("src/comity/", "scripts/"))]
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.path)
def test_no_group_is_possessive(source: Source) -> None:
    """Python before 3.11.5 takes a possessive group for a mismatch; its issue 106052."""
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            assert not POSSESSIVE_GROUP.search(text), f"{source.path}:{node.lineno}: {text}"
