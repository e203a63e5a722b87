"""What commands read and write: a file or standard input within a limit, a file made whole."""

from __future__ import annotations

import os
import secrets
import sys
from hashlib import file_digest
from pathlib import Path

from comity.cli.errors import UsageError

__all__ = ["hash_of", "read_input", "write_whole"]


def hash_of(file: Path, option: str) -> tuple[bytes, int]:
    """Return the SHA-256 and the length of the file that an option names. Raises: UsageError."""
    try:
        with file.open("rb") as opened:
            digest = file_digest(opened, "sha256").digest()
        return digest, file.stat().st_size
    except OSError:
        raise UsageError(f"`{option}` cannot be read") from None


def read_input(name: str, bytes_max: int) -> bytes:
    """Return a file's bytes, or those of standard input for `-`.

    Raises: UsageError if there are more than `bytes_max`, or the file is not there; OSError.
    """
    if name == "-":
        data = sys.stdin.buffer.read(bytes_max + 1)
    else:
        try:
            with Path(name).open("rb") as file:
                data = file.read(bytes_max + 1)
        except FileNotFoundError:
            raise UsageError(f"there is no file `{name}`") from None
    if len(data) > bytes_max:
        raise UsageError(f"`{name}` is over {bytes_max} bytes")
    return data


def write_whole(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file under its final name at once; `durable` waits until the disk has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with fresh.open("xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
