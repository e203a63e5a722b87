"""The rules that decide in a state now, and the agencies that may ask, as pages show them.

Guarantee: read anew when the ledger's policy has moved; what cannot be read is said and never shown
as no rules. Source: docs/adr/0036-console.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import msgspec

from comity.directory.directory import Directory, load_directory
from comity.directory.part import SignedPart
from comity.directory.trust import TrustRoot
from comity.domain.errors import ComityError
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, LeafIndex, Member, entry_name
from comity.policy import (
    CompiledPolicy,
    PolicyBundle,
    compile_policy,
    national_default,
    parse_bundle,
)
from comity.policy.layer import layered_rules
from comity.policy.rule import Rule
from comity.policy.space import Asker
from comity.ports import DirectoryRow, Store

__all__ = ["NoRulesError", "RulesInForce", "StateBooks", "askers_in", "directory_versions"]

DIRECTORY_SECONDS_MAX: Final = 5.0
"""How old the directory may be that a page shows agencies from."""


class NoRulesError(ComityError):
    """A state has published no rules here."""

    code = "no-rules"


class RulesInForce(msgspec.Struct, frozen=True, kw_only=True):
    """A state's rules, the leaf that put them in force, and those that decide, in their order."""

    entry: str
    leaf_index: LeafIndex
    bundle: PolicyBundle
    rules: tuple[Rule, ...]


def askers_in(directory: Directory) -> tuple[Asker, ...]:
    """Return every agency of a directory that may ask."""
    parts = filter(None, map(directory.part, directory.members()))
    return tuple(
        Asker(agency.ori, agency.family, agency.type, agency.name, agency.acts_for)
        for part in parts
        for agency in part.agencies
        if agency.active
    )


def directory_versions(directory: Directory) -> tuple[tuple[Member, int], ...]:
    """Return which version of each member's part a directory has: what was made of it stands so
    long, also where it was read again.
    """
    parts = filter(None, map(directory.part, directory.members()))
    return tuple((part.member, part.version) for part in parts)


class StateBooks:
    """Reads directory and rules; `everyone` sees all members' parts, `own` this host's rows."""

    def __init__(
        self,
        *,
        own: Store,
        everyone: Store,
        trust: TrustRoot,
        national: Mapping[bytes, PolicyBundle],
        now: Callable[[], float],
    ) -> None:
        self._own = own
        self._everyone = everyone
        self._trust = trust
        self._national = national
        self._now = now
        self._directory: Directory | None = None
        self._parts: list[DirectoryRow] = []
        self._read_at = 0.0
        self._rules: dict[Member, tuple[int, RulesInForce]] = {}
        self._compiled: dict[Member, tuple[int, Directory, CompiledPolicy]] = {}

    async def directory(self) -> Directory:
        """Return the directory, at most a few seconds old; the same one while no part changes.

        Raises: StoreDownError.
        """
        now = self._now()
        if self._directory is None or now - self._read_at > DIRECTORY_SECONDS_MAX:
            rows = await self._everyone.directory_parts()
            if self._directory is None or rows != self._parts:
                parts = (
                    SignedPart(member=r.member, body=r.body, signature=r.signature) for r in rows
                )
                self._directory, _ = load_directory(parts, self._trust)
                self._parts = rows
            self._read_at = now
        return self._directory

    def national_of(self, bundle: PolicyBundle) -> PolicyBundle:
        """Return the national rules that a bundle adopts, where they are kept here."""
        return self._national.get(bundle.national) or national_default()

    async def rules(self, member: Member) -> RulesInForce:
        """Return the rules in force. Raises: NoRulesError, StoreDownError, RuleFormError."""
        rows = await self._own.policies([member])
        if not rows:
            raise NoRulesError(f"`{member}` has published no rules here")
        (row,) = rows
        known = self._rules.get(member)
        if known is not None and known[0] == row.leaf_index:
            return known[1]
        bundle = parse_bundle(row.body, None)
        found = RulesInForce(
            entry=entry_name(member, row.leaf_index),
            leaf_index=row.leaf_index,
            bundle=bundle,
            rules=layered_rules(bundle, self.national_of(bundle)),
        )
        self._rules[member] = (row.leaf_index, found)
        return found

    async def compiled(self, member: Member) -> CompiledPolicy:
        """Return the rules in force, ready to be asked. Raises: as `rules` and `directory` do."""
        found, directory = await self.rules(member), await self.directory()
        known = self._compiled.get(member)
        if known is not None and known[:2] == (found.leaf_index, directory):
            return known[2]
        national = self.national_of(found.bundle)
        made = compile_policy(found.bundle, national, directory.families())
        self._compiled[member] = found.leaf_index, directory, made
        return made

    async def everyones_rules(self) -> dict[Member, tuple[Rule, ...]]:
        """Return the rules that decide in each state of this host; one that cannot be read is left
        out. Raises: StoreDownError.
        """
        found = {}
        for row in await self._own.policies([m for m in MEMBERS if m != OPERATOR_MEMBER]):
            with suppress(ComityError):
                bundle = parse_bundle(row.body, None)
                found[bundle.state] = layered_rules(bundle, self.national_of(bundle))
        return found
