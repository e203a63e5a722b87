"""The head of a card's payload, whatever a scanner made of its separators.

    "@" LF RS CR "ANSI " issuer(6) version(2) [own version(2)] entries(2) 1*designator
    designator = type(2) offset(4) length(4)

Guarantee: what comes out holds separators as single control characters only, whichever way they
were spelled; a head that contradicts itself is refused. Offsets are not looked at: issuers count
them in different ways and every change of a separator shifts them.
Source: the AAMVA DL/ID Card Design Standard, Annex D; docs/adr/0017-card-payload.md.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from comity.formats.faults import fault_of

__all__ = [
    "CARD_BYTES_MAX",
    "CARD_SUBFILES_MAX",
    "KIND_CODES",
    "Designator",
    "Head",
    "is_card",
    "read_head",
]

CARD_BYTES_MAX: Final = 4_096
"""How long a card's payload may be as delivered, in bytes; a PDF417 symbol holds at most 2,710."""

CARD_SUBFILES_MAX: Final = 16
"""How many subfiles a card may hold."""

KIND_CODES: Final = frozenset({"DL", "ID", "EN"})
"""Subfiles that hold the elements of the standard: licence, identification card, enhanced card."""

# How scanners and decoders write LF, CR, RS and TAB where they cannot send them.
_NAMES: Final = "LF|CR|RS|HT|TAB"
_SPELLED: Final = "|".join(
    (
        r"\\{1,2}(?:[nrt]|[xX](?:0[aAdD9]|1[eE])|u00(?:0[aAdD9]|1[eE]))",
        f"<(?:{_NAMES})>",
        rf"\[(?:{_NAMES})\]",
        rf"\{{(?:{_NAMES})\}}",
        r"\^[JMI^]",
        r"%(?:0[aAdD9]|1[eE])",
        "[\u2409\u240a\u240d\u241e]",
    )
)
_SPELLING: Final = re.compile(r"[\\<\[{^%\u2409\u240a\u240d\u241e]")
"""How each of them begins: a quick look whether there can be any."""
# A spelling counts as a separator only before what may stand behind one, so that no value is cut.
_SEPARATOR: Final = re.compile(
    rf"(?:{_SPELLED})"
    rf"(?= *(?:{_SPELLED}|[\x00-\x1f\x7f]|ANSI|AAMVA|\Z)|[DPZ][A-Z][A-Z0-9]|(?:ID|EN)D)"
)
_HEAD: Final = re.compile(
    r"(?:\][A-Za-z][0-9])?[@\x00-\x20]*(?:ANSI|AAMVA) ?"
    r"([0-9]{6})([0-9]{2})([0-9]{2})([0-9]{2})?(?=[A-Z])"
)
_BEGINNING: Final = re.compile(
    rb"(?:\][A-Za-z][0-9])?[\x00-\x20]{0,16}(?:@|(?:ANSI|AAMVA) ?[0-9]{6})"
)
_DESIGNATOR: Final = re.compile("(DL|ID|EN|Z[A-Z])([0-9]{4})([0-9]{4})")


class Designator(msgspec.Struct, frozen=True, kw_only=True):
    """What the head says of one subfile: its type, and its length in bytes on the card."""

    type: str
    length: int


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What the head says; `body` is all that follows it."""

    issuer: str
    version: int
    jurisdiction_version: int | None
    designators: tuple[Designator, ...]
    body: str


def is_card(data: bytes) -> bool:
    """Say whether bytes begin as a card does: with `@`, or with a file type before a number."""
    return _BEGINNING.match(data) is not None


def read_head(data: bytes) -> Head:
    """Return the head of a payload, and its body. Raises: MessageError."""
    if len(data) > CARD_BYTES_MAX:
        raise fault_of("0", "card-too-long", f"the card is over {CARD_BYTES_MAX} bytes")
    text = _decoded(data)
    if _SPELLING.search(text):
        text = _SEPARATOR.sub("\n", text)
    found = _HEAD.match(text)
    if found is None:
        raise fault_of("0", "card-header-malformed", "there is no card header")
    version = int(found[2])
    if version == 0:
        raise fault_of("0", "card-version-unknown", "the card is older than the standard")
    if (version == 1) == (found[4] is not None):
        raise fault_of("0", "card-header-malformed", "`version` does not have its digits")
    designators, end = _designators(text, found.end())
    if len(designators) != int(found[4] or found[3]):
        raise fault_of("0", "card-header-malformed", "`entries` is not the number of subfiles")
    return Head(
        issuer=found[1],
        version=version,
        jurisdiction_version=int(found[3]) if found[4] else None,
        designators=designators,
        body=text[end:],
    )


def _decoded(data: bytes) -> str:
    """Cards of Canada hold letters beyond ASCII: one byte each on the card, UTF-8 from a host."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _designators(text: str, start: int) -> tuple[tuple[Designator, ...], int]:
    found: list[Designator] = []
    while place := _DESIGNATOR.match(text, start):
        found.append(Designator(type=place[1], length=int(place[3])))
        start = place.end()
    types = {designator.type for designator in found}
    if len(types) != len(found) or len(found) > CARD_SUBFILES_MAX:
        raise fault_of("0", "card-header-malformed", "the subfiles are too many or stand twice")
    if not types & KIND_CODES:
        raise fault_of("0", "card-subfile-missing", "no subfile is a licence or a card")
    return tuple(found), start
