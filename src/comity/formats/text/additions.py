"""What Comity adds to a text message: the elements that begin with `Z`, and the claims they make.

# INVARIANT (not-stated-is-no-claim): what is not in the text stays `not_stated`.
Source: docs/adr/0005-additions-in-formats.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from comity.domain.keys import MessageKey
from comity.domain.query import NO_CLAIMS, Claims
from comity.domain.vocabulary import (
    Emergency,
    Instrument,
    Offence,
    Purpose,
    terms,
    wire_of,
)
from comity.formats.faults import MessageError, fault_of
from comity.formats.rules import refuse_format

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


def _codes(kind: type[StrEnum]) -> dict[str, StrEnum]:
    """Return a vocabulary's values by the codes they are sent as, in its order."""
    return {row.wire: value for value, row in terms(kind).items() if row.wire}


_DEFAULTS: Final = {name: getattr(NO_CLAIMS, name) for name in _NAMES.values()}


# The codes of each prefix that has a vocabulary, with the values that they stand for.
_CODES: Final = {prefix: _codes(kind) for prefix, kind in _KINDS.items()}
# Every addition that is a code, as it stands in a message: one look-up reads all of it.
_CODED: Final[dict[str, tuple[str, str]]] = {
    f"{prefix}/{code}": (_NAMES[prefix], value)
    for prefix, codes in _CODES.items()
    for code, value in codes.items()
}
_SPELLED: Final = {prefix: name for prefix, name in _NAMES.items() if prefix not in _KINDS}


def claims_of(additions: Sequence[str], key: MessageKey) -> Claims:
    """Return what additions say, each a prefix and a value. Raises: MessageError."""
    said: dict[str, str] = {}
    for addition in additions:
        coded = _CODED.get(addition)
        if coded is not None:
            name, value = coded
        else:
            prefix, _, value = addition.partition("/")
            name = _SPELLED.get(prefix, "")
            if not name or not value:
                raise _fault(addition, key)
        said[name] = value
    if len(said) != len(additions):
        raise _repeated(additions, key)
    return Claims(**said)  # type: ignore[arg-type]


def _repeated(additions: Sequence[str], key: MessageKey) -> MessageError:
    prefixes = [addition.partition("/")[0] for addition in additions]
    twice = next(prefix for prefix in prefixes if prefixes.count(prefix) > 1)
    return _refuse("field-repeated", f"`{twice}` stands twice", key)


def _fault(addition: str, key: MessageKey) -> MessageError:
    """Say what is wrong with an addition that cannot be read."""
    prefix, _, value = addition.partition("/")
    if not prefix.startswith("Z"):
        return refuse_format(key, "addition-not-last", "a field stands behind an addition")
    if prefix not in _NAMES:
        return _refuse("addition-unknown", "an addition is not one of the seven", key)
    if not value:
        return _refuse("addition-malformed", f"`{prefix}` is blank", key)
    sentence = f"`{prefix}` holds a code that is not in its vocabulary"
    options = (f"{prefix}: {' '.join(_CODES[prefix])}",)
    return fault_of(".22.", "addition-value-unknown", sentence, key=key, options=options)


def _refuse(code: str, sentence: str, key: MessageKey) -> MessageError:
    return fault_of(".22.", code, sentence, key=key, options=(", ".join(_NAMES),))


def elements_of(claims: Claims) -> str:
    """Return the additions that make these claims, joined by periods; empty for none."""
    parts: list[str] = []
    for prefix, name in _NAMES.items():
        value = getattr(claims, name)
        if value != _DEFAULTS[name]:
            parts.append(f"{prefix}/{wire_of(value) if prefix in _KINDS else value}")
    return ".".join(parts)
