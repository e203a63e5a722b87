"""Public ledgers joined: whose they are, by which keys, and the server that shows them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from comity.adapters.public_store import FolderPublicStore
from comity.app.keys import ledger_keys
from comity.domain.errors import ComityError
from comity.domain.ids import MEMBERS, Member
from comity.ledger.note import VerifierKey, parse_vkey
from comity.ports import Store
from comity.roles.errors import SetupError
from comity.roles.settings import Settings
from comity.services.events import Events
from comity.services.sealed_rows import SealedRows

__all__ = [
    "PublicKeysError",
    "PublicNames",
    "ledger_member",
    "own_keys",
    "public_keys",
    "public_store",
    "sealed_rows",
]

_KEYS_BYTES_MAX: Final = 65_536


class PublicKeysError(SetupError):
    """The file of public keys cannot be read, or holds what is no ledger's key."""

    code = "public-keys"


def public_keys(settings: Settings) -> dict[str, VerifierKey]:
    """Return the keys of the ledgers to be shown: of the file that is named, else the host's own.

    They are by the last part of each ledger's origin. Raises: PublicKeysError.
    """
    if settings.public_keys_file is not None:
        return _read_keys(settings.public_keys_file)
    return own_keys(settings)


def own_keys(settings: Settings) -> dict[str, VerifierKey]:
    """Return the public keys of the ledgers that this host signs, by their names."""
    own = ledger_keys(settings)
    return {own.label(member): own.of(member)[1] for member in own.members()}


def public_store(settings: Settings) -> FolderPublicStore:
    """Return the store of this installation's public files."""
    return FolderPublicStore(settings.public_dir or settings.data_dir / "public")


def sealed_rows(
    settings: Settings, store: Store, events: Events, keys: Mapping[str, VerifierKey] | None = None
) -> SealedRows:
    """Return a reader across database and public store, of this host's ledgers or those of keys."""
    return SealedRows(
        store=store,
        public=public_store(settings),
        names=PublicNames(own_keys(settings) if keys is None else keys).of,
        events=events,
        now=time.monotonic,
    )


def _read_keys(file: Path) -> dict[str, VerifierKey]:
    try:
        with file.open("rb") as opened:
            text = opened.read(_KEYS_BYTES_MAX).decode("ascii")
        keys = [parse_vkey(line) for line in text.splitlines() if line]
    except (OSError, UnicodeDecodeError, ComityError) as error:
        raise PublicKeysError(f"`{file}` is not a file of public keys, one a line") from error
    # As `comity ledger keys` prints them: the host's own key, which has no slash, is passed over.
    found = {key.name.rpartition("/")[2]: key for key in keys if "/" in key.name}
    if not found or not {ledger_member(name) for name in found} <= set(MEMBERS):
        raise PublicKeysError(f"`{file}` names no ledger, or one of no member")
    return found


def ledger_member(name: str) -> Member:
    """Return whose ledger has a name: `oh`, or `oh.2` after a succession. Raises: ValueError."""
    return Member(name.partition(".")[0])


class PublicNames:
    """Under which names a member's files may be: its ledger's, then those that it succeeded."""

    def __init__(self, keys: Mapping[str, VerifierKey]) -> None:
        self._names = {ledger_member(name): name for name in keys}

    def of(self, member: Member) -> tuple[str, ...]:
        """Return the names, the newest first."""
        name = self._names.get(member, member)
        number = int(name.partition(".")[2] or 1)
        return tuple(f"{member}.{n}" if n > 1 else str(member) for n in range(number, 0, -1))
