"""What a reviewer's paper may name: cases, persons and vehicles, classes, each as queries name it.

Source: docs/adr/0034-passes-and-urgent-lane.md, "the case pass"; docs/adr/0005 (case numbers).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from comity.domain.names import NameFormError, name_key
from comity.domain.passes import PASS_PERSONS_MAX, NamedBy, PassPerson
from comity.domain.vocabulary import DataClass
from comity.exchange.leaves import ordered

__all__ = ["NOTE_CHARACTERS_MAX", "is_case_number", "wrong_classes", "wrong_persons"]

NOTE_CHARACTERS_MAX: Final = 500
_CASE: Final = re.compile(r"[A-Z0-9-]{1,20}")
_BORN: Final = re.compile(r"[0-9]{8}")
_VALUES: Final = {
    NamedBy.LICENCE: re.compile(r"[A-Z0-9*-]{1,20}"),
    NamedBy.NAME: re.compile(r"[A-Z]+,[A-Z]+"),
    NamedBy.PLATE: re.compile(r"[A-Z0-9]{1,10}/(?:[A-Z0-9]{2})?"),
    NamedBy.VIN: re.compile(r"[A-Z0-9]{1,20}"),
}


def is_case_number(text: str) -> bool:
    """Say whether a text is a case number as queries state one."""
    return bool(_CASE.fullmatch(text))


def wrong_persons(persons: Sequence[PassPerson]) -> str:
    """Return what is wrong with the persons of a paper; empty where nothing is."""
    if not 1 <= len(persons) <= PASS_PERSONS_MAX:
        return f"`persons` are not 1 to {PASS_PERSONS_MAX}"
    if list(persons) != sorted(set(persons)):
        return "`persons` are not in order, or one stands twice"
    return "" if all(map(_is_person, persons)) else "`persons` has one that no query could name"


def wrong_classes(classes: tuple[DataClass, ...]) -> str:
    """Return what is wrong with the classes of a paper; empty where nothing is."""
    if classes and classes == ordered(classes):
        return ""
    return "`classes` are none, not in order, or one stands twice"


def _is_person(person: PassPerson) -> bool:
    if not _VALUES[person.by].fullmatch(person.value):
        return False
    if person.by is not NamedBy.NAME:
        return not person.born
    try:
        return name_key(person.value) == person.value and bool(_BORN.fullmatch(person.born))
    except NameFormError:
        return False
