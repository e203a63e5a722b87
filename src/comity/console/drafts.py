"""Drafts of questions: what was previewed, kept as it was until it is sent or forgotten.

Guarantee: nothing of a draft changes; it is its author's alone, in the place in which it was made.
Source: docs/adr/0042-asking-in-the-browser.md.
"""

from __future__ import annotations

import base64
from typing import Final

import msgspec

from comity.console.people import Person
from comity.domain.ids import Member
from comity.domain.query import Query
from comity.ports import Entropy
from comity.services.previews import Previewed

__all__ = ["DRAFTS_MAX", "DRAFTS_OF_ONE_MAX", "DRAFT_SECONDS_MAX", "Draft", "Drafts"]

DRAFTS_MAX: Final = 1_024
"""Drafts kept for everybody together; the oldest goes."""
DRAFTS_OF_ONE_MAX: Final = 16
"""Drafts kept for one person; the oldest goes."""
DRAFT_SECONDS_MAX: Final = 1_800
"""How long a draft is kept: as long as a session may be idle."""

_NAME_BYTES: Final = 16
_CONTROL_BYTES: Final = 10
_CONTROL_CHARS: Final = 10

_Author = tuple[Member, str]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A question as it will be sent, the line it will be sent on, and what was told of it.

    `at` is when it was previewed (Unix seconds).
    """

    query: Query
    line: str
    preview: Previewed
    at: int


class Drafts:
    """Keeps drafts by name, in the order of their making."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._kept: dict[str, tuple[_Author, Draft]] = {}

    def draw_control(self) -> str:
        """Return a control field that no other request has: 50 random bits."""
        drawn = base64.b32encode(self._entropy.token(_CONTROL_BYTES)).decode("ascii")
        return drawn[:_CONTROL_CHARS]

    def put(self, person: Person, draft: Draft) -> str:
        """Keep a draft; return its name."""
        drawn = base64.urlsafe_b64encode(self._entropy.token(_NAME_BYTES))
        name = drawn.rstrip(b"=").decode("ascii")
        author = _author(person)
        own = [each for each, (by, _) in self._kept.items() if by == author]
        for each in own[: max(0, len(own) + 1 - DRAFTS_OF_ONE_MAX)]:
            del self._kept[each]
        while len(self._kept) >= DRAFTS_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = author, draft
        return name

    def get(self, person: Person, name: str, now: int) -> Draft | None:
        """Return a person's own draft; None where it is another's, or was forgotten."""
        author, draft = self._kept.get(name, (None, None))
        if draft is None or author != _author(person) or now - draft.at > DRAFT_SECONDS_MAX:
            return None
        return draft


def _author(person: Person) -> _Author:
    return (person.state, person.subject)
