"""A ledger as anyone reads it over HTTP, held against its exported files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from comity.audit.tree import audit_tree
from comity.cli.exports import CHECKPOINT
from comity.cli.sources import open_ledger
from comity.practice.seen import (
    PublicSeen,
)

__all__ = ["read_public"]

_NEWS_SECONDS_MAX: Final = 5.0
_LOOK_SECONDS: Final = 0.2


def read_public(url: str, folder: Path, vkey: str) -> PublicSeen:
    """Audit a ledger by HTTP, then compare every document with the file of an export.

    Waits a few seconds until the server shows the export's checkpoint.
    Raises: LedgerUnreachableError.
    """
    with open_ledger(url) as fetch:
        _await_checkpoint(fetch, (folder / CHECKPOINT).read_bytes())
        report = audit_tree(fetch, vkey)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        named = [(file.relative_to(folder).as_posix(), file.read_bytes()) for file in files]
        differing = tuple(path for path, data in named if _fetched(fetch, path) != data)
    return PublicSeen(
        size=report.size,
        root=report.root.hex(),
        findings=tuple(f"{finding.code} {finding.path}" for finding in report.findings),
        documents=len(named),
        differing=differing,
    )


def _await_checkpoint(fetch: Callable[[str], bytes], note: bytes) -> None:
    deadline = time.monotonic() + _NEWS_SECONDS_MAX
    while _fetched(fetch, CHECKPOINT) != note and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _fetched(fetch: Callable[[str], bytes], path: str) -> bytes | None:
    try:
        return fetch(path)
    except FileNotFoundError:
        return None
