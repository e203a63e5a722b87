"""What the services need to keep of the directory: parts, their versions, help files, signatures.

Guarantee: as of all ports; `Store` has these methods beside its own.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from comity.domain.ids import ExchangeId, LeafIndex, Member

__all__ = ["DirectoryRow", "DirectoryStore", "HelpRow", "PartSigner"]


class DirectoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member's signed part of the directory, as published."""

    member: Member
    leaf_index: LeafIndex
    version: int
    body: bytes
    signature: bytes


class HelpRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member's help file as it stands; `text` is empty after it was cancelled.

    `changed_by` is the exchange of the last change; ids are ordered by time.
    """

    member: Member
    file: str
    text: str
    changed_by: ExchangeId


class DirectoryStore(Protocol):
    """What the one system of record has of the directory."""

    async def directory_parts(self) -> list[DirectoryRow]:
        """Return the newest part of each member."""
        ...

    async def directory_versions(self, member: Member, limit: int) -> list[tuple[int, LeafIndex]]:
        """Return the versions of a member's part with their leaves, the newest first."""
        ...

    async def directory_part(self, member: Member, version: int) -> DirectoryRow | None:
        """Return one version of a member's part, or None."""
        ...

    async def help_file(self, member: Member, file: str) -> HelpRow | None:
        """Return a member's help file, or None if it was never written."""
        ...

    async def save_help(self, row: HelpRow) -> None:
        """Keep a help file in place of what it was, durably when this returns."""
        ...


class PartSigner(Protocol):
    """The members' own keys, where a host keeps them; in the field most hosts keep none."""

    def sign(self, member: Member, body: bytes) -> bytes | None:
        """Return the member's signature over a part of this body, or None without its key."""
        ...
