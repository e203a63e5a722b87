"""The files of a witness, in a folder of its own: it belongs to no host and to no member.

    name  witness.key        what it is called in notes, and its key
    ledgers                  the ledgers it follows: a quorum file, of which its log lines are used
    state.sqlite             what it cosigned last, and evidence
    signed-state/<id>.state  the same sizes and roots once more, outside of the database

The key file holds 64 hexadecimal digits and is readable by its owner alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.domain.errors import ComityError
from comity.ledger.note import KeyKind, VerifierKey, verifier_key
from comity.ledger.quorum import (
    QUORUM_FILE_BYTES_MAX,
    QuorumFile,
    encode_quorum_file,
    parse_quorum_file,
)
from comity.roles.errors import SetupError
from comity.roles.files import make_private_dir, write_private
from comity.roles.host_files import read_member_key

__all__ = ["QUORUM_NAME", "WitnessFiles", "WitnessFilesError", "read_quorum_file"]

QUORUM_NAME: Final = "quorum"
"""A host's quorum file below its data directory, where no setting names another."""


class WitnessFilesError(SetupError):
    """A file of a witness, or a quorum file, is missing or not what it should be."""

    code = "witness-files"


class WitnessFiles:
    """Reads and writes the files of one witness."""

    def __init__(self, folder: Path) -> None:
        self._dir = folder

    @property
    def database(self) -> Path:
        """Where heads and evidence are kept."""
        return self._dir / "state.sqlite"

    @property
    def signed_state(self) -> Path:
        """The folder of sizes and roots outside of the database."""
        return self._dir / "signed-state"

    @property
    def ledgers_file(self) -> Path:
        """The file that names the ledgers it follows."""
        return self._dir / "ledgers"

    def exist(self) -> bool:
        """Say whether this witness has a key."""
        return (self._dir / "witness.key").is_file()

    def key(self) -> Ed25519PrivateKey:
        """Return what it signs with. Raises: SetupError."""
        return read_member_key(self._dir / "witness.key")

    def verifier_key(self) -> VerifierKey:
        """Return its public key under its name. Raises: SetupError, KeyFormError."""
        try:
            name = (self._dir / "name").read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise WitnessFilesError(
                f"`{self._dir / 'name'}` cannot be read: make a key with `comity witness make`"
            ) from error
        public = self.key().public_key().public_bytes_raw()
        return verifier_key(name, public, KeyKind.COSIGNATURE)

    def ledgers(self) -> QuorumFile:
        """Return the ledgers it follows. Raises: WitnessFilesError."""
        return read_quorum_file(self.ledgers_file)

    def make(self, name: str) -> VerifierKey:
        """Make a key under a name. Raises: WitnessFilesError if there is one, KeyFormError."""
        if self.exist():
            raise WitnessFilesError(f"`{self._dir}` has a key already: a witness keeps its own")
        key = Ed25519PrivateKey.generate()
        made = verifier_key(name, key.public_key().public_bytes_raw(), KeyKind.COSIGNATURE)
        make_private_dir(self._dir)
        write_private(self._dir / "name", f"{name}\n")
        write_private(self._dir / "witness.key", f"{key.private_bytes_raw().hex()}\n")
        return made

    def write_ledgers(self, file: QuorumFile) -> None:
        """Write which ledgers it follows."""
        write_private(self.ledgers_file, encode_quorum_file(file))


def read_quorum_file(path: Path) -> QuorumFile:
    """Return what a quorum file says. Raises: WitnessFilesError."""
    try:
        with path.open("rb") as file:
            data = file.read(QUORUM_FILE_BYTES_MAX + 1)
        return parse_quorum_file(data)
    except OSError as error:
        raise WitnessFilesError(f"`{path}` cannot be read: write it, or name another") from error
    except ComityError as error:
        raise WitnessFilesError(f"`{path}` is no quorum file: {error}") from error
