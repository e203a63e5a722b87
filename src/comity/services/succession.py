"""A successor ledger: the good prefix of a retired one, a leaf that says so, and a key of its own.

    1. check the order, the checkpoint, the leaves that make it, and what contradicts it
    2. let go of the ledger: this process signs nothing more under its name
    3. stage: the order, the event and the next key are on the disk; the name is retired there too
    4. ONE transaction: set aside what lies beyond the cut, cut, fill from the copy, first leaves
    5. take up the next key; the next start owns the successor

Guarantee: a crash before 3 leaves the ledger as it was, between 3 and 4 refused by its retired
name, after 4 the successor, whole: the next start does 5. Carried out again, each step is the same.
What this process still has in hand of the ledger cites leaves beyond the cut; so it does not own
the successor itself. Source: docs/adr/0026-succession.md.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name, ledger_origin, parse_origin
from comity.domain.keeping import (
    KeepingReason,
    KeyEvent,
    KeyEventError,
    KeyEventKind,
    Order,
    OrderAct,
    Retired,
    SignedOrder,
    encode_key_event,
    encode_signed_order,
)
from comity.ledger.note import (
    Checkpoint,
    VerifierKey,
    bare_note,
    encode_vkey,
    verifier_key,
    verify_checkpoint,
)
from comity.ledger.tree import Frontier, hash_leaves
from comity.ports import (
    Clock,
    CommitUnknownError,
    Copied,
    LedgerRows,
    SignedState,
    Staged,
    Store,
    StoreDownError,
    SuccessionFiles,
    SuccessionRow,
)
from comity.review.orders import check_signed_order
from comity.services.entries import Preparer
from comity.services.events import Events
from comity.services.ledger_keys import LedgerKeys
from comity.services.member import World
from comity.services.prefix import Walk, walk_rows
from comity.services.sequencer import Sequencer
from comity.services.successor import FirstLeaves, cut_and_continue
from comity.services.witnessed import WitnessedHeads

__all__ = [
    "BEYOND_MAX",
    "SUCCESSION_REASONS",
    "CheckpointContradictedError",
    "Succeeded",
    "Succession",
    "SuccessionError",
    "event_of",
]

BEYOND_MAX: Final = 8
"""Notes beyond the cut that the event names."""

SUCCESSION_REASONS: Final = frozenset(
    {
        KeepingReason.FORK,
        KeepingReason.BACKUP_RESTORED,
        KeepingReason.KEY_COMPROMISE,
        KeepingReason.KEY_LOSS,
    }
)
_NS: Final = 1_000_000_000


class SuccessionError(ComityError):
    """What was ordered is no succession of this ledger, or its leaves are not at hand."""

    code = "succession-refused"


class CheckpointContradictedError(ComityError):
    """A head that was signed or witnessed is another than the checkpoint's tree passed."""

    code = "checkpoint-contradicted"


class Succeeded(msgspec.Struct, frozen=True, kw_only=True):
    """What a succession came to: the successor's first own leaf, its key, what went where."""

    entry: str
    vkey: str
    kept: int
    copied: int
    aside: tuple[tuple[str, int], ...]
    again: tuple[str, ...]


class _Good(msgspec.Struct, frozen=True, kw_only=True):
    """The prefix that a successor begins with, and how much of it is in the store."""

    checkpoint: Checkpoint
    kept: int
    frontier: Frontier
    root: bytes
    roots: dict[int, bytes]
    copied: Copied | None


class Succession:
    """Carries out the successions of one host's ledgers."""

    def __init__(
        self,
        *,
        world: World,
        store: Store,
        rows: LedgerRows | None = None,
        sequencer: Sequencer,
        preparer: Preparer,
        keys: LedgerKeys,
        files: SuccessionFiles,
        signed_state: SignedState,
        witnessed: WitnessedHeads,
        domain: str,
        clock: Clock,
        events: Events,
    ) -> None:
        self._world = world
        self._store = store
        self._rows = rows or store
        self._sequencer = sequencer
        self._preparer = preparer
        self._keys = keys
        self._files = files
        self._signed_state = signed_state
        self._witnessed = witnessed
        self._domain = domain
        self._clock = clock
        self._events = events
        self._one_at_a_time = asyncio.Lock()

    async def take_up(self) -> None:
        """Finish at the start what was committed before a crash; retire what was only staged."""
        for staged in self._files.staged():
            member, _ = parse_origin(staged.retired)
            rows = await self._store.successions(member)
            if any(row.retired == staged.retired for row in rows):
                self._take_up(member, staged)
            else:
                # INVARIANT (one-ledger-one-writer): people ordered that this name is used no more.
                self._signed_state.retire(_label(staged.retired))
                self._events.alarm("succession_unfinished", member=member)

    def _take_up(self, member: Member, staged: Staged) -> VerifierKey:
        signer, public = self._files.take_up(staged)
        key = verifier_key(staged.origin, public)
        self._keys.replace(member, (signer, key))
        self._events.note("ledger_succeeded", member=member, origin=staged.origin)
        return key

    async def succeed(
        self, member: Member, signed: SignedOrder, note: bytes, beyond: Sequence[bytes]
    ) -> Succeeded:
        """Retire a member's ledger and commit its successor.

        note: the last good checkpoint; beyond: notes for more or other than that, as far as known.
        Raises: SuccessionError, CheckpointContradictedError, OrderError and its kinds, NoteError
        and its kinds; then nothing has changed. StoreDownError: the ledger is retired, and the same
        command goes on from there.
        """
        async with self._one_at_a_time:
            return await self._succeed(member, signed, note, beyond)

    async def _succeed(
        self, member: Member, signed: SignedOrder, note: bytes, beyond: Sequence[bytes]
    ) -> Succeeded:
        order, directory = signed.order, self._world.directory
        now = self._clock.now_ns() // _NS
        persons = check_signed_order(signed, lambda name: directory.reviewer(member, name), now)
        rows = await self._store.successions(member)
        retired = self._key_of(member, len(rows))
        if any(row.retired == retired.name for row in rows):
            raise SuccessionError("the ledger has its successor: restart the gateway")
        checkpoint = verify_checkpoint(note, retired)
        _check_order(order, member, checkpoint)
        good = await self._good(member, retired, checkpoint, beyond)  # 1
        _check_beyond(good, retired, beyond)
        document = encode_event(order, retired, note, checkpoint, beyond)
        staged = Staged(
            retired=retired.name,
            origin=ledger_origin(self._domain, member, parse_origin(retired.name)[1] + 1),
            order=encode_signed_order(signed),
            document=document,
        )
        self._sequencer.release(member)  # 2
        self._keys.retire(member, retired)
        await asyncio.to_thread(self._files.stage, staged)  # 3
        await asyncio.to_thread(self._signed_state.retire, _label(retired.name))
        first = FirstLeaves(
            member=member, order=order, persons=persons, signed=staged.order, document=document
        )
        row = SuccessionRow(
            member=member,
            retired=retired.name,
            origin=staged.origin,
            leaf_index=LeafIndex(checkpoint.size),
            kept=good.kept,
        )
        aside, again = await self._commit(row, good, first)  # 4
        key = self._take_up(member, staged)  # 5
        return Succeeded(
            entry=entry_name(member, checkpoint.size),
            vkey=encode_vkey(key),
            kept=good.kept,
            copied=checkpoint.size - good.kept,
            aside=tuple(sorted(aside.items())),
            again=again,
        )

    def _key_of(self, member: Member, successions: int) -> VerifierKey:
        """Return the key of the ledger that is to be retired; a lost one as the directory has it.

        Raises: SuccessionError if the member has no ledger here.
        """
        key = self._keys.retired(member)
        if key is not None:
            return key
        if member in self._keys.members():
            return self._keys.of(member)[1]
        part = self._world.directory.part(member)
        if part is None or part.host.name != self._world.host:
            raise SuccessionError(f"the ledger of `{member}` is not kept by this host")
        return verifier_key(ledger_origin(self._domain, member, successions + 1), part.ledger_key)

    async def _good(
        self,
        member: Member,
        retired: VerifierKey,
        checkpoint: Checkpoint,
        beyond: Sequence[bytes],
    ) -> _Good:
        """Return the prefix, gone through leaf by leaf. Raises: SuccessionError and the like."""
        copied = await asyncio.to_thread(self._files.copied, retired.name)
        size = checkpoint.size
        kept = size if copied is None else copied.first
        if kept > size:
            raise SuccessionError("`copy` begins beyond the checkpoint")
        heads = await self._heads(retired)
        shown = [verify_checkpoint(note, retired).size for note in beyond]
        walk = Walk([kept, size, *shown, *(head_size for _, head_size, _ in heads)])
        await walk_rows(walk, self._rows, member, kept)
        if walk.size != kept:
            raise SuccessionError(f"leaves from {walk.size} on are not at hand, or not whole")
        frontier = walk.frontier
        if copied is not None:
            for page in copied.pages():
                walk.add(hash_leaves(page))
        if walk.size != size or walk.roots[size] != checkpoint.root:
            raise SuccessionError("the leaves at hand do not make the checkpoint")
        for who, head_size, root in heads:
            if head_size <= size and walk.roots[head_size] != root:
                raise CheckpointContradictedError(
                    f"{who} has another history of {head_size} leaves than the checkpoint"
                )
        return _Good(
            checkpoint=checkpoint,
            kept=kept,
            frontier=frontier,
            root=walk.roots[kept],
            roots=walk.roots,
            copied=copied,
        )

    async def _heads(self, retired: VerifierKey) -> list[tuple[str, int, bytes]]:
        """Return what was signed here, and what each witness that answers cosigned last."""
        found: list[tuple[str, int, bytes]] = []
        signed = self._signed_state.read(_label(retired.name))
        if signed is not None:
            found.append(("the signed state", *signed))
        seen = await self._witnessed.of(retired)
        return [*found, *(("a witness", head.size, head.root) for head in seen)]

    async def _commit(
        self, row: SuccessionRow, good: _Good, first: FirstLeaves
    ) -> tuple[Counter[str], tuple[str, ...]]:
        """Carry out the transaction; find out what became of it if its answer was lost."""
        try:
            return await cut_and_continue(
                store=self._store,
                files=self._files,
                preparer=self._preparer,
                row=row,
                tree=(good.frontier, good.root),
                copied=good.copied,
                first=first,
                now_ns=self._clock.now_ns(),
            )
        except CommitUnknownError as error:
            rows = await self._store.successions(row.member)
            if row not in rows:
                raise StoreDownError("the succession was not committed: order it again") from error
            return Counter(), ()


def encode_event(
    order: Order,
    retired: VerifierKey,
    note: bytes,
    checkpoint: Checkpoint,
    beyond: Sequence[bytes],
) -> bytes:
    """Return the event's document, with as many cosignatures and notes as it has room for.

    Raises: KeyEventError if not even the bare checkpoint fits.
    """
    bare = [bare_note(other, retired) for other in dict.fromkeys(beyond)][:BEYOND_MAX]
    for kept, checkpoint_note in (
        *((bare[:count], note) for count in range(len(bare), -1, -1)),
        ([], bare_note(note, retired)),
    ):
        try:
            return encode_key_event(event_of(order, retired, checkpoint_note, checkpoint, kept))
        except KeyEventError:
            continue
    raise KeyEventError("`checkpoint` leaves no room in a key event")


def event_of(
    order: Order,
    retired: VerifierKey,
    note: bytes,
    checkpoint: Checkpoint,
    beyond: Sequence[bytes],
) -> KeyEvent:
    """Return the event that a successor's first own leaf names."""
    return KeyEvent(
        version=1,
        member=order.state,
        event=KeyEventKind.SUCCEEDED,
        reason=order.reason,
        retired=Retired(
            origin=retired.name,
            vkey=encode_vkey(retired),
            size=checkpoint.size,
            root=checkpoint.root,
            checkpoint=note.decode(),
            beyond=tuple(other.decode() for other in beyond),
        ),
    )


def _check_order(order: Order, member: Member, checkpoint: Checkpoint) -> None:
    if order.act is not OrderAct.SUCCEED or order.state != member:
        raise SuccessionError("the order is not one to succeed this member's ledger")
    if order.reason not in SUCCESSION_REASONS:
        raise SuccessionError(f"`{order.reason}` is no reason to retire a ledger")
    if not checkpoint.size:
        raise SuccessionError("an empty ledger is not succeeded: it is begun anew")
    cut = entry_name(member, checkpoint.size)
    if (order.entry, order.root) != (cut, checkpoint.root):
        raise SuccessionError("`checkpoint` is not the one that the order names")


def _check_beyond(good: _Good, retired: VerifierKey, beyond: Sequence[bytes]) -> None:
    if len(beyond) > BEYOND_MAX:
        raise SuccessionError("`beyond` is more than 8 notes")
    for note in beyond:
        head = verify_checkpoint(note, retired)
        if good.roots.get(head.size) == head.root:
            raise SuccessionError("`beyond` holds a head that the successor continues")


def _label(origin: str) -> str:
    return origin.rpartition("/")[2]
