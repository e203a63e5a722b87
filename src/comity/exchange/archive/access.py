"""Who may find what again: decided from the directory alone, per message type and per message.

# INVARIANT (fail-closed): an agency that the directory does not list, or that is inactive, or that
is another member's, may find nothing.
Source: docs/adr/0019-archive.md, "Who may find what".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

import msgspec

from comity.domain.agency import Agency
from comity.domain.ids import ORI
from comity.domain.keys import KEYS, MessageKey, Senders, key_row
from comity.domain.vocabulary import AgencyType
from comity.exchange.archive.items import ArchiveItem

__all__ = ["Access", "may_read_key"]

_CRIMINAL_JUSTICE: Final = frozenset(AgencyType) - {AgencyType.NJ, AgencyType.OTHER}
_STRICTNESS: Final = {Senders.ANY: 0, Senders.CRIMINAL_JUSTICE: 1, Senders.CONTROL: 2}


def _senders_of_answers() -> dict[str, Senders]:
    """Return who may read each response key: whoever may send one of the keys that it answers."""
    found: dict[str, Senders] = {}
    for row in KEYS.values():
        if row.response:
            known = found.get(row.response, row.senders)
            found[row.response] = min(known, row.senders, key=_STRICTNESS.__getitem__)
    return found


_ANSWER_SENDERS: Final = _senders_of_answers()


def may_read_key(agency: Agency, key: MessageKey) -> bool:
    """Say whether an agency may find messages of a key: whether it may send it, or what it answers.

    A key that the table does not have is like any key without a rule of its own.
    """
    row = key_row(key)
    senders = _ANSWER_SENDERS.get(key, row.senders) if row.is_response else row.senders
    match senders:
        case Senders.ANY:
            return True
        case Senders.CRIMINAL_JUSTICE:
            return agency.type in _CRIMINAL_JUSTICE
        case Senders.CONTROL:
            return agency.is_control
        case _:
            assert_never(senders)


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What one agency may find: all of its member's traffic, or what is from or to itself."""

    agency: Agency

    def split(self, keys: Sequence[MessageKey]) -> tuple[list[MessageKey], list[MessageKey]]:
        """Return the keys that the agency may search, and those that it may not."""
        may = [key for key in keys if may_read_key(self.agency, key)]
        return may, [key for key in keys if key not in may]

    def may_see(self, item: ArchiveItem) -> bool:
        """Say whether the agency may find this message."""
        own: ORI = self.agency.ori
        is_own = item.source == own or own in item.destinations
        return (self.agency.is_control or is_own) and may_read_key(self.agency, item.key)
