"""What can go wrong at a port, by name."""

from __future__ import annotations

from collections.abc import Sequence

from comity.domain.errors import ComityError
from comity.domain.ids import Member

__all__ = [
    "AlteredError",
    "CommitUnknownError",
    "FeedDownError",
    "HeadMovedError",
    "IdentityError",
    "LostKeyError",
    "MailDownError",
    "PageError",
    "ProviderDownError",
    "PublicClashError",
    "PublicStoreError",
    "SigningKeyError",
    "SourceError",
    "StoreDownError",
    "UnreachableError",
]


class StoreDownError(ComityError):
    """The store cannot be reached, or refused before anything was committed."""

    code = "store-unavailable"


class CommitUnknownError(ComityError):
    """The connection was lost during a commit: whether it persisted must be read back."""

    code = "commit-unknown"


class HeadMovedError(ComityError):
    """Another host wrote a ledger's head: this host no longer owns that ledger."""

    code = "head-moved"

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__("the head of a ledger was written by another host")
        self.members = tuple(members)


class SourceError(ComityError):
    """A state's source of records did not answer; nothing is known of the record."""

    code = "source-unavailable"


class UnreachableError(ComityError):
    """Nobody listens at the other end."""

    code = "destination-unreachable"


class LostKeyError(ComityError):
    """The data key of a member's month is not in the keyring."""

    code = "data-key-missing"


class AlteredError(ComityError):
    """Sealed bytes do not open: they were altered, or moved from another place."""

    code = "sealed-bytes-altered"


class PageError(ComityError):
    """Nobody could be paged: the page command did not end with 0 in time."""

    code = "page-not-delivered"


class FeedDownError(ComityError):
    """A state's receiver did not take its feed: it is told again."""

    code = "feed-not-delivered"


class MailDownError(ComityError):
    """The mail server did not take a letter: it is sent again."""

    code = "mail-not-sent"


class PublicStoreError(ComityError):
    """The store of public files did not do what was asked: it is down, full, or not writable."""

    code = "public-store-unavailable"


class PublicClashError(ComityError):
    """The store of public files holds other bytes at a path whose bytes never change."""

    code = "public-file-clash"


class IdentityError(ComityError):
    """What the identity provider says of a sign-in is not what this sign-in must have."""

    code = "identity-refused"


class ProviderDownError(ComityError):
    """The identity provider cannot be reached, or does not answer as one does."""

    code = "identity-provider-unavailable"


class SigningKeyError(ComityError):
    """No key is kept here by which to sign in a person's name."""

    code = "signing-key-missing"
