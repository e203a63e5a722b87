"""Invented employees: the same each time, one a post, and none with duties that are kept apart."""

from __future__ import annotations

from comity.console.people import Role, parse_people
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, Member
from comity.practice.agencies import agencies_of
from comity.practice.founding import REVIEWERS, RULE_SIGNERS
from comity.practice.staff import STAFF_POSTS, staff_file, staff_of

ISSUER = "http://127.0.0.1:9"


def test_every_state_has_its_staff() -> None:
    """Each state has one person a post; all together are a people file that is taken."""
    staff = [person for member in MEMBERS for person in staff_of(1, member)]
    states = len(MEMBERS) - 1
    assert len(staff) == states * len(STAFF_POSTS) + 1
    people = parse_people(staff_file(ISSUER, staff))
    assert people.persons == tuple(staff)
    assert "Practice data" in staff_file(ISSUER, staff).splitlines()[0]


def test_staff_is_the_seeds_own() -> None:
    """A seed gives the same names again, another seed others."""
    wa = Member("wa")
    assert staff_of(1, wa) == staff_of(1, wa)
    assert [p.name for p in staff_of(1, wa)] != [p.name for p in staff_of(2, wa)]
    assert len({p.name for p in staff_of(1, wa)}) == len(STAFF_POSTS)


def test_who_decides_signs_as_who_is_enrolled() -> None:
    """Who reviews and who makes rules sign by the names that the directory enrols, nobody else."""
    signs = (Role.REVIEWER, Role.AUTHOR, Role.COUNSEL)
    for person in staff_of(1, Member("ny")):
        assert bool(person.signs_as) == person.has_any(*signs)
        makes_rules = person.has_any(Role.AUTHOR, Role.COUNSEL)
        assert (person.signs_as in RULE_SIGNERS) == makes_rules
    assert {p.signs_as for p in staff_of(1, Member("ny"))} == {"", *REVIEWERS, *RULE_SIGNERS}
    assert {role for p in staff_of(1, Member("ny")) for role in p.roles} == set(Role)


def test_operator_member_has_an_officer_who_asks() -> None:
    """The member of the federal agencies holds no records, and enrols nobody."""
    (officer,) = staff_of(1, OPERATOR_MEMBER)
    assert officer.roles == {Role.REQUESTER}


def test_who_asks_does_so_for_an_agency_of_the_member() -> None:
    """One that is listed, open and has a line; under one number."""
    for member in MEMBERS:
        asking = [p for p in staff_of(1, member) if p.has_any(Role.REQUESTER)]
        (found,) = [a for a in agencies_of(member) if a.ori == asking[0].asks_for]
        assert found.active
        assert found.lines
