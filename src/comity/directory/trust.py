"""The trust root: the pinned Ed25519 key of each member, under which its part is verified.

Guarantee: it comes from a file that an operator put there, never from the network; a member that
is not in it does not exist here.
Form: a line `comity/trust/v1`, then `<member> <base64 of 32 bytes>` each on a line of its own;
blank lines and lines that begin with `#` say nothing.
Source: docs/adr/0010-directory-parts.md, "Trust root".
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final

import msgspec

from comity.directory.errors import TrustRootError
from comity.directory.limits import TRUST_BYTES_MAX
from comity.domain.errors import MalformedError
from comity.domain.ids import Member, parse_member

__all__ = ["TrustRoot", "encode_trust_root", "parse_trust_root"]

_HEAD: Final = "comity/trust/v1"
_KEY_BYTES: Final = 32


class TrustRoot(msgspec.Struct, frozen=True, kw_only=True):
    """Each member's Ed25519 verification key (32 bytes)."""

    keys: Mapping[Member, bytes]


def encode_trust_root(root: TrustRoot) -> str:
    """Return the text of a trust root, members in order."""
    rows = [f"{member} {b64encode(key).decode()}" for member, key in sorted(root.keys.items())]
    return "\n".join((_HEAD, *rows, ""))


def parse_trust_root(text: str) -> TrustRoot:
    """Return a trust root. Raises: TrustRootError, also where a member stands twice."""
    if len(text) > TRUST_BYTES_MAX:
        raise TrustRootError(f"trust root is over {TRUST_BYTES_MAX} characters")
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith("#")]
    if not said or said[0] != _HEAD:
        raise TrustRootError(f"trust root does not begin with `{_HEAD}`")
    keys: dict[Member, bytes] = {}
    for line in said[1:]:
        member, key = _parse_row(line)
        if member in keys:
            raise TrustRootError("trust root names a `member` twice")
        keys[member] = key
    return TrustRoot(keys=keys)


def _parse_row(line: str) -> tuple[Member, bytes]:
    name, _, encoded = line.partition(" ")
    try:
        member = parse_member(name)
        key = b64decode(encoded, validate=True)
    except (MalformedError, binascii.Error, ValueError):
        raise TrustRootError("trust root has a line other than `<member> <key>`") from None
    if len(key) != _KEY_BYTES or b64encode(key).decode() != encoded:
        raise TrustRootError("trust root has a `key` that is not 32 bytes in base64")
    return member, key
