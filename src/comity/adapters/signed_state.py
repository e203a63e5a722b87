"""The last signed size and root of each ledger, on disk and outside the database.

Guarantee: what `write` was given is on the disk when it returns, whole; a size never goes back. A
restored backup of the database is smaller than this and is refused (`one-ledger-one-writer`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from comity.adapters.errors import SignedStateError
from comity.adapters.files import make_folder, write_whole

__all__ = ["FileSignedState"]

_FORM: Final = re.compile(rb"comity signed state 1\n(0|[1-9][0-9]{0,18})\n([0-9a-f]{64})\n")
_BYTES_MAX: Final = 256


class FileSignedState:
    """One small file per ledger."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._folder = folder

    def read(self, ledger: str) -> tuple[int, bytes] | None:
        """Return the last signed size and root, or None. Raises: SignedStateError."""
        try:
            with self._path(ledger).open("rb") as file:
                data = file.read(_BYTES_MAX)
        except FileNotFoundError:
            return None
        found = _FORM.fullmatch(data)
        if found is None:
            raise SignedStateError(f"the signed state of `{ledger}` is not whole")
        return int(found[1]), bytes.fromhex(found[2].decode())

    def write(self, ledger: str, size: int, root: bytes) -> None:
        """Keep them durably. Raises: SignedStateError if the ledger would become smaller."""
        if self.is_retired(ledger):
            raise SignedStateError(f"the ledger `{ledger}` was retired: nothing is signed for it")
        last = self.read(ledger)
        if last == (size, root):
            return
        if last is not None and size <= last[0]:
            raise SignedStateError(f"the signed state of `{ledger}` does not continue the last")
        text = f"comity signed state 1\n{size}\n{root.hex()}\n"
        write_whole(self._path(ledger), text.encode())

    def retire(self, ledger: str) -> None:
        """Let nothing be signed for a ledger any more; what was signed last can still be read."""
        write_whole(self._folder / f"{ledger}.retired", b"comity retired 1\n")

    def is_retired(self, ledger: str) -> bool:
        """Say whether a ledger was retired."""
        return (self._folder / f"{ledger}.retired").exists()

    def _path(self, ledger: str) -> Path:
        return self._folder / f"{ledger}.state"
