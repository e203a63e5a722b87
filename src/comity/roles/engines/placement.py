"""Where an installation's files stand, and whether the engines can reach them.

Guarantee: everything stands in the data directory, except where root starts a network from a place
that the engines' user cannot reach: then the engines' own files stand under a directory of
/var/lib/comity-practice that the data directory names, and nobody's permissions are widened.

    data_dir/supervisor.lock    held by the supervisor for as long as it lives
    data_dir/runtime.json       addresses, process ids, where the secrets are
    data_dir/secrets/           one password per file
    data_dir/tls/               practice certificates
    data_dir/log/               one file per process, of bounded size
    engine_dir/conf/            what the engines are told
    engine_dir/postgres/        the database
"""

from __future__ import annotations

import secrets
import stat
from pathlib import Path
from typing import Final

import msgspec

from comity.roles.engines.account import Account, engine_account
from comity.roles.errors import DataDirError
from comity.roles.files import make_private_dir, read_secret, write_private
from comity.roles.machine import check_disk, make_data_dir, make_passable_dir
from comity.roles.settings import PRACTICE_ROOT, Settings

__all__ = ["Placement", "place", "reachable"]

POINTER: Final = "engines-at"
OWNER: Final = "data-dir"


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """The directories of an installation and the account of its engines."""

    data_dir: Path
    engine_dir: Path
    account: Account | None

    @property
    def secrets(self) -> Path:
        """Where passwords stand, one per file."""
        return self.data_dir / "secrets"

    @property
    def tls(self) -> Path:
        """Where certificates and their keys stand."""
        return self.data_dir / "tls"

    @property
    def log(self) -> Path:
        """Where each process writes what it has to say."""
        return self.data_dir / "log"

    @property
    def conf(self) -> Path:
        """Where the engines' configuration stands; the engines may read but not replace it."""
        return self.engine_dir / "conf"

    @property
    def cluster(self) -> Path:
        """The database's own directory."""
        return self.engine_dir / "postgres"

    @property
    def removal(self) -> str:
        """The command that removes this installation's data."""
        places = [self.data_dir]
        if not self.engine_dir.is_relative_to(self.data_dir):
            places.append(self.engine_dir)
        return "rm -rf " + " ".join(map(str, places))


def place(settings: Settings) -> Placement:
    """Make the directories of an installation.

    Raises: DataDirError, DiskTooSmallError, EngineAccountError.
    """
    account = engine_account(settings.engine_user)
    data_dir = settings.data_dir
    make_data_dir(data_dir)
    engine_dir = data_dir
    if account is not None and not reachable(data_dir, account):
        engine_dir = _elsewhere(data_dir, account)
    check_disk(engine_dir)
    placement = Placement(data_dir=data_dir, engine_dir=engine_dir, account=account)
    for path in (placement.secrets, placement.tls, placement.log):
        make_private_dir(path)
    make_private_dir(placement.conf, mode=0o711)
    return placement


def reachable(path: Path, account: Account) -> bool:
    """Say if an account may pass through every directory down to `path`."""
    return all(_passable(step, account) for step in (path, *path.parents))


def _passable(path: Path, account: Account) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _elsewhere(data_dir: Path, account: Account) -> Path:
    """Return the engines' directory that an unreachable data directory names, made if new."""
    pointer = data_dir / POINTER
    named = read_secret(pointer)
    chosen = Path(named) if named else PRACTICE_ROOT / "clusters" / secrets.token_hex(8)
    make_passable_dir(chosen)
    if not reachable(chosen, account):
        raise DataDirError(
            f"user `{account.name}` reaches neither `{data_dir}` nor `{chosen}`: name a place "
            "it can reach with `COMITY_DATA_DIR`"
        )
    # Each names the other, so that what is left of a removed network can be told.
    write_private(chosen / OWNER, f"{data_dir}\n")
    write_private(pointer, f"{chosen}\n")
    return chosen
