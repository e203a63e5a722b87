"""What holds of every signed part: only its own bytes verify, and any order of loading is safe."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.directory.directory import EMPTY_DIRECTORY, Directory
from comity.directory.errors import DirectoryError
from comity.directory.part import (
    encode_signed_part,
    parse_signed_part,
    sign_part,
    verify_part,
)
from comity.directory.trust import encode_trust_root, parse_trust_root
from comity.domain.agency import DirectoryPart
from comity.domain.ids import MEMBERS, ORI, Member
from tests.support.directory import OH, TX, US, agency, make_part, signer_of, texas, trust

ROOT = trust(TX, OH, US)
SIGNED = encode_signed_part(sign_part(texas(), signer_of(TX)))
MEMBER = st.sampled_from([TX, OH, US])
NUMBERS = st.sets(st.integers(0, 9), max_size=6)


def part_of(member: Member, version: int, numbers: set[int]) -> DirectoryPart:
    """A member's part that lists these agencies out of ten that all members reach for."""
    agencies = [agency(ORI(f"ORI00000{n}"), f"{member.upper()}/LOCAL") for n in sorted(numbers)]
    return make_part(member, *agencies, version=version)


@given(MEMBER, st.integers(1, 2**53), NUMBERS)
def test_verifying_undoes_signing(member: Member, version: int, numbers: set[int]) -> None:
    """Verify ∘ parse ∘ encode ∘ sign is the identity."""
    part = part_of(member, version, numbers)
    data = encode_signed_part(sign_part(part, signer_of(member)))
    assert verify_part(parse_signed_part(data), ROOT) == part


def test_every_altered_byte_is_refused() -> None:
    """Whichever byte of a signed part is changed, it does not verify."""
    for place in range(len(SIGNED)):
        data = bytearray(SIGNED)
        data[place] ^= 1 << (place % 7)
        with pytest.raises(DirectoryError):
            verify_part(parse_signed_part(bytes(data)), ROOT)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    """Noise is no signed part, and signed noise is no part."""
    with pytest.raises(DirectoryError):
        parse_signed_part(data)
    signature = signer_of(TX).sign(b"comity/directory/v1\n" + data)
    signed = msgspec.structs.replace(parse_signed_part(SIGNED), body=data, signature=signature)
    with pytest.raises(DirectoryError):
        verify_part(signed, ROOT)


@given(st.lists(st.tuples(MEMBER, st.integers(1, 4), NUMBERS), max_size=12))
def test_any_order_of_parts_leaves_one_owner_each(rows: list[tuple[Member, int, set[int]]]) -> None:
    """However parts come, each agency has the one member whose standing part lists it."""
    directory: Directory = EMPTY_DIRECTORY
    for member, version, numbers in rows:
        before = directory.part(member)
        try:
            directory = directory.with_part(part_of(member, version, numbers))
        except DirectoryError:
            assert directory.part(member) == before
    standing = [part for member in directory.members() if (part := directory.part(member))]
    pairs = [(listing.ori, part.member) for part in standing for listing in part.agencies]
    listed = dict(pairs)
    assert len(listed) == len(pairs)
    assert {ori: directory.member_of(ori) for ori in directory.families()} == listed
    for ori, member in listed.items():
        assert directory.check_asker(member, ori).ori == ori
        assert directory.families()[ori] == f"{member.upper()}/LOCAL"


@given(st.sets(st.sampled_from(MEMBERS)))
def test_reading_a_trust_root_undoes_writing(members: set[Member]) -> None:
    """Parse ∘ encode is the identity for any set of members."""
    root = trust(*members)
    assert parse_trust_root(encode_trust_root(root)) == root
