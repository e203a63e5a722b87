"""A certificate counts by the key that its own member certifies, and by no other."""

from __future__ import annotations

import msgspec
import pytest

from comity.directory.certificate import sign_certificate, verify_certificate
from comity.directory.directory import Directory
from comity.directory.errors import CertificateSignatureError
from tests.support.directory import make_part
from tests.support.link import OH, SOUTH, WA, WEST
from tests.unit.domain.test_certificate import MADE

MADE_HERE = msgspec.structs.replace(MADE, state="wa", entry="wa/30")
DIRECTORY = Directory.of(
    [
        msgspec.structs.replace(make_part(WA), host=WEST.public),
        msgspec.structs.replace(make_part(OH), host=SOUTH.public),
    ]
)


def test_the_members_own_host_signs() -> None:
    """What the host signs that the member certifies is verified; a further byte is not."""
    signed = sign_certificate(MADE_HERE, WEST.name, WEST.signer)
    verify_certificate(signed, DIRECTORY)
    for change in (
        {"certificate": msgspec.structs.replace(MADE_HERE, at=MADE_HERE.at + 1)},
        {"signature": bytes(64)},
        {"host": "elsewhere"},
    ):
        with pytest.raises(CertificateSignatureError):
            verify_certificate(msgspec.structs.replace(signed, **change), DIRECTORY)


def test_another_members_host_signs_nothing_for_it() -> None:
    """A host that some member certifies, even under the right name, is not this member's."""
    for name in (SOUTH.name, WEST.name):
        with pytest.raises(CertificateSignatureError):
            verify_certificate(sign_certificate(MADE_HERE, name, SOUTH.signer), DIRECTORY)


def test_an_unlisted_member_certifies_nobody() -> None:
    """Without a part in the directory there is no host to believe."""
    elsewhere = msgspec.structs.replace(MADE_HERE, state="or", entry="or/30")
    with pytest.raises(CertificateSignatureError):
        verify_certificate(sign_certificate(elsewhere, WEST.name, WEST.signer), DIRECTORY)
