"""A document as people hold it on paper, and who sets it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

__all__ = ["Paper", "Press"]


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on the page, from its first line to its last.

    `facts` and `digests` are (name, value); `rows` are as wide as `head`, `widths` their shares,
    `numbers` the columns of figures. `command` checks the document, `void` says when it no longer
    counts. `at` is the time that the document names as its own (Unix seconds).
    """

    title: str
    author: str
    headline: str
    sentences: tuple[str, ...]
    holds: bool
    practice: bool
    facts_title: str
    facts: tuple[tuple[str, str], ...]
    table_title: str
    head: tuple[str, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    check: str
    command: str
    void: str
    digests: tuple[tuple[str, str], ...]
    footer: str
    at: int


Press = Callable[[Paper], bytes]
"""Sets a document as PDF; refuses one that would not fit."""
