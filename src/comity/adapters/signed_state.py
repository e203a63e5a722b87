"""The signed state as files: the last signed size and root of each ledger, outside the database.

Guarantee: a state is durable before it is believed; a file that cannot be read is an error, never
"nothing was signed".
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from comity.adapters.errors import SignedStateError
from comity.domain.ids import Member

__all__ = ["FileSignedState"]

_FORM: Final = re.compile(r"comity/signed-state/v1\n(0|[1-9][0-9]{0,18})\n([0-9a-f]{64})\n")


class FileSignedState:
    """One file per ledger."""

    def __init__(self, directory: Path) -> None:
        self._dir = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, member: Member) -> tuple[int, bytes] | None:
        """Return the last signed size and root. Raises: SignedStateError if it is damaged."""
        try:
            text = (self._dir / member).read_text("ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SignedStateError("the signed state of a ledger cannot be read") from error
        found = _FORM.fullmatch(text)
        if found is None:
            raise SignedStateError("the signed state of a ledger is damaged")
        return int(found[1]), bytes.fromhex(found[2])

    def write(self, member: Member, size: int, root: bytes) -> None:
        """Keep them durably before the checkpoint is shown to anyone."""
        fresh = self._dir / f".{member}"
        with fresh.open("w", encoding="ascii") as file:
            file.write(f"comity/signed-state/v1\n{size}\n{root.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._dir / member)
        descriptor = os.open(self._dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
