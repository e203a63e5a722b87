"""The names of elements that a source may use, each under its one data class.

Guarantee: a name that is in the table belongs to one class; a name that is not is refused, for what
nobody has put into a class cannot be withheld by class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from comity.adapters.errors import SourcesFileError
from comity.domain.vocabulary import DataClass

__all__ = ["ELEMENT_NAMES_MAX", "element_classes", "shipped_elements"]

ELEMENT_NAMES_MAX: Final = 256
"""Names of elements that one source may add to the shipped table."""

_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{1,39}")


@cache
def shipped_elements() -> Mapping[str, DataClass]:
    """Return the class of each element's name, from the package's own table."""
    text = files("comity.adapters.sources").joinpath("elements.toml").read_text("utf-8")
    table = msgspec.toml.decode(text, type=dict[DataClass, tuple[str, ...]])
    return {name: data_class for data_class, names in table.items() for name in names}


def element_classes(further: Mapping[str, DataClass]) -> Mapping[str, DataClass]:
    """Return the shipped table with a state's own names.

    Raises: SourcesFileError if a name is not in form, too many, or of the shipped ones.
    """
    shipped = shipped_elements()
    if len(further) > ELEMENT_NAMES_MAX:
        raise SourcesFileError(f"`elements` adds more than {ELEMENT_NAMES_MAX} names")
    for name in further:
        if _NAME.fullmatch(name) is None:
            raise SourcesFileError("`elements` has a name that is not 2 to 40 of A-Z, 0-9 and _")
        if name in shipped:
            raise SourcesFileError("`elements` has a name that stands under its class already")
    return {**shipped, **further}
