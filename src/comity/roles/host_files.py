"""The files of a gateway host: its keys, the trust root, and what new members publish first.

    host/name  host/sign.key  host/seal.key     the host's name and its two keys
    trust                                       the pinned key of each member
    ledger-keys/<st>.key                        the key of a ledger's checkpoints; a successor's
                                                has its number: `<st>.2.key`
    national/<digest>.json                      national rules that states may adopt
    founding/<st>.part  founding/<st>.policy    what a new member publishes first
    reviewers/<st>-<name>.key                   reviewers' keys, in practice only
    member-keys/<st>.key                        members' own keys, in practice only

A key file holds 64 hexadecimal digits, is readable by its owner alone and is never in the database
or its backup. Source: docs/threat-model.md, table of keys.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from comity.directory.part import SignedPart, encode_signed_part, parse_signed_part
from comity.directory.trust import TrustRoot, encode_trust_root, parse_trust_root
from comity.domain.ids import HostName, Member, parse_host_name, parse_member, parse_origin
from comity.policy import PolicyBundle, bundle_digest, encode_bundle, parse_bundle
from comity.roles.errors import SetupError
from comity.roles.files import make_private_dir, write_private

__all__ = [
    "HostFiles",
    "HostFilesError",
    "LedgerKeyFile",
    "ReviewerFile",
    "read_member_key",
    "read_reviewer_file",
]

_KEY_DIGITS: Final = 64


class HostFilesError(SetupError):
    """A file of the host is missing or not what it should be."""

    code = "host-files"


class ReviewerFile(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's name and signing key."""

    name: str
    key: Ed25519PrivateKey


class LedgerKeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """The key of a member's ledger, and which of the member's ledgers it is, counted from 1."""

    number: int
    key: Ed25519PrivateKey


class HostFiles:
    """Reads and writes the files of one host below a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._dir = data_dir

    def exist(self) -> bool:
        """Say whether this host was set up."""
        return self._path("trust").is_file()

    def host_name(self) -> HostName:
        """Return the host's name."""
        return parse_host_name(self._text("host/name").strip())

    def sign_key(self) -> Ed25519PrivateKey:
        """Return the key of the host's envelopes and receipts."""
        return Ed25519PrivateKey.from_private_bytes(self._key("host/sign.key"))

    def seal_key(self) -> X25519PrivateKey:
        """Return the key to which contents for the host are sealed."""
        return X25519PrivateKey.from_private_bytes(self._key("host/seal.key"))

    def trust_root(self) -> TrustRoot:
        """Return the pinned keys of all members."""
        return parse_trust_root(self._text("trust"))

    def ledger_keys(self) -> dict[Member, LedgerKeyFile]:
        """Return the checkpoint keys of the ledgers that this host may sign for.

        Where a member has two, the later ledger's: the other was retired and not yet put away.
        """
        found: dict[Member, LedgerKeyFile] = {}
        for path in self._path("ledger-keys").glob("*.key"):
            member, number = parse_origin(f"/{path.stem}")
            if member not in found or number > found[member].number:
                key = Ed25519PrivateKey.from_private_bytes(self._key_of(path))
                found[member] = LedgerKeyFile(number=number, key=key)
        return dict(sorted(found.items()))

    def national_rules(self) -> dict[bytes, PolicyBundle]:
        """Return the national rules by digest."""
        bundles = (
            parse_bundle(path.read_bytes())
            for path in sorted(self._path("national").glob("*.json"))
        )
        return {bundle_digest(bundle): bundle for bundle in bundles}

    def founding_parts(self) -> tuple[SignedPart, ...]:
        """Return the signed parts that new members publish."""
        paths = sorted(self._path("founding").glob("*.part"))
        return tuple(parse_signed_part(path.read_bytes()) for path in paths)

    def founding_policies(self) -> tuple[tuple[Member, bytes], ...]:
        """Return the policies that new members publish."""
        paths = sorted(self._path("founding").glob("*.policy"))
        return tuple((parse_member(path.stem), path.read_bytes()) for path in paths)

    def reviewer_paths(self, member: Member) -> list[Path]:
        """Return the key files of a state's reviewers kept here."""
        return sorted(self._path("reviewers").glob(f"{member}-*.key"))

    def reviewer_path(self, member: Member, name: str) -> Path | None:
        """Return the key file of one reviewer, None where none is kept here."""
        # Found among the files there are: a name never becomes a path.
        folder, wanted = self._path("reviewers"), f"{member}-{name}.key"
        if not folder.is_dir():
            return None
        with os.scandir(folder) as found:
            return next((folder / wanted for each in found if each.name == wanted), None)

    @property
    def member_keys(self) -> Path:
        """The folder of members' own keys; in the field there is none."""
        return self._path("member-keys")

    def write_host(
        self, name: HostName, sign_key: Ed25519PrivateKey, seal_key: X25519PrivateKey
    ) -> None:
        """Write the host's name and keys."""
        self._write("host/name", f"{name}\n")
        self._write("host/sign.key", f"{sign_key.private_bytes_raw().hex()}\n")
        self._write("host/seal.key", f"{seal_key.private_bytes_raw().hex()}\n")

    def write_ledger_key(self, member: Member, key: Ed25519PrivateKey) -> None:
        """Write the key of a ledger's checkpoints."""
        self._write(f"ledger-keys/{member}.key", f"{key.private_bytes_raw().hex()}\n")

    def write_member_key(self, member: Member, key: Ed25519PrivateKey) -> None:
        """Write a member's own key, which no host of the field keeps."""
        self._write(f"member-keys/{member}.key", f"{key.private_bytes_raw().hex()}\n")

    def write_reviewer(self, member: Member, reviewer: ReviewerFile) -> None:
        """Write a reviewer's key."""
        digits = reviewer.key.private_bytes_raw().hex()
        self._write(f"reviewers/{member}-{reviewer.name}.key", f"{reviewer.name} {digits}\n")

    def write_national(self, bundle: PolicyBundle) -> None:
        """Write national rules under their digest."""
        self._write(f"national/{bundle_digest(bundle).hex()}.json", encode_bundle(bundle))

    def write_founding(self, part: SignedPart, policy: bytes) -> None:
        """Write what a member publishes first."""
        self._write(f"founding/{part.member}.part", encode_signed_part(part))
        self._write(f"founding/{part.member}.policy", policy)

    def write_trust(self, keys: Mapping[Member, bytes]) -> None:
        """Write the trust root: last of all, for its presence says that the host is set up."""
        self._write("trust", encode_trust_root(TrustRoot(keys=keys)))

    def _path(self, name: str) -> Path:
        return self._dir / name

    def _text(self, name: str) -> str:
        try:
            return self._path(name).read_text("utf-8")
        except OSError as error:
            raise HostFilesError(f"`{self._path(name)}` cannot be read: set the host up") from error

    def _key(self, name: str) -> bytes:
        return _key_bytes(self._text(name).strip(), self._path(name))

    def _key_of(self, path: Path) -> bytes:
        return _key_bytes(path.read_text("ascii").strip(), path)

    def _write(self, name: str, content: str | bytes) -> None:
        path = self._path(name)
        for parent in reversed(path.relative_to(self._dir).parents[:-1]):
            make_private_dir(self._dir / parent)
        write_private(path, content)


def read_reviewer_file(path: Path) -> ReviewerFile:
    """Return the reviewer that a key file holds. Raises: HostFilesError."""
    try:
        name, _, digits = path.read_text("utf-8").strip().partition(" ")
    except (OSError, UnicodeDecodeError) as error:
        raise HostFilesError(f"`{path}` cannot be read") from error
    key = Ed25519PrivateKey.from_private_bytes(_key_bytes(digits, path))
    return ReviewerFile(name=name, key=key)


def read_member_key(path: Path) -> Ed25519PrivateKey:
    """Return a member's own key from its file. Raises: HostFilesError."""
    try:
        digits = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HostFilesError(f"`{path}` cannot be read") from error
    return Ed25519PrivateKey.from_private_bytes(_key_bytes(digits, path))


def _key_bytes(digits: str, path: Path) -> bytes:
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if len(digits) != _KEY_DIGITS or len(key) * 2 != _KEY_DIGITS:
        raise HostFilesError(f"`{path}` is not a key of 64 hexadecimal digits")
    return key
