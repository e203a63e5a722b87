"""The book of passkeys as one file, which the console and the command line both change.

Guarantee: a change is on the disk, whole, before it counts; two changes never come in between each
other, also of two processes (a lock on the file beside it). A file that somebody else may read or
that belongs to another account is refused, and so is one that is no book: nobody is admitted by it.
Source: docs/adr/0059-passkeys-at-the-sign-in.md.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from comity.adapters.files import write_whole
from comity.domain.passkeys import (
    PASSKEY_FILE_BYTES_MAX,
    PasskeyBook,
    PasskeyFileError,
    encode_passkeys,
    parse_passkeys,
)
from comity.ports import PasskeysDownError

__all__ = ["FilePasskeys"]

_OTHERS = 0o077
_Stamp = tuple[int, int, int, int]


class FilePasskeys:
    """Follows one file. `_known` is what it held when it had that stamp."""

    def __init__(self, path: Path) -> None:
        """Follow a file; nothing is read yet, and it need not be there."""
        self._path = path
        self._known: tuple[_Stamp, PasskeyBook] | None = None
        self._lock = Lock()

    def read(self) -> PasskeyBook:
        """Return the book as it stands."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return PasskeyBook()
        except OSError:
            raise PasskeysDownError("passkeys cannot be read now") from None
        known = self._known
        # The time of the change is the disk's own; the time of the content can be set by a copy.
        stamp = (found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino)
        if known is not None and known[0] == stamp:
            return known[1]
        # The stamp is older than what is read: what is written in between is seen at the next look.
        book = self._read()
        self._known = stamp, book
        return book

    def change(self, step: Callable[[PasskeyBook], PasskeyBook]) -> PasskeyBook:
        """Put in the book's place what a step makes of it."""
        try:
            with self._alone():
                book = self._read() if self._path.exists() else PasskeyBook()
                changed = step(book)
                data = encode_passkeys(changed)
                self._check_owner()
                write_whole(self._path, data)
                return changed
        except OSError:
            raise PasskeysDownError("passkeys cannot be written now") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else change the book; a process that ends lets go."""
        beside = self._path.with_name(f".{self._path.name}.lock")
        with self._lock:
            descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)

    def _check_owner(self) -> None:
        """Check that the file stays readable to whom it belongs. Raises: PasskeysDownError."""
        place = self._path if self._path.exists() else self._path.parent
        if place.stat().st_uid != os.geteuid():
            raise PasskeysDownError(
                "the file of passkeys belongs to another account: run this as the console's"
            )

    def _read(self) -> PasskeyBook:
        try:
            with self._path.open("rb") as opened:
                mode = os.fstat(opened.fileno()).st_mode
                data = opened.read(PASSKEY_FILE_BYTES_MAX + 1)
        except OSError:
            raise PasskeysDownError("passkeys cannot be read now") from None
        if stat.S_IMODE(mode) & _OTHERS:
            raise PasskeyFileError("the file of passkeys may be read by others: give it 0600")
        return parse_passkeys(data)
