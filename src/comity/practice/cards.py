"""What a scanner delivers of a practice licence: the payload of the card, for a person who is not.

Source: docs/adr/0017-card-payload.md.
"""

from __future__ import annotations

from typing import Final

from comity.domain.ids import Member
from comity.formats.aamva.standard import issuer_number
from comity.practice.world import Anchor

__all__ = ["card_payload"]

_HEADER: Final = "@\n\x1e\rANSI {issuer}100001"
_ENTRY: Final = "DL{offset:04d}{length:04d}"
_ENTRY_CHARS: Final = 10
_SEXES: Final = {"M": "1", "F": "2"}


def card_payload(state: Member, anchor: Anchor) -> bytes:
    """Return the payload of a person's licence card, as an undamaged scan."""
    person, driver = anchor.person, anchor.driver
    family, _, given = driver.name_key.partition(",")
    elements = (
        ("DAQ", driver.oln),
        ("DCS", family),
        ("DAC", given),
        ("DAD", person.middle.upper()),
        ("DBB", driver.birth.strftime("%m%d%Y")),
        ("DBA", "01012030"),
        ("DBC", _SEXES.get(driver.sex, "9")),
        ("DCG", "USA"),
    )
    body = "DL" + "\n".join(f"{name}{value}" for name, value in elements) + "\r"
    header = _HEADER.format(issuer=issuer_number(state))
    entry = _ENTRY.format(offset=len(header) + _ENTRY_CHARS, length=len(body))
    return (header + entry + body).encode("ascii")
