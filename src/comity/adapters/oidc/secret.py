"""The file with the console's secret at its identity provider.

Guarantee: a file that anyone but its owner may read or write gives no secret.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from comity.adapters.errors import ClientSecretError

__all__ = ["CLIENT_SECRET_BYTES_MAX", "read_client_secret"]

CLIENT_SECRET_BYTES_MAX: Final = 1_024
"""A client secret in its file."""


def read_client_secret(file: Path) -> str:
    """Return the secret that a file holds. Raises: ClientSecretError."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            data = opened.read(CLIENT_SECRET_BYTES_MAX + 1)
        secret = data.decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ClientSecretError("`oidc_client_secret_file` cannot be read") from None
    if stat.S_IMODE(mode) & 0o077:
        raise ClientSecretError("`oidc_client_secret_file` may be read by others: give it 0600")
    if not secret or len(data) > CLIENT_SECRET_BYTES_MAX or not secret.isprintable():
        raise ClientSecretError("`oidc_client_secret_file` does not hold a secret")
    return secret
