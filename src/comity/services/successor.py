"""The transaction that makes a successor: evidence out, the cut, leaves of a copy, first leaves.

Guarantee: what lay beyond the cut is on the disk before the commit; what was in force there stays
in force. The newest policy and part of the directory, every key event, every redaction of a leaf
that is kept and every demand of the register are published again right behind the successor's first
own leaf, so that a cut never brings back a looser rule, a reviewer who was dismissed or a record
that a court had sealed, and never lifts a litigation hold or forgets a demand.
Source: docs/adr/0026-succession.md.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from comity.directory.part import SignedPart, encode_signed_part
from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member, entry_name, make_id, parse_entry_name
from comity.domain.keeping import KeyEventKind, Order, encode_key_event, parse_key_event
from comity.domain.leaf import LeafHeader, parse_leaf
from comity.domain.vocabulary import LeafKind, LeafMode
from comity.exchange.leaves import HOUR_SECONDS, WantedLeaf
from comity.exchange.private import Fields, note_fields
from comity.ledger.plan import LedgerHead, LedgerPlan, PlacedLeaf, make_plan
from comity.ledger.tree import Frontier, append, hash_leaves
from comity.ports import (
    AsideRow,
    BatchWrite,
    Copied,
    Cut,
    CutDone,
    Cutting,
    DemandRow,
    DirectoryRow,
    DocumentRow,
    HeadWrite,
    LeafRow,
    PolicyRow,
    RedactionRow,
    Store,
    SuccessionFiles,
    SuccessionRow,
)
from comity.review.demands import demand_header
from comity.services.entries import DirectoryPublication, Entry, Preparer, batch_write

__all__ = ["CopyError", "FirstLeaves", "cut_and_continue"]

_NS: Final = 1_000_000_000
_MARKS: Final = (b'"k":"reveal"', b'"k":"redaction"', b'"k":"key"')
_DOCUMENTED: Final = frozenset({LeafKind.POLICY, LeafKind.KEY})


class CopyError(ComityError):
    """A copy does not hold the document of a leaf that cannot do without it."""

    code = "copy-incomplete"


class FirstLeaves(msgspec.Struct, frozen=True, kw_only=True):
    """What a successor's first own leaf says, and who ordered it."""

    member: Member
    order: Order
    persons: tuple[str, ...]
    signed: bytes
    document: bytes


class _Beyond(msgspec.Struct, kw_only=True):
    """What was seen on its way out: how much of each kind, what was in force, what was opened."""

    counts: Counter[str]
    policy: PolicyRow | None = None
    part: DirectoryRow | None = None
    revealed: list[int]
    redacted: list[int]
    events: dict[int, bytes]
    """The documents of key leaves, by index; empty until the document was seen."""
    demands: list[DemandRow] = msgspec.field(default_factory=list)


async def cut_and_continue(
    *,
    store: Store,
    files: SuccessionFiles,
    preparer: Preparer,
    row: SuccessionRow,
    tree: tuple[Frontier, bytes],
    copied: Copied | None,
    first: FirstLeaves,
    now_ns: int,
) -> tuple[Counter[str], tuple[str, ...]]:
    """Make the successor; return how many rows of each kind were set aside, and what was
    published again.

    tree: frontier and root of the `row.kept` leaves that stay.
    Raises: CopyError, StoreDownError, CommitUnknownError, HeadMovedError, RowRefusedError.
    """
    frontier, root = tree
    async with store.cutting(row.member) as cutting:
        beyond = await _set_aside(cutting, files, row)
        cut = Cut(
            succession=row, frontier=frontier, root=root, revealed=tuple(sorted(beyond.revealed))
        )
        done = await cutting.cut(cut)
        head = LedgerHead(frontier=frontier, policy=done.policy)
        in_force: bytes | None = None
        for page in copied.pages() if copied is not None else ():
            head, in_force = await _fill(cutting, copied, (row.member, done, head, in_force), page)
        entries = _entries(row, first, beyond, in_force, now_ns)
        head_old, prepared = head, preparer.prepare(entries)
        plan = make_plan([item.submission for item in prepared], {row.member: head_old}, {})
        sealed = preparer.seal(entries, prepared, plan, now_ns)
        await cutting.write(batch_write(plan, {row.member: done.epoch}, sealed))
    again = [entry_name(row.member, row.leaf_index + n) for n in range(1, len(entries))]
    return beyond.counts, tuple(again)


async def _set_aside(cutting: Cutting, files: SuccessionFiles, row: SuccessionRow) -> _Beyond:
    beyond = _Beyond(counts=Counter(), revealed=[], redacted=[], events={})
    with files.aside(row.retired) as put:
        async for page in cutting.beyond(row.kept):
            await asyncio.to_thread(put, page)
            for aside in page:
                _look_at(beyond, aside, row.kept)
    return beyond


def _look_at(beyond: _Beyond, row: AsideRow, kept: int) -> None:
    beyond.counts[type(row).__name__.removesuffix("Row").lower()] += 1
    match row:
        case PolicyRow():
            beyond.policy = row
        case DirectoryRow():
            if beyond.part is None or row.version > beyond.part.version:
                beyond.part = row
        case LeafRow() if any(mark in row.data for mark in _MARKS):
            _look_at_leaf(beyond, row, kept)
        case DemandRow():
            beyond.demands.append(row)
        case DocumentRow() if row.leaf_index in beyond.events:
            beyond.events[row.leaf_index] = row.body
        case _:
            pass


def _look_at_leaf(beyond: _Beyond, row: LeafRow, kept: int) -> None:
    header = parse_leaf(row.data)
    cited = parse_entry_name(header.cites)[1] if header.cites else kept
    if header.kind is LeafKind.KEY:
        beyond.events[row.leaf_index] = b""
    elif header.kind is LeafKind.REVEAL and cited < kept:
        beyond.revealed.append(cited)
    elif header.kind is LeafKind.REDACTION and cited < kept:
        beyond.redacted.append(cited)


async def _fill(
    cutting: Cutting,
    copied: Copied | None,
    state: tuple[Member, CutDone, LedgerHead, bytes | None],
    page: Sequence[bytes],
) -> tuple[LedgerHead, bytes | None]:
    """Add leaves of a copy; return the new head, and the digest of a policy among them."""
    assert copied is not None
    member, done, head, in_force = state
    size, hashes = head.frontier.size, hash_leaves(page)
    growth, policy = append(head.frontier, hashes), head.policy
    policies: list[PolicyRow] = []
    documents: list[DocumentRow] = []
    events: list[tuple[Member, LeafIndex]] = []
    redactions: list[RedactionRow] = []
    shadows: list[tuple[Member, LeafIndex, int]] = []
    for index, entry in enumerate(page, start=size):
        header = parse_leaf(entry)
        body = await asyncio.to_thread(copied.document, index)
        place = LeafIndex(index)
        if header.kind in _DOCUMENTED and (body is None or sha256(body).digest() != header.digest):
            raise CopyError(f"the document of leaf {index} is not in the copy, or is another")
        if header.kind is LeafKind.POLICY and header.mode is not LeafMode.SHADOW:
            assert body is not None
            assert header.digest is not None
            policy, in_force = index, header.digest
            policies.append(
                PolicyRow(member=member, leaf_index=place, digest=header.digest, body=body)
            )
        elif body is not None:
            documents.append(DocumentRow(member=member, leaf_index=place, body=body))
        if header.kind is LeafKind.POLICY and header.mode is LeafMode.SHADOW:
            # A copy has the hour alone: from its end on, so that no notice is ever too short.
            shadows.append((member, place, (header.hour + 1) * HOUR_SECONDS))
        if header.kind is LeafKind.KEY:
            events.append((member, place))
        if header.kind is LeafKind.REDACTION:
            assert header.cites is not None
            cited = parse_entry_name(header.cites)[1]
            redactions.append(RedactionRow(member=member, leaf_index=cited, named_by=place))
    plan = LedgerPlan(
        member=member, size_old=size, growth=growth, hashes=tuple(hashes), policy=policy
    )
    await cutting.write(
        BatchWrite(
            heads=(
                HeadWrite(
                    member=member,
                    size_old=size,
                    epoch=done.epoch,
                    frontier=growth.frontier,
                    root=growth.root,
                    policy=policy,
                ),
            ),
            leaves=tuple(
                (member, PlacedLeaf(index=LeafIndex(i), step=0, data=data, leaf_hash=leaf_hash))
                for i, (data, leaf_hash) in enumerate(zip(page, hashes, strict=True), start=size)
            ),
            keys=(),
            nodes=tuple((member, node) for node in plan.nodes()),
            private=(),
            policies=tuple(policies),
            documents=tuple(documents),
            key_events=tuple(events),
            redactions=tuple(redactions),
            shadows=tuple(shadows),
        )
    )
    return LedgerHead(frontier=growth.frontier, policy=policy), in_force


def _entries(
    row: SuccessionRow, first: FirstLeaves, beyond: _Beyond, in_force: bytes | None, now_ns: int
) -> list[Entry]:
    """Return what the successor begins with: its event, then what was in force beyond the cut."""
    fields = note_fields(
        order=first.signed.decode(), persons=",".join(first.persons), matter=first.order.matter
    )
    made = [_entry(first.member, LeafKind.KEY, first.document, fields, now_ns)]
    entries = [msgspec.structs.replace(made[0], document=first.document)]
    if beyond.policy is not None and beyond.policy.digest != in_force:
        body = beyond.policy.body
        entry = _published(first.member, LeafKind.POLICY, body, now_ns)
        entries.append(msgspec.structs.replace(entry, policy=body))
    if beyond.part is not None:
        part = beyond.part
        signed = SignedPart(member=part.member, body=part.body, signature=part.signature)
        entry = _published(first.member, LeafKind.DIRECTORY, encode_signed_part(signed), now_ns)
        publication = DirectoryPublication(
            version=part.version, body=part.body, signature=part.signature
        )
        entries.append(msgspec.structs.replace(entry, directory=publication))
    for document in _events(row, beyond, len(entries)):
        entry = _published(first.member, LeafKind.KEY, document, now_ns)
        entries.append(msgspec.structs.replace(entry, document=document))
    for index in beyond.redacted:
        cites = entry_name(first.member, index)
        entry = _published(first.member, LeafKind.REDACTION, cites.encode(), now_ns)
        entries.append(msgspec.structs.replace(entry, redacts=LeafIndex(index)))
    entries += [_carried(demand, now_ns) for demand in beyond.demands]
    # Two of them may say the same: their leaves' keys must differ all the same.
    unique = [sha256(b"%d" % n + first.document).digest()[:8] for n in range(len(entries))]
    return [
        msgspec.structs.replace(entry, exchange_id=entry.exchange_id or make_id(now_ns, entropy))
        for entry, entropy in zip(entries, unique, strict=True)
    ]


def _events(row: SuccessionRow, beyond: _Beyond, placed: int) -> list[bytes]:
    """Return the key events from beyond the cut, citing each other where they are placed now.

    What ends a hold cites the leaf that began it. What was expunged beyond the cut is not there.
    """
    places: dict[int, int] = {}
    documents: list[bytes] = []
    for index, document in sorted(beyond.events.items()):
        event = parse_key_event(document)
        cited = parse_entry_name(event.entry)[1] if event.entry is not None else None
        if event.event is KeyEventKind.SUCCEEDED:
            continue
        if cited is not None and cited >= row.kept:
            if cited not in places:
                continue
            entry = entry_name(row.member, places[cited])
            event = msgspec.structs.replace(event, entry=entry)
        places[index] = row.leaf_index + placed + len(documents)
        documents.append(encode_key_event(event))
    return documents


def _carried(row: DemandRow, now_ns: int) -> Entry:
    """Return a demand whose leaf lies beyond the cut, registered again: open, with all its acts."""
    fields = note_fields(again=entry_name(row.member, row.leaf_index))
    leaf = WantedLeaf(
        step=0, header=demand_header(row.member, row.kind, now_ns // _NS), fields=fields
    )
    carried = msgspec.structs.replace(row, handed=(None,) * len(row.handed), ended_by=None)
    return Entry(member=row.member, exchange_id=row.demand_id, leaves=(leaf,), carried=carried)


def _published(member: Member, kind: LeafKind, document: bytes, now_ns: int) -> Entry:
    digest = sha256(document).hexdigest()
    fields = note_fields(document=digest, published_at=str(now_ns // _NS))
    return _entry(member, kind, document, fields, now_ns)


def _entry(member: Member, kind: LeafKind, document: bytes, fields: Fields, now_ns: int) -> Entry:
    """Return a leaf that names a document by its digest, or, for a redaction, an entry."""
    digest = sha256(document).digest()
    is_redaction = kind is LeafKind.REDACTION
    leaf = WantedLeaf(
        step=0,
        header=LeafHeader(
            version=1,
            kind=kind,
            mode=LeafMode.LIVE,
            hour=now_ns // _NS // HOUR_SECONDS,
            member=member,
            digest=None if is_redaction else digest,
            cites=document.decode() if is_redaction else None,
        ),
        fields=fields,
    )
    return Entry(member=member, exchange_id=b"", leaves=(leaf,))
