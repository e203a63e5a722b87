"""Which rules and which agencies a command means: a state's own, a template's, or a file's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from comity.app.database import open_reader
from comity.cli.errors import UsageError
from comity.cli.files import read_input
from comity.cli.network import member_of
from comity.cli.parts import network_directory
from comity.domain.agency import Agency
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member
from comity.policy import (
    PolicyBundle,
    load_template,
    national_default,
    parse_bundle,
    read_draft,
    template_names,
)
from comity.policy.check import BUNDLE_BYTES_MAX
from comity.policy.errors import NationalMismatchError, OptOutError, RuleFormError
from comity.policy.layer import layered_rules
from comity.policy.rule import Rule
from comity.policy.space import Asker
from comity.ports import ShadowRow
from comity.practice.agencies import agencies_of
from comity.practice.founding import practice_rules
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings
from comity.services.recorded_traffic import Announced
from comity.services.rule_history import bundle_of_version

__all__ = [
    "IN_FORCE",
    "NamedRules",
    "RulesName",
    "askers_of",
    "named_rules",
    "national_of",
    "rules_of_members",
]

IN_FORCE: Final = "@"
"""Before a state: the rules in force there."""

RulesName = Annotated[
    str,
    typer.Argument(
        metavar="RULES", help="A template, a file, @ST (in force in ST), @ST:3 or @ST:shadow."
    ),
]
"""The argument that says which rules, on every command that reads some."""

_SHADOW: Final = "shadow"
_VERSION_DIGITS_MAX: Final = 10


class NamedRules(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle, where it is from, the national rules at hand, and the rules that decide.

    `is_earlier`: it is a version that is in a state's ledger and was named by its number;
    `announced`: it was named as what its state has announced.
    """

    bundle: PolicyBundle
    source: str
    national: PolicyBundle
    rules: tuple[Rule, ...]
    is_earlier: bool = False
    announced: Announced | None = None


def named_rules(settings: Settings, name: str) -> NamedRules:
    """Return the rules meant by `@wa` (in force here), `@wa:3` (its version 3), `@wa:shadow` (what
    it has announced), a template's name, or a file.

    Raises: UsageError if there are none; RuleFormError, NationalMismatchError, OptOutError.
    """
    which, announced = "", None
    if name.startswith(IN_FORCE):
        state, _, which = name.removeprefix(IN_FORCE).partition(":")
        member = member_of(state)
        if which == _SHADOW:
            bundle, source, announced = _announced_of(settings, member)
        else:
            bundle, source = _published(settings, member, which)
    elif name in template_names():
        bundle, source = load_template(name), f"template {name}"
    else:
        bundle, source = _of_file(name), name
    national = national_of(settings, bundle)
    rules = layered_rules(bundle, national)
    return NamedRules(
        bundle=bundle,
        source=source,
        national=national,
        rules=rules,
        is_earlier=_is_number(which),
        announced=announced,
    )


def rules_of_members(settings: Settings) -> dict[Member, tuple[Rule, ...]]:
    """Return the rules that decide in each state on this installation.

    Without one, those of the practice world. A state whose rules cannot be read is left out.
    """
    files = HostFiles(settings.data_dir)
    states = [member for member in MEMBERS if member != OPERATOR_MEMBER]
    if not files.exist():
        bundles = [practice_rules(member) for member in states]
    else:
        bundles = [parse_bundle(body, None) for body in asyncio.run(_in_force(settings, states))]
    found = {}
    for bundle in bundles:
        with suppress(NationalMismatchError, OptOutError):
            found[bundle.state] = layered_rules(bundle, national_of(settings, bundle))
    return found


def askers_of(settings: Settings) -> tuple[tuple[Asker, ...], str]:
    """Return every agency that may ask, and in words whose they are.

    Those of this installation's directory; without one, those of the practice world.
    """
    if HostFiles(settings.data_dir).exist():
        directory = asyncio.run(network_directory(settings))
        parts = filter(None, map(directory.part, directory.members()))
        active = (agency for part in parts for agency in part.agencies if agency.active)
        return tuple(map(_asker, active)), "the directory of this installation"
    listed = (agency for member in MEMBERS for agency in agencies_of(member))
    return tuple(_asker(agency) for agency in listed), "the practice world"


def national_of(settings: Settings, bundle: PolicyBundle) -> PolicyBundle:
    """Return the national rules that a bundle adopts if they are kept here, else the shipped."""
    files = HostFiles(settings.data_dir)
    kept = files.national_rules() if files.exist() else {}
    return kept.get(bundle.national, national_default())


def _is_number(which: str) -> bool:
    return which.isascii() and which.isdecimal()


def _asker(agency: Agency) -> Asker:
    return Asker(agency.ori, agency.family, agency.type, agency.name, agency.acts_for)


def _published(settings: Settings, member: Member, which: str) -> tuple[PolicyBundle, str]:
    """Return rules of a state's ledger, and in words which those are. Raises: UsageError."""
    label = member.upper()
    if not which:
        bodies = asyncio.run(_in_force(settings, [member]))
        if not bodies:
            raise UsageError(f"`{member}` has published no rules here")
        return parse_bundle(bodies[0], None), f"in force in {label}"
    if not _is_number(which):
        raise UsageError(f"`{which}` is no version of rules: a number, or {_SHADOW}")
    number = int(which) if len(which) <= _VERSION_DIGITS_MAX else 0
    bundle = asyncio.run(_version(settings, member, number))
    if bundle is None:
        raise UsageError(f"`{member}` has published no version {which} of its rules here")
    return bundle, f"version {number} of {label}"


def _announced_of(settings: Settings, member: Member) -> tuple[PolicyBundle, str, Announced]:
    """Return what a state has announced, in words whose it is, and where. Raises: UsageError."""
    rows = asyncio.run(_announced(settings, member))
    if not rows:
        raise UsageError(f"`{member}` has announced no rules")
    announced = Announced(leaf_index=rows[0].leaf_index, since=rows[0].since)
    return parse_bundle(rows[0].body, None), f"announced by {member.upper()}", announced


async def _in_force(settings: Settings, members: Sequence[Member]) -> list[bytes]:
    async with open_reader(settings, members) as store:
        return [row.body for row in await store.policies(members)]


async def _announced(settings: Settings, member: Member) -> list[ShadowRow]:
    async with open_reader(settings, [member]) as store:
        in_force = {row.body for row in await store.policies([member])}
        # What is in force, announced, ends an announcement.
        return [row for row in await store.shadows([member]) if row.body not in in_force]


async def _version(settings: Settings, member: Member, number: int) -> PolicyBundle | None:
    """Return a version that was in force once, or None."""
    async with open_reader(settings, [member]) as store:
        return await bundle_of_version(store, member, number)


def _of_file(name: str) -> PolicyBundle:
    data = read_input(name, BUNDLE_BYTES_MAX)
    if Path(name).suffix != ".toml":
        return parse_bundle(data)
    try:
        return read_draft(data.decode())
    except UnicodeDecodeError:
        raise RuleFormError("a draft is not TOML") from None
