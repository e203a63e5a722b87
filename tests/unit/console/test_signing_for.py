"""Signatures for the person who is signed in."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.adapters.memory.clock import SeededEntropy
from comity.adapters.memory.signing import MemorySigningKeys
from comity.console.errors import NotASignerError
from comity.console.people import People, Person, Role
from comity.console.sessions import Sessions, SignedIn
from comity.console.signing_for import sign_for
from comity.ledger.note import verify_ed25519
from comity.ports import Claims, SigningKeyError
from tests.support.identity import NOW, OR, WA, person

ISSUER = "https://id.example.invalid"
KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
KEYS = MemorySigningKeys({(WA, "reviewer"): KEY})


def signed_in(*places: Person) -> SignedIn:
    """Somebody with these places, as a request finds it."""
    people = People(ISSUER, places)
    sessions = Sessions(SeededEntropy(b"sessions"))
    claims = Claims(issuer=ISSUER, subject="ana", name="", authenticated_at=NOW)
    found = sessions.find(sessions.open(claims, people, NOW), people, NOW)
    assert found is not None
    return found


def test_person_signs_with_the_own_key() -> None:
    """Who reviews signs by the own enrolled key of the chosen state."""
    proof = sign_for(signed_in(person("ana")), KEYS, b"a verdict", Role.REVIEWER)
    verify_ed25519(KEY.public_key().public_bytes_raw(), proof.signature, b"a verdict")


@pytest.mark.parametrize(
    "places",
    [
        (person("ana", roles=frozenset({Role.AUDITOR})),),
        (person("ana", roles=frozenset({Role.SUPERVISOR}), signs_as=""),),
        (person("ana"), person("ana", OR)),
    ],
    ids=["another role", "no name to sign as", "no state chosen"],
)
def test_nobody_else_signs(places: tuple[Person, ...]) -> None:
    """Without the role, a name to sign as, or a chosen state there is no signature."""
    with pytest.raises(NotASignerError):
        sign_for(signed_in(*places), KEYS, b"a verdict", Role.REVIEWER, Role.SUPERVISOR)


def test_no_role_named_is_no_signature() -> None:
    """A page that names no role gets nothing signed."""
    with pytest.raises(NotASignerError):
        sign_for(signed_in(person("ana")), KEYS, b"a verdict")


def test_key_that_is_not_here_is_told() -> None:
    """A person whose key is kept elsewhere is told so."""
    with pytest.raises(SigningKeyError):
        sign_for(signed_in(person("ana", OR)), KEYS, b"a verdict", Role.REVIEWER)
