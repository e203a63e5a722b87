"""A state's rules as of a day, as counsel hands them over: one value for the screen and for paper.

Guarantee: every word that says something stands here; a template adds layout alone.
Source: docs/adr/0044-legal-desk.md, "Decision: rules as of a day".
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

__all__ = ["Binder", "BinderClause", "BinderGroup", "BinderPress"]


class BinderClause(msgspec.Struct, frozen=True, kw_only=True):
    """One clause: its sentence, when it applies, what it rests on and how far that was checked.

    `laws` are what is known of the law's own clauses: where, and their sense with their mark.
    """

    id: str
    sentence: str
    applies: str
    checked: str
    statute: str
    laws: tuple[tuple[str, str], ...] = ()


class BinderGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Clauses of one effect; `outcome` is `released`, `held`, `refused`, or `none`."""

    title: str
    outcome: str
    note: str
    clauses: tuple[BinderClause, ...]


class Binder(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the binder, from its first line to its last.

    `facts`, `counts` and `digests` are (name, value). `commands` check it, in their order. `at` is
    the time that the document names as its own (Unix seconds).
    """

    title: str
    author: str
    headline: str
    sentences: tuple[str, ...]
    practice: bool
    facts_title: str
    facts: tuple[tuple[str, str], ...]
    counts_title: str
    counts: tuple[tuple[str, str], ...]
    counts_note: str
    groups: tuple[BinderGroup, ...]
    promises_title: str
    promises: tuple[str, ...]
    proof_title: str
    check: str
    commands: tuple[str, ...]
    digests: tuple[tuple[str, str], ...]
    footer: str
    at: int


BinderPress = Callable[[Binder], bytes]
"""Sets a binder as PDF; refuses one beyond its limits."""
