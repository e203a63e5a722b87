"""Publishing what replaces a member's part of the directory: by message, or signed by command.

    1. take the member's turn: two changes of one member never start from the same version
    2. make the next part from the one that stands; sign it, or verify who signed it
    3. commit it with its `directory` leaf; then, and only then, it is in force here

Guarantee: a change that was begun is carried to its end although whoever asked for it has gone, so
that what is in force here is what stands in the ledger. What is repeated changes nothing.
Source: docs/adr/0018-directory-messages.md, "Publishing".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, Final, TypeVar, assert_never

from comity.directory.edit import Edit, Edited, apply_edit
from comity.directory.errors import (
    NotControlError,
    PartMalformedError,
    PartVersionError,
    SignedElsewhereError,
)
from comity.directory.part import SignedPart, parse_signed_part, part_body, verify_part
from comity.directory.trust import TrustRoot
from comity.domain.ids import ORI, ExchangeId, LeafIndex, Member, entry_name
from comity.ledger.plan import Existing, Stale
from comity.ports import DirectoryRow, PartSigner, Store
from comity.services.founding import Founding, FoundingError
from comity.services.member import World
from comity.services.sequencer import Committed, Refused, Sequencer

__all__ = ["PartPublisher", "publication_id"]

_CONTEXT: Final = b"comity/directory-edit/v1\n"
_T = TypeVar("_T")


class PartPublisher:
    """Publishes the parts of one host's members, one at a time for each member.

    `_turns` holds a lock for each member that was changed; `_under_way` the change that holds it.
    """

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        founding: Founding,
        sequencer: Sequencer,
        root: TrustRoot,
        signer: PartSigner,
    ) -> None:
        self._world = world
        self._store = store
        self._founding = founding
        self._sequencer = sequencer
        self._root = root
        self._signer = signer
        self._turns: dict[Member, asyncio.Lock] = {}
        self._under_way: set[asyncio.Future[Any]] = set()

    async def publish(self, member: Member, data: bytes) -> str:
        """Publish a part that its member signed; return the entry of its leaf.

        The signature is the authority. The part that stands, sent again, gets its entry again.
        Raises: DirectoryError if it does not verify or is not the next; FoundingError, BusyError,
        NotOwnedError if it was not recorded.
        """
        signed = parse_signed_part(data)
        if verify_part(signed, self._root).member != member:
            raise PartMalformedError("`part` is of another member than the command")
        return await self._in_turn(member, lambda: self._publish(signed))

    async def edit(
        self, member: Member, edit: Edit, *, sender: ORI, cause: ExchangeId
    ) -> tuple[Edited, str]:
        """Change a member's part; return what became of it, and the entry of its leaf.

        `cause` is the exchange that asks for it: asked again, it finds what it did before.
        Raises: DirectoryError with what refuses it, SignedElsewhereError if the member's key is not
        kept here; FoundingError, BusyError, NotOwnedError if it was not recorded.
        """
        return await self._in_turn(member, lambda: self._edit(member, edit, sender, cause))

    async def _in_turn(self, member: Member, work: Callable[[], Awaitable[_T]]) -> _T:
        turn = self._turns.setdefault(member, asyncio.Lock())
        await turn.acquire()
        # From here on the change goes on by itself: were it dropped between its commit and the
        # world's taking it, this host would decide by a directory that its ledger does not have.
        task = asyncio.ensure_future(work())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        task.add_done_callback(lambda _: turn.release())
        return await asyncio.shield(task)

    async def _publish(self, signed: SignedPart) -> str:
        part = verify_part(signed, self._root)
        standing = self._world.directory.part(part.member)
        if standing == part:
            return await self._standing_entry(part.member)
        if standing is not None and part.version != standing.version + 1:
            raise PartVersionError(
                f"`version` of a part is not {standing.version + 1}, the next after what stands"
            )
        (entry,) = await self._founding.publish_parts([signed])
        return entry

    async def _standing_entry(self, member: Member) -> str:
        ((_, index),) = await self._store.directory_versions(member, 1)
        return entry_name(member, index)

    async def _edit(
        self, member: Member, edit: Edit, sender: ORI, cause: ExchangeId
    ) -> tuple[Edited, str]:
        directory = self._world.directory
        standing = directory.part(member)
        if standing is None:
            raise NotControlError("the member has no part of the directory")
        edited = apply_edit(standing, edit, sender=sender, listed_by=directory.member_of)
        if not edited.is_changed:
            return edited, ""
        signed = self._signed(edited)
        # Its leaf's key is the exchange's: what that exchange changed once, it never changes again,
        # whatever others have done since.
        entry = self._founding.part_entry(signed, publication_id(cause))
        (result,) = await self._sequencer.commit([entry])
        match result:
            case Committed():
                index = result.leaves[0].index
                self._world.take_parts([_row(signed, edited.part.version, index)])
                return edited, entry_name(member, index)
            case Existing():
                await self._reload(member)
                return self._done_before(member, edit), entry_name(member, result.indexes[0][1])
            case Refused():
                await self._reload(member)
                raise result.error
            case Stale():
                raise FoundingError("a publication was overtaken by another")
            case _:
                assert_never(result)

    def _signed(self, edited: Edited) -> SignedPart:
        member, body = edited.part.member, part_body(edited.part)
        signature = self._signer.sign(member, body)
        if signature is None:
            raise SignedElsewhereError(
                "this host does not keep the key of the member: "
                "sign the part and publish it by `comity directory publish`"
            )
        signed = SignedPart(member=member, body=body, signature=signature)
        verify_part(signed, self._root)
        return signed

    async def _reload(self, member: Member) -> None:
        """Take the newest part of the member that stands in the store."""
        rows = [row for row in await self._store.directory_parts() if row.member == member]
        self._world.take_parts(rows)

    def _done_before(self, member: Member, edit: Edit) -> Edited:
        part = self._world.directory.part(member)
        assert part is not None
        agency = next((a for a in part.agencies if a.ori == edit.ori), None)
        return Edited(part=part, edit=edit, before=agency, after=agency, is_changed=False)


def publication_id(cause: ExchangeId) -> bytes:
    """Return the id of what an exchange publishes: the exchange's time, then a hash of its id."""
    return cause[:8] + sha256(_CONTEXT + cause).digest()[:8]


def _row(signed: SignedPart, version: int, index: LeafIndex) -> DirectoryRow:
    return DirectoryRow(
        member=signed.member,
        leaf_index=index,
        version=version,
        body=signed.body,
        signature=signed.signature,
    )
