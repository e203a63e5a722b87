"""What a look-up searches for: the fields of a query as the keys that records stand under.

A birth date of two-digit year is looked for in both centuries, because which one is meant cannot be
told: whoever is found is found, and two are two. A field that no record could have finds nothing.
Source: docs/reference/messages.md, "Sets of fields".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import msgspec

from comity.domain.keys import MessageKey
from comity.domain.names import NameFormError, name_key
from comity.ports import Lookup, SourceError

__all__ = [
    "ByName",
    "ByNumber",
    "ByPlate",
    "ByVin",
    "Search",
    "birth_dates",
    "plate_year",
    "search",
]

_DRIVER_KEYS: Final = frozenset(map(MessageKey, ("DQ", "DQG", "DNQ", "KQ")))
_VEHICLE_KEYS: Final = frozenset(map(MessageKey, ("RQ", "RQG")))
_SEX_UNKNOWN: Final = "U"
_CENTURIES: Final = (1900, 2000)


class ByNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A driver by licence number."""

    number: str
    wants_photo: bool


class ByName(msgspec.Struct, frozen=True, kw_only=True):
    """A driver by name; `births` empty and `sex` None where the query does not say."""

    key: str
    births: tuple[date, ...]
    sex: str | None
    wants_photo: bool


class ByPlate(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle by plate; `type` None and `year` empty where the query does not say."""

    plate: str
    type: str | None
    year: str


class ByVin(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle by identification number."""

    vin: str


Search = ByNumber | ByName | ByPlate | ByVin


def search(lookup: Lookup) -> Search | SourceError | None:
    """Return what to search for; None if nothing can be found, an error if nothing can be said."""
    fields = dict(lookup.fields)
    if lookup.key in _DRIVER_KEYS:
        found = _driver(fields)
    elif lookup.key in _VEHICLE_KEYS:
        found = _vehicle(fields)
    else:
        found = SourceError("the source holds no records of this kind")
    return found


def _driver(fields: Mapping[str, str]) -> Search | SourceError | None:
    wants_photo = fields.get("IMQ") == "Y"
    if number := fields.get("OLN"):
        return ByNumber(number=number, wants_photo=wants_photo)
    if "NAM" not in fields:
        return SourceError("the query names no driver")
    births = birth_dates(fields["DOB"]) if "DOB" in fields else ()
    try:
        key = name_key(fields["NAM"])
    except NameFormError:
        return None
    if "DOB" in fields and not births:
        return None
    sex = fields.get("SEX", _SEX_UNKNOWN)
    return ByName(
        key=key,
        births=births,
        sex=None if sex == _SEX_UNKNOWN else sex,
        wants_photo=wants_photo,
    )


def _vehicle(fields: Mapping[str, str]) -> Search | SourceError | None:
    if plate := fields.get("LIC"):
        return ByPlate(plate=plate, type=fields.get("LIT"), year=plate_year(fields.get("LIY", "")))
    if vin := fields.get("VIN"):
        return ByVin(vin=vin)
    return SourceError("the query names no vehicle")


def birth_dates(text: str) -> tuple[date, ...]:
    """Return the days that `ccyymmdd` or `mmddyy` may mean: the latter in either century."""
    if len(text) == 8:
        return _day(text[:4], text[4:6], text[6:])
    if len(text) != 6 or not text.isdecimal():
        return ()
    years = (str(century + int(text[4:])) for century in _CENTURIES)
    return tuple(day for year in years for day in _day(year, text[:2], text[2:4]))


def _day(year: str, month: str, day: str) -> tuple[date, ...]:
    try:
        return (date(int(year), int(month), int(day)),)
    except ValueError:
        return ()


def plate_year(text: str) -> str:
    """Return a plate's year in four digits; empty for none, or for plates that do not expire."""
    if not text.isdecimal():
        return ""
    return text if len(text) == 4 else f"20{text}"
