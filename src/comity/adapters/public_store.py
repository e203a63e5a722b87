"""The public store on a folder, which any web server may show as it is.

Guarantee: a file stands under its name only whole and on the disk; no file is ever written over. Of
two that write one path at once, one wins and the other compares. Whoever can read the folder may
read every file in it.
Source: docs/adr/0025-public-store.md.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from pathlib import Path
from typing import Final

from comity.adapters.files import flush_folder
from comity.ports import PublicClashError, PublicStoreError

__all__ = ["PUBLIC_FILE_BYTES_MAX", "FolderPublicStore"]

PUBLIC_FILE_BYTES_MAX: Final = 64 * 2**20
"""The longest public file: the table of 65,536 leaves, each as long as a leaf can be."""

_PATH: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o755


class FolderPublicStore:
    """Public files below one folder, made when the first one is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, path: str, data: bytes) -> None:
        """Keep a file durably. Raises: PublicClashError, PublicStoreError."""
        await asyncio.to_thread(self._put, self._place(path), data)

    async def get(self, path: str) -> bytes | None:
        """Return a file's bytes, or None if there is none. Raises: PublicStoreError."""
        return await asyncio.to_thread(_read, self._place(path))

    async def paths(self, prefix: str) -> list[str]:
        """Return the paths below a folder, sorted. Raises: PublicStoreError."""
        return await asyncio.to_thread(self._paths, self._place(prefix))

    async def remove(self, path: str) -> None:
        """Take a file away, if it is there. Raises: PublicStoreError."""
        await asyncio.to_thread(_remove, self._place(path))

    def _place(self, path: str) -> Path:
        if not _PATH.fullmatch(path):
            raise PublicStoreError("`path` is not one of the public store")
        return self._folder / path

    def _put(self, place: Path, data: bytes) -> None:
        if len(data) > PUBLIC_FILE_BYTES_MAX:
            raise PublicStoreError(f"a public file is over {PUBLIC_FILE_BYTES_MAX} bytes")
        try:
            self._make_folder(place.parent)
            if not place.is_file():
                _link(place, data)
            # Also where the file was there: whoever made it may have crashed before this.
            flush_folder(place.parent)
        except OSError as error:
            raise _unusable(error) from None
        if _read(place) != data:
            raise PublicClashError(f"`{place.relative_to(self._folder)}` holds other bytes")

    def _make_folder(self, folder: Path) -> None:
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for made in reversed(missing):
            made.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            flush_folder(made.parent)

    def _paths(self, folder: Path) -> list[str]:
        try:
            found = [place for place in folder.rglob("*") if place.is_file()]
        except OSError as error:
            raise _unusable(error) from None
        # What a crash left beside has a name that begins with a dot.
        names = (place.relative_to(self._folder).as_posix() for place in found)
        return sorted(name for name in names if _PATH.fullmatch(name))


def _link(place: Path, data: bytes) -> None:
    fresh = _write_beside(place, data)
    try:
        # Unlike a rename, a link never replaces.
        place.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _write_beside(place: Path, data: bytes) -> Path:
    fresh = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        fresh.unlink()
        raise
    return fresh


def _read(place: Path) -> bytes | None:
    try:
        with place.open("rb") as file:
            data = file.read(PUBLIC_FILE_BYTES_MAX + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unusable(error) from None
    return data


def _remove(place: Path) -> None:
    try:
        place.unlink(missing_ok=True)
        if place.parent.is_dir():
            flush_folder(place.parent)
    except OSError as error:
        raise _unusable(error) from None


def _unusable(error: OSError) -> PublicStoreError:
    return PublicStoreError(f"the public store cannot be used ({os.strerror(error.errno or 0)})")
