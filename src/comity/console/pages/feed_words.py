"""Federal queries in the words of the page that shows them.

Guarantee: nothing here names a person; an agency that the public ledger does not show is not named
either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from comity.console.words import counted, iso, listed, moment_said, opened, plain
from comity.directory.directory import Directory
from comity.domain.ids import ORI, Member, entry_name, member_label
from comity.domain.vocabulary import DataClass, Purpose, term
from comity.review.federal import (
    Fate,
    FederalQuery,
    fate_of,
    tally_by_agency,
    tally_of,
)
from comity.review.federal_words import tally_said
from comity.services.federal_feed import FEED_QUERIES_MAX, Feed

__all__ = ["agency_rows", "finding_of", "looked_words", "row_words"]

AGENCIES_MAX: Final = 10
"""Agencies of the table by agency."""
_HOUR_SECONDS: Final = 3_600
_HIDDEN: Final = "not shown in the ledger"
_SAID: Final[dict[Fate, tuple[str, str]]] = {
    Fate.RELEASED: ("released", "Released"),
    Fate.PART: ("released", "Released in part"),
    Fate.NO_RECORD: ("none", "No record"),
    Fate.NOTHING: ("none", "Nothing of it in the record"),
    Fate.REFUSED: ("refused", "Refused"),
    Fate.HELD: ("held", "Held"),
    Fate.EXPIRED: ("refused", "Not decided in time"),
}


def finding_of(queries: Sequence[FederalQuery], state: Member, now: int) -> str:
    """Return in a sentence how many federal queries there were, and what became of them."""
    label = member_label(state)
    if not queries:
        return f"No federal agency has asked for a record of {label} in what was read."
    tally = tally_of(queries)
    since = moment_said(min(query.hour for query in queries) * _HOUR_SECONDS, state, now)
    if tally.asked == 1:
        _, word = _SAID[fate_of(queries[0])]
        return f"One query by a federal agency reached {label} since {since}: {word.lower()}."
    last = "the last " if tally.asked >= FEED_QUERIES_MAX else ""
    return opened(
        f"{last}{tally.asked:,} queries by federal agencies reached {label} since {since}: "
        f"{tally_said(tally)}."
    )


def looked_words(feed: Feed) -> str:
    """Return how far back was looked."""
    count = counted(feed.size - feed.first, "entry", "entries")
    if feed.first == 0:
        return f"Read from the whole ledger: {count}, by the hour, as everyone can."
    return f"Read from the last {count} of the ledger, by the hour, as everyone can."


def _parts(classes: Sequence[DataClass]) -> str:
    return listed([term(part).label for part in classes])


def row_words(query: FederalQuery, state: Member, directory: Directory, now: int) -> dict[str, Any]:
    """Return one query as a row of the page."""
    mark, word = _SAID[fate_of(query)]
    at = query.hour * _HOUR_SECONDS
    return {
        "entry": entry_name(state, query.last).upper(),
        "agency": _agency(query.agency, directory),
        "acts_for": f"acts for {query.acts_for}" if query.acts_for is not None else "",
        "key": query.key,
        "purpose": opened(term(Purpose(query.purpose)).label) if query.purpose else "Sealed as yet",
        "what": _what(query),
        "mark": mark,
        "word": f"{word}, after review" if query.is_reviewed and mark != "held" else word,
        "hour": iso(at),
        "hour_said": moment_said(at, state, now),
    }


def _what(query: FederalQuery) -> str:
    """Return which parts were released, refused and held."""
    said = [
        f"{words} {_parts(classes)}"
        for words, classes in (
            ("released", query.released), ("refused", query.refused), ("held", query.held),
        )
        if classes
    ]  # fmt: skip
    return opened("; ".join(said)) or "Nothing"


def _agency(ori: str, directory: Directory) -> str:
    if not ori:
        return opened(_HIDDEN)
    agency = directory.agency(ORI(ori))
    return plain(agency.name) if agency is not None else f"{ori}, not listed"


def agency_rows(queries: Sequence[FederalQuery], directory: Directory) -> list[dict[str, Any]]:
    """Return the agencies that asked most, each with its counts."""
    return [
        {
            "agency": _agency(ori, directory),
            "asked": f"{tally.asked:,}",
            "released": f"{tally.released:,}",
            "refused": f"{tally.refused:,}",
            "none": f"{tally.none:,}",
            "held": f"{tally.held:,}",
        }
        for ori, tally in tally_by_agency(queries)[:AGENCIES_MAX]
    ]
