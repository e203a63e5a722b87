"""A part is accepted only from its own member's pinned key, in one encoding, in range."""

from __future__ import annotations

import msgspec
import pytest

from comity.directory.errors import (
    FamilyNotOwnError,
    MemberNotTrustedError,
    PartMalformedError,
    PartSignatureError,
)
from comity.directory.limits import AGENCY_LINES_MAX, PART_BYTES_MAX, SIGNED_PART_BYTES_MAX
from comity.directory.part import (
    SignedPart,
    encode_signed_part,
    parse_signed_part,
    part_body,
    sign_part,
    verify_part,
)
from comity.domain.agency import CertifiedUntil, DirectoryPart, ReviewerKey
from comity.domain.ids import ORI, Member
from tests.support.directory import (
    AUSTIN,
    FIELD_OFFICE,
    NE,
    OH,
    TX,
    US,
    agency,
    host,
    make_part,
    operator,
    signer_of,
    texas,
    trust,
)


def sign_raw(member: Member, body: bytes) -> SignedPart:
    """A correct signature over any body, as a member that misbehaves could make it."""
    signature = signer_of(member).sign(b"comity/directory/v1\n" + body)
    return SignedPart(member=member, body=body, signature=signature)


def test_a_signed_part_comes_back_as_it_was() -> None:
    """What a member signed is what its peers read."""
    signed = parse_signed_part(encode_signed_part(sign_part(texas(), signer_of(TX))))
    assert verify_part(signed, trust(TX)) == texas()


def test_a_member_outside_the_trust_root_is_refused() -> None:
    """A correct signature of a member that nobody pinned is worth nothing."""
    with pytest.raises(MemberNotTrustedError):
        verify_part(sign_part(texas(), signer_of(TX)), trust(OH))


def test_a_part_signed_with_another_key_is_refused() -> None:
    """Another member cannot sign in this member's name."""
    with pytest.raises(PartSignatureError):
        verify_part(sign_part(texas(), signer_of(OH)), trust(TX, OH))


def test_a_forged_body_is_refused() -> None:
    """A part altered after it was signed does not verify."""
    signed = sign_part(texas(), signer_of(TX))
    forged = msgspec.structs.replace(signed, body=signed.body.replace(b"TX/LOCAL", b"TX/STATE"))
    assert forged.body != signed.body
    with pytest.raises(PartSignatureError):
        verify_part(forged, trust(TX))


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_a_signature_of_any_other_form_is_refused(signature: bytes) -> None:
    """Empty, short, zero and long signatures are refused alike."""
    signed = msgspec.structs.replace(sign_part(texas(), signer_of(TX)), signature=signature)
    with pytest.raises(PartSignatureError):
        verify_part(signed, trust(TX))


def test_a_signature_for_another_purpose_is_refused() -> None:
    """The member's key over the bare body, without the prefix of parts, is no signed part."""
    body = part_body(texas())
    bare = SignedPart(member=TX, body=body, signature=signer_of(TX).sign(body))
    with pytest.raises(PartSignatureError):
        verify_part(bare, trust(TX))


def test_a_part_of_another_member_is_refused() -> None:
    """Ohio's key over Texas's part does not make it Ohio's to say."""
    with pytest.raises(PartMalformedError):
        verify_part(sign_raw(OH, part_body(texas())), trust(OH, TX))


@pytest.mark.parametrize(
    "alter",
    [
        lambda body: body + b" ",
        lambda body: body.replace(b'{"member"', b'{ "member"', 1),
        lambda body: body[:-1] + b',"extra":1}',
        lambda body: body[:-1] + b',"agencies":[]}',
        lambda body: body[:10],
        lambda _: b"\xff",
        lambda _: b"[" * 5_000,
    ],
    ids=["trailing", "space", "unknown field", "field twice", "cut", "not text", "deep"],
)
def test_another_encoding_is_refused(alter: object) -> None:
    """A body that its member signed in any other form than the only one is refused."""
    assert callable(alter)
    with pytest.raises(PartMalformedError):
        verify_part(sign_raw(TX, alter(part_body(texas()))), trust(TX))


WRONG: dict[str, DirectoryPart] = {
    "version 0": texas(version=0),
    "version beyond its range": texas(version=2**53 + 1),
    "a short ledger key": texas(ledger_key=bytes(31)),
    "no duty contact": texas(duty_contact=""),
    "a duty contact with a line end": texas(duty_contact="a\nb"),
    "an unknown message key": texas(answers=("DQ", "nonsense")),
    "a message key twice": texas(answers=("DQ", "DQ")),
    "a host that is no host": texas(host=host("Gateway One")),
    "a host of digits alone": texas(host=host("007")),
    "a short verification key": texas(
        host=msgspec.structs.replace(host(), verify_key=bytes(31))
    ),
    "a long seal key": texas(host=msgspec.structs.replace(host(), seal_key=bytes(33))),
    "an agency twice": make_part(TX, agency(AUSTIN, "TX/A"), agency(AUSTIN, "TX/B")),
    "a malformed agency": make_part(TX, agency(ORI("tx1"), "TX/A")),
    "a malformed family": make_part(TX, agency(AUSTIN, "TX/a b")),
    "an agency without a name": make_part(TX, agency(AUSTIN, "TX/A", name="")),
    "a line that is no line": make_part(TX, agency(AUSTIN, "TX/A", lines=("Line 1",))),
    "a line twice": make_part(TX, agency(AUSTIN, "TX/A", lines=("a", "a"))),
    "too many lines": make_part(
        TX, agency(AUSTIN, "TX/A", lines=tuple(f"l{n}" for n in range(AGENCY_LINES_MAX + 1)))
    ),
    "a phone that is no number": make_part(TX, agency(AUSTIN, "TX/A", phone="call me")),
    "a reviewer twice": texas(
        reviewers=(ReviewerKey(name="r", key_id="00c0ffee", verify_key=bytes(32)),) * 2
    ),
    "a reviewer's short key": texas(
        reviewers=(ReviewerKey(name="r", key_id="00c0ffee", verify_key=bytes(31)),)
    ),
    "a reviewer's malformed key id": texas(
        reviewers=(ReviewerKey(name="r", key_id="C0FFEE", verify_key=bytes(32)),)
    ),
    "a certification twice": texas(
        certifications=(CertifiedUntil(agency=AUSTIN, until=1),) * 2
    ),
    "a certification before 1970": texas(
        certifications=(CertifiedUntil(agency=AUSTIN, until=-1),)
    ),
    "a certification of no agency": texas(
        certifications=(CertifiedUntil(agency=ORI("X"), until=1),)
    ),
}  # fmt: skip


@pytest.mark.parametrize("part", WRONG.values(), ids=WRONG.keys())
def test_values_outside_their_range_are_refused_on_both_sides(part: DirectoryPart) -> None:
    """Neither does a member sign such a part, nor does a peer accept it signed."""
    with pytest.raises(PartMalformedError):
        sign_part(part, signer_of(TX))
    with pytest.raises(PartMalformedError):
        verify_part(sign_raw(TX, msgspec.json.encode(part)), trust(TX))


@pytest.mark.parametrize(
    "part",
    [
        make_part(TX, agency(AUSTIN, "OH/LOCAL")),
        make_part(TX, agency(FIELD_OFFICE, "US/DHS/ICE/ERO")),
        make_part(TX, agency(AUSTIN, "TX")),
        make_part(TX, agency(AUSTIN, "TXX/LOCAL")),
        make_part(US, agency(AUSTIN, "TX/LOCAL")),
        make_part(NE, agency(AUSTIN, "NB/LOCAL")),
    ],
    ids=["another state's", "federal", "the root", "a longer root", "operator's", "wire code"],
)
def test_a_family_belongs_to_its_member(part: DirectoryPart) -> None:
    """A state lists agencies under its own family only, the operator under the federal one only."""
    with pytest.raises(FamilyNotOwnError):
        sign_part(part, signer_of(part.member))
    raw = sign_raw(part.member, msgspec.json.encode(part))
    with pytest.raises(FamilyNotOwnError):
        verify_part(raw, trust(part.member))


def test_the_operator_lists_federal_families() -> None:
    """A federal agency stands in the operator member's part."""
    assert verify_part(sign_part(operator(), signer_of(US)), trust(US)) == operator()


def test_bytes_beyond_the_limits_are_refused_unread() -> None:
    """A body or a signed part that is too long is not decoded."""
    with pytest.raises(PartMalformedError):
        verify_part(sign_raw(TX, bytes(PART_BYTES_MAX + 1)), trust(TX))
    with pytest.raises(PartMalformedError):
        parse_signed_part(bytes(SIGNED_PART_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"member":"tx","body":"","signature":""} ',
        b'{"member":"zz","body":"","signature":""}',
        b'{"member":"tx","body":"","signature":"","extra":1}',
    ],
)
def test_a_signed_part_travels_in_one_form(data: bytes) -> None:
    """Other bytes than the only form of a signed part are refused."""
    with pytest.raises(PartMalformedError):
        parse_signed_part(data)
