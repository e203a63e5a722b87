"""What a member publishes of itself: its part of the directory, and its first policy.

A publication is an append like any other: from its leaf's index on it is in force, at the origin of
every batch behind it. A policy that replaces another takes the publication path with its approvals;
here only a member without one gets its first (invariant `restriction-never-waits` holds for what
follows it).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from comity.directory.part import SignedPart, encode_signed_part, verify_part
from comity.directory.trust import TrustRoot
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name, make_id
from comity.domain.leaf import LeafHeader
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import note_fields
from comity.policy import encode_bundle, parse_bundle
from comity.ports import Clock, DirectoryRow, Entropy, PolicyRow
from comity.services.entries import DirectoryPublication, Entry
from comity.services.member import World
from comity.services.sequencer import Refused, Sequencer, recorded_index

__all__ = ["Founding", "FoundingError"]

_NS: Final = 1_000_000_000


class FoundingError(ComityError):
    """A member's first publication is not possible."""

    code = "founding-refused"


class Founding:
    """Publishes members' parts and first policies through the sequencer."""

    def __init__(
        self,
        *,
        world: World,
        sequencer: Sequencer,
        root: TrustRoot,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._world = world
        self._sequencer = sequencer
        self._root = root
        self._clock = clock
        self._entropy = entropy

    async def publish_parts(self, parts: list[SignedPart]) -> list[str]:
        """Publish members' signed parts; return the entries of their `directory` leaves.

        Raises: DirectoryError if a signature does not hold, or an agency is listed by another
        member; FoundingError if one is not newer.
        """
        entries = [self.part_entry(signed, self._id()) for signed in parts]
        directory = self._world.directory
        for signed in parts:
            # Whose an agency is must not depend on the order in which parts are read at a start.
            directory = directory.with_part(verify_part(signed, self._root))
        rows: list[DirectoryRow] = []
        placed, refusal = await self._commit(entries)
        for entry, index in placed:
            assert entry.directory is not None
            part = entry.directory
            rows.append(
                DirectoryRow(
                    member=entry.member,
                    leaf_index=index,
                    version=part.version,
                    body=part.body,
                    signature=part.signature,
                )
            )
        # What is recorded is in force, whatever became of the others.
        self._world.take_parts(rows)
        if refusal is not None:
            raise refusal
        return [entry_name(row.member, row.leaf_index) for row in rows]

    async def publish_first_policies(self, bundles: list[bytes]) -> list[str]:
        """Publish members' first policies; return the entries of their `policy` leaves.

        Raises: FoundingError if a member has one already; RuleFormError and its kinds.
        """
        entries = [self._policy_entry(body) for body in bundles]
        placed, refusal = await self._commit(entries)
        for entry, index in placed:
            assert entry.policy is not None
            digest = sha256(entry.policy).digest()
            self._world.take_policy(
                PolicyRow(member=entry.member, leaf_index=index, digest=digest, body=entry.policy)
            )
        if refusal is not None:
            raise refusal
        return [entry_name(entry.member, index) for entry, index in placed]

    def part_entry(self, signed: SignedPart, entry_id: bytes) -> Entry:
        """Return what the sequencer is given for a part; `entry_id` is that of its leaf's key.

        Raises: DirectoryError if its signature does not hold, FoundingError if it is not newer.
        """
        part = verify_part(signed, self._root)
        standing = self._world.directory.part(part.member)
        if standing is not None and part.version <= standing.version:
            raise FoundingError("`version` of a part is not above the one that stands")
        leaf = self._leaf(part.member, LeafKind.DIRECTORY, encode_signed_part(signed))
        return Entry(
            member=part.member,
            exchange_id=entry_id,
            leaves=(leaf,),
            directory=DirectoryPublication(
                version=part.version, body=signed.body, signature=signed.signature
            ),
        )

    def _policy_entry(self, body: bytes) -> Entry:
        bundle = parse_bundle(body)
        if self._world.has_published(bundle.state):
            raise FoundingError("`state` has a policy; a change takes its approvals")
        # What could not decide is not published: its state would be left without a policy.
        self._world.compile(bundle)
        canonical = encode_bundle(bundle)
        leaf = self._leaf(bundle.state, LeafKind.POLICY, canonical)
        return Entry(member=bundle.state, exchange_id=self._id(), leaves=(leaf,), policy=canonical)

    def _leaf(self, member: Member, kind: LeafKind, document: bytes) -> WantedLeaf:
        digest = sha256(document).digest()
        now = self._clock.now_ns() // _NS
        return WantedLeaf(
            step=0,
            header=LeafHeader(
                version=1,
                kind=kind,
                mode=LeafMode.LIVE,
                hour=now // HOUR_SECONDS,
                member=member,
                digest=digest,
            ),
            fields=note_fields(document=digest.hex(), published_at=str(now)),
        )

    def _id(self) -> bytes:
        return make_id(self._clock.now_ns(), self._entropy.token(8))

    async def _commit(
        self, entries: list[Entry]
    ) -> tuple[list[tuple[Entry, LeafIndex]], ComityError | None]:
        """Return what stands, with its index, and why something does not."""
        placed: list[tuple[Entry, LeafIndex]] = []
        refusal: ComityError | None = None
        for entry, result in zip(entries, await self._sequencer.commit(entries), strict=True):
            index = recorded_index(result)
            if index is not None:
                placed.append((entry, index))
            else:
                refusal = result.error if isinstance(result, Refused) else _overtaken()
        return placed, refusal


def _overtaken() -> FoundingError:
    return FoundingError("a publication was overtaken by another")
