"""The contracts of `Keyring` and `SignedState`, and what the files of each promise."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from comity.adapters.errors import AlteredError, KeyFileError, SignedStateError
from comity.adapters.keyring import FileKeyring
from comity.adapters.memory.clock import SeededEntropy
from comity.adapters.memory.secrets import MemoryKeyring, MemorySignedState
from comity.adapters.signed_state import FileSignedState
from comity.domain.ids import Member
from comity.ports import Keyring, LostKeyError, Sealed, SignedState

WA, OR = Member("wa"), Member("or")
NONCE = b"n" * 12
ROOTS = [bytes([n]) * 32 for n in range(4)]


class FullKeyring(Keyring, Protocol):
    """A keyring with the upkeep that both have."""

    def destroy(self, member: Member, month: int) -> bool:
        """Destroy a key."""
        ...

    def months(self, member: Member) -> list[int]:
        """Return the months with keys."""
        ...


@pytest.fixture(params=["memory", "files"])
def keyring(request: pytest.FixtureRequest, tmp_path: Path) -> FullKeyring:
    """A keyring of each kind, empty."""
    entropy = SeededEntropy(b"keys")
    if request.param == "memory":
        return MemoryKeyring(entropy)
    return FileKeyring(tmp_path / "keyring", entropy)


def sealed_by(keyring: Keyring, data: bytes, member: Member = WA, month: int = 682) -> Sealed:
    """Return data sealed for a place."""
    return Sealed(month=month, nonce=NONCE, body=keyring.seal(member, month, NONCE, data, b"place"))


def test_what_is_sealed_opens_in_its_place(keyring: FullKeyring) -> None:
    """Sealed bytes do not show the data and open where they were bound to."""
    sealed = sealed_by(keyring, b"data")
    assert b"data" not in sealed.body
    assert keyring.open(WA, sealed, b"place") == b"data"


def test_moved_or_altered_bytes_do_not_open(keyring: FullKeyring) -> None:
    """Another place, another nonce, or one bit of the bytes: none of it opens."""
    sealed = sealed_by(keyring, b"data")
    flipped = bytes([sealed.body[0] ^ 1]) + sealed.body[1:]
    changes: list[dict[str, object]] = [
        {"body": flipped},
        {"body": b""},
        {"nonce": b"m" * 12},
        {"nonce": b""},
    ]
    for change in changes:
        with pytest.raises(AlteredError):
            keyring.open(WA, msgspec.structs.replace(sealed, **change), b"place")
    with pytest.raises(AlteredError):
        keyring.open(WA, sealed, b"other place")


def test_members_and_months_have_keys_of_their_own(keyring: FullKeyring) -> None:
    """The same data sealed for another member or month is other bytes."""
    bodies = {
        sealed_by(keyring, b"data", member, month).body
        for member, month in ((WA, 682), (WA, 683), (OR, 682))
    }
    assert len(bodies) == 3
    assert keyring.months(WA) == [682, 683]
    assert keyring.months(OR) == [682]


def test_key_that_does_not_exist_is_lost(keyring: FullKeyring) -> None:
    """Opening makes no key: a month without one is lost."""
    with pytest.raises(LostKeyError):
        keyring.open(WA, Sealed(month=1, nonce=NONCE, body=b"x" * 16), b"place")
    assert keyring.months(WA) == []


def test_destroyed_key_opens_nothing(keyring: FullKeyring) -> None:
    """What a destroyed key sealed is gone, also for a keyring that had it in memory."""
    sealed = sealed_by(keyring, b"data")
    assert keyring.destroy(WA, 682)
    assert not keyring.destroy(WA, 682)
    with pytest.raises(LostKeyError):
        keyring.open(WA, sealed, b"place")
    sealed_by(keyring, b"new data")
    with pytest.raises(AlteredError):
        keyring.open(WA, sealed, b"place")


def test_keys_survive_a_restart(tmp_path: Path) -> None:
    """Another keyring on the same folder opens what the first one sealed."""
    first = FileKeyring(tmp_path / "keyring", SeededEntropy(b"first"))
    sealed = sealed_by(first, b"data")
    second = FileKeyring(tmp_path / "keyring", SeededEntropy(b"second"))
    assert second.open(WA, sealed, b"place") == b"data"
    assert first.open(WA, sealed_by(second, b"more"), b"place") == b"more"


def test_key_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Folders and files of the keyring can be read by nobody else, and nothing else is left."""
    sealed_by(FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys")), b"data")
    found = {
        str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
    }
    assert found == {"keyring": 0o700, "keyring/wa": 0o700, "keyring/wa/0682.key": 0o600}


def test_destroyed_key_leaves_no_copy(tmp_path: Path) -> None:
    """What a crash left of a key while it was made goes with the key."""
    keyring = FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys"))
    sealed_by(keyring, b"data")
    sealed_by(keyring, b"data", month=683)
    folder = tmp_path / "keyring" / "wa"
    (folder / ".0682.key.0123456789abcdef").hardlink_to(folder / "0682.key")
    assert keyring.destroy(WA, 682)
    assert [path.name for path in folder.iterdir()] == ["0683.key"]


@pytest.mark.parametrize("data", [b"", b"k" * 31, b"k" * 33])
def test_file_that_is_no_key_is_refused(tmp_path: Path, data: bytes) -> None:
    """A key file of another length is neither used nor replaced."""
    keyring = FileKeyring(tmp_path / "keyring", SeededEntropy(b"keys"))
    path = tmp_path / "keyring" / "wa" / "0682.key"
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(KeyFileError):
        sealed_by(keyring, b"data")
    assert path.read_bytes() == data


@pytest.fixture(params=["memory", "files"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], SignedState]:
    """How a signed state is opened again: after a crash it is the same."""
    if request.param == "memory":
        kept = MemorySignedState()
        return lambda: kept
    return lambda: FileSignedState(tmp_path / "state")


def test_signed_state_is_read_back(opened: Callable[[], SignedState]) -> None:
    """What was written last is read, by the next process too; a ledger without one has none."""
    state = opened()
    assert state.read(WA) is None
    state.write(WA, 1, ROOTS[1])
    state.write(WA, 2**40, ROOTS[2])
    assert opened().read(WA) == (2**40, ROOTS[2])
    assert opened().read(OR) is None


def test_signed_state_never_goes_back(opened: Callable[[], SignedState]) -> None:
    """A smaller size, or another root at the same size, is refused and changes nothing."""
    state = opened()
    state.write(WA, 5, ROOTS[1])
    state.write(WA, 5, ROOTS[1])
    for size, root in ((4, ROOTS[1]), (5, ROOTS[2]), (0, ROOTS[3])):
        with pytest.raises(SignedStateError):
            state.write(WA, size, root)
    assert opened().read(WA) == (5, ROOTS[1])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"comity signed state 1\n5\n",
        b"comity signed state 2\n5\n" + b"0" * 64 + b"\n",
        b"comity signed state 1\n05\n" + b"0" * 64 + b"\n",
        b"comity signed state 1\n5\n" + b"0" * 64,
        b"comity signed state 1\n5\n" + b"0" * 64 + b"\n\n",
        b"comity signed state 1\n5\n" + b"A" * 64 + b"\n",
    ],
)
def test_damaged_signed_state_is_refused(tmp_path: Path, data: bytes) -> None:
    """A file of any other form is neither believed nor taken for an absent one."""
    state = FileSignedState(tmp_path / "state")
    (tmp_path / "state" / "wa.state").write_bytes(data)
    with pytest.raises(SignedStateError):
        state.read(WA)
    with pytest.raises(SignedStateError):
        state.write(WA, 9, ROOTS[1])
