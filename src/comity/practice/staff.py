"""Invented employees of each state, and officers who ask, who sign in to the practice console.

Guarantee: a seed gives each state the same people. Who reviews, and who signs rules, does so by the
names that the practice directory enrols (`founding`); nobody holds duties that are kept apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from comity.console.people import People, Person, Role, encode_people
from comity.domain.ids import OPERATOR_MEMBER, Member
from comity.domain.vocabulary import AgencyType
from comity.practice.agencies import agencies_of
from comity.practice.chance import pick, stream
from comity.practice.founding import REVIEWERS, RULE_SIGNERS
from comity.practice.tables import name_table

__all__ = ["STAFF_POSTS", "staff_file", "staff_of"]

_REVIEWER, _SUPERVISOR = REVIEWERS
_AUTHOR, _COUNSEL = RULE_SIGNERS
_ASKS_AS: Final = "PX-0417"
_FEDERAL: Final = "US/DHS/ICE/HSI"
"""Whose officer asks of the federal agencies: some states hold what it asks for."""

STAFF_POSTS: Final = (
    ("reviewer", frozenset({Role.REVIEWER}), _REVIEWER),
    ("supervisor", frozenset({Role.SUPERVISOR, Role.REVIEWER}), _SUPERVISOR),
    ("author", frozenset({Role.AUTHOR}), _AUTHOR),
    ("counsel", frozenset({Role.COUNSEL}), _COUNSEL),
    ("auditor", frozenset({Role.AUDITOR}), ""),
    ("operator", frozenset({Role.OPERATOR}), ""),
    ("requester", frozenset({Role.REQUESTER}), ""),
)
"""Each state's posts: name, roles, and the enrolled name to sign as."""


def staff_of(seed: int, state: Member) -> tuple[Person, ...]:
    """Return a state's invented people, one a post; of the operator member one federal officer."""
    rng = stream(seed, state, "staff")
    table = name_table()
    given = table.given.female + table.given.male
    found: dict[str, Person] = {}
    is_state = state != OPERATOR_MEMBER
    for post, roles, signs_as in STAFF_POSTS:
        if not is_state and Role.REQUESTER not in roles:
            continue
        name = ""
        while not name or name in found:
            surname = pick(rng, table.surname.heads) + pick(rng, table.surname.tails)
            name = f"{pick(rng, given)} {surname}"
        subject = f"practice-{state}-{post}"
        person = Person(subject=subject, name=name, state=state, roles=roles, signs_as=signs_as)
        found[name] = _asking(person) if Role.REQUESTER in roles else person
    return tuple(found.values())


def _asking(person: Person) -> Person:
    """Return a person as one who asks for the first police of the state, or for `_FEDERAL`."""
    agency = next(
        each
        for each in agencies_of(person.state)
        if each.active and (each.type is AgencyType.PD or each.family == _FEDERAL)
    )
    return msgspec.structs.replace(person, asks_for=agency.ori, asks_as=_ASKS_AS)


def staff_file(issuer: str, persons: Iterable[Person]) -> str:
    """Return the people file of a practice console."""
    note = "# Practice data: every person here is invented.\n"
    return note + encode_people(People(issuer, persons))
