"""Who runs the engines: ourselves, or an unprivileged user when root starts the network.

Guarantee: an engine never runs as root, and never with root's further groups.
"""

from __future__ import annotations

import os
import pwd

import msgspec

from comity.roles.errors import EngineAccountError

__all__ = ["Account", "engine_account"]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user of the operating system that a process is started as."""

    name: str
    uid: int
    gid: int


def engine_account(name: str) -> Account | None:
    """Return the account to change to, or nothing if we are an ordinary user ourselves.

    Raises: EngineAccountError if root names a user that does not exist, or root itself.
    """
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise EngineAccountError(
            f"there is no user `{name}` to run the engines: name an unprivileged one with "
            "`COMITY_ENGINE_USER`"
        ) from None
    if found.pw_uid == 0:
        raise EngineAccountError(
            "engines never run as root: name an unprivileged user with `COMITY_ENGINE_USER`"
        )
    return Account(name=name, uid=found.pw_uid, gid=found.pw_gid)
