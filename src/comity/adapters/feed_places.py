"""How far each state's feed has come, on disk and outside the database, which a worker only reads.

Guarantee: what `write` was given is on the disk when it returns, whole. A file that is not whole is
an error, so that nothing is passed over and nothing told twice without anybody knowing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from comity.adapters.errors import FeedPlaceError
from comity.adapters.files import make_folder, write_whole
from comity.domain.ids import Member

__all__ = ["FileFeedPlaces"]

_FORM: Final = re.compile(rb"comity feed 1\n(0|[1-9][0-9]{0,17})\n")
_BYTES_MAX: Final = 64


class FileFeedPlaces:
    """One small file per member, `il.place`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, member: Member) -> int | None:
        """Return the next leaf, or None. Raises: FeedPlaceError."""
        try:
            with self._path(member).open("rb") as file:
                data = file.read(_BYTES_MAX)
        except FileNotFoundError:
            return None
        except OSError:
            raise FeedPlaceError(f"the place of the feed of `{member}` cannot be read") from None
        found = _FORM.fullmatch(data)
        if found is None:
            raise FeedPlaceError(f"the place of the feed of `{member}` is not whole")
        return int(found[1])

    def write(self, member: Member, place: int) -> None:
        """Keep the next leaf durably. Raises: FeedPlaceError."""
        try:
            make_folder(self._folder)
            write_whole(self._path(member), b"comity feed 1\n%d\n" % place)
        except OSError:
            raise FeedPlaceError(f"the place of the feed of `{member}` cannot be kept") from None

    def _path(self, member: Member) -> Path:
        return self._folder / f"{member}.place"
