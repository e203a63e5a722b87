"""Who takes a letter by e-mail.

Guarantee: as of all ports.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

__all__ = ["Mail", "MailLetter", "MailServer"]


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """The server that takes letters; `user` is empty where it asks for none."""

    host: str
    port: int
    user: str = ""
    password: str = ""


class MailLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter of plain text; `name` tells it from any other, also where it comes twice."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    name: str


class Mail(Protocol):
    """Whoever sends e-mail."""

    async def send(self, letter: MailLetter, server: MailServer) -> int:
        """Hand a letter over; it may come again. Return for how many it was refused, while others
        took it. Raises: MailDownError.
        """
        ...
