"""Members' own keys as files: `<st>.key`, 64 hexadecimal digits, where a host keeps them at all.

Guarantee: a key is read when it signs and is not kept; it signs parts of the directory and nothing
else. A member whose key is not here is told so, and signs elsewhere.
Source: docs/adr/0018-directory-messages.md, "Who signs"; docs/threat-model.md, table of keys.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.errors import KeyFileError
from comity.directory.part import part_message
from comity.domain.ids import Member

__all__ = ["FilePartSigner"]

_DIGITS: Final = re.compile(r"([0-9a-f]{64})\n?")


class FilePartSigner:
    """Signs parts with the keys of one folder, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sign(self, member: Member, body: bytes) -> bytes | None:
        """Return the member's signature over a part of this body, or None without its key.

        Raises: KeyFileError if the file holds no key.
        """
        path = self._folder / f"{member}.key"
        try:
            text = path.read_text("ascii", errors="replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyFileError(f"`{path.name}` of a member cannot be read") from error
        found = _DIGITS.fullmatch(text)
        if found is None:
            raise KeyFileError(f"`{path.name}` is not a key of 64 hexadecimal digits")
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(found[1]))
        return key.sign(part_message(body))
