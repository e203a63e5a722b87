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
from comity.domain.agency import Agency, DirectoryPart, Family, Host, ReviewerKey
from comity.domain.ids import OPERATOR_MEMBER, HostName, Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import Purpose
from comity.ledger.note import verifier_key
from comity.policy import (
    PolicyBundle,
    Publication,
    encode_bundle,
    load_template,
    national_default,
    plain_adoption,
)
from comity.practice.world import PracticeWorld
from comity.roles.host_files import HostFiles, ReviewerFile

__all__ = [
    "ANSWERED_KEYS",
    "FEDERAL_KEYS",
    "MESSAGE_KEYS",
    "PRACTICE_HOST",
    "REVIEWERS",
    "RULE_SIGNERS",
    "found_practice",
    "practice_rules",
]

PRACTICE_HOST: Final = HostName("practice")
REVIEWERS: Final = ("reviewer", "supervisor")
"""Enrolled names of those who review."""

RULE_SIGNERS: Final = ("author", "counsel")
"""Enrolled names of those who sign rules and review nothing."""

MESSAGE_KEYS: Final = tuple(
    MessageKey(key) for key in ("AM", "AML", "AA", "HS", "HSL", "SON", "YQ", "LQ", "ALQ")
)
"""Messages between agencies, which every member takes."""

ANSWERED_KEYS: Final = (*(MessageKey(key) for key in ("DQ", "KQ", "RQ")), *MESSAGE_KEYS)
FEDERAL_KEYS: Final = (MessageKey("IAQ"), *MESSAGE_KEYS)
_DELAYED: Final = Publication(
    delayed_purposes=(Purpose.CRIMINAL_INVESTIGATION, Purpose.MISSING_OR_ENDANGERED),
    except_families=(Family("US/DHS"),),
    delay_months=6,
)
_DELAYING: Final = frozenset({Member("co"), Member("mi"), Member("pa")})
"""States of the practice network that delay detail, for the sake of live cases."""

_BY_TEMPLATE: Final = frozenset(map(Member, ("ca", "il", "ma", "md", "mn", "ny", "or", "ut", "wa")))
"""States of the practice network whose rules are their template's; others take the national
default alone, also where a draft or a blank for them ships.
"""


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
        files.write_member_key(member, member_key)
        trusted[member] = member_key.public_key().public_bytes_raw()
        part = _part(files, world, member, keys.host, lines_per_agency)
        files.write_founding(sign_part(part, member_key), encode_bundle(practice_rules(member)))
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
        answers=FEDERAL_KEYS if member == OPERATOR_MEMBER else ANSWERED_KEYS,
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
    for name in (*REVIEWERS, *RULE_SIGNERS):
        reviewer = ReviewerFile(name=name, key=Ed25519PrivateKey.generate())
        files.write_reviewer(member, reviewer)
        public = reviewer.key.public_key().public_bytes_raw()
        key_id = verifier_key(f"{member}-{name}", public).key_id.hex()
        enrolled.append(ReviewerKey(name=name, key_id=key_id, verify_key=public))
    return tuple(enrolled)


def practice_rules(member: Member) -> PolicyBundle:
    """Return a member's first rules: its template's, or the national default alone."""
    bundle = load_template(member) if member in _BY_TEMPLATE else plain_adoption(member)
    if member in _DELAYING:
        bundle = msgspec.structs.replace(bundle, publication=_DELAYED)
    return bundle
