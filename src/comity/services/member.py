"""What one host knows of the members it serves and of everyone else: directory and policies.

Changed only by what the sequencer has committed; read on the hot path without waiting. What a
member has announced stands apart from what is in force: nothing here decides by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from comity.directory.directory import Directory, load_directory
from comity.directory.errors import DirectoryError
from comity.directory.part import SignedPart, verify_part
from comity.directory.trust import TrustRoot
from comity.domain.errors import ComityError
from comity.domain.ids import HostName, Member
from comity.policy import (
    CompiledPolicy,
    PolicyBundle,
    compile_policy,
    encode_bundle,
    parse_bundle,
)
from comity.policy.space import Asker
from comity.ports import DirectoryRow, PolicyRow, ShadowRow, Store
from comity.services.events import Events

__all__ = ["NoPolicyError", "PolicyDamagedError", "World", "askers_of"]

_HOUR_SECONDS: Final = 3600


class NoPolicyError(ComityError):
    """The member has published no policy: nothing can be decided for it."""

    code = "policy-missing"


class PolicyDamagedError(ComityError):
    """A stored policy is not the one that was published."""

    code = "policy-damaged"


class _Announced(NamedTuple):
    """Rules that stand announced, and since when (Unix seconds)."""

    leaf_index: int
    since: int
    compiled: CompiledPolicy


class World:
    """The directory in force and each served member's compiled policy with its index.

    # INVARIANT (fail-closed): a member without a policy decides nothing; `policy` raises.
    """

    def __init__(
        self,
        host: HostName,
        root: TrustRoot,
        national: Mapping[bytes, PolicyBundle],
        events: Events,
        hold_seconds_max: int,
    ) -> None:
        self.host = host
        self._events = events
        self._hold_seconds_max = hold_seconds_max
        self._root = root
        self._national = national
        self._parts: dict[Member, SignedPart] = {}
        self._is_whole = True
        self._bundles: dict[Member, tuple[int, PolicyBundle]] = {}
        self._compiled: dict[Member, CompiledPolicy] = {}
        self._announced: dict[Member, _Announced] = {}
        self._published: set[Member] = set()
        self.budgeted: set[Member] = set()
        """The members whose policy has budgets."""
        self.with_quotas: set[Member] = set()
        """The members whose policy has quotas."""
        self.directory: Directory = load_directory((), root)[0]

    async def load(self, store: Store) -> None:
        """Read what is published, as at every start."""
        self.take_parts(await store.directory_parts())
        for row in await store.policies(self.members()):
            try:
                self.take_policy(row)
            except ComityError as error:
                # INVARIANT (fail-closed): this member decides nothing; the others go on.
                self._events.failure("policy_refused", error, member=row.member)
        for shadow in await store.shadows(self.members()):
            try:
                self.take_shadow(shadow)
            except ComityError as error:
                self._events.failure("policy_refused", error, member=shadow.member)

    def members(self) -> tuple[Member, ...]:
        """Return the members that this host serves."""
        return self.directory.members_on(self.host)

    def take_parts(self, rows: list[DirectoryRow]) -> None:
        """Use newly published parts of the directory; rules are compiled anew over its families."""
        for row in rows:
            self._parts[row.member] = SignedPart(
                member=row.member, body=row.body, signature=row.signature
            )
        families = self.directory.families()
        self.directory = self._with_one(rows) or self._of_all()
        if self.directory.families() == families:
            return  # A telephone number must not cost what a new agency costs.
        for member, (_, bundle) in self._bundles.items():
            self._compiled[member] = self.compile(bundle)
        for member, announced in self._announced.items():
            compiled = self.compile(announced.compiled.bundle)
            self._announced[member] = announced._replace(compiled=compiled)

    def _with_one(self, rows: list[DirectoryRow]) -> Directory | None:
        """Return the directory with a single new part, or None where all have to be read again.

        Where a part was left out, another's newer one may let it in.
        """
        if len(rows) != 1 or not self._is_whole:
            return None
        try:
            return self.directory.with_part(verify_part(self._parts[rows[0].member], self._root))
        except DirectoryError:
            return None

    def _of_all(self) -> Directory:
        directory, faults = load_directory(self._parts.values(), self._root)
        self._is_whole = not faults
        for fault in faults:
            self._events.alarm("directory_part_refused", member=fault.member, code=fault.code)
        return directory

    def take_policy(self, row: PolicyRow) -> None:
        """Use a newly published policy.

        Raises: PolicyDamagedError if it is not what its leaf commits to, RuleFormError and its
        kinds; then the member has no policy, also not the one before.
        """
        self._published.add(row.member)
        self._bundles.pop(row.member, None)
        self._compiled.pop(row.member, None)
        self.budgeted.discard(row.member)
        self.with_quotas.discard(row.member)
        # What was announced was announced against the rules before.
        self._announced.pop(row.member, None)
        if sha256(row.body).digest() != row.digest:
            raise PolicyDamagedError("`body` of a policy is not what its leaf commits to")
        # Its families were checked when it was published; this release may list others.
        bundle = parse_bundle(row.body, None)
        if encode_bundle(bundle) != row.body or bundle.state != row.member:
            raise PolicyDamagedError("`body` of a policy is not one that this ledger publishes")
        self._compiled[row.member] = self.compile(bundle)
        self._bundles[row.member] = (row.leaf_index, bundle)
        if bundle.budgets:
            self.budgeted.add(row.member)
        if bundle.quotas:
            self.with_quotas.add(row.member)

    def take_shadow(self, row: ShadowRow) -> None:
        """Use what a member has announced, in place of what it announced before.

        Announcing the rules in force ends an announcement. Raises: as `take_policy`; then nothing
        stands announced.
        """
        self._announced.pop(row.member, None)
        compiled = self.compile(parse_bundle(row.body, None))
        if encode_bundle(compiled.bundle) != row.body or compiled.state != row.member:
            raise PolicyDamagedError("`body` of an announcement is not one that a ledger publishes")
        if self.policy(row.member)[1].digest != compiled.digest:
            self._announced[row.member] = _Announced(row.leaf_index, row.since, compiled)

    def has_published(self, member: Member) -> bool:
        """Say whether a policy stands in a member's ledger, even one that cannot decide here."""
        return member in self._published

    def has_policy(self, member: Member) -> bool:
        """Say whether a member has a policy that decides here."""
        return member in self._bundles

    def policy(self, member: Member) -> tuple[int, CompiledPolicy]:
        """Return the index of the policy in force and its compiled form. Raises: NoPolicyError."""
        bundle = self._bundles.get(member)
        if bundle is None:
            raise NoPolicyError("`member` has published no policy")
        return bundle[0], self._compiled[member]

    def shadow(self, member: Member) -> tuple[int, CompiledPolicy] | None:
        """Return the index of the leaf that announces rules and the rules; None if none stand.

        Nothing is decided by them: they say what a draft would decide.
        """
        announced = self._announced.get(member)
        return None if announced is None else (announced.leaf_index, announced.compiled)

    def shadow_since(self, member: Member) -> int | None:
        """Return since when a member's announcement stands (Unix seconds), or None."""
        announced = self._announced.get(member)
        return None if announced is None else announced.since

    def hold_seconds(self, member: Member) -> int:
        """Return how long a hold waits: as the policy says, at most as the host is set to."""
        hours = self.policy(member)[1].hold_hours
        return min(hours * _HOUR_SECONDS, self._hold_seconds_max)

    def compile(self, bundle: PolicyBundle) -> CompiledPolicy:
        """Return a bundle as it would decide here.

        Raises: RuleFormError and its kinds, NationalMismatchError.
        """
        national = self._national.get(bundle.national) if bundle.national else None
        return compile_policy(bundle, national, self.directory.families())


def askers_of(world: World) -> tuple[Asker, ...]:
    """Return every agency of the directory that may ask."""
    directory = world.directory
    parts = filter(None, map(directory.part, directory.members()))
    return tuple(
        Asker(agency.ori, agency.family, agency.type)
        for part in parts
        for agency in part.agencies
        if agency.active
    )
