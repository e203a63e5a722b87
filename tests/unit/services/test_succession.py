"""A successor ledger: what is good goes on under a new name, what is not is kept as evidence."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.errors import SignedStateError
from comity.adapters.memory.store import CommitFault
from comity.adapters.memory.succession import MemoryCopied
from comity.adapters.memory.witness import MemoryWitness
from comity.domain.agency import ReviewerKey
from comity.domain.errors import ComityError
from comity.domain.ids import (
    LeafIndex,
    Member,
    entry_name,
    ledger_origin,
    make_id,
    parse_origin,
)
from comity.domain.keeping import (
    KeepingReason,
    KeyEvent,
    KeyEventKind,
    Order,
    OrderAct,
    OrderSignature,
    SignedOrder,
    encode_key_event,
    order_bytes,
    parse_key_event,
)
from comity.domain.leaf import parse_leaf
from comity.domain.vocabulary import LeafKind
from comity.ledger.note import (
    checkpoint_text,
    parse_vkey,
    sign_note,
    verifier_key,
    verify_checkpoint,
)
from comity.ledger.receipt import parse_receipt
from comity.ledger.tree import tree_root
from comity.ports import LeafRow, Staged, StoreDownError
from comity.review.orders import OrderExpiredError, SecondPersonError
from comity.services.entries import Entry
from comity.services.ledger_keys import LedgerRetiredError
from comity.services.succession import (
    CheckpointContradictedError,
    Succeeded,
    SuccessionError,
)
from comity.services.successor import CopyError
from tests.support.exchange import ENROLLED, PRIVATE_KEY, SUPERVISOR, SUPERVISOR_KEY
from tests.support.gateway import (
    DOMAIN,
    NOW,
    OR,
    RELEASE,
    WA,
    PracticeHost,
    note_entry,
    policy_of,
    running,
)
from tests.support.witness import KEY

FIRST, SECOND = ledger_origin(DOMAIN, WA), ledger_origin(DOMAIN, WA, 2)
_Signer = tuple[ReviewerKey, Ed25519PrivateKey]
SIGNERS: tuple[_Signer, ...] = ((ENROLLED, PRIVATE_KEY), (SUPERVISOR, SUPERVISOR_KEY))
BELOW, BEYOND = 300, 5


def order_for(size: int, root: bytes, /, **changes: object) -> Order:
    """An order to succeed Washington's ledger at a checkpoint."""
    order = Order(
        state=WA,
        act=OrderAct.SUCCEED,
        entry=entry_name(WA, size),
        root=root,
        reason=KeepingReason.BACKUP_RESTORED,
        matter="Storage failure of the practice week",
        at=NOW,
    )
    return msgspec.structs.replace(order, **changes)


def signed_by(order: Order, signers: Sequence[_Signer] = SIGNERS) -> SignedOrder:
    """The order as these people sign it."""
    return SignedOrder(
        order=order,
        signatures=tuple(
            OrderSignature(
                name=key.name, key_id=key.key_id, signature=signer.sign(order_bytes(order))
            )
            for key, signer in signers
        ),
    )


async def grow(host: PracticeHost, count: int, member: Member = WA) -> None:
    """Let a ledger grow."""
    await host.sequencer.commit([note_entry(host.disk, member) for _ in range(count)])


async def checkpoint_of(host: PracticeHost) -> tuple[bytes, int, bytes]:
    """Sign Washington's head; return note, size and root."""
    await host.checkpoints.sign_all()
    row = await host.store.checkpoint(WA)
    assert row is not None
    return row.note, row.size, (await host.store.heads([WA]))[WA][1]


async def succeed(
    host: PracticeHost, note: bytes, size: int, root: bytes, *beyond: bytes
) -> Succeeded:
    """Carry out a succession that both people ordered."""
    return await host.succession.succeed(WA, signed_by(order_for(size, root)), note, beyond)


async def next_life(host: PracticeHost) -> PracticeHost:
    """End a host and start the next on its disk, as the gateway does; it owns what it may."""
    await host.crash()
    again = PracticeHost(host.disk)
    files = host.disk.successions
    for retired, origin in sorted(files.taken_up.items()):
        # The host's own files have the key in its place by now.
        signer = files.keys[retired]
        key = verifier_key(origin, signer.public_key().public_bytes_raw())
        again.ledger_keys.replace(parse_origin(origin)[0], (signer, key))
    await again.world.load(again.store)
    await again.succession.take_up()
    await again.start()
    for member in (OR, WA):
        try:
            await again.checkpoints.check(member)
        except ComityError:
            again.sequencer.release(member)
    return again


async def test_the_successor_begins_with_the_good_prefix() -> None:
    """Leaves below the cut byte for byte, then the event; what lies beyond is evidence."""
    async with running(policy_of(WA, RELEASE)) as host:
        await grow(host, BELOW)
        note, size, root = await checkpoint_of(host)
        before = list(host.store.tables.leaves[WA])
        await grow(host, BEYOND)
        lost = host.store.tables.leaves[WA][size:]
        done = await succeed(host, note, size, root)
        assert done.entry == entry_name(WA, size)
        assert (done.kept, done.copied, done.again) == (size, 0, ())
        assert dict(done.aside) == {"leaf": BEYOND, "key": BEYOND, "private": BEYOND}
        leaves = host.store.tables.leaves[WA]
        assert leaves[:size] == before
        assert len(leaves) == size + 1
        rows = [r for r in host.disk.successions.evidence[FIRST] if isinstance(r, LeafRow)]
        assert [(r.data, r.leaf_hash) for r in rows] == lost
        header = parse_leaf(leaves[size][0])
        assert header.kind is LeafKind.KEY
        (document,) = await host.store.documents(WA, size, size + 1)
        event = parse_key_event(document.body)
        assert (event.event, event.reason) == (
            KeyEventKind.SUCCEEDED, KeepingReason.BACKUP_RESTORED,
        )  # fmt: skip
        assert event.retired is not None
        assert (event.retired.origin, event.retired.size, event.retired.root) == (FIRST, size, root)
        assert event.retired.checkpoint == note.decode()
        assert parse_vkey(event.retired.vkey).name == FIRST
        assert parse_vkey(done.vkey).name == SECOND


async def test_the_next_start_signs_under_the_successors_name() -> None:
    """Traffic goes on; receipts, also of leaves below the cut, name the successor."""
    async with running(policy_of(WA, RELEASE)) as host:
        await grow(host, BELOW)
        note, size, root = await checkpoint_of(host)
        await grow(host, BEYOND)
        done = await succeed(host, note, size, root)
        again = await next_life(host)
        try:
            assert again.sequencer.owns(WA)
            await grow(again, 3)
            await again.checkpoints.sign_all()
            row = await again.store.checkpoint(WA)
            assert row is not None
            signed = verify_checkpoint(row.note, parse_vkey(done.vkey))
            assert (signed.origin, signed.size) == (SECOND, size + 4)
            hashes = await again.store.leaf_hashes(WA, 0, size + 4)
            assert signed.root == tree_root(hashes)
            ((_, receipt),) = await again.proofs.receipts(WA, [7])
            assert parse_receipt(receipt).origin == SECOND
            assert again.disk.signed_state.read("wa.2") == (size + 4, signed.root)
            ((_, other),) = await again.proofs.receipts(OR, [0])
            assert parse_receipt(other).origin == ledger_origin(DOMAIN, OR)
        finally:
            await again.crash()


async def test_nothing_more_is_signed_under_the_retired_name() -> None:
    """Not by this process, which lets go of the ledger, and not by another on the same disk."""
    async with running() as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        await succeed(host, note, size, root)
        assert not host.sequencer.owns(WA)
        with pytest.raises(LedgerRetiredError):
            await host.proofs.receipts(WA, [0])
        with pytest.raises(LedgerRetiredError):
            await host.checkpoints.check(WA)
        await host.checkpoints.sign_all()
        with pytest.raises(SignedStateError):
            host.disk.signed_state.write("wa", size + 9, bytes(32))
        await grow(host, 1, OR)


async def test_what_was_in_force_beyond_the_cut_stays_in_force() -> None:
    """A policy and a part published there are published again behind the event."""
    async with running(policy_of(WA, RELEASE)) as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        newer = policy_of(WA, version=2)
        await host.overtake(WA, newer)
        done = await succeed(host, note, size, root)
        assert done.again == (entry_name(WA, size + 1),)
        (policy,) = await host.store.policies([WA])
        assert (policy.leaf_index, policy.body) == (size + 1, newer)


def key_entry(host: PracticeHost, kind: KeyEventKind, number: int, **fields: object) -> Entry:
    """A key event, as it is committed with its leaf."""
    event = KeyEvent(version=1, member=WA, event=kind, reason=KeepingReason.LITIGATION)
    document = encode_key_event(msgspec.structs.replace(event, **fields))
    (leaf,) = note_entry(host.disk, WA).leaves
    digest = sha256(document).digest()
    header = msgspec.structs.replace(leaf.header, kind=LeafKind.KEY, digest=digest, cites=None)
    return Entry(
        member=WA,
        exchange_id=make_id(NOW * 1_000_000_000, number.to_bytes(8, "big")),
        leaves=(msgspec.structs.replace(leaf, header=header),),
        document=document,
    )


async def test_no_litigation_hold_is_lifted_by_a_cut() -> None:
    """Key events beyond it are published again and cite each other; what they ended is ended."""
    async with running() as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        held, ended = KeyEventKind.HELD, KeyEventKind.HOLD_ENDED
        for number, entry in enumerate(
            [
                key_entry(host, held, 1),
                key_entry(host, held, 2, months=("2026-10",)),
                key_entry(host, ended, 3, entry=entry_name(WA, size)),
                key_entry(host, KeyEventKind.EXPUNGED, 4, entry=entry_name(WA, 1)),
                key_entry(host, KeyEventKind.EXPUNGED, 5, entry=entry_name(WA, size + 9)),
            ]
        ):
            await host.sequencer.commit([entry])
            assert host.size(WA) == size + number + 1
        done = await succeed(host, note, size, root)
        assert len(done.again) == 4
        rows = await host.store.key_events(WA)
        events = [parse_key_event(row.body) for row in rows]
        places = [row.leaf_index for row in rows]
        assert [(n, e.event, e.entry) for n, e in zip(places, events, strict=True)] == [
            (size, KeyEventKind.SUCCEEDED, None),
            (size + 1, held, None),
            (size + 2, held, None),
            (size + 3, ended, entry_name(WA, size + 1)),
            (size + 4, KeyEventKind.EXPUNGED, entry_name(WA, 1)),
        ]
        assert events[2].months == ("2026-10",)


async def test_what_was_withdrawn_stays_withdrawn() -> None:
    """A redaction beyond the cut of a leaf below it has its leaf again, and names no other."""
    async with running() as host:
        await grow(host, 6)
        note, size, root = await checkpoint_of(host)
        for index in (3, size):
            (leaf,) = note_entry(host.disk, WA).leaves
            header = msgspec.structs.replace(
                leaf.header, kind=LeafKind.REDACTION, cites=entry_name(WA, index), digest=None
            )
            entry = Entry(
                member=WA,
                exchange_id=make_id(NOW * 1_000_000_000, (900 + index).to_bytes(8, "big")),
                leaves=(msgspec.structs.replace(leaf, header=header),),
                redacts=LeafIndex(index),
            )
            await host.sequencer.commit([entry])
        await host.store.erase(WA, LeafIndex(3))
        done = await succeed(host, note, size, root)
        assert done.again == (entry_name(WA, size + 1),)
        assert await host.store.withdrawn(WA, 0, 99) == [3]
        assert host.store.tables.redactions == {(WA, 3): size + 1}
        (data,) = await host.store.leaves(WA, size + 1, size + 2)
        assert parse_leaf(data).cites == entry_name(WA, 3)


async def test_a_retired_ledger_has_one_successor() -> None:
    """The same order again changes nothing; an order on the successor makes a third."""
    async with running() as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        await succeed(host, note, size, root)
        with pytest.raises(SuccessionError):
            await succeed(host, note, size, root)
        again = await next_life(host)
        try:
            with pytest.raises(ComityError):
                await succeed(again, note, size, root)
            await grow(again, 2)
            note, size, root = await checkpoint_of(again)
            done = await succeed(again, note, size, root)
            assert parse_vkey(done.vkey).name == ledger_origin(DOMAIN, WA, 3)
        finally:
            await again.crash()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"entry": "wa/3"}, SuccessionError),
        ({"root": bytes(32)}, SuccessionError),
        ({"reason": KeepingReason.LITIGATION}, SuccessionError),
        ({"at": NOW - 2 * 86_400}, OrderExpiredError),
        ({"state": OR, "entry": "or/4"}, ComityError),
    ],
)
async def test_another_order_changes_nothing(
    changes: dict[str, object], error: type[ComityError]
) -> None:
    """Of another cut, for another reason, of another day: the ledger goes on as it was."""
    async with running() as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        order = order_for(size, root, **changes)
        with pytest.raises(error):
            await host.succession.succeed(WA, signed_by(order), note, ())
        await untouched(host, size)


async def test_one_person_is_not_enough() -> None:
    """What cannot be undone takes two."""
    async with running() as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        with pytest.raises(SecondPersonError):
            await host.succession.succeed(
                WA, signed_by(order_for(size, root), SIGNERS[:1]), note, ()
            )
        await untouched(host, size)


async def untouched(host: PracticeHost, size: int) -> None:
    """The ledger is as it was, and grows."""
    assert host.size(WA) == size
    assert host.disk.successions.staged() == []
    await grow(host, 1)
    assert host.size(WA) == size + 1


async def test_leaves_that_are_not_at_hand_are_no_prefix() -> None:
    """An altered leaf, or a checkpoint of another history under the ledger's own key."""
    async with running() as host:
        await grow(host, 9)
        note, size, root = await checkpoint_of(host)
        signer, key = host.ledger_keys.of(WA)
        forged = sign_note(checkpoint_text(FIRST, size, bytes(32)), key, signer)
        with pytest.raises(SuccessionError, match="do not make the checkpoint"):
            await succeed(host, forged, size, bytes(32))
        leaves = host.store.tables.leaves[WA]
        good = leaves[3]
        leaves[3] = (leaves[4][0], good[1])
        with pytest.raises(SuccessionError, match="from 3 on"):
            await succeed(host, note, size, root)
        leaves[3] = good
        await untouched(host, size)


async def test_a_head_that_contradicts_refuses_the_checkpoint() -> None:
    """What was signed here, or a witness shows, must be on the checkpoint's way."""
    async with running() as host:
        await grow(host, 9)
        note, size, root = await checkpoint_of(host)
        witness = MemoryWitness(KEY, {FIRST: [host.ledger_keys.of(WA)[1]]}, host.clock)
        host.disk.witnesses = (witness,)
        again = await next_life(host)
        signer, key = again.ledger_keys.of(WA)
        fork = sign_note(checkpoint_text(FIRST, size - 2, bytes(32)), key, signer)
        await witness.add_checkpoint(b"old 0\n\n" + fork)
        try:
            with pytest.raises(CheckpointContradictedError):
                await succeed(again, note, size, root)
            witness.is_silent = True
            silent = await next_life(again)
        finally:
            await again.crash()
        try:
            await succeed(silent, note, size, root, fork)
            (document,) = await silent.store.documents(WA, size, size + 1)
            event = parse_key_event(document.body)
            assert event.retired is not None
            assert event.retired.beyond == (fork.decode(),)
        finally:
            await silent.crash()


async def test_beyond_is_only_what_the_successor_does_not_continue() -> None:
    """A head below the cut that the tree passed is no evidence, nor is a stranger's note."""
    async with running() as host:
        await grow(host, 4)
        early, early_size, _ = await checkpoint_of(host)
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        signer, key = host.ledger_keys.of(OR)
        stranger = sign_note(checkpoint_text(key.name, 9, bytes(32)), key, signer)
        for wrong in (early, stranger):
            with pytest.raises(ComityError):
                await succeed(host, note, size, root, wrong)
        assert early_size < size
        await untouched(host, size)


async def test_a_copy_gives_what_the_store_has_lost() -> None:
    """An old backup with an export: its leaves come back, their private records do not."""
    async with running(policy_of(WA, RELEASE)) as host:
        await grow(host, 4)
        kept = host.size(WA)
        tables = host.store.tables
        backup = (tables.heads[WA], list(tables.leaves[WA]))
        newer = policy_of(WA, version=2)
        await host.overtake(WA, newer)
        await grow(host, BELOW)
        note, size, root = await checkpoint_of(host)
        entries = [data for data, _ in tables.leaves[WA][kept:]]
        roll_back(host, *backup)
        assert (await next_life(host)).sequencer.owns(WA) is False
        host.disk.successions.copies[FIRST] = MemoryCopied(kept, entries, {})
        again = await next_life(host)
        try:
            with pytest.raises(CopyError):
                await succeed(again, note, size, root)
            again = await next_life(again)
            host.disk.successions.copies[FIRST] = MemoryCopied(kept, entries, {kept: newer})
            done = await succeed(again, note, size, root)
            assert (done.kept, done.copied) == (kept, BELOW + 1)
            again = await next_life(again)
            assert again.sequencer.owns(WA)
            hashes = await again.store.leaf_hashes(WA, 0, size)
            assert tree_root(hashes) == root
            assert len(await again.store.nodes(WA, 1, 0, 9)) == 1
            (policy,) = await again.store.policies([WA])
            assert (policy.leaf_index, policy.body) == (kept, newer)
            assert await again.store.private_row(WA, kept + 1) is None
            assert await again.store.private_row(WA, kept - 1) is not None
            await again.checkpoints.check(WA)
        finally:
            await again.crash()


def roll_back(host: PracticeHost, head: object, leaves: list[tuple[bytes, bytes]]) -> None:
    """Put Washington's ledger back to an older state, as a restored backup does."""
    tables, size = host.store.tables, len(leaves)
    tables.heads[WA], tables.leaves[WA] = head, leaves  # type: ignore[assignment]
    tables.private = {k: v for k, v in tables.private.items() if k[0] != WA or k[1] < size}
    tables.keys = {k: v for k, v in tables.keys.items() if k[1] != WA or v < size}
    tables.policies = {k: v for k, v in tables.policies.items() if k[0] != WA or k[1] < size}
    tables.nodes = {k: v for k, v in tables.nodes.items() if k[0] != WA}
    tables.checkpoints = {k: v for k, v in tables.checkpoints.items() if k[0] != WA}


@pytest.mark.parametrize("fault", list(CommitFault))
async def test_a_commit_that_breaks(fault: CommitFault) -> None:
    """Lost: the ledger is refused, and the same order goes on. Persisted: the successor stands."""
    async with running() as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        await grow(host, 2)
        host.store.commit_fault = fault
        if fault is CommitFault.PERSISTED:
            await succeed(host, note, size, root)
        else:
            with pytest.raises(StoreDownError):
                await succeed(host, note, size, root)
            assert host.size(WA) == size + 2
            refused = await next_life(host)
            assert not refused.sequencer.owns(WA)
            assert refused.events.counts["succession_unfinished"] == 1
            await refused.crash()
            await succeed(host, note, size, root)
        again = await next_life(host)
        try:
            assert again.sequencer.owns(WA)
            assert again.size(WA) == size + 1
        finally:
            await again.crash()


@pytest.mark.parametrize("step", ["stage", "aside", "take_up"])
async def test_a_crash_at_any_step(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the staging nothing has happened; then refused; after the commit the successor."""
    async with running() as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        await grow(host, 2)

        def dies(*_: object) -> Staged:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(host.disk.successions, step, dies)
            with pytest.raises(KeyboardInterrupt):
                await succeed(host, note, size, root)
        again = await next_life(host)
        try:
            assert again.sequencer.owns(WA) is (step != "aside")
            assert again.size(WA) == (size + 1 if step == "take_up" else size + 2)
            if step != "take_up":
                await succeed(again, note, size, root)
                again = await next_life(again)
            assert again.sequencer.owns(WA)
            assert again.ledger_keys.origin(WA) == SECOND
            assert again.size(WA) == size + 1
        finally:
            await again.crash()


async def test_a_lost_key_is_the_one_that_the_directory_names() -> None:
    """A host without the key can still retire the ledger that it signed."""
    async with running() as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        host.ledger_keys._keys.pop(WA)
        order = order_for(size, root, reason=KeepingReason.KEY_LOSS)
        done = await host.succession.succeed(WA, signed_by(order), note, ())
        assert parse_vkey(done.vkey).name == SECOND


async def test_a_ledger_of_another_host_is_not_succeeded_here() -> None:
    """Nor is one of a member that has none."""
    async with running() as host:
        await grow(host, 4)
        note, size, root = await checkpoint_of(host)
        order = order_for(size, root, state=Member("tx"), entry=entry_name(Member("tx"), size))
        with pytest.raises(ComityError):
            await host.succession.succeed(Member("tx"), signed_by(order), note, ())
