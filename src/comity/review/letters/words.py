"""The words of letters, read from one file for each language.

Guarantee: every language has every member, and a word for every value of the vocabularies that a
letter names; importing this module fails otherwise.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from comity.domain.vocabulary import AgencyType, DataClass, Instrument, Purpose
from comity.policy.laws import LawMark

__all__ = ["Asked", "Happened", "Language", "Words", "words_of"]


class Language(StrEnum):
    """The languages of letters."""

    ENGLISH = "en"
    SPANISH = "es"


class Happened(StrEnum):
    """What became of the request."""

    RELEASED = "released"
    PARTLY = "partly"
    NO_RECORD = "no_record"
    REFUSED = "refused"
    HELD = "held"
    EXPIRED = "expired"


class Asked(StrEnum):
    """What was asked for, as a resident knows it."""

    LICENCE = "licence"
    DRIVING_HISTORY = "driving_history"
    VEHICLE = "vehicle"
    OTHER = "other"


_MARKS: Final = (LawMark.READ, LawMark.SECONDARY)


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language. Sentences have places in braces; the tables are complete over their enums."""

    region: str
    months: tuple[str, ...]
    day: str
    title: str
    practice: str
    page: str
    page_safe: str
    safe: str
    asked_title: str
    asked_for: str
    why: str
    why_not: str
    instrument: str
    got_title: str
    gave: str
    kept: str
    law_title: str
    law: str
    call_title: str
    call: str
    complain: str
    check_title: str
    check: str
    check_safe: str
    headline: Mapping[Happened, str]
    happened: Mapping[Happened, str]
    asked: Mapping[Asked, str]
    marks: Mapping[LawMark, str]
    purposes: Mapping[Purpose, str]
    instruments: Mapping[Instrument, str]
    classes: Mapping[DataClass, str]
    agencies: Mapping[AgencyType, str]

    def day_words(self, day: date) -> str:
        """Return a date as this language writes it."""
        return self.day.format(day=day.day, month=self.months[day.month - 1], year=day.year)


@cache
def words_of(language: Language) -> Words:
    """Return the words of a language."""
    text = files("comity.review.letters").joinpath(f"{language}.toml").read_text("utf-8")
    words = msgspec.convert(tomllib.loads(text), Words)
    tables: tuple[tuple[Collection[str], Collection[str]], ...] = (
        (words.headline, list(Happened)),
        (words.happened, list(Happened)),
        (words.asked, list(Asked)),
        (words.marks, _MARKS),
        (words.purposes, list(Purpose)),
        (words.instruments, list(Instrument)),
        (words.classes, list(DataClass)),
        (words.agencies, list(AgencyType)),
    )
    for table, values in tables:
        assert set(table) == set(values), f"`{language}` lacks a word"
    assert len(words.months) == 12, f"`{language}` lacks a month"
    return words


for _language in Language:
    words_of(_language)
