"""The practice network's founding: keys, signed parts and first policies of 55 members on one host.

In the field every member makes its own keys and sends its part signed; here all are made at once
and the members' own keys are kept beside the host, which a real member would never do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from comity.directory.part import sign_part
from comity.domain.agency import Agency, DirectoryPart, Host, ReviewerKey
from comity.domain.ids import OPERATOR_MEMBER, HostName, Member
from comity.domain.keys import MessageKey
from comity.ledger.note import verifier_key
from comity.policy import (
    encode_bundle,
    load_template,
    national_default,
    plain_adoption,
    template_names,
)
from comity.practice.world import PracticeWorld
from comity.roles.host_files import HostFiles, ReviewerFile

__all__ = ["ANSWERED_KEYS", "PRACTICE_HOST", "REVIEWERS", "found_practice"]

PRACTICE_HOST: Final = HostName("practice")
REVIEWERS: Final = ("reviewer", "supervisor")
ANSWERED_KEYS: Final = tuple(MessageKey(key) for key in ("DQ", "KQ", "RQ"))
_UNUSED_TEMPLATES: Final = frozenset({"national_default"})


class _HostKeys(msgspec.Struct, frozen=True, kw_only=True):
    sign: Ed25519PrivateKey
    seal: X25519PrivateKey

    @property
    def host(self) -> Host:
        """The host as members certify it."""
        return Host(
            name=PRACTICE_HOST,
            verify_key=self.sign.public_key().public_bytes_raw(),
            seal_key=self.seal.public_key().public_bytes_raw(),
        )


def found_practice(
    files: HostFiles,
    world: PracticeWorld,
    *,
    lines_per_agency: int = 1,
    told: Callable[[Member], None] = lambda _: None,
) -> None:
    """Write everything that the practice host and its members need before their first start.

    Each agency has its own line, and `-2`, `-3` ... where more are asked for.
    """
    keys = _HostKeys(sign=Ed25519PrivateKey.generate(), seal=X25519PrivateKey.generate())
    files.write_host(PRACTICE_HOST, keys.sign, keys.seal)
    files.write_national(national_default())
    trusted: dict[Member, bytes] = {}
    for member in world.members():
        member_key = Ed25519PrivateKey.generate()
        trusted[member] = member_key.public_key().public_bytes_raw()
        part = _part(files, world, member, keys.host, lines_per_agency)
        files.write_founding(sign_part(part, member_key), _policy(member))
        told(member)
    files.write_trust(trusted)


def _part(
    files: HostFiles, world: PracticeWorld, member: Member, host: Host, lines_per_agency: int
) -> DirectoryPart:
    ledger_key = Ed25519PrivateKey.generate()
    files.write_ledger_key(member, ledger_key)
    return DirectoryPart(
        member=member,
        version=1,
        host=host,
        ledger_key=ledger_key.public_key().public_bytes_raw(),
        duty_contact=world.duty_contact(member),
        answers=() if member == OPERATOR_MEMBER else ANSWERED_KEYS,
        agencies=tuple(_with_lines(a, lines_per_agency) for a in world.agencies(member)),
        reviewers=() if member == OPERATOR_MEMBER else _reviewers(files, member),
        certifications=world.certifications(member),
        practice=True,
    )


def _with_lines(agency: Agency, count: int) -> Agency:
    further = (f"{line}-{n}" for line in agency.lines for n in range(2, count + 1))
    return msgspec.structs.replace(agency, lines=(*agency.lines, *further))


def _reviewers(files: HostFiles, member: Member) -> tuple[ReviewerKey, ...]:
    enrolled = []
    for name in REVIEWERS:
        reviewer = ReviewerFile(name=name, key=Ed25519PrivateKey.generate())
        files.write_reviewer(member, reviewer)
        public = reviewer.key.public_key().public_bytes_raw()
        key_id = verifier_key(f"{member}-{name}", public).key_id.hex()
        enrolled.append(ReviewerKey(name=name, key_id=key_id, verify_key=public))
    return tuple(enrolled)


def _policy(member: Member) -> bytes:
    """Return a member's first policy: its template where one ships, else the national default."""
    if member in template_names() and member not in _UNUSED_TEMPLATES:
        return encode_bundle(load_template(member))
    return encode_bundle(plain_adoption(member))
