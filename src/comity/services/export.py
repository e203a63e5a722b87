"""A ledger as files that any web server can host: tiles, bundles, key, and the checkpoint last.

It is read through the read-only role, page by page, so that memory does not grow with the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from comity.domain.errors import ComityError
from comity.domain.ids import Member
from comity.ledger.export import export_tree
from comity.ledger.note import VerifierKey, verify_checkpoint
from comity.ports import Store

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
) -> int:
    """Write every document of a ledger up to its newest checkpoint; return the size.

    `write` gets (path, bytes) in an order in which the checkpoint is last; it and `told` (leaves
    read, of how many) are called from another thread.
    Raises: NoCheckpointError, ExportError if the leaves do not make the checkpoint.
    """
    row = await store.checkpoint(member)
    if row is None:
        raise NoCheckpointError("the ledger has no public checkpoint yet")
    size = verify_checkpoint(row.note, key).size
    loop = asyncio.get_running_loop()

    def entries() -> Iterator[bytes]:
        for first in range(0, size, PAGE_LEAVES):
            last = min(first + PAGE_LEAVES, size)
            page = asyncio.run_coroutine_threadsafe(store.leaves(member, first, last), loop)
            yield from page.result()
            told(last, size)

    def export() -> None:
        for path, data in export_tree(entries(), row.note, key):
            write(path, data)

    await asyncio.to_thread(export)
    return size
