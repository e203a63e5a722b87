"""The agency families that rules may name, with their words for people.

A family that no rule can be sure of matching would be a hole in a block, so a record that names an
unknown one is refused. Federal families are listed in `families.toml`; each jurisdiction has its
state agencies, police departments and sheriffs.
Source: docs/adr/0008-rule-record.md.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from comity.domain.agency import Family, FamilyError, family_ancestors, parse_family
from comity.domain.ids import MEMBERS, OPERATOR_MEMBER, ORI, Member, member_label

__all__ = ["KNOWN_FAMILIES", "agency_values", "is_family_form", "is_ori", "label_of_agency"]

_ORI_FORM: Final = re.compile(r"[A-Z0-9]{9}")
_OF_A_STATE: Final = {
    "": "agencies of {}",
    "/STATE": "state agencies of {}",
    "/LOCAL": "local agencies of {}",
    "/LOCAL/PD": "police departments of {}",
    "/LOCAL/SO": "sheriffs of {}",
}


def _federal() -> dict[Family, str]:
    text = files("comity.policy").joinpath("families.toml").read_text("utf-8")
    return {parse_family(path): str(row["label"]) for path, row in tomllib.loads(text).items()}


def _of_state(member: Member) -> dict[Family, str]:
    name = member_label(member)
    return {
        parse_family(member.upper() + below): words.format(name)
        for below, words in _OF_A_STATE.items()
    }


def _known() -> dict[Family, str]:
    known = _federal()
    for member in MEMBERS:
        if member != OPERATOR_MEMBER:
            known.update(_of_state(member))
    return known


KNOWN_FAMILIES: Final[Mapping[Family, str]] = MappingProxyType(_known())


def is_ori(value: str) -> bool:
    """Say whether a value of the agency axis is one agency; any other is a family."""
    return _ORI_FORM.fullmatch(value) is not None


def is_family_form(value: str) -> bool:
    """Say whether a value has the form of a family path."""
    try:
        parse_family(value)
    except FamilyError:
        return False
    return True


def agency_values(ori: ORI, family: Family) -> tuple[str, ...]:
    """Return every value of the agency axis that one agency has: its ORI, family and ancestors."""
    return (ori, *family_ancestors(family))


def label_of_agency(value: str) -> str:
    """Return the words for a family, or for one agency its ORI."""
    if is_ori(value):
        return f"the agency {value}"
    return KNOWN_FAMILIES.get(Family(value), f"agencies of {value}")
