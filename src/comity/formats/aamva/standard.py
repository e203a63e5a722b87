"""What the card standard says, as data: who issues cards, and which elements each edition has.

Guarantee: the tables are checked when this module is imported; every jurisdiction of the network
that issues cards is one issuer's member.
Source: the AAMVA DL/ID Card Design Standard, Annex D, editions 2000 to 2025, and AAMVA's list of
issuer identification numbers (`issuers.toml`, `elements.toml`); docs/adr/0017-card-payload.md.
"""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import Any, Final

import msgspec

from comity.domain.ids import Member, parse_member

__all__ = [
    "SOCIAL_SECURITY",
    "Edition",
    "Issuer",
    "edition_of",
    "issuer_number",
    "issuer_of",
]

SOCIAL_SECURITY: Final = frozenset({"DBK", "DBM"})
"""Elements of version 1 that hold social security numbers: they are read over and never kept."""

# What a value is, whole; a form that is not here is any text.
_FORMS: Final = {
    "country": "USA|CAN|CDN|MEX",
    "cut": "[TNU]",
    "date": "[0-9]{8}",
    "digit": "[0-9]",
    "flag": "[01YN]",
    "height": "[0-9 ]{0,2}[0-9](?: ?(?:in|IN|cm|CM))?",
    "letter": "[A-Z]",
    "letters2": "[A-Z]{2}",
    "letters3": "[A-Z]{3}",
    "number": "[0-9]{1,3}",
    "sex": "[0-9MFUX]",
}


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """Who issues cards: its name, its country, and the member that answers for its records."""

    label: str = ""
    country: str = ""
    member: Member | None = None


class _ElementRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    label: str
    form: str = "text"
    required: bool = False


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """The elements of some versions: labels by id, fixed forms by id, the ids required and not.

    `places` finds every id wherever it stands, also where two overlap.
    """

    labels: dict[str, str]
    forms: dict[str, re.Pattern[str]]
    required: frozenset[str]
    optional: frozenset[str]
    places: re.Pattern[str]


def _table(name: str) -> dict[str, dict[str, Any]]:
    text = files("comity.formats.aamva").joinpath(f"{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


def _edition(rows: dict[str, Any]) -> Edition:
    elements = {name: msgspec.convert(row, _ElementRow) for name, row in rows.items()}
    required = frozenset(name for name, row in elements.items() if row.required)
    return Edition(
        labels={name: row.label for name, row in elements.items()},
        forms={
            name: re.compile(_FORMS[row.form])
            for name, row in elements.items()
            if row.form != "text"
        },
        required=required,
        optional=frozenset(elements.keys() - required),
        places=re.compile(f"(?=({'|'.join(sorted(elements))}))"),
    )


def _issuer(row: dict[str, Any]) -> Issuer:
    member = str(row.get("member", ""))
    return Issuer(
        label=str(row["label"]),
        country=str(row["country"]),
        member=parse_member(member) if member else None,
    )


_ISSUERS: Final = {number: _issuer(row) for number, row in _table("issuers").items()}
_NUMBERS: Final = {issuer.member: number for number, issuer in _ISSUERS.items() if issuer.member}
_EDITIONS: Final = {name: _edition(rows) for name, rows in _table("elements").items()}
_UNKNOWN: Final = Issuer()


def issuer_of(number: str) -> Issuer:
    """Return who has this issuer identification number; one without a name where nobody has it."""
    return _ISSUERS.get(number, _UNKNOWN)


def issuer_number(member: Member) -> str:
    """Return the number that a member's licences carry."""
    return _NUMBERS[member]


def edition_of(version: int) -> Edition:
    """Return the rules for a card's version; a version still to come is read by the newest."""
    if version == 1:
        return _EDITIONS["e1"]
    return _EDITIONS["e2"] if version <= 3 else _EDITIONS["e4"]
