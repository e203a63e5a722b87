"""A ledger as files that any web server can host: documents, bundles, tiles, key, checkpoint last.

It is read through the read-only role, page by page, so that memory does not grow with the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import LeafIndex, Member
from comity.ledger.export import Withdrawn, export_tree
from comity.ledger.note import VerifierKey, verify_checkpoint
from comity.ledger.tile import document_path
from comity.ports import DocumentRow, LedgerRows, Store

__all__ = ["PAGE_LEAVES", "NoCheckpointError", "export_ledger"]

PAGE_LEAVES: Final = 4_096


class NoCheckpointError(ComityError):
    """The ledger has no public checkpoint yet: nothing can be exported."""

    code = "checkpoint-missing"


async def export_ledger(
    store: Store,
    member: Member,
    key: VerifierKey,
    write: Callable[[str, bytes], None],
    told: Callable[[int, int], None] = lambda _done, _of: None,
    *,
    rows: LedgerRows | None = None,
) -> int:
    """Write every document of a ledger up to its newest checkpoint; return the size.

    `rows` reads where the store alone no longer has every leaf. `write` gets (path, bytes) in an
    order in which the checkpoint is last; it and `told` (leaves read, of how many) are called from
    another thread.
    Raises: NoCheckpointError, ExportError if the leaves do not make the checkpoint.
    """
    row = await store.checkpoint(member)
    if row is None:
        raise NoCheckpointError("the ledger has no public checkpoint yet")
    size = verify_checkpoint(row.note, key).size
    loop = asyncio.get_running_loop()
    read = rows or store

    def entries() -> Iterator[bytes | Withdrawn]:
        for first in range(0, size, PAGE_LEAVES):
            last = min(first + PAGE_LEAVES, size)
            page = asyncio.run_coroutine_threadsafe(_entries(read, member, first, last), loop)
            yield from page.result()
            told(last, size)

    def documents() -> Iterator[DocumentRow]:
        for first in range(0, size, PAGE_LEAVES):
            last = min(first + PAGE_LEAVES, size)
            page = asyncio.run_coroutine_threadsafe(_documents(read, member, first, last), loop)
            yield from page.result()

    def export() -> None:
        for document in documents():
            write(document_path(document.leaf_index), document.body)
        for path, data in export_tree(entries(), row.published, key):
            write(path, data)

    await asyncio.to_thread(export)
    return size


async def _entries(
    rows: LedgerRows, member: Member, first: int, last: int
) -> list[bytes | Withdrawn]:
    """Return the leaves of [first, last), and of one that is no longer public its hash."""
    entries: list[bytes | Withdrawn] = [*await rows.leaves(member, first, last)]
    withdrawn = set(await rows.withdrawn(member, first, last))
    # The neighbours of a withdrawn leaf may be nowhere any more.
    withdrawn |= {LeafIndex(index) for index, entry in enumerate(entries, first) if not entry}
    for index in sorted(withdrawn):
        (leaf_hash,) = await rows.leaf_hashes(member, index, index + 1)
        entries[index - first] = Withdrawn(leaf_hash=leaf_hash)
    return entries


async def _documents(rows: LedgerRows, member: Member, first: int, last: int) -> list[DocumentRow]:
    """Return the documents of the leaves of [first, last) that are public."""
    withdrawn = frozenset(await rows.withdrawn(member, first, last))
    found = await rows.documents(member, first, last)
    return [row for row in found if row.leaf_index not in withdrawn]
