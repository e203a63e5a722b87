"""The console's built assets: what a plain name is called, and its bytes.

Guarantee: a file is given only if its bytes have the hash that the manifest names; a name that is
not in the manifest is None, so that no path of a request ever reaches the disk.
Source: docs/adr/0038-console-assets.md.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

import msgspec

from comity.domain.errors import ComityError

__all__ = ["STATIC_PATH", "Asset", "AssetChangedError", "asset_url", "check_assets", "find_asset"]

STATIC_PATH: Final = "/static/"
_FOLDER: Final = "static"


class AssetChangedError(ComityError):
    """A built asset is missing, or is not the one that the manifest names."""

    code = "asset-changed"


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    path: str
    sha256: str
    bytes: int
    type: str


class _Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    files: dict[str, _Entry]
    made_from: dict[str, str]


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it is served: its name never stands for other bytes."""

    path: str
    media_type: str
    content: bytes


def asset_url(name: str) -> str | None:
    """Return where the asset of a plain name (`console.css`) is served, or None for no such one."""
    entry = _manifest().files.get(name)
    return f"{STATIC_PATH}{entry.path}" if entry else None


def find_asset(path: str) -> Asset | None:
    """Return the asset of a hashed name (`console.3f9c1a20b7.css`), or None for no such one.

    Raises: AssetChangedError if the file is not the one that was built.
    """
    entry = _by_path().get(path)
    return _read(path) if entry else None


def check_assets() -> None:
    """Read every asset once. Raises: AssetChangedError if one is not the one that was built."""
    for path in _by_path():
        _read(path)


@cache
def _manifest() -> _Manifest:
    try:
        text = files("comity.console").joinpath(_FOLDER, "manifest.json").read_bytes()
        return msgspec.json.decode(text, type=_Manifest)
    except (OSError, msgspec.MsgspecError) as fault:
        raise AssetChangedError("`manifest.json` of the console is missing or malformed") from fault


@cache
def _by_path() -> dict[str, _Entry]:
    return {entry.path: entry for entry in _manifest().files.values()}


@cache
def _read(path: str) -> Asset:
    entry = _by_path()[path]
    try:
        content = files("comity.console").joinpath(_FOLDER, path).read_bytes()
    except OSError as fault:
        raise AssetChangedError(f"`{path}` of the console is missing") from fault
    return _checked(entry, content)


def _checked(entry: _Entry, content: bytes) -> Asset:
    if sha256(content).hexdigest() != entry.sha256:
        raise AssetChangedError(f"`{entry.path}` of the console is not the one that was built")
    return Asset(path=entry.path, media_type=entry.type, content=content)
