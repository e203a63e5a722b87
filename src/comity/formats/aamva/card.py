"""A licence or identification card as its barcode tells it.

Guarantee: any bytes give a `Card` or `MessageError`, whose text and fault hold nothing of the card;
the same card gives the same value whichever separators its scanner sent (docs/adr/0017, "Damage").
What a card says is a claim of whoever shows it, never the record.
Source: the AAMVA DL/ID Card Design Standard, Annex D; docs/adr/0017-card-payload.md.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Final

import msgspec

from comity.domain.ids import Member
from comity.formats.aamva.elements import read_elements
from comity.formats.aamva.header import KIND_CODES, read_head
from comity.formats.aamva.standard import issuer_of
from comity.formats.faults import fault_of

__all__ = ["Address", "Card", "CardKind", "NamePart", "parse_card"]

_YEAR_MIN: Final = 1800
_BIRTH_YEAR_MAX: Final = 2099
_DATE_CHARS: Final = 8
_NOT_SAID: Final = frozenset({"NONE", "UNAVL", "UNAVAIL"})
"""What the standard has an issuer write for what it does not have."""

_SEXES: Final = {
    "1": "M", "M": "M", "2": "F", "F": "F", "9": "X", "X": "X", "0": "U", "U": "U",
}  # fmt: skip
_COUNTRIES: Final = {"USA": "USA", "CAN": "CAN", "CDN": "CAN", "MEX": "MEX"}


class CardKind(StrEnum):
    """What sort of document was read."""

    LICENCE = "licence"
    ID_CARD = "id_card"
    ENHANCED = "enhanced"


_KINDS: Final = {"DL": CardKind.LICENCE, "ID": CardKind.ID_CARD, "EN": CardKind.ENHANCED}


class NamePart(StrEnum):
    """A part of a name that an issuer may have cut to fit the card."""

    FAMILY = "family"
    GIVEN = "given"
    MIDDLE = "middle"


_CUTS: Final = {"DDE": NamePart.FAMILY, "DDF": NamePart.GIVEN, "DDG": NamePart.MIDDLE}


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The address on a card, its parts as written."""

    street: str = ""
    street_more: str = ""
    city: str = ""
    jurisdiction: str = ""
    postal_code: str = ""


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a card's barcode says; a part that it does not say is empty.

    `version` is the standard's, `jurisdiction_version` the issuer's own (version 1 has none).
    `issuer` is the issuer identification number, `member` who answers for it in this network and
    `jurisdiction` its name; both are empty where nobody of this network issued it. `elements` are
    all of them, ids and values, in the order of the card, without social security numbers.
    `cut_names` were shortened; of `unsure_names` the issuer does not know, or does not say.
    `sex` is a code of the query: M, F, U or X.
    """

    version: int
    jurisdiction_version: int | None
    issuer: str
    member: Member | None
    jurisdiction: str
    kind: CardKind
    country: str
    number: str = ""
    family_name: str = ""
    given_name: str = ""
    middle_names: str = ""
    suffix: str = ""
    cut_names: tuple[NamePart, ...] = ()
    unsure_names: tuple[NamePart, ...] = ()
    born_on: dt.date | None = None
    issued_on: dt.date | None = None
    expires_on: dt.date | None = None
    sex: str = ""
    address: Address = Address()
    elements: tuple[tuple[str, str], ...] = ()


class _Names(msgspec.Struct, frozen=True, kw_only=True):
    family: str = ""
    given: str = ""
    middle: str = ""
    suffix: str = ""


def parse_card(data: bytes) -> Card:
    """Return the card whose barcode a scanner delivered.

    Shape:  at most 4,096 bytes, with or without `@` and its separators, which may have become other
            control characters, their names, spaces, or nothing.
    Raises: MessageError; its code begins with `card-`.
    """
    head = read_head(data)
    found = read_elements(head)
    issuer = issuer_of(head.issuer)
    names = _names(found)
    return Card(
        version=head.version,
        jurisdiction_version=head.jurisdiction_version,
        issuer=head.issuer,
        member=issuer.member,
        jurisdiction=issuer.label,
        kind=next(_KINDS[d.type] for d in head.designators if d.type in KIND_CODES),
        country=_COUNTRIES.get(found.get("DCG", "").upper(), issuer.country),
        number=_said(found, "DAQ"),
        family_name=names.family,
        given_name=names.given,
        middle_names=names.middle,
        suffix=names.suffix,
        cut_names=tuple(part for name, part in _CUTS.items() if found.get(name) == "T"),
        unsure_names=tuple(
            part for name, part in _CUTS.items() if found.get(name) not in {"T", "N"}
        ),
        born_on=_date(found, "DBB", er=".05.", year_max=_BIRTH_YEAR_MAX),
        issued_on=_date(found, "DBD"),
        expires_on=_date(found, "DBA"),
        sex=_sex(_said(found, "DBC")),
        address=Address(
            street=_said(found, "DAG"),
            street_more=_said(found, "DAH"),
            city=_said(found, "DAI"),
            jurisdiction=_said(found, "DAJ"),
            postal_code=_said(found, "DAK"),
        ),
        elements=tuple(found.items()),
    )


def _said(found: dict[str, str], name: str) -> str:
    """Return an element's value; empty where the issuer wrote that it has none."""
    value = found.get(name, "")
    return "" if value.upper() in _NOT_SAID else value


def _names(found: dict[str, str]) -> _Names:
    """Return the parts of the name, from whichever elements this card has.

    A full name without commas does not say where the family name ends: then no part is known.
    """
    suffix = _said(found, "DCU") or _said(found, "DAE")
    family = found.get("DCS") or found.get("DAB", "")
    if family:
        given, middle = found.get("DAC", ""), _said(found, "DAD")
        if not given:
            first, comma, more = found.get("DCT", "").partition(",")
            given, middle = (first, more) if comma else _first_word(first)
        return _Names(family=family, given=given, middle=_words(middle), suffix=suffix)
    parts = [_words(part) for part in found.get("DAA", "").split(",")]
    if len(parts) < 2:
        return _Names()
    parts += [""] * 2
    return _Names(family=parts[0], given=parts[1], middle=parts[2], suffix=suffix or parts[3])


def _first_word(text: str) -> tuple[str, str]:
    first, _, more = text.partition(" ")
    return first, more


def _words(text: str) -> str:
    """Several middle names stand with commas between them; here, with spaces."""
    return " ".join(text.replace(",", " ").split())


def _sex(value: str) -> str:
    if not value:
        return ""
    code = _SEXES.get(value.upper())
    if code is None:
        raise fault_of("0", "card-sex-invalid", "`sex` is not a code of the standard")
    return code


def _date(
    found: dict[str, str], name: str, *, er: str = "0", year_max: int = dt.MAXYEAR
) -> dt.date | None:
    """Return a date of a card, or None where it has none.

    Cards of the United States write mmddccyy (version 1: ccyymmdd), those of Canada ccyymmdd. No
    month is 18 or more and no century is below 18, so that eight digits can only be one of them:
    the order is read from the digits, and a card that names the wrong country is still read right.
    """
    value = _said(found, name)
    if not value:
        return None
    if len(value) == _DATE_CHARS and value.isascii() and value.isdigit():
        is_year_first = int(value[:4]) >= _YEAR_MIN
        day = value if is_year_first else value[4:] + value[:4]
        year = int(day[:4])
        if _YEAR_MIN <= year <= year_max:
            try:
                return dt.date(year, int(day[4:6]), int(day[6:]))
            except ValueError:
                pass
    raise fault_of(er, "card-date-invalid", "a date of the card is no day")
