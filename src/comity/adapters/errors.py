"""What adapters raise beyond the errors of the ports.

Guarantee: no text holds a value of a row, because the database puts values into its messages.
"""

from __future__ import annotations

from comity.domain.errors import ComityError, MalformedError

__all__ = [
    "CedarError",
    "ClientSecretError",
    "FeedPlaceError",
    "FeedSecretError",
    "KeyFileError",
    "KeySafeError",
    "MessageTooLargeError",
    "MigrationError",
    "PaperError",
    "RowRefusedError",
    "SignedStateError",
    "SourcesFileError",
    "SuccessionFilesError",
    "WitnessRecordsError",
]


class RowRefusedError(ComityError):
    """The store refused a batch for what is in it; the same batch will be refused again."""

    code = "row-refused"


class MigrationError(ComityError):
    """The database's schema is not one that these migrations made."""

    code = "migration-altered"


class ClientSecretError(ComityError):
    """The file with the console's secret cannot be read, holds none, or others may read it."""

    code = "client-secret-file"


class FeedPlaceError(ComityError):
    """How far a state's feed has come cannot be read or kept; nothing is told."""

    code = "feed-place"


class FeedSecretError(ComityError):
    """The secret of a state's feed cannot be read, is short, or others may read it."""

    code = "feed-secret-file"


class CedarError(ComityError):
    """A text is not rules in Cedar, or says more than a rule record can say."""

    code = "cedar-refused"


class KeyFileError(ComityError):
    """A file of the keyring does not hold a key; nothing may be sealed in its place."""

    code = "key-file-malformed"


class KeySafeError(ComityError):
    """The device that month keys stand under does not do what it is asked; nothing is sealed."""

    code = "key-safe-unavailable"


class MessageTooLargeError(ComityError):
    """A message is larger than the wire takes; sending it again does not help."""

    code = "message-too-large"


class PaperError(ComityError):
    """A document cannot be set on paper: too long, or not what the template takes."""

    code = "paper-not-set"


class SignedStateError(MalformedError):
    """A kept size and root cannot be read; the ledger must not be started over it."""

    code = "signed-state-malformed"


class SourcesFileError(MalformedError):
    """The file that gives states their sources is not one; no gateway starts with it."""

    code = "sources-file-malformed"


class WitnessRecordsError(ComityError):
    """A witness's database cannot be used, or is another's; nothing is cosigned without it."""

    code = "witness-records-unusable"


class SuccessionFilesError(ComityError):
    """A succession's files are not whole, or not what they should be."""

    code = "succession-files"
