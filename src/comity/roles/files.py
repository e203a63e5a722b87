"""Private files: made whole or not at all, readable by one account only.

Guarantee: a file written here never exists half written or with wider permissions than asked for,
and a link that somebody put in its place is never followed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from comity.roles.engines.account import Account

__all__ = [
    "cap_log",
    "keep_secret",
    "make_private_dir",
    "new_secret",
    "read_secret",
    "write_private",
]

SECRET_BYTES: Final = 24


def make_private_dir(path: Path, *, mode: int = 0o700, owner: Account | None = None) -> Path:
    """Make a directory for one account; an existing one gets the mode and the owner again."""
    path.mkdir(mode=mode, exist_ok=True)
    if owner is not None:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    path.chmod(mode)
    return path


def write_private(
    path: Path, content: str | bytes, *, mode: int = 0o600, owner: Account | None = None
) -> None:
    """Write a file durably under its final name, in place of one that may be there."""
    data = content.encode() if isinstance(content, str) else content
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(fresh, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(file.fileno(), owner.uid, owner.gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def cap_log(path: Path, bytes_max: int) -> None:
    """Start a log anew when it is over its size; one older file is kept.

    It is cut in place, because the process that writes it holds it open: a line that is written
    between copy and cut is lost.
    """
    with contextlib.suppress(OSError):
        if path.stat().st_size <= bytes_max:
            return
        # On a full disk the copy fails, and the cut is what helps.
        with contextlib.suppress(OSError):
            shutil.copyfile(path, path.with_suffix(".log.1"))
        os.truncate(path, 0)


def new_secret() -> str:
    """Return a password of 192 random bits, safe in a URL, in SQL and in a configuration file."""
    return secrets.token_urlsafe(SECRET_BYTES)


def read_secret(path: Path) -> str | None:
    """Return the secret a file holds, or nothing if there is no such file."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None


def keep_secret(path: Path) -> str:
    """Return the secret a file holds; make one on the first call."""
    found = read_secret(path)
    if found:
        return found
    made = new_secret()
    write_private(path, made + "\n")
    return made
