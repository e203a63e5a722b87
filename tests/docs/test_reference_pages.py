"""The pages that say what the source says are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.reference_pages import ROOT, pages, schemas

PAGES = pages()
SCHEMAS = schemas()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_says_what_the_source_says(path: Path) -> None:
    """A limit, error code, step or event that the source has is on its page, with its words."""
    shown = path.read_text("utf-8") if path.exists() else ""
    assert shown == PAGES[path], f"run `python scripts/reference_pages.py` for {path.name}"


def test_pages_are_not_empty() -> None:
    """Each page has rows: the source is read where it is."""
    for path, text in PAGES.items():
        assert text.count("\n| ") > 10, path.relative_to(ROOT)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_schema_says_what_the_source_says(path: Path) -> None:
    """A published schema is that of the values which are read and written."""
    shown = path.read_text("utf-8") if path.exists() else ""
    assert shown == SCHEMAS[path], f"run `python scripts/reference_pages.py` for {path.name}"
