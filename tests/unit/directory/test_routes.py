"""The routes are data, and the data is consistent."""

from __future__ import annotations

from collections import Counter

import pytest

from comity.directory.routes import RouteKind, region_table, resolve_code, special_table
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member, wire_of_member

JURISDICTIONS = [member for member in MEMBERS if member != OPERATOR_MEMBER]


@pytest.mark.parametrize("member", JURISDICTIONS)
def test_every_jurisdiction_has_its_wire_code(member: Member) -> None:
    """Each of the 54 is reached by the network's own code for it."""
    found = resolve_code(wire_of_member(member))
    assert found is not None
    assert (found.kind, found.members) == (RouteKind.MEMBER, (member,))


SERVED = {"AX": (OPERATOR_MEMBER,)}


@pytest.mark.parametrize(
    "code", ["OD", "FA", "MX", "CN", "IP", "NA", "CG", "AX", "CL", "FB", "TC", "DN"]
)
def test_special_codes_are_known(code: str) -> None:
    """Each special code resolves as one, though nobody serves most of them here."""
    found = resolve_code(code)
    assert found is not None
    assert (found.kind, found.members) == (RouteKind.SPECIAL, SERVED.get(code, ()))
    assert special_table()[code].label


def test_every_region_says_that_it_is_practice_data() -> None:
    """The true make-up of regions is not public, and no row pretends otherwise."""
    assert all(row.practice for row in region_table().values())
    assert "wi" in region_table()["E1"].members


def test_practice_regions_cover_each_jurisdiction_once() -> None:
    """The eight regions hold all 54 jurisdictions, none twice."""
    rows = {code: row for code, row in region_table().items() if code != "Z1"}
    counts = Counter(member for row in rows.values() for member in row.members)
    assert len(rows) == 8
    assert counts == Counter(JURISDICTIONS)


def test_z1_is_every_state_and_puerto_rico() -> None:
    """Fifty states and Puerto Rico, without the district and the other territories."""
    members = region_table()["Z1"].members
    assert len(members) == len(set(members)) == 51
    assert set(JURISDICTIONS) - set(members) == {"dc", "gu", "vi"}


def test_the_network_asks_every_jurisdiction() -> None:
    """NL stands for all 54, and the operator is not asked for records."""
    found = resolve_code("NL")
    assert found is not None
    assert list(found.members) == JURISDICTIONS


@pytest.mark.parametrize("code", ["", "T", "TXX", "tx", "US", "QQ", "TXLIC0001", "ZZLIC0000"])
def test_other_codes_are_unknown(code: str) -> None:
    """What the data does not have resolves to nothing."""
    assert resolve_code(code) is None
