"""Who holds a place in a state's console, and which duties are kept apart.

    issuer = "https://id.example"      whose subjects these are
    [[people]]                         one person's place in one state
    subject, name, state, roles        and `signs_as`, the enrolled name in the directory; of a
                                       requester `asks_for` (the agency's ORI) and `asks_as` (the
                                       number by which the agency knows the person)

Guarantee: a file with an unknown member or role, a place or a signing name that stands twice, a
reviewer who could not sign, or duties in one hand that must be in two, is refused whole.
Source: docs/adr/0037-signing-in.md, docs/adr/0042-asking-in-the-browser.md; CJIS Security Policy
5.9.5, AC-5 and AC-6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from comity.console.errors import PeopleError
from comity.domain.errors import MalformedError
from comity.domain.ids import ORI, Member, parse_member, parse_ori
from comity.domain.toml import dotted_line
from comity.domain.web import parse_web_address

__all__ = [
    "PEOPLE_FILE_BYTES_MAX",
    "PEOPLE_MAX",
    "People",
    "Person",
    "Role",
    "encode_people",
    "is_subject",
    "parse_people",
]

PEOPLE_FILE_BYTES_MAX: Final = 1_048_576
"""The people file, in UTF-8."""
PEOPLE_MAX: Final = 4_096
"""Places of all people together."""

_NAME_CHARS_MAX: Final = 100
_SUBJECT_CHARS_MAX: Final = 255
_DOTS_MAX: Final = 8
_SAID_CHARS_MAX: Final = 200
_SIGNING_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What names a key file and a key; so no path and no space."""
_ASKING_NUMBER: Final = re.compile(r"[A-Z0-9-]{1,16}")
"""What a message may name its operator by."""


class Role(StrEnum):
    """What a person does for a state."""

    REVIEWER = "reviewer"
    SUPERVISOR = "supervisor"
    AUTHOR = "author"
    COUNSEL = "counsel"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    REQUESTER = "requester"
    """Asks, for an agency of the state."""


_APART: Final = (
    (Role.OPERATOR, Role.REVIEWER),
    (Role.OPERATOR, Role.SUPERVISOR),
    (Role.AUTHOR, Role.REVIEWER),
    (Role.AUTHOR, Role.SUPERVISOR),
    *((Role.REQUESTER, other) for other in Role if other is not Role.REQUESTER),
)
"""Who runs the system does not decide what it holds; who writes rules reviews no exceptions; who
asks for an agency has no other duty of that state.
"""


_NO_AGENCY: Final = ORI("")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One person's place in one state. `signs_as` is empty where the person signs nothing;
    `asks_for` and `asks_as` but for a requester.
    """

    subject: str
    name: str
    state: Member
    roles: frozenset[Role]
    signs_as: str = ""
    asks_for: ORI = _NO_AGENCY
    asks_as: str = ""

    def has_any(self, *roles: Role) -> bool:
        """Say whether the person holds one of these roles here."""
        return not self.roles.isdisjoint(roles)


class People:
    """Everybody who holds a place, by whom the provider says they are."""

    def __init__(self, issuer: str, persons: Iterable[Person]) -> None:
        """Take places that `parse_people` has checked."""
        self.issuer = issuer
        self.persons = tuple(persons)
        self._places: dict[str, tuple[Person, ...]] = {}
        for person in self.persons:
            self._places[person.subject] = (*self._places.get(person.subject, ()), person)

    def find(self, issuer: str, subject: str) -> tuple[Person, ...]:
        """Return a person's places in the order of the file; none for another issuer's subject."""
        return self._places.get(subject, ()) if issuer == self.issuer else ()


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    subject: str
    name: str
    state: str
    roles: Annotated[tuple[str, ...], Meta(min_length=1, max_length=len(Role))]
    signs_as: str = ""
    asks_for: str = ""
    asks_as: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    issuer: str
    people: Annotated[tuple[_Row, ...], Meta(max_length=PEOPLE_MAX)] = ()


def is_subject(text: str) -> bool:
    """Say whether a text is what a provider may call a person: 1..255 printable ASCII."""
    return 0 < len(text) <= _SUBJECT_CHARS_MAX and text.isascii() and text.isprintable()


def parse_people(text: str) -> People:
    """Return the people of a file. Raises: PeopleError, which numbers places and names nobody."""
    if len(text.encode("utf-8", "surrogatepass")) > PEOPLE_FILE_BYTES_MAX:
        raise PeopleError(f"the people file is over {PEOPLE_FILE_BYTES_MAX} bytes")
    if (line := dotted_line(text, _DOTS_MAX)) is not None:
        raise PeopleError(f"line {line} of the people file has a key of too many parts")
    try:
        file = msgspec.toml.decode(text, type=_File)
        parse_web_address(file.issuer, "issuer")
    except (msgspec.MsgspecError, MalformedError, ValueError, RecursionError) as error:
        raise PeopleError(f"the people file is not in form: {_plain(error)}") from None
    persons = tuple(_person(row, number) for number, row in enumerate(file.people, start=1))
    _check_apart(persons)
    return People(file.issuer, persons)


def encode_people(people: People) -> str:
    """Return the file of these people, as `parse_people` reads it."""
    parts = [f"issuer = {_quoted(people.issuer)}\n"]
    for person in people.persons:
        roles = ", ".join(_quoted(role) for role in sorted(person.roles))
        lines = [
            f"subject = {_quoted(person.subject)}",
            f"name = {_quoted(person.name)}",
            f"state = {_quoted(person.state)}",
            f"roles = [{roles}]",
        ]
        if person.signs_as:
            lines.append(f"signs_as = {_quoted(person.signs_as)}")
        if person.asks_for:
            lines.append(f"asks_for = {_quoted(person.asks_for)}")
            lines.append(f"asks_as = {_quoted(person.asks_as)}")
        parts.append("\n".join(["[[people]]", *lines, ""]))
    return "\n".join(parts)


def _quoted(text: str) -> str:
    """Return a text as a basic string, which TOML writes as JSON does."""
    return msgspec.json.encode(text).decode()


def _plain(error: Exception) -> str:
    """Return what is wrong in one plain line; the name of an unknown member may be anything."""
    if not isinstance(error, MalformedError | msgspec.ValidationError):
        return "it is not TOML"
    said = str(error)
    is_plain = said.isascii() and said.isprintable() and len(said) <= _SAID_CHARS_MAX
    return said if is_plain else "it has a member that is unknown"


def _person(row: _Row, number: int) -> Person:
    if not is_subject(row.subject):
        raise _wrong(number, "subject", "is not 1 to 255 printable ASCII characters")
    if not 0 < len(row.name) <= _NAME_CHARS_MAX or not row.name.isprintable():
        raise _wrong(number, "name", f"is not 1 to {_NAME_CHARS_MAX} printable characters")
    try:
        state = parse_member(row.state)
    except MalformedError:
        raise _wrong(number, "state", "is not a member's code, such as `wa`") from None
    if not set(row.roles) <= set(Role):
        raise _wrong(number, "roles", f"has a role that is none of {', '.join(Role)}")
    roles = frozenset(map(Role, row.roles))
    if len(roles) != len(row.roles):
        raise _wrong(number, "roles", "has a role twice")
    for one, other in _APART:
        if {one, other} <= roles:
            raise _wrong(number, "roles", f"has both `{one}` and `{other}` of one state")
    if row.signs_as and not _SIGNING_NAME.fullmatch(row.signs_as):
        raise _wrong(number, "signs_as", "is not 1 to 64 of letters, digits and `._-`")
    if Role.REVIEWER in roles and not row.signs_as:
        raise _wrong(number, "signs_as", "is missing, and a reviewer signs")
    if Role.OPERATOR in roles and row.signs_as:
        raise _wrong(number, "signs_as", "belongs to nobody who is `operator`")
    return Person(
        subject=row.subject,
        name=row.name,
        state=state,
        roles=roles,
        signs_as=row.signs_as,
        asks_for=_agency(row, roles, number),
        asks_as=row.asks_as,
    )


def _agency(row: _Row, roles: frozenset[Role], number: int) -> ORI:
    """Return for which agency a place asks; none but for a requester. Raises: PeopleError."""
    if Role.REQUESTER not in roles:
        for field in ("asks_for", "asks_as"):
            if getattr(row, field):
                raise _wrong(number, field, "belongs to nobody who is not `requester`")
        return _NO_AGENCY
    if row.signs_as:
        raise _wrong(number, "signs_as", "belongs to nobody who is `requester`")
    if not _ASKING_NUMBER.fullmatch(row.asks_as):
        raise _wrong(number, "asks_as", "is not 1 to 16 of A-Z, 0-9 and `-`, and a requester asks")
    try:
        return parse_ori(row.asks_for)
    except MalformedError:
        raise _wrong(number, "asks_for", "is not an agency's ori, and a requester asks") from None


def _check_apart(persons: tuple[Person, ...]) -> None:
    """Refuse a place that stands twice, and two people who would sign, or ask, as one."""
    places: set[tuple[str, str]] = set()
    signing: set[tuple[str, str]] = set()
    asking: set[tuple[str, str]] = set()
    for number, person in enumerate(persons, start=1):
        if (person.subject, person.state) in places:
            raise _wrong(number, "subject", "has a place in this state already")
        places.add((person.subject, person.state))
        if person.signs_as:
            # Key files of `A` and `a` are one file on some disks.
            if (person.state, person.signs_as.lower()) in signing:
                raise _wrong(number, "signs_as", "is another person's name of this state already")
            signing.add((person.state, person.signs_as.lower()))
        if person.asks_for:
            if (person.asks_for, person.asks_as) in asking:
                raise _wrong(number, "asks_as", "is another person's number of this agency already")
            asking.add((person.asks_for, person.asks_as))


def _wrong(number: int, field: str, what: str) -> PeopleError:
    return PeopleError(f"`{field}` of place {number} of the people file {what}")
