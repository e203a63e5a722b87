"""The fields of a query and the elements that carry them, in one table for both ways.

Guarantee: what an element cannot say exactly is not said in it; what is written is read back as the
same fields in the same order.
Source: docs/adr/0012-niem-xml.md, 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from comity.domain.keys import MessageKey
from comity.formats.faults import MessageError, fault_of
from comity.formats.niem.names import NAMESPACES, OURS, clark
from comity.formats.niem.person import NAME_PARTS, name_of, name_said
from comity.formats.niem.schema import refuse, value_of
from comity.formats.niem.write import attribute, element, wrapped

__all__ = ["fields_of", "fields_said", "is_carrier"]

# A table of elements: what stands below each is either a field's prefix or again such a table.
Tree = dict[str, "str | Tree"]

_NAME: Final = "NAM"
_PERSON: Final[Tree] = {
    "nc:PersonBirthDate": {"nc:Date": "DOB"},
    "nc:PersonName": _NAME,
    "nc:PersonSexCode": "SEX",
    "j:PersonAugmentation": {
        "nc:DriverLicense": {"nc:DriverLicenseIdentification": {"nc:IdentificationID": "OLN"}}
    },
}
_VEHICLE: Final[Tree] = {
    "nc:ConveyanceRegistrationPlateIdentification": {
        "nc:IdentificationID": "LIC",
        "nc:IdentificationCategoryText": "LIT",
        "nc:IdentificationExpirationDate": {"nc:Year": "LIY"},
    },
    "nc:ItemModelYearDate": "VYR",
    "nc:VehicleIdentification": {"nc:IdentificationID": "VIN"},
    "nc:VehicleMakeCode": "VMA",
}
_REASON: Final[Tree] = {"n2:ReasonCode": "RSN"}
_PURPOSE: Final[Tree] = {
    "n2:PurposeCode": "PUR",
    "n2:ResponseAttentionDescriptionText": "ATN",
}
_PHONE: Final[Tree] = {
    "nc:ContactInformation": {
        "nc:ContactTelephoneNumber": {"nc:FullTelephoneNumber": {"nc:TelephoneNumberFullID": "PHN"}}
    }
}
_BY_NAME: Final[Tree] = {**_REASON, "n2:Person": _PERSON}
_BY_VEHICLE: Final[Tree] = {**_REASON, "nc:Vehicle": _VEHICLE}
# What each key's published elements carry; all else, and all other keys, stand in `c:Fields`.
_WRITTEN: Final[dict[str, Tree]] = {
    **dict.fromkeys(("DQ", "DQG", "DNQ"), _BY_NAME),
    **dict.fromkeys(("RQ", "RQG"), _BY_VEHICLE),
    "KQ": {**_REASON, **_PURPOSE, "n2c:Driver": _PERSON},
    "IAQ": {**_PURPOSE, **_PHONE, "n2:Person": _PERSON},
}
_READ: Final[Tree] = {
    **_REASON, **_PURPOSE, **_PHONE,
    "n2:Person": _PERSON, "n2c:Driver": _PERSON, "nc:Vehicle": _VEHICLE,
}  # fmt: skip


def _carried(tree: Tree) -> frozenset[str]:
    below = tree.values()
    return frozenset().union(*({b} if isinstance(b, str) else _carried(b) for b in below))


_CARRIED: Final = {key: _carried(tree) for key, tree in _WRITTEN.items()}
_DRIVER: Final = "n2c:Driver"
# Where these are declared that the printed envelope does not declare.
_DECLARED: Final = {
    name: f' xmlns:{name.partition(":")[0]}="{NAMESPACES[name.partition(":")[0]]}"'
    for name in (_DRIVER, "j:PersonAugmentation")
}

_FIELDS: Final = clark("c:Fields")
_ORDER: Final = clark("c:order")
_PREFIX: Final = clark("c:prefix")
_PERSONS: Final = {clark("n2:Person"), clark(_DRIVER)}
# In which order fields are read, where the message says no other: as text has them.
_FIRST: Final = (
    "RSN", "PUR", "ATN", "PHN", "OLN", "NAM", "DOB", "SEX",
    "LIC", "LIY", "LIT", "VIN", "VMA", "VYR",
)  # fmt: skip
_RANK: Final = {prefix: rank for rank, prefix in enumerate(_FIRST)}
_DATE: Final = re.compile("([0-9]{4})(-?)([0-9]{2})\\2([0-9]{2})")
_YEAR: Final = re.compile("[0-9]{4}")
# Which fields have elements that take a value of this form only; all others take any.
_SAYABLE: Final = {"DOB": re.compile("[0-9]{8}"), "LIY": _YEAR}

_Branch = dict[str, "str | _Branch"]


def _by_clark(tree: Tree) -> _Branch:
    return {
        clark(name): below if isinstance(below, str) else _by_clark(below)
        for name, below in tree.items()
    }


_BRANCHES: Final = _by_clark(_READ)
_NAME_TAGS: Final = {clark(part): part for part in NAME_PARTS}


def is_carrier(tag: str) -> bool:
    """Say whether an element of a body holds fields."""
    return tag in _BRANCHES or tag == _FIELDS


def fields_of(body: Any, key: MessageKey) -> tuple[tuple[str, str], ...]:
    """Return the fields that a body holds, in the order of the message. Raises: MessageError."""
    found: list[tuple[str, str]] = []
    extra: list[tuple[str, str]] = []
    order = None
    persons = 0
    for child in body:
        tag = child.tag
        below = _BRANCHES.get(tag)
        if below is not None:
            persons += tag in _PERSONS
            found += _read(child, below, key)
        elif tag == _FIELDS:
            order = child.get(_ORDER)
            extra = [
                (_capitals(field.get(_PREFIX)), _capitals(field.text or "")) for field in child
            ]
    if persons > 1:
        raise refuse("`n2:Person` and `n2c:Driver` stand together")
    found.sort(key=lambda field: _RANK[field[0]])
    fields = found + extra
    return tuple(fields if order is None else _ordered(fields, order))


def fields_said(
    key: MessageKey, fields: tuple[tuple[str, str], ...], *, ordered: bool
) -> list[str]:
    """Return the elements that carry a query's fields, one for each line of the body.

    `ordered` says that the order of the fields is written where it is not the one of reading.
    """
    tree = _WRITTEN.get(key, {})
    values = {prefix: value for prefix, value in fields if _is_sayable(prefix, value)}
    said = [_written(name, below, values) for name, below in tree.items()]
    lines = [text for text in said if text]
    carried = _CARRIED.get(key, frozenset()) & values.keys()
    extra = [field for field in fields if field[0] not in carried]
    read = sorted(carried, key=_RANK.__getitem__) + [prefix for prefix, _ in extra]
    order = [prefix for prefix, _ in fields]
    attributes = attribute("c:order", " ".join(order)) if ordered and order != read else ""
    if extra or attributes:
        inner = "".join(
            element("c:Field", value, attribute("c:prefix", prefix)) for prefix, value in extra
        )
        lines.append(f"<c:Fields {OURS}{attributes}>{inner}</c:Fields>")
    return lines


def _is_sayable(prefix: str, value: str) -> bool:
    # White space around an element's value is the writer's layout, not the value's.
    form = _SAYABLE.get(prefix)
    return value == value.strip() and (form is None or form.fullmatch(value) is not None)


def _written(name: str, below: str | Tree, values: Mapping[str, str]) -> str:
    if isinstance(below, str):
        value = values.get(below)
        if value is None:
            return ""
        if below == _NAME:
            return wrapped(name, name_said(value))
        return element(name, _date_said(value) if below == "DOB" else value)
    inner = "".join(_written(child, twig, values) for child, twig in below.items())
    return wrapped(name, inner, _DECLARED.get(name, ""))


def _read(node: Any, below: str | _Branch, key: MessageKey) -> list[tuple[str, str]]:
    if not isinstance(below, str):
        return [field for child in node for field in _read(child, below[child.tag], key)]
    if below == _NAME:
        parts = {_NAME_TAGS[child.tag]: _capitals(value_of(child)) for child in node}
        return [(below, name_of(parts, key))]
    return [(below, _value(below, _capitals(value_of(node))))]


def _value(prefix: str, value: str) -> str:
    if prefix == "DOB":
        return _date_of(value)
    if prefix == "LIY" and value and not _YEAR.fullmatch(value):
        raise fault_of(".10.", "year-invalid", "`LIY` is not a year of four digits")
    return value


def _date_said(value: str) -> str:
    return f"{value[:4]}-{value[4:6]}-{value[6:]}"


def _date_of(value: str) -> str:
    found = _DATE.fullmatch(value)
    if found is None:
        raise fault_of(".05.", "birth-date-invalid", "`DOB` is not yyyy-mm-dd")
    return found[1] + found[3] + found[4]


def _ordered(fields: list[tuple[str, str]], order: str) -> list[tuple[str, str]]:
    prefixes = order.split(" ")
    if sorted(prefixes) != sorted(prefix for prefix, _ in fields):
        raise _misordered()
    ranks = {prefix: rank for rank, prefix in enumerate(prefixes)}
    return sorted(fields, key=lambda field: ranks[field[0]])


def _misordered() -> MessageError:
    return refuse("`c:order` does not name each field once")


def _capitals(text: str) -> str:
    """Fold case within ASCII only: beyond it, a capital can be another letter."""
    return text.upper() if text.isascii() else text
