"""Messages of an archive, made by hand."""

from __future__ import annotations

import msgspec

from comity.domain.agency import Agency, Family
from comity.domain.ids import ORI
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import AgencyType
from comity.exchange.archive import ArchiveItem

AT = 1_795_500_000
"""23 November 2026, 23:00 by the network's clock."""

SALEM = ORI("ORPX00001")


def item(text: str = "WA: NOT ON FILE", **changes: object) -> ArchiveItem:
    """An answer to an Oregon agency, with this body."""
    base = ArchiveItem(
        reference="OR/4-1",
        at=AT,
        key=MessageKey("DR"),
        source="WAOLN0000",
        destinations=(SALEM,),
        control="C1",
        text=text,
    )
    return msgspec.structs.replace(base, **changes)


def agency(kind: AgencyType = AgencyType.PD, *, is_control: bool = False) -> Agency:
    """An Oregon agency of a type."""
    return Agency(
        ori=SALEM, name="Practice", family=Family("OR/LOCAL"), type=kind, is_control=is_control
    )
