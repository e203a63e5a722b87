"""The contract of `SigningKeys`: keys in memory and in files sign alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.memory.signing import MemorySigningKeys
from comity.domain.ids import Member
from comity.ledger.note import verifier_key, verify_ed25519
from comity.ports import SigningKeyError, SigningKeys
from comity.roles.host_files import HostFiles, ReviewerFile
from comity.roles.signing import ReviewerKeys

WA, OR = Member("wa"), Member("or")
KEYS = {
    (WA, "reviewer"): Ed25519PrivateKey.from_private_bytes(b"\x01" * 32),
    (WA, "supervisor"): Ed25519PrivateKey.from_private_bytes(b"\x02" * 32),
    (OR, "reviewer"): Ed25519PrivateKey.from_private_bytes(b"\x03" * 32),
}


@pytest.fixture(params=["memory", "files"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> SigningKeys:
    """The keys of three people, kept each way."""
    if request.param == "memory":
        return MemorySigningKeys(KEYS)
    files = HostFiles(tmp_path)
    for (state, name), key in KEYS.items():
        files.write_reviewer(state, ReviewerFile(name=name, key=key))
    return ReviewerKeys(files)


@pytest.mark.parametrize(("state", "name"), KEYS)
def test_signature_is_the_enrolled_persons(keys: SigningKeys, state: Member, name: str) -> None:
    """A signature is by the person's own key and names it by its enrolled id."""
    public = KEYS[state, name].public_key().public_bytes_raw()
    proof = keys.sign(state, name, b"a message")
    assert proof.key_id == verifier_key(f"{state}-{name}", public).key_id.hex()
    verify_ed25519(public, proof.signature, b"a message")


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (OR, "supervisor"),
        (Member("ny"), "reviewer"),
        (WA, ""),
        (WA, "Reviewer"),
        (WA, "*"),
        (WA, "../reviewers/wa-reviewer"),
        (WA, "reviewer\n"),
    ],
)
def test_nobody_else_signs(keys: SigningKeys, state: Member, name: str) -> None:
    """A name that has no key in that state is refused, also one that looks like a path."""
    with pytest.raises(SigningKeyError):
        keys.sign(state, name, b"a message")


def test_file_of_another_person_signs_nothing(tmp_path: Path) -> None:
    """A key file that was renamed to another person's does not sign as that person."""
    files = HostFiles(tmp_path)
    files.write_reviewer(WA, ReviewerFile(name="reviewer", key=KEYS[WA, "reviewer"]))
    folder = tmp_path / "reviewers"
    (folder / "wa-reviewer.key").rename(folder / "wa-supervisor.key")
    with pytest.raises(SigningKeyError):
        ReviewerKeys(files).sign(WA, "supervisor", b"a message")


def test_key_that_cannot_be_read_signs_nothing(tmp_path: Path) -> None:
    """A key file that holds no key is refused by the port's own error."""
    files = HostFiles(tmp_path)
    files.write_reviewer(WA, ReviewerFile(name="reviewer", key=KEYS[WA, "reviewer"]))
    (tmp_path / "reviewers" / "wa-reviewer.key").write_text("reviewer 00\n")
    with pytest.raises(SigningKeyError):
        ReviewerKeys(files).sign(WA, "reviewer", b"a message")
