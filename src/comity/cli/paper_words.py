"""What the commands about a reviewer's papers take and say alike: persons, agencies, times."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

import typer

from comity.cli.errors import UsageError
from comity.domain.passes import NamedBy, PassPerson, named_in
from comity.domain.said import utc

__all__ = [
    "Licences", "Names", "Note", "Plates", "Vehicles", "WhoseRecords", "Why", "agency_said",
    "day_of", "minute_said", "person_said", "persons_of",
]  # fmt: skip

WhoseRecords = Annotated[str, typer.Option("--state", metavar="ST", help="Whose records.")]
Licences = Annotated[
    list[str] | None, typer.Option("--oln", metavar="NUMBER", help="A licence; repeatable.")
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="LAST,FIRST/CCYYMMDD", help="Name and birth; repeatable."),
]
Plates = Annotated[
    list[str] | None, typer.Option("--plate", metavar="PLATE/TYPE", help="A plate; repeatable.")
]
Vehicles = Annotated[
    list[str] | None, typer.Option("--vin", metavar="VIN", help="A vehicle; repeatable.")
]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Kept, not sent.")]
Why = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; kept.")]
_WORDS: Final = {
    NamedBy.LICENCE: "licence ",
    NamedBy.NAME: "",
    NamedBy.PLATE: "plate ",
    NamedBy.VIN: "vehicle ",
}


def day_of(option: str, text: str) -> date:
    """Return the day that an option names. Raises: UsageError."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise UsageError(f"`{option}` is a day, as in 2026-11-24") from None


def persons_of(
    olns: list[str] | None,
    names: list[str] | None,
    plates: list[str] | None,
    vins: list[str] | None,
) -> frozenset[PassPerson]:
    """Return whom options name. Raises: UsageError."""
    found: set[PassPerson] = set()
    given: list[list[tuple[str, str]]] = [[("OLN", text)] for text in olns or ()]
    for text in names or ():
        last, _, born = text.rpartition("/")
        given.append([("NAM", last), ("DOB", born)])
    for text in plates or ():
        number, _, kind = text.partition("/")
        given.append([("LIC", number), *([("LIT", kind)] if kind else [])])
    given += [[("VIN", text)] for text in vins or ()]
    for fields in given:
        persons = named_in([(prefix, value.upper()) for prefix, value in fields])
        if not persons:
            raise UsageError("`--name` is `LAST,FIRST/CCYYMMDD`, with a full birth date")
        found |= persons
    return frozenset(found)


def person_said(person: PassPerson) -> str:
    """Return one person or vehicle in words."""
    year, month, day = person.born[:4], person.born[4:6], person.born[6:]
    born = f", born {year}-{month}-{day}" if person.born else ""
    return f"{_WORDS[person.by]}{person.value.rstrip('/')}{born}"


def agency_said(name: str, ori: str) -> str:
    """Return an agency by name and ORI; one that the directory does not name, by ORI alone."""
    return f"{name} ({ori})" if name else ori


def minute_said(seconds: int) -> str:
    """Return a time in Unix seconds to its minute, in UTC."""
    return f"{utc(seconds):%Y-%m-%d %H:%M} UTC"
