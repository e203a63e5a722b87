"""How far each state's feed and digest have come, on disk and outside the database, which a worker
only reads.

Guarantee: what `write` was given is on the disk when it returns, whole. A file that is not whole is
an error, so that nothing is passed over and nothing told twice without anybody knowing.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Final

from comity.adapters.errors import FeedPlaceError
from comity.adapters.files import make_folder, write_whole
from comity.domain.ids import Member

__all__ = ["FileDigestPlaces", "FileFeedPlaces"]

_FORM: Final = re.compile(rb"comity feed 1\n(0|[1-9][0-9]{0,17})\n")
_DIGEST_FORM: Final = re.compile(
    rb"comity digest 1\n(0|[1-9][0-9]{0,17})\n([0-9]{4}-[0-9]{2}-[0-9]{2})\n"
)
_BYTES_MAX: Final = 64


class FileFeedPlaces:
    """One small file per member, `il.place`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, member: Member) -> int | None:
        """Return the next leaf, or None. Raises: FeedPlaceError."""
        found = _read(self._folder / f"{member}.place", _FORM)
        return None if found is None else int(found[1])

    def write(self, member: Member, place: int) -> None:
        """Keep the next leaf durably. Raises: FeedPlaceError."""
        _write(self._folder / f"{member}.place", b"comity feed 1\n%d\n" % place)


class FileDigestPlaces:
    """One small file per member, `il.digest-place`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, member: Member) -> tuple[int, date] | None:
        """Return the next leaf and the last day, or None. Raises: FeedPlaceError."""
        path = self._folder / f"{member}.digest-place"
        found = _read(path, _DIGEST_FORM)
        if found is None:
            return None
        try:
            return int(found[1]), date.fromisoformat(found[2].decode())
        except ValueError:
            raise FeedPlaceError(f"`{path.name}` is not whole") from None

    def write(self, member: Member, place: tuple[int, date]) -> None:
        """Keep the next leaf and the day durably. Raises: FeedPlaceError."""
        data = b"comity digest 1\n%d\n%s\n" % (place[0], place[1].isoformat().encode())
        _write(self._folder / f"{member}.digest-place", data)


def _read(path: Path, form: re.Pattern[bytes]) -> re.Match[bytes] | None:
    try:
        with path.open("rb") as file:
            data = file.read(_BYTES_MAX)
    except FileNotFoundError:
        return None
    except OSError:
        raise FeedPlaceError(f"`{path.name}` cannot be read") from None
    found = form.fullmatch(data)
    if found is None:
        raise FeedPlaceError(f"`{path.name}` is not whole")
    return found


def _write(path: Path, data: bytes) -> None:
    try:
        make_folder(path.parent)
        write_whole(path, data)
    except OSError:
        raise FeedPlaceError(f"`{path.name}` cannot be kept") from None
