"""What Comity adds to a text message: the elements that begin with `Z`, and the claims they make.

# INVARIANT (not-stated-is-no-claim): what is not in the text stays `not_stated`.
Source: docs/adr/0005-additions-in-formats.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from comity.domain.query import NO_CLAIMS, Claims
from comity.domain.vocabulary import (
    Emergency,
    Instrument,
    Offence,
    Purpose,
    UnknownValueError,
    from_wire,
    terms,
    wire_of,
)
from comity.formats.faults import MessageError, fault_of

__all__ = ["claims_of", "elements_of"]

# The order in which they are written.
_NAMES: Final = {
    "ZPU": "purpose",
    "ZCA": "case_number",
    "ZOF": "offence",
    "ZIN": "instrument",
    "ZIR": "instrument_ref",
    "ZOP": "operator",
    "ZEM": "emergency",
}
_KINDS: Final[dict[str, type[StrEnum]]] = {
    "ZPU": Purpose,
    "ZOF": Offence,
    "ZIN": Instrument,
    "ZEM": Emergency,
}
_DEFAULTS: Final = {name: getattr(NO_CLAIMS, name) for name in _NAMES.values()}


def claims_of(elements: Iterable[tuple[str, str]], key: str) -> Claims:
    """Return what the additions of a message say. Raises: MessageError."""
    said: dict[str, str | StrEnum] = {}
    for prefix, value in elements:
        name = _NAMES.get(prefix)
        if name is None:
            raise _refuse("addition-unknown", "an addition is not one of the seven", key)
        if name in said:
            raise _refuse("field-repeated", f"`{prefix}` stands twice", key)
        if not value:
            raise _refuse("addition-malformed", f"`{prefix}` is blank", key)
        kind = _KINDS.get(prefix)
        said[name] = value if kind is None else _value_of(kind, prefix, value, key)
    return Claims(**said)  # type: ignore[arg-type]


def _value_of(kind: type[StrEnum], prefix: str, code: str, key: str) -> StrEnum:
    try:
        return from_wire(kind, code)
    except UnknownValueError:
        codes = " ".join(row.wire for row in terms(kind).values() if row.wire)
        sentence = f"`{prefix}` holds a code that is not in its vocabulary"
        raise fault_of(
            ".22.", "addition-value-unknown", sentence, key=key, options=(f"{prefix}: {codes}",)
        ) from None


def _refuse(code: str, sentence: str, key: str) -> MessageError:
    return fault_of(".22.", code, sentence, key=key, options=(", ".join(_NAMES),))


def elements_of(claims: Claims) -> str:
    """Return the additions that make these claims, joined by periods; empty for none."""
    parts: list[str] = []
    for prefix, name in _NAMES.items():
        value = getattr(claims, name)
        if value != _DEFAULTS[name]:
            parts.append(f"{prefix}/{wire_of(value) if prefix in _KINDS else value}")
    return ".".join(parts)
