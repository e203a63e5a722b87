"""Whoever a protection names is found, however a query writes it; nobody else is by chance."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from comity.domain.passes import NamedBy, PassPerson
from comity.exchange.person import name_of, named_by, names_person

LETTERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12)
NUMBERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=10)
BORN = st.dates(date(1920, 1, 1), date(2010, 12, 31))
FIELD = {NamedBy.LICENCE: "OLN", NamedBy.PLATE: "LIC", NamedBy.VIN: "VIN"}


@st.composite
def written(draw: st.DrawFn, text: str) -> str:
    """A text with blanks and hyphens anywhere, in either case."""
    parts = [draw(st.sampled_from(("", "", "-", " "))) + letter for letter in text]
    joined = "".join(parts)
    return joined.lower() if draw(st.booleans()) else joined


@given(st.data(), st.sampled_from(sorted(FIELD)), NUMBERS)
def test_a_number_is_found_however_it_is_written(
    data: st.DataObject, by: NamedBy, value: str
) -> None:
    """A plate with or without its type, which a query may leave out."""
    kept = f"{value}/PC" if by is NamedBy.PLATE else value
    asked = [(FIELD[by], data.draw(written(value)))]
    assert name_of(PassPerson(by=by, value=kept)) in named_by(asked)
    assert names_person(named_by(asked)) is (by is NamedBy.LICENCE)


@given(st.tuples(LETTERS, LETTERS, LETTERS), BORN, st.booleans(), st.booleans())
def test_a_name_is_found_with_its_birth_date(
    names: tuple[str, str, str], born: date, is_long: bool, is_lower: bool
) -> None:
    """A middle name, the case, and whether the century is given do not count."""
    last, first, middle = names
    name = f"{last}, {first} {middle}"
    day = f"{born:%Y%m%d}" if is_long else f"{born:%m%d%y}"
    asked = [("NAM", name.lower() if is_lower else name), ("DOB", day)]
    person = PassPerson(by=NamedBy.NAME, value=f"{last},{first}", born=f"{born:%Y%m%d}")
    assert named_by(asked) == {name_of(person)}
    assert names_person(named_by(asked))


@given(NUMBERS, NUMBERS, st.tuples(LETTERS, LETTERS), BORN, BORN)
def test_who_is_another_is_not_found(
    one: str, other: str, names: tuple[str, str], born: date, on: date
) -> None:
    """Another number, another first name, another birth date: none of them finds the other."""
    last, first = names
    numbers = (name_of(PassPerson(by=NamedBy.LICENCE, value=value)) for value in (one, other))
    assert (len(set(numbers)) == 1) is (one == other)
    people = [
        name_of(PassPerson(by=NamedBy.NAME, value=f"{last},{given}", born=f"{day:%Y%m%d}"))
        for given, day in ((first, born), (f"{first}X", born), (first, on))
    ]
    assert people[0] != people[1]
    is_same_day = (born.month, born.day, born.year % 100) == (on.month, on.day, on.year % 100)
    assert (people[0] == people[2]) is is_same_day


@given(LETTERS, LETTERS, NUMBERS)
def test_whom_nobody_named_is_nobody(last: str, first: str, text: str) -> None:
    """A name alone, a birth date alone, a free text, and a field that holds nothing."""
    for asked in (
        [("NAM", f"{last},{first}")], [("DOB", "19900102")], [("", text)], [("OLN", " - ")], [],
    ):  # fmt: skip
        assert named_by(asked) == frozenset()
        assert not names_person(named_by(asked))


@given(NUMBERS, LETTERS, LETTERS, LETTERS, LETTERS)
def test_every_name_of_a_query_counts(
    number: str, last: str, first: str, other: str, given_name: str
) -> None:
    """A field that stands twice, and a number beside a name: each is looked for."""
    asked = [
        ("OLN", number), ("NAM", f"{last},{first}"), ("NAM", f"{other},{given_name}"),
        ("DOB", "19900102"), ("DOB", "010391"),
    ]  # fmt: skip
    found = named_by(asked)
    for name in (f"{last},{first}", f"{other},{given_name}"):
        for born in ("19900102", "19910103"):
            assert name_of(PassPerson(by=NamedBy.NAME, value=name, born=born)) in found
    assert name_of(PassPerson(by=NamedBy.LICENCE, value=number)) in found
