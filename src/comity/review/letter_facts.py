"""From a notice that is owed to what its letter says: for the command line and the console.

INVARIANT (fail-closed): where the letter goes is decided by what the register of confidential
addresses says, and by its writer only where that lets them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from comity.domain.keys import OTHER_KEY, MessageKey
from comity.review.letters import LetterError, LetterFacts, Recipient
from comity.review.letters.words import Language
from comity.review.notices import NoticeRules, OwedNotice
from comity.review.protections import AddressSaid, reach_of

__all__ = ["LetterTo", "letter_facts"]


class LetterTo(msgspec.Struct, frozen=True, kw_only=True):
    """To whom a letter goes, in which language, and the day in the state that it is written on.

    `address` is what the register says of whom the request is about.
    """

    language: Language
    recipient: Recipient
    address: AddressSaid
    dated: date
    practice: bool


def letter_facts(
    rules: NoticeRules, zone: ZoneInfo, notice: OwedNotice, whom: LetterTo
) -> LetterFacts:
    """Return what the letter of a notice says. Raises: LetterError, AddressUnknownError.

    The file of notices needs an office for the language, the directory the agency.
    """
    asked = notice.asked
    if whom.language not in rules.office:
        raise LetterError(f"the file of notices has no `office.{whom.language}`")
    if asked.agency is None:
        raise LetterError("the directory does not have the agency any more: write by hand")
    return LetterFacts(
        language=whom.language,
        state=rules.state,
        practice=whom.practice,
        dated=whom.dated,
        resident=whom.recipient.resident,
        to=reach_of(whom.recipient.to, whom.address),
        office=rules.office[whom.language],
        agency=asked.agency.name,
        agency_type=asked.agency.type,
        asked_on=datetime.fromtimestamp(asked.accepted_at, UTC).astimezone(zone).date(),
        key=MessageKey(asked.leaves[0][1].key or OTHER_KEY),
        purpose=asked.purpose,
        instrument=asked.instrument,
        happened=notice.happened,
        released=notice.released,
        withheld=notice.withheld,
        cite=notice.adopted.cite,
        mark=notice.adopted.mark,
        entry=asked.entry,
    )
