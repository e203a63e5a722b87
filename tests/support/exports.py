"""An exported ledger on disk: written once, linked for each test, rewritten where it changes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Documents", "change_export", "link_export", "write_export"]

Documents = Mapping[str, bytes]


def write_export(folder: Path, documents: Documents) -> Path:
    """Write documents by their paths below a folder; return it."""
    for path, data in documents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def link_export(whole: Path, folder: Path) -> Path:
    """Return a copy of an export whose files are shared until they are written anew."""
    shutil.copytree(whole, folder, copy_function=os.link)
    return folder


def change_export(folder: Path, before: Documents, after: Documents) -> Path:
    """Make a linked export hold other documents, without touching those that it shares."""
    for path in before.keys() - after.keys():
        (folder / path).unlink()
    fresh = {path: data for path, data in after.items() if before.get(path) != data}
    for path in fresh:
        (folder / path).unlink(missing_ok=True)
    return write_export(folder, fresh)
