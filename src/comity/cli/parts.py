"""Where `comity directory` finds parts: in files, signed or not, and in the running network.

Guarantee: what comes from the network is what its trust root verifies; of a file that is not signed
nothing is said of who wrote it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec

from comity.app.database import open_ledger_reader, open_reader
from comity.cli.errors import UsageError
from comity.cli.files import read_input
from comity.cli.network import member_of
from comity.directory.directory import Directory, load_directory
from comity.directory.errors import PartMalformedError
from comity.directory.limits import SIGNED_PART_BYTES_MAX
from comity.directory.part import SignedPart, parse_part_body, parse_signed_part, verify_part
from comity.directory.ranges import check_part
from comity.domain.agency import DirectoryPart
from comity.domain.ids import MEMBERS, LeafIndex, Member, entry_name
from comity.domain.leaf import parse_leaf
from comity.exchange.leaves import HOUR_SECONDS
from comity.ports import DirectoryRow, LedgerRows, Store
from comity.roles.host_files import HostFiles
from comity.roles.settings import Settings

__all__ = [
    "Version",
    "load_part",
    "member_key_path",
    "network_directory",
    "part_document",
    "read_part_file",
    "read_signed_file",
    "versions_of",
]

_NAMED: Final = re.compile(r"([A-Za-z]{2})(?:@([1-9][0-9]{0,15}))?")


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a part: the entry of its leaf, and the hour of it in Unix seconds."""

    version: int
    entry: str
    recorded_at: int


def read_signed_file(file: str) -> SignedPart:
    """Return the signed part that a file holds. Raises: PartMalformedError, UsageError."""
    return parse_signed_part(read_input(file, SIGNED_PART_BYTES_MAX).rstrip(b"\n"))


def read_part_file(file: str) -> DirectoryPart:
    """Return the part that a file holds, signed or as JSON that a person may have edited.

    Raises: PartMalformedError, FamilyNotOwnError, UsageError.
    """
    data = read_input(file, SIGNED_PART_BYTES_MAX)
    try:
        return parse_part_body(parse_signed_part(data.rstrip(b"\n")).body)
    except PartMalformedError:
        pass
    try:
        part = msgspec.json.decode(data, type=DirectoryPart)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PartMalformedError(f"`{file}` holds no part of the directory") from None
    check_part(part)
    return part


async def load_part(settings: Settings, named: str) -> DirectoryPart:
    """Return the part meant by a state (`tx`), one of its versions (`tx@3`), or a file.

    Raises: UsageError if there is none; DirectoryError, StoreDownError.
    """
    found = _NAMED.fullmatch(named)
    if found is None:
        return read_part_file(named)
    member = member_of(found[1])
    async with open_reader(settings, [member]) as store:
        row = await _row(store, member, found[2])
    if row is None:
        raise UsageError(f"the directory has no part `{named.lower()}`")
    return verify_part(_signed(row), HostFiles(settings.data_dir).trust_root())


async def _row(store: Store, member: Member, version: str | None) -> DirectoryRow | None:
    if version is not None:
        return await store.directory_part(member, int(version))
    versions = await store.directory_versions(member, 1)
    return await store.directory_part(member, versions[0][0]) if versions else None


def _signed(row: DirectoryRow) -> SignedPart:
    return SignedPart(member=row.member, body=row.body, signature=row.signature)


async def network_directory(settings: Settings) -> Directory:
    """Return the directory of all parts that this installation has and trusts."""
    root = HostFiles(settings.data_dir).trust_root()
    async with open_reader(settings, MEMBERS) as store:
        rows = await store.directory_parts()
    return load_directory(map(_signed, rows), root)[0]


async def versions_of(settings: Settings, member: Member, limit: int) -> list[Version]:
    """Return the versions of a member's part, the newest first."""
    async with open_ledger_reader(settings, [member]) as (store, rows):
        versions = await store.directory_versions(member, limit)
        return [await _version(rows, member, number, index) for number, index in versions]


async def _version(rows: LedgerRows, member: Member, number: int, index: LeafIndex) -> Version:
    (leaf,) = await rows.leaves(member, index, index + 1)
    return Version(
        version=number,
        entry=entry_name(member, index),
        recorded_at=parse_leaf(leaf).hour * HOUR_SECONDS,
    )


def part_document(part: DirectoryPart) -> dict[str, Any]:
    """Return a part as JSON prints it: as it is signed, bytes as base64."""
    document: dict[str, Any] = msgspec.to_builtins(part)
    return document


def member_key_path(settings: Settings, member: Member, given: Path | None) -> Path:
    """Return the file of the member's own key: the one given, else the one kept here.

    Raises: UsageError if none is kept here.
    """
    path = given or HostFiles(settings.data_dir).member_keys / f"{member}.key"
    if given is None and not path.is_file():
        raise UsageError(f"the key of `{member}` is not kept here: name its file with `--key`")
    return path
