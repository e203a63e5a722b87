"""The federal system of the practice network: answers immigration status inquiries in free text.

Whom it knows nobody knows: every text says that it is practice data and names no person.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from comity.domain.ids import OPERATOR_MEMBER
from comity.domain.keys import MessageKey
from comity.domain.vocabulary import RecordKind
from comity.ports import OWN_LANE, Lookup, Record, Source, SourceError

__all__ = ["FEDERAL_TEXT", "FederalSource"]

_INQUIRY: Final = MessageKey("IAQ")
FEDERAL_TEXT: Final = """\
PRACTICE DATA
THIS SYSTEM HOLDS NOTHING OF THE PERSON NAMED
AN ANSWER HERE IS NO PROBABLE CAUSE FOR AN ARREST"""

_RECORD: Final = Record(kind=RecordKind.OTHER, elements=(), text=FEDERAL_TEXT)


class FederalSource:
    """The operator member's system in front of the states' records."""

    def __init__(self, records: Source) -> None:
        self._records = records

    def lane(self, lookup: Lookup) -> str:
        """Return what a look-up shares its fate with."""
        return OWN_LANE if _is_federal(lookup) else self._records.lane(lookup)

    async def find(self, lookups: Sequence[Lookup]) -> list[Record | SourceError | None]:
        """Return one result per look-up: its own text, or what the records say."""
        others = iter(await self._records.find([x for x in lookups if not _is_federal(x)]))
        return [_RECORD if _is_federal(lookup) else next(others) for lookup in lookups]


def _is_federal(lookup: Lookup) -> bool:
    return lookup.state == OPERATOR_MEMBER and lookup.key == _INQUIRY
