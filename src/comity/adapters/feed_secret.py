"""The file with the secret by which a state's feed is signed, or of its mail server.

Guarantee: a file that anyone but its owner may read or write gives no secret, nor does a short one.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from comity.adapters.errors import FeedSecretError

__all__ = ["FEED_SECRET_BYTES_MAX", "FEED_SECRET_BYTES_MIN", "read_feed_secret"]

FEED_SECRET_BYTES_MIN: Final = 32
"""The secret of a feed's signature."""
FEED_SECRET_BYTES_MAX: Final = 1_024
"""The file of a feed's secret."""


def read_feed_secret(file: Path, bytes_min: int = FEED_SECRET_BYTES_MIN) -> bytes:
    """Return the secret that a file holds, without white space around it.

    Raises: FeedSecretError.
    """
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            data = opened.read(FEED_SECRET_BYTES_MAX + 1)
    except OSError:
        raise FeedSecretError(f"`{file.name}` cannot be read") from None
    if stat.S_IMODE(mode) & 0o077:
        raise FeedSecretError(f"`{file.name}` may be read by others: give it 0600")
    secret = data.strip()
    if len(secret) < bytes_min or len(data) > FEED_SECRET_BYTES_MAX:
        raise FeedSecretError(
            f"`{file.name}` does not hold {bytes_min} to {FEED_SECRET_BYTES_MAX} bytes"
        )
    return secret
