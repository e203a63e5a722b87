"""Small files that must be whole and must survive: written beside, flushed, then renamed.

Guarantee: after `write_whole` or `create_whole` returns, a crash or a loss of power leaves the new
contents; before that, the old ones or none, never a part. Only the owner may read them.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

__all__ = ["create_whole", "flush_folder", "make_folder", "write_whole"]

_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


def make_folder(path: Path) -> None:
    """Make a private folder if it is missing, durably; its parent must exist."""
    try:
        path.mkdir(mode=_PRIVATE_FOLDER)
    except FileExistsError:
        return
    flush_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file's contents, or make it."""
    fresh = _write_beside(path, data)
    fresh.rename(path)
    flush_folder(path.parent)


def create_whole(path: Path, data: bytes) -> bool:
    """Make a file with these contents; return whether it is ours, and not there already."""
    fresh = _write_beside(path, data)
    try:
        # Unlike a rename, a link never replaces: of two that come at once, one wins.
        path.hardlink_to(fresh)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
        flush_folder(path.parent)
    return True


def _write_beside(path: Path, data: bytes) -> Path:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        fresh.unlink()
        raise
    return fresh


def flush_folder(path: Path) -> None:
    """Put a folder's own entries on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
