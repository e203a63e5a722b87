"""The contracts of `SignedState` and `PartSigner`, and what their files promise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from comity.adapters.errors import KeyFileError, SignedStateError
from comity.adapters.memory.secrets import MemoryPartSigner, MemorySignedState
from comity.adapters.part_signer import FilePartSigner
from comity.adapters.signed_state import FileSignedState
from comity.directory.part import SignedPart, part_body, verify_part
from comity.domain.ids import Member
from comity.ports import PartSigner, SignedState
from tests.support.directory import OH, TX, signer_of, texas, trust

WA, OR = Member("wa"), Member("or")
ROOTS = [bytes([n]) * 32 for n in range(4)]


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


def test_nothing_is_signed_for_a_retired_ledger(opened: Callable[[], SignedState]) -> None:
    """Not by the next process either; what was signed last can be read, others go on."""
    state = opened()
    state.write(WA, 5, ROOTS[1])
    assert not state.is_retired(WA)
    state.retire(WA)
    state.retire(WA)
    assert (opened().is_retired(WA), opened().is_retired(OR)) == (True, False)
    for size, root in ((5, ROOTS[1]), (6, ROOTS[2])):
        with pytest.raises(SignedStateError):
            opened().write(WA, size, root)
    assert opened().read(WA) == (5, ROOTS[1])
    opened().write("wa.2", 1, ROOTS[2])


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


@pytest.fixture(params=["memory", "files"])
def part_signer(request: pytest.FixtureRequest, tmp_path: Path) -> PartSigner:
    """A signer that keeps the key of Texas."""
    key = signer_of(TX)
    if request.param == "memory":
        return MemoryPartSigner({TX: key})
    (tmp_path / "tx.key").write_text(f"{key.private_bytes_raw().hex()}\n")
    return FilePartSigner(tmp_path)


def test_a_part_is_signed_by_its_members_own_key(part_signer: PartSigner) -> None:
    """What it signs verifies as the member's part."""
    body = part_body(texas())
    signature = part_signer.sign(TX, body)
    assert signature is not None
    signed = SignedPart(member=TX, body=body, signature=signature)
    assert verify_part(signed, trust(TX)) == texas()


def test_a_key_that_is_kept_elsewhere_signs_nothing(part_signer: PartSigner) -> None:
    """It is no error: the member signs where its key is."""
    assert part_signer.sign(OH, b"{}") is None


def test_a_folder_that_is_not_there_holds_no_key(tmp_path: Path) -> None:
    """As on every host of the field."""
    assert FilePartSigner(tmp_path / "none").sign(TX, b"{}") is None


@pytest.mark.parametrize(
    "text", ["", "00" * 31, "00" * 33, "zz" * 32, "00" * 32 + "\n\n", "\u00e9"]
)
def test_a_file_that_is_no_members_key_is_refused(tmp_path: Path, text: str) -> None:
    """It is neither used nor taken for an absent one."""
    (tmp_path / "tx.key").write_text(text, "utf-8")
    with pytest.raises(KeyFileError):
        FilePartSigner(tmp_path).sign(TX, b"{}")
