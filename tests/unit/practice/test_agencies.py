"""Agencies of the practice network."""

from __future__ import annotations

import re

import pytest

from comity.directory.ranges import is_place
from comity.domain.agency import family_ancestors, text_of_acts_for
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member, parse_ori, wire_of_member
from comity.domain.vocabulary import AgencyType
from comity.practice.tables import places
from comity.practice.world import PRACTICE_DAY, PracticeWorld

WORLD = PracticeWorld(seed=1, people_per_state=10)
GENERIC = re.compile("..(LIC|VIN|OLN|SIR|BAS|BOAT|SNOW|NLETREP)")
FAMILIES = {
    "US/DHS/ICE/ERO", "US/DHS/ICE/HSI", "US/DHS/CBP/USBP", "US/DHS/CBP/OFO", "US/DHS/TSA",
    "US/DHS/USSS", "US/DOJ/FBI", "US/DOJ/DEA", "US/DOJ/ATF", "US/DOJ/USMS", "US/USPIS",
    "US/DOI/NPS",
}  # fmt: skip


def test_oris_do_not_repeat() -> None:
    """Every ORI is well-formed, no generic form, begins with its member's code, and is alone."""
    oris = []
    for member in WORLD.members():
        for agency in WORLD.agencies(member):
            assert parse_ori(agency.ori) == agency.ori
            assert agency.ori.startswith(f"{wire_of_member(member)}PX")
            assert not GENERIC.match(agency.ori)
            oris.append(agency.ori)
    assert len(set(oris)) == len(oris)
    assert any(ori.startswith("NB") for ori in oris)


def test_lines_do_not_repeat() -> None:
    """Every agency has one line, named for it, that no other has."""
    lines = [line for m in WORLD.members() for a in WORLD.agencies(m) for line in a.lines]
    assert len(lines) == sum(len(WORLD.agencies(m)) for m in WORLD.members())
    assert len(set(lines)) == len(lines)
    assert all(re.fullmatch("[a-z]{2}-[a-z0-9-]+", line) for line in lines)
    assert "tx-bexley-falls-pd" in lines


@pytest.mark.parametrize("member", [Member("tx"), Member("ne"), Member("dc")])
def test_each_state_has_its_agencies(member: Member) -> None:
    """A state has police, a sheriff, a patrol, vehicle investigators and a court of its own."""
    agencies = WORLD.agencies(member)
    assert [agency.type for agency in agencies[:6]] == [
        AgencyType.PD, AgencyType.PD, AgencyType.SO, AgencyType.SA, AgencyType.NJ, AgencyType.JG,
    ]  # fmt: skip
    assert all(family_ancestors(agency.family)[-1] == member.upper() for agency in agencies)
    assert agencies[0].family.endswith("/LOCAL/PD")


def test_federal_families() -> None:
    """The operator member lists the federal families, two or three offices each."""
    agencies = WORLD.agencies(OPERATOR_MEMBER)
    assert {agency.family for agency in agencies} == FAMILIES
    for family in FAMILIES:
        assert sum(agency.family == family for agency in agencies) in {2, 3}
    assert all(agency.type is AgencyType.FE for agency in agencies)
    assert all("practice" in agency.name for agency in agencies)


def test_each_member_has_one_control_terminal() -> None:
    """Of a state its patrol, of the operator one office; each has a line."""
    for member in WORLD.members():
        (control,) = [agency for agency in WORLD.agencies(member) if agency.is_control]
        expected = AgencyType.FE if member == OPERATOR_MEMBER else AgencyType.SA
        assert (control.type, control.active, len(control.lines)) == (expected, True, 1)


def test_every_agency_has_a_place() -> None:
    """A state's agencies stand in its cities, federal offices where their name says."""
    for member in WORLD.members():
        for agency in WORLD.agencies(member):
            assert is_place(agency.place)
            assert member == OPERATOR_MEMBER or agency.place in places()[member].cities
    marshals = [a.place for a in WORLD.agencies(OPERATOR_MEMBER) if a.family == "US/DOJ/USMS"]
    assert marshals == ["Lorvane", "Quenby", "Corvale"]


def test_one_agency_is_inactive() -> None:
    """One agency of the network was closed; its entry says so."""
    closed = [a for m in WORLD.members() for a in WORLD.agencies(m) if not a.active]
    assert [agency.ori for agency in closed] == ["OHPX007PD"]


def test_telephones_ring_nowhere() -> None:
    """Every telephone number lies in the range kept for fiction."""
    phones = [agency.phone for member in MEMBERS for agency in WORLD.agencies(member)]
    phones += [WORLD.duty_contact(member).rsplit(" ", 1)[-1] for member in MEMBERS]
    assert all(re.fullmatch("555-01[0-9]{2}", phone) for phone in phones)


def test_certifications() -> None:
    """A certifying state has agencies certified, lapsed and missing; removal officers have none."""
    wa = Member("wa")
    until = {row.agency: row.until for row in WORLD.certifications(wa)}
    today = (PRACTICE_DAY.toordinal() - 719_163) * 86_400
    assert any(second < today for second in until.values())
    assert any(second > today for second in until.values())
    others = [agency for m in MEMBERS if m != wa for agency in WORLD.agencies(m)]
    assert 0 < sum(agency.ori not in until for agency in others) < len(others)
    assert not any(
        agency.ori in until for agency in others if agency.family.startswith("US/DHS/ICE")
    )
    assert WORLD.certifications(Member("tx")) == ()


def test_a_few_agencies_act_for_others() -> None:
    """Sheriffs with another agency's powers, and desks that pass answers on: named, and no more."""
    acting = {a.ori: a.acts_for for m in MEMBERS for a in WORLD.agencies(m) if a.acts_for}
    assert {ori: [text_of_acts_for(each) for each in acts] for ori, acts in acting.items()} == {
        "TXPX003SO": ["US/DHS/ICE:cross_designated"],
        "FLPX003SO": ["US/DHS/ICE:cross_designated"],
        "GAPX003SO": ["US/DHS/ICE:cross_designated"],
        "AZPX003SO": ["US/DHS:cross_designated"],
        "NVPX004SP": ["US/DHS/ICE:relay"],
        "IDPX001PD": ["US/DHS:relay"],
        "OHPX002PD": ["US/DOJ/DEA:cross_designated"],
    }
