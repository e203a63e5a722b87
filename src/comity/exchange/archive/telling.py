"""What the archive answers: a list (NLR), full text (NFR), or why not; plain text, 80 columns.

Guarantee: no line is longer than 80 columns; times are MST; a list that does not show everything
says so, and how to go on. Source: docs/reference/messages.md, "Archive".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from textwrap import wrap
from typing import Final

import msgspec

from comity.domain.errors import ComityError
from comity.domain.keys import MessageKey
from comity.exchange.archive.items import ArchiveItem
from comity.exchange.archive.search import MST, ArchiveSearch
from comity.formats.text.plain import COLUMNS_MAX, plain_text

__all__ = [
    "FULL_TEXT_CHARS_MAX",
    "HITS_LISTED_MAX",
    "Found",
    "render_full",
    "render_list",
    "render_refusal",
]

HITS_LISTED_MAX: Final = 200
"""Messages that one list shows; it says how many more were found."""

FULL_TEXT_CHARS_MAX: Final = 65_536
"""Characters of message text in one NFR; what is beyond is cut, and the answer says so."""

_MORE: Final = "  "


class Found(msgspec.Struct, kw_only=True):
    """What a search has come to. `items` are the newest, without their text, at most
    `HITS_LISTED_MAX`; `hits` counts all.

    `searched` counts messages that were read, `unopened` those that could not be: their month's key
    is gone, or they were altered. `dropped` are keys that the agency may not search. `reached` is
    set where the search ended early: the time (Unix seconds) down to which it came.
    """

    items: list[ArchiveItem] = msgspec.field(default_factory=list)
    hits: int = 0
    searched: int = 0
    unopened: int = 0
    dropped: tuple[MessageKey, ...] = ()
    reached: int | None = None

    @property
    def says_nothing(self) -> bool:
        """Say whether there is nothing to tell but that there is no such message."""
        is_whole = self.reached is None and not self.unopened and not self.dropped
        return is_whole and not self.hits

    def add(self, item: ArchiveItem) -> None:
        """Count a message that was found, and keep its line while there is room."""
        self.hits += 1
        if len(self.items) < HITS_LISTED_MAX:
            self.items.append(msgspec.structs.replace(item, text=""))


def render_list(search: ArchiveSearch, found: Found) -> str:
    """Return the body of an NLR: what was searched, what to beware of, then the messages."""
    lines = [
        f"ARCHIVE: {found.hits} FOUND, {len(found.items)} LISTED, {found.searched} SEARCHED",
        f"FROM {_time(search.since)} TO {_time(search.until - 60)} MST, THE NEWEST FIRST",
    ]
    if found.dropped:
        lines += _item(f"NOT AUTHORISED, NOT SEARCHED: {' '.join(found.dropped)}")
    if found.unopened:
        lines.append(f"COULD NOT BE OPENED: {found.unopened}")
    if found.reached is not None:
        lines += _item(
            f"THE SEARCH WAS LONG AND ENDED AT {_time(found.reached)} MST: GO ON WITH "
            f"END/{datetime.fromtimestamp(found.reached, MST):%Y%m%d@%H%M}"
        )
    for number, item in enumerate(found.items, start=1):
        lines += _item(f"{number}. {_header(item)}")
    more = found.hits - len(found.items)
    if more:
        lines.append(f"AND {more} MORE: ASK FOR LESS AT A TIME")
    return "\n".join(lines)


def render_full(asked: Sequence[tuple[str, ArchiveItem | None]]) -> str:
    """Return the body of an NFR: each reference as asked, with its message where it may be seen.

    None: it is not there (any more), could not be opened, or is not this agency's to see; which of
    them is not said.
    """
    room = FULL_TEXT_CHARS_MAX
    parts: list[str] = []
    for number, (reference, item) in enumerate(asked, start=1):
        if item is None:
            parts.append(f"{number}. {reference}: NOT THERE, OR NOT YOURS TO SEE")
            continue
        lines = _item(f"{number}. {_header(item)}")
        if item.control is not None:
            lines.append(f"{_MORE}CONTROL {item.control}")
        text = plain_text(item.text)
        lines += _wrapped(text[:room])
        if len(text) > room:
            alone = " - ASK FOR IT ALONE" if len(asked) > 1 else ""
            lines.append(f"CUT HERE: {len(text) - room} MORE CHARACTERS{alone}")
        room = max(0, room - len(text))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def render_refusal(error: ComityError) -> str:
    """Return why nothing was searched, with its stable code."""
    return "\n".join(_item(f"ARCHIVE NOT SEARCHED: {error} - {error.code}"))


def _header(item: ArchiveItem) -> str:
    to = " ".join(item.destinations)
    return f"{item.reference} {_time(item.at)} {item.key} {item.source} TO {to}"


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at, MST):%m/%d/%Y %H:%M}"


def _item(text: str) -> list[str]:
    return wrap(text, COLUMNS_MAX, subsequent_indent=_MORE, break_on_hyphens=False)


def _wrapped(text: str) -> list[str]:
    """Return a message's own lines; one that is too long goes on below itself."""
    lines: list[str] = []
    for line in text.split("\n"):
        if len(line) <= COLUMNS_MAX:
            lines.append(line)
        else:
            indent = line[: len(line) - len(line.lstrip(" "))][: COLUMNS_MAX // 2]
            lines += wrap(
                line,
                COLUMNS_MAX,
                subsequent_indent=indent + _MORE,
                break_on_hyphens=False,
                drop_whitespace=True,
                replace_whitespace=False,
            )
    return lines
