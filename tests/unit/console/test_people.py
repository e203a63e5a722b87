"""The people file: who holds which place, and which duties are kept apart."""

from __future__ import annotations

from itertools import combinations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.console.errors import PeopleError
from comity.console.people import (
    PEOPLE_FILE_BYTES_MAX,
    PEOPLE_MAX,
    People,
    Person,
    Role,
    encode_people,
    parse_people,
)
from comity.domain.ids import MEMBERS, Member

ISSUER = "https://id.example.invalid"
WA, OR = Member("wa"), Member("or")


def place(**changes: object) -> str:
    """One place as the file has it; what is None is left out."""
    row: dict[str, object] = {
        "subject": "ana",
        "name": "Ana Velarzora",
        "state": "wa",
        "roles": ["reviewer"],
        "signs_as": "reviewer",
    }
    lines = [
        f"{k} = {msgspec.json.encode(v).decode()}"
        for k, v in (row | changes).items()
        if v is not None
    ]
    return "\n".join(["[[people]]", *lines, ""])


ASKS: dict[str, object] = {
    "roles": ["requester"],
    "signs_as": None,
    "asks_for": "WAPX001PD",
    "asks_as": "B1234",
}


def file(*places: str) -> str:
    return f'issuer = "{ISSUER}"\n' + "\n".join(places)


def test_place_is_read() -> None:
    """A place is found by issuer and subject, with its roles and the name to sign as."""
    people = parse_people(file(place(roles=["supervisor", "reviewer"])))
    assert people.find(ISSUER, "ana") == (
        Person(
            subject="ana",
            name="Ana Velarzora",
            state=WA,
            roles=frozenset({Role.SUPERVISOR, Role.REVIEWER}),
            signs_as="reviewer",
        ),
    )
    assert people.find(ISSUER, "ana")[0].has_any(Role.AUDITOR, Role.REVIEWER)
    assert not people.find(ISSUER, "ana")[0].has_any(Role.AUDITOR)


def test_nobody_else_is_found() -> None:
    """A subject of another issuer, another spelling, or an empty one has no place."""
    people = parse_people(file(place()))
    for issuer, subject in (
        ("https://other.invalid", "ana"),
        (f"{ISSUER}/", "ana"),
        ("", "ana"),
        (ISSUER, "Ana"),
        (ISSUER, ""),
    ):
        assert people.find(issuer, subject) == ()


def test_person_may_hold_places_in_states() -> None:
    """One person's places in several states are all found, in the order of the file."""
    people = parse_people(file(place(state="or"), place()))
    assert [found.state for found in people.find(ISSUER, "ana")] == [OR, WA]


def test_file_without_people_admits_nobody() -> None:
    """A file that names nobody is a file."""
    assert parse_people(file()).persons == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"subject": "\u00fcna"}, "subject"),
        ({"subject": "a\tb"}, "subject"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "Ana\u202eRuiz"}, "name"),
        ({"state": "WA"}, "state"),
        ({"state": "xx"}, "state"),
        ({"state": ""}, "state"),
        ({"roles": ["boss"]}, "roles"),
        ({"roles": ["Reviewer"]}, "roles"),
        ({"roles": ["reviewer", "reviewer"]}, "roles"),
        ({"signs_as": None}, "signs_as"),
        ({"signs_as": ""}, "signs_as"),
        ({"signs_as": "../key"}, "signs_as"),
        ({"signs_as": "ana ruiz"}, "signs_as"),
        ({"signs_as": "ana\n"}, "signs_as"),
        ({"roles": ["operator"]}, "signs_as"),
        ({"asks_for": "WAPX001PD"}, "asks_for"),
        ({"asks_as": "B1"}, "asks_as"),
        (ASKS | {"asks_for": None}, "asks_for"),
        (ASKS | {"asks_for": "WAPX"}, "asks_for"),
        (ASKS | {"asks_as": None}, "asks_as"),
        (ASKS | {"asks_as": "b1"}, "asks_as"),
        (ASKS | {"asks_as": "B" * 17}, "asks_as"),
        (ASKS | {"signs_as": "ana"}, "signs_as"),
    ],
)
def test_malformed_place_is_refused(changes: dict[str, object], field: str) -> None:
    """A place that has not its form is refused by field and number, and its person not named."""
    with pytest.raises(PeopleError, match=f"`{field}` of place 2 ") as refusal:
        parse_people(file(place(subject="bo", signs_as="bo"), place(**changes)))
    assert "Velarzora" not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "issuer = 7",
        'issuer = "http://id.invalid"',
        'issuer = "https://id.invalid/?x=1"',
        "not toml",
        "\ud800",
        file(place(), "[people.more]\n"),
        file(place(boss=True)),
        file(place(roles=[])),
        file(place(roles="reviewer")),
        file(place(name=None)),
        f"version = 2\n{file(place())}",
        f"{'.'.join('a' * 50)} = 1\n{file(place())}",
    ],
)
def test_file_that_is_not_closed_is_refused(text: str) -> None:
    """An unknown or missing member, another type, no TOML or no issuer refuses the whole file."""
    with pytest.raises(PeopleError):
        parse_people(text)


FORBIDDEN = {
    frozenset({Role.OPERATOR, Role.REVIEWER}),
    frozenset({Role.OPERATOR, Role.SUPERVISOR}),
    frozenset({Role.AUTHOR, Role.REVIEWER}),
    frozenset({Role.AUTHOR, Role.SUPERVISOR}),
    *(frozenset({Role.REQUESTER, other}) for other in Role if other is not Role.REQUESTER),
}


@pytest.mark.parametrize("pair", list(combinations(Role, 2)), ids="-".join)
def test_duties_are_kept_apart(pair: tuple[Role, Role]) -> None:
    """The pairs that must be in two hands are refused, and every other pair is taken."""
    signs_as = None if Role.OPERATOR in pair and Role.REVIEWER not in pair else "ana"
    text = file(place(roles=list(pair), signs_as=signs_as))
    if frozenset(pair) in FORBIDDEN:
        with pytest.raises(PeopleError, match="has both"):
            parse_people(text)
    else:
        assert parse_people(text).persons[0].roles == frozenset(pair)


def test_duties_are_apart_within_one_state() -> None:
    """Who reviews for one state may write another's rules."""
    people = parse_people(file(place(), place(state="or", roles=["author"], signs_as=None)))
    assert len(people.find(ISSUER, "ana")) == 2


def test_roles_in_two_places_of_a_state_are_refused() -> None:
    """Duties cannot be brought together again by a second place of the same person and state."""
    with pytest.raises(PeopleError, match="`subject` of place 2"):
        parse_people(file(place(), place(roles=["author"], signs_as=None)))


@pytest.mark.parametrize("signs_as", ["reviewer", "Reviewer"])
def test_two_people_never_sign_as_one(signs_as: str) -> None:
    """A name to sign as is one person's of a state, in any spelling; another state has its own."""
    with pytest.raises(PeopleError, match="`signs_as` of place 2"):
        parse_people(file(place(), place(subject="bo", signs_as=signs_as)))
    parse_people(file(place(), place(subject="bo", state="or", signs_as=signs_as)))


def test_requester_asks_for_an_agency() -> None:
    """A place names the agency and the number by which it knows the person; it is written so."""
    people = parse_people(file(place(**ASKS)))
    (person,) = people.persons
    assert (person.asks_for, person.asks_as, person.signs_as) == ("WAPX001PD", "B1234", "")
    assert parse_people(encode_people(people)).persons == people.persons


def test_two_people_never_ask_as_one() -> None:
    """A number is one person's of an agency; another agency has its own."""
    bo = place(**ASKS, subject="bo")
    with pytest.raises(PeopleError, match="`asks_as` of place 2"):
        parse_people(file(place(**ASKS), bo))
    parse_people(file(place(**ASKS), place(**(ASKS | {"asks_for": "WAPX002SO"}), subject="bo")))


def test_limits_hold() -> None:
    """As many places and bytes as the limits are read; one more is refused."""
    rows = [
        f'[[people]]\nsubject="p{n}"\nname="P"\nstate="wa"\nroles=["auditor"]\n'
        for n in range(PEOPLE_MAX + 1)
    ]
    assert len(parse_people(file(*rows[1:])).persons) == PEOPLE_MAX
    with pytest.raises(PeopleError):
        parse_people(file(*rows))
    text = file()
    padded = text + "#" * (PEOPLE_FILE_BYTES_MAX - len(text))
    assert parse_people(padded).persons == ()
    with pytest.raises(PeopleError, match="bytes"):
        parse_people(padded + "#")


names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
free = sorted(set(Role) - {Role.OPERATOR, Role.AUTHOR, Role.REQUESTER})
persons = st.lists(
    st.builds(
        Person,
        subject=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=9),
        name=names,
        state=st.sampled_from(MEMBERS),
        roles=st.frozensets(st.sampled_from(free), min_size=1),
    ),
    max_size=5,
    unique_by=lambda each: (each.subject, each.state),
).map(
    lambda rows: tuple(
        msgspec.structs.replace(row, signs_as=f"n{n}" if Role.REVIEWER in row.roles else "")
        for n, row in enumerate(rows)
    )
)


@given(persons)
def test_file_that_is_written_is_read_back(rows: tuple[Person, ...]) -> None:
    """Whatever people there are, their file says the same people."""
    people = parse_people(encode_people(People(ISSUER, rows)))
    assert (people.issuer, people.persons) == (ISSUER, rows)
