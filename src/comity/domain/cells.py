"""Others' words in a table: no cell is a formula to the spreadsheet that opens it.

Guarantee: a function of its argument alone.
"""

from __future__ import annotations

from typing import Final

__all__ = ["safe_cell"]

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """Return a text for a cell: one that a spreadsheet would run stands behind an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
