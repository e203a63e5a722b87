"""Values for tests of the directory: practice members with keys from fixed bytes."""

from __future__ import annotations

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from comity.directory.trust import TrustRoot
from comity.domain.agency import (
    Acting,
    ActsFor,
    Agency,
    CertifiedUntil,
    DirectoryPart,
    Family,
    Host,
    ReviewerKey,
)
from comity.domain.ids import ORI, HostName, Member
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import AgencyType

TX, OH, NE, US = Member("tx"), Member("oh"), Member("ne"), Member("us")
AUSTIN, LUBBOCK, DAYTON = ORI("TX2270100"), ORI("TX1520100"), ORI("OH0570100")
FIELD_OFFICE = ORI("DCICE0100")
NOW = 1_795_000_000


def signer_of(member: Member) -> Ed25519PrivateKey:
    """A member's practice key."""
    return Ed25519PrivateKey.from_private_bytes(member.encode() * 16)


def trust(*members: Member) -> TrustRoot:
    """A trust root that pins these members' practice keys."""
    return TrustRoot(
        keys={member: signer_of(member).public_key().public_bytes_raw() for member in members}
    )


def agency(ori: ORI, family: str, **changes: object) -> Agency:
    """An active agency on one line, named after its ORI."""
    base = Agency(
        ori=ori,
        name="Practice Agency",
        family=Family(family),
        type=AgencyType.PD,
        lines=("line-1",),
        phone="555-0100",
    )
    return msgspec.structs.replace(base, **changes)


def host(name: str = "gateway-one", byte: int = 1) -> Host:
    """A host whose keys are made of one byte."""
    return Host(name=HostName(name), verify_key=bytes([byte]) * 32, seal_key=bytes([byte + 1]) * 32)


def make_part(member: Member, *agencies: Agency, **changes: object) -> DirectoryPart:
    """A member's first part."""
    base = DirectoryPart(
        member=member,
        version=1,
        host=host(),
        ledger_key=b"\x03" * 32,
        duty_contact="duty officer, 555-0199",
        answers=(MessageKey("DQ"), MessageKey("RQ")),
        agencies=agencies,
        practice=True,
    )
    return msgspec.structs.replace(base, **changes)


def texas(**changes: object) -> DirectoryPart:
    """Texas: two local agencies, one reviewer, two agencies certified."""
    values: dict[str, object] = {
        "reviewers": (ReviewerKey(name="r.one", key_id="00c0ffee", verify_key=b"\x09" * 32),),
        "certifications": (
            CertifiedUntil(agency=DAYTON, until=NOW + 1),
            CertifiedUntil(agency=FIELD_OFFICE, until=NOW),
        ),
    }
    agencies = (
        agency(AUSTIN, "TX/LOCAL"),
        agency(LUBBOCK, "TX/LOCAL", active=False, lines=("line-1", "line-2")),
    )
    return make_part(TX, *agencies, **(values | changes))


def ohio(**changes: object) -> DirectoryPart:
    """Ohio: one local agency, on a host of its own."""
    values: dict[str, object] = {"host": host("gateway-two", 5)}
    agencies = (agency(DAYTON, "OH/LOCAL", lines=("line-3",)),)
    return make_part(OH, *agencies, **(values | changes))


def acting(**changes: object) -> DirectoryPart:
    """Ohio again: its agency acts for two federal families."""
    acts = (
        ActsFor(family=Family("US/DHS/ICE"), how=Acting.CROSS_DESIGNATED),
        ActsFor(family=Family("US/DOJ"), how=Acting.RELAY),
    )
    return ohio(agencies=(agency(DAYTON, "OH/LOCAL", acts_for=acts),), **changes)


def operator(**changes: object) -> DirectoryPart:
    """The operator member: one federal field office, on the same host as Texas."""
    office = agency(FIELD_OFFICE, "US/DHS/ICE/ERO", type=AgencyType.FE, lines=("line-4",))
    return make_part(US, office, **changes)
