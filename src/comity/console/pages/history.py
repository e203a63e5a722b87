"""The history of a state's rules: every version, what it changed, who signed, since when, its leaf.

Guarantee: who signed is named to those who answer for rules, and counted for all others.
Source: docs/adr/0030-announcing-rules.md, "history"; docs/adr/0040-rules-in-the-browser.md.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from comity.console.desk import Desk
from comity.console.people import Role
from comity.console.replies import Reply
from comity.console.routes import Name, roles_of, url_of
from comity.console.view import Views
from comity.console.visits import Visit
from comity.console.words import iso, listed, moment_said
from comity.domain.ids import Member, member_label
from comity.policy.space import space_of
from comity.services.rule_history import (
    BundlesRead,
    Standing,
    Version,
    read_bundles,
    read_signers,
    versions_of,
)
from comity.services.rules_in_force import askers_in, directory_versions

__all__ = ["NAMES_SIGNERS", "VERSIONS_SHOWN", "HistoryPages"]

VERSIONS_SHOWN: Final = 20
"""Versions of a state's rules on one page, the newest."""
NAMES_SIGNERS: Final = frozenset({Role.AUTHOR, Role.COUNSEL, Role.SUPERVISOR, Role.AUDITOR})
"""Who reads the names of those who signed."""
_NUMBERS: Final = ("nobody", "one person", "two people", "three people", "four people")


class HistoryPages:
    """Rules as they were. `_made` are the versions of each state, as they were compared last."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views
        self._made: dict[Member, tuple[object, list[Version]]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def history(self, visit: Visit) -> Reply:
        """Show the newest versions, newest first, announced ones among them."""
        state, desk = visit.person.state, self._desk
        found = await desk.books.rules(state)
        read = await read_bundles(desk.store, desk.ledger, state, VERSIONS_SHOWN)
        # It takes the processor for a while: once for everybody who asks, beside the loop.
        async with self._one_at_a_time:
            versions = await self._versions(state, read)
        shows_names = visit.person.has_any(*NAMES_SIGNERS)
        return self._views.page(
            "history.html",
            visit,
            policy_version=f"{found.bundle.version} ({found.entry.upper()})",
            finding=_finding(state, versions),
            rows=[_row(each, visit, shows_names=shows_names) for each in versions],
            is_whole=read.is_whole,
            may_bring_back=visit.person.has_any(*roles_of(Name.OPEN_DRAFT)),
            rules=url_of(Name.RULES),
        )

    async def _versions(self, state: Member, read: BundlesRead) -> list[Version]:
        directory = await self._desk.books.directory()
        of = (read.indexes, read.in_force, read.announced, directory_versions(directory))
        known = self._made.get(state)
        if known is not None and known[0] == of:
            return known[1]
        signers = await read_signers(self._desk.records, state, read.indexes)
        space = space_of(askers_in(directory))
        national = self._desk.books.national_of
        made = await asyncio.to_thread(versions_of, state, read, signers, space, national)
        self._made[state] = (of, made)
        return made


def _finding(state: Member, versions: list[Version]) -> str:
    label = member_label(state)
    now = next((each for each in versions if each.standing is Standing.IN_FORCE), None)
    announced = next((each for each in versions if each.standing is Standing.ANNOUNCED), None)
    if now is None:
        return f"The version of {label}'s rules in force is older than those shown here."
    since = moment_said(now.hour, state)
    said = f"Version {now.version} of {label}'s rules took force in the hour of {since}"
    return f"{said}; version {announced.version} stands announced." if announced else f"{said}."


def _row(version: Version, visit: Visit, *, shows_names: bool) -> dict[str, Any]:
    return {
        "version": version.version,
        "entry": version.entry.upper(),
        "hour": iso(version.hour),
        "since": f"hour of {moment_said(version.hour, visit.person.state, visit.now)}",
        "standing": version.standing.value,
        "is_current": version.standing is Standing.IN_FORCE,
        "is_announced": version.standing is Standing.ANNOUNCED,
        "was_in_force": version.standing is Standing.WAS_IN_FORCE,
        "changed": version.changed,
        "signed": _signed(version.signed_by, shows_names=shows_names),
    }


def _signed(names: tuple[str, ...] | None, *, shows_names: bool) -> str:
    if names is None:
        return "who signed cannot be read here"
    if not names:
        return "made by the gateway itself"
    return f"signed by {listed(list(names)) if shows_names else _NUMBERS[len(names)]}"
