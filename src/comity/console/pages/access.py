"""Who can get what: every class of data against every agency, in exact numbers of request kinds."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from comity.console.desk import Desk
from comity.console.replies import Reply
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import opened
from comity.directory.directory import Directory
from comity.domain.ids import Member, member_label
from comity.domain.vocabulary import DataClass, Outcome, term
from comity.policy.access import Cell, Row, access, class_parts
from comity.policy.check import NO_RULE
from comity.policy.gathering import words_of_agencies
from comity.policy.rule import Rule
from comity.policy.space import Asker, space_of
from comity.services.rules_in_force import askers_in, directory_versions

__all__ = ["AccessPages"]

_MARKS: Final = {
    Outcome.RELEASE: "released",
    Outcome.HOLD: "held",
    Outcome.DENY: "refused",
    None: "none",
}
_SAID: Final = {
    Outcome.RELEASE: "Released",
    Outcome.HOLD: "After review",
    Outcome.DENY: "Never",
    None: "Not asked",
}


_Of = tuple[str, tuple[tuple[Member, int], ...]]
"""The rules' entry, and the versions of the directory's parts."""


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page's numbers, and the rules and the directory that they are of."""

    of: _Of
    finding: str
    parts: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]


class AccessPages:
    """Who can get what from the state. `_made` are the pages' numbers by state."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views
        self._made: dict[Member, _Page] = {}
        self._one_at_a_time = asyncio.Lock()

    async def access(self, visit: Visit) -> Reply:
        """Show every group of agencies that gets the same, and what that is."""
        state = visit.person.state
        found = await self._desk.books.rules(state)
        directory = await self._desk.books.directory()
        of = (found.entry, directory_versions(directory))
        # It takes the processor for a while: once for everybody who asks, beside the loop.
        async with self._one_at_a_time:
            made = self._made.get(state)
            if made is None or made.of != of:
                made = await asyncio.to_thread(_make, state, found.rules, directory, of)
                self._made[state] = made
        return self._views.page(
            "access.html",
            visit,
            policy_version=f"{found.bundle.version} ({found.entry.upper()})",
            finding=made.finding,
            parts=made.parts,
            rows=made.rows,
        )


def _make(state: Member, rules: tuple[Rule, ...], directory: Directory, of: _Of) -> _Page:
    space = space_of(askers_in(directory))
    parts = {k: p for k, p in class_parts().items() if k is not DataClass.OPAQUE}
    rows = access(rules, space, tuple(parts.values()))
    best = dict.fromkeys(Outcome, 0)
    for row in rows:
        bests = {cell.best for cell in row.cells}
        best[next((each for each in Outcome if each in bests), Outcome.DENY)] += len(row.askers)
    total = sum(best.values())
    return _Page(
        of=of,
        finding=(
            f"{best[Outcome.RELEASE]:,} of {total:,} agencies can get records of "
            f"{member_label(state)} without review, {best[Outcome.HOLD]:,} only after it, "
            f"{best[Outcome.DENY]:,} none."
        ),
        parts=tuple(opened(term(part).label) for part in parts),
        rows=tuple(_row(row, space.askers) for row in rows),
    )


def _row(row: Row, everyone: tuple[Asker, ...]) -> dict[str, Any]:
    return {
        "who": opened(words_of_agencies(row.askers, everyone)),
        "count": len(row.askers),
        "cells": [_cell(cell) for cell in row.cells],
    }


def _cell(cell: Cell) -> dict[str, str]:
    return {
        "mark": _MARKS[cell.best],
        "said": _SAID[cell.best],
        "limits": ", ".join("no rule releases it" if r == NO_RULE else r for r in cell.limits),
        "kinds": f"{cell.released:,} of {cell.asked:,} kinds released, {cell.held:,} reviewed",
    }
