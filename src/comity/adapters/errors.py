"""What adapters raise beyond the errors of the ports.

Guarantee: no text holds a value of a row, because the database puts values into its messages.
"""

from __future__ import annotations

from comity.domain.errors import ComityError, MalformedError

__all__ = [
    "AlteredError",
    "KeyFileError",
    "MessageTooLargeError",
    "MigrationError",
    "RowRefusedError",
    "SignedStateError",
]


class RowRefusedError(ComityError):
    """The store refused a batch for what is in it; the same batch will be refused again."""

    code = "row-refused"


class MigrationError(ComityError):
    """The database's schema is not one that these migrations made."""

    code = "migration-altered"


class AlteredError(ComityError):
    """Sealed bytes do not open: they were altered, or moved from another place."""

    code = "sealed-bytes-altered"


class KeyFileError(ComityError):
    """A file of the keyring does not hold a key; nothing may be sealed in its place."""

    code = "key-file-malformed"


class MessageTooLargeError(ComityError):
    """A message is larger than the wire takes; sending it again does not help."""

    code = "message-too-large"


class SignedStateError(MalformedError):
    """A kept size and root cannot be read; the ledger must not be started over it."""

    code = "signed-state-malformed"
