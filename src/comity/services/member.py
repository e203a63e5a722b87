"""What one host knows of the members it serves and of everyone else: directory and policies.

Changed only by what the sequencer has committed; read on the hot path without waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from comity.directory.directory import Directory, load_directory
from comity.directory.part import SignedPart
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
from comity.ports import DirectoryRow, PolicyRow, Store
from comity.services.events import Events

__all__ = ["NoPolicyError", "PolicyDamagedError", "World"]

_HOUR_SECONDS: Final = 3600


class NoPolicyError(ComityError):
    """The member has published no policy: nothing can be decided for it."""

    code = "policy-missing"


class PolicyDamagedError(ComityError):
    """A stored policy is not the one that was published."""

    code = "policy-damaged"


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
        self._bundles: dict[Member, tuple[int, PolicyBundle]] = {}
        self._compiled: dict[Member, CompiledPolicy] = {}
        self._published: set[Member] = set()
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

    def members(self) -> tuple[Member, ...]:
        """Return the members that this host serves."""
        return self.directory.members_on(self.host)

    def take_parts(self, rows: list[DirectoryRow]) -> None:
        """Use newly published parts of the directory; rules are compiled anew over its families."""
        for row in rows:
            self._parts[row.member] = SignedPart(
                member=row.member, body=row.body, signature=row.signature
            )
        self.directory, faults = load_directory(self._parts.values(), self._root)
        for fault in faults:
            self._events.alarm("directory_part_refused", member=fault.member, code=fault.code)
        for member, (_, bundle) in self._bundles.items():
            self._compiled[member] = self.compile(bundle)

    def take_policy(self, row: PolicyRow) -> None:
        """Use a newly published policy.

        Raises: PolicyDamagedError if it is not what its leaf commits to, RuleFormError and its
        kinds; then the member has no policy, also not the one before.
        """
        self._published.add(row.member)
        self._bundles.pop(row.member, None)
        self._compiled.pop(row.member, None)
        if sha256(row.body).digest() != row.digest:
            raise PolicyDamagedError("`body` of a policy is not what its leaf commits to")
        # Its families were checked when it was published; this release may list others.
        bundle = parse_bundle(row.body, None)
        if encode_bundle(bundle) != row.body or bundle.state != row.member:
            raise PolicyDamagedError("`body` of a policy is not one that this ledger publishes")
        self._compiled[row.member] = self.compile(bundle)
        self._bundles[row.member] = (row.leaf_index, bundle)

    def has_published(self, member: Member) -> bool:
        """Say whether a policy stands in a member's ledger, even one that cannot decide here."""
        return member in self._published

    def policy(self, member: Member) -> tuple[int, CompiledPolicy]:
        """Return the index of the policy in force and its compiled form. Raises: NoPolicyError."""
        bundle = self._bundles.get(member)
        if bundle is None:
            raise NoPolicyError("`member` has published no policy")
        return bundle[0], self._compiled[member]

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
